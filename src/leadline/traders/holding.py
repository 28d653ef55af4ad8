"""Owns what is known of one symbol and of one open order: ours, the broker's number, and what is in doubt.

Never changes by itself.
Comes from `ledger`, which keeps them; goes to `outlook`, `reconcile` and the rows.
"""

import msgspec

from leadline.core.intent import Intent, Purpose
from leadline.core.orders import OrderState
from leadline.core.position import Position
from leadline.core.states import SymbolState


class TrackedOrder(msgspec.Struct):
    """An order that has not ended, and what was last told of it."""

    intent: Intent
    state: OrderState = OrderState.SENDING
    filled_qty: int = 0
    paid_e6: int = 0
    booked_qty: int = 0
    lost_boot_ns: int | None = None
    """Since when it is presumed lost."""
    order_id: str | None = None
    is_resumed: bool = False
    """Whether an earlier run sent it."""

    @property
    def may_prove_lost(self) -> bool:
        """Tell whether an unchanged account can end it: no id was ever told, and it closes or is of an earlier run.

        An opening that this run lost keeps its symbol closed to entries until a start has looked for it once more.
        """
        can = self.intent.purpose is Purpose.CLOSE or self.is_resumed
        return can and self.order_id is None and self.lost_boot_ns is not None

    @property
    def notional(self) -> int:
        """Give what is still to be bought or sold short, in 0.0001 dollars; 0 for a close."""
        if self.intent.purpose is Purpose.CLOSE:
            return 0
        return (self.intent.order.qty - self.filled_qty) * (self.intent.order.limit or 0)


class Holding(msgspec.Struct):
    """One symbol: ours, the broker's number with its age, and whether it may be traded."""

    position: Position
    locks: dict[str, str] = {}
    """Why the position is in doubt, by what put it in doubt; empty where it is not."""
    evicted: str | None = None
    filled_ns: int = 0
    """UTC of the last fill, 0 before the first."""
    last_fill_boot_ns: int = 0
    external_qty: int = 0
    broker_qty: int | None = None
    broker_ns: int | None = None
    settled_qty: int | None = None
    """The broker's number when it last was sure to show all our fills, and what we have filled since."""

    @property
    def closable_qty(self) -> int:
        """Give the shares that a close may sell or cover: ours, no more than the broker is known to hold."""
        ours = self.position.qty
        if self.settled_qty is None:
            return abs(ours)
        same_side = self.settled_qty if ours > 0 else -self.settled_qty
        return min(abs(ours), max(0, same_side))

    @property
    def state(self) -> SymbolState:
        """Give whether the symbol may be opened."""
        if self.locks:
            return SymbolState.LOCKED
        return SymbolState.OPEN if self.evicted is None else SymbolState.EVICTED

    @property
    def reason(self) -> str | None:
        """Give why it may not, in words."""
        return "; ".join(self.locks.values()) or self.evicted
