"""Cleaning: what is an entry, what is dropped and why, and one quote a venue and side (design 4.6)."""

from itertools import permutations
from typing import Any

import pytest

from leadline.core.book import Quote, Side, clean
from leadline.schwab.wire import Entry, Level

JUNK: list[Any] = [None, True, False, "1", "", [], {}, float("nan"), float("inf"), -1, 0, 2**63, 10**500, 10.00005]


def entry(venue: object, size: object = 100, time_ms: object = 5) -> Entry:
    return Entry(venue, size, time_ms)  # type: ignore[arg-type]


def level(price: object, *entries: Entry) -> Level:
    return Level(price, list(entries))  # type: ignore[arg-type]


def cleaned(*levels: Level | None, is_bid: bool = True) -> tuple[Side, dict[str, int]]:
    dropped: dict[str, int] = {}
    return clean(levels, is_bid=is_bid, dropped=dropped), dropped


def sizes_and_prices(side: Side) -> dict[str, tuple[int, int]]:
    return {venue: quote[:2] for venue, quote in side.items()}


def test_an_empty_side_stays_empty_and_nothing_is_dropped() -> None:
    assert cleaned() == ({}, {})
    assert cleaned(level(19.99)) == ({}, {})


def test_a_good_entry_is_kept_with_price_size_and_time() -> None:
    assert cleaned(level(19.99, entry("NSDQ", 140, 49_978_628))) == (
        {"NSDQ": (199_900, 140, 49_978_628, 49_978_628)},
        {},
    )


# venue


@pytest.mark.parametrize("venue", ["arcx", "ARCX", "Arcx", "aRCX"])
def test_a_venue_counts_in_upper_case(venue: str) -> None:
    side, _ = cleaned(level(20, entry(venue)))
    assert set(side) == {"ARCX"}


def test_a_venue_in_two_cases_is_one_venue() -> None:
    side, _ = cleaned(level(20, entry("arcx", 100), entry("ARCX", 40)))
    assert sizes_and_prices(side) == {"ARCX": (200_000, 140)}


@pytest.mark.parametrize("venue", ["XXXX", "G", " ", "é", "😀", "a" * 1_000])
def test_an_unknown_venue_is_kept(venue: str) -> None:
    side, dropped = cleaned(level(20, entry(venue)))
    assert set(side) == {venue.upper()}
    assert not dropped


@pytest.mark.parametrize("venue", ["", None, True, 7, 1.5, [], {}])
def test_a_venue_that_is_empty_or_no_text_is_dropped_and_counted(venue: object) -> None:
    assert cleaned(level(20, entry(venue))) == ({}, {"venue": 1})


# price


@pytest.mark.parametrize("price", [*JUNK, 1_000_000.0001, -19.99, 0.00005])
def test_a_price_that_is_none_costs_each_entry_at_it(price: object) -> None:
    assert cleaned(level(price, entry("A"), entry("B"))) == ({}, {"price": 2})


@pytest.mark.parametrize("price", [20, 20.0])
def test_a_price_is_the_same_however_it_is_written(price: float) -> None:
    side, _ = cleaned(level(price, entry("A")))
    assert side["A"][0] == 200_000


# size


@pytest.mark.parametrize("size", [*JUNK, 100.5, 1e9 + 1, 0.5, -100.0])
def test_a_size_that_is_none_costs_its_entry_only(size: object) -> None:
    side, dropped = cleaned(level(20, entry("A", size), entry("B")))
    assert set(side) == {"B"}
    assert dropped == {"size": 1}


@pytest.mark.parametrize(("size", "shares"), [(100.0, 100), (1, 1), (10**9, 10**9), (1e9, 10**9)])
def test_a_size_of_integral_value_is_kept(size: float, shares: int) -> None:
    side, dropped = cleaned(level(20, entry("A", size)))
    assert side["A"][1] == shares
    assert not dropped


# level


@pytest.mark.parametrize("bad", [None, Level(20.0, None)])
def test_a_level_that_is_no_object_or_has_no_entries_costs_only_itself(bad: Level | None) -> None:
    side, dropped = cleaned(bad, level(20, entry("A")))
    assert set(side) == {"A"}
    assert dropped == {"level": 1}


