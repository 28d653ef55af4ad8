"""Owns when an order that is followed is in doubt: unread for too long, or told in contradiction for too long.

Never asks; a doubt ends with the answer that ends it.
Comes from `pursuit` with what is known; goes back as the news to tell.
"""

import asyncio

import msgspec

from leadline.core.orders import OrderState
from leadline.core.ports import OrderNews
from leadline.schwab.errand import Errand
from leadline.schwab.timing import Timing


class Doubts:
    """Weigh what is known of one order; times are the loop's."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._begun_s = self._read_s = asyncio.get_running_loop().time()
        self._asked_ns = -1
        self._odd_since_s: float | None = None
        self.is_unread = False
        self.is_slow = False
        """Whether the broker contradicts itself for so long that asking often is of no use."""

    @property
    def may_be_absent(self) -> bool:
        """Tell whether the broker may still not know an order that it has just accepted."""
        return asyncio.get_running_loop().time() < self._begun_s + self._timing.unconfirmed_s

    def weighed(self, errand: Errand) -> OrderNews | None:
        """Give what is known, in doubt if it has been so for too long; None while nothing is known or to be said."""
        now_s = asyncio.get_running_loop().time()
        if errand.asked_ns != self._asked_ns:
            self._asked_ns, self._read_s = errand.asked_ns, now_s
        news = errand.news()
        self.is_unread = now_s - self._read_s >= self._timing.unread_s
        if self.is_unread:
            base = news or OrderNews(OrderState.UNKNOWN, errand.members[-1].order_id)
            why = f"the broker has not told its state for {self._timing.unread_s:g} s"
            return msgspec.structs.replace(base, state=OrderState.UNKNOWN, reason=why)
        return self._contradicted(errand, news, now_s)

    def _contradicted(self, errand: Errand, news: OrderNews | None, now_s: float) -> OrderNews | None:
        if news is None or not errand.is_contradictory:
            self._odd_since_s, self.is_slow = None, False
            return news
        if self._odd_since_s is None:
            self._odd_since_s = now_s
        self.is_slow = now_s - self._odd_since_s >= self._timing.contradiction_s
        if not self.is_slow or news.state is OrderState.UNKNOWN:
            return news
        why = f"the broker says {news.broker_status}, but its executions do not add up to it"
        return msgspec.structs.replace(news, state=OrderState.UNKNOWN, reason=why)
