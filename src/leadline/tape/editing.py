"""Owns what a new tape takes from others: a part of one by time, or several in the order of receipt.

Never changes what was received: frames keep their bytes, times and marks.
Comes from readers of runs; goes to the maker of a tape.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import dropwhile, takewhile

import msgspec

from leadline.core.errors import TapeError
from leadline.tape.reader import Played, Recorded, RunReader
from leadline.tape.records import FORMAT, LOST, Event, Gap, Header


def part_of(reader: RunReader, from_ns: int, to_ns: int) -> tuple[Header, Iterator[Played]] | None:
    """Give what a run received from one time to before another; None if that is nothing.

    It is one piece: from the first record at or after `from_ns` to the first at or after `to_ns`, even where the clock
    was set back in between. Frames keep their numbers.
    """
    skipped = _Skipped(reader.header.first_frame)
    items = takewhile(
        lambda item: item.recv_ns < to_ns, dropwhile(lambda i: skipped.is_before(i, from_ns), reader.items())
    )
    first = next(items, None)
    if first is None:
        return None
    header = msgspec.structs.replace(
        reader.header,
        segment=0,
        first_frame=skipped.frame_no,
        start_ns=first.recv_ns,
        source=f"cut of {reader.header.run} ({reader.header.source})",
    )
    return header, _before(first, items)


class _Skipped:
    """Counts the frame numbers that stand before a cut."""

    def __init__(self, first_frame: int) -> None:
        self.frame_no = first_frame

    def is_before(self, item: Played, from_ns: int) -> bool:
        """Tell whether an item is left out at the start."""
        if item.recv_ns >= from_ns:
            return False
        self.frame_no += 1 if isinstance(item, Recorded) else item.frames if isinstance(item, Gap) else 0
        return True


def _before(first: Played, items: Iterable[Played]) -> Iterator[Played]:
    yield first
    yield from items


def merged_header(headers: Sequence[Header]) -> Header:
    """Give the header of several runs made one: what they agree on, and all their symbols.

    Raises:
        TapeError: they disagree on where a symbol is listed.
    """
    listing: dict[str, str] = {}
    for header in headers:
        for symbol, letter in header.listing.items():
            if listing.setdefault(symbol, letter) != letter:
                raise TapeError(
                    f"the tapes disagree on where {symbol} is listed ({listing[symbol]} and {letter})",
                    which=header.run,
                    expected="one listing for each symbol",
                    do="merge tapes from before and after the change separately",
                )
    symbols = list(dict.fromkeys(symbol for header in headers for symbol in header.symbols))
    runs = list(dict.fromkeys(header.run for header in headers))
    return Header(
        format=FORMAT,
        version=_agreed([header.version for header in headers]),
        config_hash=_agreed([header.config_hash for header in headers]),
        boot_id=_agreed([header.boot_id for header in headers]),
        run="+".join(runs),
        segment=0,
        first_frame=0,
        start_ns=min(header.start_ns for header in headers),
        source="merge",
        # A run that took every symbol makes a merge that takes every symbol.
        symbols=symbols if all(header.symbols for header in headers) else [],
        listing=listing,
        settings=headers[0].settings if all(h.settings == headers[0].settings for h in headers) else {},
    )


def _agreed(values: Sequence[str]) -> str:
    return values[0] if len(set(values)) == 1 else ""


def merged(readers: Sequence[RunReader]) -> Iterator[Played]:
    """Give the records of several runs in the order of receipt, each run in its own order, frames numbered anew.

    What two cuts of one run both hold is given once. Where a run ends, or two cuts of it leave a hole, streaks end.
    """
    seen = {reader.header.run: _Seen() for reader in readers}
    open_cuts = [reader.header.run for reader in readers]
    number = 0
    for _, run, item in heapq.merge(*map(_keyed, readers), key=lambda keyed: keyed[0]):
        if item is None:
            open_cuts.remove(run)
            if open_cuts and run not in open_cuts and seen[run].last_ns is not None:
                yield Event(seen[run].last_ns or 0, LOST, f"the end of run {run}")
            continue
        had, hole = seen[run].take(item)
        if had:
            continue
        if hole:
            yield Event(item.recv_ns, LOST, f"{hole} frames of run {run} are not here")
        if isinstance(item, Recorded):
            yield msgspec.structs.replace(item, frame_no=number)
            number += 1
        else:
            yield item
            number += item.frames if isinstance(item, Gap) else 0


class _Seen:
    """What was taken of one run so far, whichever of its cuts it came from."""

    def __init__(self) -> None:
        self.last_ns: int | None = None
        self._next_frame: int | None = None
        self._others: list[Played] = []

    def take(self, item: Played) -> tuple[bool, int]:
        """Tell whether an item was taken before, and how many frames are missing before it."""
        hole = 0
        if isinstance(item, Recorded):
            if self._next_frame is not None and item.frame_no < self._next_frame:
                return True, 0
            hole = 0 if self._next_frame is None else item.frame_no - self._next_frame
            self._next_frame = item.frame_no + 1
        else:
            self._others = [other for other in self._others if other.recv_ns == item.recv_ns]
            if item in self._others:
                return True, 0
            self._others.append(item)
            if isinstance(item, Gap) and self._next_frame is not None:
                self._next_frame += item.frames
        self.last_ns = item.recv_ns
        return False, hole


def _keyed(reader: RunReader) -> Iterator[tuple[int, str, Played | None]]:
    """Give a run's records by a time that never goes back, which merging needs; None at its end."""
    t_ns = 0
    for item in reader.items():
        t_ns = max(t_ns, item.recv_ns)
        yield t_ns, reader.header.run, item
    yield t_ns, reader.header.run, None
