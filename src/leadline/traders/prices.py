"""Owns the question whether the price of a fill can be right (reliability F34).

Never corrects one: what the broker reports is booked.
Comes from `ledger` with a fill; goes back as the reason to lock, or None.
"""

from leadline.core.fills import Fill
from leadline.core.market import Touch
from leadline.core.orders import Order
from leadline.core.units import E6_PER_PRICE, NS_PER_S

OFF_PERCENT_MAX = 20
"""A fill further from the touch, or from its own limit, is no price of this market: collars are far narrower."""

TOUCH_APART_MAX_NS = 60 * NS_PER_S
"""A touch further from the fill in time says nothing of its price."""


def why_doubtful(fill: Fill, order: Order, touch: Touch | None) -> str | None:
    """Say what is wrong with a fill's price; None if nothing is."""
    price = f"filled at {fill.price_e6 / 1e6:.4f}"
    if order.limit is not None:
        limit_e6 = order.limit * E6_PER_PRICE
        if (fill.price_e6 - limit_e6) * fill.instruction.sign > 0:
            return f"{price}, which is worse than its limit {limit_e6 / 1e6:.4f}"
        if _is_off(fill.price_e6, limit_e6):
            return f"{price}, more than {OFF_PERCENT_MAX} % from its limit {limit_e6 / 1e6:.4f}"
    if touch is not None and abs(touch.recv_ns - fill.fill_ns) <= TOUCH_APART_MAX_NS:
        near_e6 = (touch.ask if fill.instruction.sign > 0 else touch.bid) * E6_PER_PRICE
        if _is_off(fill.price_e6, near_e6):
            return f"{price}, more than {OFF_PERCENT_MAX} % from the touch {near_e6 / 1e6:.4f}"
    return None


def _is_off(price_e6: int, near_e6: int) -> bool:
    return abs(price_e6 - near_e6) * 100 > OFF_PERCENT_MAX * near_e6
