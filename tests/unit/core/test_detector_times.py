"""The detector under thresholds that change: those in force at a book's receipt judge it, what was judged stays."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from leadline.core.book import BookSnapshot
from leadline.core.detector import Detector, Outcome
from leadline.core.imbalance import Rule
from leadline.core.market import Service
from leadline.core.spans import Span, moment_of
from leadline.core.thresholds import Change, Scope, Thresholds
from leadline.schwab.wire import Entry, Level

S, MS = 1_000_000_000, 1_000_000
TEN = int(datetime(2026, 11, 24, 10, tzinfo=ZoneInfo("America/New_York")).timestamp())
FIVE = ("A", "B", "C", "D", "E")


def before_ten(symbols: tuple[str, ...] = (), **rule: Any) -> Change:
    first, last = moment_of("open"), moment_of("10:00")
    assert first is not None
    assert last is not None
    return Change(Scope(frozenset(symbols) or None, Span(first, last)), rule)


class Desk:
    """A detector that is shown a book of five bid-heavy venues, 300 to 100 shares, at seconds around 10:00."""

    def __init__(self, *changes: Change, **rule: Any) -> None:
        self.detector = Detector(Thresholds(Rule(**rule), changes=changes), {})

    def at(self, second: int, symbol: str = "F", *, is_bid_heavy: bool = True, age_s: int = 0) -> Outcome:
        t_ns = (TEN + second) * S
        bids = [Level(20.0, [Entry(venue, 300 if is_bid_heavy else 100) for venue in FIVE])]
        asks = [Level(20.01, [Entry(venue, 100 if is_bid_heavy else 300) for venue in FIVE])]
        book = BookSnapshot(symbol, Service.NYSE_BOOK, t_ns // MS - age_s * 1_000, bids, asks)
        return self.detector.step(book, t_ns).outcome

    def run(self, first: int, last: int) -> list[Outcome]:
        return [self.at(second) for second in range(first, last + 1)]


def test_a_streak_goes_on_over_the_boundary_with_its_age() -> None:
    """Ten seconds are reached at 10:00:04; what changes at 10:00 is met before and after."""
    desk = Desk(before_ten(min_bid_heavy=5))
    assert desk.run(-6, 3) == [Outcome.DURATION] * 10
    assert desk.at(4) is Outcome.ALERTED


def test_a_book_that_did_not_lean_before_does_not_join_the_streak_afterwards() -> None:
    desk = Desk(before_ten(min_bid_heavy=6))
    assert desk.run(-20, -1) == [Outcome.FEW_VENUES] * 20
    assert desk.run(0, 9) == [Outcome.DURATION] * 10
    assert desk.at(10) is Outcome.ALERTED


def test_a_stricter_rule_ends_the_streak_with_the_first_book_that_does_not_meet_it() -> None:
    desk = Desk(before_ten(min_bid_heavy=4), min_bid_heavy=6)
    assert desk.run(-5, -1) == [Outcome.DURATION] * 5
    assert desk.at(0) is Outcome.FEW_VENUES


def test_a_shorter_duration_alerts_with_the_first_book_after_the_boundary() -> None:
    desk = Desk(before_ten(min_duration_ns=60 * S), min_duration_ns=10 * S)
    assert desk.run(-20, -1) == [Outcome.DURATION] * 20
    assert desk.at(0) is Outcome.ALERTED


def test_a_longer_duration_holds_from_the_boundary_on() -> None:
    desk = Desk(before_ten(min_duration_ns=2 * S), min_duration_ns=30 * S, throttle_ns=0)
    assert desk.run(-4, 1) == [Outcome.DURATION] * 2 + [Outcome.ALERTED] * 2 + [Outcome.DURATION] * 2


def test_the_throttle_is_that_of_the_second_book() -> None:
    desk = Desk(before_ten(throttle_ns=3600 * S), throttle_ns=5 * S, min_duration_ns=0)
    assert [desk.at(second) for second in (-30, -1, 0, 1, 4, 5)] == [
        Outcome.ALERTED,
        Outcome.THROTTLED,
        Outcome.ALERTED,
        Outcome.THROTTLED,
        Outcome.THROTTLED,
        Outcome.ALERTED,
    ]


def test_the_gap_is_judged_by_the_book_that_follows_it() -> None:
    desk = Desk(before_ten(gap_max_ns=60 * S), gap_max_ns=3 * S, min_duration_ns=20 * S)
    assert desk.at(-30) is Outcome.DURATION
    assert desk.at(-2) is Outcome.ALERTED, "28 s after its first: no gap before 10:00"
    assert desk.at(2) is Outcome.DURATION, "4 s are a gap after 10:00: the streak begins anew"


def test_the_book_age_is_that_in_force_at_receipt() -> None:
    desk = Desk(before_ten(book_age_max_ns=1 * S), min_duration_ns=0)
    assert desk.at(-1, age_s=2) is Outcome.STALE
    assert desk.at(0, age_s=2) is Outcome.ALERTED


def test_each_symbol_is_judged_by_its_own() -> None:
    desk = Desk(before_ten(("F",), min_bid_heavy=6), min_duration_ns=0)
    assert (desk.at(-1, "F"), desk.at(-1, "T")) == (Outcome.FEW_VENUES, Outcome.ALERTED)
    assert (desk.at(0, "F"), desk.at(0, "T")) == (Outcome.ALERTED, Outcome.THROTTLED)


@pytest.mark.parametrize("seconds", [[-1, 0, 1], [0, -1, 1, -2, 2]])
def test_times_that_go_back_are_judged_by_what_was_in_force_then(seconds: list[int]) -> None:
    """The book's own time goes on here; the receive time goes back, as after a correction of the clock."""
    desk = Desk(before_ten(min_bid_heavy=6), min_duration_ns=0, throttle_ns=0)
    for number, second in enumerate(seconds):
        t_ns = (TEN + second) * S
        bids = [Level(20.0, [Entry(venue, 300) for venue in FIVE])]
        asks = [Level(20.01, [Entry(venue, 100) for venue in FIVE])]
        book = BookSnapshot("F", Service.NYSE_BOOK, (TEN - 5) * 1_000 + number, bids, asks)
        outcome = desk.detector.step(book, t_ns).outcome
        assert outcome is (Outcome.FEW_VENUES if second < 0 else Outcome.ALERTED)


def test_it_is_asked_only_where_what_it_said_is_past() -> None:
    class Counted(Thresholds):
        asked = 0

        def at(self, symbol: str, t_ns: int) -> Any:
            self.asked += 1
            return super().at(symbol, t_ns)

    thresholds = Counted(Rule(), changes=[before_ten(min_bid_heavy=6)])
    desk = Desk()
    desk.detector = Detector(thresholds, {})
    desk.run(-100, 100)
    assert thresholds.asked == 2, "once before 10:00, once after"
