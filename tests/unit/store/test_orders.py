"""Rows of orders, fills, positions and dispositions, through the real tables."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from leadline.core.alerts import Disposition
from leadline.core.fills import Fill
from leadline.core.orders import Instruction, OrderState, OrderType
from leadline.core.position import Position
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
from leadline.store.writer import Writer
from support.intents import RECV_NS, an_intent

BOOK = Book("live", "sim", "abcdef123456")
FILL = Fill("4711-1", "4711", "F", Instruction.BUY, 60, 13_830_000, RECV_NS + 5)


class Store:
    """Statements in, rows out."""

    def __init__(self, path: Path) -> None:
        self.writer = Writer(path, 1)

    def take(self, *statements: Statement) -> None:
        for statement in statements:
            self.writer.execute_now(*statement)

    def rows(self, table: str) -> list[dict[str, object]]:
        names = [str(row[1]) for row in self.writer.execute_now(f"PRAGMA table_info({table})")]
        return [dict(zip(names, row, strict=True)) for row in self.writer.execute_now(f"SELECT * FROM {table}")]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "x.db")
    yield store
    store.writer.close()


def test_an_intent_becomes_an_order_row_that_is_being_sent(store: Store) -> None:
    store.take(insert_order(an_intent(7), BOOK))
    [row] = store.rows("orders")
    known = {name: value for name, value in row.items() if value is not None}
    assert known == {
        "intent_key": "live-1-7-1",
        "trader": "live",
        "mode": "sim",
        "account": "abcdef123456",
        "alert_id": 7,
        "leg": 1,
        "purpose": "open",
        "epoch": 1,
        "symbol": "F",
        "instruction": "BUY",
        "qty": 100,
        "order_type": "LIMIT",
        "limit_price": 13.83,
        "state": "SENDING",
        "filled_qty": 0,
        "decide_ns": RECV_NS + 210_000,
    }


def test_a_market_order_has_no_limit_price(store: Store) -> None:
    intent = an_intent(7, closes=True)
    order = msgspec.structs.replace(intent.order, order_type=OrderType.MARKET, limit=None)
    store.take(insert_order(msgspec.structs.replace(intent, order=order), BOOK))
    [row] = store.rows("orders")
    assert (row["order_type"], row["limit_price"], row["purpose"]) == ("MARKET", None, "close")


def test_an_order_row_is_written_once_and_recovery_does_not_undo_what_is_known(store: Store) -> None:
    store.take(
        insert_order(an_intent(7), BOOK),
        update_order("live-1-7-1", OrderUpdate(OrderState.FILLED, "4711", "FILLED", filled_qty=100)),
        insert_order(an_intent(7), BOOK),
    )
    [row] = store.rows("orders")
    assert (row["state"], row["order_id"], row["filled_qty"]) == ("FILLED", "4711", 100)


def test_an_update_adds_to_what_is_known_and_takes_nothing_back(store: Store) -> None:
    accepted = OrderUpdate(
        OrderState.WORKING, "4711", "WORKING", "queued", 201, sent_ns=1, ack_ns=2, filled_qty=60, average_e6=13_830_000
    )
    store.take(insert_order(an_intent(7), BOOK), update_order("live-1-7-1", accepted))
    store.take(update_order("live-1-7-1", OrderUpdate(OrderState.CANCELED, filled_qty=60, ended_ns=9)))
    [row] = store.rows("orders")
    names = (
        "state",
        "order_id",
        "broker_status",
        "reason",
        "http_status",
        "sent_ns",
        "ack_ns",
        "ended_ns",
        "filled_qty",
    )
    assert [row[name] for name in names] == ["CANCELED", "4711", "WORKING", "queued", 201, 1, 2, 9, 60]


def test_an_average_price_is_dollars_and_none_where_nothing_is_filled(store: Store) -> None:
    store.take(insert_order(an_intent(7), BOOK))
    store.take(update_order("live-1-7-1", OrderUpdate(OrderState.WORKING, filled_qty=60, average_e6=13_830_000)))
    assert store.rows("orders")[0]["average_price"] == 13.83
    store.take(insert_order(an_intent(8), BOOK))
    store.take(update_order("live-1-8-1", OrderUpdate(OrderState.CANCELED)))
    assert store.rows("orders")[1]["average_price"] is None


def test_an_update_of_one_order_leaves_the_others(store: Store) -> None:
    store.take(insert_order(an_intent(7), BOOK), insert_order(an_intent(8), BOOK))
    store.take(update_order("live-1-8-1", OrderUpdate(OrderState.REJECTED)))
    assert [row["state"] for row in store.rows("orders")] == ["SENDING", "REJECTED"]


@pytest.mark.parametrize("state", list(OrderState))
def test_every_state_can_be_written(store: Store, state: OrderState) -> None:
    store.take(insert_order(an_intent(7), BOOK), update_order("live-1-7-1", OrderUpdate(state)))
    assert store.rows("orders")[0]["state"] == state.value


def test_a_fill_is_written_once_by_its_key(store: Store) -> None:
    again = msgspec.structs.replace(FILL, qty=1)
    other = msgspec.structs.replace(FILL, key="4711-2", qty=40)
    store.take(*(insert_fill(fill, an_intent(7), BOOK, RECV_NS + 9) for fill in (FILL, again, other)))
    assert [(row["fill_key"], row["qty"]) for row in store.rows("fills")] == [("4711-1", 60), ("4711-2", 40)]
    assert store.rows("fills")[0] == {
        "fill_key": "4711-1",
        "intent_key": "live-1-7-1",
        "trader": "live",
        "mode": "sim",
        "account": "abcdef123456",
        "order_id": "4711",
        "symbol": "F",
        "instruction": "BUY",
        "qty": 60,
        "price_e6": 13_830_000,
        "fill_ns": RECV_NS + 5,
        "booked_ns": RECV_NS + 9,
    }


def test_a_position_row_is_the_latest_word_on_a_symbol_and_book(store: Store) -> None:
    before = PositionRow(Position("F"), 1, 0, None, None, "OPEN", None)
    after = PositionRow(Position("F").after(FILL), 2, 50, 110, 3, "LOCKED", "hand trade")
    paper = Book("paper", "paper", "abcdef123456")
    store.take(upsert_position(BOOK, before), upsert_position(paper, before), upsert_position(BOOK, after))
    live_row, paper_row = sorted(store.rows("positions"), key=lambda row: str(row["trader"]))
    assert live_row == {
        "trader": "live",
        "mode": "sim",
        "account": "abcdef123456",
        "symbol": "F",
        "ours_qty": 60,
        "cost_e6": 60 * 13_830_000,
        "realised_e6": 0,
        "updated_ns": 2,
        "external_qty": 50,
        "broker_qty": 110,
        "broker_ns": 3,
        "state": "LOCKED",
        "reason": "hand trade",
    }
    assert (paper_row["trader"], paper_row["ours_qty"]) == ("paper", 0)


@pytest.mark.parametrize("disposition", list(Disposition))
def test_an_alert_has_one_disposition_a_trader_and_the_first_stands(store: Store, disposition: Disposition) -> None:
    store.take(
        insert_disposition(7, "live", disposition, "because", 5),
        insert_disposition(7, "live", Disposition.TRADED, None, 6),
        insert_disposition(7, "paper", Disposition.HELD, None, 7),
    )
    assert store.writer.execute_now("SELECT * FROM dispositions ORDER BY trader") == [
        (7, "live", disposition.value, "because", 5),
        (7, "paper", "held", None, 7),
    ]
