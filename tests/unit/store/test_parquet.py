"""A Parquet file has the schema's types and the database's values, or there is none."""

from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from pyarrow import parquet

from leadline.core.errors import StoreError
from leadline.store.connection import open_reader
from leadline.store.export import Column, Row, Table, batches, tables_of
from leadline.store.parquet import parquet_file
from support.filled_db import filled, rows_of


def one_column(kind: str, name: str = "a") -> Table:
    return Table("t", (Column(name, kind),), ("rowid",))


def written(path: Path, table: Table, *rows: Row) -> pa.Table:
    with parquet_file(path, table) as write:
        if rows:
            write(list(rows))
    return parquet.read_table(path)


def test_what_is_read_back_is_what_the_database_holds(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    filled(path, alerts=50)
    connection = open_reader(path)
    for table in tables_of(connection):
        found = written(tmp_path / "t.parquet", table, *[r for b in batches(connection, path, table, None) for r in b])
        as_numbers = [
            column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column for column in found.columns
        ]
        rows = list(zip(*(column.to_pylist() for column in as_numbers), strict=True))
        assert rows == rows_of(path, f"SELECT * FROM {table.name}"), table.name
        assert found.column_names == [column.name for column in table.columns]


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("INTEGER", "qty", pa.int64()),
        ("INTEGER", "recv_ns", pa.timestamp("ns", tz="UTC")),
        ("INTEGER", "boot_ns", pa.int64()),
        ("REAL", "price", pa.float64()),
        ("TEXT", "symbol", pa.string()),
        ("BLOB", "raw", pa.binary()),
        ("", "anything", pa.string()),
    ],
)
def test_columns_have_the_types_of_the_schema(tmp_path: Path, kind: str, name: str, expected: pa.DataType) -> None:
    assert written(tmp_path / "t.parquet", one_column(kind, name)).schema.field(0).type == expected


@pytest.mark.parametrize("value", [-(2**63), 2**63 - 1, None])
def test_whole_numbers_of_64_bits_are_kept(tmp_path: Path, value: int | None) -> None:
    found = written(tmp_path / "t.parquet", one_column("INTEGER"), (value,))
    assert found.column(0).to_pylist() == [value]


@pytest.mark.parametrize(
    ("kind", "value"), [("INTEGER", 1.5), ("INTEGER", "x"), ("TEXT", b"x"), ("TEXT", 1), ("REAL", "1"), ("BLOB", "x")]
)
def test_a_value_of_another_type_than_the_schemas_is_said_and_not_changed(
    tmp_path: Path, kind: str, value: int | float | str | bytes
) -> None:
    """Arrow alone would write 1.5 as 1."""
    with pytest.raises(StoreError, match=rf"column a of table t is {kind} and holds .*--format csv"):
        written(tmp_path / "t.parquet", one_column(kind), (value,))
