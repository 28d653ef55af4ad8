"""A copy is of one moment, whole and checked, or there is none; only what was made by itself goes by itself."""

import resource
import stat
from pathlib import Path

import pytest

from leadline.core.errors import StoreError
from leadline.store.backup import backup_path, backups_of, copy_database, how_to_restore, rotate
from leadline.store.connection import open_reader, open_writer
from support.filled_db import KEEP_WRITING, fatten, filled, flip_page, names, rows_of
from support.machine import child, said, small_disk

TWO_O_CLOCK_NS = 1_770_818_400_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "db").mkdir()
    path = tmp_path / "db" / "leadline.db"
    filled(path)
    return path


def copied(path: Path, target: Path) -> None:
    connection = open_reader(path)
    try:
        copy_database(connection, target)
    finally:
        connection.close()


def test_a_copy_is_one_plain_file_with_all_rows(path: Path, tmp_path: Path) -> None:
    copied(path, tmp_path / "copy.db")
    assert rows_of(tmp_path / "copy.db", "SELECT * FROM alerts") == rows_of(path, "SELECT * FROM alerts")
    assert rows_of(tmp_path / "copy.db", "PRAGMA journal_mode") == [("delete",)]
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    assert names(tmp_path) == ["copy.db", "db"]


def test_a_copy_has_what_is_still_in_the_wal_only(path: Path, tmp_path: Path) -> None:
    writer = open_writer(path)
    writer.execute("INSERT INTO counters VALUES ('fresh', 1)")
    assert Path(f"{path}-wal").stat().st_size
    copied(path, tmp_path / "copy.db")
    assert rows_of(tmp_path / "copy.db", "SELECT value FROM counters WHERE name = 'fresh'") == [(1,)]
    writer.close()


def test_a_busy_writer_in_the_same_file_neither_waits_nor_makes_the_copy_begin_again(
    path: Path, tmp_path: Path
) -> None:
    """What is written between two steps is not in the copy: it is of the moment in which it began."""
    fatten(path, 4)
    writer = open_writer(path)
    writer.set_busy_timeout(0)
    seen: list[int] = []

    def write(done: int, total: int) -> None:
        seen.append(done)
        writer.execute("INSERT INTO counters VALUES (?, 1)", (f"during {len(seen)}",))
        assert total

    source = open_reader(path)
    copy_database(source, tmp_path / "copy.db", write)
    assert not source.in_transaction
    assert len(set(seen)) > 3
    assert seen == sorted(seen)
    assert rows_of(tmp_path / "copy.db", "SELECT count(*) FROM counters WHERE name GLOB 'during*'") == [(0,)]
    assert rows_of(path, "SELECT count(*) FROM counters WHERE name GLOB 'during*'") == [(len(seen),)]


def test_copies_beside_a_busy_process_are_each_of_one_moment(path: Path, tmp_path: Path) -> None:
    """Rows and their number are written in one commit: a copy in which they differ is torn."""
    counts = []
    with child(KEEP_WRITING, path) as writer:
        for number in range(5):
            assert int(said(writer)) > 0
            target = tmp_path / f"copy{number}.db"
            copied(path, target)
            assert rows_of(target, "PRAGMA integrity_check") == [("ok",)]
            [[rows]] = rows_of(target, "SELECT count(*) FROM dispositions")
            assert rows_of(target, "SELECT value FROM counters WHERE name = 'written'") == [(rows,)]
            counts.append(int(str(rows)))
    assert counts == sorted(counts)
    assert counts[0] > 0


