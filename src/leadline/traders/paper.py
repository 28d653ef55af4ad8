"""Owns the simulated executor: fills from the book as it came, never from what came before the order or after its end.

Never fills more than the touch showed, and never at a better price than it showed.
Comes from the same trader as the broker's executor; goes to the same ledger.
"""

import asyncio
import itertools

import msgspec

from leadline.core.budget import RequestBudget
from leadline.core.fills import Fill
from leadline.core.intent import Intent
from leadline.core.market import Touch
from leadline.core.orders import Order, OrderState, OrderType
from leadline.core.ports import Clock, OrderNews, Told
from leadline.core.units import NS_PER_MS
from leadline.traders.live import LiveTrader


class PaperOrder(msgspec.Struct):
    """An order at the simulated broker."""

    intent: Intent
    told: Told
    order_id: str
    due_boot_ns: int
    fills: list[Fill]

    @property
    def leaves(self) -> int:
        """Give the shares that are not filled."""
        return self.intent.order.qty - sum(fill.qty for fill in self.fills)


class PaperExecutor:
    """Fill orders against the touches of later books."""

    def __init__(self, clock: Clock, *, latency_ms: int, fill_timeout_s: float, prefix: str) -> None:
        self.budget = RequestBudget()
        self._clock = clock
        self._latency_ns = latency_ms * NS_PER_MS
        self._fill_timeout_s = fill_timeout_s
        self._prefix = prefix
        self._numbers = itertools.count(1)
        self._working: dict[str, PaperOrder] = {}

    def execute(self, intent: Intent, told: Told) -> None:
        """Take an order; it can be filled by books received after its latency, until its timeout."""
        now_ns = self._clock.boot_ns()
        self.budget.spend(now_ns)
        order = PaperOrder(intent, told, f"{self._prefix}-{next(self._numbers)}", now_ns + self._latency_ns, [])
        self._working[order.order_id] = order
        wall_ns = self._clock.wall_ns()
        told(OrderNews(OrderState.WORKING, order.order_id, sent_ns=wall_ns, ack_ns=wall_ns))
        asyncio.get_running_loop().call_later(self._fill_timeout_s, self._expire, order)

    def resume(self, intent: Intent, order_id: str | None, told: Told) -> None:
        """End an order of an earlier run: the simulated broker died with it."""
        del intent
        told(OrderNews(OrderState.CANCELED, order_id, reason="the paper broker was restarted"))

    def on_touch(self, symbol: str, touch: Touch) -> None:
        """Fill what the new touch of a symbol fills."""
        for order in [o for o in self._working.values() if o.intent.order.symbol == symbol]:
            if touch.boot_ns >= order.due_boot_ns and not touch.is_crossed:
                self._match(order, touch)

    def _match(self, order: PaperOrder, touch: Touch) -> None:
        wanted = order.intent.order
        is_buy = wanted.instruction.sign > 0
        price, shown = (touch.ask, touch.ask_size) if is_buy else (touch.bid, touch.bid_size)
        if not _reaches(wanted, price):
            return
        qty = min(order.leaves, shown)
        order.fills.append(
            Fill(
                key=f"{order.order_id}/{len(order.fills) + 1}",
                order_id=order.order_id,
                symbol=wanted.symbol,
                instruction=wanted.instruction,
                qty=qty,
                price_e6=price * 100,
                fill_ns=self._clock.wall_ns(),
            )
        )
        if order.leaves:
            order.told(OrderNews(OrderState.WORKING, order.order_id, tuple(order.fills)))
        else:
            self._finish(order, OrderState.FILLED)

    def _expire(self, order: PaperOrder) -> None:
        if order.order_id in self._working:
            self._finish(order, OrderState.CANCELED)

    def _finish(self, order: PaperOrder, state: OrderState) -> None:
        del self._working[order.order_id]
        order.told(OrderNews(state, order.order_id, tuple(order.fills)))


def _reaches(order: Order, price: int) -> bool:
    """Tell whether an order trades at the opposite touch's price."""
    if order.order_type is OrderType.MARKET or order.limit is None:
        return True
    return order.limit >= price if order.instruction.sign > 0 else order.limit <= price


class PaperTrader(LiveTrader):
    """The live trader over a `PaperExecutor`: the same decisions, lanes and dispositions by construction."""

    def on_touch(self, symbol: str, touch: Touch) -> None:
        """Fill what a touch fills, then close what is due at it: no exit is filled by the book that called for it."""
        if isinstance(self.executor, PaperExecutor):
            self.executor.on_touch(symbol, touch)
        super().on_touch(symbol, touch)
