"""Owns the comparison of the broker's positions with ours, and the lock where they differ (design section 6).

Never corrects a position and never trades: it closes a symbol to entries and says why.
Comes from account reads; goes to the ledger.
"""

from leadline.core.states import SymbolState
from leadline.core.units import NS_PER_S
from leadline.traders.ledger import Ledger

POSITION_LAG_NS = 30 * NS_PER_S
"""An account read begun earlier than this after our last fill may not show it yet (design section 6)."""

MISMATCH = "broker and ours differ"


def compare(ledger: Ledger, broker: dict[str, float], symbols: list[str], begun_boot_ns: int, read_ns: int) -> None:
    """Take one account read: note the broker's numbers, lock what differs, unlock what agrees again."""
    for symbol in symbols:
        holding = ledger.holding(symbol)
        net = broker.get(symbol, 0)
        seen = (holding.broker_qty, holding.state)
        holding.broker_qty, holding.broker_ns = round(net), read_ns
        ours = holding.position.qty
        agrees = net == ours + holding.external_qty
        is_settled = begun_boot_ns - holding.last_fill_boot_ns >= POSITION_LAG_NS or not holding.last_fill_boot_ns
        is_mismatch = holding.state is SymbolState.LOCKED and (holding.reason or "").startswith(MISMATCH)
        if agrees and is_mismatch:
            holding.state, holding.reason = SymbolState.OPEN, None
        elif not agrees and is_settled and holding.state is SymbolState.OPEN and not ledger.has_open_order(symbol):
            ledger.lock(symbol, f"{MISMATCH}: it holds {net:g}, ours is {ours}; bring it to {ours} at the broker")
        if seen != (holding.broker_qty, holding.state) or net:
            ledger.write(symbol)
