"""Owns a book as sent, and the cleaning of its entries into one quote a venue and side.

Never judges freshness or imbalance.
Comes from the wire as levels with entries; goes to `imbalance` as integers of 0.0001 dollars and shares.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from leadline.core.market import Service
from leadline.core.units import price_of, size_of

VENUE, PRICE, SIZE, LEVEL = "venue", "price", "size", "level"
"""Reasons for which an entry is dropped (design 4.6); `level` is a level that is no object or has no entries list."""


class RawEntry(Protocol):
    """One venue's entry inside a level, as the wire says it: any field may be anything."""

    @property
    def venue(self) -> object:
        """A venue code, in either case."""

    @property
    def size(self) -> object:
        """Shares."""

    @property
    def time_ms(self) -> object:
        """When the price was set, in milliseconds since midnight New York."""


class RawLevel(Protocol):
    """One price level as the wire says it."""

    @property
    def price(self) -> object:
        """Dollars."""

    @property
    def entries(self) -> Iterable[RawEntry] | None:
        """The venues at this price; None where the wire held no list."""


class BookSnapshot(msgspec.Struct, frozen=True, gc=False):
    """One book as sent. `book_ms` is BOOK_TIME, epoch milliseconds, or None where it is no JSON integer."""

    symbol: str
    service: Service
    book_ms: int | None
    bids: Iterable[RawLevel | None]
    asks: Iterable[RawLevel | None]


Quote = tuple[int, int, int | None, int | None]
"""A venue's best price (0.0001 dollars), the shares there, its oldest and newest entry time (ms of the day)."""

Side = dict[str, Quote]
"""A cleaned side: one quote a venue, codes in upper case."""


def clean(levels: Iterable[RawLevel | None], *, is_bid: bool, dropped: dict[str, int]) -> Side:
    """Keep one quote a venue: its best price and all sizes at it (design 4.6). Count what is none in `dropped`."""
    side: Side = {}
    for level in levels:
        entries = level.entries if level is not None else None
        if level is None or entries is None:
            dropped[LEVEL] = dropped.get(LEVEL, 0) + 1
            continue
        price = price_of(level.price)
        for entry in entries:
            _take(side, entry, price, dropped, is_bid=is_bid)
    return side


def _take(side: Side, entry: RawEntry, price: int | None, dropped: dict[str, int], *, is_bid: bool) -> None:
    venue = entry.venue
    size = size_of(entry.size)
    if price is None or size is None or type(venue) is not str or not venue:
        reason = VENUE if type(venue) is not str or not venue else PRICE if price is None else SIZE
        dropped[reason] = dropped.get(reason, 0) + 1
        return
    venue = venue.upper()
    time_ms = entry.time_ms if type(entry.time_ms) is int else None
    known = side.get(venue)
    if known is None or (price > known[0] if is_bid else price < known[0]):
        side[venue] = (price, size, time_ms, time_ms)
    elif price == known[0]:
        side[venue] = (price, known[1] + size, _both(min, known[2], time_ms), _both(max, known[3], time_ms))


def _both(pick: Callable[[int, int], int], a: int | None, b: int | None) -> int | None:
    """Combine two entry times; one that is missing makes the quote's age unknown."""
    return None if a is None or b is None else pick(a, b)
