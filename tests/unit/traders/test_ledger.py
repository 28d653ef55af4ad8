"""Orders and fills as told become rows and positions, once each."""

from pathlib import Path

import pytest

from leadline.core.fills import Fill
from leadline.core.imbalance import Direction
from leadline.core.orders import Instruction, Order, OrderState, OrderType
from leadline.core.states import SymbolState
from leadline.store.writer import Writer
from leadline.traders.prices import why_doubtful
from leadline.traders.reconcile import compare
from support.trading import Bench


def test_restored_fills_make_the_position_and_are_not_booked_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    fill = Fill("k1", "o1", "F", Instruction.BUY, 100, 13_000_000, 0)
    bench.ledger.restore([fill, Fill("k2", "o2", "F", Instruction.SELL, 30, 13_100_000, 0)])
    assert bench.position() == 70
    bench.quote()
    bench.alert(Direction.ASK_HEAVY)
    bench.executor.tell(OrderState.WORKING, fills=(fill,))
    assert bench.position() == 70


def test_an_order_row_tells_how_much_was_filled_and_at_what_average(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.alert(Direction.BID_HEAVY)
    intent = bench.executor.sent[0][0]
    fills = (bench.executor.fill_of(intent, 13_130_000, 60), bench.executor.fill_of(intent, 13_120_000, 40))
    bench.executor.tell(OrderState.FILLED, fills=fills)
    writer = Writer(tmp_path / "l.db", 0)
    for statement in bench.statements:
        writer.execute_now(*statement)
    rows = writer.execute_now("SELECT state, filled_qty, average_price FROM orders")
    assert rows == [("FILLED", 100, 13.126)]
    assert writer.execute_now("SELECT ours_qty, cost_e6 FROM positions") == [(100, 1_312_600_000)]


def test_an_impossible_move_of_an_order_locks_the_symbol(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.alert(Direction.BID_HEAVY)
    bench.executor.tell(OrderState.WORKING)
    bench.executor.tell(OrderState.NOT_SENT)
    assert bench.ledger.holding("F").state is SymbolState.LOCKED


def test_gross_is_the_sum_of_absolute_positions(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    fills = [Fill("1", "1", "F", Instruction.BUY, 100, 1, 0), Fill("2", "2", "T", Instruction.SELL_SHORT, 50, 1, 0)]
    bench.ledger.restore(fills)
    assert bench.ledger.gross_notional({"F": 10, "T": 1_000}.__getitem__) == 100 * 10 + 50 * 1_000
    assert bench.ledger.open_positions == 2


def test_f33_more_than_ordered_is_booked_and_locks_over_a_restart_until_a_person_lifts_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.alert(Direction.BID_HEAVY)
    bench.executor.fill(13_130_000, qty=150)
    assert bench.position() == 150
    assert "filled 150 of 100" in str(bench.ledger.holding("F").reason)
    bench.restart()
    assert "filled 150 of 100" in str(bench.ledger.holding("F").reason)
    [name] = bench.ledger.holding("F").locks
    bench.ledger.unlock("F", name)
    bench.restart()
    assert bench.ledger.holding("F").state is SymbolState.OPEN


def test_an_overfill_that_was_lifted_is_not_found_again_by_the_same_news(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.alert(Direction.BID_HEAVY)
    fill = bench.executor.fill(13_130_000, qty=150)
    [name] = bench.ledger.holding("F").locks
    bench.ledger.unlock("F", name)
    bench.executor.tell(OrderState.FILLED, fills=(fill,))
    assert bench.ledger.holding("F").locks == {}


@pytest.mark.parametrize(
    ("direction", "price_e6", "why"),
    [
        (Direction.BID_HEAVY, 13_130_000, None),
        (Direction.BID_HEAVY, 13_130_001, "worse than its limit 13.1300"),
        (Direction.BID_HEAVY, 10_504_000, None),
        (Direction.BID_HEAVY, 10_503_999, "more than 20 % from its limit"),
        (Direction.ASK_HEAVY, 13_119_999, "worse than its limit 13.1200"),
        (Direction.ASK_HEAVY, 1_312_000_000, "more than 20 % from its limit"),
    ],
)
def test_f34_an_absurd_price_is_booked_as_reported_and_locks(
    tmp_path: Path, direction: Direction, price_e6: int, why: str | None
) -> None:
    bench = Bench(tmp_path)
    bench.alert(direction)
    fill = bench.executor.fill(price_e6)
    position = bench.ledger.holding("F").position
    assert position.cost_e6 == fill.signed_qty * price_e6
    reason = bench.ledger.holding("F").reason
    assert reason is None if why is None else why in str(reason)


@pytest.mark.parametrize(("price_e6", "apart_s", "locked"), [(9_000_000, 60, True), (9_000_000, 61, False)])
def test_a_market_order_is_held_against_a_touch_of_its_time(
    tmp_path: Path, price_e6: int, apart_s: float, locked: bool
) -> None:
    bench = Bench(tmp_path)
    bench.quote()
    order = Order("F", Instruction.SELL, 100, OrderType.MARKET)
    fill = Fill("1", "1", "F", Instruction.SELL, 100, price_e6, bench.clock.wall_ns() + round(apart_s * 1e9))
    assert (why_doubtful(fill, order, bench.market.touches["F"]) is not None) is locked
    assert why_doubtful(fill, order, None) is None


def test_f26_a_fill_after_the_end_is_booked_and_the_next_exit_sees_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path)
    bench.alert(Direction.BID_HEAVY)
    bench.executor.tell(OrderState.CANCELED)
    bench.executor.fill(13_130_000)
    assert bench.position() == 100
    assert "LATE" in caplog.text
    bench.alert(Direction.ASK_HEAVY)
    assert (bench.executor.sent[-1][0].order.instruction, bench.executor.sent[-1][0].order.qty) == ("SELL", 100)


def test_after_a_short_the_cover_is_a_buy_to_cover(tmp_path: Path) -> None:
    """Lesson 18."""
    bench = Bench(tmp_path)
    bench.alert(Direction.ASK_HEAVY)
    bench.executor.fill(13_120_000)
    bench.alert(Direction.BID_HEAVY)
    bench.executor.fill(13_130_000)
    assert bench.position() == 0
    sides = [intent.order.instruction for intent, _ in bench.executor.sent]
    assert sides == [Instruction.SELL_SHORT, Instruction.BUY_TO_COVER, Instruction.BUY]


def test_gross_counts_shares_that_are_not_ours_at_the_mark(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    compare(bench.ledger, {"F": 300.5}, ["F"], bench.clock.boot_ns(), bench.clock.wall_ns())
    assert bench.ledger.gross_notional({"F": 10}.__getitem__) == 301 * 10
    compare(bench.ledger, {"F": 500}, ["F"], bench.clock.boot_ns(), bench.clock.wall_ns())
    assert bench.ledger.gross_notional({"F": 10}.__getitem__) == 500 * 10


def test_every_id_that_an_order_had_at_the_broker_is_ours(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.alert(Direction.BID_HEAVY)
    bench.executor.tell(OrderState.WORKING, order_id="77")
    bench.executor.tell(OrderState.WORKING, order_id="78")
    assert "77" in bench.ledger.order_ids
    assert "78" in bench.ledger.order_ids
