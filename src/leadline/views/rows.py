"""Owns what the pages need of rows, as protocols, because siblings do not import each other.

Never names more than is shown.
Comes from `store.queries`, whose structs fit them; goes to the other views.
"""

from typing import Protocol


class ProcessRow(Protocol):
    """What is needed of a role's row."""

    role: str
    pid: int
    started_ns: int
    heartbeat_ns: int
    mode: str
    account: str
    broker: str
    state: str
    detail: str
    config_hash: str
    version: str


class CountsRow(Protocol):
    """Rows since midnight."""

    alerts: int
    orders: int
    fills: int


class AlertRow(Protocol):
    """What is needed of an alert with one of its dispositions."""

    alert_id: int
    recv_ns: int
    symbol: str
    direction: str
    ratio: float
    heavy_venues: int
    valid_venues: int
    total_bids: int
    total_asks: int
    price: float
    duration_s: float
    entry_blocked_by: str | None
    trader: str | None
    disposition: str | None
    reason: str | None


class PositionRow(Protocol):
    """What is needed of a position, its mark and today's fills."""

    trader: str
    mode: str
    account: str
    symbol: str
    ours_qty: int
    cost_e6: int
    realised_e6: int
    updated_ns: int
    external_qty: int
    broker_qty: int | None
    broker_ns: int | None
    state: str
    reason: str | None
    bid: float | None
    ask: float | None
    touch_ns: int | None
    day_qty: int
    day_cash_e6: int


class OrderRow(Protocol):
    """What is needed of an order."""

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
    sent_ns: int | None
    ack_ns: int | None


class FillRow(Protocol):
    """What is needed of a fill."""

    trader: str
    mode: str
    order_id: str
    symbol: str
    instruction: str
    qty: int
    price_e6: int
    fill_ns: int


class TouchRow(Protocol):
    """What is needed of a touch."""

    symbol: str
    bid: float
    ask: float
    bid_size: int
    ask_size: int
    last: float | None
    status: str | None
    recv_ns: int


class Booked(Protocol):
    """A row that belongs to a trader in a mode."""

    trader: str
    mode: str
