"""Owns what is ours of one symbol: shares, their cost and what closing them earned.

Never holds shares that came from elsewhere; the broker's number is compared with, not mixed in.
Comes from fills in the order they are booked; goes to `flip`, `risk` and the pages.
"""

import msgspec

from leadline.core.fills import Fill
from leadline.core.units import NS_PER_S

POSITION_LAG_NS = 30 * NS_PER_S
"""An account read begun earlier than this after our last fill may not show it yet: POSITION_LAG_SEC as it comes."""


class Position(msgspec.Struct, frozen=True):
    """Signed shares, their cost and realised profit in 0.000001 dollars; cost has the sign of `qty`.

    Cost divides exactly only sometimes: what a partial close leaves over goes to one of the two, so that no money is
    lost between `cost_e6` and `realised_e6`.
    """

    symbol: str
    qty: int = 0
    cost_e6: int = 0
    realised_e6: int = 0

    def after(self, fill: Fill) -> "Position":
        """Give the position after a fill: opened, enlarged, reduced, closed or flipped.

        >>> from leadline.core.orders import Instruction
        >>> long = Position("F", 100, 100 * 13_000_000)
        >>> flipped = long.after(Fill("k", "1", "F", Instruction.SELL, 150, 13_100_000, 0))
        >>> (flipped.qty, flipped.cost_e6, flipped.realised_e6)
        (-50, -655000000, 10000000)
        """
        change = fill.signed_qty
        if self.qty == 0 or (self.qty > 0) == (change > 0):
            return Position(self.symbol, self.qty + change, self.cost_e6 + change * fill.price_e6, self.realised_e6)
        closed = min(abs(change), abs(self.qty)) * (1 if change > 0 else -1)
        cost_closed_e6 = self.cost_e6 * -closed // self.qty
        realised_e6 = self.realised_e6 - closed * fill.price_e6 - cost_closed_e6
        opened = change - closed
        if self.qty + closed:
            return Position(self.symbol, self.qty + closed, self.cost_e6 - cost_closed_e6, realised_e6)
        return Position(self.symbol, opened, opened * fill.price_e6, realised_e6)

    def adopted(self, qty: int, mark_e6: int | None) -> "Position | None":
        """Give the position once a person has said how much is ours; None where its cost cannot be known.

        What was ours keeps its cost, shares beyond it cost `mark_e6` (their profit counts from now on), and shares that
        are no longer ours leave at cost: what they earned elsewhere is not ours.
        """
        if qty == 0:
            return Position(self.symbol, 0, 0, self.realised_e6)
        kept = max(0, min(abs(qty), abs(self.qty))) if qty * self.qty > 0 else 0
        cost_e6 = self.cost_e6 * kept // abs(self.qty) if kept else 0
        added = abs(qty) - kept
        if added and mark_e6 is None:
            return None
        cost_e6 += added * (mark_e6 or 0) * (1 if qty > 0 else -1)
        return Position(self.symbol, qty, cost_e6, self.realised_e6)

    @property
    def average_e6(self) -> int | None:
        """Give the average price in 0.000001 dollars, rounded down; None when flat."""
        return self.cost_e6 // self.qty if self.qty else None

    def unrealised_e6(self, mark_e6: int) -> int:
        """Give the open profit at a mark, in 0.000001 dollars."""
        return self.qty * mark_e6 - self.cost_e6
