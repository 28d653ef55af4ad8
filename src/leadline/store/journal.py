"""Owns the intent journal: one checksummed record an intent, written with one write before anything is sent.

Never sends, never buffers; a short or failed write is no record and means no order.
Comes from the trader; goes to an append-only file, which the next start replays.

Format: MAGIC, then records of `length, crc32` (two little-endian 32-bit integers) and that many bytes of MessagePack.
The file is preallocated with zeros. What is no whole record is a torn one, or damage: it is passed over and said, and
the records behind it count.
"""

import errno
import logging
import os
import struct
import zlib
from pathlib import Path

import msgspec

from leadline.core.errors import JournalError
from leadline.core.intent import Intent, Purpose

log = logging.getLogger(__name__)

MAGIC = b"leadline intents 1\n"
SIZE_BYTES = 16 * 1024 * 1024
RESERVE_BYTES = 1024 * 1024
"""The last part of the file, which only closing orders may use (design section 2)."""

RECORD_BYTES_MAX = 64 * 1024
_HEAD = struct.Struct("<II")


class Journal:
    """Append intents to one file, and read back those of earlier runs."""

    def __init__(self, path: Path, *, size_bytes: int = SIZE_BYTES, reserve_bytes: int = RESERVE_BYTES) -> None:
        """Open or make the file and read what is in it.

        Raises:
            JournalError: the file cannot be made, or is no journal.
        """
        self.path = path
        self._encoder = msgspec.msgpack.Encoder()
        self._fd = -1
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
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
        # A file that an earlier version made larger stays so.
        self._end = max(size_bytes, os.fstat(self._fd).st_size)
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
        payloads, offset = _records(memoryview(content), len(used), self.path)
        os.pwrite(self._fd, bytes(max(0, len(used) - offset)), offset)
        decoder = msgspec.msgpack.Decoder(Intent)
        try:
            return [decoder.decode(payload) for payload in payloads], offset
        except msgspec.DecodeError as error:
            raise _unreadable(
                self.path, f"an intent in this journal cannot be read ({error})", "intents of this version of leadline"
            ) from error

    def append(self, intent: Intent) -> None:
        """Write one intent with one write.

        Raises:
            JournalError: it is not on record; nothing may be sent.
        """
        payload = self._encoder.encode(intent)
        record = _HEAD.pack(len(payload), zlib.crc32(payload)) + payload
        end = self._end if intent.purpose is Purpose.CLOSE else self._opening_end
        if self._offset + len(record) > end or len(record) > RECORD_BYTES_MAX:
            raise JournalError(
                f"the intent journal has no room for {intent.purpose} {intent.key}",
                which=str(self.path),
                expected="room before the part kept for closing orders",
                do="stop and start leadline, which begins a new journal",
            )
        try:
            written = os.pwrite(self._fd, record, self._offset)
        except OSError as error:
            raise JournalError(
                f"intent {intent.key} was not recorded ({error.strerror})", which=str(self.path)
            ) from error
        if written != len(record):
            raise JournalError(f"intent {intent.key} was recorded in part", which=str(self.path))
        self._offset += written

    def begin_anew(self, kept_as: Path) -> "Journal":
        """Put the file aside under another name and give an empty one; only once nothing in it is open.

        Raises:
            JournalError: the other name is taken, or the disk said no: the journal stays as it was.
        """
        try:
            if kept_as.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            self.path.rename(kept_as)
        except OSError as error:
            raise JournalError(
                f"the intent journal cannot be put aside ({error.strerror})",
                which=str(kept_as),
                expected="a name that is free, in a directory that can be written",
                do="move what has that name away, or correct the directory's permissions",
            ) from error
        self.close()
        return Journal(self.path, size_bytes=self._end, reserve_bytes=self._reserve)

    @property
    def _opening_end(self) -> int:
        return self._end - self._reserve

    @property
    def is_half_full(self) -> bool:
        """Tell whether it is time to begin anew."""
        return self._offset > self._opening_end // 2

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


def _records(content: memoryview, used_bytes: int, path: Path) -> tuple[list[memoryview], int]:
    """Find every whole record in the used part of a journal; give the payloads and the end of the last one."""
    payloads: list[memoryview] = []
    offset = end = len(MAGIC)
    while offset < used_bytes:
        payload = _record_at(content, offset)
        if payload is None:
            offset += 1
            continue
        if offset > end:
            log.error("journal %s: %s bytes before an intent are damaged; look at the broker", path, offset - end)
        payloads.append(payload)
        offset = end = offset + _HEAD.size + len(payload)
    if end < used_bytes:
        log.warning(
            "journal %s: its last record is torn and was never written whole (%s bytes)", path, used_bytes - end
        )
    return payloads, end


def _record_at(content: memoryview, offset: int) -> memoryview | None:
    """Give the payload of the record that begins here; None if none does."""
    if offset + _HEAD.size > len(content):
        return None
    length, checksum = _HEAD.unpack_from(content, offset)
    payload = content[offset + _HEAD.size : offset + _HEAD.size + length]
    if not 0 < length == len(payload) <= RECORD_BYTES_MAX or zlib.crc32(payload) != checksum:
        return None
    return payload


def _unreadable(path: Path, what: str, expected: str) -> JournalError:
    return JournalError(
        what,
        which=str(path),
        expected=expected,
        do="move it away; the next start makes a new one and asks the broker what is open",
    )
