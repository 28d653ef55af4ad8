"""Owns how another database takes the place of the one at DB_PATH: what was there is put aside, never deleted.

Never leaves the path without a whole file while there was one: the new file is renamed over the old one, which has a
second name by then. Killed at any step, the path names the old database or the new one.
Comes from `leadline db restore`, which holds the database's lock; goes to the next start.

The order, and what a kill leaves behind:
1. The copy is made and checked beside the database. Old; a file `.restoring` too much, which the next restore removes.
2. A sound database takes in its WAL, so that it is one file. Old.
3. All its files get a second name, `.replaced-*`. Old; second names too much.
4. Of a damaged database, whose WAL cannot be taken in, WAL and journal lose their first names: SQLite would put them
   into any file of that name. Old, and as damaged as before; its WAL lies beside its second name.
5. The copy is renamed over the database. New, from here on.
6. The rows that waited for the old database lose their first name, and the mark is told of the new one. Until then the
   next start may refuse the new file as one that lacks commits: restore again.
"""

import os
from contextlib import suppress
from pathlib import Path

import apsw
import msgspec

from leadline.core.errors import SchemaError, StoreError
from leadline.core.units import NS_PER_S
from leadline.store.backup import copy_database, stamp_of
from leadline.store.check import Contents, Progress, contents_of, full_check, quick_check
from leadline.store.connection import explained, open_reader, open_writer
from leadline.store.files import part_of, sync_directory
from leadline.store.mark import Mark, mark_path, read_mark, write_mark
from leadline.store.schema import refuse_foreign
from leadline.store.spill import spill_path

BESIDE = ("-wal", "-shm", "-journal")
"""Files of SQLite's own, which belong to the database of their name and to no other."""

IDS_SKIPPED = 1_000_000
"""More alert ids than can have been given between the backup and the loss."""


class Restored(msgspec.Struct, frozen=True):
    """What the path names now, what it named before (None, and why: it could not be read), and where that lies."""

    restored: Contents
    replaced: Contents | None
    unreadable: str | None
    aside: tuple[Path, ...]


def check_source(source: Path, on_progress: Progress) -> Contents:
    """Give what a file holds that is to be restored.

    Raises:
        StoreError: it is not there, damaged, empty, or no database of leadline's.
        SchemaError: a newer version wrote it.
    """
    if not source.is_file() or source.stat().st_size == 0:
        raise _useless(source, "there is no such file" if not source.exists() else "this is an empty file, or no file")
    try:
        connection = open_reader(source)
    except StoreError as error:
        raise _useless(source, error.what) from error
    try:
        with explained(source):
            refuse_foreign(connection, source)
            problems = full_check(connection, on_progress)
            if problems:
                raise _useless(source, f"this file is damaged ({'; '.join(problems[:3])})")
            contents = contents_of(connection)
    finally:
        connection.close()
    if contents.schema == 0:
        raise _useless(source, "this database has none of leadline's tables")
    return contents


def restore(source: Path, db_path: Path, now_ns: int, on_progress: Progress) -> Restored:
    """Put a copy of `source` at `db_path`; whoever calls holds the database's lock.

    Raises:
        StoreError: the source cannot be used, or there is no room; the database is as it was.
        SchemaError: a newer version wrote the source.
    """
    check_source(source, on_progress)
    file = db_path.resolve()
    present = _contents(file)
    fresh = Path(f"{file}.restoring")
    _clear(fresh, source)
    connection = open_reader(source)
    try:
        copy_database(connection, fresh, lambda done, total: on_progress("copy", done, total))
    finally:
        connection.close()
    try:
        restored = _contents(fresh)
        assert isinstance(restored, Contents)
        if isinstance(present, Contents):
            _take_in_wal(file)
        aside = _swap(fresh, file, spill_path(db_path), now_ns)
    except OSError as error:
        raise StoreError(
            f"the files cannot be exchanged ({error.strerror})",
            which=f"DB_PATH={db_path}",
            expected="a directory that can be written, on a file system with hard links",
            do="correct that and restore again; nothing was deleted",
        ) from error
    finally:
        fresh.unlink(missing_ok=True)
    _tell_mark(db_path, restored, present)
    if isinstance(present, Contents):
        return Restored(restored, present, None, aside)
    return Restored(restored, None, present, aside)


