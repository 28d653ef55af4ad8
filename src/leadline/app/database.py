"""Owns what a person can do with the database file: check it, back it up, restore it.

Never writes to the file at DB_PATH; `restore` puts it aside whole.
Comes from `cli`; goes to `store`, and back as structs that `cli` prints.
"""

from contextlib import closing
from pathlib import Path

import apsw
import msgspec

from leadline.app.backups import Plan, refuse_lost
from leadline.core.errors import StoreError
from leadline.core.units import NS_PER_S
from leadline.store.backup import backup_path, backups_of, copy_database, how_to_restore, restore_command
from leadline.store.check import Contents, Progress, contents_of, full_check
from leadline.store.connection import check_library, explained, open_reader
from leadline.store.files import free_bytes, is_in_memory, make_directory, read_mounts, size_of
from leadline.store.locks import FileLock
from leadline.store.mark import mark_path, read_mark
from leadline.store.restore import Restored, restore
from leadline.store.schema import VERSION, refuse_foreign
from leadline.store.spill import spill_path

WAL_LONG_BYTES = 64 * 1024 * 1024
FREE_BYTES_MIN = 256 * 1024 * 1024
BACKUP_OLD_TIMES = 3
"""A newest backup older than so many times what DB_BACKUP_SEC asks for is remarked upon."""


class Health(msgspec.Struct, frozen=True):
    """How a database is. Sizes in bytes, times UTC nanoseconds; `problems` is empty if it is sound."""

    path: str
    problems: list[str]
    remarks: list[str]
    sqlite: str
    schema_known: int
    contents: Contents | None
    marked_commits: int | None
    size_bytes: int
    wal_bytes: int
    waiting_bytes: int
    free_bytes: int
    is_in_memory: bool
    backup: str | None
    backup_age_s: float | None


def check(plan: Plan, now_ns: int, on_progress: Progress) -> Health:
    """Look at everything that can be wrong with the database, changing nothing; grok may be running.

    Raises:
        SchemaError: a newer version wrote it.
        StoreError: there is none, it is no database of leadline's, or this SQLite library is not safe.
    """
    check_library()
    refuse_lost(plan)
    path = plan.db_path
    # Before the rows are counted: a commit of grok's that comes between is then in both or in the rows alone.
    mark = read_mark(mark_path(path))
    problems, contents = _look(path, on_progress)
    if contents is not None and mark is not None and contents.commits < mark.commits:
        missing = mark.commits - contents.commits
        problems = [
            *problems,
            f"the last {missing} of {mark.commits} commits are missing: an older file, or its WAL was cut",
        ]
    backups = backups_of(path, plan.directory)
    health = Health(
        path=str(path),
        problems=problems,
        remarks=[],
        sqlite=apsw.sqlite_lib_version(),
        schema_known=VERSION,
        contents=contents,
        marked_commits=None if mark is None else mark.commits,
        size_bytes=size_of(path),
        wal_bytes=size_of(Path(f"{path}-wal")),
        waiting_bytes=size_of(spill_path(path)),
        free_bytes=free_bytes(path.parent),
        is_in_memory=plan.is_in_memory,
        backup=str(backups[0].path) if backups else None,
        backup_age_s=(now_ns - backups[0].taken_ns) / NS_PER_S if backups else None,
    )
    return msgspec.structs.replace(health, remarks=_remarks(health, plan))


def _look(path: Path, on_progress: Progress) -> tuple[list[str], Contents | None]:
    """Give what is wrong with the file itself, and what is in it if nothing is."""
    if path.exists() and path.stat().st_size == 0:
        return ["the file is empty: no leadline leaves a database so"], None
    try:
        connection = open_reader(path)
    except StoreError as error:
        if isinstance(error.__cause__, (apsw.NotADBError, apsw.CorruptError)):
            return [error.what], None
        raise
    with closing(connection):
        problems = full_check(connection, on_progress)
        if problems:
            return problems, None
        with explained(path):
            refuse_foreign(connection, path)
            return [], contents_of(connection)


def _remarks(health: Health, plan: Plan) -> list[str]:
    """Say what is no damage and yet asks for a look."""
    remarks = []
    if health.contents is not None and health.contents.schema < VERSION:
        remarks.append(f"schema {health.contents.schema} is older: the next start of grok makes it {VERSION}")
    if health.waiting_bytes:
        remarks.append(f"rows wait in {spill_path(plan.db_path)}: grok writes them as soon as it can")
    if health.wal_bytes > WAL_LONG_BYTES:
        remarks.append("the WAL is long: a program stays in one read of the database, or grok was killed")
    if health.free_bytes < health.size_bytes + FREE_BYTES_MIN:
        remarks.append("the disk is nearly full: there is no room for a backup beside the database")
    if plan.every_s == 0:
        remarks.append("no backups are made by themselves (DB_BACKUP_SEC=0)")
    elif health.backup_age_s is None:
        remarks.append(f"there is no backup in {plan.directory}")
    elif health.backup_age_s > BACKUP_OLD_TIMES * plan.every_s:
        remarks.append("the newest backup is old: grok makes them while it runs")
    if plan.is_in_memory and is_in_memory(plan.directory, read_mounts()):
        remarks.append(
            f"database and backups ({plan.directory}) lie in memory: a power cut takes both; set DB_BACKUP_DIR"
        )
    return remarks


def refuse_damaged(plan: Plan, health: Health) -> None:
    """Say how to get a damaged database back.

    Raises:
        StoreError: it is damaged.
    """
    if health.problems:
        raise StoreError(
            f"this database is damaged ({'; '.join(health.problems[:3])})",
            which=f"DB_PATH={plan.db_path}",
            expected="a database that passes every check",
            do=f"end grok and {how_to_restore(plan.db_path, plan.directory)}; it was left as it is",
        )


def back_up(plan: Plan, to: Path | None, now_ns: int, on_progress: Progress) -> Path:
    """Copy the database while it is in use, and give where to: a file, or a new name in a directory.

    Raises:
        StoreError: there is none, it is damaged, or the copy cannot be written.
    """
    source = open_reader(plan.db_path)
    with closing(source):
        if to is None:
            make_directory(plan.directory)
        if to is None or to.is_dir():
            to = backup_path(plan.db_path, to or plan.directory, now_ns, is_automatic=False)
        copy_database(source, to, lambda done, total: on_progress("copy", done, total))
    return to


def restore_backup(plan: Plan, source: Path | None, now_ns: int, on_progress: Progress) -> Restored:
    """Put a copy of `source`, or of the newest backup, in the place of the database.

    Raises:
        LockHeldError: grok is running on it.
        StoreError: there is no such backup, or it cannot be used; the database is as it was.
        SchemaError: a newer version wrote it.
    """
    path = plan.db_path
    make_directory(path.parent)
    lock = FileLock(Path(f"{path}.lock"), f"the right to write alerts to {path}")
    try:
        return restore(source or _newest(plan), path, now_ns, on_progress)
    except StoreError as error:
        others = [backup.path for backup in backups_of(path, plan.directory)]
        if source is None and len(others) > 1 and error.which == str(others[0]):
            error.do = f"choose another one: `{restore_command(others[1], path)}`; the database was left as it is"
        raise
    finally:
        lock.release()


def _newest(plan: Plan) -> Path:
    for backup in backups_of(plan.db_path, plan.directory):
        return backup.path
    raise StoreError(
        "there is no backup here",
        which=str(plan.directory),
        expected=f"files such as {backup_path(plan.db_path, plan.directory, 0, is_automatic=False).name}",
        do="correct DB_BACKUP_DIR, or name a file: `leadline db restore FILE`",
    )
