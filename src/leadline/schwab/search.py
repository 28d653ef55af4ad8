"""Owns the search for an order whose submit got no answer (reliability 4.5).

Never takes a failed list for "not there", never chooses between two orders, never touches one.
Comes from `executor`; goes back with the id of the one order that it must be.
"""

import asyncio
import itertools
import logging

from leadline.core.errors import LeadlineError
from leadline.core.orders import OrderState, state_of
from leadline.core.ports import Clock, OrderNews
from leadline.schwab.account_orders import AccountOrders
from leadline.schwab.errand import Errand
from leadline.schwab.orders import is_ours, may_come_from
from leadline.schwab.owned import Owned
from leadline.schwab.rest import BrokerOrder
from leadline.schwab.successor import linked_ids, root_of
from leadline.schwab.timing import Timing

log = logging.getLogger(__name__)


class Search:
    """Find orders in the lists of one account."""

    def __init__(self, orders: AccountOrders, timing: Timing, owned: Owned, clock: Clock) -> None:
        self._orders = orders
        self._timing = timing
        self._owned = owned
        self._clock = clock

    async def find(self, errand: Errand) -> str | None:
        """Look for the intent's order until exactly one matches and give its id; None once it is given up.

        A lost order can still appear, and must then be followed: it is looked for as long as it can work.
        """
        waits_s = self._timing.search_waits_s
        until_s = asyncio.get_running_loop().time() + self._timing.lost_for_s
        errand.is_searched = errand.is_asking = True
        for wait_s in itertools.islice(
            itertools.chain(waits_s, itertools.repeat(self._timing.lost_wait_s)), errand.looks, None
        ):
            await errand.pause(min(waits_s), max(wait_s, self._orders.quiet_s))
            errand.looks += 1
            matching = await self._looked(errand)
            if matching is None:
                continue
            if len(matching) == 1:
                self._tell_found(errand, matching[0])
                return matching[0]
            if errand.looks >= len(waits_s) or len(matching) > 1:
                self._tell_lost(errand, len(matching))
            if asyncio.get_running_loop().time() >= until_s:
                break
        log.error("order %s is looked for no more", errand.intent.key)
        return None

    def is_known(self, order_id: str) -> bool:
        """Tell whether an order is known to be what another intent became, so that it cannot be a new one."""
        return order_id in self._owned

    async def is_absent(self, errand: Errand) -> bool:
        """Tell whether the broker's list can be read and holds no order that the intent can have become."""
        return await self._looked(errand) == []

    async def root(self, errand: Errand, order_id: str) -> str:
        """Give the order with which the chain began that led an earlier run to this one; itself where none is shown."""
        try:
            listed = await self._orders.listed(errand.sent_ns)
        except LeadlineError as error:
            log.warning("orders could not be listed, order %s is followed alone: %s", order_id, error)
            return order_id
        return root_of(order_id, listed, errand.intent, errand.sent, self._clock.wall_ns())

    async def _looked(self, errand: Errand) -> list[str] | None:
        """List the ids of the orders that the intent can have become; None where they cannot be listed."""
        begun_ns = self._clock.boot_ns()
        try:
            listed = await self._orders.listed(errand.sent_ns)
        except LeadlineError as error:
            log.warning("orders could not be listed while looking for %s: %s", errand.intent.key, error)
            return None
        errand.asked_ns = begun_ns
        return self._matching(errand, listed)

    def _matching(self, errand: Errand, listed: list[BrokerOrder]) -> list[str]:
        intent, matching = errand.intent, []
        for order in listed:
            is_free = not self._owned.is_anothers(str(order.order_id), intent.key)
            if is_free and is_ours(order, intent) and may_come_from(order, *errand.sent):
                matching.append(order)
        # What took the place of one that matches is the same intent's, not a second order.
        following = {
            name for order in matching if state_of(order.status) is OrderState.REPLACED for name in linked_ids(order)
        }
        return [str(order.order_id) for order in matching if str(order.order_id) not in following]

    @staticmethod
    def _tell_found(errand: Errand, order_id: str) -> None:
        if not errand.is_lost:
            log.warning("order %s was found: the broker has it as %s", errand.intent.key, order_id)
            return
        log.error("LATE: order %s was presumed lost, the broker has it as %s", errand.intent.key, order_id)
        errand.note("LATE: found at the broker after it was presumed lost")
        errand.must_cancel = errand.intent.order.instruction.opens

    @staticmethod
    def _tell_lost(errand: Errand, found: int) -> None:
        reason = f"{found} orders at the broker match it" if found else "not found at the broker; it was not sent again"
        if not errand.is_lost:
            log.error("order %s is presumed lost: %s", errand.intent.key, reason)
        errand.is_lost = True
        errand.tell(OrderNews(OrderState.LOST_PRESUMED, reason=reason))
