"""Each test of the rule beside its threshold, in the rule's order, and the one that decided marked."""

from itertools import product
from typing import Any

import pytest

from leadline.core.book import BookSnapshot
from leadline.core.detector import Detector, Judgement, Outcome
from leadline.core.evidence import Check, Seen, checks_of, direction_of, last_alert, leading_direction, throttle_left_ns
from leadline.core.imbalance import Direction, Neutral, Rule, Totals, lean
from leadline.core.market import Service
from leadline.schwab.wire import Entry, Level

S = 1_000_000_000
T0 = 1_795_000_000 * S
BID, ASK = Direction.BID_HEAVY, Direction.ASK_HEAVY
NAMES = [
    "book age",
    "entries",
    "spread",
    "valid venues",
    "bid-heavy venues",
    "margin",
    "ratio",
    "streak age",
    "throttle left",
]


def judged(
    *seconds: float,
    bids: tuple[int, ...],
    asks: tuple[int, ...],
    bid: float = 19.99,
    late_ms: int = 40,
    rule: Rule | None = None,
) -> Judgement:
    """Feed the same book at each second after T0, and give what was said of the last one."""
    detector = Detector(rule or Rule(), {})
    said = None
    for second in seconds:
        t_ns = T0 + round(second * S)
        sides = (
            [Level(price, [Entry(f"V{n}", size) for n, size in enumerate(sizes)])]
            for price, sizes in ((bid, bids), (20.0, asks))
        )
        book = BookSnapshot("F", Service.NYSE_BOOK, t_ns // 1_000_000 - late_ms, *sides)
        said = detector.step(book, t_ns)
    assert said is not None
    return said


LEANS: dict[str, Any] = {"bids": (300,) * 5, "asks": (100,) * 5}


def decisive(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if check.is_decisive]


@pytest.mark.parametrize(
    ("book", "outcome", "name"),
    [
        ({"bids": (1,), "asks": (1,), "late_ms": 10_001}, Outcome.STALE, "book age"),
        ({"bids": (1,), "asks": ()}, Outcome.ONE_SIDED, "entries"),
        ({"bids": (1,), "asks": (1,), "bid": 20.0}, Outcome.CROSSED, "spread"),
        ({"bids": (1,), "asks": (1,), "bid": 19.9}, Outcome.NO_VALID_VENUE, "valid venues"),
        ({"bids": (9, 9, 9, 1), "asks": (1, 1, 1, 1)}, Outcome.FEW_VENUES, "bid-heavy venues"),
        ({"bids": (9,) * 4 + (1,) * 3, "asks": (1,) * 4 + (2,) * 3}, Outcome.MARGIN, "margin"),
        ({"bids": (19,) * 4, "asks": (10,) * 4}, Outcome.RATIO, "ratio"),
        (LEANS, Outcome.DURATION, "streak age"),
    ],
)
def test_the_check_that_fails_first_is_marked_and_those_before_it_are_met(
    book: dict[str, Any], outcome: Outcome, name: str
) -> None:
    said = judged(0, **book)
    assert said.outcome is outcome
    checks = checks_of(said, T0)
    assert [check.name for check in checks] == NAMES[: len(checks)]
    assert decisive(checks) == [name]
    place = [check.name for check in checks].index(name)
    assert all(check.is_met for check in checks[:place])
    assert checks[place].is_met is False


def test_values_stand_beside_their_thresholds_in_the_units_of_the_settings() -> None:
    checks = checks_of(judged(0, 2, 4, **LEANS), T0 + 4 * S)
    assert [(check.measured, check.threshold) for check in checks] == [
        (0.04, 10),
        (5, 1),
        (0.01, 0),
        (5, 1),
        (5, 4),
        (5, 2),
        (3.0, 2),
        (4.0, 10),
        (0, 0),
    ]


def test_the_ask_side_is_held_to_its_own_minimum() -> None:
    checks = checks_of(judged(0, bids=(1, 1), asks=(9, 9), rule=Rule(min_bid_heavy=1, min_ask_heavy=3)), T0)
    assert (checks[4].name, checks[4].measured, checks[4].threshold) == ("ask-heavy venues", 2, 3)
    assert checks[4].is_decisive


def test_a_throttled_book_tells_how_long_the_throttle_still_lasts() -> None:
    said = judged(*range(16), **LEANS)
    assert said.outcome is Outcome.THROTTLED
    assert last_alert(said) == (BID, T0 + 10 * S)
    [check] = [check for check in checks_of(said, T0 + 15 * S) if check.is_decisive]
    assert (check.name, check.measured, check.is_met) == ("throttle left", 55.0, False)
    [later] = [check for check in checks_of(said, T0 + 100 * S) if check.is_decisive]
    assert later.measured == 0
    assert throttle_left_ns(said, ASK, T0 + 15 * S) == 0


def test_an_alert_mutes_the_next_from_its_own_time_on() -> None:
    said = judged(*range(11), **LEANS)
    assert said.outcome is Outcome.ALERTED
    assert last_alert(said) == (BID, T0 + 10 * S)
    assert (said.alerted, said.alerted_ns) == (None, 0), "what was before it"
    assert throttle_left_ns(said, BID, T0 + 12 * S) == 58 * S


def test_a_book_that_could_not_be_judged_has_no_direction_and_only_its_age() -> None:
    said = judged(0, 0, **LEANS)
    assert said.outcome is Outcome.REPEAT
    assert direction_of(said) is None
    assert [check.name for check in checks_of(said, T0)] == ["book age"]
    assert decisive(checks_of(said, T0)) == []


def test_the_last_evaluable_judgement_is_the_last_one_or_the_one_before() -> None:
    good, repeat = judged(0, **LEANS), judged(0, 0, **LEANS)
    assert Seen(good).judged is good
    assert Seen(repeat, good).judged is good
    assert Seen(repeat).judged is None


def test_the_leading_side_is_the_one_whose_reason_the_rule_gives() -> None:
    """With unlike minima the reason of the rule tells which side it looked at."""
    rule = Rule(min_bid_heavy=1, min_ask_heavy=100, min_venue_margin=50)
    for bid_heavy, ask_heavy, bids, asks in product(range(1, 4), range(1, 4), (10, 20), (10, 20)):
        totals = Totals(bids, asks, bid_heavy, ask_heavy, 9)
        expected = {Neutral.MARGIN: BID, Neutral.FEW_VENUES: ASK}[lean(totals, rule)]  # type: ignore[index]
        assert leading_direction(totals) is expected
