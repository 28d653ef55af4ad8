"""Owns the verbs of the database file: check, backup, restore, export.

Never deletes a row or a file.
Comes from the shell; goes to `app`.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline.cli.told import ConfigFile, DbPath, told

if TYPE_CHECKING:
    from leadline.app.backups import Plan

app = typer.Typer(help="The database file.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")]


@app.command("check")
@told
def db_check(db: DbPath = None, config: ConfigFile = None, as_json: Json = False) -> None:
    """Read every page, index and reference, and say how the database is; grok may be running."""
    from leadline.app.database import check, refuse_damaged
    from leadline.cli.db_lines import health_lines
    from leadline.cli.progress import bar

    plan = _plan(db, config)
    with bar() as on_progress:
        health = check(plan, _now_ns(), on_progress)
    _print(health, list(health_lines(health)), as_json=as_json)
    refuse_damaged(plan, health)


@app.command("backup")
@told
def db_backup(
    to: Annotated[Path | None, typer.Option(help="File or directory, instead of DB_BACKUP_DIR.")] = None,
    db: DbPath = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Copy the database into one file, whole and checked; grok may be running."""
    from leadline.app.database import back_up
    from leadline.cli.progress import bar

    with bar() as on_progress:
        path = back_up(_plan(db, config), to, _now_ns(), on_progress)
    _print({"path": str(path), "size_bytes": path.stat().st_size}, [f"backup {path}"], as_json=as_json)


@app.command("restore")
@told
def db_restore(
    source: Annotated[Path | None, typer.Argument(help="The backup.")] = None,
    newest: Annotated[bool, typer.Option("--newest", help="Take the newest backup of DB_BACKUP_DIR.")] = False,
    db: DbPath = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Put a copy of a backup in the place of the database; what was there is put aside. Grok must not be running."""
    from leadline.app.database import restore_backup
    from leadline.cli.db_lines import restored_lines
    from leadline.cli.progress import bar
    from leadline.core.errors import ConfigurationError

    if (source is None) is not newest:
        raise ConfigurationError(
            "which backup is not said, or said twice",
            which="leadline db restore",
            expected="a file, or --newest",
            do="give one of them",
        )
    plan = _plan(db, config)
    with bar() as on_progress:
        restored = restore_backup(plan, source, _now_ns(), on_progress)
    _print(restored, list(restored_lines(restored, str(plan.db_path))), as_json=as_json)


@app.command("export")
@told
def db_export(  # noqa: PLR0917 - options are given by name
    to: Annotated[Path | None, typer.Option(help="Directory; a new one here if not given.")] = None,
    table: Annotated[list[str] | None, typer.Option(help="Only this table; can be given more than once.")] = None,
    file_format: Annotated[str, typer.Option("--format", help="parquet or csv.")] = "parquet",
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only rows from this New York day on.")
    ] = None,
    db: DbPath = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Write tables into files, one a table, for other programs; grok may be running."""
    from leadline.app.exporting import Request, day_start_ns, export
    from leadline.cli.progress import bar
    from leadline.store.backup import stamp_of

    plan = _plan(db, config)
    directory = to or Path(f"leadline-export-{stamp_of(_now_ns())}")
    since_ns = None if since is None else day_start_ns(since.date())
    with bar() as on_progress:
        written = export(Request(plan.db_path, directory, tuple(table or ()), file_format, since_ns), on_progress)
    _print(written, [f"{one.table.ljust(14)} {one.rows:>12} rows  {one.path}" for one in written], as_json=as_json)


def _plan(db: Path | None, config: Path | None) -> "Plan":
    from leadline.app.backups import plan_of
    from leadline.settings import load

    return plan_of(load({"db_path": db}, toml=config).settings)


def _now_ns() -> int:
    from leadline.clock import SystemClock

    return SystemClock().wall_ns()


def _print(value: object, lines: list[str], *, as_json: bool) -> None:
    import msgspec

    text = msgspec.json.encode(value, enc_hook=str).decode() if as_json else "\n".join(lines)
    typer.echo(text)
