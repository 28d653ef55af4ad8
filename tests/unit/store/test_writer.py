"""The one thread that writes: grouped, in order, never blocking its caller, and forgetting nothing."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any

import apsw
import pytest

from leadline.core.errors import StoreError
from leadline.store import writer as writer_module
from leadline.store.database import Database
from leadline.store.spill import Statement
from leadline.store.writer import COMMIT_INTERVAL_S, Writer
from support.machine import child, fill_up, killed, said, small_disk, wait_until

BATCH = 3_000

HOLD_A_WHILE = """
import sys, time, apsw
connection = apsw.Connection(sys.argv[1])
connection.set_busy_timeout(10_000)
connection.execute("BEGIN IMMEDIATE")
print("held")
time.sleep(float(sys.argv[2]))
connection.execute("COMMIT")
print("freed")
sys.stdin.readline()
"""

HOLD_UNTIL_TOLD = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
connection.set_busy_timeout(10_000)
connection.execute("BEGIN IMMEDIATE")
print("held")
sys.stdin.readline()
connection.execute("COMMIT")
print("freed")
sys.stdin.readline()
"""

WRITE_FOR_EVER = """
import itertools, sys, time
from pathlib import Path
from leadline.store.writer import Writer
writer = Writer(Path(sys.argv[1]), 1)
writer.execute_now("CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY)")
[(last,)] = writer.execute_now("SELECT coalesce(max(a), 0) FROM t")
writer.start()
for number in itertools.count(last + 1):
    writer.put(("INSERT INTO t VALUES (?)", (number,)), lambda number=number: print(number))
    time.sleep(0.0005)
"""

SPILL_AND_WAIT = """
import sys, time, apsw
from pathlib import Path
from leadline.store import writer as writer_module
from leadline.store.writer import Writer
writer_module.MEMORY_MAX = 100
path = Path(sys.argv[1])
writer = Writer(path, 1)
writer.execute_now("CREATE TABLE t (a)")
holder = apsw.Connection(str(path))
holder.execute("BEGIN IMMEDIATE")
writer.start()
for number in range(300):
    writer.put(("INSERT INTO t (a) VALUES (?)", (number,)))
while len(writer._queue) > 100:
    time.sleep(0.01)
print("spilled")
sys.stdin.readline()
"""

FULL_BY_LIMIT = """
import resource, sys, time
from pathlib import Path
from leadline.store.writer import Writer
path = Path(sys.argv[1])
writer = Writer(path, 1)
writer.execute_now("CREATE TABLE t (a, b)")
size = path.with_name(path.name + "-wal").stat().st_size
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 8_192, hard))
writer.start()
for number in range(100):
    writer.put(("INSERT INTO t VALUES (?, ?)", (number, "x" * 1_000)))
while writer.error is None:
    time.sleep(0.01)
print(writer.waiting_count)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
writer.close(30)
print(writer.error)
"""


def insert(number: Any) -> Statement:
    return "INSERT INTO t (a) VALUES (?)", (number,)


def numbers(path: Path) -> list[object]:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(10_000)
    found = [row[0] for row in connection.execute("SELECT a FROM t ORDER BY rowid")]
    connection.close()
    return found


def a_writer(path: Path, column: str = "a") -> Writer:
    writer = Writer(path, 1)
    writer.execute_now(f"CREATE TABLE IF NOT EXISTS t ({column})")
    writer.start()
    return writer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    writer = a_writer(path, "a INTEGER PRIMARY KEY CHECK (a != 13)")
    yield writer
    writer.close()


def test_rows_are_written_in_the_order_in_which_they_were_put(path: Path) -> None:
    writer = a_writer(path)
    order = list(range(12_345))
    Random(1).shuffle(order)
    for number in order:
        writer.put(insert(number))
    writer.close()
    assert numbers(path) == order


def test_a_row_is_on_disk_within_the_commit_interval(writer: Writer) -> None:
    """The best of a few tries: a busy machine may pause any one of them."""
    waits_s = []
    for number in range(20, 26):
        committed = threading.Event()
        begun = monotonic()
        writer.put(insert(number), committed.set)
        assert committed.wait(10)
        waits_s.append(monotonic() - begun)
    assert min(waits_s) < COMMIT_INTERVAL_S + 0.02
    assert COMMIT_INTERVAL_S <= 0.05