def test_a_file_that_is_there_is_not_written_over(path: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(StoreError, match="already"):
        copied(path, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "precious"


def test_a_damaged_database_gives_no_copy(path: Path, tmp_path: Path) -> None:
    filled(path, alerts=1_000, first=100)
    flip_page(path, 5)
    with pytest.raises(StoreError, match=r"leadline db check"):
        copied(path, tmp_path / "copy.db")
    assert names(tmp_path) == ["db"]


def test_an_empty_database_gives_no_copy(tmp_path: Path) -> None:
    (tmp_path / "empty.db").write_bytes(b"")
    with pytest.raises(StoreError, match="it is empty"):
        copied(tmp_path / "empty.db", tmp_path / "copy.db")
    assert names(tmp_path) == ["empty.db"]


def test_a_copy_that_is_told_to_stop_leaves_nothing(path: Path, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise StopError

    source = open_reader(path)
    with pytest.raises(StopError):
        copy_database(source, tmp_path / "copy.db", stop)
    assert not source.in_transaction
    assert names(tmp_path) == ["db"]


def test_a_full_disk_leaves_no_half_file(path: Path, tmp_path: Path) -> None:
    fatten(path, 4)
    with small_disk(tmp_path / "disk", 1_024) as disk:
        with pytest.raises(StoreError, match=r"disk/copy\.db: this file cannot be written .*free the disk"):
            copied(path, disk / "copy.db")
        assert names(disk) == []


def test_a_limit_on_file_sizes_leaves_no_half_file(path: Path, tmp_path: Path) -> None:
    fatten(path, 1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(StoreError, match=r"copy\.db: this file cannot be written"):
            copied(path, tmp_path / "copy.db")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == ["db"]


def test_a_connection_that_is_in_a_read_already_stays_in_it(path: Path, tmp_path: Path) -> None:
    source = open_reader(path)
    source.execute("BEGIN")
    source.execute("SELECT count(*) FROM alerts").fetchall()
    filled(path, alerts=1, first=900)
    copy_database(source, tmp_path / "copy.db")
    assert source.in_transaction
    assert rows_of(tmp_path / "copy.db", "SELECT count(*) FROM alerts") == [(20,)]


def test_a_writers_own_connection_can_be_copied(path: Path, tmp_path: Path) -> None:
    """As migrations do."""
    writer = open_writer(path)
    copy_database(writer, tmp_path / "copy.db")
    writer.execute("INSERT INTO counters VALUES ('after', 1)")
    assert rows_of(tmp_path / "copy.db", "PRAGMA integrity_check") == [("ok",)]


def test_names_say_when_in_utc_and_which_were_made_by_themselves(tmp_path: Path) -> None:
    db = Path("/somewhere/my data.sqlite")
    assert backup_path(db, tmp_path, TWO_O_CLOCK_NS, is_automatic=False) == tmp_path / "my data-20260211T140000Z.sqlite"
    name = backup_path(db, tmp_path, TWO_O_CLOCK_NS, is_automatic=True)
    assert name == tmp_path / "my data-20260211T140000Z.auto.sqlite"
    name.touch()
    assert backup_path(db, tmp_path, TWO_O_CLOCK_NS, is_automatic=True).name == "my data-20260211T140001Z.auto.sqlite"


def test_backups_are_listed_newest_first_and_nothing_else_is(tmp_path: Path) -> None:
    for name in (
        "x-20260211T140000Z.db",
        "x-20260211T150000Z.auto.db",
        "x-20260212T000000Z.auto.db.part",
        "y-20260211T140000Z.db",
        "x-20261311T140000Z.db",
        "x.db",
        "x.db.schema1-20260211T140000Z.bak",
        "x.db.replaced-20260211T140000Z",
    ):
        (tmp_path / name).write_bytes(b"123")
    (tmp_path / "x-20260211T160000Z.db").mkdir()
    found = backups_of(Path("/anywhere/x.db"), tmp_path)
    assert [backup.path.name for backup in found] == ["x-20260211T150000Z.auto.db", "x-20260211T140000Z.db"]
    assert [backup.is_automatic for backup in found] == [True, False]
    assert found[1].taken_ns == TWO_O_CLOCK_NS
    assert found[1].size_bytes == 3


def test_a_directory_that_is_not_there_has_no_backups(tmp_path: Path) -> None:
    assert backups_of(Path("x.db"), tmp_path / "none") == []


def test_only_automatic_backups_beyond_the_newest_and_left_halves_are_removed(tmp_path: Path) -> None:
    automatic = [f"x[1]-2026021{day}T140000Z.auto.db" for day in range(6)]
    kept = [
        "x[1]-20260101T000000Z.db",
        "x[1].db.schema1-20260101T000000Z.bak",
        "x[1].db.replaced-20260101T000000Z",
        "x1-20260101T000000Z.auto.db",
        "x[1]-20260101T000000Z.db.part",
    ]
    for name in (*automatic, *kept, "x[1]-20260101T000000Z.auto.db.part"):
        (tmp_path / name).touch()
    rotate(Path("x[1].db"), tmp_path, 2)
    assert names(tmp_path) == sorted([*automatic[-2:], *kept])


def test_how_to_restore_names_the_newest_backup_and_what_to_type(tmp_path: Path) -> None:
    db = tmp_path / "my data.db"
    assert "there is none" in how_to_restore(db, tmp_path)
    (tmp_path / "my data-20260211T140000Z.auto.db").touch()
    told = how_to_restore(db, tmp_path)
    assert "of 2026-02-11 14:00:00 UTC" in told
    assert f"`leadline db restore '{tmp_path}/my data-20260211T140000Z.auto.db' --db '{db}'`" in told
