"""Owns the rows of orders, fills, positions and dispositions as statements.

Never decides anything: each row is what the trader said.
Comes from `traders`; goes to the writer.
"""

import msgspec

from leadline.core.alerts import Disposition
from leadline.core.fills import Fill
from leadline.core.intent import Intent
from leadline.core.orders import OrderState
from leadline.core.position import Position
from leadline.core.units import dollars
from leadline.store.spill import Statement

_INSERT_ORDER = """INSERT INTO orders (intent_key, trader, mode, account, alert_id, leg, purpose, epoch,
    symbol, instruction, qty, order_type, limit_price, state, decide_ns) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
    ON CONFLICT (intent_key) DO NOTHING"""

_UPDATE_ORDER = """UPDATE orders SET order_id = coalesce(?, order_id), state = ?,
    broker_status = coalesce(?, broker_status), reason = coalesce(?, reason), http_status = coalesce(?, http_status),
    filled_qty = max(filled_qty, ?), average_price = coalesce(?, average_price), sent_ns = coalesce(?, sent_ns),
    ack_ns = coalesce(?, ack_ns), ended_ns = coalesce(?, ended_ns) WHERE intent_key = ?"""

_INSERT_FILL = """INSERT INTO fills (fill_key, intent_key, trader, mode, account, order_id, symbol,
    instruction, qty, price_e6, fill_ns, booked_ns) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)
    ON CONFLICT (fill_key) DO NOTHING"""

_UPSERT_POSITION = """INSERT INTO positions (trader, mode, account, symbol, ours_qty, cost_e6, realised_e6,
    updated_ns, external_qty, broker_qty, broker_ns, state, reason) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)
    ON CONFLICT (trader, mode, account, symbol) DO UPDATE SET ours_qty = excluded.ours_qty,
    cost_e6 = excluded.cost_e6, realised_e6 = excluded.realised_e6, updated_ns = excluded.updated_ns,
    external_qty = excluded.external_qty, broker_qty = excluded.broker_qty, broker_ns = excluded.broker_ns,
    state = excluded.state, reason = excluded.reason"""

_INSERT_DISPOSITION = """INSERT INTO dispositions (alert_id, trader, disposition, reason, decided_ns)
    VALUES (?,?,?,?,?) ON CONFLICT (alert_id, trader) DO NOTHING"""


class Book(msgspec.Struct, frozen=True):
    """Whose orders and positions: the trader, its mode, and the account by a name that does not give it away."""

    trader: str
    mode: str
    account: str


class OrderUpdate(msgspec.Struct, frozen=True):
    """What is now known of an order; None leaves what was known. Times UTC, `average_e6` in 0.000001 dollars."""

    state: OrderState
    order_id: str | None = None
    broker_status: str | None = None
    reason: str | None = None
    http_status: int | None = None
    filled_qty: int = 0
    average_e6: int | None = None
    sent_ns: int | None = None
    ack_ns: int | None = None
    ended_ns: int | None = None


class PositionRow(msgspec.Struct, frozen=True):
    """Ours and the broker's number of one symbol, each with its time."""

    position: Position
    updated_ns: int
    external_qty: int
    broker_qty: int | None
    broker_ns: int | None
    state: str
    reason: str | None


def insert_order(intent: Intent, book: Book) -> Statement:
    """Give the statement that writes an intent's order row, once."""
    order = intent.order
    return _INSERT_ORDER, (
        intent.key,
        *msgspec.structs.astuple(book),
        intent.alert_id,
        intent.leg,
        intent.purpose.value,
        intent.epoch,
        order.symbol,
        order.instruction.value,
        order.qty,
        order.order_type.value,
        None if order.limit is None else dollars(order.limit),
        OrderState.SENDING.value,
        intent.decide_ns,
    )


def update_order(intent_key: str, update: OrderUpdate) -> Statement:
    """Give the statement that adds to an order's row what is now known."""
    return _UPDATE_ORDER, (
        update.order_id,
        update.state.value,
        update.broker_status,
        update.reason,
        update.http_status,
        update.filled_qty,
        None if update.average_e6 is None else update.average_e6 / 1_000_000,
        update.sent_ns,
        update.ack_ns,
        update.ended_ns,
        intent_key,
    )


def insert_fill(fill: Fill, intent: Intent, book: Book, booked_ns: int) -> Statement:
    """Give the statement that writes a fill, once."""
    return _INSERT_FILL, (
        fill.key,
        intent.key,
        *msgspec.structs.astuple(book),
        fill.order_id,
        fill.symbol,
        fill.instruction.value,
        fill.qty,
        fill.price_e6,
        fill.fill_ns,
        booked_ns,
    )


def upsert_position(book: Book, row: PositionRow) -> Statement:
    """Give the statement that writes a symbol's position."""
    position = row.position
    return _UPSERT_POSITION, (
        *msgspec.structs.astuple(book),
        position.symbol,
        position.qty,
        position.cost_e6,
        position.realised_e6,
        row.updated_ns,
        row.external_qty,
        row.broker_qty,
        row.broker_ns,
        row.state,
        row.reason,
    )


def insert_disposition(
    alert_id: int, trader: str, disposition: Disposition, reason: str | None, decided_ns: int
) -> Statement:
    """Give the statement that writes what a trader made of an alert, once."""
    return _INSERT_DISPOSITION, (alert_id, trader, disposition.value, reason, decided_ns)
