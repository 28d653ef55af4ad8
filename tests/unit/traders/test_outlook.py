"""What the risk check is shown is what is known of the symbol and of the whole book of positions."""

from pathlib import Path

from leadline.core.fills import Fill
from leadline.core.imbalance import Direction
from leadline.core.orders import Instruction
from leadline.core.states import SymbolState, TradingState
from leadline.traders.outlook import view_of
from support.trading import Bench


def test_positions_orders_and_ages(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.ledger.restore([Fill("1", "1", "SOFI", Instruction.SELL_SHORT, 50, 27_000_000, 0)])
    bench.alert(Direction.BID_HEAVY)
    bench.clock.pass_s(2)
    now_ns = bench.clock.boot_ns()
    view = view_of(
        "F", TradingState.ARMED, bench.ledger, bench.market, hold=None, now_ns=now_ns, requests_last_minute=1
    )
    assert (view.ours_qty, view.open_orders, view.open_positions, view.has_open_order) == (0, 1, 1, True)
    assert (view.touch_age_ns, view.symbol_state, view.exit_in_doubt) == (2_000_000_000, SymbolState.OPEN, False)
    # SOFI has no book here: it is valued at what it cost. The opening under way counts at its limit.
    assert view.gross_notional == 50 * 270_000 + 100 * 131_300
