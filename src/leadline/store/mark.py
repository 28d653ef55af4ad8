"""Owns the mark beside the database: how many commits it holds at least, and the highest alert id ever reserved.

Never is the truth about a row: it only tells that the file beside it is an older one, or has lost its last commits
(a truncated WAL leaves no other trace), and it keeps ids from going back when a backup is restored.
Comes from the writer after each commit; goes to the next start.
"""

import contextlib
import logging
import os
import struct
import threading
import zlib
from pathlib import Path

import msgspec

from leadline.core.errors import StoreError

log = logging.getLogger(__name__)

_SLOT = struct.Struct("<8sQ")
_CHECKSUM = struct.Struct("<I")
_SLOT_BYTES = 32
_COMMITS, _ALERT_ID = (b"commits\0", 0), (b"alert_id", _SLOT_BYTES)
"""Name and place of each number. Each is written by itself, so that two threads never undo each other's."""

SIZE_BYTES = 2 * _SLOT_BYTES


class Mark(msgspec.Struct, frozen=True):
    """Grouped commits that the database holds at least, and the highest alert id ever reserved."""

    commits: int = 0
    alert_id: int = 0


def mark_path(db_path: Path) -> Path:
    """Give where the mark of a database lies."""
    return Path(f"{db_path}.mark")


def read_mark(path: Path) -> Mark | None:
    """Read a mark; None if there is none, or if a power cut tore it (said).

    Raises:
        StoreError: it cannot be read.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(
            f"the database's mark cannot be read ({error.strerror})",
            which=str(path),
            expected="a file that this user can read",
            do="correct its permissions",
        ) from error
    commits, alert_id = (_number_in(content, *slot) for slot in (_COMMITS, _ALERT_ID))
    if commits is None or alert_id is None:
        log.warning("%s: the database's mark is torn; whether its last commits are missing cannot be told", path)
    return None if commits is None and alert_id is None else Mark(commits or 0, alert_id or 0)


def _number_in(content: bytes, name: bytes, offset: int) -> int | None:
    slot = content[offset : offset + _SLOT.size]
    checksum = content[offset + _SLOT.size : offset + _SLOT.size + _CHECKSUM.size]
    if len(slot) < _SLOT.size or checksum != _CHECKSUM.pack(zlib.crc32(slot)):
        return None
    found, number = _SLOT.unpack(slot)
    return int(number) if found == name else None


def write_mark(path: Path, mark: Mark) -> None:
    """Write a mark to disk, as it is: also back.

    Raises:
        OSError: the disk said no.
    """
    MarkKeeper(path, mark).close()


class MarkKeeper:
    """Keep the mark of an open database."""

    def __init__(self, path: Path, mark: Mark) -> None:
        """Open or make the file, and write the mark to disk.

        Raises:
            OSError: it cannot be made.
        """
        self._path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._lock = threading.Lock()
        self._has_failed = False
        self.alert_id = mark.alert_id
        """The highest alert id ever reserved."""
        try:
            # Both numbers with one write: a kill between two would leave neither, and ids that only the mark knows.
            numbers = ((_COMMITS, mark.commits), (_ALERT_ID, mark.alert_id))
            os.pwrite(self._fd, b"".join(_content(slot, n).ljust(_SLOT_BYTES, b"\0") for slot, n in numbers), 0)
            os.fsync(self._fd)
        except OSError:
            self.close()
            raise

    def committed(self, commits: int) -> None:
        """Note a commit. It is not synced: a power cut may leave an older mark, which accuses nobody."""
        self._keep(_COMMITS, commits)

    def reserve(self, alert_id: int) -> bool:
        """Reserve all ids up to this one, with one write that survives `kill -9`; False if the disk says no.

        Called by the event loop and by the writer's thread; the lock is held for that one write.
        """
        with self._lock:
            if alert_id <= self.alert_id:
                return True
            if not self._keep(_ALERT_ID, alert_id):
                return False
            self.alert_id = alert_id
            return True

    def sync(self) -> None:
        """Make what was noted survive a power cut too; not for the event loop."""
        with contextlib.suppress(OSError):
            os.fsync(self._fd)

    def _keep(self, slot: tuple[bytes, int], number: int) -> bool:
        try:
            self._write(slot, number)
        except OSError as error:
            # The database itself holds the same numbers: what is lost is only the second witness.
            if not self._has_failed:
                log.error("%s: the database's mark cannot be written (%s)", self._path, error.strerror)
            self._has_failed = True
            return False
        return True

    def _write(self, slot: tuple[bytes, int], number: int) -> None:
        os.pwrite(self._fd, _content(slot, number), slot[1])

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            os.close(self._fd)


def _content(slot: tuple[bytes, int], number: int) -> bytes:
    content = _SLOT.pack(slot[0], number)
    return content + _CHECKSUM.pack(zlib.crc32(content))
