"""Near misses: exactly one test fails and nearly, or a streak ended nearly old enough (docs/alert-rule.md)."""

from fractions import Fraction

import pytest

from leadline.core.book import BookSnapshot
from leadline.core.detector import Detector, Outcome
from leadline.core.imbalance import Direction, Rule
from leadline.core.market import Service
from leadline.core.nearness import NearMiss, NearMisses
from leadline.core.spans import Span, moment_of
from leadline.core.thresholds import Change, Scope, Thresholds
from leadline.schwab.wire import Entry, Level

S = 1_000_000_000
T0 = 1_795_000_000 * S
"""6:06:40 in New York."""

NYSE = Service.NYSE_BOOK
BID, ASK = Direction.BID_HEAVY, Direction.ASK_HEAVY

Sizes = tuple[tuple[int, ...], tuple[int, ...]]
LEANS: Sizes = ((300,) * 4, (100,) * 4)
FLAT: Sizes = ((100,) * 4, (100,) * 4)
FEW_BY_ONE: Sizes = ((900, 900, 900, 100), (100, 100, 100, 100))
FEW_BY_TWO: Sizes = ((900, 900, 100, 100), (100, 100, 100, 100))
MARGIN_BY_ONE: Sizes = ((900,) * 4 + (1,) * 3, (100,) * 4 + (2,) * 3)
MARGIN_BY_TWO: Sizes = ((900,) * 4 + (1,) * 4, (100,) * 4 + (2,) * 4)
RATIO_AT_80: Sizes = ((160,) * 4, (100,) * 4)
RATIO_BELOW_80: Sizes = ((160, 160, 160, 159), (100,) * 4)
TWO_FAIL: Sizes = ((190, 190, 190, 100), (100, 100, 100, 100))


class Desk:
    """A detector and what looks for near misses in its judgements, fed by seconds after T0."""

    def __init__(self, rule: Rule | Thresholds | None = None) -> None:
        self.detector = Detector(rule or Rule(), {})
        self.near = NearMisses()
        self.found: list[NearMiss] = []

    def at(self, second: float, sizes: Sizes, symbol: str = "F", *, book_ms: int | None = None) -> Outcome:
        t_ns = T0 + round(second * S)
        bids, asks = (
            [Level(price, [Entry(f"V{number}", size) for number, size in enumerate(side)])]
            for price, side in zip((19.99, 20.0), sizes, strict=True)
        )
        book = BookSnapshot(symbol, NYSE, t_ns // 1_000_000 if book_ms is None else book_ms, bids, asks)
        judged = self.detector.step(book, t_ns)
        self.found += self.near.step(symbol, NYSE, judged)
        return judged.outcome

    def run(self, first: int, last: int, sizes: Sizes = LEANS) -> None:
        for second in range(first, last + 1):
            self.at(second, sizes)

    def told(self) -> list[tuple[Outcome, float, float]]:
        return [(miss.outcome, miss.measured, miss.needed) for miss in self.found]


def mirrored(sizes: Sizes) -> Sizes:
    return sizes[1], sizes[0]


@pytest.mark.parametrize("is_bid", [True, False])
@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        (FEW_BY_ONE, (Outcome.FEW_VENUES, 3, 4)),
        (MARGIN_BY_ONE, (Outcome.MARGIN, 1, 2)),
        (RATIO_AT_80, (Outcome.RATIO, 1.6, 2)),
    ],
)
def test_one_test_that_nearly_holds_is_a_near_miss(
    sizes: Sizes, told: tuple[Outcome, float, float], is_bid: bool
) -> None:
    desk = Desk()
    assert desk.at(0, sizes if is_bid else mirrored(sizes)) is told[0]
    assert desk.told() == [told]
    [miss] = desk.found
    assert miss.direction is (BID if is_bid else ASK)
    assert miss.missed_by == told[2] - told[1]
    assert (miss.imbalance_duration_ns, miss.streak_id, miss.recv_ns, miss.service) == (0, None, T0, NYSE)


@pytest.mark.parametrize("sizes", [FEW_BY_TWO, MARGIN_BY_TWO, RATIO_BELOW_80, TWO_FAIL, FLAT, LEANS])
def test_what_lacks_more_or_in_two_ways_is_none(sizes: Sizes) -> None:
    desk = Desk()
    desk.at(0, sizes)
    assert desk.found == []


def test_no_valid_venue_is_no_near_miss_whatever_the_minima() -> None:
    desk = Desk(Rule(min_bid_heavy=1, min_ask_heavy=1, min_venue_margin=0, max_range=1))
    assert desk.at(0, LEANS) is Outcome.NO_VALID_VENUE
    assert desk.found == []


def test_a_ratio_is_compared_exactly() -> None:
    rule = Rule(min_ratio=Fraction(7, 3))
    desk = Desk(rule)
    desk.at(0, ((28,) * 4, (15,) * 4))
    assert [(miss.outcome, miss.needed) for miss in desk.found] == [(Outcome.RATIO, float(Fraction(7, 3)))]
    below = Desk(rule)
    below.at(0, ((279,) * 4, (150,) * 4))
    assert below.found == []


