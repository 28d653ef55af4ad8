"""Owns what is known of one symbol and of one open order: ours, what is not, the broker's number, and what is in doubt.

Never changes by itself.
Comes from `ledger`, which keeps them; goes to `outlook`, `reconcile`, `hand_trades`, `adoption` and the rows.
"""

import msgspec

from leadline.core.agreement import Baseline, same_side
from leadline.core.external import ExternalOrder, HandFill
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
        return can and self.is_lost_without_id

    @property
    def is_lost_without_id(self) -> bool:
        """Tell whether it is presumed lost and was never seen at the broker."""
        return self.order_id is None and self.lost_boot_ns is not None

    @property
    def notional(self) -> int:
        """Give what is still to be bought or sold short, in 0.0001 dollars; 0 for a close."""
        if self.intent.purpose is Purpose.CLOSE:
            return 0
        return (self.intent.order.qty - self.filled_qty) * (self.intent.order.limit or 0)


class Hands(msgspec.Struct):
    """What others do in the account in one symbol, as far as the day's orders are listed."""

    fills: dict[str, HandFill] = {}
    """Fills since the baseline, by key, after which the account has not agreed yet."""
    settled: set[str] = set()
    """Keys of fills that the baseline or an agreement has taken in."""
    seen_boot_ns: int | None = None
    """When the last of them was, as far as the clocks agree."""
    working: tuple[ExternalOrder, ...] = ()
    """Orders that may still be filled: an opening on the other side would trade with them."""

    @property
    def net(self) -> float:
        """Give what the fills added to the broker's number."""
        return sum(fill.signed_qty for fill in self.fills.values())

    def net_after(self, moment_ns: int) -> float:
        """Give what the fills after a moment (UTC) added to the broker's number."""
        return sum(fill.signed_qty for fill in self.fills.values() if fill.fill_ns > moment_ns)

    def settle(self) -> None:
        """Take note that the account has agreed, or that a person has said what is ours."""
        self.settled.update(self.fills)
        self.fills.clear()


class Holding(msgspec.Struct):
    """One symbol: ours, the broker's number with its age, and whether it may be traded."""

    position: Position
    baseline: Baseline | None = None
    """What ours and not ours are counted from; None before the first contact with the account."""
    hands: Hands = msgspec.field(default_factory=Hands)
    locks: dict[str, str] = {}
    """Why the position is in doubt, by what put it in doubt; empty where it is not."""
    evicted: str | None = None
    evicted_ns: int = 0
    filled_ns: int = 0
    """UTC of the last fill, 0 before the first."""
    last_fill_boot_ns: int | None = None
    broker_qty: float | None = None
    broker_ns: int | None = None
    settled_qty: int | None = None
    """The broker's number when it last was sure to show all our fills, and what we have filled since."""
    doubted_since_ns: int | None = None
    """Since when (UTC) the broker's number is another, or the account's list is empty."""
    empty_reads: int = 0
    """How often in a row the account listed no position at all where there should be one."""

    @property
    def external_qty(self) -> float:
        """Give the shares that are not ours and never traded; none is known before the first contact."""
        return 0.0 if self.baseline is None else self.baseline.external_qty

    @property
    def exposed_qty(self) -> float:
        """Give the shares in the account that are not ours, trades by hand and other changes included."""
        changed = 0.0 if self.settled_qty is None else self.settled_qty - self.position.qty
        return max(abs(self.external_qty + self.hands.net), abs(changed))

    @property
    def closable_qty(self) -> int:
        """Give the shares that a close may sell or cover: ours, no more than the broker is known to hold."""
        ours = self.position.qty
        return abs(ours) if self.settled_qty is None else abs(same_side(ours, self.settled_qty))

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
