"""Owns the export: tables of the database in, one file each out.

Never imports pyarrow before somebody asks for Parquet.
Comes from `cli`; goes to `store`, and back as what was written.
"""

import importlib.util
from contextlib import closing
from datetime import date, datetime, time
from pathlib import Path

import apsw
import msgspec

from leadline.core.errors import ConfigurationError
from leadline.core.session import NEW_YORK
from leadline.core.units import NS_PER_S
from leadline.store.check import Progress
from leadline.store.connection import explained, open_reader
from leadline.store.export import Opener, Table, batches, count_rows, csv_file, tables_of
from leadline.store.files import make_directory, whole_file
from leadline.store.schema import refuse_foreign

FORMATS = ("parquet", "csv")


class Exported(msgspec.Struct, frozen=True):
    """A table's file, and the rows in it."""

    table: str
    rows: int
    path: str


class Request(msgspec.Struct, frozen=True):
    """What is wanted: tables (none named: all) in a format, rows since a moment (UTC) where they have a time."""

    db_path: Path
    directory: Path
    tables: tuple[str, ...] = ()
    file_format: str = "parquet"
    since_ns: int | None = None


def day_start_ns(day: date) -> int:
    """Give the midnight in New York with which a day begins, UTC."""
    return int(datetime.combine(day, time.min, NEW_YORK).timestamp()) * NS_PER_S


def export(request: Request, on_progress: Progress) -> list[Exported]:
    """Write tables into a directory, one file each, and give them with their rows.

    Raises:
        ConfigurationError: there is no such table or format, or pyarrow is missing.
        StoreError: the database cannot be read, or a file cannot be written; whole files that are there stay.
    """
    opener = _opener(request.file_format)
    with closing(open_reader(request.db_path)) as source:
        with explained(request.db_path):
            refuse_foreign(source, request.db_path)
            tables = _chosen(tables_of(source), request.tables)
        make_directory(request.directory)
        return [_export(source, request, table, opener, on_progress) for table in tables]


def _chosen(tables: list[Table], names: tuple[str, ...]) -> list[Table]:
    known = {table.name: table for table in tables}
    for name in names:
        if name not in known:
            raise ConfigurationError(
                "there is no such table", which=f"--table {name}", expected=", ".join(known), do="correct --table"
            )
    return [known[name] for name in dict.fromkeys(names)] or tables


def _opener(file_format: str) -> Opener:
    if file_format == "csv":
        return csv_file
    if file_format != "parquet":
        raise ConfigurationError(
            "there is no such format", which=f"--format {file_format}", expected=" or ".join(FORMATS), do="correct it"
        )
    if importlib.util.find_spec("pyarrow") is None:
        raise ConfigurationError(
            "Parquet files need pyarrow, which is not installed",
            which="--format parquet",
            expected="the export extra",
            do='pip install "leadline[export]", or export with --format csv',
        )
    from leadline.store.parquet import parquet_file  # noqa: PLC0415 - nothing else may need pyarrow

    return parquet_file


def _export(source: apsw.Connection, request: Request, table: Table, opener: Opener, on_progress: Progress) -> Exported:
    target = request.directory / f"{table.name}.{request.file_format}"
    with explained(request.db_path):
        total = count_rows(source, table, request.since_ns)
    done = 0
    with whole_file(target) as part, opener(part, table) as write:
        for rows in batches(source, request.db_path, table, request.since_ns):
            write(rows)
            done += len(rows)
            on_progress(table.name, done, max(done, total))
    return Exported(table.name, done, str(target))
