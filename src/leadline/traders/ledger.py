"""Owns what a trader has done: fills booked once, positions, orders that are open, and the rows that say so.

Never asks the broker and never decides: it is told.
Comes from executors' news; goes to `risk`, `flip` and the store.
"""

import logging
from collections.abc import Callable, Iterable

from leadline.core.fills import Fill
from leadline.core.intent import Intent, Purpose
from leadline.core.orders import ENDED, LEGAL_MOVES, OrderState
from leadline.core.ports import Clock, OrderNews
from leadline.core.position import Position
from leadline.store.orders import (
    Book,
    OrderUpdate,
    PositionRow,
    insert_fill,
    insert_order,
    update_order,
    upsert_position,
)
from leadline.store.spill import Statement
from leadline.traders.holding import Holding, TrackedOrder

log = logging.getLogger(__name__)

IN_DOUBT = frozenset({OrderState.UNKNOWN, OrderState.LOST_PRESUMED})
"""States of an order in which the position may be other than we think."""


class Ledger:
    """Book fills by key, and keep positions as sums of them."""

    def __init__(self, book: Book, put: Callable[[Statement], None], clock: Clock) -> None:
        self.book_of = book
        self._put = put
        self._clock = clock
        self._fill_keys: set[str] = set()
        self._holdings: dict[str, Holding] = {}
        self.open_orders: dict[str, TrackedOrder] = {}

    def restore(self, fills: Iterable[Fill]) -> None:
        """Add up the fills of earlier runs, oldest first."""
        for fill in fills:
            self._fill_keys.add(fill.key)
            holding = self.holding(fill.symbol)
            holding.position = holding.position.after(fill)
            holding.filled_ns = fill.fill_ns
            # How long ago is not known by this boot's clock: as if it were now, until the account shows it for sure.
            holding.last_fill_boot_ns = self._clock.boot_ns()

    def holding(self, symbol: str) -> Holding:
        """Give a symbol's holding, made flat at its first mention."""
        known = self._holdings.get(symbol)
        if known is None:
            known = self._holdings[symbol] = Holding(Position(symbol))
        return known

    @property
    def holdings(self) -> dict[str, Holding]:
        """Give all holdings by symbol."""
        return self._holdings

    @property
    def open_positions(self) -> int:
        """Count the symbols in which ours is not flat."""
        return sum(1 for holding in self._holdings.values() if holding.position.qty)

    def gross_notional(self, marks: Callable[[str], int]) -> int:
        """Give what positions are worth at `marks` (0.0001 dollars a share) and openings under way may add."""
        held = sum(abs(h.position.qty) * marks(symbol) for symbol, h in self._holdings.items() if h.position.qty)
        return held + sum(tracked.notional for tracked in self.open_orders.values())

    def begin(self, intent: Intent, *, is_resumed: bool = False) -> None:
        """Take in an intent that is on record."""
        self.open_orders[intent.key] = TrackedOrder(intent, is_resumed=is_resumed)
        self._put(insert_order(intent, self.book_of))

    def exit_in_doubt(self, symbol: str) -> bool:
        """Tell whether a close of the symbol is open, unknown, or lost without the account having shown so."""
        return any(
            tracked.intent.purpose is Purpose.CLOSE and tracked.intent.order.symbol == symbol
            for tracked in self.open_orders.values()
        )

    @property
    def open_openings(self) -> int:
        """Count the openings that have not ended."""
        return sum(1 for tracked in self.open_orders.values() if tracked.intent.purpose is Purpose.OPEN)

    def end_lost(self, symbol: str, begun_boot_ns: int, lag_ns: int) -> None:
        """End the lost orders of a symbol that an account read, begun `lag_ns` after, shows to have had no effect."""
        for tracked in list(self.open_orders.values()):
            is_due = tracked.may_prove_lost and begun_boot_ns - (tracked.lost_boot_ns or 0) >= lag_ns
            if is_due and tracked.intent.order.symbol == symbol:
                why = "it never arrived: the broker does not list it and the account is as before"
                self.take(tracked.intent, OrderNews(OrderState.NOT_SENT, reason=why))

    def has_open_order(self, symbol: str) -> bool:
        """Tell whether an order of the symbol has not ended, one that is presumed lost included."""
        return any(tracked.intent.order.symbol == symbol for tracked in self.open_orders.values())

    def is_settling(self, symbol: str) -> bool:
        """Tell whether an order of the symbol may be filling now."""
        return any(t.intent.order.symbol == symbol and t.lost_boot_ns is None for t in self.open_orders.values())

    def take(self, intent: Intent, news: OrderNews) -> None:
        """Book what an executor tells of an order; told twice it changes nothing."""
        tracked = self.open_orders.get(intent.key) or TrackedOrder(intent)
        for fill in news.fills:
            self._take_fill(tracked, fill)
        if news.fills:  # all of the order's fills, those of earlier runs included
            tracked.filled_qty = sum(fill.qty for fill in news.fills)
            tracked.paid_e6 = sum(fill.qty * fill.price_e6 for fill in news.fills)
        if max(tracked.filled_qty, tracked.booked_qty) > intent.order.qty:
            why = f"order {intent.key} filled {tracked.filled_qty} of {intent.order.qty}"
            self.lock(intent.order.symbol, f"{intent.key}/fills", why)
        symbol = intent.order.symbol
        if news.state is not tracked.state and news.state not in LEGAL_MOVES[tracked.state]:
            self.lock(symbol, f"{intent.key}/move", f"order {intent.key} went from {tracked.state} to {news.state}")
        tracked.state = news.state
        is_over = news.state in ENDED
        if is_over:
            self.open_orders.pop(intent.key, None)
        if news.state is OrderState.REJECTED and intent.purpose is Purpose.OPEN:
            self.evict(symbol, news.reason or "the broker rejected an entry")
        tracked.order_id = news.order_id or tracked.order_id
        tracked.lost_boot_ns = self._clock.boot_ns() if news.state is OrderState.LOST_PRESUMED else None
        if news.state in IN_DOUBT:
            self.lock(symbol, intent.key, f"order {intent.key}: {news.reason or 'its fate is not known'}")
        else:
            self.unlock(symbol, intent.key)
        self._put(
            update_order(
                intent.key,
                OrderUpdate(
                    state=news.state,
                    order_id=news.order_id,
                    broker_status=news.broker_status,
                    reason=news.reason,
                    http_status=news.http_status,
                    filled_qty=tracked.filled_qty,
                    average_e6=tracked.paid_e6 // tracked.filled_qty if tracked.filled_qty else None,
                    sent_ns=news.sent_ns,
                    ack_ns=news.ack_ns,
                    ended_ns=self._clock.wall_ns() if is_over else None,
                ),
            )
        )

    def _take_fill(self, tracked: TrackedOrder, fill: Fill) -> None:
        if fill.key in self._fill_keys:
            return
        self._fill_keys.add(fill.key)
        holding = self.holding(fill.symbol)
        holding.position = holding.position.after(fill)
        holding.last_fill_boot_ns = self._clock.boot_ns()
        holding.filled_ns = self._clock.wall_ns()
        if holding.settled_qty is not None:
            holding.settled_qty += fill.signed_qty
        tracked.booked_qty += fill.qty
        self._put(insert_fill(fill, tracked.intent, self.book_of, self._clock.wall_ns()))
        self.write(fill.symbol)

    def lock(self, symbol: str, by: str, reason: str) -> None:
        """Close a symbol to entries because its position is in doubt, until the same `by` is unlocked."""
        locks = self.holding(symbol).locks
        if locks.get(by) != reason:
            locks[by] = reason
            log.error("%s is LOCKED: %s", symbol, reason)
            self.write(symbol)

    def unlock(self, symbol: str, by: str) -> None:
        """Take one doubt away; the symbol is open again once none is left."""
        if self.holding(symbol).locks.pop(by, None) is not None:
            log.warning("%s: no longer in doubt: %s", symbol, by)
            self.write(symbol)

    def evict(self, symbol: str, reason: str) -> None:
        """Close a symbol to entries for this run because the broker refuses them."""
        self.holding(symbol).evicted = reason
        log.error("%s is EVICTED: %s", symbol, reason)
        self.write(symbol)

    def write(self, symbol: str) -> None:
        """Put the symbol's row as it is now."""
        holding = self.holding(symbol)
        self._put(
            upsert_position(
                self.book_of,
                PositionRow(
                    position=holding.position,
                    updated_ns=holding.filled_ns,
                    external_qty=holding.external_qty,
                    broker_qty=holding.broker_qty,
                    broker_ns=holding.broker_ns,
                    state=holding.state.value,
                    reason=holding.reason,
                ),
            )
        )
