"""Owns which positions the engine may close by itself, since when they are held, and how often it has tried.

Never sends and never loops: three tries a position with growing waits, then it says NOT FLAT and locks the symbol.
Comes from the ledger and touches; goes to the trader as a cause that is due.
"""

import logging
from collections.abc import Callable

import msgspec

from leadline.core.exits import ExitRule, due, held_since
from leadline.core.intent import Cause
from leadline.core.market import Market, Touch
from leadline.core.ports import Clock
from leadline.core.units import NS_PER_S
from leadline.store.baselines import Restored
from leadline.traders.ledger import Ledger
from leadline.traders.outlook import priceable
from leadline.traders.standing import Standing

log = logging.getLogger(__name__)

WAITS_NS = (2 * NS_PER_S, 8 * NS_PER_S)
"""From a try that failed to the next: a standing fault must not become a stream of orders (lesson 31)."""

TRIES_MAX = len(WAITS_NS) + 1

NOT_FLAT = "exit"
"""The lock of a symbol that could not be closed; it ends when the symbol is flat."""


class Watched(msgspec.Struct):
    """One position of ours, and what was tried to close it without an alert."""

    side: int
    since_boot_ns: int
    waiting: Cause | None = None
    """What is due, while the lane is taken."""
    tries: int = 0
    not_before_boot_ns: int = 0
    is_rejected: bool = False
    """Whether the broker rejected a close; it is tried again once nothing was due in between, or an alert came."""


class Watching:
    """Know what is held, and say when it is to be closed."""

    def __init__(
        self,
        rule: ExitRule,
        ledger: Ledger,
        market: Market,
        clock: Clock,
        *,
        age_max_ns: int,
        standing: Standing,
        on_due: Callable[[str, Cause], None],
    ) -> None:
        self._rule = rule
        self._ledger = ledger
        self._market = market
        self._clock = clock
        self._age_max_ns = age_max_ns
        self._standing = standing
        self._on_due = on_due
        self.held: dict[str, Watched] = {}
        self.note_all()

    @property
    def is_on(self) -> bool:
        """Tell whether anything can ever be due."""
        return self._rule.is_on

    def on_touch(self, symbol: str, touch: Touch) -> None:
        """Look at a symbol that is held at a new touch; one that is not costs a look into a dict."""
        if symbol in self.held:
            self._look(symbol, touch)

    def look(self) -> None:
        """Look at all that is held, whether or not there was a touch."""
        self.note_all()
        for symbol in list(self.held):
            self._look(symbol, self._market.touches.get(symbol))

    def _look(self, symbol: str, touch: Touch | None) -> None:
        try:
            cause = self.due(symbol, priceable(touch, self._clock.boot_ns(), self._age_max_ns))
            if cause is not None:
                self._on_due(symbol, cause)
        except Exception as error:
            # A fault of ours must not reach the stream, which goes on feeding what else is held.
            log.exception("%s could not be watched", symbol)
            self._standing.close_entries(f"a fault while watching {symbol}: {error!r}")

    def note_all(self) -> None:
        """Take in what the ledger holds, fills and what a person adopted."""
        for symbol in self._ledger.holdings:
            self.note(symbol)

    def note(self, symbol: str) -> None:
        """Take in that a symbol's position may have changed."""
        holding = self._ledger.holding(symbol)
        side = (holding.position.qty > 0) - (holding.position.qty < 0)
        watched = self.held.get(symbol)
        if watched is not None and watched.side == side:
            return
        if watched is not None:
            del self.held[symbol]
            self._ledger.unlock(symbol, NOT_FLAT)
        if side and self._rule.is_on:
            # By the last fill, unless a person has adopted the position since; `restore` knows better.
            since_ns = max(holding.filled_ns, 0 if holding.baseline is None else holding.baseline.taken_ns)
            self.held[symbol] = Watched(side, self._ledger.boot_ns_of(since_ns))

    def restore(self, known: Restored) -> None:
        """Take from what rows say since when what is held is held."""
        adopted = {b.position.symbol: (b.position.qty, b.taken_ns) for b in known.baselines}
        for symbol, (side, since_ns) in held_since(adopted, known.fills).items():
            watched = self.held.get(symbol)
            if watched is not None and watched.side == side:
                watched.since_boot_ns = self._ledger.boot_ns_of(since_ns)

    def due(self, symbol: str, touch: Touch | None) -> Cause | None:
        """Give why a symbol is to be closed now, by a touch that is fresh and uncrossed or None; None if it is not."""
        watched = self.held.get(symbol)
        if watched is None:
            return None
        now_ns = self._clock.boot_ns()
        cause = due(self._rule, self._ledger.holding(symbol).position, touch, now_ns - watched.since_boot_ns)
        if cause is None:
            watched.is_rejected = watched.is_rejected and touch is None
            return None
        may_try = watched.tries < TRIES_MAX and not watched.is_rejected and now_ns >= watched.not_before_boot_ns
        return cause if may_try else None

    def keep(self, symbol: str, cause: Cause) -> None:
        """Let what is due wait until the symbol's lane is free: it is done then whatever the touch has become."""
        watched = self.held[symbol]
        watched.waiting = watched.waiting or cause

    def waiting(self, symbol: str) -> Cause | None:
        """Give what has waited for the symbol's lane and is still held, once."""
        watched = self.held.get(symbol)
        if watched is None:
            return None
        cause, watched.waiting = watched.waiting, None
        return cause if watched.tries < TRIES_MAX and not watched.is_rejected else None

    def side_of(self, symbol: str) -> int:
        """Give +1 where a symbol is held long, -1 where short."""
        return self.held[symbol].side

    def forgive(self, symbol: str) -> None:
        """Let tries count anew: an alert of the symbol has come. The wait until the next one stays."""
        watched = self.held.get(symbol)
        if watched is not None:
            watched.tries, watched.is_rejected = 0, False

    def rejected(self, symbol: str) -> None:
        """Take in that the broker rejected a close, the engine's or an alert's."""
        watched = self.held.get(symbol)
        if watched is not None:
            watched.is_rejected = True

    def tried(self, symbol: str, cause: Cause, reason: str | None) -> None:
        """Take in that an exit of the engine's own is over; what is still held then is said and, at last, locked."""
        watched = self.held.get(symbol)
        if watched is None:
            return
        wait_ns = WAITS_NS[min(watched.tries, len(WAITS_NS) - 1)]
        watched.tries += 1
        watched.not_before_boot_ns = self._clock.boot_ns() + wait_ns
        qty = self._ledger.holding(symbol).position.qty
        why = f"{qty} shares are not closed by the {cause}: {reason or 'it was not filled'}"
        if watched.is_rejected or watched.tries >= TRIES_MAX:
            log.error("NOT FLAT: %s %s", symbol, why)
            self._ledger.lock(symbol, NOT_FLAT, f"NOT FLAT: {why}")
        else:
            log.warning("%s: %s; tried again in %g s", symbol, why, wait_ns / NS_PER_S)