def _clear(fresh: Path, source: Path) -> None:
    """Remove the copy that a killed restore left: whoever holds the lock is the only one who makes it."""
    for left in (fresh, part_of(fresh)):
        if left.exists() and not left.samefile(source):
            left.unlink()


def _useless(source: Path, what: str) -> StoreError:
    return StoreError(
        what,
        which=str(source),
        expected="a sound database that leadline wrote",
        do="choose another backup; the database was left as it is",
    )


def _contents(path: Path) -> Contents | str:
    """Give what a database holds, or why it cannot be read; changes nothing.

    Raises:
        StoreError: it is another program's.
    """
    if not path.exists():
        return "there was none"
    if path.stat().st_size == 0:
        return "it was empty"  # not opened: SQLite deletes the WAL of an empty file
    try:
        connection = open_reader(path)
    except StoreError as error:
        return error.what
    try:
        problems = quick_check(connection)
        if problems:
            return f"it was damaged ({'; '.join(problems[:3])})"
        with suppress(SchemaError):  # whoever goes back to an older leadline restores an older backup
            refuse_foreign(connection, path)
        return contents_of(connection)
    except apsw.Error as error:
        return str(error)
    finally:
        connection.close()


def _take_in_wal(file: Path) -> None:
    """Make a sound database one file, with all its commits.

    Raises:
        StoreError: another program is in it, or the disk is full.
    """
    connection = open_writer(file)
    try:
        with explained(file):
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            mode = connection.pragma("journal_mode", "delete")
    finally:
        connection.close()
    if mode != "delete":
        raise StoreError(
            f"this database cannot be made one file (it stays in mode {mode})",
            which=f"DB_PATH={file}",
            expected="no other program in it",
            do="end what reads it, then restore again; it was left as it is",
        )


def _swap(fresh: Path, file: Path, spill: Path, now_ns: int) -> tuple[Path, ...]:
    """Put `fresh` in the place of the database and give the names under which the old files lie now."""
    aside = _second_name(file, now_ns)
    seconds = {Path(f"{file}{ending}"): Path(f"{aside}{ending}") for ending in ("", *BESIDE)}
    seconds[spill] = Path(f"{aside}.spill")
    names = []
    for there, second in seconds.items():
        if there.exists():
            os.link(there, second)
            names.append(second)
    sync_directory(file.parent)
    for ending in BESIDE:
        Path(f"{file}{ending}").unlink(missing_ok=True)
    sync_directory(file.parent)
    os.replace(fresh, file)  # noqa: PTH105 - as link: each call of `os` is a step of the list above
    sync_directory(file.parent)
    spill.unlink(missing_ok=True)
    return tuple(names)


def _second_name(file: Path, now_ns: int) -> Path:
    """Give a free name; where the second is taken, the next one."""
    while True:
        aside = Path(f"{file}.replaced-{stamp_of(now_ns)}")
        if not any(Path(f"{aside}{ending}").exists() for ending in ("", *BESIDE, ".spill")):
            return aside
        now_ns += NS_PER_S


def _tell_mark(db_path: Path, restored: Contents, present: Contents | str) -> None:
    """Tell the mark of the new file's commits; ids do not go back to what the new file knows."""
    path = mark_path(db_path)
    mark = read_mark(path)
    ids = [restored.alert_id]
    if mark is not None:
        ids.append(mark.alert_id)
    if isinstance(present, Contents):
        ids.append(present.alert_id)
    elif mark is None:
        # Nobody knows which ids were given after the backup, as when memory forgot the file and its mark.
        ids.append(restored.alert_id + IDS_SKIPPED)
    try:
        write_mark(path, Mark(commits=restored.commits, alert_id=max(ids)))
    except OSError as error:
        raise StoreError(
            f"the database is restored, its mark cannot be written ({error.strerror})",
            which=str(path),
            expected="a file that can be written",
            do="correct that and restore again, or the next start refuses the database",
        ) from error
