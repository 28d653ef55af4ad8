"""Rows leave the database as they are: no spreadsheet runs one, none is lost or twice, types stay types."""

import csv
import io
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.errors import StoreError
from leadline.store.export import (
    BATCH_ROWS,
    Column,
    Row,
    Table,
    batches,
    count_rows,
    csv_file,
    tables_of,
)

TABLE = Table("t", (Column("a", "TEXT"), Column("b", "INTEGER"), Column("c", "REAL"), Column("d", "BLOB")), ("rowid",))


def written(path: Path, *rows: Row) -> bytes:
    with csv_file(path, TABLE) as write:
        write(list(rows))
    return path.read_bytes()


def database(*statements: str) -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    for statement in statements:
        connection.execute(statement)
    return connection


def all_rows(connection: apsw.Connection, table: Table, since_ns: int | None = None) -> list[Row]:
    return [row for batch in batches(connection, Path("x.db"), table, since_ns) for row in batch]


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "="])
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(tmp_path: Path, text: str) -> None:
    content = written(tmp_path / "t.csv", (text, 1, 1.5, None)).decode()
    [_, row] = csv.reader(io.StringIO(content, newline=""))
    assert row[0] == f"'{text}"


def test_numbers_stay_numbers_and_lines_are_those_of_rfc_4180(tmp_path: Path) -> None:
    content = written(tmp_path / "t.csv", ('é, "x"\nz', -5, -0.1, b"\x00\xff"), (None, 2**63 - 1, 1e300, None))
    assert content == (b'a,b,c,d\r\n"\xc3\xa9, ""x""\nz",-5,-0.1,00ff\r\n,9223372036854775807,1e+300,\r\n')


def test_a_column_name_is_a_text_too(tmp_path: Path) -> None:
    table = Table("t", (Column("=a", "TEXT"),), ("rowid",))
    with csv_file(tmp_path / "t.csv", table):
        pass
    assert (tmp_path / "t.csv").read_bytes() == b"'=a\r\n"


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=5))
def test_any_text_comes_back_but_for_the_apostrophe(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    content = written(path, *[(text, 1, 1.0, None) for text in texts]).decode()
    found = [row[0] for row in csv.reader(io.StringIO(content, newline=""))][1:]
    for text, cell in zip(texts, found, strict=True):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        assert cell in (text, f"'{text}")


@pytest.mark.parametrize("count", [0, 1, BATCH_ROWS - 1, BATCH_ROWS, BATCH_ROWS + 1, 2 * BATCH_ROWS + 7])
@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t (a INTEGER, b TEXT)",
        "CREATE TABLE t (a INTEGER, b TEXT, PRIMARY KEY (b, a)) WITHOUT ROWID",
        'CREATE TABLE "t" ("a" INTEGER PRIMARY KEY, "b" TEXT)',
    ],
)
def test_every_row_comes_once_over_all_batches(sql: str, count: int) -> None:
    connection = database(sql)
    rows = [(number, f"{number % 7}") for number in range(count)]
    connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
    [table] = tables_of(connection)
    assert sorted(all_rows(connection, table), key=str) == sorted(rows, key=str)
    assert count_rows(connection, table, None) == count
    assert all(len(batch) <= BATCH_ROWS for batch in batches(connection, Path("x.db"), table, None))


def test_between_two_batches_no_snapshot_is_held() -> None:
    """One that is held keeps the WAL from being cut."""
    connection = database("CREATE TABLE t (a)")
    connection.executemany("INSERT INTO t VALUES (?)", [(1,)] * (BATCH_ROWS + 1))
    [table] = tables_of(connection)
    for _ in batches(connection, Path("x.db"), table, None):
        assert connection.txn_state() == apsw.SQLITE_TXN_NONE


def test_names_that_sql_would_read_as_more_are_names() -> None:
    connection = database('CREATE TABLE "a""; DROP TABLE t; --" ("x y" TEXT, "select" INTEGER)', "CREATE TABLE t (a)")
    connection.execute('INSERT INTO "a""; DROP TABLE t; --" VALUES (?, ?)', ("one", 1))
    tables = {table.name: table for table in tables_of(connection)}
    assert set(tables) == {'a"; DROP TABLE t; --', "t"}
    assert all_rows(connection, tables['a"; DROP TABLE t; --']) == [("one", 1)]
    assert all_rows(connection, tables["t"]) == []


def test_rows_since_a_moment_are_those_of_its_nanosecond_and_later() -> None:
    connection = database("CREATE TABLE fills (fill_ns INTEGER)", "CREATE TABLE counters (name TEXT)")
    connection.execute("INSERT INTO fills VALUES (9), (10), (11)")
    connection.execute("INSERT INTO counters VALUES ('timeless')")
    counters, fills = tables_of(connection)
    assert all_rows(connection, fills, 10) == [(10,), (11,)]
    assert count_rows(connection, fills, 10) == 2
    assert all_rows(connection, counters, 10) == [("timeless",)]


def test_a_text_that_is_no_utf_8_is_said_with_its_table() -> None:
    connection = database("CREATE TABLE t (a TEXT)", "INSERT INTO t VALUES (CAST(x'ff' AS TEXT))")
    [table] = tables_of(connection)
    with pytest.raises(StoreError, match="a text in table t is no UTF-8"):
        all_rows(connection, table)
