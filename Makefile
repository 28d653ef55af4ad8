# leadline: `make` lists what there is. Everything is installed into .venv, from hash-locked files.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
.DEFAULT_GOAL := help
.PHONY: help install demo test check slow bench format exchange-days clean

help:
	@echo 'make demo     run it all on this machine against a simulated broker (DEMO_SECONDS=30 ends by itself)'
	@echo 'make test     every check: format, lint, types, import contracts, all tests'
	@echo 'make check    the quick part of them, under two minutes'
	@echo 'make chaos    seeded schedules of faults, hand trades and restarts (N=10000; SEED=142 shows one with its log)'
	@echo 'make bench    speed, as ratios measured side by side (docs/speed.md)'
	@echo 'make install  leadline with its dashboard, into .venv'
	@echo 'make format   write the format that `make check` asks for'
	@echo 'make exchange-days   write anew which days the exchange is closed or closes early (once a year)'

install: .venv/installed-ui

demo: .venv/installed-ui
	@$(BIN)/leadline demo

test: check slow

check: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -m 'not slow' -n 3

slow: .venv/installed-dev
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
		echo 'WARNING: no Chromium on this machine: the browser tests DO NOT RUN (Debian: apt-get install chromium)'
	$(BIN)/pytest -m slow -n 2 --dist worksteal

N ?= 1000
FIRST ?= 0
chaos: .venv/installed-dev
	@PYTHONPATH=tests $(BIN)/python -m schedules $(if $(SEED),--seed $(SEED),--schedules $(N) --first $(FIRST))

bench: .venv/installed-dev
	@PYTHONPATH=tests $(BIN)/python -m bench

format: .venv/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

exchange-days: .venv/calendar/installed
	.venv/calendar/bin/python requirements/exchange_days.py > .venv/calendar/exchange_table.py
	cp .venv/calendar/exchange_table.py src/leadline/core/exchange_table.py

clean:
	rm -rf .venv

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo 'leadline needs Python 3.11 or newer as $(PYTHON), or as PYTHON=... (Debian 12: apt-get install python3 python3-venv)'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo 'the venv module is missing: apt-get install python3-venv'; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/installed-ui: .venv/bin/python requirements/ui.txt requirements/build.txt pyproject.toml
	@echo 'installing leadline and its dashboard into .venv (once, about a minute) ...'
	@$(PIP) -r requirements/ui.txt -r requirements/build.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

.venv/installed-dev: .venv/installed-ui requirements/dev.txt
	@echo 'installing the tools of the tests ...'
	@$(PIP) -r requirements/dev.txt
	@touch $@

# The calendar library brings pandas: it lives apart from what runs and from what tests.
.venv/calendar/installed: .venv/bin/python requirements/calendar.txt
	@$(BIN)/python -m venv .venv/calendar
	@.venv/calendar/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/calendar.txt
	@touch $@
