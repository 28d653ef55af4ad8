"""Orders that are not ours are kept as last listed, and nothing of an earlier list stays."""

from pathlib import Path

import msgspec

from leadline.core.external import ExternalOrder
from leadline.core.orders import OrderState
from leadline.store import queries
from leadline.store.listed import external_orders, list_external, listed_ns, open_orders, orders_since
from leadline.store.orders import Book, OrderUpdate, insert_order, update_order
from leadline.store.writer import Writer
from support.intents import an_intent

BOOK, OTHER = Book("live", "sim", "a"), Book("live", "sim", "b")
BUY = ExternalOrder("77", "F", "BUY", 50.5, 0, None, "WORKING", "API_TOS:IPHONE", 5)


def test_a_list_takes_the_place_of_the_last_one_of_its_account(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "l.db", 0)
    sell = msgspec.structs.replace(BUY, order_id="78", instruction="SELL", entered_ns=6)
    for book, orders, now_ns in ((OTHER, [BUY], 1), (BOOK, [BUY], 10), (BOOK, [BUY, sell], 9), (BOOK, [sell], 11)):
        for statement in list_external(book, orders, now_ns):
            writer.execute_now(*statement)
    writer.close()
    with queries.reading(tmp_path / "l.db") as connection:
        rows = external_orders(connection)
        assert [(row.account, row.order_id, row.listed_ns) for row in rows] == [("a", "78", 11), ("b", "77", 1)]
        assert (rows[1].qty, rows[1].price, rows[1].tag) == (50.5, None, "API_TOS:IPHONE")
        assert listed_ns(connection) == {"a": 11, "b": 1}


def test_an_empty_list_leaves_nothing_and_says_when(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "l.db", 0)
    for orders, now_ns in (([BUY], 1), ([], 2)):
        for statement in list_external(BOOK, orders, now_ns):
            writer.execute_now(*statement)
    writer.close()
    with queries.reading(tmp_path / "l.db") as connection:
        assert external_orders(connection) == []
        assert listed_ns(connection) == {"a": 2}


def test_open_orders_are_those_of_which_no_end_is_known(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "l.db", 0)
    intents = [an_intent(number, symbol=symbol) for number, symbol in enumerate(("F", "T", "F"), start=1)]
    for number, (intent, state) in enumerate(
        zip(intents, (OrderState.FILLED, OrderState.LOST_PRESUMED, OrderState.WORKING), strict=True)
    ):
        writer.execute_now(*insert_order(msgspec.structs.replace(intent, decide_ns=number), BOOK))
        writer.execute_now(*update_order(intent.key, OrderUpdate(state=state, order_id=str(number))))
    writer.close()
    with queries.reading(tmp_path / "l.db") as connection:
        assert [row.order_id for row in open_orders(connection)] == ["2", "1"]
        assert [row.order_id for row in open_orders(connection, "F")] == ["2"]
        assert [row.order_id for row in orders_since(connection, 0)] == ["2", "1", "0"]
        assert [row.order_id for row in orders_since(connection, 1, "T")] == ["1"]
