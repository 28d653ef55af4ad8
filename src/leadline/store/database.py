"""Owns the open database file: commits with its mark, the size of its WAL, and whether the path still names it.

Never goes on in a file that was removed or replaced: what it holds is copied beside it, and rows go there.
Comes from `opening`; goes to the writer's thread.
"""

import logging
import os
from collections.abc import Iterable
from pathlib import Path

import apsw
import msgspec

from leadline.store.backup import copy_database
from leadline.store.connection import BUSY_TIMEOUT_MS, explained, open_writer, transaction
from leadline.store.opening import open_store
from leadline.store.spill import Statement

log = logging.getLogger(__name__)

WAL_LONG_BYTES = 32 * 1024 * 1024
"""Beyond it the WAL is put into the database and cut, which a reader that stays in its snapshot forbids."""

_COUNT_COMMIT = """INSERT INTO counters VALUES ('commits', 1)
    ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value"""

UNWRITABLE = (
    apsw.ConstraintError,
    apsw.SQLError,
    apsw.MismatchError,
    apsw.BindingsError,
    apsw.TooBigError,
    TypeError,  # a value of no SQL type
    ValueError,  # half a surrogate pair
    OverflowError,  # an integer beyond 64 bits
)
"""What SQLite says of a row that no later attempt could write."""


class WalState(msgspec.Struct, frozen=True):
    """How long the WAL is, and whether a reader's snapshot keeps it so."""

    size_bytes: int = 0
    is_pinned: bool = False


class Database:
    """Hold one database file for writing; all calls come from one thread at a time."""

    def __init__(self, path: Path, now_ns: int) -> None:
        """Open, check and migrate the file.

        Raises:
            StoreError: the file cannot be used.
            SchemaError: a newer version wrote it.
        """
        self.path = path
        """The file that rows go to: DB_PATH, or the copy beside it once DB_PATH is lost."""
        self.connection, self.mark = open_store(path, now_ns)
        self.lost: str | None = None
        """Why DB_PATH is no longer the file that rows go to; None while it is."""
        self.wal = WalState()
        self._identity = self._look()

    def commit(self, statements: Iterable[Statement]) -> None:
        """Write statements in one transaction; one that can never be written is said whole and passed over.

        Raises:
            apsw.Error: nothing was written.
        """
        with transaction(self.connection):
            for sql, values in statements:
                try:
                    self.connection.execute(sql, values)
                except UNWRITABLE as error:
                    # A row that the schema refuses will be refused for ever: the others must not wait for it.
                    log.error("store: row refused (%s): %s %r", error, sql, values)
            commits = self.connection.execute(_COUNT_COMMIT).get
        self.mark.committed(int(str(commits)))

    def keep_place(self) -> None:
        """Move to a copy beside the file if the path no longer names it.

        Raises:
            StoreError: there is no room for the copy.
        """
        if self.lost is not None or self._is_in_place():
            return
        self.lost = f"{self.path} was removed or replaced while leadline ran"
        try:
            self._move()
        except BaseException:
            self.lost = None  # tried again with the next commit
            raise
        log.error("store: %s; nothing is lost, rows go to %s", self.lost, self.path)

    def _move(self) -> None:
        number = 1
        while (target := Path(f"{self.path}.rescued-{number}")).exists():
            number += 1
        with explained(target):
            copy_database(self.connection, target)
            connection = open_writer(target)
            connection.pragma("journal_mode", "wal")
        self.connection.close()
        self.connection, self.path = connection, target

    def watch_wal(self) -> None:
        """Cut the WAL if it is long, and say once who is in the way."""
        size_bytes = _size_of(self._wal_path)
        is_pinned = False
        if size_bytes > WAL_LONG_BYTES:
            # Never waits: the checkpoint takes what it can, and a reader in the way is told as busy.
            self.connection.set_busy_timeout(0)
            try:
                self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.BusyError:
                is_pinned = True
            finally:
                self.connection.set_busy_timeout(BUSY_TIMEOUT_MS)
            size_bytes = _size_of(self._wal_path)
        if is_pinned and not self.wal.is_pinned:
            text = "store: %s is %s MiB long, because a program stays in one read of the database: end that program"
            log.warning(text, self._wal_path, size_bytes // 2**20)
        elif self.wal.is_pinned and not is_pinned:
            log.info("store: %s is short again", self._wal_path)
        self.wal = WalState(size_bytes, is_pinned)

    @property
    def _wal_path(self) -> Path:
        return Path(f"{self.path}-wal")

    def _look(self) -> tuple[tuple[int, int] | None, ...]:
        return _identity_of(self.path), _identity_of(self._wal_path)

    def _is_in_place(self) -> bool:
        """Tell whether path and WAL are the files that are open; the WAL may be made only by the first write."""
        file, wal = self._look()
        was_file, was_wal = self._identity
        if file != was_file or (was_wal is not None and wal != was_wal):
            return False
        self._identity = (file, wal)
        return True

    def close(self) -> None:
        """Close the file and its mark."""
        self.connection.close()
        self.mark.close()


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - before every commit
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
