"""Owns the verb that says why a symbol does not alert, or what its last alert came to.

Never writes: it reads the database only, while grok runs and after it ended.
Comes from the shell; goes to `store` and `views`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline.cli.told import ConfigFile, DbPath, told

if TYPE_CHECKING:
    from leadline.views.rows import ProcessRow
    from leadline.views.why import Symbol

NAMES_SHOWN = 40
"""Symbols that an error names."""


@told
def why(
    symbols: Annotated[list[str] | None, typer.Argument(help="Symbols; all of them, one line each, if none.")] = None,
    db: DbPath = None,
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Say why a symbol does not alert: each test of the rule beside its threshold, and what blocks entries."""
    import msgspec

    from leadline.clock import SystemClock
    from leadline.settings import load
    from leadline.views.why import facts, grok_facts, grok_line, short_line, symbol_lines, trading_lines

    path = load({"db_path": db}, toml=config).settings.db_path
    asked = (name.strip().upper() for text in symbols or () for name in text.split(","))
    names = list(dict.fromkeys(name for name in asked if name))
    now_ns = SystemClock().wall_ns()
    process, found = _read(path, names)
    if as_json:
        told_all = {"grok": grok_facts(process, now_ns), "symbols": [facts(one, process, now_ns) for one in found]}
        typer.echo(msgspec.json.encode(told_all).decode())
        return
    lines = [grok_line(process, now_ns), *trading_lines(process, now_ns)]
    if names:
        lines += [line for one in found for line in ("", *symbol_lines(one, process, now_ns))]
    else:
        lines += [short_line(one, process, now_ns) for one in found]
    typer.echo("\n".join(lines))


def _read(path: Path, names: list[str]) -> "tuple[ProcessRow, list[Symbol]]":
    """Read grok's row and the symbols asked for (all of its run, if none) in one snapshot of the file.

    Raises:
        ConfigurationError: a symbol is not streamed.
        NothingYetError: grok has not written anything yet.
    """
    from leadline.core.errors import ConfigurationError
    from leadline.store import judging, queries
    from leadline.views import grok_of
    from leadline.views.why import Symbol

    with queries.reading(path) as connection:
        process = grok_of(queries.processes(connection))
        if process is None:
            raise queries.NothingYetError(
                "grok has not run on this database yet",
                which=f"DB_PATH={path}",
                expected="a database that `leadline grok` writes",
                do="start `leadline grok`, or correct DB_PATH",
            )
        counts = judging.counts_of_run(connection, process.started_ns)
        for name in names:
            if name not in counts:
                raise ConfigurationError(
                    "grok does not stream it",
                    which=f"symbol {name}",
                    expected=f"one of {_some(list(counts)) or 'its symbols, and it has none yet'}",
                    do="correct the symbol, or add it to SYMBOLS and start grok again",
                )
        run_ns = process.started_ns
        found = [
            Symbol(
                name,
                counts[name],
                judging.seen_in_run(connection, name, run_ns),
                judging.last_alert_of(connection, name),
            )
            for name in names or counts
        ]
    return process, found


def _some(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
