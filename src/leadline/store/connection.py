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
    """Turn what SQLite says while the file is opened into a StoreError that names the file and what to do."""
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise StoreError(
            f"this file is no readable database ({error})",
            which=f"DB_PATH={path}",
            expected="a SQLite database written by leadline",
            do="restore a backup over it, or point DB_PATH at another file; it was left as it is",
        ) from error
    except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError, apsw.IOError) as error:
        raise StoreError(
            f"this database cannot be opened ({error})",
            which=f"DB_PATH={path}",
            expected="a file in a directory that exists and can be written",
            do="create the directory, or correct its permissions or DB_PATH",
        ) from error


def open_writer(path: Path) -> apsw.Connection:
    """Open the file for writing, in WAL mode, creating it if it is not there.

    Raises:
        StoreError: the file is damaged, is no database, or cannot be written.
    """
    check_library()
    with explained(path):
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        connection.pragma("foreign_keys", True)
        connection.pragma("schema_version")
    return connection


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
