"""Owns how tables leave the database: in batches, with their types, as CSV that no spreadsheet can take for a formula.

Never holds a whole table in memory, nor a snapshot from one batch to the next; never takes a table's name from a user.
Comes from `leadline db export`; goes to one file a table, whole or not at all.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import apsw
import msgspec

from leadline.core.errors import StoreError
from leadline.store.check import TIME_COLUMNS, quoted, table_names
from leadline.store.connection import explained

BATCH_ROWS = 5_000

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A text that begins so can be run by a spreadsheet. Source: OWASP, CSV Injection."""

Value = int | float | str | bytes | None
Row = tuple[Value, ...]
Write = Callable[[list[Row]], None]
"""Appends rows to a file that is open."""


class Column(msgspec.Struct, frozen=True):
    """A column and the type that the schema declares: INTEGER, REAL, TEXT or BLOB."""

    name: str
    kind: str


class Table(msgspec.Struct, frozen=True):
    """A table, its columns, and the columns by which its rows are told apart and ordered."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]


Opener = Callable[[Path, Table], AbstractContextManager[Write]]
"""Opens a file of one format for the rows of one table."""


def tables_of(connection: apsw.Connection) -> list[Table]:
    """Give all tables as the schema has them, SQLite's own left out."""
    return [_table(connection, name) for name in table_names(connection)]


def _table(connection: apsw.Connection, name: str) -> Table:
    info = connection.execute("SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid", (name,)).fetchall()
    is_keyed = connection.execute("SELECT wr FROM pragma_table_list(?) WHERE schema = 'main'", (name,)).get
    primary = sorted((int(str(place)), str(column)) for column, _, place in info if place)
    return Table(
        name,
        tuple(Column(str(column), str(kind).upper()) for column, kind, _ in info),
        tuple(quoted(column) for _, column in primary) if is_keyed else ("rowid",),
    )


def count_rows(connection: apsw.Connection, table: Table, since_ns: int | None) -> int:
    """Count the rows that `batches` gives, as of now."""
    where, values = _since(table, since_ns)
    return int(str(connection.execute(f"SELECT count(*) FROM {quoted(table.name)} WHERE {where}", values).get))  # noqa: S608


def batches(connection: apsw.Connection, path: Path, table: Table, since_ns: int | None) -> Iterator[list[Row]]:
    """Give the rows of a table in the order of its key, each batch by a read of its own.

    With `since_ns` (UTC) only those since then, if rows of this table have a time.

    Raises:
        StoreError: the database is damaged or busy, or a text is no UTF-8.
    """
    keys, marks = ", ".join(table.key), ", ".join("?" * len(table.key))
    columns = ", ".join(quoted(column.name) for column in table.columns)
    where, values = _since(table, since_ns)
    head = f"SELECT {keys}, {columns} FROM {quoted(table.name)} WHERE {where}"  # noqa: S608
    tail = f"ORDER BY {keys} LIMIT {BATCH_ROWS}"
    after: Row = ()
    while True:
        beyond = f"AND ({keys}) > ({marks})" if after else ""
        try:
            with explained(path):
                rows = connection.execute(f"{head} {beyond} {tail}", (*values, *after)).fetchall()
        except UnicodeDecodeError as error:
            raise StoreError(
                f"a text in table {table.name} is no UTF-8 ({error.reason})",
                which=f"DB_PATH={path}",
                expected="rows that leadline wrote",
                do="look at the database with `leadline db check`; no file was made of this table",
            ) from error
        if not rows:
            return
        yield [row[len(table.key) :] for row in rows]
        after = rows[-1][: len(table.key)]


def _since(table: Table, since_ns: int | None) -> tuple[str, Row]:
    column = TIME_COLUMNS.get(table.name)
    if since_ns is None or column is None:
        return "true", ()
    return f"{quoted(column)} >= ?", (since_ns,)


@contextmanager
def csv_file(path: Path, table: Table) -> Iterator[Write]:
    """Open a CSV file: RFC 4180, UTF-8, a line of names first; NULL is an empty cell, bytes are hexadecimal digits."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([_cell(column.name) for column in table.columns])

        def write(rows: Iterable[Row]) -> None:
            writer.writerows([_cell(value) for value in row] for row in rows)

        yield write


def _cell(value: Value) -> Value:
    """Keep numbers numbers, and a text a text: an apostrophe before it keeps a spreadsheet from running it."""
    if isinstance(value, bytes):
        return value.hex()
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
