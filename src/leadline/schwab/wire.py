"""Owns the streamer's frames as types: a fast typed decode, and a slow one that judges what the fast one refuses.

Never lets a dict inward, and never decides what a field means beyond its type: that is `core`'s.
Comes from the socket or a tape as bytes; goes to `grok` and `protocol` as a `Message`, or None where it is malformed.

Field numbers: Schwab API facts 1.5. The slow decode is the reference: wherever the fast one answers, both answer alike
(but for nesting near Python's own recursion limit, some hundred times deeper than a book).
"""

import json
from typing import Any, NoReturn, TypeVar

import msgspec

BOOK_SERVICES = frozenset({"NASDAQ_BOOK", "NYSE_BOOK"})
LEVEL_ONE = "LEVELONE_EQUITIES"
ACTIVITY = "ACCT_ACTIVITY"

T = TypeVar("T")

INTEGER_DIGITS_MAX = 4_300
BEYOND_EVERY_LIMIT: int = 10**INTEGER_DIGITS_MAX
"""What a longer integer is read as: Python itself refuses to read very long ones."""


class Entry(msgspec.Struct, gc=False, rename={"venue": "0", "size": "1", "time_ms": "2"}):
    """One venue inside a level; times are milliseconds since midnight New York."""

    venue: str
    size: int | float
    time_ms: int | None = None


class Level(msgspec.Struct, gc=False, rename={"price": "0", "entries": "3"}):
    """One price level; its aggregate size and count are not read, the entries say both."""

    price: int | float
    entries: list[Entry] | None


class BookItem(msgspec.Struct, gc=False, rename={"book_ms": "1", "bids": "2", "asks": "3"}):
    """One symbol's whole book; a level is None where the wire held no object."""

    key: str
    book_ms: int | None = None
    bids: list[Level | None] = []
    asks: list[Level | None] = []


class LevelOneItem(msgspec.Struct, rename={"last": "3", "volume": "8", "status": "32", "trade_ms": "35"}):
    """The changed fields of one symbol; what is absent is unchanged. Types are checked where they are used."""

    key: str
    last: Any = None
    volume: Any = None
    status: str | None = None
    trade_ms: Any = None
    delayed: Any = None


class ActivityItem(msgspec.Struct, rename={"account": "1", "kind": "2", "data": "3"}):
    """One account activity: `data` is JSON in a string, "" or a plain text."""

    key: str
    seq: Any = None
    account: Any = None
    kind: str | None = None
    data: str | None = None


class OtherItem(msgspec.Struct):
    """An item of a service that we did not ask for."""

    key: str


Item = BookItem | LevelOneItem | ActivityItem | OtherItem


class Block(msgspec.Struct):
    """One element of a frame's `data`: a service and its items, one a symbol."""

    service: str
    items: list[Any]
    timestamp_ms: int | None = None


class ResponseContent(msgspec.Struct):
    """A code (Schwab API facts 1.4) and its text."""

    code: int
    msg: str = ""


class Response(msgspec.Struct, rename={"request_id": "requestid"}):
    """The answer to one request, matched by `request_id`."""

    request_id: str | int
    content: ResponseContent
    service: str = ""
    command: str = ""


class Notice(msgspec.Struct):
    """A heartbeat, or what the server says unasked."""

    heartbeat: str | int | None = None
    service: str | None = None
    content: ResponseContent | None = None


class Message(msgspec.Struct):
    """One frame, decoded."""

    data: list[Block]
    responses: list[Response]
    notices: list[Notice]


class _RawBlock(msgspec.Struct):
    service: str
    content: msgspec.Raw
    timestamp: int | None = None


class _Envelope(msgspec.Struct):
    data: list[_RawBlock] = []
    response: list[Response] = []
    notify: list[Notice] = []


_envelope = msgspec.json.Decoder(_Envelope)
_books = msgspec.json.Decoder(list[BookItem])
_level_ones = msgspec.json.Decoder(list[LevelOneItem])
_activities = msgspec.json.Decoder(list[ActivityItem])
_others = msgspec.json.Decoder(list[OtherItem])
_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    **dict.fromkeys(BOOK_SERVICES, _books),
    LEVEL_ONE: _level_ones,
    ACTIVITY: _activities,
}


