"""Owns databases for the pages' tests, filled through the real writer by the statements that grok uses.

Never writes a row by hand, so that a page that reads them reads what is really written.
Comes from tests with a moment; goes to a file.
"""

from pathlib import Path

from leadline.core.alerts import Alert, Disposition
from leadline.core.fills import Fill
from leadline.core.imbalance import Direction
from leadline.core.intent import Intent, Purpose
from leadline.core.market import Service, Touch
from leadline.core.orders import Instruction, Order, OrderState, OrderType
from leadline.core.position import Position
from leadline.core.units import NS_PER_MS, NS_PER_S
from leadline.store.alerts import Origin, insert_alert
from leadline.store.orders import (
    Book,
    OrderUpdate,
    PositionRow,
    insert_disposition,
    insert_fill,
    insert_order,
    update_order,
    upsert_position,
)
from leadline.store.spill import Statement
from leadline.store.status import ProcessRow, upsert_process, upsert_touch
from leadline.store.writer import Writer

BOOK = Book("paper", "paper", "••••4821")
ORIGIN = Origin("boot", "c0ffee", "0.1.0")
NOON_NS = 1_770_829_200 * NS_PER_S
"""2026-02-11 12:00:00 in New York."""

PICTURE = "![x](http://198.51.100.7/pixel.png)"
"""Markdown that makes a browser fetch a picture from elsewhere, if a page renders it."""

MARKET: dict[str, tuple[int, Service]] = {
    "AAL": (134_500, Service.NASDAQ_BOOK),
    "CCL": (262_100, Service.NYSE_BOOK),
    "F": (138_200, Service.NYSE_BOOK),
    "NOK": (62_300, Service.NYSE_BOOK),
    "SNAP": (87_700, Service.NYSE_BOOK),
    "SOFI": (214_600, Service.NASDAQ_BOOK),
    "T": (271_400, Service.NYSE_BOOK),
    "VALE": (118_900, Service.NYSE_BOOK),
}
"""Bid in 0.0001 dollars and book service of each watched symbol."""


def an_alert(symbol: str = "F", *, recv_ns: int = NOON_NS, **changes: object) -> Alert:
    bid, service = MARKET.get(symbol, (100_000, Service.NYSE_BOOK))
    fields: dict[str, object] = {
        "symbol": symbol,
        "direction": Direction.BID_HEAVY,
        "total_bids": 18_400,
        "total_asks": 6_100,
        "heavy_venues": 6,
        "valid_venues": 9,
        "price_e5": bid * 10 + 500,
        "bid": bid,
        "ask": bid + 100,
        "imbalance_duration_ns": 12_400_000_000,
        "vol_per_min": 52_000.0,
        "streak_id": 3,
        "entry_blocked_by": None,
        "service": service,
        "book_ns": recv_ns - 40 * NS_PER_MS,
        "recv_ns": recv_ns,
    }
    return Alert(**{**fields, **changes})  # type: ignore[arg-type]


def an_intent(alert_id: int, alert: Alert, instruction: Instruction, qty: int, *, trader: str = "paper") -> Intent:
    purpose = Purpose.OPEN if instruction.opens else Purpose.CLOSE
    limit = alert.ask if instruction.sign > 0 else alert.bid
    order = Order(alert.symbol, instruction, qty, OrderType.LIMIT, limit)
    decide_ns = alert.recv_ns + 210_000
    return Intent(
        f"{trader}-1-{alert_id}-1", 1, trader, alert_id, alert, 1, purpose, order, decide_ns, "c0ffee", "0.1.0"
    )


def a_process(now_ns: int, **changes: object) -> ProcessRow:
    fields: dict[str, object] = {
        "role": "grok",
        "pid": 4_711,
        "started_ns": now_ns - 9_000 * NS_PER_S,
        "heartbeat_ns": now_ns - 400 * NS_PER_MS,
        "mode": "paper",
        "account": "••••4821",
        "broker": "127.0.0.1:8182",
        "state": "ARMED",
        "detail": a_detail(now_ns),
        "config_hash": "c0ffee12",
        "version": "0.1.0",
    }
    return ProcessRow(**{**fields, **changes})  # type: ignore[arg-type]


def a_detail(now_ns: int) -> dict[str, object]:
    symbols: dict[str, object] = {
        symbol: {"service": service.value, "recv_ns": now_ns - (300 + 7 * place) * NS_PER_MS, "lag_ms": 38.5 + place}
        for place, (symbol, (_, service)) in enumerate(MARKET.items())
    }
    symbols["VALE"] = {"service": "NYSE_BOOK", "recv_ns": now_ns - 47 * NS_PER_S, "lag_ms": 41.0}
    return {
        "connection": "streaming",
        "connected_ns": now_ns - 8_900 * NS_PER_S,
        "reconnects": 1,
        "coverage": 1.0,
        "gaps": 1,
        "alarms": [],
        "conflated": 0,
        "tape": {"frames": 17_844, "dropped_frames": 0, "written_bytes": 9_400_000, "error": None},
        "frames": 17_844,
        "books": 71_204,
        "malformed": 0,
        "outcomes": {"repeat": 47_312, "few_venues": 15_027, "ratio": 6_411, "duration": 2_318, "alerted": 136},
        "dropped": {"size": 12},
        "alerts": 136,
        "symbols": symbols,
        "trader": "enabled",
        "orders_last_minute": 3,
        "order_budget": 120,
        "decision_us": {"p50": 61.0, "p99": 140.0},
        "store_waiting": 0,
        "store_error": None,
    }


