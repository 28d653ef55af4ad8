"""Owns the following of an intent's order under a known id: ask until it has ended, cancel it when it is late.

Never takes a status for a fill or a 200 for a cancel, never touches an order that has not proved to be ours.
Comes from `executor`; goes back as news.
"""

import asyncio
import itertools
import logging

import msgspec

from leadline.core.errors import BrokerAnswerError, LeadlineError
from leadline.core.orders import BROKER_STATUS, ENDED, KEPT_FOR_LATER, OrderState, OrderType
from leadline.core.ports import Clock
from leadline.core.session import is_regular_hours
from leadline.core.units import NS_PER_MS, NS_PER_S
from leadline.schwab.account_orders import AccountOrders
from leadline.schwab.doubts import Doubts
from leadline.schwab.errand import Errand, Member
from leadline.schwab.orders import is_older, is_ours
from leadline.schwab.owned import Owned
from leadline.schwab.rest import BrokerOrder
from leadline.schwab.successor import CHAIN_MAX, continues, linked_ids, successors_of
from leadline.schwab.timing import Timing

log = logging.getLogger(__name__)

STRANGE_KEPT = 100
"""Statuses that are not in the table and were said: each once (reliability F30)."""


class NotOursError(Exception):
    """Under the id that we follow the broker has another order, or none."""


