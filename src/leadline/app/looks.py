"""Owns the look at the broker: the day's orders, then the account, held against what we know. Start, reconnect, wake-up
and timer all go through it.

Never corrects anything: what differs is locked and said. Never takes a failed read for an empty one.
Comes from the desk; goes to `hand_trades` and `reconcile`.
"""

import asyncio
import logging
from collections.abc import Callable

from leadline.core.errors import LeadlineError
from leadline.core.orders import OrderState
from leadline.core.ports import Clock
from leadline.core.session import new_york
from leadline.core.units import NS_PER_MS, NS_PER_S
from leadline.schwab.account_orders import LIST_AFTER_NS, LIST_BEFORE_NS
from leadline.schwab.executor import SchwabOrderExecutor
from leadline.schwab.rest import Rest
from leadline.store.listed import list_external
from leadline.store.spill import Statement
from leadline.traders.hand_trades import take_list
from leadline.traders.ledger import Ledger
from leadline.traders.reconcile import compare

log = logging.getLogger(__name__)

LIST_EVERY_NS = 30 * NS_PER_S
"""How old the list of the day's orders may become while nothing asks for it sooner."""

CATCH_UP_S = 5.0
"""How long open orders may take to be read, until it is tried again."""

ASKED_LOOK_S = 0.05
"""Between two looks whether orders of an earlier run have been asked for."""


class Looks:
    """Look at one account, one look at a time."""

    def __init__(
        self, ledger: Ledger, executor: SchwabOrderExecutor, account_hash: str, put: Callable[[Statement], None]
    ) -> None:
        self._ledger = ledger
        self._executor = executor
        self._account_hash = account_hash
        self._put = put
        self._turn = asyncio.Lock()
        self._listed_boot_ns: int | None = None
        self._differing: frozenset[str] = frozenset()
        self._is_list_due = True

    def ask_for_list(self) -> None:
        """List the orders at the next look: something happened to one that is not ours."""
        self._is_list_due = True

    async def look(self, rest: Rest, symbols: list[str], clock: Clock, *, is_whole: bool) -> bool:
        """Read and compare; a whole look first has every order of ours read, and fails where one or the list was not.

        False: an order of ours could not be read yet, and nothing was compared.

        Raises:
            LeadlineError: the account, or in a whole look the list, could not be read; what was known stands.
        """
        async with self._turn:
            traded = sorted({*symbols, *self._ledger.holdings})
            if is_whole:
                await self._list(rest, traded, clock, locks_now=False)
                if not await self._has_asked_all():
                    return False
            elif self._is_list_due or self._is_list_old(clock):
                await self._try_list(rest, traded, clock)
            begun_boot_ns, listed_ns = clock.boot_ns(), self._listed_boot_ns
            positions = await rest.positions(self._account_hash)
            differing = compare(self._ledger, positions, traded, begun_boot_ns, clock.wall_ns())
            for symbol in differing:
                self._executor.doubt(symbol)
            is_new = not self._differing.issuperset(differing)
            self._differing = frozenset(differing)
            if is_new and listed_ns is not None and listed_ns < begun_boot_ns and not is_whole:
                await self._try_list(rest, traded, clock)  # who did that?
        return True

    def _is_list_old(self, clock: Clock) -> bool:
        return self._listed_boot_ns is None or clock.boot_ns() - self._listed_boot_ns >= LIST_EVERY_NS

    async def _try_list(self, rest: Rest, symbols: list[str], clock: Clock) -> None:
        try:
            await self._list(rest, symbols, clock, locks_now=True)
        except LeadlineError as error:
            self._is_list_due = True
            log.warning("the day's orders could not be listed, what was known of them stands: %s", error)

    async def _list(self, rest: Rest, symbols: list[str], clock: Clock, *, locks_now: bool) -> None:
        """List the day's orders and take in those that are not ours."""
        self._is_list_due = False  # what happens from here on asks for another list
        begun_boot_ns = clock.boot_ns()
        now_ns = clock.wall_ns()
        sent = [tracked.intent.decide_ns for tracked in self._ledger.open_orders.values()]
        from_ns = min([midnight_ns(now_ns), *sent]) - LIST_BEFORE_NS
        listed = await rest.orders(self._account_hash, from_ns, now_ns + LIST_AFTER_NS)
        external = take_list(self._ledger, listed, symbols, now_ns, locks_now=locks_now)
        self._listed_boot_ns = begun_boot_ns
        for statement in list_external(self._ledger.book_of, external, clock.wall_ns()):
            self._put(statement)

    async def _has_asked_all(self) -> bool:
        """Tell whether each order of ours was asked for: those that are followed, and those that a start took up."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + CATCH_UP_S
        while any(t.is_resumed and t.state is OrderState.SENDING for t in self._ledger.open_orders.values()):
            if loop.time() >= end_s:
                return False
            await asyncio.sleep(ASKED_LOOK_S)
        return await self._executor.read_all(max(end_s - loop.time(), 0))


def midnight_ns(now_ns: int) -> int:
    """Give the start of the New York day, UTC."""
    start = new_york(now_ns // NS_PER_MS).replace(hour=0, minute=0, second=0, microsecond=0)
    return int(start.timestamp()) * NS_PER_S
