"""Owns what a tape is: recorded frames, one JSON object a line, each with the time it was received.

Never reads a file; lines come in as bytes. Frames that are not market data are counted, not played.
Comes from the command line's file, goes to the playback.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from simschwab.core.listing import BOOK_SERVICES, Listing, Service, is_known, listing_of
from simschwab.core.times import NS_PER_MS

_EXPECTED = 'expected {"recv_ns": int, "frame": {"data": [...]}} or a bare frame with a timestamp'
_DECODER = msgspec.json.Decoder()


class TapeError(Exception):
    """Say which line of a tape is wrong and what was expected."""


@dataclass(frozen=True, slots=True)
class TapeFrame:
    """Hold one market data frame as recorded."""

    recv_ns: int
    frame: dict[str, object]


@dataclass(frozen=True, slots=True)
class Tape:
    """Hold the frames of a tape in order, what was skipped, and the symbols in it."""

    frames: tuple[TapeFrame, ...]
    skipped: int
    listings: dict[str, Listing]


def read_tape(lines: Iterable[bytes], chosen: dict[str, Listing] | None, limit: int | None) -> Tape:
    """Read a tape; `limit` counts played frames, `chosen` listings win over what the tape shows.

    Raises:
        TapeError: a line is not JSON, not a frame, or no line holds market data.
    """
    frames: list[TapeFrame] = []
    skipped = 0
    for number, line in enumerate(lines, start=1):
        if limit is not None and len(frames) >= limit:
            break
        if not line.strip():
            continue
        frame = _frame_of(number, line)
        if frame is None:
            skipped += 1
        else:
            frames.append(frame)
    if not frames:
        raise TapeError(f"no line holds a market data frame; {_EXPECTED}")
    return Tape(tuple(frames), skipped, chosen or _listings_in(frames))


def data_entries(frame: dict[str, object]) -> list[dict[str, object]]:
    """Give the object entries of a frame's `data`, each with its content as a list of objects."""
    data = frame.get("data")
    entries = [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
    return [entry for entry in entries if isinstance(entry.get("content"), list)]


def _frame_of(number: int, line: bytes) -> TapeFrame | None:
    try:
        value = _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise TapeError(f"line {number}: not JSON ({error}); {_EXPECTED}") from None
    if not isinstance(value, dict):
        raise TapeError(f"line {number}: found {type(value).__name__}; {_EXPECTED}")
    frame = value.get("frame") if "recv_ns" in value else value
    if not isinstance(frame, dict):
        raise TapeError(f"line {number}: its frame is {type(frame).__name__}; {_EXPECTED}")
    if not frame.keys() & {"data", "response", "notify"}:
        raise TapeError(f"line {number}: no data, response or notify; {_EXPECTED}")
    entries = data_entries(frame)
    if not entries:
        return None
    timestamp_ms = entries[0].get("timestamp")
    recv_ns = value.get("recv_ns", timestamp_ms * NS_PER_MS if isinstance(timestamp_ms, int) else None)
    if type(recv_ns) is not int or not all(type(entry.get("timestamp")) is int for entry in entries):
        raise TapeError(f"line {number}: recv_ns or timestamp is no integer; {_EXPECTED}")
    return TapeFrame(recv_ns, frame)


def _listings_in(frames: list[TapeFrame]) -> dict[str, Listing]:
    """Take a symbol with any NYSE_BOOK entry as NYSE's: Nasdaq's service also answers for some of those."""
    seen: dict[str, set[Service]] = {}
    for frame in frames:
        for entry in data_entries(frame.frame):
            service = entry.get("service")
            content = entry["content"]
            assert isinstance(content, list)
            for item in content:
                key = item.get("key") if isinstance(item, dict) else None
                if isinstance(key, str):
                    services = seen.setdefault(key, set())
                    services |= {book for book in BOOK_SERVICES if book == service}
    return {symbol: _listing(symbol, services) for symbol, services in seen.items()}


def _listing(symbol: str, services: set[Service]) -> Listing:
    if is_known(symbol) and (not services or listing_of(symbol).service in services):
        return listing_of(symbol)
    return listing_of(symbol, "N" if Service.NYSE_BOOK in services else "Q")
