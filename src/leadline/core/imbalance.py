"""Owns what a book's valid venues add up to, and which way they lean.

Never remembers anything between snapshots.
Comes from cleaned sides; goes to the detector and the pages.
"""

from enum import StrEnum
from fractions import Fraction

import msgspec

from leadline.core.book import Quote, Side


class Direction(StrEnum):
    """The way venues lean: bid-heavy asks for a long position, ask-heavy for a short one."""

    BID_HEAVY = "bid-heavy"
    ASK_HEAVY = "ask-heavy"


class Rule(msgspec.Struct, frozen=True):
    """The thresholds of design section 4, in the units their names end in."""

    max_range: int = 100
    """MAX_RANGE_CENTS in 0.0001 dollars."""
    quote_age_max_ms: int | None = None
    min_bid_heavy: int = 4
    min_ask_heavy: int = 4
    min_venue_margin: int = 2
    min_ratio: Fraction = Fraction(2)
    book_age_max_ns: int = 10_000_000_000
    gap_max_ns: int = 3_000_000_000
    min_duration_ns: int = 10_000_000_000
    throttle_ns: int = 60_000_000_000


class Totals(msgspec.Struct, frozen=True, gc=False):
    """Sums over valid venues: shares on each side, venues heavy on each side, venues in all."""

    total_bids: int
    total_asks: int
    bid_heavy: int
    ask_heavy: int
    valid_venues: int


class Neutral(StrEnum):
    """Why a book leans nowhere; the names are outcomes of design section 4.8."""

    NO_VALID_VENUE = "no_valid_venue"
    FEW_VENUES = "few_venues"
    MARGIN = "margin"
    RATIO = "ratio"


def total(bids: Side, asks: Side, max_range: int, quote_age_max_ms: int | None, book_day_ms: int) -> Totals:
    """Add up the venues that quote both sides within `max_range`.

    `book_day_ms` is BOOK_TIME in milliseconds since midnight New York; it is looked at only with a quote age limit.
    """
    total_bids = total_asks = bid_heavy = ask_heavy = valid = 0
    for venue, bid in bids.items():
        ask = asks.get(venue)
        if ask is None or ask[0] - bid[0] > max_range:
            continue
        if quote_age_max_ms is not None and not (
            _is_young(bid, book_day_ms, quote_age_max_ms) and _is_young(ask, book_day_ms, quote_age_max_ms)
        ):
            continue
        bid_size, ask_size = bid[1], ask[1]
        valid += 1
        total_bids += bid_size
        total_asks += ask_size
        if bid_size > ask_size:
            bid_heavy += 1
        elif ask_size > bid_size:
            ask_heavy += 1
    return Totals(total_bids, total_asks, bid_heavy, ask_heavy, valid)


def _is_young(quote: Quote, book_day_ms: int, age_max_ms: int) -> bool:
    oldest_ms, newest_ms = quote[2], quote[3]
    if oldest_ms is None or newest_ms is None:
        return False
    return newest_ms <= book_day_ms and book_day_ms - oldest_ms <= age_max_ms


def lean(totals: Totals, rule: Rule) -> Direction | Neutral:
    """Give the direction whose tests all hold, else why the leading side is neutral (design 4.8)."""
    if totals.valid_venues == 0:
        return Neutral.NO_VALID_VENUE
    t = totals
    bid_fails = _failing(t.bid_heavy, t.ask_heavy, rule.min_bid_heavy, t.total_bids, t.total_asks, rule)
    if bid_fails is None:
        return Direction.BID_HEAVY
    ask_fails = _failing(t.ask_heavy, t.bid_heavy, rule.min_ask_heavy, t.total_asks, t.total_bids, rule)
    if ask_fails is None:
        return Direction.ASK_HEAVY
    return bid_fails if _leans_to_bid(totals) else ask_fails


def _failing(  # noqa: PLR0917 - one side's five numbers
    heavy: int, light: int, minimum: int, heavy_total: int, light_total: int, rule: Rule
) -> Neutral | None:
    """Give the first test that a side fails; None if it passes all."""
    if heavy < minimum:
        return Neutral.FEW_VENUES
    if heavy - light < rule.min_venue_margin:
        return Neutral.MARGIN
    if heavy_total * rule.min_ratio.denominator < rule.min_ratio.numerator * light_total:
        return Neutral.RATIO
    return None


def _leans_to_bid(totals: Totals) -> bool:
    """Tell which side's reason counts: more heavy venues, then the larger total, then the bid."""
    if totals.bid_heavy != totals.ask_heavy:
        return totals.bid_heavy > totals.ask_heavy
    return totals.total_bids >= totals.total_asks
