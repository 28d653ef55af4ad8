"""Owns tapes of JSON lines: `{"recv_ns": int, "frame": {...}}`, or bare frames one a line.

Never judges a frame: a frame that is no standard JSON is handed on as it stands.
Comes from a file; goes to whoever replays it, one frame with its receive time at a time.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO, NamedTuple

import msgspec

from leadline.core.errors import TapeError
from leadline.core.units import NS_PER_MS

RECV_NS_MAX = 2**63 - 1
"""The latest time that rows and lines can hold: in the year 2262."""

_WRAPPED = re.compile(rb'\s*\{\s*"recv_ns"\s*:\s*(\d{1,19})\s*,\s*"frame"\s*:\s*(.*)\}\s*', re.DOTALL)
_TIMESTAMP = re.compile(rb'"timestamp"\s*:\s*(\d{1,19})\s*[,}]')
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


class Received(NamedTuple):
    """A frame and when it was received, UTC."""

    recv_ns: int
    frame: bytes


class _Line(msgspec.Struct):
    recv_ns: Annotated[int, msgspec.Meta(ge=0, le=RECV_NS_MAX)]
    frame: msgspec.Raw


class _Stamp(msgspec.Struct):
    timestamp: Annotated[int, msgspec.Meta(ge=0, le=RECV_NS_MAX // NS_PER_MS)]


class _Bare(msgspec.Struct):
    data: list[_Stamp] = []
    response: Any = None
    notify: Any = None


_line = msgspec.json.Decoder(_Line)
_bare = msgspec.json.Decoder(_Bare)
_listing = msgspec.json.Decoder(dict[str, Annotated[str, msgspec.Meta(min_length=1, max_length=1)]])


def read_tape(path: Path) -> Iterator[Received]:
    """Open a tape and give its frames in its order, with its times as they stand; blank lines are passed over.

    Raises:
        TapeError: the file cannot be read, or a line is no frame; it is named by its number.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from error
    return _frames(file, path)


def _frames(file: BinaryIO, path: Path) -> Iterator[Received]:
    last_ns = 0
    try:
        with file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    received = _read(line, f"{path}, line {number}", last_ns)
                    last_ns = received.recv_ns
                    yield received
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> TapeError:
    return TapeError(
        f"the tape cannot be read ({error.strerror})",
        which=str(path),
        expected="a file of JSON lines",
        do="correct the path",
    )


def _read(line: bytes, where: str, last_ns: int) -> Received:
    try:
        wrapped = _line.decode(line)
        return Received(wrapped.recv_ns, bytes(wrapped.frame))
    except (msgspec.DecodeError, RecursionError) as error:
        reason = str(error)
    # What the strict decoder refuses may still be a whole line around a frame that the rule calls malformed.
    match = _WRAPPED.fullmatch(line)
    if match is None:
        return _read_bare(line, where, last_ns)
    recv_ns = int(match.group(1))
    if recv_ns > RECV_NS_MAX or not (line.endswith(b"\n") or _is_balanced(line)):
        raise _no_frame(reason, where)
    return Received(recv_ns, match.group(2))


def _read_bare(line: bytes, where: str, last_ns: int) -> Received:
    try:
        bare = _bare.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        reason = str(error)
    else:
        if bare.data:
            return Received(bare.data[0].timestamp * NS_PER_MS, line.strip())
        if bare.response is not None or bare.notify is not None:
            return Received(last_ns, line.strip())
        reason = "it has neither data nor response nor notify"
    # The same for a bare frame: its time can be found in what the strict decoder refuses.
    stamp = _TIMESTAMP.search(line)
    if stamp is None or not _is_balanced(line) or int(stamp.group(1)) > RECV_NS_MAX // NS_PER_MS:
        raise _no_frame(reason, where)
    return Received(int(stamp.group(1)) * NS_PER_MS, line.strip())


def _is_balanced(line: bytes) -> bool:
    """Tell a whole object from one that was cut off."""
    bones = _TEXT.sub(b"", line.strip())
    pairs = ((b"{", b"}"), (b"[", b"]"))
    return (
        bones.startswith(b"{")
        and bones.endswith(b"}")
        and b'"' not in bones
        and all(bones.count(opening) == bones.count(closing) for opening, closing in pairs)
    )


def _no_frame(reason: str, where: str) -> TapeError:
    return TapeError(
        f"this line is no frame with a time, or was cut off ({reason})",
        which=where,
        expected='{"recv_ns": int, "frame": {...}}, or a frame such as {"data": [{"timestamp": int, ...}]}',
        do="cut the tape before this line, or mend it",
    )


def read_listing(path: Path) -> dict[str, str]:
    """Read a listing file: a JSON object from symbol to exchange letter, `{"TSLA": "Q", "F": "N"}`.

    Raises:
        TapeError: it cannot be read as one.
    """
    try:
        letters = _listing.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise TapeError(
            f"the listing cannot be read ({error})",
            which=str(path),
            expected='a JSON object from symbol to exchange letter, such as {"TSLA": "Q", "F": "N"}',
            do="correct the file or --listing",
        ) from error
    return {symbol.upper(): letter for symbol, letter in letters.items()}
