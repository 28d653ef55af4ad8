"""Owns what an alert asks for next: close what is opposite, then open, or nothing (design section 5 and 6).

Never sends, never remembers: called again after each leg with what is known then.
Comes from the trader; goes to `risk` as a `Leg`, or ends the alert with its disposition.
"""

from leadline.core.alerts import Alert, Disposition
from leadline.core.imbalance import Direction
from leadline.core.intent import Purpose
from leadline.core.legs import Ended, Leg, Policy, Situation, marketable_limit, next_close
from leadline.core.orders import Instruction, Order, OrderType


def decide(alert: Alert, now: Situation, policy: Policy) -> Leg | Ended:
    """Give the alert's next leg, or its end."""
    step = _next(alert, now, policy)
    if isinstance(step, Ended) and step.disposition is not Disposition.TRADED and now.done.closes:
        return Ended(Disposition.CLOSED_ONLY, step.reason)
    return step


def _next(alert: Alert, now: Situation, policy: Policy) -> Leg | Ended:
    want = 1 if alert.direction is Direction.BID_HEAVY else -1
    if now.done.opens and (now.ours or not now.done.is_again):
        return Ended(Disposition.TRADED)
    if now.ours * want > 0:
        return Ended(Disposition.HELD, "the position was found reversed after the close" if now.done.closes else None)
    if now.ours:
        return next_close(now, policy)
    return _open(alert, now, want, policy)


def _open(alert: Alert, now: Situation, want: int, policy: Policy) -> Leg | Ended:
    against = _why_not_open(alert, now, want, policy)
    if against is not None:
        return against
    assert now.touch is not None
    instruction = Instruction.BUY if want > 0 else Instruction.SELL_SHORT
    limit = marketable_limit(instruction, now.touch, policy.slippage_bps)
    return Leg(Purpose.OPEN, Order(now.symbol, instruction, policy.qty, OrderType.LIMIT, limit))


def _why_not_open(alert: Alert, now: Situation, want: int, policy: Policy) -> Ended | None:
    is_second_attempt = now.done.opens > 0
    if not now.done.may_open or (is_second_attempt and now.age_ns > policy.ttl_ns):
        return Ended(Disposition.EXPIRED, "older than ALERT_TTL_SEC")
    if now.age_ns > policy.flip_ns:
        return Ended(Disposition.EXPIRED, "older than ALERT_FLIP_SEC")
    if alert.entry_blocked_by is not None:
        return Ended(Disposition.REFUSED, alert.entry_blocked_by)
    if want < 0 and not policy.shorting:
        return Ended(Disposition.REFUSED, "shorting is off")
    if now.touch is None:
        return Ended(Disposition.REFUSED, "no book to price the entry from")
    return None