class Pursuit:
    """Follow orders on one account."""

    def __init__(self, orders: AccountOrders, timing: Timing, owned: Owned, clock: Clock) -> None:
        self._orders = orders
        self._timing = timing
        self._owned = owned
        self._clock = clock
        self._followed = 0
        self._strange: set[str] = set()

    async def follow(self, errand: Errand) -> None:
        """Ask at growing intervals, and at once when woken, until its order has ended or is lost for good.

        Raises:
            NotOursError: the order is not the one we sent, or there is none.
        """
        self._followed += 1
        try:
            await self._follow(errand)
        finally:
            self._followed -= 1

    async def _follow(self, errand: Errand) -> None:
        now_s = asyncio.get_running_loop().time
        wait_s, again_s = self._timing.poll_first_s, self._timing.cancel_again_s
        doubts = Doubts(self._timing)
        cancel_at_s = now_s() + self._time_left_s(errand)
        while not errand.is_over:
            await errand.pause(0.0, max(0.0, min(wait_s, cancel_at_s - now_s())))
            if errand.must_cancel:
                errand.must_cancel = False
                cancel_at_s = now_s()
            await self._look(errand, doubts)
            newest = errand.members[-1]
            if newest.is_replaced:
                if not await self._succeed(errand):
                    return
                wait_s, doubts = 0.0, Doubts(self._timing)
                cancel_at_s = now_s() if errand.has_cancelled else cancel_at_s
                continue
            if now_s() >= cancel_at_s and not errand.is_over:
                cancel_at_s = now_s() + await self._cancel(errand, again_s)
                again_s = min(again_s * 2, self._timing.cancel_again_max_s)
                wait_s = 0.0  # what the cancel did is what the next leg waits for
            wait_s = self._next_wait_s(wait_s, doubts)

    async def read_again(self, errand: Errand) -> None:
        """Tell what has become of an order since its end: a late fill, whole (reliability F26)."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._timing.contradiction_s
        while True:
            for member in errand.members:
                await self._read(errand, member)
            news, is_last = errand.news(), loop.time() >= until_s
            if news is not None and errand.last is not None:
                # While executions are missing what is there is booked; that an end is none any more is said at last.
                is_whole = not errand.is_contradictory or is_last
                errand.tell(news if is_whole else msgspec.structs.replace(news, state=errand.last.state))
            if is_last or (news is not None and not errand.is_contradictory):
                return
            await errand.pause(self._timing.poll_first_s, self._timing.poll_max_s)

    async def _look(self, errand: Errand, doubts: Doubts) -> None:
        """Ask for the newest order, and for those before it of which executions are missing; tell what is known."""
        if not self._orders.quiet_s:
            for member in errand.members:
                if member is errand.members[-1] or member.is_contradictory:
                    await self._read(errand, member, may_be_absent=doubts.may_be_absent)
        news = doubts.weighed(errand)
        if news is None or errand.members[-1].is_replaced:
            return
        if news.state is OrderState.CANCELED and not errand.has_cancelled and not errand.is_resumed:
            said = f": {news.reason}" if news.reason else ""
            news = msgspec.structs.replace(news, reason=f"canceled at the broker, not by us{said}")
        errand.is_lost = False
        errand.is_over = news.state in ENDED
        errand.tell(news)

    async def _read(self, errand: Errand, member: Member, *, may_be_absent: bool = True) -> None:
        """Ask for one order.

        Raises:
            NotOursError: the order is not the one we sent, or there is none.
        """
        begun_ns, order_id = self._clock.boot_ns(), member.order_id
        try:
            answer = await self._orders.show(order_id)
        except LeadlineError as error:
            is_absent = isinstance(error, BrokerAnswerError) and error.status == 404
            if is_absent and member.answer is None and not may_be_absent:
                raise NotOursError(f"the broker has no order {order_id}") from error
            log.warning("order %s could not be read, asked again: %s", order_id, error)
            return
        if not self._is_this(errand, member, answer):
            if member.answer is None and member is errand.members[0]:
                raise NotOursError(f"order {order_id} is not the one we sent")
            log.error("order %s is shown as another than it was: that answer is not taken", order_id)
            return
        self._say_strange(answer)
        member.take(answer, errand.intent)
        errand.asked_ns = begun_ns

    @staticmethod
    def _is_this(errand: Errand, member: Member, answer: BrokerOrder) -> bool:
        """Tell whether the answer shows what we sent; of an order that has proved to be, price and size may change."""
        if member.answer is not None or member is not errand.members[0]:
            return continues(answer, errand.intent)
        return is_ours(answer, errand.intent) and not is_older(answer, errand.sent_ns)

    def _say_strange(self, answer: BrokerOrder) -> None:
        status = answer.status[:40]
        if status not in BROKER_STATUS and status not in self._strange and len(self._strange) < STRANGE_KEPT:
            self._strange.add(status)
            log.error("order %s: the broker's status %r is not known: it counts as live", answer.order_id, status)

    async def _succeed(self, errand: Errand) -> bool:
        """Look for the order that took the newest one's place, and go on with it; False once it is given up."""
        waits_s, seen_ns = self._timing.search_waits_s, self._clock.wall_ns()
        until_s = asyncio.get_running_loop().time() + self._timing.lost_for_s
        for looks, wait_s in enumerate(itertools.chain((0.0,), waits_s, itertools.repeat(self._timing.lost_wait_s))):
            if wait_s:
                await errand.pause(min(waits_s), max(wait_s, self._orders.quiet_s))
                await self._read(errand, errand.members[-1])
            if not errand.members[-1].is_replaced:
                return True
            found = await self._successors(errand, seen_ns)
            if found is not None and len(found) == 1 and len(errand.members) < CHAIN_MAX:
                self._adopt(errand, found[0])
                return True
            is_given_up = asyncio.get_running_loop().time() >= until_s
            self._tell_replaced(errand, found, is_lost=looks >= len(waits_s) and found is not None)
            if is_given_up:
                break
        log.error("order %s: its successor is looked for no more", errand.intent.key)
        return False

    async def _successors(self, errand: Errand, seen_ns: int) -> list[BrokerOrder] | None:
        """List what can have taken the newest order's place; None where that could not be asked."""
        replaced = errand.members[-1].answer
        assert replaced is not None
        key, chain = errand.intent.key, {member.order_id for member in errand.members}
        begun_ns = self._clock.boot_ns()

        def is_taken(order_id: str) -> bool:
            return order_id in chain or self._owned.is_anothers(order_id, key)

        try:
            listed = await self._orders.listed(errand.sent_ns)
            names = {str(order.order_id) for order in listed}
            # What it names is shown earlier than it is listed.
            listed += [await self._orders.show(name) for name in linked_ids(replaced) if name not in names]
        except LeadlineError as error:
            log.warning("the successor of order %s could not be looked for: %s", replaced.order_id, error)
            return None
        errand.asked_ns = begun_ns
        return successors_of(replaced, listed, errand.intent, seen_ns, is_taken)

    def _adopt(self, errand: Errand, answer: BrokerOrder) -> None:
        member = Member(str(answer.order_id))
        member.take(answer, errand.intent)
        errand.add(member)
        self._owned.add(member.order_id, errand.intent.key)
        was = "LATE: " if errand.is_lost else ""
        log.error("%sorder %s was replaced at the broker by %s", was, errand.intent.key, member.order_id)
        errand.must_cancel = errand.must_cancel or (errand.is_lost and errand.intent.order.instruction.opens)

    def _tell_replaced(self, errand: Errand, found: list[BrokerOrder] | None, *, is_lost: bool) -> None:
        known = errand.news()
        assert known is not None
        why = "its successor is looked for"
        if is_lost or errand.is_lost:
            errand.is_lost = True
            why = f"{len(found)} orders can be its successor, none is touched" if found else "no successor was found"
        state = OrderState.LOST_PRESUMED if errand.is_lost else OrderState.UNKNOWN
        errand.tell(msgspec.structs.replace(known, state=state, reason=f"replaced at the broker, not by us: {why}"))

    async def _cancel(self, errand: Errand, again_s: float) -> float:
        """Ask to cancel the newest order if that makes sense; give when to ask again."""
        wait_s = self._orders.cancel_wait_s
        if wait_s:
            return wait_s
        if errand.is_cancelable and (self._is_limit(errand) or self._is_kept_for_later(errand)):
            errand.has_cancelled = True
            await self._orders.cancel(errand.members[-1].order_id)
        return again_s

    @staticmethod
    def _is_limit(errand: Errand) -> bool:
        return errand.intent.order.order_type is OrderType.LIMIT

    def _is_kept_for_later(self, errand: Errand) -> bool:
        """Tell whether the broker keeps an order for another day, when its price would be anybody's guess (F39)."""
        answer = errand.members[-1].answer
        is_waiting = answer is not None and answer.status in KEPT_FOR_LATER
        return is_waiting and not is_regular_hours(self._clock.wall_ns() // NS_PER_MS)

    def _time_left_s(self, errand: Errand) -> float:
        """Give how long an order may work before it is looked at whether to cancel it: less, if it was searched for."""
        fill_s = self._timing.fill_timeout_s
        if not errand.is_searched and not errand.is_resumed:
            return fill_s
        return min(fill_s, max(0.0, fill_s - (self._clock.wall_ns() - errand.sent_ns) / NS_PER_S))

    def _next_wait_s(self, wait_s: float, doubts: Doubts) -> float:
        timing = self._timing
        if doubts.is_slow:
            return timing.poll_slow_s
        if doubts.is_unread:
            return timing.poll_truth_s
        shared_s = max(timing.poll_max_s, min(self._followed * timing.poll_share_s, timing.poll_truth_s))
        return min(max(wait_s, timing.poll_first_s) * 2, shared_s)
