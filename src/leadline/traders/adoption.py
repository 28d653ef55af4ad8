"""Owns `adopt`: a person's word on how many of the account's shares are ours, and what it takes back of doubts.

Never takes a number that the account does not bear out, or that the account has changed since the person saw it.
Comes from the desk with a command; goes to the ledger as a new baseline, or back as the reason against it.
"""

import math

import msgspec

from leadline.core.agreement import Baseline, why_not_adopt
from leadline.core.position import Position
from leadline.core.units import NS_PER_S
from leadline.traders.holding import Holding
from leadline.traders.ledger import Ledger

READ_AGE_MAX_NS = 60 * NS_PER_S
"""A number of the broker that is older is no ground to stand on."""


class Adoption(msgspec.Struct, frozen=True):
    """What a person said: `qty` of the shares are ours, who sees `seen_qty` of them at the broker."""

    symbol: str
    qty: int
    seen_qty: float
    by: str
    reason: str


class Moment(msgspec.Struct, frozen=True):
    """When it is applied: UTC, the boot clock, and a price for shares that are new to us (None: not known)."""

    wall_ns: int
    boot_ns: int
    mark_e6: int | None


def why_refused(ledger: Ledger, wanted: Adoption, now: Moment) -> str | None:
    """Say why a person's number cannot be taken now; None if it can."""
    holding = ledger.holding(wanted.symbol)
    if holding.broker_qty is None or holding.broker_ns is None:
        return "the account has not been read yet: is the symbol among SYMBOLS?"
    age_ns = now.wall_ns - holding.broker_ns
    return (
        _against_orders(ledger, wanted.symbol)
        or (f"the last account read is {age_ns // NS_PER_S} s old" if age_ns > READ_AGE_MAX_NS else None)
        or _against_lag(ledger, holding, now.boot_ns)
        or _against_change(wanted.seen_qty, holding.broker_qty)
        or why_not_adopt(wanted.qty, holding.broker_qty)
        or _against_cost(holding.position, wanted.qty, now.mark_e6)
    )


def adopt(ledger: Ledger, wanted: Adoption, now: Moment) -> str:
    """Count from a person's number on, lift what it answers, and say what holds now; only where nothing refuses it."""
    symbol = wanted.symbol
    holding = ledger.holding(symbol)
    position = holding.position.adopted(wanted.qty, now.mark_e6)
    assert position is not None
    assert holding.broker_qty is not None
    broker_qty = holding.broker_qty
    for tracked in list(ledger.open_orders.values()):
        if tracked.intent.order.symbol == symbol and tracked.is_lost_without_id:
            ledger.give_up(tracked, f"given up by {wanted.by}, who said what is ours; it is still looked for")
    external_qty = broker_qty - wanted.qty
    ledger.rebase(Baseline(position, external_qty, broker_qty, now.wall_ns, wanted.by, wanted.reason))
    holding.settled_qty, holding.doubted_since_ns, holding.empty_reads = int(broker_qty), None, 0
    holding.hands.settle()
    open_keys = {t.intent.key for t in ledger.open_orders.values()}
    for name in [name for name in holding.locks if name not in open_keys]:
        ledger.unlock(symbol, name)
    text = f"{symbol}: ours {wanted.qty}, not ours {external_qty:g}, the broker holds {broker_qty:g}"
    return text if holding.reason is None else f"{text}; still {holding.state}: {holding.reason}"


def _against_orders(ledger: Ledger, symbol: str) -> str | None:
    for tracked in ledger.open_orders.values():
        if tracked.intent.order.symbol == symbol and tracked.lost_boot_ns is None:
            return f"order {tracked.intent.key} is {tracked.state}: wait for its end"
    return None


def _against_lag(ledger: Ledger, holding: Holding, boot_ns: int) -> str | None:
    changes = [ns for ns in (holding.last_fill_boot_ns, holding.hands.seen_boot_ns) if ns is not None]
    left_ns = max(changes, default=boot_ns - ledger.lag_ns) + ledger.lag_ns - boot_ns
    if left_ns <= 0:
        return None
    return (
        f"the account may not show the last fill yet (POSITION_LAG_SEC={ledger.lag_ns / NS_PER_S:g}):"
        f" type it again in {-(-left_ns // NS_PER_S)} s"
    )


def _against_change(seen_qty: float, broker_qty: float) -> str | None:
    if math.floor(seen_qty) == math.floor(broker_qty):  # rows and pages show whole shares
        return None
    return (
        f"the broker held {seen_qty:g} shares when you were asked and holds {broker_qty:g} now: look, and type it again"
    )


def _against_cost(position: Position, qty: int, mark_e6: int | None) -> str | None:
    if position.adopted(qty, mark_e6) is None:
        return "no price is known to count the profit of new shares from: wait for a book of the symbol"
    return None
