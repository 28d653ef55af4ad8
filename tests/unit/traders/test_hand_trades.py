"""F35: orders that are not ours lock a symbol by name once filled, and are never taken for ours, nor ours for them."""

from pathlib import Path

import pytest

from leadline.core.imbalance import Direction
from leadline.core.orders import OrderState
from leadline.core.states import SymbolState
from leadline.schwab.rest import BrokerOrder
from leadline.traders.hand_trades import take_list
from leadline.traders.reconcile import compare
from support.listed import listed
from support.trading import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    look(bench, 0)
    bench.clock.pass_s(60)
    return bench


def look(bench: Bench, net: float) -> None:
    compare(bench.ledger, {"F": net, "ZZZ": 1}, ["F"], bench.clock.boot_ns(), bench.clock.wall_ns())


def take(bench: Bench, *orders: BrokerOrder) -> str | None:
    take_list(bench.ledger, list(orders), ["F"], bench.clock.wall_ns(), locks_now=True)
    return bench.ledger.holding("F").reason


def by_hand(bench: Bench, order_id: int = 77, instruction: str = "BUY", qty: float = 50, **more: object) -> BrokerOrder:
    return listed(order_id, instruction, qty, bench.clock.wall_ns(), **{"filled": qty, **more})  # type: ignore[arg-type]


def test_a_fill_of_anothers_order_locks_at_once_and_names_it(bench: Bench) -> None:
    reason = str(take(bench, by_hand(bench)))
    assert "hand trade: order 77 BUY 50 at 13.12 (by hand, API_TOS:IPHONE)" in reason
    assert bench.disposition(bench.alert(Direction.BID_HEAVY)) == "refused"
    assert bench.ledger.holding("F").external_qty == 0, "the baseline does not move"
    assert bench.position() == 0


def test_an_order_that_is_not_filled_locks_nothing_and_is_known(bench: Bench) -> None:
    assert take(bench, by_hand(bench, filled=0)) is None
    [order] = bench.ledger.holding("F").hands.working
    assert (order.order_id, order.signed_leaves) == ("77", 50)
    assert take(bench) is None
    assert bench.ledger.holding("F").hands.working == ()


def test_the_lock_stays_until_a_read_that_surely_shows_the_trade_agrees(bench: Bench) -> None:
    buy = by_hand(bench)
    take(bench, buy)
    look(bench, 0)
    assert "hand trade" in str(take(bench, buy)), "the account lags: 0 is what it was before"
    bench.clock.pass_s(1)
    look(bench, 50)
    assert bench.ledger.holding("F").broker_qty == 50
    sell = by_hand(bench, 78, "SELL")
    assert "1 more fill" in str(take(bench, buy, sell))
    bench.clock.pass_s(30)
    look(bench, 0)
    assert bench.ledger.holding("F").state is SymbolState.OPEN
    assert take(bench, buy, sell) is None, "listed all day, and settled"


def test_a_trade_that_is_told_in_two_ways_is_one(bench: Bench) -> None:
    """The filled quantity comes before its executions."""
    untold = by_hand(bench, order_activity_collection=[])
    assert "BUY 50 (by hand" in str(take(bench, untold))
    assert bench.ledger.holding("F").hands.net == 50
    take(bench, by_hand(bench))
    assert bench.ledger.holding("F").hands.net == 50


def test_fills_that_the_baseline_surely_holds_lock_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    old = by_hand(bench)
    bench.clock.pass_s(30)
    assert take(bench, old) is None
    look(bench, 50)
    assert bench.ledger.holding("F").external_qty == 50


def test_first_contact_waits_until_the_account_surely_shows_a_trade_by_hand(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    take(bench, by_hand(bench))
    look(bench, 0)
    assert bench.ledger.holding("F").baseline is None
    bench.clock.pass_s(30)
    look(bench, 50)
    assert bench.ledger.holding("F").external_qty == 50
    assert "not buy" in str(bench.ledger.holding("F").reason)


def test_our_own_order_is_no_trade_by_hand_whatever_is_known_of_it(bench: Bench) -> None:
    bench.alert(Direction.BID_HEAVY)
    order = bench.executor.sent[0][0].order
    ours = by_hand(bench, 90, "BUY", order.qty, price=(order.limit or 0) / 10_000, tag="TA_1")
    assert take(bench, ours) is None, "its id is not known yet"
    bench.executor.tell(OrderState.UNKNOWN)
    assert "hand trade" not in str(take(bench, ours))
    bench.executor.tell(OrderState.WORKING, order_id="90")
    assert take(bench, ours) is None
    bench.executor.fill(13_130_000)
    bench.restart()
    assert take(bench, ours) is not None, "a bench restarts without the ids; a desk has them"
    bench.ledger.order_ids.add("90", "a key")
    assert take(bench, ours) is None, "what proves to be ours is no trade by hand any more"


def test_what_may_have_taken_the_place_of_our_replaced_order_is_waited_for(bench: Bench) -> None:
    """F29: the executor looks for the successor; until then it is nobody's."""
    bench.alert(Direction.BID_HEAVY)
    bench.executor.tell(OrderState.WORKING, order_id="90")
    replaced = by_hand(bench, 90, "BUY", 100, filled=0, status="REPLACED", tag="TA_1")
    successor = by_hand(bench, 91, "BUY", 100, tag="TA_SIM_DESK")
    another = by_hand(bench, 92, "SELL", 10)
    assert "order 92 SELL 10" in str(take(bench, replaced, successor, another))
    assert "order 91" not in str(take(bench, replaced, successor, another))


def test_orders_in_other_symbols_are_none_of_our_business(bench: Bench) -> None:
    assert take(bench, by_hand(bench, symbol="F 261218C00013000"), by_hand(bench, symbol="T")) is None


def test_a_trade_of_yesterday_is_no_longer_listed_and_stays_in_doubt(bench: Bench) -> None:
    take(bench, by_hand(bench))
    assert "order 77" in str(take(bench))


def test_what_was_sold_by_hand_is_not_sold_again(bench: Bench) -> None:
    bench.alert(Direction.BID_HEAVY)
    bench.executor.fill(13_130_000)
    bench.clock.pass_s(60)
    look(bench, 100)
    take(bench, by_hand(bench, 77, "SELL", 60))
    look(bench, 40)
    assert bench.ledger.holding("F").closable_qty == 40
    bench.alert(Direction.ASK_HEAVY)
    assert bench.executor.sent[-1][0].order.qty == 40
