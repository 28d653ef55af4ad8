"""Owns copies of a database that is in use, their names, and which of them go when there are enough.

Never disturbs the writer, never gives a name to a copy that is not whole and checked, never removes one that a person
or a migration asked for.
Comes from `leadline db backup`, the periodic backup and migrations; goes to one plain file without a WAL.
"""

import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import apsw
import msgspec

from leadline.core.errors import StoreError
from leadline.core.units import NS_PER_S
from leadline.store.check import STEPS_PER_TICK, quick_check, table_names
from leadline.store.files import part_of, unwritable, whole_file

PAGES_PER_STEP = 256
"""1 MiB at a time: between two steps the copy can be told to stop."""

_STAMP = "%Y%m%dT%H%M%SZ"


class Backup(msgspec.Struct, frozen=True):
    """A copy: where, of when (UTC, whole seconds), and whether the periodic backup made it."""

    path: Path
    taken_ns: int
    is_automatic: bool
    size_bytes: int


def copy_database(source: apsw.Connection, target: Path, on_progress: Callable[[int, int], None] | None = None) -> None:
    """Copy a database as it is at this moment, while others write to it, into one new file that is whole and checked.

    The source stays in one read snapshot, so that a busy writer cannot make the copy begin again. `on_progress` is told
    pages copied and all pages; what it raises ends the copy and leaves nothing. The copy is in rollback mode: one file,
    which can be read anywhere.

    Raises:
        StoreError: the source is damaged, or the copy cannot be written; there is no file under the final name.
    """
    tell = on_progress or (lambda _done, _total: None)
    with whole_file(target) as part, _explained(source, target):
        try:
            total = _copy(source, part, tell)
            _verify(part, target, partial(_go_on, tell, total))
        finally:
            part.with_name(f"{part.name}-journal").unlink(missing_ok=True)


def _copy(source: apsw.Connection, part: Path, tell: Callable[[int, int], None]) -> int:
    """Copy all pages and give their number."""
    copy = apsw.Connection(str(part))
    is_ours = not source.in_transaction
    try:
        # The file counts only once it is whole and synced: its own journal would be work for nothing.
        for name, value in (("journal_mode", "off"), ("synchronous", "off"), ("locking_mode", "exclusive")):
            copy.pragma(name, value)
        if is_ours:
            source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        with copy.backup("main", source, "main") as job:
            while not job.done:
                job.step(PAGES_PER_STEP)
                tell(job.page_count - job.remaining, job.page_count)
            total = job.page_count
        copy.pragma("journal_mode", "delete")
    finally:
        if is_ours and source.in_transaction:
            source.execute("ROLLBACK")
        copy.close()
    return total


def _go_on(tell: Callable[[int, int], None], total: int) -> bool:
    """Tell SQLite to go on; only what `tell` raises ends the check."""
    tell(total, total)
    return False


def _verify(part: Path, target: Path, tick: Callable[[], bool]) -> None:
    """Raise StoreError unless the copy is a sound database."""
    copy = apsw.Connection(str(part), flags=apsw.SQLITE_OPEN_READONLY)
    copy.set_progress_handler(tick, STEPS_PER_TICK)
    try:
        problems = quick_check(copy) or ([] if table_names(copy) else ["it is empty"])
    finally:
        copy.close()
    if problems:
        raise StoreError(
            f"the copy is no sound database ({'; '.join(problems[:3])})",
            which=str(target),
            expected="a database that passes SQLite's check",
            do="look at the database with `leadline db check`; the copy was removed",
        )


@contextmanager
def _explained(source: apsw.Connection, target: Path) -> Iterator[None]:
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise StoreError(
            f"this database is damaged ({error})",
            which=source.db_filename("main"),
            expected="a database that passes SQLite's check",
            do="look at it with `leadline db check`; nothing was changed",
        ) from error
    except apsw.Error as error:
        raise unwritable(target, str(error)) from error


def stamp_of(now_ns: int) -> str:
    """Write a moment as file names have it, UTC."""
    return datetime.fromtimestamp(now_ns // NS_PER_S, UTC).strftime(_STAMP)


def backup_path(db_path: Path, directory: Path, now_ns: int, *, is_automatic: bool) -> Path:
    """Give a free name for a backup; where the second is taken, the next one."""
    kind = ".auto" if is_automatic else ""
    while True:
        path = directory / f"{db_path.stem}-{stamp_of(now_ns)}{kind}{db_path.suffix}"
        if not path.exists() and not part_of(path).exists():
            return path
        now_ns += NS_PER_S


def backups_of(db_path: Path, directory: Path) -> list[Backup]:
    """Give the backups of a database in a directory, newest first.

    Raises:
        StoreError: the directory cannot be read.
    """
    name = re.compile(rf"{re.escape(db_path.stem)}-(\d{{8}}T\d{{6}}Z)(\.auto)?{re.escape(db_path.suffix)}")
    found = []
    try:
        for path in directory.iterdir():
            match = name.fullmatch(path.name)
            if match is not None and path.is_file():
                taken_ns = _moment_ns(match[1])
                if taken_ns is not None:
                    found.append(Backup(path, taken_ns, match[2] is not None, path.stat().st_size))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(
            f"the directory of the backups cannot be read ({error.strerror})",
            which=str(directory),
            expected="a directory that this user can read",
            do="correct its permissions, or DB_BACKUP_DIR",
        ) from error
    return sorted(found, key=lambda backup: (backup.taken_ns, backup.path.name), reverse=True)


def _moment_ns(stamp: str) -> int | None:
    try:
        return int(datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC).timestamp()) * NS_PER_S
    except ValueError:  # the thirteenth month
        return None


def rotate(db_path: Path, directory: Path, kept: int) -> None:
    """Remove automatic backups beyond the newest `kept`, and halves of ones that a kill left.

    Raises:
        StoreError: one cannot be removed.
    """
    automatic = [backup.path for backup in backups_of(db_path, directory) if backup.is_automatic]
    halves = directory.glob(f"{_escaped(db_path.stem)}-*.auto{_escaped(db_path.suffix)}.part*")
    try:
        for path in (*automatic[kept:], *halves):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"an old backup cannot be removed ({error.strerror})",
            which=str(error.filename),
            expected="a directory that can be written",
            do="correct its permissions",
        ) from error


def _escaped(text: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", text)


def how_to_restore(db_path: Path, directory: Path) -> str:
    """Say what to type to get a database back."""
    for newest in backups_of(db_path, directory)[:1]:
        moment = datetime.fromtimestamp(newest.taken_ns // NS_PER_S, UTC)
        return f"restore the backup of {moment:%Y-%m-%d %H:%M:%S} UTC: `{restore_command(newest.path, db_path)}`"
    return f"restore a backup (there is none in {directory}): `{restore_command(Path('FILE'), db_path)}`"


def restore_command(source: Path, db_path: Path) -> str:
    """Give the command line that restores a backup."""
    return f"leadline db restore {shlex.quote(str(source))} --db {shlex.quote(str(db_path))}"
