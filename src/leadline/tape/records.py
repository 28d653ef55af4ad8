"""Owns what stands on a tape: the kinds of record, and their bytes.

Never opens a file, never reads a clock.
Comes from the recorder as received; goes to blocks, and back from them to whoever replays.
"""

from collections.abc import Sequence

import msgspec

FORMAT = 1
"""Raised when an older leadline could misread a tape. A field at the end of a record does not need it."""

LIVE = "live"
"""The source of a header whose run judged what it recorded: only such a run has alerts to compare with."""

LOST = "lost"
"""The event that ends all streaks: frames may be missing from here on (design 4.9)."""


class Header(msgspec.Struct, array_like=True, tag=0, frozen=True):
    """The first record of every segment: what a reader must know to judge the frames as they were judged.

    `first_frame` counts the run's frames before this segment; `listing` is exchange letters by symbol; `settings` are
    the texts of what the rule depends on, by name; `source` is `live`, `record`, or what the tape was made from.
    """

    format: int
    version: str
    config_hash: str
    boot_id: str
    run: str
    segment: int
    first_frame: int
    start_ns: int
    source: str
    symbols: list[str]
    listing: dict[str, str]
    settings: dict[str, str]


class Frame(msgspec.Struct, array_like=True, tag=1, frozen=True, gc=False):
    """One inbound frame, with its receive time in UTC and by the boot clock."""

    recv_ns: int
    boot_ns: int
    frame: bytes


class Event(msgspec.Struct, array_like=True, tag=2, frozen=True, gc=False):
    """Something that happened to the connection; the kind `lost` ends streaks."""

    recv_ns: int
    kind: str
    text: str


class Conflated(msgspec.Struct, array_like=True, tag=3, frozen=True, gc=False):
    """The books of a symbol and service in the frame of this number were superseded by newer ones, and never judged."""

    frame_no: int
    symbol: str
    service: str


class Gap(msgspec.Struct, array_like=True, tag=4, frozen=True, gc=False):
    """What was received but is not here: the frames count as numbered, `others` are events and marks."""

    recv_ns: int
    last_ns: int
    frames: int
    frame_bytes: int
    others: int
    reason: str


class End(msgspec.Struct, array_like=True, tag=5, frozen=True, gc=False):
    """The last record of a segment that was ended in order; without it the process was killed."""

    reason: str


Record = Header | Frame | Event | Conflated | Gap | End

_decoder = msgspec.msgpack.Decoder(list[Record])
_encoder = msgspec.msgpack.Encoder()


def encode(records: Sequence[Record]) -> bytes:
    """Write records as one msgpack array; the frame's bytes stand in it as received."""
    return _encoder.encode(records)


def decode(raw: bytes) -> list[Record]:
    """Read records.

    Raises:
        ValueError: these bytes are no array of records.
    """
    return _decoder.decode(raw)


def frames_in(records: Sequence[Record]) -> int:
    """Count the frame numbers that records take up, those of a gap included."""
    return sum(
        1 if isinstance(record, Frame) else record.frames if isinstance(record, Gap) else 0 for record in records
    )


def time_of(record: Record) -> int | None:
    """Give a record's receive time; None for a mark or an end, which have none of their own."""
    if isinstance(record, (Frame, Event, Gap)):
        return record.recv_ns
    return record.start_ns if isinstance(record, Header) else None