def test_reasons_add_up_over_levels_and_sides() -> None:
    dropped: dict[str, int] = {}
    clean([level(20, entry(""), entry("A", 0))], is_bid=True, dropped=dropped)
    clean([level(20, entry("")), level(0, entry("A")), None], is_bid=False, dropped=dropped)
    assert dropped == {"venue": 2, "size": 1, "price": 1, "level": 1}


@pytest.mark.parametrize(
    ("price", "venue", "size", "reason"),
    [("x", "", "x", "venue"), ("x", "A", "x", "price"), (20, "A", "x", "size"), (20, "", "x", "venue")],
)
def test_an_entry_that_is_wrong_in_several_ways_is_counted_once_by_the_first(
    price: object, venue: str, size: object, reason: str
) -> None:
    assert cleaned(level(price, entry(venue, size))) == ({}, {reason: 1})


# a venue more than once on a side


@pytest.mark.parametrize(("is_bid", "best"), [(True, (200_100, 40)), (False, (200_000, 70))])
def test_a_venue_at_two_prices_counts_with_its_best_and_the_size_there(*, is_bid: bool, best: tuple[int, int]) -> None:
    high, low = level(20.01, entry("A", 40)), level(20.0, entry("A", 70))
    for levels in permutations([high, low]):
        side, dropped = cleaned(*levels, is_bid=is_bid)
        assert sizes_and_prices(side) == {"A": best}
        assert not dropped


@pytest.mark.parametrize("is_bid", [True, False])
def test_a_venue_twice_at_one_price_counts_with_the_sum(*, is_bid: bool) -> None:
    within, _ = cleaned(level(20, entry("A", 40), entry("A", 70)), is_bid=is_bid)
    across, _ = cleaned(level(20, entry("A", 40)), level(20.0, entry("A", 70)), is_bid=is_bid)
    assert sizes_and_prices(within) == sizes_and_prices(across) == {"A": (200_000, 110)}


def test_sizes_at_worse_prices_do_not_count_in_any_order() -> None:
    levels = [level(20.01, entry("A", 1), entry("A", 2)), level(20.0, entry("A", 4)), level(19.99, entry("A", 8))]
    for order in permutations(levels):
        side, _ = cleaned(*order)
        assert sizes_and_prices(side) == {"A": (200_100, 3)}


def test_an_entry_that_is_dropped_does_not_hide_a_worse_good_one() -> None:
    side, dropped = cleaned(level(20.01, entry("A", 0)), level(20.0, entry("A", 70)))
    assert sizes_and_prices(side) == {"A": (200_000, 70)}
    assert dropped == {"size": 1}


# entry times


@pytest.mark.parametrize("time_ms", [None, True, 5.0, "5", [], {}])
def test_an_entry_time_that_is_no_integer_is_missing_and_drops_nothing(time_ms: object) -> None:
    side, dropped = cleaned(level(20, entry("A", 100, time_ms)))
    assert side == {"A": (200_000, 100, None, None)}
    assert not dropped


def test_two_entries_at_the_best_price_keep_the_oldest_and_the_newest_time() -> None:
    for times in permutations([9, 3, 5]):
        side, _ = cleaned(level(20, *(entry("A", 1, time_ms) for time_ms in times)))
        assert side == {"A": (200_000, 3, 3, 9)}


def test_a_missing_time_among_the_entries_at_the_best_price_makes_the_age_unknown() -> None:
    for times in permutations([9, None, 5]):
        side, _ = cleaned(level(20, *(entry("A", 1, time_ms) for time_ms in times)))
        assert side == {"A": (200_000, 3, None, None)}


def test_a_time_at_a_worse_price_does_not_count() -> None:
    expected: dict[str, Quote] = {"A": (200_100, 1, 9, 9)}
    for levels in permutations([level(20.01, entry("A", 1, 9)), level(20, entry("A", 1, None))]):
        assert cleaned(*levels)[0] == expected
