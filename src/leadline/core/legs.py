"""Owns the leg: one order of an alert or of an exit without one, how it is priced, and how what is ours is closed.

Never says what an alert wants, nor when an exit is due: that is asked of `flip` and `exits`.
Comes from the trader's situation; goes to `risk`, or ends an alert with its disposition.
"""

import msgspec

from leadline.core.alerts import Disposition
from leadline.core.exits import ExitRule
from leadline.core.intent import Purpose
from leadline.core.market import Touch
from leadline.core.orders import Instruction, Order, OrderType
from leadline.core.units import increment_of

ATTEMPTS_MAX = 2
"""How often a leg may be sent that demonstrably never came to the broker (reliability F1, F14)."""


class Policy(msgspec.Struct, frozen=True):
    """How alerts are traded: qty in shares, slippage in 0.01 percent of the touch, ages in ns; and when without one."""

    qty: int
    slippage_bps: int
    shorting: bool
    exit_to_market: bool
    ttl_ns: int
    flip_ns: int
    exits: ExitRule = ExitRule()


class Progress(msgspec.Struct, frozen=True):
    """What legs are on record so far, each counted once. `may_open` is settled when the first leg is decided."""

    closes: int = 0
    opens: int = 0
    close_rejected: str | None = None
    """What the broker said when it rejected a close: that is final (design section 6)."""
    may_open: bool = True
    attempt: int = 1
    """Which attempt at the newest leg it is."""
    is_again: bool = False
    """Whether the newest leg never came to the broker and may be decided anew."""

    @property
    def leg(self) -> int:
        """Give the newest leg's number, from 1; 0 before the first."""
        return self.closes + self.opens

    @property
    def closes_tried(self) -> int:
        """Count the closes that came, or may have come, to the broker."""
        return self.closes - (1 if self.is_again and not self.opens else 0)

    def with_leg(self, purpose: Purpose) -> "Progress":
        """Give the progress once one more leg is on record, or one more attempt at the newest."""
        newest = Purpose.OPEN if self.opens else Purpose.CLOSE
        if self.is_again and purpose is newest:
            return msgspec.structs.replace(self, attempt=self.attempt + 1, is_again=False)
        opens, closes = (self.opens + 1, self.closes) if purpose is Purpose.OPEN else (self.opens, self.closes + 1)
        return msgspec.structs.replace(self, closes=closes, opens=opens, attempt=1, is_again=False)

    def refused(self, reason: str) -> "Ended":
        """Give the end of an alert whose next leg is refused."""
        return Ended(Disposition.CLOSED_ONLY if self.closes else Disposition.REFUSED, reason)


class Situation(msgspec.Struct, frozen=True):
    """What a decision stands on: the age of what asks for it, our signed position and how much of it can be closed, the
    touch now (None where no order can be priced from it), what was done so far.
    """

    symbol: str
    age_ns: int
    ours: int
    closable: int
    touch: Touch | None
    done: Progress


class Leg(msgspec.Struct, frozen=True):
    """One order that is asked for, not yet checked."""

    purpose: Purpose
    order: Order


class Ended(msgspec.Struct, frozen=True):
    """Nothing more is asked for."""

    disposition: Disposition
    reason: str | None = None


def close_out(now: Situation, side: int, policy: Policy) -> Leg | Ended:
    """Give the next leg of an exit without an alert, or its end: TRADED once nothing is held on that side (+1, -1)."""
    return Ended(Disposition.TRADED) if now.ours * side <= 0 else next_close(now, policy)


def next_close(now: Situation, policy: Policy) -> Leg | Ended:
    """Give the leg that closes what is ours: a limit, then by policy what is left of it at the market; or why not."""
    against = _why_not_first(now, policy) if now.done.closes_tried == 0 else _why_not_again(now, policy)
    if against is not None:
        return against
    instruction = Instruction.SELL if now.ours > 0 else Instruction.BUY_TO_COVER
    if policy.exit_to_market and (now.done.closes_tried or now.touch is None):
        return Leg(Purpose.CLOSE, Order(now.symbol, instruction, now.closable, OrderType.MARKET))
    assert now.touch is not None
    limit = marketable_limit(instruction, now.touch, policy.slippage_bps)
    return Leg(Purpose.CLOSE, Order(now.symbol, instruction, now.closable, OrderType.LIMIT, limit))


def _why_not_first(now: Situation, policy: Policy) -> Ended | None:
    if now.age_ns > policy.flip_ns:
        return Ended(Disposition.EXPIRED, "older than ALERT_FLIP_SEC")
    if now.closable == 0:
        return Ended(Disposition.REFUSED, "the account shows none of our shares to close")
    if now.touch is None and not policy.exit_to_market:
        return Ended(Disposition.REFUSED, "no book to price the close from")
    return None


def _why_not_again(now: Situation, policy: Policy) -> Ended | None:
    if now.done.close_rejected is not None:
        return Ended(Disposition.REFUSED, f"the broker rejected the close: {now.done.close_rejected}")
    if now.age_ns > policy.flip_ns:
        return Ended(Disposition.EXPIRED, "not closed within ALERT_FLIP_SEC")
    if now.done.closes_tried > 1 or not policy.exit_to_market or now.closable == 0:
        return Ended(Disposition.REFUSED, "the close was not filled")
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
