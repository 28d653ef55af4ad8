"""Outcomes, streaks and the throttle: design section 4, points 2 to 11, sentence by sentence."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, Literal

import pytest

from leadline.core.book import BookSnapshot
from leadline.core.detector import Detector, Judgement, Outcome
from leadline.core.imbalance import Direction, Rule, Totals
from leadline.core.market import Service
from leadline.schwab.wire import Entry, Level

NASDAQ, NYSE = Service.NASDAQ_BOOK, Service.NYSE_BOOK
S = 1_000_000_000
MS = 1_000_000
T0 = int(datetime(2026, 3, 6, 14, 45, tzinfo=UTC).timestamp()) * S
"""A Friday, 9:45 in New York."""

DAY_MS = (9 * 60 + 45) * 60_000
"""T0 in milliseconds since midnight New York."""

Levels = list[Level | None]


def side(price: float, *sizes: float, time_ms: int | None = None) -> Levels:
    """One level, a venue for each size."""
    return [Level(price, [Entry(f"V{number}", size, time_ms) for number, size in enumerate(sizes)])]


BID_BOOK = (side(19.99, 300, 300, 300, 300), side(20.0, 100, 100, 100, 100))
ASK_BOOK = (side(19.99, 100, 100, 100, 100), side(20.0, 300, 300, 300, 300))
FEW_BOOK = (side(19.99, 300, 300, 300, 100), side(20.0, 100, 100, 100, 100))
MARGIN_BOOK = (side(19.99, 900, 900, 900, 900, 1, 1, 1), side(20.0, 100, 100, 100, 100, 2, 2, 2))
RATIO_BOOK = (side(19.99, 199, 199, 199, 199), side(20.0, 100, 100, 100, 100))
WIDE_BOOK = (side(19.98, 300, 300, 300, 300), side(20.0, 100, 100, 100, 100))
CROSSED_BOOK = (side(20.01, 300, 300, 300, 300), side(20.0, 100, 100, 100, 100))
NO_BIDS: tuple[Levels, Levels] = ([], side(20.0, 100))

NEUTRAL_BOOKS = {
    Outcome.NO_VALID_VENUE: WIDE_BOOK,
    Outcome.FEW_VENUES: FEW_BOOK,
    Outcome.MARGIN: MARGIN_BOOK,
    Outcome.RATIO: RATIO_BOOK,
}
PROMPT = Rule(min_duration_ns=0, throttle_ns=0)
"""Every leaning book alerts."""


@dataclass
class Desk:
    """A detector, fed by seconds after T0; BOOK_TIME is the receive time in whole milliseconds unless told."""

    rule: Rule = field(default_factory=Rule)
    listing: dict[str, Service] = field(default_factory=lambda: {"F": NASDAQ})

    def __post_init__(self) -> None:
        self.detector = Detector(self.rule, self.listing)

    def at_ns(
        self,
        after_ns: int,
        book: tuple[Levels, Levels] = BID_BOOK,
        *,
        book_ms: int | Literal["now"] | None = "now",
        service: Service = NASDAQ,
        symbol: str = "F",
    ) -> Judgement:
        t_ns = T0 + after_ns
        told = t_ns // MS if book_ms == "now" else book_ms
        return self.detector.step(BookSnapshot(symbol, service, told, *book), t_ns)

    def at(self, second: float, book: tuple[Levels, Levels] = BID_BOOK, **how: Any) -> Outcome:
        return self.at_ns(round(second * S), book, **how).outcome

    def run(self, first: int, last: int, book: tuple[Levels, Levels] = BID_BOOK) -> list[Outcome]:
        """Feed one book a second, both ends included."""
        return [self.at(second, book) for second in range(first, last + 1)]


# 2. the service


@pytest.mark.parametrize(("listed", "other"), [(NASDAQ, NYSE), (NYSE, NASDAQ)])
def test_a_listed_symbol_is_judged_on_its_service_only(listed: Service, other: Service) -> None:
    desk = Desk(PROMPT, {"F": listed})
    assert desk.at(0, service=other) is Outcome.OTHER_SERVICE
    assert desk.at(1, service=listed) is Outcome.ALERTED
    assert desk.at(2, service=other) is Outcome.OTHER_SERVICE


@pytest.mark.parametrize(("first", "other"), [(NASDAQ, NYSE), (NYSE, NASDAQ)])
def test_an_unlisted_symbol_is_judged_on_the_first_service_that_it_is_seen_on(first: Service, other: Service) -> None:
    desk = Desk(PROMPT, {})
    assert desk.at(0, service=first) is Outcome.ALERTED
    assert desk.at(1, service=other) is Outcome.OTHER_SERVICE
    assert desk.at(2, service=first) is Outcome.ALERTED
    assert not desk.detector.state_of("F", first).is_listed


def test_seen_is_seen_even_where_the_first_snapshot_is_unfit() -> None:
    desk = Desk(PROMPT, {})
    assert desk.at(0, service=NYSE, book_ms=None) is Outcome.NO_BOOK_TIME
    assert desk.at(1, service=NASDAQ) is Outcome.OTHER_SERVICE


def test_each_symbol_has_its_own_service() -> None:
    desk = Desk(PROMPT, {"F": NYSE})
    assert desk.at(0, service=NYSE) is Outcome.ALERTED
    assert desk.at(0, service=NASDAQ, symbol="G") is Outcome.ALERTED
    assert desk.detector.state_of("F", NYSE).is_listed


def test_the_other_service_comes_before_every_fault_of_time() -> None:
    desk = Desk()
    assert desk.at(0, service=NYSE, book_ms=None) is Outcome.OTHER_SERVICE
    assert desk.at(0, service=NYSE, book_ms=2**63) is Outcome.OTHER_SERVICE
    assert desk.at(0, service=NYSE, book_ms=0) is Outcome.OTHER_SERVICE


def test_the_other_service_touches_neither_time_nor_streak_nor_throttle() -> None:
    desk = Desk(Rule(min_duration_ns=2 * S))
    assert desk.at(0) is Outcome.DURATION
    assert desk.at(1, ASK_BOOK, service=NYSE) is Outcome.OTHER_SERVICE
    assert desk.at(2) is Outcome.ALERTED
    assert desk.at(3, service=NYSE) is Outcome.OTHER_SERVICE
    assert desk.at(4, book_ms=T0 // MS + 2_500) is Outcome.THROTTLED


# 3. no BOOK_TIME, and the future


def test_a_snapshot_without_book_time_says_so_and_is_not_remembered() -> None:
    desk = Desk(PROMPT)
    assert desk.at(0, book_ms=None) is Outcome.NO_BOOK_TIME
    assert desk.at(0) is Outcome.ALERTED


@pytest.mark.parametrize(
    ("ahead_ns", "outcome"), [(2 * S, Outcome.ALERTED), (2 * S + 1, Outcome.FUTURE), (1 * S, Outcome.ALERTED)]
)
def test_exactly_two_seconds_ahead_is_not_the_future(ahead_ns: int, outcome: Outcome) -> None:
    book_ms = T0 // MS + 2_000
    assert Desk(PROMPT).at_ns(2 * S - ahead_ns, book_ms=book_ms).outcome is outcome


def test_a_book_of_the_future_is_not_remembered() -> None:
    desk = Desk(PROMPT)
    assert desk.at(0, book_ms=T0 // MS + 2_001) is Outcome.FUTURE
    assert desk.at(0) is Outcome.ALERTED
    assert desk.at(1, book_ms=T0 // MS + 2_001) is Outcome.ALERTED


@pytest.mark.parametrize("book_ms", [2**63, 10**400])
def test_a_book_time_beyond_all_clocks_is_the_future(book_ms: int) -> None:
    assert Desk().at(0, book_ms=book_ms) is Outcome.FUTURE


def test_the_future_comes_before_repeat() -> None:
    desk = Desk(PROMPT)
    book_ms = T0 // MS + 2_000
    assert desk.at(0, book_ms=book_ms) is Outcome.ALERTED
    assert desk.at_ns(-1, book_ms=book_ms).outcome is Outcome.FUTURE
    assert desk.at(0, book_ms=book_ms) is Outcome.REPEAT


# 4. repeat and backward


def test_an_equal_book_time_is_a_repeat_and_a_smaller_one_is_backward() -> None:
    desk = Desk(PROMPT)
    book_ms = T0 // MS
    assert desk.at(0, book_ms=book_ms) is Outcome.ALERTED
    assert desk.at(1, ASK_BOOK, book_ms=book_ms) is Outcome.REPEAT
    assert desk.at(1, ASK_BOOK, book_ms=book_ms - 1) is Outcome.BACKWARD
    assert desk.at(1, ASK_BOOK, book_ms=book_ms + 1) is Outcome.ALERTED


def test_a_backward_book_time_is_not_remembered() -> None:
    desk = Desk(PROMPT)
    book_ms = T0 // MS
    desk.at(0, book_ms=book_ms)
    assert desk.at(1, book_ms=book_ms - 500) is Outcome.BACKWARD
    assert desk.at(1, book_ms=book_ms - 400) is Outcome.BACKWARD
    assert desk.at(1, book_ms=book_ms) is Outcome.REPEAT


def test_each_symbol_remembers_its_own_book_time() -> None:
    desk = Desk(PROMPT, {"F": NASDAQ, "G": NASDAQ})
    assert desk.at(0, symbol="F") is Outcome.ALERTED
    assert desk.at(0, symbol="G") is Outcome.ALERTED
    assert desk.at(0, symbol="F") is Outcome.REPEAT


@pytest.mark.parametrize(
    ("book", "outcome"),
    [
        (NO_BIDS, Outcome.ONE_SIDED),
        (CROSSED_BOOK, Outcome.CROSSED),
        *((book, outcome) for outcome, book in NEUTRAL_BOOKS.items()),
    ],
)
def test_a_book_time_is_remembered_whatever_follows(book: tuple[Levels, Levels], outcome: Outcome) -> None:
    desk = Desk(PROMPT)
    assert desk.at(1, book) is outcome
    assert desk.at(1) is Outcome.REPEAT
    assert desk.at(1, book_ms=T0 // MS) is Outcome.BACKWARD


def test_the_book_time_of_a_stale_book_is_remembered() -> None:
    desk = Desk(PROMPT)
    assert desk.at(60, book_ms=T0 // MS) is Outcome.STALE
    assert desk.at(60, book_ms=T0 // MS) is Outcome.REPEAT
    assert desk.at(0, book_ms=T0 // MS - 1) is Outcome.BACKWARD


def test_after_a_reconnect_the_hour_old_book_is_a_repeat_and_older_ones_are_backward() -> None:
    desk = Desk(PROMPT)
    desk.at(0)
    desk.detector.end_streaks()
    assert desk.at(3_600, book_ms=T0 // MS) is Outcome.REPEAT
    assert desk.at(3_600, book_ms=T0 // MS - 1) is Outcome.BACKWARD


# 5. stale


@pytest.mark.parametrize(("age_ns", "outcome"), [(10 * S, Outcome.ALERTED), (10 * S + 1, Outcome.STALE)])
def test_exactly_ten_seconds_is_fresh(age_ns: int, outcome: Outcome) -> None:
    assert Desk(PROMPT).at_ns(age_ns, book_ms=T0 // MS).outcome is outcome


def test_the_limit_of_age_is_a_setting() -> None:
    desk = Desk(Rule(book_age_max_ns=1 * S, min_duration_ns=0, throttle_ns=0))
    assert desk.at_ns(1 * S, book_ms=T0 // MS).outcome is Outcome.ALERTED
    assert desk.at_ns(1 * S + 2 * MS, book_ms=T0 // MS + 1).outcome is Outcome.STALE


@pytest.mark.parametrize("book_ms", [0, -1, -(2**63), -(10**400)])
def test_a_book_time_long_ago_is_stale(book_ms: int) -> None:
    assert Desk().at(0, book_ms=book_ms) is Outcome.STALE


def test_repeat_and_backward_come_before_stale() -> None:
    desk = Desk(PROMPT)
    desk.at(0)
    assert desk.at(3_600, book_ms=T0 // MS) is Outcome.REPEAT
    assert desk.at(3_600, book_ms=T0 // MS - 1) is Outcome.BACKWARD


def test_stale_comes_before_one_sided_and_its_entries_are_not_counted() -> None:
    desk = Desk()
    assert desk.at(60, ([None], [None]), book_ms=T0 // MS) is Outcome.STALE
    assert not desk.detector.dropped


# 6. dropped entries


def test_dropped_entries_are_counted_over_both_sides_and_all_snapshots() -> None:
    desk = Desk(PROMPT)
    desk.at(0, (side(19.99, 0), side(20.0, 100, 100.5)))
    desk.at(1, (side(19.99995, 100, 100), side(20.0, 100)))
    desk.at(2, ([None], []))
    assert desk.detector.dropped == {"size": 2, "price": 2, "level": 1}


def test_bad_entries_cost_only_themselves() -> None:
    bids: Levels = [None, *BID_BOOK[0], *side(19.99995, 9_000), *side(19.99, 100.5)]
    judgement = Desk(PROMPT).at_ns(0, (bids, BID_BOOK[1]))
    assert judgement.outcome is Outcome.ALERTED
    assert (judgement.bid, judgement.bid_size) == (199_900, 1_200)


# 7. one-sided and crossed


@pytest.mark.parametrize(
    "book", [([], []), NO_BIDS, (side(19.99, 100), []), (side(0, 100), side(20, 100)), (side(19.99, 100), side(20, 0))]
)
def test_a_side_without_an_entry_is_one_sided_and_has_no_touch(book: tuple[Levels, Levels]) -> None:
    judged = Desk().at_ns(0, book)
    assert (judged.outcome, judged.bid, judged.ask, judged.bid_size, judged.ask_size) == (Outcome.ONE_SIDED, 0, 0, 0, 0)
    assert 0 in {judged.bid_venues, judged.ask_venues}


@pytest.mark.parametrize(
    ("bid", "ask", "outcome"),
    [
        (20.0, 20.0, Outcome.CROSSED),
        (20.0001, 20.0, Outcome.CROSSED),
        (19.9999, 20.0, Outcome.ALERTED),
    ],
)
def test_best_bid_at_or_above_best_ask_is_crossed(bid: float, ask: float, outcome: Outcome) -> None:
    assert Desk(PROMPT).at(0, (side(bid, 3, 3, 3, 3), side(ask, 1, 1, 1, 1))) is outcome


def test_one_venue_that_crosses_is_enough() -> None:
    bids = [*BID_BOOK[0], Level(20.0, [Entry("LATE", 1)])]
    judgement = Desk(PROMPT).at_ns(0, (bids, BID_BOOK[1]))
    assert judgement.outcome is Outcome.CROSSED
    assert (judgement.bid, judgement.ask, judgement.bid_size, judgement.ask_size) == (200_000, 200_000, 1, 400)


def test_the_touch_is_the_best_price_of_each_side_and_all_sizes_at_it_in_any_order_of_levels() -> None:
    bids = [*side(19.97, 5), Level(19.99, [Entry("A", 2), Entry("B", 3)]), *side(19.98, 7, 7)]
    asks = [*side(20.02, 5), Level(20.0, [Entry("A", 10), Entry("C", 30)]), *side(20.01, 7, 7)]
    judgement = Desk().at_ns(0, (bids, asks))
    assert (judgement.bid, judgement.bid_size, judgement.ask, judgement.ask_size) == (199_900, 5, 200_000, 40)


# 8. valid venues and direction


@pytest.mark.parametrize(("outcome", "book"), list(NEUTRAL_BOOKS.items()))
def test_a_neutral_book_says_what_failed_first(outcome: Outcome, book: tuple[Levels, Levels]) -> None:
    assert Desk(PROMPT).at(0, book) is outcome


@pytest.mark.parametrize(
    ("bid", "ask", "outcome"),
    [
        (19.99, 20.0, Outcome.ALERTED),
        (221, 221.01, Outcome.ALERTED),
        (220.9999, 221.01, Outcome.NO_VALID_VENUE),
        (0.0001, 0.0101, Outcome.ALERTED),
        (0.0001, 0.0102, Outcome.NO_VALID_VENUE),
        (0.9999, 1.0099, Outcome.ALERTED),
    ],
)
def test_exactly_a_cent_is_within_the_range(bid: float, ask: float, outcome: Outcome) -> None:
    assert Desk(PROMPT).at(0, (side(bid, 3, 3, 3, 3), side(ask, 1, 1, 1, 1))) is outcome


def test_the_range_is_a_setting() -> None:
    rule = Rule(max_range=200, min_duration_ns=0, throttle_ns=0)
    assert Desk(rule).at(0, WIDE_BOOK) is Outcome.ALERTED


def test_a_venue_twice_on_a_side_counts_once_and_with_its_best_quote() -> None:
    """V3's sum of 300 is at its best bid; its 9,000 behind do not count."""
    bids = [*side(19.99, 300, 300, 300, 100), Level(19.99, [Entry("v3", 200)]), Level(19.98, [Entry("V3", 9_000)])]
    judgement = Desk(PROMPT).at_ns(0, (bids, BID_BOOK[1]))
    assert judgement.signal is not None
    assert judgement.signal.totals == Totals(1_200, 400, 4, 0, 4)


