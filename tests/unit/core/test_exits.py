"""When the engine closes by itself: exactly at the limit, by what closing would bring, and each kind off unless set."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.exits import ExitRule, due, held_since
from leadline.core.fills import Fill
from leadline.core.intent import Cause
from leadline.core.market import Touch
from leadline.core.orders import Instruction
from leadline.core.position import Position
from leadline.core.units import NS_PER_S

LONG = Position("F", 100, 100 * 13_000_000)
SHORT = Position("F", -100, -100 * 13_000_000)
BOTH = ExitRule(stop_bps=100, take_profit_bps=200)
HELD = ExitRule(time_stop_ns=60 * NS_PER_S)


def touch(bid: int, ask: int) -> Touch:
    return Touch(bid, ask, 100, 100, 0, 0)


@pytest.mark.parametrize(
    ("position", "seen", "cause"),
    [
        (LONG, touch(128_700, 128_800), Cause.STOP),  # the bid: 1 percent below 13.00
        (LONG, touch(128_701, 128_800), None),
        (LONG, touch(132_600, 132_700), Cause.TAKE_PROFIT),
        (LONG, touch(132_599, 132_600), None),  # the ask is there, the bid is not
        (SHORT, touch(131_200, 131_300), Cause.STOP),  # the ask: 1 percent above
        (SHORT, touch(131_200, 131_299), None),
        (SHORT, touch(127_300, 127_400), Cause.TAKE_PROFIT),
        (SHORT, touch(127_400, 127_401), None),
    ],
)
def test_a_long_is_worth_the_bid_and_a_short_the_ask(position: Position, seen: Touch, cause: Cause | None) -> None:
    assert due(BOTH, position, seen, 0) is cause


def test_what_is_not_set_is_never_due() -> None:
    assert not ExitRule().is_on
    assert due(ExitRule(), LONG, touch(1, 2), 10**18) is None
    assert due(ExitRule(stop_bps=1), LONG, touch(999_999, 1_000_000), 10**18) is None
    assert due(ExitRule(take_profit_bps=1), LONG, touch(1, 2), 10**18) is None


def test_without_a_touch_only_time_counts() -> None:
    assert due(BOTH, LONG, None, 10**18) is None
    assert due(HELD, LONG, None, 60 * NS_PER_S - 1) is None
    assert due(HELD, LONG, None, 60 * NS_PER_S) is Cause.TIME_STOP
    both = ExitRule(stop_bps=100, time_stop_ns=60 * NS_PER_S)
    assert due(both, LONG, touch(1, 2), 60 * NS_PER_S) is Cause.STOP, "the loss is the first to be named"


@given(
    qty=st.integers(1, 1_000),
    is_long=st.booleans(),
    cost_e6=st.integers(1_000, 10**9),
    bid=st.integers(1, 10**6),
    width=st.integers(1, 500),
    stop=st.integers(1, 5_000),
    gain=st.integers(1, 10_000),
)
def test_it_is_what_fractions_say(
    qty: int, is_long: bool, cost_e6: int, bid: int, width: int, stop: int, gain: int
) -> None:
    """A position whose average does not divide: no rounding makes an exit due a step too early or too late."""
    sign = 1 if is_long else -1
    position = Position("F", sign * qty, sign * cost_e6)
    mark = Fraction(bid if is_long else bid + width, 10_000)
    average = Fraction(cost_e6, qty * 1_000_000)
    change = sign * (mark - average) / average * 10_000
    wanted = Cause.STOP if change <= -stop else Cause.TAKE_PROFIT if change >= gain else None
    assert due(ExitRule(stop, gain), position, touch(bid, bid + width), 0) is wanted


def fill(symbol: str, qty: int, at_ns: int) -> Fill:
    instruction = Instruction.BUY if qty > 0 else Instruction.SELL
    return Fill(f"{symbol}{at_ns}", "1", symbol, instruction, abs(qty), 1, at_ns)


def test_a_position_is_held_since_it_was_last_flat_or_on_the_other_side() -> None:
    fills = [fill("F", 60, 1), fill("F", 40, 2), fill("T", 10, 3), fill("F", -30, 4), fill("T", -10, 5)]
    assert held_since({}, fills) == {"F": (1, 1)}
    assert held_since({}, [*fills, fill("F", -70, 6), fill("F", 5, 7)]) == {"F": (1, 7)}
    assert held_since({}, [*fills, fill("F", -100, 8)]) == {"F": (-1, 8)}


def test_what_was_adopted_counts_from_then() -> None:
    assert held_since({"F": (50, 3), "T": (0, 4)}, [fill("F", 10, 5)]) == {"F": (1, 3)}
    assert held_since({"F": (50, 3)}, [fill("F", -50, 5)]) == {}
