"""What an alert asks for next, and at what price."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.alerts import Disposition
from leadline.core.flip import decide
from leadline.core.imbalance import Direction
from leadline.core.intent import Purpose
from leadline.core.legs import Ended, Leg, Progress, Situation, close_out, marketable_limit
from leadline.core.market import Touch
from leadline.core.orders import Instruction, OrderType
from leadline.core.units import NS_PER_S, price_text
from support.trading import POLICY, HandClock, make_alert

PRICES = st.one_of(st.integers(1, 20_000), st.integers(100, 10_000_00).map(lambda cents: cents * 100))
TOUCH = Touch(131_200, 131_300, 100, 100, 0, 0)
NOW = Situation("F", 0, 0, 0, TOUCH, Progress())
LONG = msgspec.structs.replace(NOW, ours=100, closable=100)
CLOSED, CLOSED_TWICE = Progress(closes=1), Progress(closes=2)
ENTERED, FLIPPED = Progress(opens=1), Progress(closes=1, opens=1)


def asked(now: Situation, direction: Direction = Direction.ASK_HEAVY, policy: Any = POLICY, **changes: Any) -> Any:
    alert = make_alert(HandClock(), direction)
    return decide(alert, msgspec.structs.replace(now, **changes), policy)


def again(done: Progress) -> Progress:
    return msgspec.structs.replace(done, is_again=True)


@given(bid=PRICES, width=st.integers(1, 500), bps=st.integers(0, 500))
def test_a_limit_reaches_the_touch_on_the_increment_within_the_slippage(bid: int, width: int, bps: int) -> None:
    ask = bid + width
    touch = Touch(bid, ask, 100, 100, 0, 0)
    buy = marketable_limit(Instruction.BUY, touch, bps)
    sell = marketable_limit(Instruction.SELL_SHORT, touch, bps)
    assert buy >= ask
    assert 0 < sell <= bid
    for limit, reference in ((buy, ask), (sell, bid)):
        increment = 100 if limit >= 10_000 else 1
        assert limit % increment == 0
        # One increment beyond the slippage is allowed only where the touch itself is off the increment.
        assert abs(limit - reference) <= reference * bps / 10_000 + 100
        assert len(price_text(limit).partition(".")[2]) == (2 if limit >= 10_000 else 4)
    if ask % 100 == 0:
        assert buy <= ask * (1 + bps / 10_000)


def test_cents_are_not_lost() -> None:
    assert marketable_limit(Instruction.BUY, TOUCH, 5) == 131_300
    assert marketable_limit(Instruction.BUY, Touch(2_213_700, 2_213_800, 1, 1, 0, 0), 5) == 2_214_900
    assert marketable_limit(Instruction.SELL, Touch(2_213_700, 2_213_800, 1, 1, 0, 0), 5) == 2_212_600


@pytest.mark.parametrize(
    ("instruction", "touch", "text"),
    [
        (Instruction.SELL, Touch(9_999, 10_000, 1, 1, 0, 0), "0.9995"),
        (Instruction.SELL, Touch(10_000, 10_100, 1, 1, 0, 0), "0.9995"),
        (Instruction.BUY, Touch(9_998, 9_999, 1, 1, 0, 0), "1.00"),  # the cap is 1.0003: a cent's step below it
        (Instruction.BUY, Touch(9_989, 9_990, 1, 1, 0, 0), "0.9994"),
        (Instruction.BUY, Touch(1_233, 1_234, 1, 1, 0, 0), "0.1234"),
        (Instruction.BUY, Touch(12_345, 12_346, 1, 1, 0, 0), "1.24"),  # an ask that no order above a dollar can name
    ],
)
def test_at_a_dollar_the_increment_changes(instruction: Instruction, touch: Touch, text: str) -> None:
    assert price_text(marketable_limit(instruction, touch, 5)) == text


def test_closing_comes_before_opening_and_nothing_after_it() -> None:
    assert asked(LONG).purpose is Purpose.CLOSE
    assert asked(NOW, done=CLOSED).purpose is Purpose.OPEN
    assert asked(NOW, done=FLIPPED) == Ended(Disposition.TRADED)
    assert asked(LONG, Direction.BID_HEAVY) == Ended(Disposition.HELD)


def test_with_shorting_off_the_flip_ends_with_the_close() -> None:
    policy = msgspec.structs.replace(POLICY, shorting=False)
    assert asked(LONG, policy=policy).order.instruction is Instruction.SELL
    assert asked(NOW, done=CLOSED, policy=policy) == Ended(Disposition.CLOSED_ONLY, "shorting is off")
    assert asked(NOW, policy=policy) == Ended(Disposition.REFUSED, "shorting is off")
    short = msgspec.structs.replace(NOW, ours=-100, closable=100)
    assert asked(short, Direction.BID_HEAVY, policy).order.instruction is Instruction.BUY_TO_COVER


def test_what_never_came_to_the_broker_is_decided_anew_as_the_same_leg() -> None:
    """F1, F14: a close that was not sent is a limit on the fresh book again, not the market order of a second leg."""
    moved = Touch(130_000, 130_100, 1, 1, 0, 0)
    first = asked(LONG, done=again(CLOSED), touch=moved)
    assert (first.order.order_type, first.order.limit) == (OrderType.LIMIT, 130_000)
    assert asked(LONG, done=CLOSED).order.order_type is OrderType.MARKET
    assert asked(LONG, done=again(CLOSED_TWICE)).order.order_type is OrderType.MARKET
    assert asked(LONG, done=CLOSED_TWICE) == Ended(Disposition.CLOSED_ONLY, "the close was not filled")
    entry = asked(NOW, done=again(ENTERED), touch=moved)
    assert (entry.purpose, entry.order.limit) == (Purpose.OPEN, 130_000)


def test_a_new_attempt_needs_a_young_alert() -> None:
    late, later = POLICY.ttl_ns + 1, POLICY.flip_ns + 1
    assert isinstance(asked(NOW, done=again(ENTERED), age_ns=POLICY.ttl_ns), Leg)
    assert isinstance(asked(NOW, done=again(ENTERED), age_ns=late), Ended)
    assert isinstance(asked(NOW, done=again(FLIPPED), age_ns=late), Ended)
    assert isinstance(asked(LONG, done=again(CLOSED), age_ns=POLICY.flip_ns), Leg)
    assert asked(LONG, done=again(CLOSED), age_ns=later).disposition is Disposition.CLOSED_ONLY


def test_attempts_are_counted_within_their_leg() -> None:
    done = Progress().with_leg(Purpose.CLOSE)
    assert (done.leg, done.attempt, done.closes_tried) == (1, 1, 1)
    done = again(done)
    assert done.closes_tried == 0
    done = done.with_leg(Purpose.CLOSE)
    assert (done.leg, done.attempt, done.closes_tried, done.is_again) == (1, 2, 1, False)
    done = done.with_leg(Purpose.OPEN)
    assert (done.leg, done.attempt) == (2, 1)
    done = again(done).with_leg(Purpose.OPEN)
    assert (done.leg, done.attempt, done.opens) == (2, 2, 1)
    # The close came to nothing, and then there was nothing to close any more: the opening is a leg of its own.
    done = again(CLOSED).with_leg(Purpose.OPEN)
    assert (done.leg, done.attempt) == (2, 1)


def test_an_exit_without_an_alert_closes_and_never_opens() -> None:
    assert close_out(NOW, 1, POLICY) == Ended(Disposition.TRADED)
    assert close_out(msgspec.structs.replace(LONG, ours=-100), 1, POLICY) == Ended(Disposition.TRADED)
    leg = close_out(LONG, 1, POLICY)
    assert isinstance(leg, Leg)
    assert (leg.purpose, leg.order.instruction, leg.order.limit) == (Purpose.CLOSE, Instruction.SELL, 131_200)
    rest = close_out(msgspec.structs.replace(LONG, done=CLOSED), 1, POLICY)
    assert isinstance(rest, Leg)
    assert rest.order.order_type is OrderType.MARKET
    limits_only = msgspec.structs.replace(POLICY, exit_to_market=False)
    assert isinstance(close_out(msgspec.structs.replace(LONG, done=CLOSED), 1, limits_only), Ended)
    assert isinstance(close_out(msgspec.structs.replace(LONG, touch=None), 1, limits_only), Ended)
    blind = close_out(msgspec.structs.replace(LONG, touch=None), 1, POLICY)
    assert isinstance(blind, Leg)
    assert blind.order.order_type is OrderType.MARKET


@pytest.mark.parametrize("age_s", [0, 9, 11])
def test_an_exit_is_as_old_as_its_beginning(age_s: int) -> None:
    now = msgspec.structs.replace(LONG, age_ns=age_s * NS_PER_S)
    assert isinstance(close_out(now, 1, POLICY), Leg) is (age_s < 10)
