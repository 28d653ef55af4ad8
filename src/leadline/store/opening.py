"""Owns the start of a database file: made whole or not at all, checked, compared with its mark, brought up to date.

Never replaces a file that is damaged, empty or gone by an empty one: it says what is wrong and how to restore.
Comes from the writer at start; goes to it as an open connection and a mark.
"""

import os
from pathlib import Path
from typing import NamedTuple

import apsw

from leadline.core.errors import StoreError
from leadline.store.check import quick_check
from leadline.store.connection import RESTORE, check_library, explained, open_writer
from leadline.store.mark import Mark, MarkKeeper, mark_path, read_mark
from leadline.store.schema import migrate, refuse_foreign

WAL_KEPT_BYTES = 4 * 1024 * 1024
"""What is left of the WAL file once its content is in the database."""


class Opened(NamedTuple):
    """A database that can be written, and its mark."""

    connection: apsw.Connection
    mark: MarkKeeper


def open_store(path: Path, now_ns: int) -> Opened:
    """Open the file for writing, making it if there was none before.

    Raises:
        StoreError: it is damaged, empty, gone, behind its mark, or cannot be written.
        SchemaError: a newer version of leadline wrote it.
    """
    check_library()
    mark = read_mark(mark_path(path))
    if not path.exists():
        _refuse_gone(path, mark)
        _make(path, now_ns)
    elif path.stat().st_size == 0:
        raise StoreError(
            "this file is empty: no leadline leaves a database so",
            which=f"DB_PATH={path}",
            expected="a database, or no file at all",
            do=f"{RESTORE}; or, if there never was one, remove the empty file",
        )
    for fresh in path.parent.glob(f"{path.name}.new-*"):
        fresh.unlink(missing_ok=True)  # a second name of this file, or half of one, that a kill left
    has_wal = Path(f"{path}-wal").exists()
    if path.stat().st_nlink > 1:
        raise StoreError(
            "this database has a second name: two writers could hold it at once",
            which=f"DB_PATH={path}",
            expected="a file with one name",
            do="remove the other hard link, or copy the file with `leadline db backup`",
        )
    connection = open_writer(path)
    try:
        with explained(path):
            # A file that is refused is left as it is, its WAL too: the last to close one would else empty it.
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, int(has_wal))
            refuse_foreign(connection, path)
            _refuse_damaged(connection, path)
            _refuse_behind(connection, path, mark)
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
            migrate(connection, path, now_ns)
            connection.pragma("journal_size_limit", WAL_KEPT_BYTES)
            commits = commits_in(connection)
        alert_id = 0 if mark is None else mark.alert_id
        return Opened(connection, _keeper(path, Mark(commits, alert_id)))
    except BaseException:
        connection.close()
        raise


def commits_in(connection: apsw.Connection) -> int:
    """Give the number of grouped commits that a database holds."""
    if int(connection.pragma("user_version")) == 0:
        return 0
    found = connection.execute("SELECT value FROM counters WHERE name = 'commits'").get
    return 0 if found is None else int(str(found))


def _refuse_gone(path: Path, mark: Mark | None) -> None:
    """Refuse to begin an empty database where one was: SQLite itself would delete what is left of it."""
    left = [Path(f"{path}{ending}") for ending in ("-wal", ".spill")]
    traces = [str(trace) for trace in left if trace.exists() and trace.stat().st_size]
    rescued = sorted(path.parent.glob(f"{path.name}.rescued-*"))
    traces.extend(map(str, rescued))
    if mark is not None and mark.commits:
        traces.append(f"{mark_path(path)}: {mark.commits} commits")
    if traces:
        raise StoreError(
            f"the database is gone, what belonged to it is still there ({'; '.join(traces)})",
            which=f"DB_PATH={path}",
            expected="the file that was there",
            do=f"{_way_back(rescued)}; to begin an empty one, give DB_PATH another name",
        )


def _way_back(rescued: list[Path]) -> str:
    """Say how to get a lost file back: what was rescued from it holds more than any backup."""
    if rescued:
        return f"restore the copy that was rescued: `leadline db restore {rescued[-1]}`"
    return f"put it back, or {RESTORE}"


def _make(path: Path, now_ns: int) -> None:
    """Make a whole new file aside, then give it its name: a kill leaves no half of one."""
    fresh = path.with_name(f"{path.name}.new-{os.getpid()}")
    with explained(path):
        try:
            fresh.unlink(missing_ok=True)
            connection = open_writer(fresh)
            try:
                migrate(connection, fresh, now_ns)
            finally:
                connection.close()
            os.link(fresh, path)
            fresh.unlink()
        except FileExistsError:
            fresh.unlink(missing_ok=True)  # another process was as quick: its file is as good
        except OSError as error:
            raise StoreError(
                f"this database cannot be made ({error.strerror})",
                which=f"DB_PATH={path}",
                expected="a file in a directory that exists and can be written",
                do="create the directory, or correct its permissions or DB_PATH",
            ) from error


def _refuse_damaged(connection: apsw.Connection, path: Path) -> None:
    problems = quick_check(connection)
    if problems:
        raise StoreError(
            f"this database is damaged ({'; '.join(problems[:3])})",
            which=f"DB_PATH={path}",
            expected="a file that passes SQLite's check",
            do=f"{RESTORE}; it was left as it is",
        )


def _refuse_behind(connection: apsw.Connection, path: Path, mark: Mark | None) -> None:
    """Refuse a file that holds fewer commits than were made: its WAL was cut, or an older file took its place."""
    found = commits_in(connection)
    if mark is not None and found < mark.commits:
        raise StoreError(
            f"this database lacks the last {mark.commits - found} of {mark.commits} commits that were made",
            which=f"DB_PATH={path}",
            expected="the file and its WAL as leadline left them",
            do=f"put them back, or {RESTORE}; or go on with this file as it is: `leadline db restore {path}`",
        )


def _keeper(path: Path, mark: Mark) -> MarkKeeper:
    try:
        return MarkKeeper(mark_path(path), mark)
    except OSError as error:
        raise StoreError(
            f"the database's mark cannot be made ({error.strerror})",
            which=str(mark_path(path)),
            expected="a directory that can be written",
            do="correct its permissions",
        ) from error
