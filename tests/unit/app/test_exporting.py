"""An export writes the tables that were asked for, each file whole, and says what is in them."""

import csv
import importlib.util
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from leadline.app.exporting import Request, day_start_ns, export
from leadline.core.errors import ConfigurationError, SchemaError, StoreError
from leadline.store.connection import open_writer
from leadline.store.writer import Writer
from support.filled_db import fatten, filled, names, rows_of
from support.machine import small_disk


def nothing(what: str, done: int, total: int) -> None:
    pass


@pytest.fixture
def path(tmp_path: Path) -> Path:
    filled(tmp_path / "x.db", alerts=3)
    return tmp_path / "x.db"


def cells(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_every_table_gets_a_file(path: Path, tmp_path: Path) -> None:
    written = export(Request(path, tmp_path / "out", file_format="csv"), nothing)
    tables = [str(n) for (n,) in rows_of(path, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    assert names(tmp_path / "out") == [f"{table}.csv" for table in tables]
    assert {one.table: one.rows for one in written}["alerts"] == 3
    assert len(cells(tmp_path / "out" / "alerts.csv")) == 4


def test_only_tables_that_were_named_are_written_and_progress_is_told(path: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    request = Request(path, tmp_path / "out", ("alerts", "fills", "alerts"))
    export(request, lambda what, done, total: told.append((what, done, total)))
    assert names(tmp_path / "out") == ["alerts.parquet", "fills.parquet"]
    assert told == [("alerts", 3, 3)]


def test_text_that_came_from_outside_is_no_formula(path: Path, tmp_path: Path) -> None:
    """F117."""
    writer = Writer(path, 1)
    writer.execute_now("INSERT INTO dispositions VALUES (1, 'live', 'refused', '=cmd|'' /C calc''!A0', -5)")
    writer.close()
    export(Request(path, tmp_path, ("dispositions",), "csv"), nothing)
    assert cells(tmp_path / "dispositions.csv")[1] == ["1", "live", "refused", "'=cmd|' /C calc'!A0", "-5"]


def test_a_day_begins_at_midnight_in_new_york() -> None:
    assert day_start_ns(date(2026, 2, 11)) == 1_770_786_000_000_000_000
    assert day_start_ns(date(2026, 7, 1)) == 1_782_878_400_000_000_000


@pytest.mark.parametrize("name", ["nothing", "alerts; DROP TABLE alerts", "sqlite_schema", ""])
def test_a_table_that_is_none_is_named_with_those_that_are(path: Path, tmp_path: Path, name: str) -> None:
    """F114: a name that a user gives is compared, never put into SQL."""
    with pytest.raises(ConfigurationError, match=r"no such table; expected alerts, baselines"):
        export(Request(path, tmp_path / "out", (name,)), nothing)
    assert not (tmp_path / "out").exists()
    assert rows_of(path, "SELECT count(*) FROM alerts") == [(3,)]


def test_a_format_that_is_none_is_said(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="expected parquet or csv"):
        export(Request(path, tmp_path / "out", file_format="xlsx"), nothing)


def test_without_pyarrow_parquet_is_refused_and_csv_works(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r'needs? pyarrow.*pip install "leadline\[export\]"'):
        export(Request(path, tmp_path / "out"), nothing)
    export(Request(path, tmp_path / "out", file_format="csv"), nothing)


def test_nothing_that_trades_imports_pyarrow() -> None:
    code = (
        "import sys, leadline.app.run, leadline.app.database, leadline.app.exporting; print('pyarrow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_files_that_are_there_are_not_written_over(path: Path, tmp_path: Path) -> None:
    (tmp_path / "alerts.csv").write_text("mine")
    with pytest.raises(StoreError, match="already"):
        export(Request(path, tmp_path, ("alerts",), "csv"), nothing)
    assert (tmp_path / "alerts.csv").read_text() == "mine"


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_a_full_disk_leaves_no_half_file(path: Path, tmp_path: Path, file_format: str) -> None:
    writer = Writer(path, 1)
    for number in range(40):
        noise = os.urandom(50_000).hex()
        writer.execute_now("INSERT INTO counters VALUES (?, ?)", (noise, number))
    writer.close()
    with small_disk(tmp_path / "disk", 1_024) as disk:
        with pytest.raises(StoreError, match=r"counters\..*: this file cannot be written"):
            export(Request(path, disk, ("counters",), file_format), nothing)
        assert names(disk) == []


def test_a_database_of_a_newer_version_is_refused(path: Path, tmp_path: Path) -> None:
    connection = open_writer(path)
    connection.pragma("user_version", 999)
    connection.close()
    with pytest.raises(SchemaError):
        export(Request(path, tmp_path / "out"), nothing)


def test_a_table_of_long_rows_is_whole(path: Path, tmp_path: Path) -> None:
    fatten(path, 2)
    [written] = export(Request(path, tmp_path / "out", ("counters",), "csv"), nothing)
    assert [[written.rows]] == [list(row) for row in rows_of(path, "SELECT count(*) FROM counters")]
    assert len(cells(tmp_path / "out" / "counters.csv")) == written.rows + 1
