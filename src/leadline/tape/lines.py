"""Owns tapes of JSON lines: `{"recv_ns": int, "frame": {...}}`, or bare frames one a line.

Never judges a frame: a frame that is no standard JSON is handed on as it stands.
Comes from a file; goes to whoever replays it, one frame with its receive time at a time.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from leadline.core.errors import TapeError
from leadline.core.units import NS_PER_MS

_WRAPPED = re.compile(rb'\s*\{\s*"recv_ns"\s*:\s*(\d{1,19})\s*,\s*"frame"\s*:\s*(.*)\}\s*', re.DOTALL)


class Received(NamedTuple):
    """A frame and when it was received, UTC."""

    recv_ns: int
    frame: bytes


class _Line(msgspec.Struct):
    recv_ns: int
    frame: msgspec.Raw


class _Stamp(msgspec.Struct):
    timestamp: int


class _Bare(msgspec.Struct):
    data: list[_Stamp] = []


_line = msgspec.json.Decoder(_Line)
_bare = msgspec.json.Decoder(_Bare)


def read_tape(path: Path) -> Iterator[Received]:
    """Give the frames of a tape in its order; blank lines are passed over.

    Raises:
        TapeError: the file cannot be opened, or a line is no frame; it is named by its number.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise TapeError(
            f"the tape cannot be opened ({error.strerror})",
            which=str(path),
            expected="a file of JSON lines",
            do="correct the path",
        ) from error
    last_ns = 0
    with file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                received = _read(line, path, number, last_ns)
                last_ns = received.recv_ns
                yield received


def _read(line: bytes, path: Path, number: int, last_ns: int) -> Received:
    try:
        wrapped = _line.decode(line)
        return Received(wrapped.recv_ns, bytes(wrapped.frame))
    except (msgspec.DecodeError, RecursionError):
        pass
    # What the strict decoder refuses may still be a whole line around a frame that the rule calls malformed.
    match = _WRAPPED.fullmatch(line)
    if match is not None:
        return Received(int(match.group(1)), match.group(2))
    return _read_bare(line, path, number, last_ns)


def _read_bare(line: bytes, path: Path, number: int, last_ns: int) -> Received:
    try:
        blocks = _bare.decode(line).data
        return Received(blocks[0].timestamp * NS_PER_MS if blocks else last_ns, line.strip())
    except (msgspec.DecodeError, RecursionError) as error:
        reason = str(error)
    tree = _read_leniently(line)
    if not isinstance(tree, dict):
        raise TapeError(
            f"this line is no frame ({reason})",
            which=f"{path}, line {number}",
            expected='{"recv_ns": int, "frame": {...}} or a frame such as {"data": [...]}',
            do="cut the tape before this line, or mend it",
        )
    stamp = _stamp_of(tree)
    if stamp is None:
        raise TapeError(
            "this frame has no time",
            which=f"{path}, line {number}",
            expected='"recv_ns" around the frame, or an integer "timestamp" in its data',
            do="give the frame a receive time",
        )
    return Received(stamp * NS_PER_MS, line.strip())


def _read_leniently(line: bytes) -> object:
    """Read JSON with what is not standard (NaN); None if it is none at all."""
    try:
        tree: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return tree


def _stamp_of(tree: dict[str, Any]) -> int | None:
    data = tree.get("data")
    first = data[0] if isinstance(data, list) and data else None
    stamp = first.get("timestamp") if isinstance(first, dict) else None
    return stamp if type(stamp) is int else None


def read_listing(path: Path) -> dict[str, str]:
    """Read a listing file: a JSON object from symbol to exchange letter, `{"TSLA": "Q", "F": "N"}`.

    Raises:
        TapeError: it cannot be read as one.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError) as error:
        raise TapeError(
            f"the listing cannot be read ({error})",
            which=str(path),
            expected='a JSON object from symbol to exchange letter, such as {"TSLA": "Q", "F": "N"}',
            do="correct the file or --listing",
        ) from error
