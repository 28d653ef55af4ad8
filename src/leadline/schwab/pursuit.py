"""Owns the following of one order under a known id: ask until it has ended, cancel it when it is late.

Never takes a status for a fill or a 200 for a cancel, never touches an order that has not proved to be ours.
Comes from `executor`; goes back as news.
"""

import asyncio
import logging
import math

import msgspec

from leadline.core.budget import RequestBudget
from leadline.core.errors import BrokerAnswerError, LeadlineError
from leadline.core.intent import Intent
from leadline.core.orders import ENDED, OrderState, OrderType, state_of
from leadline.core.ports import Clock, OrderNews, Told
from leadline.schwab.orders import is_older, is_ours, news_of
from leadline.schwab.rest import Rest

log = logging.getLogger(__name__)

OVER = ENDED | {OrderState.LOST_PRESUMED}
"""Where following ends: nothing more is expected, or an order that we do not know works in ours' place (REPLACED)."""


class Timing(msgspec.Struct, frozen=True):
    """Every wait of an order's life, in seconds."""

    fill_timeout_s: float = 2.0
    poll_first_s: float = 0.1
    poll_max_s: float = 1.0
    cancel_again_s: float = 1.0
    cancel_again_max_s: float = 30.0
    unconfirmed_s: float = 5.0
    """How long an order id of a 201 may be unknown to the broker before it is not believed."""
    search_waits_s: tuple[float, ...] = (0.5, 1, 2, 4, 8, 15, 30)
    lost_wait_s: float = 30.0
    last_cancel_s: float = 2.0
    """How long openings get to be cancelled at the end of a run."""


class NotOursError(Exception):
    """Under the id that we follow the broker has another order, or none."""


class Pursuit:
    """Follow orders on one account."""

    def __init__(self, rest: Rest, account_hash: str, timing: Timing, budget: RequestBudget, clock: Clock) -> None:
        self._rest = rest
        self._account_hash = account_hash
        self._timing = timing
        self._budget = budget
        self._clock = clock
        self._cancel_now: set[str] = set()
        self._read_ns: dict[str, int] = {}

    def cancel_now(self, intent_key: str) -> None:
        """Cancel an intent's order as soon as it is known to be ours, whatever time it had left."""
        self._cancel_now.add(intent_key)

    def read_since(self, order_id: str, boot_ns: int) -> bool:
        """Tell whether an order was read, by a request that began at or after this moment of the boot clock."""
        return self._read_ns.get(order_id, -1) >= boot_ns

    async def read_again(self, intent: Intent, order_id: str, sent_ns: int, told: Told) -> None:
        """Tell what has become of an order since its end."""
        try:
            news = await self._read(intent, order_id, sent_ns, may_be_absent=True)
        except NotOursError as error:
            log.error("%s", error)
            return
        if news is not None:
            told(news)

    async def follow(self, intent: Intent, order_id: str, sent_ns: int, told: Told, wake: asyncio.Event) -> None:
        """Ask at growing intervals, and at once when woken, until the order has ended or nobody can follow it.

        Raises:
            NotOursError: the order is not the one we sent, or there is none.
        """
        now_s = asyncio.get_running_loop().time
        timing, wait_s, again_s = self._timing, self._timing.poll_first_s, self._timing.cancel_again_s
        unconfirmed_until_s = now_s() + timing.unconfirmed_s
        cancel_at_s = now_s() + timing.fill_timeout_s if intent.order.order_type is OrderType.LIMIT else math.inf
        last: OrderNews | None = None
        while True:
            await _wait(wake, max(0.0, min(wait_s, cancel_at_s - now_s())))
            if intent.key in self._cancel_now:
                self._cancel_now.discard(intent.key)
                cancel_at_s = now_s()
            news = await self._read(
                intent, order_id, sent_ns, may_be_absent=last is not None or now_s() < unconfirmed_until_s
            )
            if news is not None and news != last:
                told(news)
                last = news
            if last is not None and last.state in OVER:
                return
            if now_s() >= cancel_at_s:
                if last is not None and _is_cancelable(last):
                    await self._cancel(order_id)
                cancel_at_s = now_s() + again_s
                again_s = min(again_s * 2, timing.cancel_again_max_s)
            wait_s = min(wait_s * 2, timing.poll_max_s)

    async def _read(self, intent: Intent, order_id: str, sent_ns: int, *, may_be_absent: bool) -> OrderNews | None:
        """Ask for an order; None where that failed.

        Raises:
            NotOursError: the order is not the one we sent, or there is none.
        """
        begun_ns = self._clock.boot_ns()
        try:
            answer = await self._rest.order(self._account_hash, order_id)
        except LeadlineError as error:
            if isinstance(error, BrokerAnswerError) and error.status == 404 and not may_be_absent:
                raise NotOursError(f"the broker has no order {order_id}") from error
            log.warning("order %s could not be read, asked again: %s", order_id, error)
            return None
        if not is_ours(answer, intent) or is_older(answer, sent_ns):
            raise NotOursError(f"order {order_id} is not the one we sent")
        self._read_ns[order_id] = begun_ns
        try:
            news = news_of(answer, intent)
        except ValueError as error:
            log.error("%s", error)
            return OrderNews(OrderState.UNKNOWN, order_id, broker_status=answer.status, reason=str(error))
        if news.state is OrderState.REPLACED:
            log.error("order %s was replaced at the broker, not by us: look for its successor there", order_id)
            reason = "replaced at the broker, not by us: its successor is not followed"
            return msgspec.structs.replace(news, state=OrderState.LOST_PRESUMED, reason=reason)
        return news

    async def _cancel(self, order_id: str) -> None:
        """Ask to cancel; only the order itself says whether that came in time."""
        self._budget.spend(self._clock.boot_ns())
        try:
            answer = await self._rest.delete_order(self._account_hash, order_id)
        except LeadlineError as error:
            log.warning("cancel of order %s got no answer, asked again: %s", order_id, error)
            return
        log.info("cancel of order %s: HTTP %s", order_id, answer.status)


def _is_cancelable(news: OrderNews) -> bool:
    """Tell whether a cancel makes sense: the order is neither at its end by its own status nor about to be."""
    state = state_of(news.broker_status or "")
    return state not in ENDED and state is not OrderState.PENDING_CANCEL


async def _wait(wake: asyncio.Event, timeout_s: float) -> None:
    try:
        await asyncio.wait_for(wake.wait(), timeout_s)
    except TimeoutError:
        return
    wake.clear()