def test_rows_that_come_close_together_are_one_commit(writer: Writer, path: Path) -> None:
    """A reader that counts the versions of the file sees one change, not a hundred."""
    reader = apsw.Connection(str(path))
    assert writer.flush(10)
    before = reader.pragma("data_version")
    seen = set()
    for number in range(100, 200):
        writer.put(insert(number))
    while writer.waiting_count:
        seen.add(reader.pragma("data_version"))
    seen.add(reader.pragma("data_version"))
    assert len(seen - {before}) == 1


def test_whoever_waits_for_a_commit_is_told_after_it_and_in_order(writer: Writer, path: Path) -> None:
    told: list[tuple[int, bool]] = []
    for number in (3, 1, 2):
        writer.put(insert(number), lambda n=number: told.append((n, n in numbers(path))))  # type: ignore[misc]
    assert writer.flush(10)
    assert told == [(3, True), (1, True), (2, True)]


def test_a_fault_of_whoever_waits_does_not_end_the_writing(
    writer: Writer, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("not mine")

    writer.put(insert(1), fail)
    writer.put(insert(2))
    assert writer.flush(10)
    writer.put(insert(3))
    assert writer.flush(10)
    assert numbers(path) == [1, 2, 3]
    assert "not mine" in caplog.text


@pytest.mark.parametrize(
    "bad",
    [
        insert(13),
        insert(1),
        insert("text"),
        insert(2**63),
        insert("\ud800"),
        insert([1]),
        ("INSERT INTO t VALUES (?)", (1, 2)),
        ("INSERT INTO nothing VALUES (1)", ()),
        ("NO SQL", ()),
    ],
)
def test_a_row_that_can_never_be_written_is_said_whole_and_does_not_hold_up_the_others(
    writer: Writer, path: Path, bad: Statement, caplog: pytest.LogCaptureFixture
) -> None:
    writer.put(insert(1))
    writer.put(bad)
    writer.put(insert(2))
    assert writer.flush(10)
    assert numbers(path) == [1, 2]
    assert writer.error is None
    assert "row refused" in caplog.text
    assert bad[0] in caplog.text


def test_a_lock_that_another_process_holds_loses_nothing_and_makes_nobody_wait(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = a_writer(path)
    with child(HOLD_UNTIL_TOLD, path) as holder:
        assert said(holder) == "held"
        for number in range(BATCH):
            writer.put(insert(number))  # a put that waited for the lock would wait for ever: it is freed below
        wait_until(lambda: writer.error is not None)
        assert writer.waiting_count == BATCH
        assert holder.stdin is not None
        holder.stdin.write("free it\n")
        holder.stdin.flush()
        assert said(holder) == "freed"
        wait_until(lambda: writer.waiting_count == 0)
    assert writer.error is None
    writer.close()
    assert numbers(path) == list(range(BATCH))
    assert caplog.text.count("kept and tried again") == 1, "said once, not at each try"
    assert "work again" in caplog.text


def test_closing_waits_for_a_lock_that_is_freed_in_time(path: Path) -> None:
    writer = a_writer(path)
    with child(HOLD_A_WHILE, path, 2.5) as holder:
        assert said(holder) == "held"
        writer.put(insert(1))
        writer.close(10)
    assert numbers(path) == [1]


def test_closing_with_a_lock_that_stays_leaves_the_rows_to_the_next_start(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = a_writer(path)
    with child(HOLD_A_WHILE, path, 60) as holder:
        assert said(holder) == "held"
        for number in range(7):
            writer.put(insert(number))
        begun = monotonic()
        writer.close(0.5)
        assert monotonic() - begun < 30, "it waited for the lock, which is held for 60 s"
    assert "7 rows wait in" in caplog.text
    assert "locked" in caplog.text
    Writer(path, 2).close()
    assert numbers(path) == list(range(7))
    assert "7 rows that an earlier run could not write are in" in caplog.text
    assert not path.with_name("x.db.spill").exists()


def test_what_comes_after_the_end_is_said(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = a_writer(path)
    writer.close()
    writer.put(insert("late"))
    assert writer.refused_count == 1
    assert "the writer is closed" in caplog.text
    assert "late" in caplog.text


def test_a_full_disk_keeps_the_rows_until_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 2_048) as disk:
        path = disk / "x.db"
        writer = a_writer(path)
        ballast = fill_up(disk)
        for number in range(BATCH):
            writer.put(insert(number))
        wait_until(lambda: writer.error is not None)
        assert "full" in str(writer.error)
        sleep(1.2)
        assert writer.waiting_count == BATCH, "tried again and still there"
        writer.put(insert(BATCH))
        ballast.unlink()
        wait_until(lambda: writer.waiting_count == 0)
        writer.close()
        assert numbers(path) == list(range(BATCH + 1))


def test_closing_with_a_full_disk_says_how_many_rows_are_lost_and_the_file_is_sound(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 2_048) as disk:
        path = disk / "x.db"
        writer = a_writer(path)
        writer.put(insert("before"))
        assert writer.flush(10)
        ballast = fill_up(disk)
        for number in range(BATCH):
            writer.put(insert(number))
        with pytest.raises(StoreError, match=rf"{BATCH} rows could not be written \(.*full.*\), nor kept in .*spill"):
            writer.close(1.5)
        ballast.unlink()
        assert numbers(path) == ["before"]


def test_a_file_that_may_not_grow_keeps_the_rows_until_it_may(path: Path) -> None:
    """The same without a disk of its own: a limit on the size of files, in a process that can be spared."""
    with child(FULL_BY_LIMIT, path) as process:
        assert said(process) == "100"
        assert said(process) == "None"
    assert numbers(path) == list(range(100))


def test_too_many_rows_are_refused_counted_and_said(
    monkeypatch: pytest.MonkeyPatch, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer_module, "QUEUE_MAX", 5)
    writer = Writer(path, 1)
    writer.execute_now("CREATE TABLE t (a)")
    for number in range(8):
        writer.put(insert(number))
    assert (writer.waiting_count, writer.refused_count) == (5, 3)
    assert caplog.text.count("rows for") == 1
    told: list[int] = []
    writer.put(insert(99), lambda: told.append(99))
    writer.start()
    writer.close()
    assert told == [99], "a row that somebody waits for is always taken"
    assert numbers(path) == [0, 1, 2, 3, 4, 99]


def test_flush_tells_whether_all_is_on_disk(writer: Writer, path: Path) -> None:
    writer.put(insert(5))
    assert writer.flush(10)
    assert numbers(path) == [5]
    with child(HOLD_A_WHILE, path, 1) as holder:
        assert said(holder) == "held"
        writer.put(insert(6))
        assert not writer.flush(0.2)
        assert writer.flush(10)


def test_a_writer_that_was_never_started_closes(path: Path) -> None:
    Writer(path, 1).close()
    unstarted = Writer(path, 1)
    unstarted.put(("SELECT 1", ()))
    unstarted.close()
    assert unstarted.waiting_count == 1, "left to the next start"


def test_a_statement_before_the_start_that_meets_a_lock_is_explained(path: Path) -> None:
    writer = Writer(path, 1)
    writer.execute_now("CREATE TABLE t (a)")
    with child(HOLD_A_WHILE, path, 60) as holder:
        assert said(holder) == "held"
        with pytest.raises(StoreError, match="another program holds this database"):
            writer.execute_now(*insert(1))
    writer.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="NOT TESTED: this system does not list open files")
def test_a_file_that_cannot_be_migrated_is_closed_again(path: Path) -> None:
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE other_program (a)")
    other.close()
    with pytest.raises(StoreError) as told:
        Writer(path, 1)
    # The traceback would keep a connection alive that nobody closed.
    open_files = [str(fd.readlink()) for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()]
    assert str(path) not in open_files
    assert told.value is not None


def test_a_reader_that_stays_in_its_snapshot_does_not_hold_up_the_writer(writer: Writer, path: Path) -> None:
    reader = apsw.Connection(str(path))
    reader.execute("BEGIN")
    assert list(reader.execute("SELECT count(*) FROM t")) == [(0,)]
    for number in range(50, 60):
        writer.put(insert(number))
    assert writer.flush(10)
    assert list(reader.execute("SELECT count(*) FROM t")) == [(0,)]
    reader.execute("COMMIT")
    assert list(reader.execute("SELECT count(*) FROM t")) == [(10,)]


def test_a_kill_at_any_moment_leaves_a_sound_file_with_all_that_was_committed(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    dice = Random(2)
    for _ in range(6):
        with child(WRITE_FOR_EVER, path) as process:
            assert said(process)
            sleep(dice.random() * 0.15)
            told = [int(line) for line in killed(process)]
        rows = numbers(path)
        assert rows == list(range(1, len(rows) + 1)), "none is missing in between, none is torn"
        assert not told or told[-1] <= len(rows), "what was said to be on disk is there"
        connection = apsw.Connection(str(path))
        assert connection.pragma("integrity_check") == "ok"
        connection.close()


def test_too_many_rows_wait_in_a_file_and_come_in_their_order(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Memory is bounded while a lock is held, and nothing is dropped."""
    monkeypatch.setattr(writer_module, "MEMORY_MAX", 1_000)
    writer = a_writer(path)
    told: list[int] = []
    with child(HOLD_UNTIL_TOLD, path) as holder:
        assert said(holder) == "held"
        for number in range(BATCH):
            writer.put(insert(number), (lambda n=number: told.append(n)) if number % 1_000 == 0 else None)  # type: ignore[misc]
        wait_until(lambda: path.with_name("x.db.spill").exists())
        wait_until(lambda: len(writer._queue) <= 1_000)
        assert writer.waiting_count == BATCH
        assert holder.stdin is not None
        holder.stdin.write("free it\n")
        holder.stdin.flush()
        assert said(holder) == "freed"
        wait_until(lambda: writer.waiting_count == 0)
    writer.close()
    assert told == [0, 1_000, 2_000]
    plain = [number for number in range(BATCH) if number % 1_000]
    assert [number for number in numbers(path) if isinstance(number, int) and number % 1_000] == plain
    assert sorted(map(str, numbers(path))) == sorted(map(str, range(BATCH)))
    assert not path.with_name("x.db.spill").exists()


def test_rows_that_wait_in_a_file_survive_a_kill(path: Path) -> None:
    with child(SPILL_AND_WAIT, path) as process:
        assert said(process) == "spilled"
        killed(process)
    writer = Writer(path, 2)
    found = [row[0] for row in writer.execute_now("SELECT a FROM t ORDER BY rowid")]
    writer.close()
    assert found == list(range(len(found)))
    assert len(found) >= 250, "what was in the file is there; what was in memory died with the process"


def test_a_wal_that_cannot_be_cut_is_said_once_and_rows_are_written_on(
    writer: Writer, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As when the disk is full at the moment of the checkpoint."""

    def fail(database: object) -> None:
        raise apsw.FullError("database or disk is full")

    monkeypatch.setattr(Database, "watch_wal", fail)
    for number in (1, 2, 3):
        writer.put(insert(number))
        assert writer.flush(10)
    assert numbers(path) == [1, 2, 3]
    assert caplog.text.count("cannot be cut") == 1


def test_a_fault_of_ours_keeps_the_rows_and_is_told(
    writer: Writer, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Database, "commit", lambda *_: 1 / 0)
        writer.put(insert(1))
        wait_until(lambda: writer.error is not None)
    wait_until(lambda: writer.waiting_count == 0)
    assert numbers(path) == [1]
    assert "a fault while writing" in caplog.text


def test_it_tells_for_how_long_rows_have_waited(writer: Writer, path: Path) -> None:
    assert writer.behind_s == 0
    with child(HOLD_UNTIL_TOLD, path) as holder:
        assert said(holder) == "held"
        writer.put(insert(1))
        wait_until(lambda: writer.behind_s > 0.3)
    wait_until(lambda: writer.behind_s == 0)


def test_a_thread_that_has_ended_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Writer, "_run", lambda writer: None)
    writer = Writer(path, 1)
    writer.start()
    writer.put(("SELECT 1", ()))
    wait_until(lambda: writer.error is not None)
    assert writer.error == "the writer's thread has ended"