def test_the_best_quote_of_a_venue_decides_whether_it_is_valid() -> None:
    """V0's best ask is 20.00, a cent from its bid, although it also stands at 20.50."""
    asks = [*side(20.5, 9_000), *BID_BOOK[1]]
    assert Desk(PROMPT).at(0, (BID_BOOK[0], asks)) is Outcome.ALERTED


def test_a_signal_carries_direction_totals_and_venues() -> None:
    signal = Desk(PROMPT).at_ns(0, ASK_BOOK).signal
    assert signal is not None
    assert (signal.direction, signal.totals) == (Direction.ASK_HEAVY, Totals(400, 1_200, 0, 4, 4))


@pytest.mark.parametrize(
    ("entry_ms", "outcome"),
    [
        (DAY_MS, Outcome.ALERTED),
        (DAY_MS + 1, Outcome.NO_VALID_VENUE),
        (DAY_MS - 5_000, Outcome.ALERTED),
        (DAY_MS - 5_001, Outcome.NO_VALID_VENUE),
        (None, Outcome.NO_VALID_VENUE),
    ],
)
def test_a_quote_age_limit_is_counted_from_book_time_of_the_new_york_day(
    entry_ms: int | None, outcome: Outcome
) -> None:
    """The book is received 7 s after BOOK_TIME, which must not matter."""
    rule = Rule(quote_age_max_ms=5_000, min_duration_ns=0, throttle_ns=0)
    aged = side(19.99, 300, 300, 300, 300, time_ms=entry_ms)
    fresh = side(20.0, 100, 100, 100, 100, time_ms=DAY_MS)
    assert Desk(rule).at(7, (aged, fresh), book_ms=T0 // MS) is outcome
    mirrored = (side(19.99, 100, 100, 100, 100, time_ms=DAY_MS), side(20.0, 300, 300, 300, 300, time_ms=entry_ms))
    assert Desk(rule).at(7, mirrored, book_ms=T0 // MS) is outcome


def test_by_default_entry_times_do_not_matter() -> None:
    book = (side(19.99, 300, 300, 300, 300, time_ms=None), side(20.0, 100, 100, 100, 100, time_ms=DAY_MS + 10**9))
    assert Desk(PROMPT).at(0, book) is Outcome.ALERTED


# 9. streaks


def test_a_streak_alerts_when_it_is_exactly_as_old_as_asked() -> None:
    desk = Desk()
    assert desk.run(0, 10) == [Outcome.DURATION] * 10 + [Outcome.ALERTED]


def test_a_nanosecond_before_that_it_does_not() -> None:
    desk = Desk()
    desk.run(0, 9)
    assert desk.at_ns(10 * S - 1).outcome is Outcome.DURATION
    assert desk.at_ns(10 * S, book_ms=T0 // MS + 10_000).outcome is Outcome.ALERTED


def test_duration_counts_from_the_streaks_first_snapshot() -> None:
    desk = Desk()
    desk.run(5, 14)
    judgement = desk.at_ns(16 * S)
    assert judgement.signal is not None
    assert judgement.signal.duration_ns == 11 * S


@pytest.mark.parametrize(
    ("gap_ns", "outcome"), [(3 * S - 1, Outcome.ALERTED), (3 * S, Outcome.ALERTED), (3 * S + 1, Outcome.DURATION)]
)
def test_a_gap_of_exactly_three_seconds_goes_on(gap_ns: int, outcome: Outcome) -> None:
    desk = Desk()
    desk.run(0, 9)
    assert desk.at_ns(9 * S + gap_ns).outcome is outcome


def test_gaps_of_three_seconds_each_make_one_streak() -> None:
    desk = Desk()
    assert [desk.at(second) for second in (0, 3, 6, 9, 12)] == [Outcome.DURATION] * 4 + [Outcome.ALERTED]


def test_after_too_long_a_gap_the_streak_begins_anew() -> None:
    desk = Desk()
    desk.run(0, 9)
    assert desk.run(13, 23) == [Outcome.DURATION] * 10 + [Outcome.ALERTED]


def test_the_limit_of_the_gap_is_a_setting() -> None:
    desk = Desk(Rule(gap_max_ns=S))
    desk.run(0, 9)
    assert desk.at_ns(10 * S + 1).outcome is Outcome.DURATION


@pytest.mark.parametrize("neutral", list(NEUTRAL_BOOKS.values()))
def test_an_evaluable_neutral_book_ends_a_streak(neutral: tuple[Levels, Levels]) -> None:
    desk = Desk()
    desk.run(0, 8)
    desk.at(9, neutral)
    assert desk.at(10) is Outcome.DURATION
    assert desk.run(11, 20)[-1] is Outcome.ALERTED


def test_the_opposite_direction_ends_a_streak_and_begins_its_own() -> None:
    desk = Desk()
    desk.run(0, 8)
    assert desk.at(9, ASK_BOOK) is Outcome.DURATION
    assert desk.at(10) is Outcome.DURATION
    assert desk.run(11, 19)[-1] is Outcome.DURATION
    assert desk.at(20) is Outcome.ALERTED


UNFIT: dict[str, dict[str, Any]] = {
    "no_book_time": {"book_ms": None},
    "future": {"book_ms": T0 // MS + 60_000},
    "repeat": {"book_ms": T0 // MS + 8_000},
    "backward": {"book_ms": T0 // MS},
    "one_sided": {"book": NO_BIDS},
    "crossed": {"book": CROSSED_BOOK},
    "other_service": {"service": NYSE},
}


@pytest.mark.parametrize("outcome", UNFIT)
def test_a_snapshot_that_is_not_evaluable_does_not_end_a_streak(outcome: str) -> None:
    desk = Desk()
    desk.run(0, 8)
    assert desk.at(9, **UNFIT[outcome]) == outcome
    assert desk.at(10) is Outcome.ALERTED


@pytest.mark.parametrize("outcome", UNFIT)
def test_a_snapshot_that_is_not_evaluable_does_not_bridge_a_gap(outcome: str) -> None:
    desk = Desk()
    desk.run(0, 8)
    assert desk.at(9.5, **UNFIT[outcome]) == outcome
    assert desk.at_ns(11 * S + 1).outcome is Outcome.DURATION


def test_a_stale_snapshot_neither_bridges_nor_ends() -> None:
    ends, bridges = Desk(Rule(book_age_max_ns=S)), Desk(Rule(book_age_max_ns=S))
    for desk in (ends, bridges):
        desk.run(0, 8)
        assert desk.at_ns(9_500 * MS, ASK_BOOK, book_ms=T0 // MS + 8_400).outcome is Outcome.STALE
    assert ends.at(11) is Outcome.ALERTED
    assert bridges.at_ns(11 * S + 1).outcome is Outcome.DURATION


def test_a_lost_connection_ends_all_streaks() -> None:
    desk = Desk(listing={})
    for symbol in "FG":
        assert [desk.at(second, symbol=symbol) for second in range(10)] == [Outcome.DURATION] * 10
    desk.detector.end_streaks()
    assert [desk.at(10, symbol=symbol) for symbol in "FG"] == [Outcome.DURATION] * 2
    assert desk.run(11, 20)[-1] is Outcome.ALERTED


def test_streaks_of_symbols_do_not_touch_each_other() -> None:
    desk = Desk(listing={})
    desk.run(0, 9)
    assert desk.at(9, ASK_BOOK, symbol="G") is Outcome.DURATION
    assert desk.at(10) is Outcome.ALERTED


def test_a_streak_has_one_id_and_the_next_one_another() -> None:
    desk = Desk(Rule(throttle_ns=0))
    desk.run(0, 9)
    ids = []
    for second in (10, 11):
        signal = desk.at_ns(second * S).signal
        assert signal is not None
        ids.append(signal.streak_id)
    desk.at(12, RATIO_BOOK)
    desk.run(13, 22)
    signal = desk.at_ns(23 * S).signal
    assert signal is not None
    assert ids[0] == ids[1] != signal.streak_id


def test_a_duration_of_zero_waits_for_nothing() -> None:
    assert Desk(Rule(min_duration_ns=0)).at(0) is Outcome.ALERTED


# 10. the throttle


@pytest.mark.parametrize(("after_ns", "outcome"), [(60 * S - 1, Outcome.THROTTLED), (60 * S, Outcome.ALERTED)])
def test_the_same_direction_is_throttled_for_less_than_sixty_seconds(after_ns: int, outcome: Outcome) -> None:
    desk = Desk()
    desk.run(0, 10)
    assert desk.run(11, 69) == [Outcome.THROTTLED] * 59
    assert desk.at_ns(10 * S + after_ns, book_ms=T0 // MS + 70_000).outcome is outcome


def test_throttled_snapshots_do_not_prolong_the_throttle() -> None:
    desk = Desk()
    outcomes = desk.run(0, 200)
    assert [second for second, outcome in enumerate(outcomes) if outcome is Outcome.ALERTED] == [10, 70, 130, 190]


def test_the_throttle_holds_over_streaks() -> None:
    desk = Desk()
    desk.run(0, 10)
    desk.at(11, RATIO_BOOK)
    assert desk.run(12, 22)[-1] is Outcome.THROTTLED


def test_the_opposite_direction_alerts_at_once() -> None:
    desk = Desk()
    desk.run(0, 10)
    assert desk.run(11, 21, ASK_BOOK) == [Outcome.DURATION] * 10 + [Outcome.ALERTED]


def test_after_an_opposite_alert_the_first_direction_is_free_again() -> None:
    desk = Desk(Rule(min_duration_ns=0))
    assert desk.at(0) is Outcome.ALERTED
    assert desk.at(1) is Outcome.THROTTLED
    assert desk.at(2, ASK_BOOK) is Outcome.ALERTED
    assert desk.at(3, ASK_BOOK) is Outcome.THROTTLED
    assert desk.at(4) is Outcome.ALERTED
    assert desk.at(5) is Outcome.THROTTLED


def test_duration_comes_before_throttled() -> None:
    desk = Desk()
    desk.run(0, 10)
    desk.at(11, RATIO_BOOK)
    assert desk.at(12) is Outcome.DURATION


def test_the_memory_of_the_throttle_survives_a_reconnect() -> None:
    desk = Desk()
    desk.run(0, 10)
    desk.detector.end_streaks()
    assert desk.run(11, 21) == [Outcome.DURATION] * 10 + [Outcome.THROTTLED]
    assert desk.run(22, 70)[-1] is Outcome.ALERTED


def test_the_memory_of_the_throttle_does_not_survive_a_restart() -> None:
    Desk(Rule(min_duration_ns=0)).at(0)
    assert Desk(Rule(min_duration_ns=0)).at(1) is Outcome.ALERTED


def test_each_symbol_is_throttled_by_its_own_alerts() -> None:
    desk = Desk(Rule(min_duration_ns=0), {})
    assert desk.at(0, symbol="F") is Outcome.ALERTED
    assert desk.at(1, symbol="G") is Outcome.ALERTED
    assert desk.at(2, symbol="F") is Outcome.THROTTLED


def test_a_throttle_of_zero_waits_for_nothing() -> None:
    desk = Desk(PROMPT)
    assert [desk.at_ns(0).outcome, desk.at_ns(0, book_ms=T0 // MS + 1).outcome] == [Outcome.ALERTED] * 2


# 11. and the order of all


def test_only_an_alert_carries_a_signal() -> None:
    desk = Desk()
    judgements = [desk.at_ns(second * S) for second in range(30)]
    assert {judgement.outcome for judgement in judgements if judgement.signal is None} == {
        Outcome.DURATION,
        Outcome.THROTTLED,
    }
    assert [judgement.outcome for judgement in judgements if judgement.signal is not None] == [Outcome.ALERTED]


def test_what_stands_on_both_sides_carries_its_touch_whatever_the_outcome() -> None:
    desk = Desk()
    for second, book in enumerate((CROSSED_BOOK, *NEUTRAL_BOOKS.values(), BID_BOOK)):
        judgement = desk.at_ns(second * S, book)
        assert min(judgement.bid, judgement.ask, judgement.bid_size, judgement.ask_size) > 0


def test_outcomes_are_named_and_ordered_as_in_the_design() -> None:
    assert [str(outcome) for outcome in Outcome] == [
        "malformed",
        "other_service",
        "no_book_time",
        "future",
        "repeat",
        "backward",
        "stale",
        "one_sided",
        "crossed",
        "no_valid_venue",
        "few_venues",
        "margin",
        "ratio",
        "duration",
        "throttled",
        "alerted",
    ]


def test_the_first_match_is_the_outcome_when_several_apply() -> None:
    """One snapshot that is wrong in every way; each cure shows the next fault."""
    rule = Rule(min_duration_ns=S, min_ratio=Fraction(2))
    desk = Desk(rule)
    now_ms = T0 // MS
    empty: tuple[Levels, Levels] = ([], [])
    assert desk.at(100, empty, service=NYSE, book_ms=None) is Outcome.OTHER_SERVICE
    assert desk.at(100, empty, book_ms=None) is Outcome.NO_BOOK_TIME
    assert desk.at(100, empty, book_ms=now_ms + 103_000) is Outcome.FUTURE
    assert desk.at(100, empty, book_ms=now_ms) is Outcome.STALE
    assert desk.at(100, empty, book_ms=now_ms) is Outcome.REPEAT
    assert desk.at(100, empty, book_ms=now_ms - 1) is Outcome.BACKWARD
    assert desk.at(101, empty) is Outcome.ONE_SIDED
    assert desk.at(102, CROSSED_BOOK) is Outcome.CROSSED
    assert desk.at(103, WIDE_BOOK) is Outcome.NO_VALID_VENUE
    few_without_margin_or_ratio = (side(19.99, 2, 1), side(20.0, 1, 2))
    assert desk.at(104, few_without_margin_or_ratio) is Outcome.FEW_VENUES
    no_margin_no_ratio = (side(19.99, 2, 2, 2, 2, 1, 1, 1), side(20.0, 1, 1, 1, 1, 2, 2, 2))
    assert desk.at(105, no_margin_no_ratio) is Outcome.MARGIN
    assert desk.at(106, RATIO_BOOK) is Outcome.RATIO
    assert desk.at(107) is Outcome.DURATION
    assert desk.at(108) is Outcome.ALERTED
    assert desk.at(109) is Outcome.THROTTLED
