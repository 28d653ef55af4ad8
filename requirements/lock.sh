#!/bin/sh
# Rewrites the hash-locked requirements from pyproject.toml. Needs `uv` on PATH; run after changing a dependency.
# The files hold names, versions and hashes only, so that any package mirror can serve them.
set -eu
cd "$(dirname "$0")/.."
lock() { out=$1; shift
    uv pip compile pyproject.toml "$@" --universal --python-version 3.11 --generate-hashes --quiet \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file "requirements/$out"; }
all=$(mktemp); trap 'rm -f "$all"' EXIT
uv pip compile pyproject.toml --extra ui --extra export --group build --group dev --universal --python-version 3.11 --quiet \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file "$all"
lock core.txt --constraint "$all"
lock ui.txt   --extra ui --extra export --constraint "$all"
lock dev.txt  --extra ui --extra export --group build --group dev --constraint "$all"
printf 'hatchling\neditables\n' | uv pip compile - --universal --python-version 3.11 --generate-hashes --quiet \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links --constraint "$all" --output-file requirements/build.txt

# Only what `make exchange-days` needs: nobody else installs pandas for it.
printf 'exchange-calendars>=4.13\n' | uv pip compile - --universal --python-version 3.11 --generate-hashes --quiet \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file requirements/calendar.txt
