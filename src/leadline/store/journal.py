"""Owns the intent journal: one checksummed record an intent, written with one write before anything is sent.

Never sends, never buffers; a short or failed write is no record and means no order.
Comes from the trader; goes to an append-only file, which the next start replays.

Format: MAGIC, then the records of `records`.
The file is preallocated with zeros. What is no whole record is a torn one, or damage: it is passed over and said, and
the records behind it count. `kill -9` loses no record that was written; a power cut may, unless each is synced.
"""

import contextlib
import errno
import logging
import os
from collections.abc import Callable, Collection
from pathlib import Path

import msgspec

from leadline.core.errors import JournalError, JournalFullError
from leadline.core.intent import Intent, Purpose
from leadline.store.records import HEAD, RECORD_BYTES_MAX, find_records, record_of

log = logging.getLogger(__name__)

MAGIC = b"leadline intents 1\n"
SIZE_BYTES = 16 * 1024 * 1024
RESERVE_BYTES = 1024 * 1024
"""The last part of the file, which only closing orders may use (design section 2)."""

_sync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class Journal:
    """Append intents to one file, and read back those of earlier runs."""

    def __init__(
        self,
        path: Path,
        *,
        size_bytes: int = SIZE_BYTES,
        reserve_bytes: int = RESERVE_BYTES,
        is_synced: bool = False,
    ) -> None:
        """Open or make the file and read what is in it; `is_synced` makes each record survive a power cut too.

        Raises:
            JournalError: the file cannot be made, or is no journal.
        """
        self.path = path
        self._is_synced = is_synced
        self._encoder = msgspec.msgpack.Encoder()
        self._fd = -1
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self.intents, self._offset = self._read()
            _preallocate(self._fd, size_bytes)
            os.fsync(self._fd)
        except JournalError:
            self.close()
            raise
        except OSError as error:
            self.close()
            raise JournalError(
                f"the intent journal cannot be made ({error.strerror})",
                which=str(path),
                expected=f"{size_bytes // 1024} kB of free disk in a directory that can be written",
                do="free the disk or correct STATE_DIR",
            ) from error
        status = os.fstat(self._fd)
        self._file = (status.st_dev, status.st_ino)
        # A file that an earlier version made larger stays so.
        self._end = max(size_bytes, status.st_size)
        self._reserve = reserve_bytes

    def _read(self) -> tuple[list[Intent], int]:
        """Give the intents of earlier runs, oldest first, and where the next one goes; clear what is behind it."""
        content = os.pread(self._fd, os.fstat(self._fd).st_size, 0)
        used = content.rstrip(b"\0")
        if MAGIC.startswith(used):  # new, or made by a start that did not get further
            os.pwrite(self._fd, MAGIC, 0)
            return [], len(MAGIC)
        if not used.startswith(MAGIC):
            raise _unreadable(self.path, "this file is no intent journal", f"a file that begins with {MAGIC!r}")
        found = find_records(content, len(MAGIC))
        for gap in found.gaps:
            if gap.is_tail:
                text = "journal %s: its last record is torn and was never written whole (%s bytes)"
                log.warning(text, self.path, gap.size_bytes)
            else:
                text = "journal %s: %s bytes before an intent are damaged; look at the broker"
                log.error(text, self.path, gap.size_bytes)
        os.pwrite(self._fd, bytes(max(0, len(used) - found.end)), found.end)
        decoder = msgspec.msgpack.Decoder(Intent)
        try:
            return [decoder.decode(payload) for payload in found.payloads], found.end
        except msgspec.DecodeError as error:
            raise _unreadable(
                self.path, f"an intent in this journal cannot be read ({error})", "intents of this version of leadline"
            ) from error

    def append(self, intent: Intent) -> None:
        """Write one intent with one write.

        Raises:
            JournalFullError: there is no room for it; closing orders have room that openings may not use.
            JournalError: it is not on record; nothing may be sent.
        """
        record = record_of(self._encoder.encode(intent))
        end = self._end if intent.purpose is Purpose.CLOSE else self._opening_end
        if self._offset + len(record) > end or len(record) > HEAD.size + RECORD_BYTES_MAX:
            raise JournalFullError(
                f"the intent journal has no room for {intent.purpose} {intent.key}",
                which=str(self.path),
                expected="room before the part kept for closing orders",
                do="stop and start leadline, which begins a new journal",
            )
        try:
            self._require_path()
            written = os.pwrite(self._fd, record, self._offset)
            if self._is_synced:
                _sync(self._fd)
        except OSError as error:
            self._take_back(len(record))
            raise JournalError(
                f"intent {intent.key} was not recorded ({error.strerror})",
                which=str(self.path),
                expected="a file on a sound disk that nobody else touches",
                do="look at the disk, then stop and start leadline",
            ) from error
        if written != len(record):
            self._take_back(len(record))
            raise JournalError(f"intent {intent.key} was recorded in part", which=str(self.path))
        self._offset += written

    def _require_path(self) -> None:
        """Raise OSError unless the path still names our file: no start would ever replay another one."""
        status = os.stat(self.path)  # noqa: PTH116 - half the time of Path.stat, on the way of every order
        if (status.st_dev, status.st_ino) != self._file:
            raise OSError(errno.ESTALE, "the file was replaced while leadline ran")

    def _take_back(self, size_bytes: int) -> None:
        """Clear what may stand of a record that does not count, lest a start take it for an order."""
        with contextlib.suppress(OSError):
            os.pwrite(self._fd, bytes(size_bytes), self._offset)

    def trimmed(self, kept_as: Path, open_keys: Collection[str]) -> "Journal":
        """Put the file aside under another name, and give one that holds only the intents that are still open.

        The path names one whole journal at any moment: the old one until the new one is on disk.

        Raises:
            JournalError: the other name is taken, or the disk said no: the journal stays as it was.
        """
        fresh_path = self.path.with_name(f"{self.path.name}.new")
        try:
            fresh_path.unlink(missing_ok=True)
            fresh = Journal(fresh_path, size_bytes=self._end, reserve_bytes=self._reserve, is_synced=self._is_synced)
            for intent in self.intents:
                if intent.key in open_keys:
                    fresh.append(intent)
            os.fsync(fresh._fd)
            fresh.close()
            os.link(self.path, kept_as)
            fresh_path.replace(self.path)
            os.ftruncate(self._fd, self._offset)  # the room behind its records is not worth keeping
        except OSError as error:
            raise JournalError(
                f"the intent journal cannot be put aside ({error.strerror})",
                which=str(kept_as),
                expected="a name that is free, in a directory that can be written",
                do="move what has that name away, or correct the directory's permissions",
            ) from error
        self.close()
        return Journal(self.path, size_bytes=self._end, reserve_bytes=self._reserve, is_synced=self._is_synced)

    @property
    def _opening_end(self) -> int:
        return self._end - self._reserve

    @property
    def is_half_full(self) -> bool:
        """Tell whether it is time to trim."""
        return self._offset > self._opening_end // 2

    @property
    def is_nearly_full(self) -> bool:
        """Tell whether a tenth is left for openings: trimming can wait no longer."""
        return self._offset > self._opening_end * 9 // 10

    def close(self) -> None:
        """Close the file; an intent that comes later is refused, and its bytes go into no other file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _preallocate(fd: int, size_bytes: int) -> None:
    """Take the space now, so that it cannot be missing when a position must be closed."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size_bytes)
    else:  # macOS: a hole, which a full disk can refuse later
        os.ftruncate(fd, max(size_bytes, os.fstat(fd).st_size))


def _unreadable(path: Path, what: str, expected: str) -> JournalError:
    return JournalError(
        what,
        which=str(path),
        expected=expected,
        do="move it away; the next start makes a new one and asks the broker what is open",
    )
