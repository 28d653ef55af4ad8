"""Owns the requests about orders of one account, and what the broker's limits let through (Schwab API facts 2.4).

Never sends anything twice, never drops a request: whoever asks is told how long to wait.
Comes from `executor`, `pursuit` and `search`; goes to `rest`, counted by the budget.
"""

import asyncio
import logging

from leadline.core.budget import RequestBudget
from leadline.core.errors import LeadlineError
from leadline.core.ports import Clock
from leadline.core.units import NS_PER_S, ns_of_s
from leadline.schwab.http import TOO_MANY, Answer, TooManyRequestsError
from leadline.schwab.rest import BrokerOrder, Rest
from leadline.schwab.timing import Timing

log = logging.getLogger(__name__)

LIST_BEFORE_NS = 60 * NS_PER_S
LIST_AFTER_NS = 86_400 * NS_PER_S
"""A list reaches from a minute before a send to a day from now: the clocks need not agree (reliability 4.5)."""


class AccountOrders:
    """Place, show, list and cancel orders of one account."""

    def __init__(self, rest: Rest, account_hash: str, timing: Timing, budget: RequestBudget, clock: Clock) -> None:
        self._rest = rest
        self._account_hash = account_hash
        self._timing = timing
        self._budget = budget
        self._clock = clock
        self._refused = 0

    async def place(self, body: bytes) -> tuple[Answer, bool]:
        """Send one order, once, already counted; give the answer and whether a new login came with it.

        Raises:
            NotSentError: nothing left this machine.
            AnswerLostError: no whole answer came.
        """
        token = self._rest.login.access_token
        answer = await self._rest.post_order(self._account_hash, body)
        self._heed(answer)
        return answer, self._rest.login.access_token != token

    async def turn(self) -> None:
        """Wait until the broker's limit lets an exit through, and count it."""
        while wait_ns := self._budget.wait_ns(self._clock.boot_ns()):
            log.warning("an exit waits %.1f s for the broker's limit", wait_ns / NS_PER_S)
            await asyncio.sleep(wait_ns / NS_PER_S)
        self._budget.spend(self._clock.boot_ns())

    @property
    def cancel_wait_s(self) -> float:
        """Give how long a cancel must wait for the broker's limit; 0 = send it."""
        return self._budget.wait_ns(self._clock.boot_ns()) / NS_PER_S

    async def cancel(self, order_id: str) -> None:
        """Ask to cancel; only the order itself says whether that came in time."""
        self._budget.spend(self._clock.boot_ns())
        try:
            answer = await self._rest.delete_order(self._account_hash, order_id)
        except LeadlineError as error:
            log.warning("cancel of order %s got no answer, asked again: %s", order_id, error)
            return
        self._heed(answer)
        log.info("cancel of order %s: HTTP %s", order_id, answer.status)

    @property
    def quiet_s(self) -> float:
        """Give how long the broker wants no questions; 0 = ask."""
        return self._budget.quiet_ns(self._clock.boot_ns()) / NS_PER_S

    async def show(self, order_id: str) -> BrokerOrder:
        """Ask for one order: the truth about it.

        Raises:
            LeadlineError: it could not be read.
        """
        try:
            return await self._rest.order(self._account_hash, order_id)
        except TooManyRequestsError as error:
            self._quieten(error)
            raise

    async def listed(self, sent_ns: int) -> list[BrokerOrder]:
        """Ask for the orders among which what was sent then must be.

        Raises:
            LeadlineError: they could not be listed, which says nothing of any order.
        """
        to_ns = self._clock.wall_ns() + LIST_AFTER_NS
        try:
            return await self._rest.orders(self._account_hash, sent_ns - LIST_BEFORE_NS, to_ns)
        except TooManyRequestsError as error:
            self._quieten(error)
            raise

    def _heed(self, answer: Answer) -> None:
        """Leave the broker alone when it has refused an order request for its limit (reliability F18)."""
        if answer.status != TOO_MANY:
            self._refused = 0
            return
        timing = self._timing
        for_s = answer.retry_after_s or min(timing.too_many_s * 2**self._refused, timing.too_many_max_s)
        self._refused = min(self._refused + 1, 10)
        log.warning("the broker refuses order requests for its limit: none for %.1f s", for_s)
        self._budget.shut(self._clock.boot_ns(), ns_of_s(for_s))

    def _quieten(self, error: TooManyRequestsError) -> None:
        for_s = error.retry_after_s or self._timing.too_many_s
        self._budget.quieten(self._clock.boot_ns(), ns_of_s(for_s))
