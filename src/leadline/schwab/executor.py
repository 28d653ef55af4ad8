"""Owns an order at the broker from its one POST to its end: classify the answer, have it followed, or search for it.

Never sends an order twice, never replaces one, never takes silence for "not there".
Comes from the trader with an intent on record; goes back as news.
"""

import asyncio
import itertools
import logging

import msgspec

from leadline.core.budget import RequestBudget
from leadline.core.errors import LeadlineError
from leadline.core.intent import Intent, Purpose
from leadline.core.market import Market
from leadline.core.orders import OrderState
from leadline.core.ports import Clock, OrderNews, Told
from leadline.core.units import NS_PER_S
from leadline.schwab.http import Answer, AnswerLostError, NotSentError, name_of
from leadline.schwab.orders import is_ours, may_come_from, order_body
from leadline.schwab.pursuit import NotOursError, Pursuit, Timing
from leadline.schwab.rest import Rest, message_of

__all__ = ["SchwabOrderExecutor", "Timing"]

log = logging.getLogger(__name__)

TOO_MANY = 429
REFUSALS = frozenset({400, 401, 403, 404, 422})
"""Answers after which the broker has no order, as TOO_MANY once a list shows none (reliability 4.4).

Any other than 201 leaves that open.
"""


READ_LOOK_S = 0.05
"""Between two looks whether every order has been read."""

OPENING_AGE_MAX_NS = NS_PER_S
"""An opening that was decided longer ago stands on a market that is gone."""

ENDED_KEPT = 1_000
"""Orders that have ended and are still asked for when something happens to them."""


