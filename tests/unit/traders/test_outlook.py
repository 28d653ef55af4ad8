"""What the risk check is shown is what is known of the symbol and of the whole book of positions."""

from pathlib import Path

from leadline.core.fills import Fill
from leadline.core.imbalance import Direction
from leadline.core.orders import Instruction
from leadline.core.risk import View
from leadline.core.states import SymbolState, TradingState
from leadline.traders.outlook import view_of
from leadline.traders.reconcile import compare
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


def test_a_stale_symbol_is_stale_unless_its_position_is_in_doubt(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.quote()
    bench.market.stale = frozenset({"F"})
    assert seen(bench).symbol_state is SymbolState.STALE
    bench.ledger.lock("F", "position", "in doubt")
    assert seen(bench).symbol_state is SymbolState.LOCKED


def test_a_symbol_that_has_moved_is_held_by_that_unless_something_else_holds_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.quote()
    assert seen(bench).hold is None
    bench.market.moved.add("F")
    assert "another exchange" in str(seen(bench).hold)
    assert seen(bench, hold="the feed is connecting").hold == "the feed is connecting"


def test_an_unknown_status_is_unknown(tmp_path: Path) -> None:
    """F80: before the first level one, or where it is not served."""
    bench = Bench(tmp_path)
    assert seen(bench).is_halted is None
    bench.quote()
    assert seen(bench).is_halted is False


def test_shares_that_are_not_ours_are_shown_with_their_sign(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.quote()
    compare(bench.ledger, {"F": -12.5}, ["F"], bench.clock.boot_ns(), bench.clock.wall_ns())
    assert (seen(bench).external_qty, seen(bench).ours_qty) == (-12.5, 0)


def seen(bench: Bench, hold: str | None = None) -> View:
    now_ns = bench.clock.boot_ns()
    market = bench.market
    return view_of("F", TradingState.ARMED, bench.ledger, market, hold=hold, now_ns=now_ns, requests_last_minute=1)
