"""Owns the comparison of the broker's positions with ours, and the lock where they differ (design section 6).

Never corrects a position and never trades: it closes a symbol to entries and says why.
Comes from account reads; goes to the ledger.
"""

from leadline.core.position import POSITION_LAG_NS
from leadline.traders.ledger import Ledger

MISMATCH = "mismatch"
"""The lock that this comparison puts on a symbol and takes away."""


def compare(
    ledger: Ledger, broker: dict[str, float], symbols: list[str], begun_boot_ns: int, read_ns: int
) -> list[str]:
    """Take one account read: note the broker's numbers, lock what differs, unlock what agrees again; name what differs.

    A symbol with an order that may be filling is looked at once the order has ended.
    """
    differing = []
    for symbol in symbols:
        holding = ledger.holding(symbol)
        net = broker.get(symbol, 0)
        ours = holding.position.qty
        is_settled = begun_boot_ns - holding.last_fill_boot_ns >= POSITION_LAG_NS or not holding.last_fill_boot_ns
        holding.broker_qty, holding.broker_ns = round(net), read_ns
        if is_settled and not ledger.is_settling(symbol):
            holding.settled_qty = int(net)
        if net == ours + holding.external_qty:
            ledger.unlock(symbol, MISMATCH)
            ledger.end_lost(symbol, begun_boot_ns, POSITION_LAG_NS)
        elif is_settled and not ledger.is_settling(symbol):
            differing.append(symbol)
            ledger.lock(symbol, MISMATCH, _why(net, ours))
        ledger.write(symbol)
    return differing


def _why(net: float, ours: int) -> str:
    if ours == 0:
        return (
            f"the account holds {net:g} shares that leadline did not buy: it leaves them alone and opens nothing here"
        )
    return f"the account holds {net:g} shares, our fills say {ours}: nothing is opened until both agree"
