"""Owns one intent on its way: the orders that it became at the broker, and what was last told of them.

Never asks the broker.
Comes from `executor`; `search` and `pursuit` add what they learn; goes back to the trader as news.
"""

import asyncio
import contextlib
import logging

import msgspec

from leadline.core.budget import WINDOW_NS
from leadline.core.intent import Intent
from leadline.core.orders import ENDED, OrderState, state_of
from leadline.core.ports import OrderNews, Told
from leadline.schwab.orders import has_ended, news_of, qty_of
from leadline.schwab.rest import BrokerOrder
from leadline.schwab.successor import is_replaced

log = logging.getLogger(__name__)


class Member:
    """One order at the broker, with the last answer about it and what that says."""

    def __init__(self, order_id: str) -> None:
        self.order_id = order_id
        self.answer: BrokerOrder | None = None
        self.news: OrderNews | None = None

    def take(self, answer: BrokerOrder, intent: Intent) -> None:
        """Keep an answer; one whose executions cannot be booked leaves the order in doubt."""
        self.answer = answer
        try:
            self.news = news_of(answer, intent, qty_of(answer))
        except ValueError as error:
            self.news = OrderNews(OrderState.UNKNOWN, self.order_id, broker_status=answer.status, reason=str(error))

    @property
    def is_replaced(self) -> bool:
        """Tell whether another order took its place."""
        return self.answer is not None and is_replaced(self.answer)

    @property
    def is_contradictory(self) -> bool:
        """Tell whether the broker says something that cannot be all: an end without all executions, an odd one."""
        news = self.news
        return news is not None and news.state not in ENDED and (has_ended(news) or news.state is OrderState.UNKNOWN)


class Errand:
    """An intent being carried out: at most one POST, and each order that took the place of the one before."""

    def __init__(self, intent: Intent, told: Told, sent_ns: int, *, is_resumed: bool = False) -> None:
        self.intent = intent
        self.sent_ns = sent_ns
        self.is_resumed = is_resumed
        """Whether an earlier run sent it."""
        self.members: list[Member] = []
        """The order and its successors, the oldest first; empty until one is known."""
        self.wake = asyncio.Event()
        self.is_searched = False
        """Whether its order had to be looked for: its time began with the send, not with the answer."""
        self.is_lost = False
        """Whether it is presumed lost: looked for, but waited for by nobody."""
        self.is_over = False
        self.must_cancel = False
        """Cancel its order as soon as it is known, whatever time it had left."""
        self.has_cancelled = False
        """Whether this run asked to cancel it."""
        self.is_asking = False
        """Whether the broker is asked about it again and again."""
        self.asked_ns = -1
        """When the last question began to which the broker gave an answer, by the boot clock."""
        self.looks = 0
        self.last: OrderNews | None = None
        self._notes: list[str] = []
        self._told = told

    def note(self, text: str) -> None:
        """Say something with all news from now on."""
        if text not in self._notes:
            self._notes.append(text)

    def tell(self, news: OrderNews) -> None:
        """Tell news, once."""
        if self._notes:
            reasons = [*self._notes, news.reason] if news.reason else self._notes
            news = msgspec.structs.replace(news, reason="; ".join(reasons))
        if news != self.last:
            self._told(news)
            self.last = news

    def tell_unknown(self, what: str) -> None:
        """Tell that nobody knows what became of it: it is searched for, and not sent again."""
        log.error("order %s: its fate is UNKNOWN (%s); it is searched for and not sent again", self.intent.key, what)
        sent_ns = None if self.is_resumed else self.sent_ns
        self.tell(OrderNews(OrderState.UNKNOWN, reason=what, sent_ns=sent_ns))

    def tell_end(self, news: OrderNews) -> None:
        """Tell the last news of it."""
        self.is_over = True
        self.tell(news)

    async def pause(self, at_least_s: float, at_most_s: float) -> None:
        """Wait, and be woken early, but not before `at_least_s`: what wakes may come in floods."""
        await asyncio.sleep(min(at_least_s, at_most_s))
        # Not wait_for, which forgets that it was cancelled when it is woken in the same moment.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, at_most_s - at_least_s)):
                await self.wake.wait()
        self.wake.clear()

    @property
    def sent(self) -> tuple[int, int]:
        """Give when it was sent, UTC, and how much later it may have been: an earlier run may have let it wait."""
        return self.sent_ns, WINDOW_NS if self.is_resumed else 0

    @property
    def is_looking(self) -> bool:
        """Tell whether an order that nobody knows may be what is looked for."""
        return self.is_asking and (not self.members or self.members[-1].is_replaced)

    @property
    def is_contradictory(self) -> bool:
        """Tell whether the broker contradicts itself about any of its orders."""
        return any(member.is_contradictory for member in self.members)

    @property
    def is_cancelable(self) -> bool:
        """Tell whether a cancel makes sense: the newest is neither at its end by its own status nor about to be."""
        news = self.members[-1].news if self.members else None
        if news is None or has_ended(news):
            return False
        return state_of(news.broker_status or "") is not OrderState.PENDING_CANCEL

    def add(self, member: Member) -> None:
        """Go on with the order that took the place of the newest."""
        self.members.append(member)
        qty = qty_of(member.answer) if member.answer is not None else None
        shares = "" if qty in {None, self.intent.order.qty} else f" for {qty} shares"
        self.note(f"replaced at the broker, not by us, by order {member.order_id}{shares}")

    def news(self) -> OrderNews | None:
        """Give what is known of all its orders as one; None before an answer."""
        newest = self.members[-1].news if self.members else None
        if newest is None or len(self.members) == 1:
            return newest
        told = [member.news for member in self.members if member.news is not None]
        fills = tuple(fill for news in told for fill in news.fills)
        state = self._state_of_chain(newest.state, sum(fill.qty for fill in fills))
        return msgspec.structs.replace(newest, state=state, fills=fills)

    def _state_of_chain(self, newest: OrderState, filled_qty: int) -> OrderState:
        if newest in ENDED and self.is_contradictory:
            return OrderState.WORKING  # an execution of one that was replaced is still missing
        if newest not in ENDED:
            return newest
        if filled_qty >= self.intent.order.qty:
            return OrderState.FILLED
        if newest is OrderState.REJECTED:
            return OrderState.REPLACED  # what we asked for was accepted; what took its place was not
        return OrderState.CANCELED if newest is OrderState.FILLED else newest
