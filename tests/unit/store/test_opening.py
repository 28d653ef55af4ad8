"""The start of a file: whole or not at all, and never an empty one where a database was (F63, F68)."""

import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from leadline.core.errors import StoreError
from leadline.store.mark import Mark, mark_path, read_mark, write_mark
from leadline.store.opening import open_store
from leadline.store.writer import Writer
from support.machine import child, killed, said

WRITE_SOME = """
import sys, time
from pathlib import Path
from leadline.store.writer import Writer
writer = Writer(Path(sys.argv[1]), 1)
writer.start()
for number in range(300):
    writer.put(("INSERT INTO counters VALUES (?, ?)", (f"n{number}", number)))
    if number % 10 == 0:
        assert writer.flush(30)
assert writer.flush(30)
print("written")
sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


def a_database(path: Path) -> None:
    writer = Writer(path, 1)
    writer.start()
    for number in range(500):
        writer.put(("INSERT INTO counters VALUES (?, ?)", (f"name of number {number}", number)))
    writer.close()


def a_killed_database(path: Path) -> None:
    """One whose last commits are in its WAL only, as `kill -9` leaves it."""
    with child(WRITE_SOME, path) as process:
        assert said(process) == "written"
        killed(process)


def contents(path: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in path.parent.iterdir()}


def refused(path: Path, pattern: str) -> None:
    """It is refused, says how to go on, and not a byte of what is there is changed."""
    before = contents(path)
    with pytest.raises(StoreError, match=pattern) as told:
        Writer(path, 2)
    assert "restore" in told.value.do
    after = contents(path)
    before.pop("x.db-shm", None)  # an index of the WAL, made anew by whoever looks
    after.pop("x.db-shm", None)
    if "x.db-wal" not in before:
        assert after.pop("x.db-wal", b"") == b""
    assert after == before


def test_a_new_file_is_made_whole_and_for_its_owner(path: Path) -> None:
    Writer(path, 1).close()
    assert {entry.name for entry in path.parent.iterdir()} == {"x.db", "x.db.mark"}
    assert read_mark(mark_path(path)) == Mark(0, 0)


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", range(40))
def test_a_start_that_is_killed_leaves_no_file_or_a_whole_one(
    path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever statement or call to the system is the last: the next start takes up or begins anew."""
    steps = itertools.count()

    def dying(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            if next(steps) == step:
                raise Killed
            return call(*args, **kwargs)

        return run

    class Dying(apsw.Connection):
        execute = dying(apsw.Connection.execute)

    with monkeypatch.context() as patch:
        patch.setattr(apsw, "Connection", Dying)
        for name in ("link", "unlink", "pwrite", "fsync", "open"):
            patch.setattr(os, name, dying(getattr(os, name)))
        try:
            opened = open_store(path, 1)
        except Killed:
            pass
        else:
            opened.connection.close()
    if path.exists():
        connection = apsw.Connection(str(path))
        assert connection.pragma("user_version"), "a file under its name has all its tables"
        connection.close()
    a_database(path)
    assert not list(path.parent.glob("x.db.new*"))


@pytest.mark.parametrize("where", [100, 4_096, 8_192, 12_288])
def test_a_damaged_page_is_refused(path: Path, where: int) -> None:
    a_database(path)
    content = bytearray(path.read_bytes())
    content[where : where + 60] = b"\xff" * 60
    path.write_bytes(content)
    refused(path, r"DB_PATH=.*x\.db: this (database is damaged|file is no readable database)")


def test_a_file_that_was_cut_is_refused(path: Path) -> None:
    a_database(path)
    os.truncate(path, path.stat().st_size // 2)
    refused(path, "DB_PATH=.*damaged|readable")


def test_an_empty_file_is_refused(path: Path) -> None:
    path.touch()
    refused(path, "DB_PATH=.*this file is empty")


def test_a_wal_that_was_cut_is_refused(path: Path) -> None:
    """SQLite itself opens such a file without a word and without its last commits."""
    a_killed_database(path)
    wal = path.with_name("x.db-wal")
    os.truncate(wal, wal.stat().st_size * 2 // 3)
    refused(path, r"lacks the last \d+ of \d+ commits")


def test_a_wal_that_is_gone_is_refused(path: Path) -> None:
    a_killed_database(path)
    path.with_name("x.db-wal").unlink()
    refused(path, r"lacks the last \d+ of \d+ commits")


def test_an_older_file_in_its_place_is_refused(path: Path, tmp_path: Path) -> None:
    a_database(path)
    older = tmp_path / "older"
    shutil.copy(path, older)
    writer = Writer(path, 2)
    writer.start()
    writer.put(("INSERT INTO counters VALUES ('later', 1)", ()))
    writer.close()
    shutil.copy(older, path)
    refused(path, r"lacks the last 1 of \d+ commits")


def test_a_file_that_is_gone_is_not_begun_anew(path: Path) -> None:
    a_database(path)
    path.unlink()
    refused(path, r"DB_PATH=.*x\.db: the database is gone.*x\.db\.mark: \d+ commits")


def test_a_file_that_is_gone_and_has_left_its_wal_is_not_begun_anew(path: Path) -> None:
    a_killed_database(path)
    path.unlink()
    mark_path(path).unlink()
    refused(path, r"the database is gone.*x\.db-wal")


def test_a_killed_process_is_no_reason_to_refuse(path: Path) -> None:
    """A commit may be on disk whose mark is not: the file is ahead, which accuses nobody."""
    a_killed_database(path)
    mark = read_mark(mark_path(path))
    assert mark is not None
    assert mark.commits > 0
    write_mark(mark_path(path), Mark(mark.commits - 1, mark.alert_id))
    writer = Writer(path, 2)
    assert writer.execute_now("SELECT count(*) FROM counters WHERE name LIKE 'n%'") == [(300,)]
    writer.close()


def test_a_database_without_a_mark_is_taken_and_gets_one(path: Path) -> None:
    """As one that was copied from elsewhere, or written by an earlier version."""
    a_database(path)
    before = read_mark(mark_path(path))
    mark_path(path).unlink()
    Writer(path, 2).close()
    assert read_mark(mark_path(path)) == before


def test_what_it_says_to_do_is_enough(path: Path, tmp_path: Path) -> None:
    """The way out of a lost database, as the error tells it."""
    a_database(path)
    path.rename(tmp_path / "elsewhere")
    refused(path, "put it back")
    (tmp_path / "elsewhere").rename(path)
    Writer(path, 2).close()


def test_a_database_with_two_names_is_refused(path: Path, tmp_path: Path) -> None:
    """Each name has a lock, a mark and a WAL of its own."""
    a_database(path)
    os.link(path, tmp_path / "second.db")
    with pytest.raises(StoreError, match="has a second name"):
        Writer(path, 2)
    (tmp_path / "second.db").unlink()
    Writer(path, 2).close()
