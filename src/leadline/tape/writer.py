"""Owns the writing of segments: batches become blocks, and segments end by day and size.

Never holds a lock of ours or reads a clock; appends only, with plain writes that are done when they return. Never goes
on in a segment that is no longer under its name.
Comes from the recorder's thread, or from verbs that make a tape; goes to files of mode 0600.
"""

import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import zstandard

from leadline.core.errors import ExitCode, TapeError
from leadline.tape.blocks import LEVEL, pack
from leadline.tape.records import End, Frame, Gap, Header, Record, encode, frames_in, time_of
from leadline.tape.segments import begin_segment, day_of, is_in_place

log = logging.getLogger(__name__)


class TapeDiskError(TapeError):
    """The disk does not take a tape: a fault of the machine, not of what the user named."""

    exit_code = ExitCode.FAULT


class Tally(msgspec.Struct):
    """What some blocks hold: `numbers` are the frame numbers that they take up, those of gaps included."""

    records: int = 0
    frames: int = 0
    numbers: int = 0
    frame_bytes: int = 0

    def add(self, other: "Tally") -> None:
        """Add what other blocks hold."""
        self.records += other.records
        self.frames += other.frames
        self.numbers += other.numbers
        self.frame_bytes += other.frame_bytes


def tally_of(records: Sequence[Record]) -> Tally:
    """Count what a batch holds."""
    frames = [record for record in records if isinstance(record, Frame)]
    return Tally(len(records), len(frames), frames_in(records), sum(len(one.frame) for one in frames))


class SegmentWriter:
    """Append batches of records to a tape, each as one block."""

    def __init__(self, directory: Path, header: Header, segment_bytes_max: int, *, begins_now: bool = True) -> None:
        """Begin the first segment; `begins_now=False` leaves that to `begin`, or to the first batch.

        Raises:
            TapeDiskError: it cannot be made.
        """
        self._directory = directory
        self._header = header
        self._bytes_max = segment_bytes_max
        self._compressor = zstandard.ZstdCompressor(level=LEVEL)
        # Whole blocks until all of them are written: the first `_head_bytes` are the segment's header.
        self._waiting = b""
        self._head_bytes = self._done = 0
        self._in_waiting, self._in_segment = Tally(), Tally()
        self._frames = header.first_frame
        self._segment = header.segment
        self._segment_first = header.first_frame
        self._start_ns = self._last_ns = header.start_ns
        self._bytes = 0
        self._fd = -1
        self._path = directory
        self._is_ended = self._is_closed = False
        self._day = ""
        self.bytes_written = 0
        self.frames_written = 0
        """Frames on disk, without those of segments that were taken away."""
        self.frames_lost = 0
        """Frames in segments that were taken away."""
        if not begins_now:
            return
        try:
            self.begin()
        except OSError as error:
            self._close()
            raise TapeDiskError(
                f"no tape can be written here ({error.strerror})",
                which=str(directory),
                expected="a directory that can be made or written, on a disk with room",
                do="correct the path or its permissions, or free the disk",
            ) from error

    @property
    def path(self) -> Path:
        """Give the segment that is being written."""
        return self._path

    def begin(self) -> None:
        """Begin the first segment; once begun it changes nothing.

        Raises:
            OSError: it cannot be made now; try again.
        """
        self.flush()

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
            self._let_go_if_taken_away()
            if self._fd >= 0:
                self._end("rotated")
            self._begin(self._header.start_ns if t_ns is None else t_ns)
        self._queue(records)
        self._last_ns = self._last_ns if t_ns is None else t_ns

    def flush(self) -> None:
        """Write what was taken; after an error the same bytes go on where they stopped.

        Raises:
            OSError: they cannot be written now.
        """
        if self._waiting:
            self._let_go_if_taken_away()
        if self._fd < 0 and not self._is_closed:
            self._begin(self._last_ns)
        while self._done < len(self._waiting):
            written = os.write(self._fd, memoryview(self._waiting)[self._done :])
            self._done += written
            self._bytes += written
            self.bytes_written += written
        self.frames_written += self._in_waiting.frames
        self._in_segment.add(self._in_waiting)
        self._waiting, self._head_bytes, self._done, self._in_waiting = b"", 0, 0, Tally()

    def close(self) -> None:
        """End the segment in order and let it go; done twice it changes nothing.

        Raises:
            OSError: its last bytes cannot be written.
        """
        if self._is_closed:
            return
        try:
            self.flush()
            self._end("closed")
        finally:
            self._close()
            self._is_closed = True

    def _begin(self, t_ns: int) -> None:
        day = max(day_of(t_ns), self._day)
        first = self._frames - self._in_waiting.numbers
        header = msgspec.structs.replace(self._header, segment=self._segment, first_frame=first, start_ns=max(t_ns, 0))
        head = pack(encode([header]), 1, first, self._compressor)
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd, path = begin_segment(self._directory, day)
        self._close()
        self._fd, self._path, self._day = fd, path, day
        self._bytes, self._is_ended = 0, False
        self._segment += 1
        self._segment_first, self._start_ns, self._in_segment = first, t_ns, Tally()
        self._waiting = head + self._waiting[self._head_bytes :]
        self._head_bytes, self._done = len(head), 0

    def _end(self, reason: str) -> None:
        if not self._is_ended:
            self._queue([End(reason)])
            self._is_ended = True
        self.flush()

    def _queue(self, records: Sequence[Record]) -> None:
        self._waiting += pack(encode(records), len(records), self._frames, self._compressor)
        told = tally_of(records)
        self._in_waiting.add(told)
        self._frames += told.numbers

    def _let_go_if_taken_away(self) -> None:
        """Let go of a segment that is no longer under its name: what is written there nobody would find."""
        if self._fd < 0 or is_in_place(self._fd, self._path):
            return
        held = self._in_segment
        log.error(
            "%s was removed or moved away while it was written: its %s frames may be lost; a new segment begins",
            self._path,
            held.frames,
        )
        self.frames_lost += held.frames
        self.frames_written -= held.frames
        if held.records and os.fstat(self._fd).st_nlink == 0:  # one that was moved away may be put back
            self._mark_as_missing(held)
        self._waiting = self._waiting[self._head_bytes :]
        self._head_bytes = self._done = 0
        self._in_segment = Tally()
        self._close()

    def _mark_as_missing(self, held: Tally) -> None:
        numbers = self._frames - self._in_waiting.numbers - self._segment_first
        reason = "the segment was removed while it was written"
        gap = Gap(self._start_ns, self._last_ns, numbers, held.frame_bytes, held.records - held.frames, reason)
        block = pack(encode([gap]), 1, self._segment_first, self._compressor)
        head, body = self._waiting[: self._head_bytes], self._waiting[self._head_bytes :]
        self._waiting = head + block + body
        self._in_waiting.add(tally_of([gap]))

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
