"""Owns an order at the broker from its one POST to its end: classify the answer, follow, cancel when late, or search.

Never sends an order twice, never replaces one, never takes a status for a fill or silence for "not there".
Comes from the trader with an intent on record; goes back as news.
"""

import asyncio
import logging

import msgspec

from leadline.core.budget import RequestBudget
from leadline.core.errors import LeadlineError
from leadline.core.intent import Intent
from leadline.core.market import Market
from leadline.core.orders import ENDED, OrderState, OrderType
from leadline.core.ports import Clock, OrderNews, Told
from leadline.core.units import NS_PER_S
from leadline.schwab.http import Answer, AnswerLostError, NotSentError
from leadline.schwab.orders import is_ours, news_of, order_body, was_entered_after
from leadline.schwab.rest import BrokerOrder, Rest, message_of

log = logging.getLogger(__name__)

REFUSALS = frozenset({400, 401, 403, 404, 422, 429})
"""Answers after which the broker has no order (reliability 4.4); any other than 201 leaves that open."""


class Timing(msgspec.Struct, frozen=True):
    """Every wait of an order's life, in seconds."""

    fill_timeout_s: float = 2.0
    poll_first_s: float = 0.1
    poll_max_s: float = 1.0
    search_waits_s: tuple[float, ...] = (0.5, 1, 2, 4, 8, 15, 30)


