"""Owns the rows of orders that are not ours, as last listed, and what the verbs read of orders and positions.

Never gives a table without a limit.
Comes from `hand_trades`; goes to the writer, and from the file to `leadline positions` and `leadline orders`.
"""

import apsw
import msgspec

from leadline.core.external import ExternalOrder
from leadline.core.orders import ENDED
from leadline.store.orders import Book
from leadline.store.spill import Statement

ORDERS_MAX = 1_000
"""Orders that one question gives, newest first."""

_LISTED = "orders_listed_ns:"
"""Counter that holds when the day's orders of an account were last listed."""

_UPSERT = """INSERT OR REPLACE INTO external_orders (account, order_id, symbol, instruction, qty, filled_qty, price,
    status, tag, entered_ns, listed_ns) VALUES (?,?,?,?,?,?,?,?,?,?,?)"""

_EXTERNAL = """SELECT account, order_id, symbol, instruction, qty, filled_qty, price, status, tag, entered_ns, listed_ns
    FROM external_orders ORDER BY entered_ns DESC LIMIT ?"""

_ORDERS = """SELECT trader, mode, account, alert_id, purpose, symbol, instruction, qty, order_type, limit_price,
    order_id, state, broker_status, reason, filled_qty, average_price, decide_ns, sent_ns, ack_ns, intent_key, ended_ns
    FROM orders WHERE decide_ns >= ?1 AND (?2 IS NULL OR symbol = ?2)
    AND (?3 = 0 OR state NOT IN (SELECT value FROM json_each(?4))) ORDER BY decide_ns DESC LIMIT ?5"""

_BASELINES = """SELECT trader, mode, account, symbol, ours_qty, external_qty, broker_qty, taken_ns, taken_by, reason
    FROM baselines WHERE baseline_id IN (SELECT max(baseline_id) FROM baselines GROUP BY trader, mode, account, symbol)
    ORDER BY symbol LIMIT ?"""


class ExternalRow(msgspec.Struct, array_like=True):
    """An order that is not ours as last listed: shares, dollars, UTC."""

    account: str
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


class OrderRow(msgspec.Struct, array_like=True):
    """An order of ours as asked for and as far as it is known; prices in dollars, times UTC."""

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
    intent_key: str
    ended_ns: int | None


class BaselineRow(msgspec.Struct, array_like=True):
    """The newest baseline of a symbol."""

    trader: str
    mode: str
    account: str
    symbol: str
    ours_qty: int
    external_qty: float
    broker_qty: float
    taken_ns: int
    taken_by: str
    reason: str


def list_external(book: Book, orders: list[ExternalOrder], now_ns: int) -> list[Statement]:
    """Give the statements that put one list in the place of the last one."""
    rows = [
        (
            _UPSERT,
            (
                book.account,
                order.order_id,
                order.symbol,
                order.instruction,
                order.qty,
                order.filled_qty,
                order.price,
                order.status,
                order.tag,
                order.entered_ns,
                now_ns,
            ),
        )
        for order in orders
    ]
    return [
        *rows,
        ("DELETE FROM external_orders WHERE account = ? AND listed_ns <> ?", (book.account, now_ns)),
        ("INSERT OR REPLACE INTO counters VALUES (?, ?)", (_LISTED + book.account, now_ns)),
    ]


def listed_ns(connection: apsw.Connection) -> dict[str, int]:
    """Give when the orders of each account were last listed, UTC."""
    rows = connection.execute(
        "SELECT substr(name, ?), value FROM counters WHERE substr(name, 1, ?) = ?",
        (len(_LISTED) + 1, len(_LISTED), _LISTED),
    ).fetchall()
    return dict(msgspec.convert(rows, list[tuple[str, int]]))


def external_orders(connection: apsw.Connection) -> list[ExternalRow]:
    """Give the orders that are not ours as last listed, newest first."""
    return msgspec.convert(connection.execute(_EXTERNAL, (ORDERS_MAX,)).fetchall(), list[ExternalRow])


def baselines(connection: apsw.Connection) -> list[BaselineRow]:
    """Give the newest baseline of each symbol."""
    return msgspec.convert(connection.execute(_BASELINES, (ORDERS_MAX,)).fetchall(), list[BaselineRow])


def orders_since(connection: apsw.Connection, since_ns: int, symbol: str | None = None) -> list[OrderRow]:
    """Give our orders decided since a moment (UTC), newest first."""
    return _orders(connection, since_ns, symbol, is_open=False)


def open_orders(connection: apsw.Connection, symbol: str | None = None) -> list[OrderRow]:
    """Give our orders of which no end is known, newest first."""
    return _orders(connection, 0, symbol, is_open=True)


def _orders(connection: apsw.Connection, since_ns: int, symbol: str | None, *, is_open: bool) -> list[OrderRow]:
    ended = msgspec.json.encode(sorted(ENDED)).decode()
    values = (since_ns, symbol, int(is_open), ended, ORDERS_MAX)
    return msgspec.convert(connection.execute(_ORDERS, values).fetchall(), list[OrderRow])
