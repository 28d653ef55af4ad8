"""Orders and fills as told become rows and positions, once each."""

from pathlib import Path

from leadline.core.fills import Fill
from leadline.core.imbalance import Direction
from leadline.core.orders import Instruction, OrderState
from leadline.core.states import SymbolState
from leadline.store.writer import Writer
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
