"""Owns what a person can do with tapes: look at one, check it, cut, merge and import.

Never changes a tape that is there.
Comes from `cli`; goes to `tape`, and back as structs that `cli` prints.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, time
from heapq import merge as in_order
from itertools import chain
from pathlib import Path

import msgspec

from leadline import __version__
from leadline.core.errors import ConfigurationError, TapeError
from leadline.core.session import NEW_YORK
from leadline.core.units import NS_PER_S
from leadline.schwab.wire import BOOK_SERVICES, decode
from leadline.tape.editing import merged, merged_header, part_of
from leadline.tape.lean import is_lean, read_lean
from leadline.tape.lines import Received, read_listing, read_tape
from leadline.tape.making import Made, making
from leadline.tape.reader import Fault, Recorded, RunReader, runs_in
from leadline.tape.records import FORMAT, Header
from leadline.tape.segments import Run, is_tape, segments_of
from leadline.tape.survey import Survey, survey
from leadline.tape.taq import is_taq, read_taq

Progress = Callable[[str, int, int], None]
"""Told what is worked on, how much is done and how much there is."""

SEGMENT_BYTES_MAX = 256_000_000


class Written(msgspec.Struct, frozen=True):
    """A tape that was made: how much is on it, and what was found damaged in what it was made from."""

    path: Path
    made: Made
    faults: list[Fault] = []


def look(path: Path, on_progress: Progress) -> Survey:
    """Read a tape from end to end and tell what it holds and what is wrong with it.

    Raises:
        TapeError: this is no tape.
    """
    return survey(path, _books_in, _counting(on_progress, path.name, _size_of(path)))


def refuse_damaged(path: Path, found: Survey) -> None:
    """End with an error if a tape is not as it was written; a torn end is no damage.

    Raises:
        TapeError: it is damaged.
    """
    damage = [fault for fault in found.faults if not fault.is_torn]
    if damage:
        raise TapeError(
            f"the tape is damaged in {len(damage)} places, first: {damage[0]}",
            which=str(path),
            expected="segments as they were written",
            do="`leadline tape cut` copies what is whole and marks what is missing",
        )


def cut(source: Path, start: str, end: str, target: Path, on_progress: Progress) -> Written:
    """Copy what was received from one time to before another into a new tape, passing over damage and marking it.

    Raises:
        TapeError: the source is no tape, or the target is there already or cannot be written.
        ConfigurationError: a time cannot be read, or nothing was received then.
    """
    runs, faults = runs_in(source)
    from_ns, to_ns = (_time_of(text, runs) for text in (start, end))
    whole = Made()
    tell = _counting(on_progress, source.name, _size_of(source))
    with making(target, SEGMENT_BYTES_MAX) as copy:
        for run in runs:
            reader = RunReader(run, passes_damage=True, on_bytes=tell)
            part = part_of(reader, from_ns, to_ns)
            if part is not None:
                _add(whole, copy(*part))
            faults += reader.faults
        if not whole.frames and not whole.others:
            raise ConfigurationError(
                "nothing was received between these times",
                which=f"{start} to {end}",
                expected=f"times within {_span_text(runs)}",
                do="`leadline tape info` tells what a tape holds",
            )
    return Written(target, whole, faults)


def merge(sources: Sequence[Path], target: Path, on_progress: Progress) -> Written:
    """Put several tapes into one, in the order of receipt.

    Raises:
        TapeError: a source is damaged or no tape, listings differ, or the target is there already.
    """
    tell = _counting(on_progress, target.name, sum(map(_size_of, sources)))
    runs = list(chain.from_iterable(runs_in(source)[0] for source in sources))
    readers = [RunReader(run, on_bytes=tell) for run in runs]
    if not readers:
        raise TapeError("there is nothing to merge", which=str(sources[0]), expected="tapes with frames")
    with making(target, SEGMENT_BYTES_MAX) as copy:
        made = copy(merged_header([run.header for run in runs]), merged(readers))
    return Written(target, made, [fault for reader in readers for fault in reader.faults])


def import_files(sources: Sequence[Path], target: Path, listing: Path | None, on_progress: Progress) -> Written:
    """Make a tape of recordings in other forms: JSON lines of frames, LEAN's ticks, TAQ's quotes and trades.

    Raises:
        TapeError: a source cannot be read, or the target is there already.
    """
    letters = read_listing(listing) if listing is not None else {}
    streams = [_frames_of(source) for source in sources]
    received = streams[0] if len(streams) == 1 else in_order(*streams, key=lambda one: one.recv_ns)
    first = next(received, None)
    if first is None:
        raise TapeError("there is no frame in it", which=str(sources[0]), expected="at least one")
    header = Header(
        format=FORMAT,
        version=__version__,
        config_hash="",
        boot_id="",
        run=f"{first.recv_ns}-import",
        segment=0,
        first_frame=0,
        start_ns=first.recv_ns,
        source=f"import of {', '.join(source.name for source in sources)}",
        symbols=[],
        listing=letters,
        settings={},
    )
    with making(target, SEGMENT_BYTES_MAX) as copy:
        made = copy(header, _recorded(chain([first], received), on_progress))
    return Written(target, made)


def _frames_of(source: Path) -> Iterator[Received]:
    if is_lean(source):
        return read_lean(source)
    if is_taq(source):
        return read_taq(source)
    if is_tape(source):
        raise TapeError(
            "this is a tape already",
            which=str(source),
            expected="JSON lines, a LEAN zip, or a TAQ csv",
            do="use it as it is, or `leadline tape merge`",
        )
    return read_tape(source)


def _recorded(received: Iterator[Received], on_progress: Progress) -> Iterator[Recorded]:
    for number, (recv_ns, frame) in enumerate(received):
        if number % 1_000 == 0:
            on_progress(f"{number} frames", number, 0)
        yield Recorded(number, recv_ns, 0, frame)


def _books_in(frame: bytes) -> list[str] | None:
    message = decode(frame)
    if message is None:
        return None
    return [item.key for block in message.data if block.service in BOOK_SERVICES for item in block.items]


def _counting(on_progress: Progress, what: str, total: int) -> Callable[[int], None]:
    done = 0

    def count(size: int) -> None:
        nonlocal done
        done += size
        on_progress(what, done, total)

    return count


def _size_of(path: Path) -> int:
    return sum(segment.path.stat().st_size for segment in segments_of(path))


def _add(whole: Made, made: Made) -> None:
    whole.frames += made.frames
    whole.others += made.others
    whole.first_ns = made.first_ns if whole.first_ns is None else whole.first_ns
    whole.last_ns = made.last_ns if made.last_ns is not None else whole.last_ns


def _time_of(text: str, runs: Sequence[Run]) -> int:
    """Read a time: ISO 8601, New York's where it names no zone, or a time of day on the tape's first day, or UTC ns."""
    if re.fullmatch(r"\d{19}", text):
        return int(text)
    try:
        if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?", text):
            first = datetime.fromtimestamp(min(run.header.start_ns for run in runs) // NS_PER_S, NEW_YORK)
            moment = datetime.combine(first.date(), time.fromisoformat(text.zfill(5)), NEW_YORK)
        else:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=NEW_YORK)
    except ValueError as error:
        raise ConfigurationError(
            f"this is no time ({error})",
            which=text,
            expected="09:30, 2026-03-06T09:30:00 (New York), 2026-03-06T14:30:00Z, or UTC nanoseconds",
            do="correct it",
        ) from error
    return int(moment.timestamp()) * NS_PER_S + moment.microsecond * 1_000


def _span_text(runs: Sequence[Run]) -> str:
    starts = [datetime.fromtimestamp(run.header.start_ns // NS_PER_S, NEW_YORK).isoformat() for run in runs]
    return f"the tape, whose runs began at {', '.join(starts)}"
