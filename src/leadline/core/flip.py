"""Owns what an alert asks for next: close what is opposite, then open, or nothing (design section 5 and 6).

Never sends, never remembers: called again after each leg with what is known then.
Comes from the trader; goes to `risk` as a `Leg`, or ends the alert with its disposition.
"""

import msgspec

from leadline.core.alerts import Alert, Disposition
from leadline.core.imbalance import Direction
from leadline.core.intent import Purpose
from leadline.core.market import Touch
from leadline.core.orders import Instruction, Order, OrderType
from leadline.core.units import increment_of


class Policy(msgspec.Struct, frozen=True):
    """How alerts are traded: qty in shares, slippage in 0.01 percent of the touch, ages in ns."""

    qty: int
    slippage_bps: int
    shorting: bool
    exit_to_market: bool
    ttl_ns: int
    flip_ns: int


class Progress(msgspec.Struct, frozen=True):
    """What an alert's legs did so far. `may_open` is settled when its first leg is decided."""

    closes: int = 0
    opens: int = 0
    close_rejected: str | None = None
    """What the broker said when it rejected a close: that is final (design section 6)."""
    may_open: bool = True


class Situation(msgspec.Struct, frozen=True):
    """What a decision stands on: the alert and its age, our signed position and how much of it can be closed, the touch
    now (None where no order can be priced from it), what was done so far.
    """

    alert: Alert
    age_ns: int
    ours: int
    closable: int
    touch: Touch | None
    done: Progress


class Leg(msgspec.Struct, frozen=True):
    """One order that the alert asks for, not yet checked."""

    purpose: Purpose
    order: Order


class Ended(msgspec.Struct, frozen=True):
    """The alert asks for nothing more."""

    disposition: Disposition
    reason: str | None = None


def decide(now: Situation, policy: Policy) -> Leg | Ended:
    """Give the alert's next leg, or its end."""
    want = 1 if now.alert.direction is Direction.BID_HEAVY else -1
    if now.done.opens:
        return Ended(Disposition.TRADED)
    if now.ours * want > 0:
        return _already_there(now.done)
    if now.ours:
        return _close(now, policy)
    return _open(now, want, policy)


def _already_there(done: Progress) -> Ended:
    if done.closes:
        return Ended(Disposition.CLOSED_ONLY, "the position was found reversed after the close")
    return Ended(Disposition.HELD)


def _close(now: Situation, policy: Policy) -> Leg | Ended:
    against = _why_not_close(now, policy)
    if against is not None:
        return against
    instruction = Instruction.SELL if now.ours > 0 else Instruction.BUY_TO_COVER
    symbol, qty = now.alert.symbol, now.closable
    if policy.exit_to_market and (now.done.closes or now.touch is None):
        return Leg(Purpose.CLOSE, Order(symbol, instruction, qty, OrderType.MARKET))
    assert now.touch is not None
    limit = marketable_limit(instruction, now.touch, policy.slippage_bps)
    return Leg(Purpose.CLOSE, Order(symbol, instruction, qty, OrderType.LIMIT, limit))


def _why_not_close(now: Situation, policy: Policy) -> Ended | None:
    is_late = now.age_ns > policy.flip_ns
    if now.done.closes:
        why = _why_not_close_again(now, policy, is_late=is_late)
        return Ended(Disposition.CLOSED_ONLY, why) if why is not None else None
    if is_late:
        return Ended(Disposition.EXPIRED, "older than ALERT_FLIP_SEC")
    if now.closable == 0:
        return Ended(Disposition.REFUSED, "the account shows none of our shares to close")
    if now.touch is None and not policy.exit_to_market:
        return Ended(Disposition.REFUSED, "no book to price the close from")
    return None


def _why_not_close_again(now: Situation, policy: Policy, *, is_late: bool) -> str | None:
    if now.done.close_rejected is not None:
        return f"the broker rejected the close: {now.done.close_rejected}"
    if is_late:
        return "not closed within ALERT_FLIP_SEC"
    if now.done.closes > 1 or not policy.exit_to_market or now.closable == 0:
        return "the close was not filled"
    return None


def _open(now: Situation, want: int, policy: Policy) -> Leg | Ended:
    against = _why_not_open(now, want, policy)
    if against is not None:
        return against if not now.done.closes else Ended(Disposition.CLOSED_ONLY, against.reason)
    assert now.touch is not None
    instruction = Instruction.BUY if want > 0 else Instruction.SELL_SHORT
    limit = marketable_limit(instruction, now.touch, policy.slippage_bps)
    return Leg(Purpose.OPEN, Order(now.alert.symbol, instruction, policy.qty, OrderType.LIMIT, limit))


def _why_not_open(now: Situation, want: int, policy: Policy) -> Ended | None:
    if not now.done.may_open:
        return Ended(Disposition.EXPIRED, "older than ALERT_TTL_SEC")
    if now.age_ns > policy.flip_ns:
        return Ended(Disposition.EXPIRED, "older than ALERT_FLIP_SEC")
    if now.alert.entry_blocked_by is not None:
        return Ended(Disposition.REFUSED, now.alert.entry_blocked_by)
    if want < 0 and not policy.shorting:
        return Ended(Disposition.REFUSED, "shorting is off")
    if now.touch is None:
        return Ended(Disposition.REFUSED, "no book to price the entry from")
    return None


def marketable_limit(instruction: Instruction, touch: Touch, slippage_bps: int) -> int:
    """Give the limit that crosses the touch by at most the slippage, on the legal increment."""
    if instruction.sign > 0:
        cap = touch.ask + touch.ask * slippage_bps // 10_000
        limit = cap - cap % increment_of(cap)
        return limit if limit >= touch.ask else limit + increment_of(cap)
    floor = touch.bid - touch.bid * slippage_bps // 10_000
    limit = floor + -floor % increment_of(floor)
    return limit if limit <= touch.bid else limit - increment_of(floor)
