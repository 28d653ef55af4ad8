"""Owns the reading of a run back: its records in order, each frame with the books that were superseded in it.

Never passes over damage in silence: a torn end is told, anything else ends the reading where it stands.
Comes from segments; goes to the replay and to the verbs that cut and merge.
"""

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from leadline.core.conflation import NOTHING, Part
from leadline.core.errors import TapeError
from leadline.tape.blocks import Block, Damage
from leadline.tape.records import Conflated, End, Event, Frame, Gap, Header, Record, frames_in, time_of
from leadline.tape.segments import Run, blocks_of, runs_of, segments_of

Passed = Callable[[int], object]
"""Told how many bytes of the tape were read since it was told last: for progress."""


class Recorded(msgspec.Struct, frozen=True):
    """One frame of a tape, its number in the run, and whose books in it were never judged: service and symbol."""

    frame_no: int
    recv_ns: int
    boot_ns: int
    frame: bytes
    superseded: frozenset[Part] = NOTHING


class Fault(msgspec.Struct, frozen=True):
    """Something that a tape should not hold or lack: in which segment, where, what."""

    path: Path
    offset: int
    what: str
    is_torn: bool = False

    def __str__(self) -> str:
        return f"{self.path}, byte {self.offset}: {self.what}"


Played = Recorded | Event | Gap

_Numbered = tuple[int, Record]
_Waiting = list[tuple[int, Frame | Event | Gap]]


class RunReader:
    """Read one run; strictly, or passing over damage and marking it as a gap."""

    def __init__(self, run: Run, *, passes_damage: bool = False, on_bytes: Passed = lambda _: None) -> None:
        self.header = run.header
        self._paths = run.paths
        self._passes_damage = passes_damage
        self._on_bytes = on_bytes
        self._last_ns = run.header.start_ns
        self.faults: list[Fault] = []
        """What was found and passed over so far."""
        self.is_ended = False
        """Whether the run was ended in order; known when it was read to its end."""

    def items(self) -> Iterator[Played]:
        """Give frames, events and gaps in the order in which they came.

        A mark may stand one block behind the frame that it names, so each block waits until the next one is read.

        Raises:
            TapeError: the tape is damaged, or a segment of the run is missing.
        """
        marks: dict[int, set[Part]] = {}
        waiting: deque[_Waiting] = deque()
        for records in self._blocks():
            block: _Waiting = []
            for number, record in records:
                if isinstance(record, Conflated):
                    marks.setdefault(record.frame_no, set()).add((record.service, record.symbol))
                elif isinstance(record, (Frame, Event, Gap)):
                    block.append((number, record))
                self.is_ended = isinstance(record, End) and record.reason == "closed"
            if not block and all(isinstance(record, (Header, End)) for _, record in records):
                continue  # a segment's edge: what waits goes on waiting for the next segment's first block
            waiting.append(block)
            if len(waiting) > 1:
                yield from _with_marks(waiting.popleft(), marks)
        for block in waiting:
            yield from _with_marks(block, marks)

    def _blocks(self) -> Iterator[list[_Numbered]]:
        """Give the records of each block with the number of the frame that they are or come before."""
        expected = self.header.first_frame
        for path in self._paths:
            damaged: Damage | None = None
            for found in blocks_of(path):
                self._on_bytes(found.size)
                if isinstance(found, Damage):
                    damaged = found
                    continue
                if damaged is not None or found.first_frame != expected:
                    yield [(expected, self._missing(path, damaged, found, found.first_frame - expected))]
                    damaged = None
                yield _numbered(found.records, found.first_frame)
                self._last_ns = next((t for t in map(time_of, reversed(found.records)) if t is not None), self._last_ns)
                expected = found.first_frame + frames_in(found.records)
            if damaged is not None:
                self._end_of_segment(path, damaged)

    def _missing(self, path: Path, damaged: Damage | None, after: Block, frames: int) -> Gap:
        """Say what is missing before a block, and give the gap that stands for it."""
        if damaged is not None:
            self._fault(Fault(path, damaged.offset, f"{damaged.size} bytes are damaged: {damaged.why}"))
        else:
            self._fault(Fault(path, after.offset, f"{frames} frames before this block are missing"))
        t_ns = next((r.recv_ns for r in after.records if isinstance(r, (Frame, Event, Gap))), self._last_ns)
        return Gap(t_ns, t_ns, max(frames, 0), 0, 0, "damage")

    def _end_of_segment(self, path: Path, damaged: Damage) -> None:
        what = f"the last {damaged.size} bytes are no whole block: {damaged.why}"
        self._fault(Fault(path, damaged.offset, what, damaged.is_torn and path == self._paths[-1]))

    def _fault(self, fault: Fault) -> None:
        self.faults.append(fault)
        if not self._passes_damage and not fault.is_torn:
            raise TapeError(
                f"the tape is damaged at byte {fault.offset} ({fault.what})",
                which=str(fault.path),
                expected="a segment as it was written",
                do="`leadline tape cut` copies what is whole and marks what is missing",
            )


def runs_in(path: Path) -> tuple[list[Run], list[Fault]]:
    """Give the runs of a tape in the order in which they began, and the segments that hold nothing readable.

    Raises:
        TapeError: this is no tape, or a newer leadline wrote it.
    """
    segments = segments_of(path)
    faults = [_headless(segment.path) for segment in segments if segment.header is None]
    return runs_of(segments), faults


def _headless(path: Path) -> Fault:
    found = list(blocks_of(path))
    if any(isinstance(one, Block) or not one.is_torn for one in found):
        return Fault(path, 0, "its header is damaged: nothing says which run it belongs to")
    return Fault(path, 0, "it was begun and never written: its process was killed at once", is_torn=True)


def _numbered(records: list[Record], number: int) -> list[_Numbered]:
    numbered: list[_Numbered] = []
    for record in records:
        if not isinstance(record, Header):
            numbered.append((number, record))
            number += frames_in((record,))
    return numbered


def _with_marks(block: _Waiting, marks: dict[int, set[Part]]) -> Iterator[Played]:
    for number, record in block:
        if not isinstance(record, Frame):
            yield record
            continue
        superseded = frozenset(marks.pop(number, NOTHING))
        yield Recorded(number, record.recv_ns, record.boot_ns, record.frame, superseded)
