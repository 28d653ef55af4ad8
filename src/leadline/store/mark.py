"""Owns the mark beside the database: how many commits it holds at least, and the highest alert id ever reserved.

Never is the truth about a row: it only tells that the file beside it is an older one, or has lost its last commits
(a truncated WAL leaves no other trace), and it keeps ids from going back when a backup is restored.
Comes from the writer after each commit; goes to the next start.
"""

import contextlib
import logging
import os
import struct
import zlib
from pathlib import Path

import msgspec

from leadline.core.errors import StoreError

log = logging.getLogger(__name__)

_BODY = struct.Struct("<8sQQ")
_CHECKSUM = struct.Struct("<I")
_MAGIC = b"leadmark"
SIZE_BYTES = _BODY.size + _CHECKSUM.size


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
    if len(content) == SIZE_BYTES and content[_BODY.size :] == _CHECKSUM.pack(zlib.crc32(content[: _BODY.size])):
        magic, commits, alert_id = _BODY.unpack_from(content)
        if magic == _MAGIC:
            return Mark(commits, alert_id)
    log.warning("%s: the database's mark is torn; whether its last commits are missing cannot be told", path)
    return None


def write_mark(path: Path, mark: Mark) -> None:
    """Write a mark to disk.

    Raises:
        OSError: the disk said no.
    """
    keeper = MarkKeeper(path, mark)
    try:
        keeper.write(is_synced=True)
    finally:
        keeper.close()


class MarkKeeper:
    """Keep the mark of an open database."""

    def __init__(self, path: Path, mark: Mark) -> None:
        """Open or make the file.

        Raises:
            OSError: it cannot be made.
        """
        self._path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._has_failed = False
        self.mark = mark

    def committed(self, commits: int) -> None:
        """Note a commit. It is not synced: a power cut may leave an older mark, which accuses nobody."""
        self._keep(msgspec.structs.replace(self.mark, commits=commits), is_synced=False)

    def reserved(self, alert_id: int) -> None:
        """Note a block of ids, before the first of them is given."""
        self._keep(
            msgspec.structs.replace(self.mark, alert_id=max(alert_id, self.mark.alert_id)),
            is_synced=True,
        )

    def _keep(self, mark: Mark, *, is_synced: bool) -> None:
        self.mark = mark
        try:
            self.write(is_synced=is_synced)
        except OSError as error:
            # The database itself holds the same numbers: what is lost is only the second witness.
            if not self._has_failed:
                log.error("%s: the database's mark cannot be written (%s)", self._path, error.strerror)
            self._has_failed = True

    def write(self, *, is_synced: bool) -> None:
        """Write the mark with one write.

        Raises:
            OSError: the disk said no.
        """
        body = _BODY.pack(_MAGIC, self.mark.commits, self.mark.alert_id)
        os.pwrite(self._fd, body + _CHECKSUM.pack(zlib.crc32(body)), 0)
        if is_synced:
            os.fsync(self._fd)

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            os.close(self._fd)
