"""Which thresholds hold for whom and when, to the nanosecond: midnight, DST and half days by hand."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from leadline.core.alerts import EntryFilter
from leadline.core.exchange_days import DayKind
from leadline.core.imbalance import Rule
from leadline.core.spans import Span, moment_of
from leadline.core.thresholds import UNASKED, Change, Scope, Thresholds

S = 1_000_000_000
NEW_YORK = ZoneInfo("America/New_York")


def ns(wall: str) -> int:
    """UTC of a time on the clock in New York (or with an offset of its own)."""
    told = datetime.fromisoformat(wall)
    return int((told if told.tzinfo else told.replace(tzinfo=NEW_YORK)).timestamp()) * S


def change(
    venues: int, *symbols: str, start: str = "", end: str = "", days: DayKind | None = None, **entries: object
) -> Change:
    first, last = moment_of(start), moment_of(end)
    span = Span(first, last, days) if first is not None and last is not None else None
    return Change(Scope(frozenset(symbols) or None, span), {"min_bid_heavy": venues}, entries)


def venues(thresholds: Thresholds, wall: str, symbol: str = "F") -> int:
    return thresholds.at(symbol, ns(wall)).rule.min_bid_heavy


def test_without_changes_the_plain_ones_hold_always() -> None:
    rule, entries = Rule(min_bid_heavy=9), EntryFilter(5)
    thresholds = Thresholds(rule, entries)
    for t_ns in (0, -1, 1 << 63, ns("2026-11-24T09:30")):
        found = thresholds.at("F", t_ns)
        assert (found.rule, found.entries) == (rule, entries)
        assert found.since_ns < t_ns < found.until_ns


def test_a_symbol_has_its_own_and_others_the_plain_ones() -> None:
    thresholds = Thresholds(Rule(min_ask_heavy=7), changes=[change(3, "F", "SOFI", min_volume=8)])
    for symbol, wanted in (("F", 3), ("SOFI", 3), ("T", 4), ("f", 4), ("", 4)):
        found = thresholds.at(symbol, 5)
        assert (found.rule.min_bid_heavy, found.rule.min_ask_heavy) == (wanted, 7)
        assert found.entries == EntryFilter(8 if wanted == 3 else 0)
        assert found.since_ns < -(1 << 63), "nothing depends on the time"
        assert found.until_ns > 1 << 63


def test_of_several_that_hold_the_later_wins_name_by_name() -> None:
    thresholds = Thresholds(
        Rule(),
        changes=[
            change(5, "F", min_volume=1, disable_bid_heavy=True),
            change(6, start="09:30", end="10:30"),
            change(7, "F", start="10:00", end="11:00", min_volume=2),
        ],
    )
    for wall, wanted, volume in (("09:29", 5, 1), ("09:30", 6, 1), ("10:00", 7, 2), ("10:30", 7, 2), ("11:00", 5, 1)):
        found = thresholds.at("F", ns(f"2026-11-24T{wall}"))
        assert (found.rule.min_bid_heavy, found.entries) == (wanted, EntryFilter(volume, disable_bid_heavy=True))
    assert venues(thresholds, "2026-11-24T10:15", "T") == 6
    assert venues(thresholds, "2026-11-24T10:30", "T") == 4


def test_a_span_begins_with_its_first_nanosecond_and_ends_before_its_last() -> None:
    thresholds = Thresholds(Rule(), changes=[change(6, start="open", end="10:00")])
    first, last = ns("2026-11-24T09:30"), ns("2026-11-24T10:00")
    wanted = {first - 1: 4, first: 6, first + 1: 6, last - 1: 6, last: 4}
    assert {t_ns: thresholds.at("F", t_ns).rule.min_bid_heavy for t_ns in wanted} == wanted
    found = thresholds.at("F", first + 5)
    assert (found.since_ns, found.until_ns) == (first, last)


def test_what_is_in_force_is_said_to_hold_to_midnight_at_most() -> None:
    thresholds = Thresholds(Rule(), changes=[change(6, start="open", end="10:00")])
    found = thresholds.at("F", ns("2026-11-24T20:00"))
    assert (found.since_ns, found.until_ns) == (ns("2026-11-24T10:00"), ns("2026-11-25T00:00"))
    found = thresholds.at("F", ns("2026-11-25T00:00"))
    assert (found.since_ns, found.until_ns) == (ns("2026-11-25T00:00"), ns("2026-11-25T09:30"))


def test_a_span_over_the_whole_day_holds_over_midnight() -> None:
    thresholds = Thresholds(Rule(), changes=[change(6, start="00:00", end="24:00")])
    for wall in ("2026-11-24T23:59:59", "2026-11-25T00:00", "2026-11-28T12:00"):
        assert venues(thresholds, wall) == 6


def test_a_half_day_moves_what_hangs_on_the_close() -> None:
    thresholds = Thresholds(Rule(), changes=[change(6, start="close-30m", end="close")])
    for day, wall, wanted in (
        ("2026-11-24", "15:30", 6),
        ("2026-11-24", "12:30", 4),
        ("2026-11-27", "12:29", 4),
        ("2026-11-27", "12:30", 6),
        ("2026-11-27", "12:59:59", 6),
        ("2026-11-27", "13:00", 4),
        ("2026-11-27", "15:30", 4),
        ("2026-11-26", "15:30", 4),  # closed
        ("2026-11-28", "15:30", 4),
    ):
        assert venues(thresholds, f"{day}T{wall}") == wanted, (day, wall)


@pytest.mark.parametrize(("days", "wanted"), [(None, [6, 6, 6]), (DayKind.FULL, [6, 4, 4]), (DayKind.HALF, [4, 6, 4])])
def test_days_of_one_kind(days: DayKind | None, wanted: list[int]) -> None:
    """A time on the clock comes on closed days too, unless it is for days of one kind."""
    thresholds = Thresholds(Rule(), changes=[change(6, start="10:00", end="11:00", days=days)])
    found = [venues(thresholds, f"2026-11-{day}T10:30") for day in (25, 27, 26)]
    assert found == wanted


def test_new_york_decides_in_winter_and_in_summer() -> None:
    thresholds = Thresholds(Rule(), changes=[change(6, start="open", end="open+1m")])
    assert venues(thresholds, "2026-03-06T14:30+00:00") == 6
    assert venues(thresholds, "2026-03-06T13:30+00:00") == 4
    assert venues(thresholds, "2026-03-09T13:30+00:00") == 6
    assert venues(thresholds, "2026-03-09T14:30+00:00") == 4


def test_the_night_in_which_the_clock_goes_forward() -> None:
    """2026-03-08: at 07:00 UTC the clock goes from 02:00 to 03:00. 02:30 does not come, 03:00 does."""
    thresholds = Thresholds(Rule(), changes=[change(6, start="02:30", end="03:30")])
    before, after = (
        thresholds.at("F", ns("2026-03-08T06:59:59+00:00")),
        thresholds.at("F", ns("2026-03-08T07:00+00:00")),
    )
    assert (before.rule.min_bid_heavy, before.until_ns) == (4, ns("2026-03-08T07:00+00:00"))
    assert (after.rule.min_bid_heavy, after.since_ns, after.until_ns) == (
        6,
        ns("2026-03-08T07:00+00:00"),
        ns("2026-03-08T07:30+00:00"),
    )


def test_the_night_in_which_the_clock_goes_back() -> None:
    """2026-11-01: 01:00 to 02:00 comes twice, from 05:00 and from 06:00 UTC. So does what holds in it."""
    thresholds = Thresholds(Rule(), changes=[change(6, start="01:30", end="02:30")])
    wanted = {"05:29": 4, "05:30": 6, "05:59": 6, "06:00": 4, "06:29": 4, "06:30": 6, "07:29": 6, "07:30": 4}
    assert {wall: venues(thresholds, f"2026-11-01T{wall}+00:00") for wall in wanted} == wanted


def test_an_empty_span_never_holds() -> None:
    thresholds = Thresholds(Rule(), changes=[change(6, start="14:00", end="close")])
    assert [venues(thresholds, f"2026-11-27T{wall}") for wall in ("12:59", "13:00", "13:30", "14:00", "15:00")] == [
        4
    ] * 5
    assert venues(thresholds, "2026-11-25T14:00") == 6


def test_times_may_go_back() -> None:
    thresholds = Thresholds(Rule(), changes=[change(6, start="open", end="10:00")])
    walls = ["09:29", "09:30", "09:29", "10:00", "09:59", "09:30"]
    assert [venues(thresholds, f"2026-11-24T{wall}") for wall in walls] == [4, 6, 4, 4, 6, 6]


def test_what_nobody_asked_for_holds_never() -> None:
    for t_ns in (-1, 0, 1, 1 << 70):
        assert not UNASKED.since_ns <= t_ns < UNASKED.until_ns


def test_memory_does_not_grow_with_symbols_that_no_change_names() -> None:
    thresholds = Thresholds(
        Rule(), changes=[change(6, "F", start="open", end="10:00"), change(5, start="open", end="close")]
    )
    t_ns = ns("2026-11-24T09:45")
    found = {id(thresholds.at(f"S{n}", t_ns)) for n in range(1_000)}
    assert len(found) == 1, "all that are alike share one"
    assert thresholds.at("F", t_ns).rule.min_bid_heavy == 5
