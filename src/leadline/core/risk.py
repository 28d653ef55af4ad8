"""Owns the last word before an order exists: Approved or Refused with a reason (design section 6).

Never blocks an exit by a filter that is meant for entries.
Comes from the trader with a leg and what is known; goes to the journal only as `Approved`, which nothing else makes.
"""

import msgspec

from leadline.core.intent import Purpose
from leadline.core.legs import Leg
from leadline.core.market import Listing, Touch
from leadline.core.orders import Instruction
from leadline.core.states import SymbolState, TradingState


class Limits(msgspec.Struct, frozen=True):
    """What no opening order may exceed: shares, notional in 0.0001 dollars, 0.01 percent, ns, requests a minute."""

    order_qty_max: int
    order_notional_max: int
    position_qty_max: int
    gross_notional_max: int
    collar_bps_max: int
    touch_age_max_ns: int
    orders_per_minute_max: int


class View(msgspec.Struct, frozen=True):
    """What is known at the moment of the check."""

    state: TradingState
    hold: str | None
    symbol_state: SymbolState
    ours_qty: int
    gross_notional: int
    touch: Touch | None
    touch_age_ns: int
    is_halted: bool | None
    listing: Listing | None
    requests_last_minute: int
    open_orders: int
    open_openings: int
    open_positions: int
    has_open_order: bool
    exit_in_doubt: bool
    external_qty: float = 0
    """Shares of the account that are not ours, signed."""


class Approved(msgspec.Struct, frozen=True):
    """A leg that may be journalled and sent."""

    leg: Leg


class Refused(msgspec.Struct, frozen=True):
    """A leg that may not, and why."""

    reason: str


def check(leg: Leg, view: View, limits: Limits) -> Approved | Refused:
    """Approve a leg, or give the first reason against it."""
    if leg.purpose is Purpose.CLOSE:
        reason = "another exit of this symbol is working or in doubt" if view.exit_in_doubt else None
    else:
        reason = (
            _against_state(view)
            or _against_external(leg, view)
            or _against_market(leg, view, limits)
            or _against_size(leg, view, limits)
            or _against_budget(view, limits)
        )
    return Approved(leg) if reason is None else Refused(reason)


def _against_state(view: View) -> str | None:
    if view.state is not TradingState.ARMED:
        return f"trading is {view.state}"
    if view.hold is not None:
        return view.hold
    if view.symbol_state is not SymbolState.OPEN:
        return f"the symbol is {view.symbol_state}"
    if view.has_open_order:
        return "an order of the symbol is open"
    return None


def _against_external(leg: Leg, view: View) -> str | None:
    """Refuse to sell short what a person holds long, or to buy what a person is short: the broker would net the two."""
    if view.external_qty * leg.order.instruction.sign >= 0:
        return None
    return f"the account holds {view.external_qty:g} shares that are not ours on the other side"


def _against_market(leg: Leg, view: View, limits: Limits) -> str | None:
    touch = view.touch
    if touch is None or view.touch_age_ns > limits.touch_age_max_ns:
        return "the book is stale"
    if touch.is_crossed:
        return "the book is crossed"
    if view.is_halted is not False:
        return "the symbol is halted" if view.is_halted else "whether the symbol is halted is not known"
    if leg.order.instruction is Instruction.SELL_SHORT and not _is_shortable(view.listing):
        return "not shortable, hard to borrow, or unknown"
    limit = leg.order.limit
    reference = touch.ask if leg.order.instruction.sign > 0 else touch.bid
    if limit is None or abs(limit - reference) * 10_000 > limits.collar_bps_max * reference:
        return "the price is outside the collar"
    return None


def _is_shortable(listing: Listing | None) -> bool:
    return listing is not None and listing.is_shortable is True and not listing.is_hard_to_borrow


def _against_size(leg: Leg, view: View, limits: Limits) -> str | None:
    order = leg.order
    notional = order.qty * (order.limit or 0)
    if not 0 < order.qty <= limits.order_qty_max:
        return "above RISK_ORDER_QTY_MAX"
    if notional > limits.order_notional_max:
        return "above RISK_ORDER_NOTIONAL_MAX"
    if abs(view.ours_qty + order.instruction.sign * order.qty) > limits.position_qty_max:
        return "above RISK_POSITION_QTY_MAX"
    if view.gross_notional + notional > limits.gross_notional_max:
        return "above RISK_GROSS_NOTIONAL_MAX"
    return None


def _against_budget(view: View, limits: Limits) -> str | None:
    """Keep enough requests to cancel every open order and close every position, also what is under way and this one."""
    remaining = limits.orders_per_minute_max - view.requests_last_minute - 1
    cancels, closes = view.open_orders + 1, view.open_positions + view.open_openings + 1
    if remaining < cancels + closes:
        return "the order budget is needed for exits"
    return None
