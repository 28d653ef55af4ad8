"""Owns what a trader has done: fills booked once, positions, orders that are open, and the rows that say so.

Never asks the broker and never decides: it is told.
Comes from executors' news; goes to `risk`, `flip` and the store.
"""

import logging
import math
from collections.abc import Callable, Iterable

from leadline.core.agreement import Baseline
from leadline.core.fills import Fill
from leadline.core.intent import Intent, Purpose
from leadline.core.market import Touch
from leadline.core.orders import ENDED, LEGAL_MOVES, OrderState
from leadline.core.ports import Clock, OrderNews
from leadline.core.position import POSITION_LAG_NS, Position
from leadline.core.session import new_york_date
from leadline.core.units import NS_PER_MS
from leadline.schwab.owned import Owned
from leadline.store.baselines import Restored, insert_baseline, lift_lock, upsert_lock
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
from leadline.traders import locks
from leadline.traders.holding import Holding, TrackedOrder
from leadline.traders.prices import why_doubtful

log = logging.getLogger(__name__)

IN_DOUBT = frozenset({OrderState.UNKNOWN, OrderState.LOST_PRESUMED})
"""States of an order in which the position may be other than we think."""


class Ledger:
    """Book fills by key, and keep positions as sums of them."""

    def __init__(
        self,
        book: Book,
        put: Callable[[Statement], None],
        clock: Clock,
        *,
        lag_ns: int = POSITION_LAG_NS,
        touch_of: Callable[[str], Touch | None] = lambda _: None,
    ) -> None:
        self.book_of = book
        self.lag_ns = lag_ns
        self.put = put
        self._clock = clock
        self._touch_of = touch_of
        self._fill_keys: set[str] = set()
        self._holdings: dict[str, Holding] = {}
        self.open_orders: dict[str, TrackedOrder] = {}
        self._given_up: set[str] = set()
        self.order_ids = Owned()
        """Which orders at the broker are ours, those of earlier runs included."""

    def restore(self, fills: Iterable[Fill] = (), known: Restored = Restored()) -> None:  # noqa: B008 - a frozen value
        """Take up the baselines, fills and locks of earlier runs: the newest baseline and the fills after it."""
        for baseline in known.baselines:
            holding = self.holding(baseline.position.symbol)
            holding.baseline, holding.position = baseline, baseline.position
            holding.filled_ns = baseline.taken_ns
        for symbol, name, reason in known.locks:
            self.holding(symbol).locks[name] = reason
        self._fill_keys |= known.keys
        for fill in (*known.fills, *fills):
            self._fill_keys.add(fill.key)
            holding = self.holding(fill.symbol)
            holding.position = holding.position.after(fill)
            holding.filled_ns = fill.fill_ns
            holding.last_fill_boot_ns = self.boot_ns_of(fill.fill_ns)

    def boot_ns_of(self, wall_ns: int) -> int:
        """Give about when a moment of UTC was by the boot clock: never later than now, and now if it is not told."""
        age_ns = self._clock.wall_ns() - wall_ns if wall_ns else 0
        return self._clock.boot_ns() - max(age_ns, 0)

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
        """Give what shares, ours or not, are worth at `marks` (0.0001 dollars a share), and what openings may add."""
        held = 0
        for symbol, holding in self._holdings.items():
            shares = abs(holding.position.qty) + math.ceil(holding.exposed_qty)
            held += shares * marks(symbol) if shares else 0
        return held + sum(tracked.notional for tracked in self.open_orders.values())

    def begin(self, intent: Intent, *, is_resumed: bool = False) -> None:
        """Take in an intent that is on record."""
        self.open_orders[intent.key] = TrackedOrder(intent, is_resumed=is_resumed)
        self.put(insert_order(intent, self.book_of))

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
                self.give_up(tracked, "it never arrived: the broker does not list it and the account is as before")

    def give_up(self, tracked: TrackedOrder, why: str) -> None:
        """End an order that is presumed lost; should it appear after all, it is open again."""
        self._given_up.add(tracked.intent.key)
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
        is_late = intent.key not in self.open_orders
        symbol = intent.order.symbol
        booked_qty = sum(fill.qty for fill in news.fills if self._take_fill(tracked, fill, is_late=is_late))
        if news.fills:  # all of the order's fills, those of earlier runs included
            tracked.filled_qty = sum(fill.qty for fill in news.fills)
            tracked.paid_e6 = sum(fill.qty * fill.price_e6 for fill in news.fills)
        if booked_qty and max(tracked.filled_qty, tracked.booked_qty) > intent.order.qty:
            why = f"order {intent.key} filled {tracked.filled_qty} of {intent.order.qty}"
            self.lock(symbol, locks.of_order(intent.key, "fills"), why)
        if news.state is not tracked.state and news.state not in LEGAL_MOVES[tracked.state]:
            why = f"order {intent.key} went from {tracked.state} to {news.state}"
            self.lock(symbol, locks.of_order(intent.key, "move"), why)
        tracked.state = news.state
        is_over = news.state in ENDED
        if is_over:
            self.open_orders.pop(intent.key, None)
        elif intent.key in self._given_up:
            log.error("LATE: order %s was taken for lost and is at the broker after all", intent.key)
            self.open_orders[intent.key] = tracked
        if news.state is OrderState.REJECTED and intent.purpose is Purpose.OPEN:
            self.evict(symbol, news.reason or "the broker rejected an entry")
        for order_id in {news.order_id, *(fill.order_id for fill in news.fills)} - {None}:
            self.order_ids.add(str(order_id), intent.key)
        tracked.order_id = news.order_id or tracked.order_id
        tracked.lost_boot_ns = self._clock.boot_ns() if news.state is OrderState.LOST_PRESUMED else None
        if news.state in IN_DOUBT:
            self.lock(symbol, intent.key, f"order {intent.key}: {news.reason or 'its fate is not known'}")
        else:
            self.unlock(symbol, intent.key)
        self.put(update_order(intent.key, self._update(tracked, news, is_over=is_over)))

    def _update(self, tracked: TrackedOrder, news: OrderNews, *, is_over: bool) -> OrderUpdate:
        return OrderUpdate(
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
        )

    def _take_fill(self, tracked: TrackedOrder, fill: Fill, *, is_late: bool) -> bool:
        """Book a fill, at whatever price it is reported; False if it was booked before."""
        if fill.key in self._fill_keys:
            return False
        self._fill_keys.add(fill.key)
        holding = self.holding(fill.symbol)
        holding.position = holding.position.after(fill)
        holding.last_fill_boot_ns = self._clock.boot_ns()
        holding.filled_ns = self._clock.wall_ns()
        if holding.settled_qty is not None:
            holding.settled_qty += fill.signed_qty
        tracked.booked_qty += fill.qty
        key = tracked.intent.key
        if is_late:
            log.error("LATE: order %s was over and is filled %s more: ours %s", key, fill.qty, holding.position.qty)
        self.put(insert_fill(fill, tracked.intent, self.book_of, self._clock.wall_ns()))
        doubt = why_doubtful(fill, tracked.intent.order, self._touch_of(fill.symbol))
        if doubt is not None:
            self.lock(fill.symbol, locks.of_order(key, "price"), f"order {key}: {doubt}")
        self.write(fill.symbol)
        return True

    def rebase(self, baseline: Baseline) -> None:
        """Count from a new baseline: its position is ours, and fills are added to it from now on."""
        holding = self.holding(baseline.position.symbol)
        holding.baseline, holding.position = baseline, baseline.position
        self.put(insert_baseline(self.book_of, baseline))
        self.write(baseline.position.symbol)

    def lock(self, symbol: str, by: str, reason: str) -> None:
        """Close a symbol to entries because its position is in doubt, until the same `by` is unlocked."""
        held = self.holding(symbol).locks
        if held.get(by) != reason:
            held[by] = reason
            log.error("%s is LOCKED: %s", symbol, reason)
            if locks.is_lasting(by):
                self.put(upsert_lock(self.book_of, symbol, by, reason, self._clock.wall_ns()))
            self.write(symbol)

    def unlock(self, symbol: str, by: str) -> None:
        """Take one doubt away; the symbol is open again once none is left."""
        if self.holding(symbol).locks.pop(by, None) is not None:
            log.warning("%s: no longer in doubt: %s", symbol, by)
            if locks.is_lasting(by):
                self.put(lift_lock(self.book_of, symbol, by, self._clock.wall_ns()))
            self.write(symbol)

    def evict(self, symbol: str, reason: str, at_ns: int | None = None) -> None:
        """Close a symbol to entries until midnight in New York, because the broker refuses them today; `at_ns` UTC."""
        holding = self.holding(symbol)
        holding.evicted, holding.evicted_ns = reason, self._clock.wall_ns() if at_ns is None else at_ns
        log.error("%s is EVICTED: %s", symbol, reason)
        self.write(symbol)

    def end_evictions(self) -> None:
        """Open the symbols again that the broker refused on an earlier day."""
        today = new_york_date(self._clock.wall_ns() // NS_PER_MS)
        for symbol, holding in self._holdings.items():
            if holding.evicted is not None and new_york_date(holding.evicted_ns // NS_PER_MS) < today:
                holding.evicted = None
                log.warning("%s may be opened again: it is another day", symbol)
                self.write(symbol)

    def write(self, symbol: str) -> None:
        """Put the symbol's row as it is now."""
        holding = self.holding(symbol)
        self.put(
            upsert_position(
                self.book_of,
                PositionRow(
                    position=holding.position,
                    updated_ns=holding.filled_ns,
                    external_qty=math.floor(holding.external_qty),
                    broker_qty=None if holding.broker_qty is None else math.floor(holding.broker_qty),
                    broker_ns=holding.broker_ns,
                    state=holding.state.value,
                    reason=holding.reason,
                ),
            )
        )
