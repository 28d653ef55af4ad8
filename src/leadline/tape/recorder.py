"""Owns the recording of a run: what is received is put into memory, and a thread of its own writes it.

Never opens, compresses, locks or waits on the event loop: there a frame costs one append. Never lets a full or slow
disk reach the stream, or an error of its thread pass unsaid: frames are left out, counted, and the tape says so where
they are missing.
Comes from the stream, frame by frame; goes to a tape.

A kill must not part a frame from the mark that it was never judged: the mark may come up to a drain of the socket
later. So what was received waits for one more hand-over, and takes along the marks that came for it meanwhile.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from functools import partial

import msgspec

from leadline.tape.masking import Mask
from leadline.tape.records import Conflated, Event, Frame, Gap, Record, time_of
from leadline.tape.writer import SegmentWriter, tally_of

log = logging.getLogger(__name__)

HAND_OVER_S = 0.3
"""A frame waits for at most two of these in memory, then for the write: together less than the second of a kill."""

WAITING_BYTES_MAX = 64 * 1024 * 1024
"""What may wait in memory while the disk is full or slow: a minute of 500 symbols."""

RECORD_BYTES = 64
"""What an event or a mark counts for."""

RETRY_S = 1.0
CLOSE_S = 5.0


class RecorderState(msgspec.Struct):
    """What pages show of a recording; `dropped_frames` are all that are not on the tape, for whatever reason."""

    frames: int = 0
    waiting_bytes: int = 0
    dropped_frames: int = 0
    written_bytes: int = 0
    error: str | None = None


class Recorder:
    """Keep what is received."""

    def __init__(self, writer: SegmentWriter, mask: Mask, *, waiting_bytes_max: int = WAITING_BYTES_MAX) -> None:
        self._writer = writer
        self._mask = mask
        self._bytes_max = waiting_bytes_max
        self._batch: list[Record] = []
        self._batch_first = 0
        self._marks = 0
        self._settling: list[Record] = []
        self._frames = self._dropped = 0
        self._taken_bytes = 0
        self._gap: Gap | None = None
        self._is_behind = False
        # Written by the thread only, read by the loop only: neither needs a lock.
        self._done_bytes = 0
        self._error: str | None = None
        self._unwritten_frames = 0
        self._unwritten: Gap | None = None  # batches that could not be written, until the tape says so
        self._batches: queue.SimpleQueue[list[Record] | None] = queue.SimpleQueue()
        self._ending = threading.Event()
        self._is_closed = False
        self._thread = threading.Thread(target=self._work, name="tape", daemon=True)
        self._thread.start()

    def frame(self, recv_ns: int, boot_ns: int, frame: bytes) -> None:
        """Keep one inbound frame as received; frames are numbered from 0 over the run."""
        self._frames += 1
        size = len(frame) + RECORD_BYTES
        # Once frames are left out, half of the memory must be free again: one long gap is better than a hundred.
        bytes_max = self._bytes_max if self._gap is None else self._bytes_max // 2
        if self._taken_bytes - self._done_bytes + size > bytes_max:
            self._leave_out(recv_ns, len(frame))
            return
        if self._gap is not None:
            log.warning("the tape goes on; what was left out is counted and marked on it")
            self._close_gap()
            self._is_behind = False
        self._batch.append(Frame(recv_ns, boot_ns, frame))
        self._taken_bytes += size

    def event(self, recv_ns: int, kind: str, text: str) -> None:
        """Keep what happened to the connection."""
        self._keep_small(Event(recv_ns, kind, self._mask.text(text)), recv_ns)

    def conflated(self, frame_seq: int, symbol: str, service: str) -> None:
        """Mark a symbol's books of a service in a frame as superseded unjudged."""
        gap = self._gap
        if gap is not None and frame_seq >= self._frames - gap.frames:
            return  # the frame itself is not on the tape
        self._marks += 1
        self._keep_small(Conflated(frame_seq, symbol, service), None)

    @property
    def state(self) -> RecorderState:
        """Tell how the recording is."""
        waiting = self._taken_bytes - self._done_bytes
        writer = self._writer
        dropped = self._dropped + self._unwritten_frames + writer.frames_lost
        if self._is_closed:  # what still waits, or was taken and not written, comes no more
            dropped = self._frames - writer.frames_written
        return RecorderState(self._frames, waiting, dropped, writer.bytes_written, self._error)

    def hand_over(self) -> None:
        """Give the thread what was received before the last hand-over; only ever between callbacks of the loop."""
        batch = self._batch
        if self._marks:
            first = self._batch_first
            for_older = [mark for mark in batch if isinstance(mark, Conflated) and mark.frame_no < first]
            batch = [one for one in batch if not (isinstance(one, Conflated) and one.frame_no < first)]
            self._settling += for_older
        if self._settling:
            self._batches.put(self._settling)
        self._settling = batch
        self._batch, self._batch_first, self._marks = [], self._frames, 0

    async def keep_handing_over(self) -> None:
        """Hand over every 0.3 s until cancelled."""
        while True:
            await asyncio.sleep(HAND_OVER_S)
            self.hand_over()

    def close(self, wait_s: float = CLOSE_S) -> None:
        """Write what is left, end the segment in order, and wait so long for it. Done twice it changes nothing."""
        if self._gap is not None:
            self._close_gap()
        self.hand_over()
        self.hand_over()
        if not self._ending.is_set():
            self._ending.set()
            self._batches.put(None)
        self._thread.join(wait_s)
        if self._thread.is_alive():
            log.error("the tape was not written to its end within %s s: the disk is slow", wait_s)
        self._is_closed = True

    # on the loop

    def _keep_small(self, record: Event | Conflated, recv_ns: int | None) -> None:
        # What frames may not fill beyond the bound is room for these: without its marks a tape replays differently.
        if self._taken_bytes - self._done_bytes + RECORD_BYTES > 2 * self._bytes_max:
            self._leave_out(recv_ns, None)
            return
        if self._gap is not None:
            self._close_gap()
        self._batch.append(record)
        self._taken_bytes += RECORD_BYTES

    def _leave_out(self, recv_ns: int | None, frame_bytes: int | None) -> None:
        """Count what the bound forbids to keep, and say so when it begins."""
        if not self._is_behind:
            self._is_behind = True
            log.error("the tape falls behind: frames are left out from here on, and counted; trading goes on")
        gap = self._gap or Gap(recv_ns or 0, recv_ns or 0, 0, 0, 0, self._error or "the disk is too slow")
        if frame_bytes is None:
            self._gap = msgspec.structs.replace(gap, others=gap.others + 1)
            return
        self._dropped += 1
        self._gap = msgspec.structs.replace(
            gap,
            recv_ns=gap.recv_ns or recv_ns or 0,
            last_ns=recv_ns or gap.last_ns,
            frames=gap.frames + 1,
            frame_bytes=gap.frame_bytes + frame_bytes,
        )

    def _close_gap(self) -> None:
        assert self._gap is not None
        self._batch.append(self._gap)
        self._gap = None
        self._taken_bytes += RECORD_BYTES

    # on the thread

    def _work(self) -> None:
        self._try(self._writer.begin)
        while (batch := self._batches.get()) is not None:
            if not self._try(partial(self._put, batch)):
                self._count_unwritten(batch)
                self._say_early_end(len(batch))
            elif not self._try(self._writer.flush):
                self._say_early_end(len(batch))
            self._done_bytes += sum(map(_size_of, batch))
        if self._unwritten is not None:
            self._try(partial(self._put, []))
        self._try(self._writer.close)

    def _put(self, batch: list[Record]) -> None:
        """Hand a batch to the writer, behind the mark of what could not be written before it."""
        missing = [] if self._unwritten is None else [self._unwritten]
        self._writer.put([*missing, *map(self._masked, batch)])
        self._unwritten = None

    def _count_unwritten(self, batch: list[Record]) -> None:
        told = tally_of(batch)
        self._unwritten_frames += told.frames
        times = [t for t in map(time_of, batch) if t is not None]
        gap = self._unwritten or Gap(times[0] if times else 0, 0, 0, 0, 0, self._error or "")
        self._unwritten = msgspec.structs.replace(
            gap,
            last_ns=times[-1] if times else gap.last_ns,
            frames=gap.frames + told.numbers,
            frame_bytes=gap.frame_bytes + told.frame_bytes,
            others=gap.others + told.records - told.frames,
        )

    def _say_early_end(self, records: int) -> None:
        if self._ending.is_set():
            log.error("the tape ends early: %s records were not written", records)

    def _masked(self, record: Record) -> Record:
        if not isinstance(record, Frame):
            return record
        frame = self._mask.frame(record.frame)
        return record if frame is record.frame else Frame(record.recv_ns, record.boot_ns, frame)

    def _try(self, write: Callable[[], None]) -> bool:
        """Try until the disk takes it; at the end of the run, or after any other error, never again."""
        while True:
            is_last = self._ending.is_set()
            try:
                write()
            except OSError as error:
                if self._error is None:
                    log.error("the tape cannot be written (%s); trying again", error.strerror)
                self._error = error.strerror or str(error)
                if is_last:
                    return False
                self._ending.wait(RETRY_S)
            except Exception as error:
                # Whatever it is, the thread must live: without it frames would go nowhere, and nobody would know.
                if self._error is None:
                    log.exception("the tape cannot be written; frames are left out from here on, and counted")
                self._error = f"{type(error).__name__}: {error}"
                return False
            else:
                if self._error is not None:
                    log.warning("the tape can be written again")
                self._error = None
                return True


def _size_of(record: Record) -> int:
    return RECORD_BYTES + (len(record.frame) if isinstance(record, Frame) else 0)
