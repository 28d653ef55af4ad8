"""Valid venues, their totals, and the way they lean or the first test that fails (design 4.8)."""

from fractions import Fraction

import msgspec
import pytest

from leadline.core.book import Quote, Side
from leadline.core.imbalance import Direction, Neutral, Rule, Totals, lean, total
from leadline.core.units import price_of

BID, ASK = Direction.BID_HEAVY, Direction.ASK_HEAVY
CENT = 100


def quote(price: float, size: int = 100, oldest_ms: int | None = None, newest_ms: int | None = None) -> Quote:
    exact = price_of(price)
    assert exact is not None
    return exact, size, oldest_ms, oldest_ms if newest_ms is None else newest_ms


def totals_of(bids: Side, asks: Side, max_range: int = CENT) -> Totals:
    return total(bids, asks, max_range, None, 0)


def totals(total_bids: int, total_asks: int, bid_heavy: int, ask_heavy: int) -> Totals:
    return Totals(total_bids, total_asks, bid_heavy, ask_heavy, bid_heavy + ask_heavy)


def mirrored(one: Totals) -> Totals:
    return Totals(one.total_asks, one.total_bids, one.ask_heavy, one.bid_heavy, one.valid_venues)


# valid venues


@pytest.mark.parametrize(
    ("bid", "ask"),
    [
        (19.99, 20.0),
        (221, 221.01),
        (0.0099, 0.0199),
        (0.9999, 1.0099),
        (0.0001, 0.0101),
        (1.1, 1.11),
        (0.07, 0.08),
        (1023.28, 1023.29),
        (999_999.99, 1_000_000),
        (8.2999, 8.3099),
        (65_535.0001, 65_535.0101),
    ],
)
def test_exactly_a_cent_is_within_the_range_and_a_hundredth_of_a_cent_more_is_not(bid: float, ask: float) -> None:
    low, high = quote(bid), quote(ask)
    assert totals_of({"A": low}, {"A": high}).valid_venues == 1
    assert totals_of({"A": (low[0] - 1, *low[1:])}, {"A": high}).valid_venues == 0


def test_every_cent_from_one_to_a_hundred_dollars_is_exactly_a_cent_wide() -> None:
    for cents in range(100, 10_000):
        bids, asks = {"A": quote(float(f"{cents / 100:.2f}"))}, {"A": quote(float(f"{(cents + 1) / 100:.2f}"))}
        assert totals_of(bids, asks, CENT).valid_venues == 1
        assert totals_of(bids, asks, CENT - 1).valid_venues == 0


def test_a_venue_on_one_side_only_is_not_valid() -> None:
    assert totals_of({"A": quote(19.99)}, {"B": quote(20.0)}) == Totals(0, 0, 0, 0, 0)


def test_only_valid_venues_are_summed() -> None:
    bids = {"A": quote(19.99, 300), "FAR": quote(19.5, 5_000), "ALONE": quote(19.99, 7_000)}
    asks = {"A": quote(20.0, 100), "FAR": quote(20.0, 9_000), "OTHER": quote(20.0, 8_000)}
    assert totals_of(bids, asks) == Totals(300, 100, 1, 0, 1)


def test_a_venue_is_heavy_on_the_larger_side_and_on_none_when_equal() -> None:
    bids = {"A": quote(19.99, 101), "B": quote(19.99, 99), "C": quote(19.99, 100)}
    asks = {venue: quote(20.0, 100) for venue in "ABC"}
    assert totals_of(bids, asks) == Totals(300, 300, 1, 1, 3)


def test_the_range_is_each_venues_own_and_not_the_books() -> None:
    bids = {"A": quote(19.98), "B": quote(19.99)}
    asks = {"A": quote(19.99), "B": quote(20.0)}
    assert totals_of(bids, asks).valid_venues == 2


# MAX_QUOTE_AGE_SEC

BOOK_DAY_MS = 49_922_000
AGE_MS = 5_000


