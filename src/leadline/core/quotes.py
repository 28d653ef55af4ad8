"""Owns what the quotes of an alert's book say beyond their sums: how many entries, how old their prices.

Never decides what alerts.
Comes from the detector once a snapshot alerts; goes into the alert's features.
"""

from collections.abc import Iterable

import msgspec

from leadline.core.book import BookSnapshot, RawLevel, Side
from leadline.core.imbalance import Rule, total
from leadline.core.session import new_york_day_ms

DAY_MS = 86_400_000

AHEAD_MAX_MS = 2_000
"""An entry time at most so far after BOOK_TIME is of now, by another clock; a later one is of the day before."""


class Quotes(msgspec.Struct, frozen=True, gc=False):
    """What an alert's book says beyond its sums: entries as sent, ages of valid venues' quotes in ms."""

    bid_entries: int
    ask_entries: int
    age_median_ms: float | None
    age_max_ms: int | None


def quotes_of(book: BookSnapshot, bids: Side, asks: Side, rule: Rule) -> Quotes:
    """Count a book's entries and give the ages of its valid venues' quotes at BOOK_TIME."""
    assert book.book_ms is not None, "without BOOK_TIME no snapshot alerts"
    day_ms = new_york_day_ms(book.book_ms)
    ages_ms = _ages_ms(_valid_times(bids, asks, rule, day_ms), day_ms)
    counts = _entries(book.bids), _entries(book.asks)
    return Quotes(*counts, _median(ages_ms), ages_ms[-1]) if ages_ms else Quotes(*counts, None, None)


def _valid_times(bids: Side, asks: Side, rule: Rule, day_ms: int) -> list[int | None]:
    """Give the oldest entry time of each quote of the venues that count (design 4.8)."""
    limit_ms = rule.quote_age_max_ms
    times_ms: list[int | None] = []
    for venue, bid in bids.items():
        ask = asks.get(venue)
        if ask is None or ask[0] - bid[0] > rule.max_range:
            continue
        if limit_ms is None or total({venue: bid}, {venue: ask}, rule.max_range, limit_ms, day_ms).valid_venues:
            times_ms += (bid[2], ask[2])
    return times_ms


def _ages_ms(times_ms: list[int | None], day_ms: int) -> list[int]:
    """Give the ages at a time of day, youngest first; what is later was set the day before. Empty if one is unknown."""
    ages_ms = []
    for time_ms in times_ms:
        if time_ms is None or not 0 <= time_ms < DAY_MS:
            return []
        age_ms = day_ms - time_ms
        ages_ms.append(max(age_ms, 0) if age_ms >= -AHEAD_MAX_MS else age_ms + DAY_MS)
    return sorted(ages_ms)


def _median(ordered: list[int]) -> float:
    middle = len(ordered) // 2
    return float(ordered[middle]) if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _entries(levels: Iterable[RawLevel | None]) -> int:
    return sum(len(list(level.entries or ())) for level in levels if level is not None)
