"""Owns the rows that queries give, as structs in the order of their columns.

Never holds a decision.
Comes from `queries`; goes to `ui` (by way of `views`) and `cli`.

They are not frozen: `views` names what it needs of them as protocols, and a frozen attribute fits none of those.
"""

import msgspec


class AlertRow(msgspec.Struct, array_like=True):
    """An alert with one trader's disposition of it; an alert that two traders judged comes twice."""

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


class AlertLineRow(msgspec.Struct, array_like=True):
    """What an alert line of a replay holds, under the same names: dollars, seconds, times UTC."""

    recv_ns: int
    symbol: str
    direction: str
    ratio: float
    total_bids: int
    total_asks: int
    heavy_venues: int
    valid_venues: int
    price: float
    imbalance_duration: float
    bid: float
    ask: float
    vol_per_min: float | None
    streak_id: int
    entry_blocked_by: str | None
    service: str
    book_ns: int


class OrderRow(msgspec.Struct, array_like=True):
    """An order as asked for and as far as it is known; prices in dollars."""

    trader: str
    mode: str
    account: str
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


class FillRow(msgspec.Struct, array_like=True):
    """An execution; price in 0.000001 dollars."""

    trader: str
    mode: str
    account: str
    order_id: str
    symbol: str
    instruction: str
    qty: int
    price_e6: int
    fill_ns: int


class PositionRow(msgspec.Struct, array_like=True):
    """Ours and the broker's number of one symbol, the touch that marks it, and what today's fills did to it.

    `day_qty` is the signed change, `day_cash_e6` what came in (sales) less what went out (0.000001 dollars).
    """

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


class TouchRow(msgspec.Struct, array_like=True):
    """The last touch of a symbol: dollars, shares."""

    symbol: str
    bid: float
    ask: float
    bid_size: int
    ask_size: int
    last: float | None
    status: str | None
    recv_ns: int


class ProcessRow(msgspec.Struct, array_like=True):
    """Who runs in a role; `detail` is the JSON text as it was written."""

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


class Counts(msgspec.Struct):
    """Rows since a moment: all alerts, orders and fills of one mode."""

    alerts: int
    orders: int
    fills: int


class Summary(msgspec.Struct, frozen=True):
    """Rows in the whole file; dispositions by kind; positions that are not flat."""

    alerts: int
    orders: int
    fills: int
    dispositions: dict[str, int]
    positions: int


class Cause(msgspec.Struct, array_like=True):
    """An order that a frame caused directly: the first leg of its alert, and the book that the alert stands on."""

    order_id: str
    symbol: str
    book_ms: int