def is_valid(
    bid_ms: int | None, ask_ms: int | None, age_max_ms: int | None = AGE_MS, book_day_ms: int = BOOK_DAY_MS
) -> bool:
    bids, asks = {"A": quote(19.99, 100, bid_ms)}, {"A": quote(20.0, 100, ask_ms)}
    return total(bids, asks, CENT, age_max_ms, book_day_ms).valid_venues == 1


@pytest.mark.parametrize(
    ("entry_ms", "expected"),
    [
        (BOOK_DAY_MS, True),
        (BOOK_DAY_MS + 1, False),
        (BOOK_DAY_MS - AGE_MS, True),
        (BOOK_DAY_MS - AGE_MS - 1, False),
        (None, False),
        (-1, False),
        (10**400, False),
    ],
)
def test_with_a_quote_age_limit_both_times_are_present_not_after_the_book_and_no_older(
    entry_ms: int | None, *, expected: bool
) -> None:
    assert is_valid(entry_ms, BOOK_DAY_MS) is expected
    assert is_valid(BOOK_DAY_MS, entry_ms) is expected


def test_without_a_quote_age_limit_times_do_not_matter() -> None:
    assert is_valid(None, None, None)
    assert is_valid(0, BOOK_DAY_MS + 1_000_000, None)


def test_a_quote_age_limit_of_zero_wants_the_very_moment() -> None:
    assert is_valid(BOOK_DAY_MS, BOOK_DAY_MS, 0)
    assert not is_valid(BOOK_DAY_MS - 1, BOOK_DAY_MS, 0)


@pytest.mark.parametrize(
    ("oldest_ms", "newest_ms", "expected"),
    [
        (BOOK_DAY_MS - AGE_MS, BOOK_DAY_MS, True),
        (BOOK_DAY_MS - AGE_MS - 1, BOOK_DAY_MS, False),
        (BOOK_DAY_MS - AGE_MS, BOOK_DAY_MS + 1, False),
    ],
)
def test_of_several_entries_every_time_must_hold(oldest_ms: int, newest_ms: int, *, expected: bool) -> None:
    bids, asks = {"A": quote(19.99, 100, oldest_ms, newest_ms)}, {"A": quote(20.0, 100, BOOK_DAY_MS)}
    assert (total(bids, asks, CENT, AGE_MS, BOOK_DAY_MS).valid_venues == 1) is expected


# direction


def test_the_defaults_are_those_of_the_design() -> None:
    assert Rule() == Rule(
        max_range=100,
        quote_age_max_ms=None,
        min_bid_heavy=4,
        min_ask_heavy=4,
        min_venue_margin=2,
        min_ratio=Fraction(2),
        book_age_max_ns=10 * 10**9,
        gap_max_ns=3 * 10**9,
        min_duration_ns=10 * 10**9,
        throttle_ns=60 * 10**9,
    )


def test_no_valid_venue_comes_before_every_other_reason() -> None:
    assert lean(Totals(0, 0, 0, 0, 0), Rule()) is Neutral.NO_VALID_VENUE


def test_a_valid_venue_that_is_heavy_nowhere_is_not_no_venue() -> None:
    assert lean(Totals(100, 100, 0, 0, 1), Rule()) is Neutral.FEW_VENUES


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (totals(2_000, 1_000, 4, 0), True),
        (totals(2_000, 1_000, 4, 2), True),
        (totals(2_000, 1_000, 3, 0), Neutral.FEW_VENUES),
        (totals(9_000, 1_000, 3, 2), Neutral.FEW_VENUES),
        (totals(2_000, 1_000, 4, 3), Neutral.MARGIN),
        (totals(2_000, 1_000, 5, 3), True),
        (totals(1_999, 1_000, 4, 0), Neutral.RATIO),
        (totals(2_000, 1_001, 4, 0), Neutral.RATIO),
        (totals(1_000, 2_000, 4, 0), Neutral.RATIO),
        (totals(1_000, 2_000, 4, 3), Neutral.MARGIN),
        (totals(1_000, 2_000, 3, 2), Neutral.FEW_VENUES),
    ],
)
def test_direction_wants_venues_then_margin_then_ratio_on_both_sides_alike(
    one: Totals, expected: Neutral | bool
) -> None:
    assert lean(one, Rule()) is (BID if expected is True else expected)
    assert lean(mirrored(one), Rule()) is (ASK if expected is True else expected)


