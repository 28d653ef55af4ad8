"""Owns how positions and orders read on a terminal and to machines: each number with its age.

Never shows an old number as if it were new, or a number of the broker as ours.
Comes from rows of `positions`, `orders`, `external_orders`; goes to `leadline positions` and `leadline orders`.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from leadline.core.external import kind_of, sign_of
from leadline.core.orders import ENDED, OrderState, state_of
from leadline.core.units import NS_PER_S
from leadline.views.columns import book_name
from leadline.views.positions import agreement
from leadline.views.rows import PositionRow
from leadline.views.words import E6, age_text, clock_text, plain

READ_AGE_MAX_NS = 60 * NS_PER_S
"""The account is read every few seconds: a number of the broker that is older is old, and is called so."""


class Order(Protocol):
    """What is needed of an order of ours."""

    trader: str
    mode: str
    alert_id: int
    purpose: str
    symbol: str
    instruction: str
    qty: int
    order_type: str
    limit_price: float | None
    order_id: str | None
    state: str
    broker_status: str | None
    reason: str | None
    filled_qty: int
    average_price: float | None
    decide_ns: int
    intent_key: str
    ended_ns: int | None


class External(Protocol):
    """What is needed of an order that is not ours."""

    order_id: str
    symbol: str
    instruction: str
    qty: float
    filled_qty: float
    price: float | None
    status: str
    tag: str | None
    entered_ns: int | None
    listed_ns: int


class Baseline(Protocol):
    """What is needed of a baseline."""

    trader: str
    mode: str
    account: str
    symbol: str
    ours_qty: int
    external_qty: float
    broker_qty: float
    taken_ns: int
    taken_by: str


def read_text(row: PositionRow, now_ns: int) -> str:
    """Write the broker's number with its age."""
    if row.broker_qty is None or row.broker_ns is None:
        return "not read"
    age_ns = now_ns - row.broker_ns
    return f"{row.broker_qty:,} ({'OLD: ' if age_ns > READ_AGE_MAX_NS else ''}{age_text(age_ns)})"


def position_lines(rows: Sequence[PositionRow], now_ns: int) -> list[str]:
    """Write positions as a table of one line a symbol, with the reason under those that may not be opened."""
    if not rows:
        return ["no position has been written yet"]
    numbers = f"{'ours':>9} {'not ours':>9} {'broker (age)':>20} {'average':>10}"
    lines = [f"{'symbol':<8} {'mode':<10} {numbers}  {'state':<8} agree"]
    for row in rows:
        average = f"{row.cost_e6 / row.ours_qty / E6:.4f}" if row.ours_qty else "–"
        lines.append(
            f"{plain(row.symbol):<8} {book_name(row):<10} {row.ours_qty:>+9,} {row.external_qty:>9,}"
            f" {read_text(row, now_ns):>20} {average:>10}  {plain(row.state):<8} {agreement(row)}"
        )
        if row.reason is not None:
            lines.append(f"    {plain(row.reason)}")
    return lines


def order_line(order: Order, now_ns: int) -> str:
    """Write one order of ours: what was asked, how it is, what is open of it, how old it is."""
    price = order.order_type if order.limit_price is None else f"{order.limit_price:g}"
    filled = f"{order.filled_qty}/{order.qty}" + (f" at {order.average_price:.4f}" if order.average_price else "")
    leaves = 0 if is_over(order) else order.qty - order.filled_qty
    status = f" (broker: {plain(order.broker_status)})" if order.broker_status else ""
    why = f": {plain(order.reason)}" if order.reason else ""
    return (
        f"{clock_text(order.decide_ns, now_ns)} {plain(order.symbol):<6} {order.instruction} {order.qty} at {price},"
        f" {order.purpose}, {plain(order.state)}{status}, filled {filled}, open {leaves},"
        f" {age_text(now_ns - order.decide_ns)} old, order {order.order_id or 'without an id'}, {order.intent_key}{why}"
    )


def external_line(order: External, now_ns: int) -> str:
    """Write one order that is not ours as it was last listed."""
    price = "the market" if order.price is None else f"{order.price:g}"
    entered = "?" if order.entered_ns is None else clock_text(order.entered_ns, now_ns)
    return (
        f"{entered} {plain(order.symbol):<6} EXTERNAL {plain(order.instruction)} {order.qty:g} at {price},"
        f" {plain(order.status)}, filled {order.filled_qty:g}, open {external_leaves(order):g},"
        f" order {plain(order.order_id)} ({plain(kind_of(order.tag))}), listed {age_text(now_ns - order.listed_ns)} ago"
    )


def is_over(order: Order) -> bool:
    """Tell whether nothing more is expected of an order of ours; a state of another version counts as open."""
    return order.state in set(OrderState) and OrderState(order.state) in ENDED


def external_leaves(order: External) -> float:
    """Give what is open of an order that is not ours."""
    return 0.0 if state_of(order.status) in ENDED else order.qty - order.filled_qty


def position_facts(row: PositionRow, now_ns: int) -> dict[str, object]:
    """Give one position for machines: shares, dollars, seconds."""
    return {
        "trader": row.trader,
        "mode": row.mode,
        "symbol": row.symbol,
        "ours_qty": row.ours_qty,
        "external_qty": row.external_qty,
        "broker_qty": row.broker_qty,
        "broker_age_s": None if row.broker_ns is None else (now_ns - row.broker_ns) / NS_PER_S,
        "is_agreed": None if row.broker_qty is None else row.broker_qty == row.ours_qty + row.external_qty,
        "average_price": row.cost_e6 / row.ours_qty / E6 if row.ours_qty else None,
        "realised": row.realised_e6 / E6,
        "state": row.state,
        "reason": row.reason,
    }


def order_facts(order: Order, now_ns: int) -> dict[str, object]:
    """Give one order of ours for machines."""
    return {
        "intent_key": order.intent_key,
        "order_id": order.order_id,
        "trader": order.trader,
        "mode": order.mode,
        "alert_id": order.alert_id,
        "purpose": order.purpose,
        "symbol": order.symbol,
        "instruction": order.instruction,
        "qty": order.qty,
        "limit_price": order.limit_price,
        "state": order.state,
        "broker_status": order.broker_status,
        "reason": order.reason,
        "filled_qty": order.filled_qty,
        "leaves_qty": 0 if is_over(order) else order.qty - order.filled_qty,
        "average_price": order.average_price,
        "age_s": (now_ns - order.decide_ns) / NS_PER_S,
        "ended_ns": order.ended_ns,
    }


def external_facts(order: External, now_ns: int) -> dict[str, object]:
    """Give one order that is not ours for machines."""
    return {
        "order_id": order.order_id,
        "symbol": order.symbol,
        "instruction": order.instruction,
        "side": "buy" if sign_of(order.instruction) > 0 else "sell",
        "qty": order.qty,
        "filled_qty": order.filled_qty,
        "leaves_qty": external_leaves(order),
        "price": order.price,
        "status": order.status,
        "tag": order.tag,
        "listed_age_s": (now_ns - order.listed_ns) / NS_PER_S,
    }


def listed_lines(listed_ns: Iterable[int], now_ns: int) -> list[str]:
    """Say how old the list of the day's orders is."""
    newest_ns = max(listed_ns, default=None)
    if newest_ns is None:
        return ["the account's orders have not been listed yet: orders by hand are not known here"]
    return [f"the account's orders were listed {age_text(now_ns - newest_ns)} ago"]
