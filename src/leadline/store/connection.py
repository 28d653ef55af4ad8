"""Owns how this process opens the database file: one SQLite library, one set of pragmas, clear errors.

Never opens the file with another library: two copies of SQLite on one file break each other's locks.
Comes from paths in the settings; goes to the writer and the queries.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from leadline.core.errors import StoreError

SQLITE_MIN = (3, 51, 3)
"""Older libraries can corrupt a WAL file under several writers (fixed in SQLite 3.51.3, 2026-03-13)."""

BUSY_TIMEOUT_MS = 1_000

RESTORE = "restore a backup: `leadline db restore --newest` (docs/database.md)"
"""What to do with a file that is damaged, empty or gone."""


def check_library() -> None:
    """Raise StoreError if the SQLite library in this process has the WAL-reset fault."""
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < SQLITE_MIN:
        raise StoreError(
            f"SQLite {apsw.sqlite_lib_version()} can corrupt a database in WAL mode",
            expected=f"SQLite {'.'.join(map(str, SQLITE_MIN))} or newer",
            do="install the locked dependencies again (make install)",
        )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite says of the file into a StoreError that names it and says what to do."""
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise StoreError(
            f"this file is no readable database ({error})",
            which=f"DB_PATH={path}",
            expected="a SQLite database written by leadline",
            do=f"{RESTORE}, or point DB_PATH at another file; it was left as it is",
        ) from error
    except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError, apsw.IOError) as error:
        raise StoreError(
            f"this database cannot be opened ({error})",
            which=f"DB_PATH={path}",
            expected="a file in a directory that exists and can be written",
            do="create the directory, or correct its permissions or DB_PATH",
        ) from error
    except (apsw.BusyError, apsw.LockedError) as error:
        raise StoreError(
            f"another program holds this database ({error})",
            which=f"DB_PATH={path}",
            expected=f"a lock that is free within {BUSY_TIMEOUT_MS // 1_000} s",
            do="end what that program does with it, then start again; it was left as it is",
        ) from error
    except apsw.FullError as error:
        raise StoreError(
            f"the disk has no room for this database ({error})",
            which=f"DB_PATH={path}",
            do="free the disk, then start again; it was left as it is",
        ) from error
    except apsw.Error as error:
        raise StoreError(
            f"a statement on this database failed ({error})",
            which=f"DB_PATH={path}",
            expected="the tables of this version",
            do="run the version of leadline that wrote it, or report this; it was left as it is",
        ) from error


def open_writer(path: Path) -> apsw.Connection:
    """Open the file for writing, creating it if it is not there; not a byte of one that is there is changed.

    Raises:
        StoreError: the file is damaged, is no database, or cannot be written.
    """
    check_library()
    with explained(path):
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        connection.pragma("synchronous", "full")
        connection.pragma("foreign_keys", True)
        connection.pragma("schema_version")
    return connection


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """Write all of it or nothing; what is read inside cannot be changed by another program before it is written.

    apsw's own `with connection` keeps Python's lock while it waits for the file's lock and for the disk, which stops
    the event loop for as long (1.0 s at each try under a foreign lock, measured); `execute` does not.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def enter_wal(connection: apsw.Connection, path: Path) -> None:
    """Put the file into WAL mode, in which readers and the writer do not wait for each other.

    Raises:
        StoreError: it cannot be put into it, as where it lies in memory.
    """
    with explained(path):
        mode = connection.pragma("journal_mode", "wal")
    if mode != "wal":
        raise StoreError(
            f"this database cannot be put into WAL mode (it stays in mode {mode})",
            which=f"DB_PATH={path}",
            expected="a file on a local disk",
            do="point DB_PATH at one",
        )


def open_reader(path: Path) -> apsw.Connection:
    """Open the file read-only.

    Raises:
        StoreError: the file is not there, damaged, or cannot be read.
    """
    check_library()
    if not path.exists():
        raise StoreError(
            "there is no database here yet",
            which=f"DB_PATH={path}",
            expected="a file that `leadline grok` writes",
            do="start `leadline grok` first, or correct DB_PATH",
        )
    with explained(path):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        connection.pragma("query_only", True)
        connection.pragma("schema_version")
    return connection