class SchwabOrderExecutor:
    """Carry intents out on one account over one warm client."""

    def __init__(self, rest: Rest, account_hash: str, market: Market, clock: Clock, timing: Timing) -> None:
        self.budget = RequestBudget()
        self._rest = rest
        self._account_hash = account_hash
        self._market = market
        self._clock = clock
        self._timing = timing
        self._pursuit = Pursuit(rest, account_hash, timing, self.budget, clock)
        self._tasks: dict[asyncio.Task[None], Intent] = {}
        self._wakes: dict[str, asyncio.Event] = {}
        self._owned_ids: set[str] = set()
        self._lost: set[str] = set()
        self._ended: dict[str, tuple[Intent, int, Told]] = {}

    def execute(self, intent: Intent, told: Told) -> None:
        """Begin to send an intent and return at once.

        The request counts from here, not from the task that sends it: the alerts of one burst are all decided before.
        """
        self.budget.spend(self._clock.boot_ns())
        self._begin(self._submit(intent, told), intent, told)

    def resume(self, intent: Intent, order_id: str | None, told: Told) -> None:
        """Go on with an order of an earlier run: follow it, or search for it."""
        if order_id is None:
            self._begin(self._find(intent, told), intent, told)
        else:
            self._begin(self._follow(intent, order_id, intent.decide_ns, told), intent, told)

    def wake(self, order_id: str) -> None:
        """Ask for an order now: something happened to it, be it after its end (a late fill, reliability 4)."""
        event = self._wakes.get(order_id)
        if event is not None:
            event.set()
        elif order_id in self._ended:
            self._read_again(order_id)

    def doubt(self, symbol: str) -> None:
        """Ask again for the ended orders of a symbol whose position is not what the broker says."""
        for order_id, (intent, _, _) in list(self._ended.items()):
            if intent.order.symbol == symbol:
                self._read_again(order_id)

    async def read_all(self, timeout_s: float) -> bool:
        """Ask for every order that is followed; False if one could not be read within the time (all are asked on)."""
        begun_ns = self._clock.boot_ns()
        for event in self._wakes.values():
            event.set()
        loop = asyncio.get_running_loop()
        end_s = loop.time() + timeout_s
        while not all(self._pursuit.read_since(order_id, begun_ns) for order_id in self._wakes):
            if loop.time() >= end_s:
                return False
            await asyncio.sleep(READ_LOOK_S)
        return True

    @property
    def unfinished(self) -> list[Intent]:
        """Give the intents whose orders have not ended."""
        return list(self._tasks.values())

    async def settle(self, timeout_s: float) -> list[Intent]:
        """Cancel openings, wait for orders to end, at most so long; leave the rest working and give their intents.

        An order's end may begin the next leg, which is waited for too; one that is presumed lost is not.
        """
        loop = asyncio.get_running_loop()
        openings = [intent for intent in self._working.values() if intent.purpose is Purpose.OPEN]
        for intent in openings:
            self._pursuit.cancel_now(intent.key)
        # An opening left at the broker is watched by nobody: its cancel gets its time, whatever exits are given.
        end_s = loop.time() + max(timeout_s, self._timing.last_cancel_s if openings else 0)
        for event in self._wakes.values():
            event.set()
        while (working := self._working) and (left_s := end_s - loop.time()) > 0:
            await asyncio.wait(list(working), timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        left = list(self._working.values())
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return left

    @property
    def _working(self) -> dict[asyncio.Task[None], Intent]:
        return {task: intent for task, intent in self._tasks.items() if intent.key not in self._lost}

    def _begin(self, work: "asyncio._CoroutineLike[None]", intent: Intent, told: Told) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work, name=f"order {intent.key}")
        self._tasks[task] = intent
        task.add_done_callback(lambda done: self._finished(done, intent, told))

    def _finished(self, task: asyncio.Task[None], intent: Intent, told: Told) -> None:
        del self._tasks[task]
        if not task.cancelled() and task.exception() is not None:
            log.error("order %s is no longer followed: %r", intent.key, task.exception(), exc_info=task.exception())
            told(OrderNews(OrderState.LOST_PRESUMED, reason="a fault here: look at the broker"))

    async def _submit(self, intent: Intent, told: Told) -> None:
        """Send the one POST and go where its answer leads."""
        listing = self._market.listings.get(intent.order.symbol)
        try:
            body = order_body(intent, listing.asset_type if listing is not None else "EQUITY")
        except ValueError as error:
            log.error("order %s was not sent: %s", intent.key, error)
            told(OrderNews(OrderState.NOT_SENT, reason=str(error)))
            return
        sent_ns = self._clock.wall_ns()
        if intent.purpose is Purpose.OPEN and sent_ns - intent.decide_ns > OPENING_AGE_MAX_NS:
            log.error("order %s was not sent: it was decided too long ago", intent.key)
            told(OrderNews(OrderState.NOT_SENT, reason="decided too long ago: this process stood still"))
            return
        try:
            answer = await self._rest.post_order(self._account_hash, body)
        except NotSentError as error:
            log.error("order %s was not sent: %s", intent.key, error)
            told(OrderNews(OrderState.NOT_SENT, reason=error.what))
        except AnswerLostError as error:
            await self._lose(intent, sent_ns, error.what, told)
        else:
            await self._answered(intent, answer, sent_ns, told)

    async def _answered(self, intent: Intent, answer: Answer, sent_ns: int, told: Told) -> None:
        """Take the answer to the POST for what it proves (reliability 4.4)."""
        order_id, status = _order_id_of(answer.location), answer.status
        news = OrderNews(OrderState.SENDING, http_status=status, sent_ns=sent_ns, ack_ns=self._clock.wall_ns())
        place = name_of(answer.location or "missing")
        log.info("order %s: HTTP %s, Location %s, correlation id %s", intent.key, status, place, answer.correlation_id)
        if status == 201 and order_id is not None and order_id not in self._owned_ids:
            # No acceptance yet: the id is believed once the order under it proves to be ours.
            told(msgspec.structs.replace(news, order_id=order_id))
            await self._follow(intent, order_id, sent_ns, told)
        elif status in REFUSALS or (status == TOO_MANY and await self._is_absent(intent, sent_ns)):
            reason = message_of(answer)
            log.error("order %s was refused: HTTP %s, %s", intent.key, status, reason)
            told(msgspec.structs.replace(news, state=OrderState.REFUSED, reason=reason))
        else:
            what = f"HTTP 201 with Location {place}" if status == 201 else f"HTTP {status}"
            await self._lose(intent, sent_ns, what, told)

    async def _lose(self, intent: Intent, sent_ns: int, what: str, told: Told) -> None:
        log.error("order %s: its fate is UNKNOWN (%s); it is searched for and not sent again", intent.key, what)
        told(OrderNews(OrderState.UNKNOWN, reason=what, sent_ns=sent_ns))
        await self._search(intent, sent_ns, told)

    async def _find(self, intent: Intent, told: Told) -> None:
        told(OrderNews(OrderState.UNKNOWN, reason="an earlier run ended before the answer to its submit"))
        await self._search(intent, intent.decide_ns, told)

    async def _follow(self, intent: Intent, order_id: str, sent_ns: int, told: Told) -> None:
        """Ask for the order until it has ended; cancel a limit order that is late."""
        wake = self._wakes[order_id] = asyncio.Event()
        self._owned_ids.add(order_id)
        try:
            await self._pursuit.follow(intent, order_id, sent_ns, told, wake)
            self._ended[order_id] = (intent, sent_ns, told)
            if len(self._ended) > ENDED_KEPT:
                del self._ended[next(iter(self._ended))]
        except NotOursError as error:
            self._owned_ids.discard(order_id)
            await self._lose(intent, sent_ns, str(error), told)
        finally:
            self._wakes.pop(order_id, None)

    def _read_again(self, order_id: str) -> None:
        intent, sent_ns, told = self._ended[order_id]
        self._begin(self._pursuit.read_again(intent, order_id, sent_ns, told), intent, told)

    async def _search(self, intent: Intent, sent_ns: int, told: Told) -> None:
        """Look for an order whose submit got no answer: adopt what matches, or presume it lost (reliability 4.5).

        A list that could not be read is no sign of anything. A lost order can still appear, and must then be followed:
        it is looked for as long as this process lives.
        """
        waits_s = self._timing.search_waits_s
        for number, wait_s in enumerate(itertools.chain(waits_s, itertools.repeat(self._timing.lost_wait_s)), start=1):
            await asyncio.sleep(wait_s)
            try:
                matching = await self._matching(intent, sent_ns)
            except LeadlineError as error:
                log.warning("orders could not be listed while looking for %s: %s", intent.key, error)
                continue
            if matching:
                await self._adopt(intent, matching, sent_ns, told)
                return
            if number >= len(waits_s) and intent.key not in self._lost:
                self._lost.add(intent.key)
                log.error("order %s was not found: it is presumed lost and not sent again", intent.key)
                told(OrderNews(OrderState.LOST_PRESUMED, reason="not found at the broker; it was not sent again"))

    async def _adopt(self, intent: Intent, matching: list[str], sent_ns: int, told: Told) -> None:
        """Follow the one order that matches; of several none is touched."""
        if len(matching) > 1:
            reason = f"{len(matching)} orders at the broker match it"
            log.error("order %s: %s, none is touched", intent.key, reason)
            told(OrderNews(OrderState.LOST_PRESUMED, reason=reason))
            return
        log.warning("order %s was found: the broker has it as %s", intent.key, matching[0])
        self._lost.discard(intent.key)
        await self._follow(intent, matching[0], sent_ns, told)

    async def _matching(self, intent: Intent, sent_ns: int) -> list[str]:
        """List the ids of the orders that can be what the intent became."""
        now_ns = self._clock.wall_ns()
        known = await self._rest.orders(self._account_hash, sent_ns - 60 * NS_PER_S, now_ns + 86_400 * NS_PER_S)
        return [
            str(order.order_id)
            for order in known
            if is_ours(order, intent) and may_come_from(order, sent_ns) and str(order.order_id) not in self._owned_ids
        ]

    async def _is_absent(self, intent: Intent, sent_ns: int) -> bool:
        """Tell whether the broker's list can be read and holds no order that the intent can have become."""
        try:
            return not await self._matching(intent, sent_ns)
        except LeadlineError as error:
            log.warning("orders could not be listed after HTTP 429: %s", error)
            return False


def _order_id_of(location: str | None) -> str | None:
    """Give the order id at the end of a Location; None if it is missing or holds none (Schwab API facts 2.3)."""
    last = (location or "").rstrip("/").rpartition("/")[2]
    return last if last.isascii() and last.isdigit() else None
