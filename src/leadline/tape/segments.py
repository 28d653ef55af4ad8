"""Owns segment files: their names, who may write one, and which of them make up a run.

Never opens another process's segment for writing, and never writes over a file.
Comes from a directory; goes to the writer and the readers.
"""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from leadline.core.errors import TapeError
from leadline.core.session import NEW_YORK
from leadline.core.units import NS_PER_S
from leadline.tape.blocks import Block, Damage, is_segment, scan
from leadline.tape.records import FORMAT, Header

_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})-(\d{4,})\.tape")
SUFFIX = ".tape"
NUMBER_MAX = 1_000_000
"""Segments of one day; beyond it something is making files without end."""


class Segment(msgspec.Struct, frozen=True):
    """A segment file and its header; None where no block of it was ever whole."""

    path: Path
    header: Header | None


class Run(msgspec.Struct, frozen=True):
    """The segments that one process wrote, in order."""

    header: Header
    paths: list[Path]


def day_of(t_ns: int) -> str:
    """Give the New York date of a UTC time: the trading day that a segment is named after."""
    return datetime.fromtimestamp(t_ns // NS_PER_S, UTC).astimezone(NEW_YORK).date().isoformat()


def begin_segment(directory: Path, day: str) -> tuple[int, Path]:
    """Make a day's next segment, 0600, locked for this process's life; give its descriptor and path.

    Raises:
        OSError: it cannot be made.
    """
    taken = [number for name_day, number in map(_order, segments_in(directory)) if name_day == day]
    for number in range(max(taken, default=0) + 1, NUMBER_MAX):
        path = directory / f"{day}-{number:04d}{SUFFIX}"
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            continue  # another process was faster
        with contextlib.suppress(OSError):  # it only tells readers that this segment is still being written
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fd, path
    raise FileExistsError(f"{directory} holds {NUMBER_MAX} segments of {day}")


def is_being_written(path: Path) -> bool:
    """Tell whether a living process holds a segment."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def is_in_place(fd: int, path: Path) -> bool:
    """Tell whether an open file still stands under its name."""
    mine = os.fstat(fd)
    try:
        named = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # a disk that cannot be asked says so when it is written
    return (named.st_dev, named.st_ino) == (mine.st_dev, mine.st_ino)


def segments_in(directory: Path) -> list[Path]:
    """Give a directory's segments in the order in which they were begun."""
    return sorted((path for path in directory.iterdir() if _NAME.fullmatch(path.name)), key=_order)


def _order(path: Path) -> tuple[str, int]:
    match = _NAME.fullmatch(path.name)
    assert match is not None
    return match.group(1), int(match.group(2))


def is_tape(path: Path) -> bool:
    """Tell a tape, a directory or one segment, from a file of JSON lines."""
    if path.is_dir() or path.suffix == SUFFIX:
        return True
    if not path.is_file():  # a pipe must not be read twice
        return False
    with path.open("rb") as file:
        return is_segment(file.read(64))


def segments_of(path: Path) -> list[Segment]:
    """Read the headers of a tape's segments.

    Raises:
        TapeError: there is no segment here, it cannot be read, or a newer leadline wrote it.
    """
    try:
        paths = segments_in(path) if path.is_dir() else [path]
        if path.is_file() and not is_tape(path):
            raise TapeError(
                "this is no segment of a tape",
                which=str(path),
                expected="a directory of segments, or one of them",
                do="`leadline tape import` makes a tape of JSON lines",
            )
        segments = [Segment(one, _header(one)) for one in paths]
    except OSError as error:
        raise unreadable(path, error) from error
    if not segments:
        raise TapeError(
            "there is no segment in this directory",
            which=str(path),
            expected="files such as 2026-03-06-0001.tape",
            do="correct the path",
        )
    return segments


def runs_of(segments: list[Segment]) -> list[Run]:
    """Give the runs whose segments these are, in the order in which they began; headless segments are left out."""
    found: dict[str, list[tuple[Header, Path]]] = {}
    for segment in segments:
        if segment.header is not None:
            found.setdefault(segment.header.run, []).append((segment.header, segment.path))
    runs = []
    for parts in found.values():
        parts.sort(key=lambda part: part[0].segment)
        runs.append(Run(parts[0][0], [path for _, path in parts]))
    return sorted(runs, key=lambda run: run.header.start_ns)


def blocks_of(path: Path) -> Iterator[Block | Damage]:
    """Give a segment's blocks and damage.

    Raises:
        TapeError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            yield from scan(file)
    except OSError as error:
        raise unreadable(path, error) from error


def _header(path: Path) -> Header | None:
    with path.open("rb") as file:
        for found in scan(file):
            if isinstance(found, Damage):
                continue
            first = found.records[0] if found.records else None
            if isinstance(first, Header):
                return _known(first, path)
            break
    return None


def _known(header: Header, path: Path) -> Header:
    if header.format > FORMAT:
        raise TapeError(
            f"leadline {header.version} wrote this tape in format {header.format}",
            which=str(path),
            expected=f"format {FORMAT} or older",
            do="read it with that version",
        )
    return header


def unreadable(path: Path, error: OSError) -> TapeError:
    """Say that a tape cannot be read."""
    return TapeError(
        f"the tape cannot be read ({error.strerror})",
        which=str(path),
        expected="a directory of segments, a segment, or a file of JSON lines",
        do="correct the path",
    )
