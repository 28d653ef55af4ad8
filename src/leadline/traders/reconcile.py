"""Owns the comparison of the broker's positions with ours, and the lock where they differ (design section 6).

Never corrects a position and never trades: it closes a symbol to entries and says why.
Comes from account reads; goes to the ledger.
"""

from leadline.core.units import NS_PER_S
from leadline.traders.ledger import Ledger

POSITION_LAG_NS = 30 * NS_PER_S
"""An account read begun earlier than this after our last fill may not show it yet (design section 6)."""

MISMATCH = "mismatch"
"""The lock that this comparison puts on a symbol and takes away."""


def compare(ledger: Ledger, broker: dict[str, float], symbols: list[str], begun_boot_ns: int, read_ns: int) -> None:
    """Take one account read: note the broker's numbers, lock what differs, unlock what agrees again.

    A symbol with an open order is looked at once the order has ended.
    """
    for symbol in symbols:
        holding = ledger.holding(symbol)
        net = broker.get(symbol, 0)
        holding.broker_qty, holding.broker_ns = round(net), read_ns
        ours = holding.position.qty
        is_settled = begun_boot_ns - holding.last_fill_boot_ns >= POSITION_LAG_NS or not holding.last_fill_boot_ns
        if net == ours + holding.external_qty:
            ledger.unlock(symbol, MISMATCH)
        elif is_settled and not ledger.has_open_order(symbol):
            why = f"the broker holds {net:g} shares, ours is {ours}: bring it to {ours} at the broker"
            ledger.lock(symbol, MISMATCH, why)
        ledger.write(symbol)