def test_the_sums_are_those_of_the_snapshot() -> None:
    desk = Desk()
    desk.at(0, FEW_BY_ONE)
    [miss] = desk.found
    assert (miss.totals.total_bids, miss.totals.total_asks, miss.ratio) == (2_800, 400, 7.0)
    assert (miss.heavy_venues, miss.light_venues, miss.bid, miss.ask) == (3, 0, 199_900, 200_000)


# streaks


@pytest.mark.parametrize("ending", [FLAT, mirrored(LEANS)])
@pytest.mark.parametrize(("age_s", "is_near"), [(7, False), (8, True), (9, True), (10, False)])
def test_a_streak_that_ended_at_four_fifths_of_its_duration_is_a_near_miss(
    age_s: int, is_near: bool, ending: Sizes
) -> None:
    desk = Desk()
    desk.run(0, age_s)
    assert desk.found == [], "it has not ended yet"
    desk.at(age_s + 1, ending)
    assert desk.told() == ([(Outcome.DURATION, age_s, 10)] if is_near else [])
    for miss in desk.found:
        assert (miss.recv_ns, miss.imbalance_duration_ns, miss.streak_id) == (T0 + age_s * S, age_s * S, 1)
        assert (miss.direction, miss.totals.total_bids) == (BID, 1_200)


def test_a_gap_ends_a_streak_once_the_next_book_comes() -> None:
    desk = Desk()
    desk.run(0, 8)
    desk.at(11.1, LEANS)
    assert desk.told() == [(Outcome.DURATION, 8, 10)]


def test_what_cannot_be_judged_ends_no_streak() -> None:
    desk = Desk()
    desk.run(0, 8)
    assert desk.at(9, FLAT, book_ms=T0 // 1_000_000 + 8_000) is Outcome.REPEAT
    assert desk.at(10, ((), (100,))) is Outcome.ONE_SIDED
    assert desk.at(11, LEANS) is Outcome.ALERTED
    desk.at(12, FLAT)
    assert desk.found == []


def test_a_lost_connection_ends_all_streaks() -> None:
    desk = Desk()
    for symbol in ("F", "G"):
        for second in range(9 if symbol == "F" else 3):
            desk.at(second, LEANS, symbol)
    assert [(miss.symbol, miss.measured) for miss in desk.near.connection_lost()] == [("F", 8)]
    assert desk.near.connection_lost() == []


def test_a_streak_that_alerted_or_was_throttled_was_no_near_miss() -> None:
    desk = Desk()
    desk.run(0, 10)
    desk.at(11, FLAT)
    desk.run(12, 23)
    desk.at(24, FLAT)
    assert desk.found == []


def test_a_streak_that_alerted_before_its_duration_was_raised_was_no_near_miss() -> None:
    """Thresholds can differ by time of day: the streak is young again by the new one, and yet it has alerted."""
    start, end = moment_of("06:07"), moment_of("24:00")
    assert start is not None
    assert end is not None
    raised = Change(Scope(span=Span(start, end)), {"min_duration_ns": 30 * S})
    desk = Desk(Thresholds(Rule(), changes=(raised,)))
    desk.run(0, 27)
    assert desk.detector.state_of("F", NYSE).alert_direction is BID
    assert desk.at(28, LEANS) is Outcome.DURATION
    desk.at(29, FLAT)
    assert desk.found == []


def test_without_a_duration_no_streak_is_too_young() -> None:
    desk = Desk(Rule(min_duration_ns=0, throttle_ns=0))
    desk.run(0, 3)
    desk.at(4, FLAT)
    assert desk.found == []


# one a symbol and direction


def test_one_a_symbol_and_direction_within_the_throttle() -> None:
    desk = Desk()
    desk.at(0, FEW_BY_ONE)
    desk.at(1, MARGIN_BY_ONE)
    desk.at(1, FEW_BY_ONE, "G")
    desk.at(2, mirrored(FEW_BY_ONE))
    desk.at(59.999, RATIO_AT_80)
    desk.at(60, RATIO_AT_80)
    assert [(miss.symbol, miss.direction, miss.recv_ns - T0) for miss in desk.found] == [
        ("F", BID, 0),
        ("G", BID, 1 * S),
        ("F", ASK, 2 * S),
        ("F", BID, 60 * S),
    ]


def test_without_a_throttle_each_is_told_and_a_streaks_end_comes_before_what_ended_it() -> None:
    desk = Desk(Rule(throttle_ns=0))
    desk.run(0, 8)
    desk.at(9, FEW_BY_ONE)
    desk.at(10, FEW_BY_ONE)
    assert [miss.outcome for miss in desk.found] == [Outcome.DURATION, Outcome.FEW_VENUES, Outcome.FEW_VENUES]


def test_looking_for_them_changes_no_outcome() -> None:
    plain, looking = Detector(Rule(), {}), Desk()
    for second in range(200):
        sizes = (LEANS, LEANS, FEW_BY_ONE, RATIO_AT_80, LEANS)[second // 7 % 5]
        bids, asks = (
            [Level(price, [Entry(f"V{n}", size) for n, size in enumerate(side)])]
            for price, side in zip((19.99, 20.0), sizes, strict=True)
        )
        book = BookSnapshot("F", NYSE, (T0 + second * S) // 1_000_000, bids, asks)
        assert plain.step(book, T0 + second * S).outcome is looking.at(second, sizes)
    assert looking.found