def decode(frame: bytes) -> Message | None:
    """Decode one frame; None where it is malformed (design 4.1)."""
    return decode_fast(frame) or decode_slow(frame)


def decode_fast(frame: bytes) -> Message | None:
    """Decode a frame whose every field has the type that the feed has; None for anything else."""
    # What the typed decode skips it does not check for valid UTF-8: only pure ASCII may pass here.
    if not frame.isascii():
        return None
    try:
        envelope = _envelope.decode(frame)
        blocks = [
            Block(raw.service, _decoders.get(raw.service, _others).decode(raw.content), raw.timestamp)
            for raw in envelope.data
        ]
    except (msgspec.DecodeError, RecursionError):
        return None
    return Message(blocks, envelope.response, envelope.notify)


def decode_slow(frame: bytes) -> Message | None:
    """Decode any frame of standard JSON, keeping what can be kept; None where nothing can."""
    try:
        tree: object = json.loads(frame.decode(), parse_constant=_refuse_constant, parse_int=_read_integer)
    except (ValueError, RecursionError):  # includes bad UTF-8 and bad JSON
        return None
    if not isinstance(tree, dict):
        return None
    blocks = _slow_blocks(tree.get("data", []))
    if blocks is None:
        return None
    return Message(blocks, _convert(tree.get("response"), Response), _convert(tree.get("notify"), Notice))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not standard JSON")


def _read_integer(text: str) -> int:
    if len(text) <= INTEGER_DIGITS_MAX:
        return int(text)
    return BEYOND_EVERY_LIMIT * (-1 if text.startswith("-") else 1)


def _slow_blocks(data: object) -> list[Block] | None:
    if not isinstance(data, list):
        return None
    blocks = []
    for raw in data:
        content = raw.get("content") if isinstance(raw, dict) else None
        if not isinstance(content, list):
            return None
        if not all(isinstance(item, dict) and _text(item.get("key")) is not None for item in content):
            return None
        service = raw.get("service")
        timestamp = raw.get("timestamp")
        blocks.append(
            Block(
                _text(service) or "",
                [_slow_item(service, item) for item in content],
                timestamp if type(timestamp) is int else None,
            )
        )
    return blocks


def _slow_item(service: object, item: dict[str, Any]) -> Item:
    key = item["key"]
    if isinstance(service, str) and service in BOOK_SERVICES:
        book_ms = item.get("1")
        return BookItem(
            key,
            book_ms if type(book_ms) is int else None,
            _slow_side(item.get("2")),
            _slow_side(item.get("3")),
        )
    if service == LEVEL_ONE:
        fields = ("3", "8", "32", "35", "delayed")
        last, volume, status, trade_ms, delayed = (item.get(field) for field in fields)
        return LevelOneItem(key, last, volume, _text(status), trade_ms, delayed)
    if service == ACTIVITY:
        return ActivityItem(key, item.get("seq"), item.get("1"), _text(item.get("2")), _text(item.get("3")))
    return OtherItem(key)


def _slow_side(levels: object) -> list[Level | None]:
    return [_slow_level(level) for level in levels] if isinstance(levels, list) else []


def _slow_level(level: object) -> Level | None:
    if not isinstance(level, dict):
        return None
    entries = level.get("3")
    return Level(level.get("0"), [_slow_entry(e) for e in entries] if isinstance(entries, list) else None)  # type: ignore[arg-type]


def _slow_entry(entry: object) -> Entry:
    if not isinstance(entry, dict):
        entry = {}
    return Entry(_text(entry.get("0")), entry.get("1"), entry.get("2"))  # type: ignore[arg-type]


def _text(value: object) -> str | None:
    """Give a text that can be written anywhere: half a surrogate pair, which JSON can spell, cannot."""
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def _convert(items: object, kind: type[T]) -> list[T]:
    """Keep the items that can be read as `kind`."""
    kept = []
    for item in items if isinstance(items, list) else []:
        try:
            converted = msgspec.convert(item, kind)
        except (msgspec.ValidationError, UnicodeEncodeError):
            continue
        if _is_writable(converted):
            kept.append(converted)
    return kept


def _is_writable(value: object) -> bool:
    """Tell whether all texts in a value can be written anywhere."""
    if isinstance(value, msgspec.Struct):
        return all(_is_writable(field) for field in msgspec.structs.astuple(value))
    return not isinstance(value, str) or _text(value) is not None
