"""Owns a book: what every venue shows on both sides at one moment, and its wire bytes.

Never holds a venue twice on a side or a level out of order when built by `levels_of`.
Comes from the generator or a tape, goes to frames (bytes) and to matching (levels).
"""

from collections.abc import Iterable
from operator import attrgetter

import msgspec

from simschwab.core.listing import Service
from simschwab.core.prices import wire_price


class Entry(msgspec.Struct, frozen=True, gc=False, rename={"venue": "0", "size": "1", "quote_ms": "2"}):
    """Hold one venue's quote at a level; `quote_ms` is milliseconds since midnight in New York."""

    venue: str
    size: int
    quote_ms: int


class Level(msgspec.Struct, frozen=True, gc=False):
    """Hold one price, its total size and its venues, largest size first."""

    price_e4: int
    size: int
    entries: tuple[Entry, ...]


class Book(msgspec.Struct, frozen=True, gc=False):
    """Hold one whole snapshot; both sides best price first."""

    symbol: str
    service: Service
    book_ms: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class _WireLevel(
    msgspec.Struct, frozen=True, gc=False, rename={"price": "0", "size": "1", "count": "2", "entries": "3"}
):
    price: int | float
    size: int
    count: int
    entries: tuple[Entry, ...]


_ENCODER = msgspec.json.Encoder()
_SIZE = attrgetter("size")


def levels_of(quotes: Iterable[tuple[int, Entry]], *, bids: bool) -> tuple[Level, ...]:
    """Group (price_e4, entry) quotes to levels, best first, entries by size descending."""
    by_price: dict[int, list[Entry]] = {}
    for price_e4, entry in quotes:
        by_price.setdefault(price_e4, []).append(entry)
    levels = []
    for price_e4 in sorted(by_price, reverse=bids):
        entries = by_price[price_e4]
        entries.sort(key=_SIZE, reverse=True)
        levels.append(Level(price_e4, sum(entry.size for entry in entries), tuple(entries)))
    return tuple(levels)


def encode_side(levels: tuple[Level, ...]) -> bytes:
    """Give the JSON array of one side."""
    return _ENCODER.encode(
        [_WireLevel(wire_price(level.price_e4), level.size, len(level.entries), level.entries) for level in levels]
    )


def encode_item(symbol: str, book_ms: int, bids: bytes, asks: bytes) -> bytes:
    """Give the content item of a book frame from sides encoded before; a repeat only changes `book_ms`."""
    return b'{"key":%b,"1":%d,"2":%b,"3":%b}' % (_ENCODER.encode(symbol), book_ms, bids, asks)