def fill_store(path: Path, now_ns: int = NOON_NS, *, process: ProcessRow | None = None) -> None:
    """Write a day that saw everything: 40 alerts, orders of each fate, positions that agree and one that does not."""
    write(path, now_ns, [upsert_process(process or a_process(now_ns)), *market(now_ns), *trading(now_ns)])


def market(now_ns: int) -> list[Statement]:
    statements = []
    for symbol, (bid, _) in MARKET.items():
        age_ns = 47 * NS_PER_S if symbol == "VALE" else 300 * NS_PER_MS
        touch = Touch(bid, bid + 100, 5_200, 2_100, now_ns - age_ns, 0)
        statements.append(upsert_touch(symbol, touch, bid + 100, "normal", touch.recv_ns - 40 * NS_PER_MS))
    return statements


def trading(now_ns: int) -> list[Statement]:
    """Forty alerts, what came of them, and the positions that their fills add up to."""
    statements: list[Statement] = []
    positions = {symbol: Position(symbol) for symbol in MARKET}
    names = list(MARKET)
    for alert_id in range(1, 41):
        is_bid = alert_id % 3 != 0
        alert = an_alert(
            names[alert_id * 5 % len(names)],
            recv_ns=now_ns - (41 - alert_id) * 97 * NS_PER_S - alert_id * 7_310_000,
            direction=Direction.BID_HEAVY if is_bid else Direction.ASK_HEAVY,
            total_bids=14_000 + 310 * alert_id if is_bid else 4_100,
            total_asks=6_100 - 40 * alert_id if is_bid else 12_900 + 90 * alert_id,
            entry_blocked_by="min_volume" if alert_id % 7 == 0 else None,
        )
        statements.append(insert_alert(alert_id, alert, ORIGIN))
        held = positions[alert.symbol]
        if alert.entry_blocked_by:
            statements.append(judged(alert_id, alert, Disposition.REFUSED, "entry blocked: min_volume"))
        elif held.qty and (held.qty > 0) == is_bid:
            statements.append(judged(alert_id, alert, Disposition.HELD))
        else:
            qty = abs(held.qty) or 100 + 100 * (alert_id % 3)
            intent = an_intent(alert_id, alert, _instruction(held.qty, is_bid), qty)
            statements += [judged(alert_id, alert, Disposition.TRADED), insert_order(intent, BOOK)]
            fill, rest = _order_end(alert_id, intent)
            statements += rest
            positions[alert.symbol] = held.after(fill) if fill else held
    return statements + _position_rows(positions, now_ns)


def judged(alert_id: int, alert: Alert, disposition: Disposition, reason: str | None = None) -> Statement:
    return insert_disposition(alert_id, "paper", disposition, reason, alert.recv_ns + 250_000)


def _instruction(qty: int, is_bid: bool) -> Instruction:
    if qty:
        return Instruction.SELL if qty > 0 else Instruction.BUY_TO_COVER
    return Instruction.BUY if is_bid else Instruction.SELL_SHORT


def _order_end(alert_id: int, intent: Intent) -> tuple[Fill | None, list[Statement]]:
    sent_ns, ack_ns = intent.decide_ns + 400_000, intent.decide_ns + 38_400_000 + alert_id * 211_000
    order_id = str(1_004_200_000 + alert_id)
    if alert_id % 8 == 0:
        reason = f"This order may result in an oversold/overbought position {PICTURE}"
        update = OrderUpdate(
            OrderState.REJECTED, order_id, "REJECTED", reason, 201, sent_ns=sent_ns, ack_ns=ack_ns, ended_ns=ack_ns
        )
        return None, [update_order(intent.key, update)]
    if alert_id == 38:
        update = OrderUpdate(OrderState.WORKING, order_id, "WORKING", None, 201, sent_ns=sent_ns, ack_ns=ack_ns)
        return None, [update_order(intent.key, update)]
    order = intent.order
    # The price of the time: it wandered since, a little for each alert.
    price_e6 = (order.limit or 0) * 100 + (alert_id * 3 % 10 - 7) * 10_000
    fill = Fill(f"{order_id}-1", order_id, order.symbol, order.instruction, order.qty, price_e6, ack_ns)
    update = OrderUpdate(
        OrderState.FILLED, order_id, "FILLED", None, 201, fill.qty, fill.price_e6, sent_ns, ack_ns, ack_ns
    )
    return fill, [update_order(intent.key, update), insert_fill(fill, intent, BOOK, ack_ns + NS_PER_MS)]


def _position_rows(positions: dict[str, Position], now_ns: int) -> list[Statement]:
    rows = []
    for symbol, position in positions.items():
        external_qty = 50 if symbol == "AAL" else 0
        stray_qty = 100 if symbol == "SNAP" else 0
        state, reason = ("LOCKED", f"hand trade of +100 {PICTURE}") if stray_qty else ("OPEN", None)
        row = PositionRow(
            position=position,
            updated_ns=now_ns - 60 * NS_PER_S,
            external_qty=external_qty,
            broker_qty=position.qty + external_qty + stray_qty,
            broker_ns=now_ns - 4 * NS_PER_S,
            state=state,
            reason=reason,
        )
        rows.append(upsert_position(BOOK, row))
    return rows


def write(path: Path, now_ns: int, statements: list[Statement]) -> None:
    """Put statements through a writer of their own."""
    writer = Writer(path, now_ns)
    writer.start()
    for statement in statements:
        writer.put(statement)
    writer.close(60)
