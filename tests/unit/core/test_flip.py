"""Prices of marketable limits: they reach the touch, stay within the slippage, and lie on the legal increment."""

from hypothesis import given
from hypothesis import strategies as st

from leadline.core.flip import marketable_limit
from leadline.core.market import Touch
from leadline.core.orders import Instruction

PRICES = st.one_of(st.integers(1, 20_000), st.integers(100, 10_000_00).map(lambda cents: cents * 100))


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
    if ask % 100 == 0:
        assert buy <= ask * (1 + bps / 10_000)


def test_cents_are_not_lost() -> None:
    assert marketable_limit(Instruction.BUY, Touch(131_200, 131_300, 1, 1, 0, 0), 5) == 131_300
    assert marketable_limit(Instruction.BUY, Touch(2_213_700, 2_213_800, 1, 1, 0, 0), 5) == 2_214_900
    assert marketable_limit(Instruction.SELL, Touch(2_213_700, 2_213_800, 1, 1, 0, 0), 5) == 2_212_600
    assert marketable_limit(Instruction.SELL, Touch(9_999, 10_000, 1, 1, 0, 0), 5) == 9_995
