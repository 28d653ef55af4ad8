"""Owns an order at the broker from its one POST to its end: have it sent, followed, or searched for.

Never sends an order twice, never replaces one, never takes silence for "not there".
Comes from the trader with an intent on record; goes back as news.
"""

import asyncio
import logging
from collections.abc import Mapping

from leadline.core.budget import PER_MINUTE_MAX, RequestBudget
from leadline.core.intent import Intent, Purpose
from leadline.core.market import Market
from leadline.core.orders import OrderState
from leadline.core.ports import Clock, OrderNews, Told
from leadline.schwab.account_orders import AccountOrders
from leadline.schwab.errand import Errand, Member
from leadline.schwab.owned import Owned
from leadline.schwab.pursuit import NotOursError, Pursuit
from leadline.schwab.rest import Rest
from leadline.schwab.search import Search
from leadline.schwab.submission import Submission, Turn
from leadline.schwab.timing import Timing

__all__ = ["SchwabOrderExecutor", "Timing"]

log = logging.getLogger(__name__)

READ_LOOK_S = 0.05
"""Between two looks whether every order has been read."""

ENDED_KEPT = 1_000
"""Orders that have ended and are still asked for when something happens to them."""


class SchwabOrderExecutor:
    """Carry intents out on one account over one warm client."""

    def __init__(
        self,
        rest: Rest,
        account_hash: str,
        market: Market,
        clock: Clock,
        timing: Timing,
        *,
        requests_per_minute: int = PER_MINUTE_MAX,
    ) -> None:
        self.budget = RequestBudget(requests_per_minute)
        self._clock = clock
        self._timing = timing
        self._owned = Owned()
        self._orders = AccountOrders(rest, account_hash, timing, self.budget, clock)
        self._pursuit = Pursuit(self._orders, timing, self._owned, clock)
        self._search = Search(self._orders, timing, self._owned, clock)
        self._submission = Submission(self._orders, self._search, market, clock)
        self._tasks: dict[asyncio.Task[None], Errand] = {}
        self._ended: dict[str, Errand] = {}

    def execute(self, intent: Intent, told: Told) -> None:
        """Begin to send an intent and return at once.

        The request counts from here, not from the task that sends it: the alerts of one burst are all decided before.
        """
        now_ns = self._clock.boot_ns()
        errand = Errand(intent, told, intent.decide_ns)
        against = self.budget.why_not_open(now_ns, self._open) if intent.purpose is Purpose.OPEN else None
        has_turn = against is None and not self.budget.wait_ns(now_ns)
        if has_turn:
            self.budget.spend(now_ns)
        self._begin(self._submit(errand, Turn(now_ns, against, has_turn)), errand)

    def resume(self, intent: Intent, order_id: str | None, told: Told) -> None:
        """Go on with an order of an earlier run: follow it, or search for it."""
        errand = Errand(intent, told, intent.decide_ns, is_resumed=True)
        errand.is_asking = True
        self._begin(self._resume(errand, order_id), errand)

    def own(self, orders: Mapping[str, str]) -> None:
        """Take in which orders of earlier runs are ours, by id the intent's key: none is taken for another intent's."""
        for order_id, intent_key in orders.items():
            self._owned.add(order_id, intent_key)

    def owns(self, order_id: str) -> bool:
        """Tell whether an order at the broker is known to be ours, one that was replaced or took its place included."""
        return order_id in self._owned

    def wake(self, order_id: str) -> None:
        """Ask for an order now: something happened to it, be it after its end (a late fill, reliability 4).

        One that is not known may be what a search is for.
        """
        errands = [errand for errand in self._tasks.values() if any(m.order_id == order_id for m in errand.members)]
        if not errands and order_id in self._ended:
            self._read_again(self._ended[order_id])
        elif not errands and not self.owns(order_id):
            errands = [errand for errand in self._tasks.values() if errand.is_looking]
        for errand in errands:
            errand.wake.set()

    def doubt(self, symbol: str) -> None:
        """Ask again for the ended orders of a symbol whose position is not what the broker says."""
        for errand in list(dict.fromkeys(self._ended.values())):
            if errand.intent.order.symbol == symbol:
                self._read_again(errand)

    async def read_all(self, timeout_s: float) -> bool:
        """Ask for every order that is followed or searched for; False if one got no answer in time (all are asked on).

        One that is presumed lost is not waited for.
        """
        begun_ns = self._clock.boot_ns()
        for errand in self._tasks.values():
            errand.wake.set()
        loop = asyncio.get_running_loop()
        end_s = loop.time() + timeout_s
        while any(e.is_asking and not e.is_lost and e.asked_ns < begun_ns for e in self._tasks.values()):
            if loop.time() >= end_s:
                return False
            await asyncio.sleep(READ_LOOK_S)
        return True

    @property
    def unfinished(self) -> list[Intent]:
        """Give the intents whose orders have not ended."""
        return [errand.intent for errand in self._tasks.values()]

    async def settle(self, timeout_s: float) -> list[Intent]:
        """Cancel openings, wait for orders to end, at most so long; leave the rest working and give their intents.

        An order's end may begin the next leg, which is waited for too; one that is presumed lost is not.
        """
        loop = asyncio.get_running_loop()
        openings = [errand for errand in self._working.values() if errand.intent.purpose is Purpose.OPEN]
        for errand in openings:
            errand.must_cancel = True
        # An opening left at the broker is watched by nobody: its cancel gets its time, whatever exits are given.
        end_s = loop.time() + max(timeout_s, self._timing.last_cancel_s if openings else 0)
        for errand in self._tasks.values():
            errand.wake.set()
        while (working := self._working) and (left_s := end_s - loop.time()) > 0:
            await asyncio.wait(list(working), timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        left = [errand.intent for errand in self._working.values() if not errand.is_over]
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return left

    @property
    def _working(self) -> dict[asyncio.Task[None], Errand]:
        return {task: errand for task, errand in self._tasks.items() if not errand.is_lost}

    @property
    def _open(self) -> int:
        return sum(1 for errand in self._tasks.values() if not errand.is_over)

    def _begin(self, work: "asyncio._CoroutineLike[None]", errand: Errand) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work, name=f"order {errand.intent.key}")
        self._tasks[task] = errand
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        errand = self._tasks.pop(task)
        if task.cancelled() or task.exception() is None:
            return
        log.error("order %s is no longer followed: %r", errand.intent.key, task.exception(), exc_info=task.exception())
        try:
            errand.tell(OrderNews(OrderState.LOST_PRESUMED, reason="a fault here: look at the broker"))
        except Exception:
            log.exception("order %s: not even its doubt could be told", errand.intent.key)

    async def _submit(self, errand: Errand, turn: Turn) -> None:
        order_id = await self._submission.send(errand, turn)
        if not errand.is_over:
            await self._pursue(errand, order_id)

    async def _resume(self, errand: Errand, order_id: str | None) -> None:
        if order_id is None:
            errand.tell_unknown("an earlier run ended before the answer to its submit")
            await self._pursue(errand, None)
        else:
            await self._pursue(errand, await self._search.root(errand, order_id))

    async def _pursue(self, errand: Errand, order_id: str | None) -> None:
        """Follow the intent's order to its end; where none is known, or the one under the id is another, search."""
        errand.is_asking = True
        while order_id is not None or (order_id := await self._search.find(errand)) is not None:
            self._owned.add(order_id, errand.intent.key)
            errand.members = [Member(order_id)]
            try:
                await self._pursuit.follow(errand)
            except NotOursError as error:
                self._owned.discard(order_id)
                errand.members, order_id = [], None
                errand.tell_unknown(str(error))
            else:
                break
        errand.is_asking = False
        if errand.is_over:
            self._keep_ended(errand)

    def _keep_ended(self, errand: Errand) -> None:
        for member in errand.members:
            self._ended[member.order_id] = errand
        while len(self._ended) > ENDED_KEPT:
            del self._ended[next(iter(self._ended))]

    def _read_again(self, errand: Errand) -> None:
        if any(running is errand for running in self._tasks.values()):
            errand.wake.set()
        else:
            self._begin(self._pursuit.read_again(errand), errand)
