"""Owns what can be told of a tape without judging it: what it holds, and everything that is wrong with it.

Never changes a tape, and never stops at the first fault.
Comes from segments; goes to `leadline tape info` and `verify`.
"""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import msgspec

from leadline.tape.blocks import Block
from leadline.tape.reader import Fault, Passed, runs_in
from leadline.tape.records import LIVE, Conflated, End, Event, Frame, Gap, Header, Record, frames_in
from leadline.tape.segments import Run, blocks_of, is_being_written

BooksIn = Callable[[bytes], "list[str] | None"]
"""Reads the symbols of a frame's books; None for a frame that is malformed."""


class SegmentFacts(msgspec.Struct):
    """What one segment holds: sizes in bytes, times UTC; None where it holds no frame."""

    path: Path
    header: Header | None = None
    size: int = 0
    raw_size: int = 0
    blocks: int = 0
    frames: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    backward_times: int = 0
    """Receive times smaller than the one before: the clock was set back."""
    ending: str | None = None
    """How it was ended; None where its process was killed or is still writing."""
    is_being_written: bool = False


class Survey(msgspec.Struct):
    """What a tape holds: books by symbol, events by kind, frames left out, books superseded, and its faults."""

    segments: list[SegmentFacts] = []
    runs: list[Header] = []
    books: Counter[str] = msgspec.field(default_factory=Counter)
    events: Counter[str] = msgspec.field(default_factory=Counter)
    malformed: int = 0
    conflated: int = 0
    gaps: int = 0
    missing_frames: int = 0
    faults: list[Fault] = []


def survey(path: Path, books_in: BooksIn, on_bytes: Passed) -> Survey:
    """Read a tape from end to end.

    Raises:
        TapeError: this is no tape, or a newer leadline wrote it.
    """
    runs, faults = runs_in(path)
    found = Survey(runs=[run.header for run in runs], faults=faults)
    found.segments += [SegmentFacts(fault.path, size=fault.path.stat().st_size) for fault in faults]
    for run in runs:
        _RunSurvey(run, found, books_in).read(on_bytes)
    return found


class _RunSurvey:
    """One pass over one run."""

    def __init__(self, run: Run, found: Survey, books_in: BooksIn) -> None:
        self._run = run
        self._found = found
        self._books_in = books_in
        self._frame_no = run.header.first_frame
        self._boot_ns = 0
        self._last_ns: int | None = None

    def read(self, on_bytes: Passed) -> None:
        numbers = []
        for path in self._run.paths:
            facts = SegmentFacts(path, is_being_written=is_being_written(path))
            self._found.segments.append(facts)
            for found in blocks_of(path):
                on_bytes(found.size)
                facts.size += found.size
                if isinstance(found, Block):
                    self._block(found, facts)
                    continue
                is_torn = found.is_torn and path == self._run.paths[-1]
                self._fault(path, found.offset, f"{found.size} bytes: {found.why}", is_torn=is_torn)
            if facts.header is not None:
                numbers.append(facts.header.segment)
        for before, after in pairwise(numbers):
            if after != before + 1:
                self._fault(
                    self._run.paths[-1].parent, 0, f"segment {before + 1} of run {self._run.header.run} is missing"
                )

    def _block(self, block: Block, facts: SegmentFacts) -> None:
        facts.blocks += 1
        facts.raw_size += block.raw_size
        if block.first_frame != self._frame_no:
            missing = block.first_frame - self._frame_no
            self._fault(facts.path, block.offset, f"{missing} frames before this block are missing")
            self._frame_no = block.first_frame
        for record in block.records:
            self._record(record, block, facts)
            self._frame_no += frames_in((record,))

    def _record(self, record: Record, block: Block, facts: SegmentFacts) -> None:
        if facts.ending is not None:
            self._fault(facts.path, block.offset, "something stands behind the segment's end")
        match record:
            case Header():
                if block.offset or facts.header is not None:
                    self._fault(facts.path, block.offset, "a second header")
                facts.header = record
            case Frame():
                self._frame(record, block, facts)
            case Event(_, kind, _):
                self._found.events[kind] += 1
            case Gap():
                self._found.gaps += 1
                self._found.missing_frames += record.frames
            case Conflated():
                self._found.conflated += 1
                if not self._run.header.first_frame <= record.frame_no < self._frame_no:
                    self._fault(facts.path, block.offset, f"a mark names frame {record.frame_no}, which is not here")
            case End(reason):
                facts.ending = reason

    def _frame(self, frame: Frame, block: Block, facts: SegmentFacts) -> None:
        facts.frames += 1
        if facts.first_ns is None:
            facts.first_ns = frame.recv_ns
        facts.last_ns = frame.recv_ns
        if self._last_ns is not None and frame.recv_ns < self._last_ns:
            facts.backward_times += 1
        self._last_ns = frame.recv_ns
        if self._run.header.source == LIVE and frame.boot_ns < self._boot_ns:
            self._fault(
                facts.path, block.offset, f"frame {self._frame_no} has an earlier boot time than the one before"
            )
        self._boot_ns = frame.boot_ns
        books = self._books_in(frame.frame)
        if books is None:
            self._found.malformed += 1
        else:
            self._found.books.update(books)

    def _fault(self, path: Path, offset: int, what: str, *, is_torn: bool = False) -> None:
        self._found.faults.append(Fault(path, offset, what, is_torn))