class SchwabOrderExecutor:
    """Carry intents out on one account over one warm client."""

    def __init__(self, rest: Rest, account_hash: str, market: Market, clock: Clock, timing: Timing) -> None:
        self.budget = RequestBudget()
        self._rest = rest
        self._account_hash = account_hash
        self._market = market
        self._clock = clock
        self._timing = timing
        self._tasks: dict[asyncio.Task[None], Intent] = {}
        self._wakes: dict[str, asyncio.Event] = {}
        self._owned_ids: set[str] = set()

    def execute(self, intent: Intent, told: Told) -> None:
        """Begin to send an intent and return at once."""
        self._begin(self._submit(intent, told), intent, told)

    def resume(self, intent: Intent, order_id: str | None, told: Told) -> None:
        """Go on with an order of an earlier run: follow it, or search for it."""
        if order_id is None:
            self._begin(self._search(intent, intent.decide_ns, told), intent, told)
        else:
            self._begin(self._follow(intent, order_id, told), intent, told)

    def wake(self, order_id: str) -> None:
        """Ask for an order now: something happened to it."""
        event = self._wakes.get(order_id)
        if event is not None:
            event.set()

    @property
    def unfinished(self) -> list[Intent]:
        """Give the intents whose orders have not ended."""
        return list(self._tasks.values())

    async def settle(self, timeout_s: float) -> list[Intent]:
        """Wait for open orders to end, at most so long; leave the rest working and give their intents."""
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=timeout_s)
        left = self.unfinished
        for task in list(self._tasks):
            task.cancel()
        return left

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
        body = order_body(intent, listing.asset_type if listing is not None else "EQUITY")
        self.budget.spend(self._clock.boot_ns())
        sent_ns = self._clock.wall_ns()
        try:
            answer = await self._rest.post_order(self._account_hash, body)
        except NotSentError as error:
            log.error("order %s was not sent: %s", intent.key, error)
            told(OrderNews(OrderState.NOT_SENT, reason=error.what))
            return
        except AnswerLostError as error:
            await self._lose(intent, sent_ns, error.what, told)
            return
        ack_ns = self._clock.wall_ns()
        order_id = _order_id_of(answer.location)
        log.info("order %s: HTTP %s, Location %s", intent.key, answer.status, self._masked(answer))
        if answer.status == 201 and order_id is not None:
            self._owned_ids.add(order_id)
            told(OrderNews(OrderState.ACCEPTED, order_id, http_status=201, sent_ns=sent_ns, ack_ns=ack_ns))
            await self._follow(intent, order_id, told)
        elif answer.status in REFUSALS:
            reason = message_of(answer)
            log.error("order %s was refused: HTTP %s, %s", intent.key, answer.status, reason)
            told(
                OrderNews(OrderState.REFUSED, reason=reason, http_status=answer.status, sent_ns=sent_ns, ack_ns=ack_ns)
            )
        else:
            what = "HTTP 201 without an order id" if answer.status == 201 else f"HTTP {answer.status}"
            await self._lose(intent, sent_ns, what, told)

    async def _lose(self, intent: Intent, sent_ns: int, what: str, told: Told) -> None:
        log.error("order %s: its fate is UNKNOWN (%s); it is searched for and not sent again", intent.key, what)
        told(OrderNews(OrderState.UNKNOWN, reason=what, sent_ns=sent_ns))
        await self._search(intent, sent_ns, told)

    async def _follow(self, intent: Intent, order_id: str, told: Told) -> None:
        """Ask for the order until it has ended; cancel a limit order that is late."""
        wake = self._wakes[order_id] = asyncio.Event()
        self._owned_ids.add(order_id)
        loop = asyncio.get_running_loop()
        late_at_s = loop.time() + self._timing.fill_timeout_s
        is_cancel_sent = intent.order.order_type is OrderType.MARKET
        wait_s = self._timing.poll_first_s
        last: OrderNews | None = None
        try:
            while True:
                left_s = late_at_s - loop.time()
                await _wait(wake, wait_s if is_cancel_sent else max(0.0, min(wait_s, left_s)))
                answer = await self._ask(order_id)
                if answer is not None:
                    if not is_ours(answer, intent):
                        await self._lose(intent, intent.decide_ns, f"order {order_id} is not the one we sent", told)
                        return
                    news = news_of(answer, intent)
                    if news != last:
                        told(news)
                        last = news
                    if news.state in ENDED:
                        return
                if not is_cancel_sent and loop.time() >= late_at_s:
                    is_cancel_sent = await self._cancel(order_id)
                wait_s = min(wait_s * 2, self._timing.poll_max_s)
        finally:
            self._wakes.pop(order_id, None)

    async def _ask(self, order_id: str) -> BrokerOrder | None:
        try:
            return await self._rest.order(self._account_hash, order_id)
        except LeadlineError as error:
            log.warning("order %s could not be read, asked again: %s", order_id, error)
            return None

    async def _cancel(self, order_id: str) -> bool:
        """Ask to cancel; only the order itself says whether that came in time. False if it was not asked."""
        self.budget.spend(self._clock.boot_ns())
        try:
            answer = await self._rest.delete_order(self._account_hash, order_id)
        except NotSentError as error:
            log.warning("cancel of order %s was not sent, tried again: %s", order_id, error)
            return False
        except AnswerLostError as error:
            log.warning("cancel of order %s got no answer, tried again: %s", order_id, error)
            return False
        log.info("cancel of order %s: HTTP %s", order_id, answer.status)
        return answer.status != 429

    async def _search(self, intent: Intent, sent_ns: int, told: Told) -> None:
        """Look for an order whose submit got no answer: adopt what matches, or presume it lost (reliability 4)."""
        for wait_s in self._timing.search_waits_s:
            await asyncio.sleep(wait_s)
            try:
                known = await self._rest.orders(
                    self._account_hash, sent_ns - 60 * NS_PER_S, self._clock.wall_ns() + 86_400 * NS_PER_S
                )
            except LeadlineError as error:
                log.warning("orders could not be listed while looking for %s: %s", intent.key, error)
                continue
            matching = [
                order
                for order in known
                if is_ours(order, intent)
                and was_entered_after(order, sent_ns)
                and str(order.order_id) not in self._owned_ids
            ]
            if len(matching) == 1:
                log.warning("order %s was found: the broker has it as %s", intent.key, matching[0].order_id)
                await self._follow(intent, str(matching[0].order_id), told)
                return
            if len(matching) > 1:
                told(OrderNews(OrderState.LOST_PRESUMED, reason=f"{len(matching)} orders at the broker match it"))
                return
        told(OrderNews(OrderState.LOST_PRESUMED, reason="not found at the broker; it was not sent again"))

    def _masked(self, answer: Answer) -> str:
        return (answer.location or "missing").replace(self._account_hash, "****")


def _order_id_of(location: str | None) -> str | None:
    """Give the order id at the end of a Location; None if it is missing or holds none (Schwab API facts 2.3)."""
    last = (location or "").rstrip("/").rpartition("/")[2]
    return last if last.isdigit() else None


async def _wait(wake: asyncio.Event, timeout_s: float) -> None:
    try:
        await asyncio.wait_for(wake.wait(), timeout_s)
    except TimeoutError:
        return
    wake.clear()
