"""Owns the writing of segments: batches become blocks, and segments end by day and size.

Never holds a lock of ours or reads a clock; appends only, with plain writes that are done when they return.
Comes from the recorder's thread, or from verbs that make a tape; goes to files of mode 0600.
"""

import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import zstandard

from leadline.core.errors import TapeError
from leadline.tape.blocks import LEVEL, pack
from leadline.tape.records import End, Header, Record, encode, frames_in, time_of
from leadline.tape.segments import begin_segment, day_of

log = logging.getLogger(__name__)


class SegmentWriter:
    """Append batches of records to a tape, each as one block."""

    def __init__(self, directory: Path, header: Header, segment_bytes_max: int) -> None:
        """Begin the first segment.

        Raises:
            TapeError: it cannot be made.
        """
        self._directory = directory
        self._header = header
        self._bytes_max = segment_bytes_max
        self._compressor = zstandard.ZstdCompressor(level=LEVEL)
        self._left = memoryview(b"")
        self._frames = header.first_frame
        self._segment = header.segment
        self._bytes = 0
        self._fd = -1
        self._is_ended = False
        self._day = ""
        self.bytes_written = 0
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._begin(header.start_ns)
            self.flush()
        except OSError as error:
            self._close()
            raise TapeError(
                f"no tape can be written here ({error.strerror})",
                which=str(directory),
                expected="a directory that can be made or written, on a disk with room",
                do="correct the path or its permissions, or free the disk",
            ) from error

    @property
    def path(self) -> Path:
        """Give the segment that is being written."""
        return self._path

    def put(self, records: Sequence[Record]) -> None:
        """Take a batch as one block; `flush` writes it.

        Raises:
            OSError: what was taken before cannot be written; this batch was not taken, try it again.
        """
        self.flush()
        t_ns = next((t for t in map(time_of, records) if t is not None), None)
        # A clock that goes back does not go back to an old segment. A batch stays whole: it holds what was judged
        # together, so the half second around midnight may stand in either day's segment.
        is_next_day = t_ns is not None and day_of(t_ns) > self._day
        if is_next_day or self._bytes >= self._bytes_max:
            self._end("rotated")
            self._begin(self._header.start_ns if t_ns is None else t_ns)
        self._queue(records)

    def flush(self) -> None:
        """Write what was taken; after an error the same bytes go on where they stopped.

        Raises:
            OSError: they cannot be written now.
        """
        while self._left:
            written = os.write(self._fd, self._left)
            self._left = self._left[written:]
            self._bytes += written
            self.bytes_written += written

    def close(self) -> None:
        """End the segment in order and let it go; done twice it changes nothing.

        Raises:
            OSError: its last bytes cannot be written.
        """
        if self._fd < 0:
            return
        try:
            self.flush()
            self._end("closed")
        finally:
            self._close()

    def _begin(self, t_ns: int) -> None:
        day = max(day_of(t_ns), self._day)
        fd, path = begin_segment(self._directory, day)
        self._close()
        self._fd, self._path, self._day = fd, path, day
        self._bytes, self._is_ended = 0, False
        header = msgspec.structs.replace(
            self._header, segment=self._segment, first_frame=self._frames, start_ns=max(t_ns, 0)
        )
        self._segment += 1
        self._queue([header])

    def _end(self, reason: str) -> None:
        if not self._is_ended:
            self._queue([End(reason)])
            self._is_ended = True
        self.flush()

    def _queue(self, records: Sequence[Record]) -> None:
        block = pack(encode(records), len(records), self._frames, self._compressor)
        self._left = memoryview(bytes(self._left) + block)
        self._frames += frames_in(records)

    def _close(self) -> None:
        if self._fd < 0:
            return
        try:
            os.fsync(self._fd)
        except OSError as error:
            log.error("%s: the system could not make this segment safe (%s)", self._path, error.strerror)
        with contextlib.suppress(OSError):
            os.close(self._fd)
        self._fd = -1
