"""Owns the intent journal: one checksummed record an intent, written with one write before anything is sent.

Never sends, never buffers; a short or failed write is no record and means no order.
Comes from the trader; goes to an append-only file, which the next start replays.

Format: MAGIC, then records of `length, crc32` (two little-endian 32-bit integers) and that many bytes of MessagePack.
The file is preallocated with zeros: a length of 0 is the end, a record whose checksum fails is a torn tail.
"""

import os
import struct
import zlib
from pathlib import Path

import msgspec

from leadline.core.errors import JournalError
from leadline.core.intent import Intent, Purpose

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
        self._opening_end = size_bytes - reserve_bytes
        self._end = size_bytes
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            if os.fstat(self._fd).st_size == 0:
                os.pwrite(self._fd, MAGIC, 0)
            _preallocate(self._fd, size_bytes)
            os.fsync(self._fd)
        except OSError as error:
            raise JournalError(
                f"the intent journal cannot be made ({error.strerror})",
                which=str(path),
                expected=f"{size_bytes // 1024} kB of free disk in a directory that can be written",
                do="free the disk or correct STATE_DIR",
            ) from error
        self.intents, self._offset = _read(self._fd, path)
        """Intents of earlier runs, oldest first."""

    def append(self, intent: Intent) -> None:
        """Write one intent with one write.

        Raises:
            JournalError: it is not on record; nothing may be sent.
        """
        payload = self._encoder.encode(intent)
        record = _HEAD.pack(len(payload), zlib.crc32(payload)) + payload
        end = self._end if intent.purpose is Purpose.CLOSE else self._opening_end
        # Four zero bytes must stay behind the last record, to end it.
        if self._offset + len(record) + _HEAD.size > end or len(record) > RECORD_BYTES_MAX:
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
        """Put the file aside under another name and give an empty one; only once nothing in it is open."""
        self.close()
        self.path.rename(kept_as)
        return Journal(self.path, size_bytes=self._end, reserve_bytes=self._end - self._opening_end)

    @property
    def is_half_full(self) -> bool:
        """Tell whether it is time to begin anew."""
        return self._offset > self._opening_end // 2

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def _preallocate(fd: int, size_bytes: int) -> None:
    """Take the space now, so that it cannot be missing when a position must be closed."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size_bytes)
    else:  # macOS: a hole, which a full disk can refuse later
        os.ftruncate(fd, max(size_bytes, os.fstat(fd).st_size))


def _read(fd: int, path: Path) -> tuple[list[Intent], int]:
    """Read records up to the end or the first that is torn; give them and the offset of the next write."""
    content = memoryview(os.pread(fd, os.fstat(fd).st_size, 0))
    if bytes(content[: len(MAGIC)]) != MAGIC:
        raise JournalError(
            "this file is no intent journal",
            which=str(path),
            expected=f"a file that begins with {MAGIC!r}",
            do="move it away; the next start makes a new one and asks the broker what is open",
        )
    decoder = msgspec.msgpack.Decoder(Intent)
    intents: list[Intent] = []
    offset = len(MAGIC)
    while offset + _HEAD.size <= len(content):
        length, checksum = _HEAD.unpack_from(content, offset)
        payload = content[offset + _HEAD.size : offset + _HEAD.size + length]
        if length == 0 or len(payload) < length or zlib.crc32(payload) != checksum:
            break
        intents.append(decoder.decode(payload))
        offset += _HEAD.size + length
    return intents, offset
