"""What the quotes of an alert's book say: entries as sent, ages of the quotes that count."""

from datetime import UTC, datetime

import pytest

from leadline.core.book import BookSnapshot, clean
from leadline.core.imbalance import Rule
from leadline.core.market import Service
from leadline.core.quotes import Quotes, quotes_of
from leadline.schwab.wire import Entry, Level

H = 3_600_000
NOON_MS = 12 * H
NOON = datetime(2026, 3, 6, 17, tzinfo=UTC)
FIVE_PAST_MIDNIGHT = datetime(2026, 3, 6, 5, 5, tzinfo=UTC)

Times = list[int | None]


def quotes(bids: Times, asks: Times, at: datetime = NOON, rule: Rule | None = None) -> Quotes:
    """A cent wide; each time is that of one venue's quote."""
    sides = [
        [Level(price, [Entry(f"V{number}", 100, time_ms) for number, time_ms in enumerate(times)])]
        for price, times in ((19.99, bids), (20.0, asks))
    ]
    book = BookSnapshot("F", Service.NYSE_BOOK, int(at.timestamp() * 1_000), *sides)
    cleaned = clean(sides[0], is_bid=True, dropped={}), clean(sides[1], is_bid=False, dropped={})
    return quotes_of(book, *cleaned, rule or Rule())


def test_the_ages_are_those_of_both_quotes_of_every_valid_venue() -> None:
    found = quotes([NOON_MS - 1_000, NOON_MS - 4_000], [NOON_MS - 2_000, NOON_MS - 9_000])
    assert (found.age_median_ms, found.age_max_ms) == (3_000.0, 9_000)


def test_a_venue_on_one_side_only_has_no_part_in_it() -> None:
    found = quotes([NOON_MS - 1_000, NOON_MS - 4_000], [NOON_MS - 2_000])
    assert (found.age_median_ms, found.age_max_ms) == (1_500.0, 2_000)
    assert (found.bid_entries, found.ask_entries) == (2, 1)


@pytest.mark.parametrize("odd", [None, -1, 24 * H, 10**30])
def test_one_time_that_is_missing_or_none_of_a_day_makes_both_unknown(odd: int | None) -> None:
    found = quotes([NOON_MS, odd], [NOON_MS, NOON_MS])
    assert (found.age_median_ms, found.age_max_ms) == (None, None)


def test_a_time_later_than_the_book_is_of_yesterday() -> None:
    found = quotes([24 * H - 60_000], [4 * 60_000], FIVE_PAST_MIDNIGHT)
    assert (found.age_median_ms, found.age_max_ms) == ((360_000 + 60_000) / 2, 360_000)


@pytest.mark.parametrize(("ahead_ms", "age_ms"), [(1, 0), (2_000, 0), (2_001, 24 * H - 2_001)])
def test_a_little_later_is_now_by_another_clock(ahead_ms: int, age_ms: int) -> None:
    assert quotes([NOON_MS + ahead_ms], [NOON_MS + ahead_ms]).age_max_ms == age_ms


def test_entries_are_counted_as_they_were_sent() -> None:
    bids = [Level(19.99, [Entry("A", 1), Entry("a", 2), Entry("", 3)]), None, Level(19.98, None)]
    book = BookSnapshot("F", Service.NYSE_BOOK, int(NOON.timestamp() * 1_000), bids, [])
    assert quotes_of(book, {}, {}, Rule()) == Quotes(3, 0, None, None)


def test_with_a_limit_of_age_only_the_young_venues_count() -> None:
    found = quotes([NOON_MS - 1, NOON_MS - 60_000], [NOON_MS - 3, NOON_MS - 60_000], rule=Rule(quote_age_max_ms=5_000))
    assert (found.age_median_ms, found.age_max_ms) == (2.0, 3)


def test_a_wide_venue_does_not_count() -> None:
    bids = [Level(19.99, [Entry("A", 1, NOON_MS - 5)]), Level(19.9, [Entry("B", 1, 0)])]
    asks = [Level(20.0, [Entry("A", 1, NOON_MS - 7), Entry("B", 1, 0)])]
    book = BookSnapshot("F", Service.NYSE_BOOK, int(NOON.timestamp() * 1_000), bids, asks)
    cleaned = clean(bids, is_bid=True, dropped={}), clean(asks, is_bid=False, dropped={})
    assert quotes_of(book, *cleaned, Rule()).age_max_ms == 7


def test_a_venue_that_stands_twice_at_its_best_price_is_as_old_as_the_older_entry() -> None:
    bids = [Level(19.99, [Entry("A", 1, NOON_MS - 5), Entry("A", 1, NOON_MS - 50)])]
    asks = [Level(20.0, [Entry("A", 1, NOON_MS)])]
    book = BookSnapshot("F", Service.NYSE_BOOK, int(NOON.timestamp() * 1_000), bids, asks)
    cleaned = clean(bids, is_bid=True, dropped={}), clean(asks, is_bid=False, dropped={})
    assert quotes_of(book, *cleaned, Rule()) == Quotes(2, 1, 25.0, 50)