@pytest.mark.parametrize(
    ("ratio", "light"),
    [
        (Fraction(2), 1),
        (Fraction(2), 10**9),
        (Fraction(3, 2), 2 * 10**17),
        (Fraction(11, 10), 10**18),
        (Fraction(7, 3), 3),
    ],
)
def test_the_ratio_is_exact_on_integers(ratio: Fraction, light: int) -> None:
    rule = Rule(min_ratio=ratio)
    exact = ratio * light
    assert exact.denominator == 1
    enough = int(exact)
    assert lean(totals(enough, light, 4, 0), rule) is BID
    assert lean(totals(enough - 1, light, 4, 0), rule) is Neutral.RATIO
    assert lean(totals(light, enough, 0, 4), rule) is ASK
    assert lean(totals(light, enough - 1, 0, 4), rule) is Neutral.RATIO


def test_each_side_has_its_own_minimum() -> None:
    rule = Rule(min_bid_heavy=3, min_ask_heavy=5)
    assert lean(totals(2_000, 1_000, 3, 0), rule) is BID
    assert lean(totals(2_000, 1_000, 2, 0), rule) is Neutral.FEW_VENUES
    assert lean(totals(1_000, 2_000, 0, 5), rule) is ASK
    assert lean(totals(1_000, 2_000, 0, 4), rule) is Neutral.FEW_VENUES


def test_with_a_margin_of_zero_equal_counts_are_enough_for_the_side_with_the_larger_total() -> None:
    rule = Rule(min_venue_margin=0)
    assert lean(totals(2_000, 1_000, 4, 4), rule) is BID
    assert lean(totals(1_000, 2_000, 4, 4), rule) is ASK
    assert lean(totals(1_999, 1_000, 4, 4), rule) is Neutral.RATIO


def test_equal_counts_are_judged_on_the_side_with_the_larger_total() -> None:
    rule = Rule(min_bid_heavy=3, min_ask_heavy=5)
    assert lean(totals(2_000, 1_000, 4, 4), rule) is Neutral.MARGIN
    assert lean(totals(1_000, 2_000, 4, 4), rule) is Neutral.FEW_VENUES


def test_equal_counts_and_equal_totals_are_judged_on_the_bid_side() -> None:
    assert lean(totals(1_000, 1_000, 4, 4), Rule(min_bid_heavy=3, min_ask_heavy=5)) is Neutral.MARGIN
    assert lean(totals(1_000, 1_000, 4, 4), Rule(min_bid_heavy=5, min_ask_heavy=3)) is Neutral.FEW_VENUES


def test_the_side_with_more_venues_names_the_reason_even_against_the_larger_total() -> None:
    rule = Rule(min_bid_heavy=3, min_ask_heavy=9)
    assert lean(totals(1_000, 9_000, 4, 3), rule) is Neutral.MARGIN


def test_at_a_ratio_of_one_and_no_margin_a_perfect_tie_is_bid_heavy() -> None:
    assert lean(totals(1_000, 1_000, 4, 4), Rule(min_venue_margin=0, min_ratio=Fraction(1))) is BID


def test_a_direction_whose_three_tests_hold_is_given_even_where_a_perfect_tie_leans_to_bid() -> None:
    # All three sentences of `ask-heavy` hold, those of `bid-heavy` do not: 4 < 5 venues.
    rule = Rule(min_bid_heavy=5, min_ask_heavy=4, min_venue_margin=0, min_ratio=Fraction(1))
    assert lean(totals(1_000, 1_000, 4, 4), rule) is ASK


def test_the_rule_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Rule().max_range = 200  # type: ignore[misc]
    assert msgspec.structs.replace(Rule(), max_range=200).max_range == 200
