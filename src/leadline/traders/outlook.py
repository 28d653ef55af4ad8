"""Owns what the risk check is shown: positions, open orders and the market of one symbol at one moment.

Never decides.
Comes from the ledger and the market; goes to `risk.check`.
"""

from leadline.core.market import Market, Touch
from leadline.core.risk import View
from leadline.core.states import SymbolState, TradingState
from leadline.traders.ledger import Ledger


def view_of(
    symbol: str,
    state: TradingState,
    ledger: Ledger,
    market: Market,
    *,
    hold: str | None,
    now_ns: int,
    requests_last_minute: int,
) -> View:
    """Gather what is known of a symbol; `now_ns` is the boot clock."""
    holding = ledger.holding(symbol)
    touch = market.touches.get(symbol)
    is_stale = symbol in market.stale and holding.state is SymbolState.OPEN
    if symbol in market.moved:
        hold = hold or "the symbol has moved to another exchange: judged on the old one until a restart"
    return View(
        state=state,
        hold=hold,
        symbol_state=SymbolState.STALE if is_stale else holding.state,
        ours_qty=holding.position.qty,
        external_qty=holding.external_qty,
        gross_notional=ledger.gross_notional(lambda held: mark_of(held, ledger, market)),
        touch=touch,
        touch_age_ns=now_ns - touch.boot_ns if touch is not None else 0,
        is_halted=market.level_one(symbol).halted,
        listing=market.listings.get(symbol),
        requests_last_minute=requests_last_minute,
        open_orders=len(ledger.open_orders),
        open_openings=ledger.open_openings,
        open_positions=ledger.open_positions,
        has_open_order=ledger.has_open_order(symbol),
        exit_in_doubt=ledger.exit_in_doubt(symbol),
    )


def priceable(touch: Touch | None, now_ns: int, age_max_ns: int) -> Touch | None:
    """Give a touch from which an order can be priced: fresh and not crossed; else None."""
    if touch is None or touch.is_crossed or now_ns - touch.boot_ns > age_max_ns:
        return None
    return touch


def mark_of(symbol: str, ledger: Ledger, market: Market) -> int:
    """Give a price to value a position at: the ask, or what it cost where no book is known."""
    touch = market.touches.get(symbol)
    if touch is not None:
        return touch.ask
    average_e6 = ledger.holding(symbol).position.average_e6
    return 0 if average_e6 is None else average_e6 // 100
