"""Owns Parquet files: the schema's types as Arrow types, times as UTC timestamps of nanoseconds.

Never is imported by what trades: it needs pyarrow, from the extra `export`.
Comes from `leadline db export`; goes to one file a table.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
from pyarrow import parquet

from leadline.core.errors import StoreError
from leadline.store.export import Column, Row, Table, Write

_KINDS = {
    "INTEGER": (int, pa.int64()),
    "REAL": (float, pa.float64()),
    "TEXT": (str, pa.string()),
    "BLOB": (bytes, pa.binary()),
}
_UTC = pa.timestamp("ns", tz="UTC")


@contextmanager
def parquet_file(path: Path, table: Table) -> Iterator[Write]:
    """Open a Parquet file for the rows of a table."""
    schema = pa.schema([(column.name, _type_of(column)) for column in table.columns])
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:

        def write(rows: list[Row]) -> None:
            arrays = [
                _array(values, column, table)
                for values, column in zip(zip(*rows, strict=True), table.columns, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))

        yield write


def _type_of(column: Column) -> "pa.DataType":
    return _UTC if _is_utc(column) else _KINDS.get(column.kind, _KINDS["TEXT"])[1]


def _is_utc(column: Column) -> bool:
    # boot_ns counts from the machine's start, not from 1970.
    return column.kind == "INTEGER" and column.name.endswith("_ns") and column.name != "boot_ns"


def _array(values: Row, column: Column, table: Table) -> "pa.Array":
    wanted, arrow = _KINDS.get(column.kind, _KINDS["TEXT"])
    # Asked here, because Arrow makes 1.5 a 1 without a word.
    wrong = [value for value in values if value is not None and type(value) is not wanted]
    if wrong:
        raise StoreError(
            f"column {column.name} of table {table.name} is {column.kind} and holds {wrong[0]!r}",
            expected="rows that leadline wrote",
            do="export this table as CSV (--format csv); no Parquet file was made of it",
        )
    return pa.array(values, _UTC if _is_utc(column) else arrow)
