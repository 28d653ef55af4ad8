"""The open file: it stays the one that its path names, its WAL stays short, and no row is lost when either fails."""

import contextlib
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from time import sleep

import apsw
import pytest

from leadline.store import database as database_module
from leadline.store.database import Database
from leadline.store.mark import mark_path, read_mark
from leadline.store.writer import Writer

MIB = 1024 * 1024


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(path, 1)
    yield database
    database.close()


def insert(number: int, size: int = 10) -> tuple[str, tuple[str, int]]:
    return "INSERT INTO counters VALUES (?, ?)", (f"{number:0{size}}", number)


def numbers(path: Path) -> list[int]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    found = [row[0] for row in connection.execute("SELECT value FROM counters WHERE name GLOB '0*' ORDER BY name")]
    connection.close()
    return found


def test_each_commit_is_counted_in_the_file_and_in_its_mark(database: Database, path: Path) -> None:
    for number in range(3):
        database.commit([insert(number)])
        assert database.connection.execute("SELECT value FROM counters WHERE name = 'commits'").get == number + 1
        mark = read_mark(mark_path(path))
        assert mark is not None
        assert mark.commits == number + 1


def test_a_commit_that_fails_is_counted_nowhere(database: Database, path: Path) -> None:
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    database.connection.set_busy_timeout(0)
    with pytest.raises(apsw.BusyError):
        database.commit([insert(1)])
    other.close()
    database.commit([insert(2)])
    assert numbers(path) == [2]
    mark = read_mark(mark_path(path))
    assert mark is not None
    assert mark.commits == 1


def test_a_commit_that_waits_for_a_lock_lets_the_event_loop_run(database: Database, path: Path) -> None:
    """Python's own lock is not held meanwhile: else nothing would be counted here until the commit gave up."""
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    database.connection.set_busy_timeout(1_000)
    failed = threading.Event()

    def commit() -> None:
        with contextlib.suppress(apsw.BusyError):
            database.commit([insert(1)])
        failed.set()

    thread = threading.Thread(target=commit)
    thread.start()
    turns = 0
    while not failed.wait(0.001):
        turns += 1
    thread.join()
    other.close()
    assert turns > 20


def lose(path: Path, how: str) -> None:
    """What people and their programs do to a file that is in use."""
    if how == "removed":
        path.unlink()
    elif how == "moved":
        path.rename(path.with_name("moved.db"))
    elif how == "replaced":
        shutil.copy(path, path.with_name("copy"))
        path.with_name("copy").replace(path)
    elif how == "directory moved":
        path.parent.rename(path.parent.with_name("gone"))
        path.parent.mkdir()
    else:
        path.with_name("x.db-wal").unlink()


@pytest.mark.parametrize("how", ["removed", "moved", "replaced", "wal removed", "directory moved"])
def test_rows_of_a_file_that_is_lost_go_to_a_whole_copy_beside_it(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "home").mkdir()
    path = tmp_path / "home" / "x.db"
    database = Database(path, 1)
    for number in range(5):
        database.keep_place()
        database.commit([insert(number)])
    lose(path, how)
    for number in range(5, 9):
        database.keep_place()
        database.commit([insert(number)])
    assert database.path == path.with_name("x.db.rescued-1")
    assert database.lost is not None
    assert "removed or replaced" in database.lost
    assert caplog.text.count("nothing is lost") == 1
    database.close()
    assert numbers(database.path) == list(range(9))


def test_a_second_loss_does_not_write_over_the_first_copy(path: Path) -> None:
    database = Database(path, 1)
    database.commit([insert(1)])
    path.with_name("x.db.rescued-1").write_text("precious")
    path.unlink()
    database.keep_place()
    database.close()
    assert path.with_name("x.db.rescued-1").read_text() == "precious"
    assert numbers(path.with_name("x.db.rescued-2")) == [1]


def test_a_writer_goes_on_in_the_copy_and_says_so_until_its_end(path: Path) -> None:
    writer = Writer(path, 1)
    writer.start()
    writer.put(insert(1))
    assert writer.flush(10)
    assert writer.error is None
    path.unlink()
    writer.put(insert(2))
    assert writer.flush(10)
    assert writer.error is not None
    assert "removed or replaced" in writer.error
    writer.close()
    assert numbers(path.with_name("x.db.rescued-1")) == [1, 2]


def fill_wal(database: Database, mib: int) -> None:
    """Grow the WAL by so much, as states of many symbols do."""
    for _ in range(mib):
        database.commit([("INSERT OR REPLACE INTO counters VALUES ('big', zeroblob(?))", (MIB,))])
        database.watch_wal()


def test_the_wal_is_cut_once_it_is_long(database: Database) -> None:
    longest = 0
    for _ in range(8):
        fill_wal(database, 10)
        longest = max(longest, database.wal.size_bytes)
    assert longest < database_module.WAL_LONG_BYTES + 2 * MIB
    assert not database.wal.is_pinned


def test_a_reader_that_keeps_the_wal_long_is_said_once_and_its_end_cuts_it(
    database: Database, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    reader = apsw.Connection(str(path))
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM counters").fetchall()
    fill_wal(database, 40)
    assert database.wal.is_pinned
    assert caplog.text.count("end that program") == 1
    reader.execute("COMMIT")
    reader.close()
    fill_wal(database, 1)
    assert not database.wal.is_pinned
    assert database.wal.size_bytes < 2 * MIB
    assert "is short again" in caplog.text


def test_states_give_way_while_a_reader_keeps_the_wal_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "WAL_LONG_BYTES", 1)
    writer = Writer(path, 1)
    reader = apsw.Connection(str(path))
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM counters").fetchall()
    writer.start()
    writer.put(insert(1))
    assert writer.flush(10)
    assert writer.flush(10)
    assert writer.wal.is_pinned
    for number in range(20):
        writer.put_state("state", ("INSERT OR REPLACE INTO counters VALUES ('state', ?)", (number,)))
        writer.put(insert(2 + number))
        assert writer.flush(10)
    looked = apsw.Connection(str(path)).execute("SELECT value FROM counters WHERE name = 'state'").get
    assert looked in (None, 0), "at most one of them, for the first seconds"
    assert len(numbers(path)) == 21, "records never give way"
    reader.close()
    writer.close()
    assert apsw.Connection(str(path)).execute("SELECT value FROM counters WHERE name = 'state'").get == 19


def test_of_states_that_wait_the_newest_is_written(path: Path) -> None:
    writer = Writer(path, 1)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    writer.start()
    for number in range(50_000):
        writer.put_state(
            f"s{number % 5}", ("INSERT OR REPLACE INTO counters VALUES (?, ?)", (f"0{number % 5}", number))
        )
    while writer.error is None:
        sleep(0.01)
    writer.put_state("s0", ("INSERT OR REPLACE INTO counters VALUES ('00', -1)", ()))
    other.close()
    writer.close()
    assert numbers(path) == [-1, 49_996, 49_997, 49_998, 49_999]
