"""What is wrong with a database is found, wherever it is; what is in it is counted."""

import shutil
from pathlib import Path

import apsw
import pytest

from leadline.core.errors import StoreError
from leadline.store.backup import copy_database
from leadline.store.check import TIME_COLUMNS, contents_of, full_check, quick_check, table_names
from leadline.store.connection import open_reader, open_writer
from leadline.store.restore import check_source
from support.filled_db import PAGE_BYTES, fatten, filled, flip_page, rows_of
from support.ui_store import NOON_NS


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound database in one file."""
    directory = tmp_path_factory.mktemp("sound")
    filled(directory / "wal.db", alerts=400)
    source = open_reader(directory / "wal.db")
    copy_database(source, directory / "sound.db")
    source.close()
    return directory / "sound.db"


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sound, tmp_path / "x.db"))


def nothing(what: str, done: int, total: int) -> None:
    pass


def problems_of(path: Path) -> list[str]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return full_check(connection, nothing)
    finally:
        connection.close()


def test_a_sound_database_has_no_problem(path: Path) -> None:
    assert quick_check(open_reader(path)) == []
    assert problems_of(path) == []


def test_every_page_that_is_used_is_looked_at(path: Path) -> None:
    """Bits are turned in each page in turn; each time it is found."""
    whole = path.read_bytes()
    pages = len(whole) // PAGE_BYTES
    missed = []
    for page in range(1, pages):
        path.write_bytes(whole)
        flip_page(path, page)
        if not problems_of(path):
            missed.append(page + 1)
    path.write_bytes(whole)
    assert pages > 30
    assert missed == []


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_a_cut_file_is_found(path: Path, keep: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    assert problems_of(path)


def test_an_index_that_lacks_a_row_is_found_by_the_full_check_only(path: Path) -> None:
    """Every page is well-formed, and yet a query by symbol does not find the row."""
    connection = open_writer(path)
    connection.pragma("writable_schema", True)
    sql = "UPDATE sqlite_schema SET sql = replace(sql, '(symbol, id)', '(direction, id)') WHERE name = 'alerts_symbol'"
    connection.execute(sql)
    connection.close()
    found = problems_of(path)
    assert "row 1 missing from index alerts_symbol" in found
    assert quick_check(open_reader(path)) == []


def test_a_reference_to_a_row_that_is_gone_is_found(path: Path) -> None:
    connection = open_writer(path)
    connection.pragma("foreign_keys", False)
    connection.execute("CREATE TABLE notes (alert_id INTEGER REFERENCES alerts (id))")
    connection.execute("INSERT INTO notes VALUES (999999)")
    connection.close()
    assert problems_of(path) == ["row 1 of notes refers to a row that alerts does not have"]


def test_the_progress_function_hears_of_every_table_and_can_end_the_check(path: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    connection = open_reader(path)
    full_check(connection, lambda what, done, total: heard.append((what, done, total)))
    tables = table_names(connection)
    assert [what for what, _, _ in heard if what not in {"pages", "tables"}] == tables
    assert heard[0] == ("pages", 0, 0)
    assert heard[-1] == ("tables", len(tables), len(tables))

    def stop(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        full_check(connection, stop)


def test_a_long_check_is_heard_of_while_it_runs(path: Path) -> None:
    fatten(path, 1)
    filled(path, alerts=3_000, first=1_000)
    heard: list[str] = []
    full_check(open_reader(path), lambda what, done, total: heard.append(what))
    assert heard.count("alerts") > 1


def test_contents_are_counted(path: Path) -> None:
    contents = contents_of(open_reader(path))
    assert contents.rows["alerts"] == 400
    assert contents.newest_ns["alerts"] == NOON_NS + 400 * 1_000_000_000
    assert "fills" not in contents.newest_ns
    assert contents.alert_id == 400
    assert [(contents.commits,)] == rows_of(path, "SELECT value FROM counters WHERE name = 'commits'")
    assert contents.commits > 0


def test_the_highest_id_is_the_reserved_one_where_that_is_higher(path: Path) -> None:
    connection = open_writer(path)
    connection.execute("INSERT INTO counters VALUES ('alert_id', 2000)")
    assert contents_of(connection).alert_id == 2_000


def test_every_table_with_a_time_is_known_by_it(path: Path) -> None:
    """`--since` and the newest times rest on it: a new table belongs into TIME_COLUMNS."""
    connection = open_reader(path)
    for table in table_names(connection):
        columns = {row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))}
        has_time = any(str(column).endswith("_ns") for column in columns)
        assert (table in TIME_COLUMNS) is has_time, table
        assert not has_time or TIME_COLUMNS[table] in columns


def test_a_file_that_is_no_backup_is_refused_with_its_own_name(path: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("dear diary\n" * 1_000)
    (tmp_path / "empty.db").touch()
    foreign = apsw.Connection(str(tmp_path / "foreign.db"))
    foreign.execute("CREATE TABLE alerts (id INTEGER PRIMARY KEY)")
    foreign.close()
    hollow = apsw.Connection(str(tmp_path / "hollow.db"))
    hollow.execute("CREATE TABLE t (a)")
    hollow.execute("DROP TABLE t")
    hollow.close()
    for name in ("notes.txt", "empty.db", "foreign.db", "hollow.db", "none.db", ""):
        with pytest.raises(StoreError) as told:
            check_source(tmp_path / name, nothing)
        assert str(tmp_path / name) in str(told.value), name
    assert check_source(path, nothing).rows["alerts"] == 400
