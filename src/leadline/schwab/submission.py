"""Owns the one POST of an intent, and what its answer proves (reliability 4.4).

Never sends twice, never takes an answer for more than it is.
Comes from `executor`; goes back with the order to follow, with the need to search for it, or with its end as news.
"""

import asyncio
import logging

import msgspec

from leadline.core.intent import Purpose
from leadline.core.market import Market
from leadline.core.orders import OrderState
from leadline.core.ports import Clock, OrderNews
from leadline.core.units import NS_PER_S
from leadline.schwab.account_orders import AccountOrders
from leadline.schwab.errand import Errand
from leadline.schwab.http import TOO_MANY, Answer, AnswerLostError, NotSentError, name_of
from leadline.schwab.orders import order_body
from leadline.schwab.rest import message_of
from leadline.schwab.search import Search

log = logging.getLogger(__name__)

LOGIN_REFUSED = 401

REFUSALS = frozenset({400, LOGIN_REFUSED, 403, 404, 422})
"""Answers after which the broker has no order, as TOO_MANY once a list shows none (reliability 4.4).

Any other than 201 leaves that open.
"""

OPENING_AGE_MAX_NS = NS_PER_S
"""An opening that was decided longer ago stands on a market that is gone."""


class Turn(msgspec.Struct, frozen=True):
    """What the budget said when an intent came, by the boot clock: why it must not go, or whether it may go at once."""

    begun_ns: int
    against: str | None
    has_come: bool


class Submission:
    """Send orders of one account."""

    def __init__(self, orders: AccountOrders, search: Search, market: Market, clock: Clock) -> None:
        self._orders = orders
        self._search = search
        self._market = market
        self._clock = clock

    async def send(self, errand: Errand, turn: Turn) -> str | None:
        """Send the one POST; give the id of the order to follow, None if it must be searched for or is over."""
        body, against = self._body_of(errand, turn)
        if against is not None:
            self._tell_not_sent(errand, against)
            return None
        try:
            if not turn.has_come:
                await self._orders.turn()
        except asyncio.CancelledError:
            self._tell_not_sent(errand, "this run ended before the broker's limit let it through")
            raise
        errand.sent_ns = self._clock.wall_ns()
        try:
            answer, is_renewed = await self._orders.place(body)
        except NotSentError as error:
            self._tell_not_sent(errand, error.what, may_be_sent_again=True)
        except AnswerLostError as error:
            errand.tell_unknown(error.what)
        else:
            return await self._answered(errand, answer, is_renewed=is_renewed)
        return None

    def _body_of(self, errand: Errand, turn: Turn) -> tuple[bytes, str | None]:
        """Render the request, or say why it must not be sent."""
        intent = errand.intent
        listing = self._market.listings.get(intent.order.symbol)
        try:
            body = order_body(intent, listing.asset_type if listing is not None else "EQUITY")
        except ValueError as error:
            return b"", str(error)
        # The wall clock may be set back meanwhile; the boot clock knows nothing of what was before.
        age_ns = max(self._clock.wall_ns() - intent.decide_ns, self._clock.boot_ns() - turn.begun_ns)
        if intent.purpose is Purpose.OPEN and age_ns > OPENING_AGE_MAX_NS:
            return b"", "decided too long ago: this process stood still"
        return body, turn.against

    @staticmethod
    def _tell_not_sent(errand: Errand, reason: str, *, may_be_sent_again: bool = False) -> None:
        log.error("order %s was not sent: %s", errand.intent.key, reason)
        errand.tell_end(OrderNews(OrderState.NOT_SENT, reason=reason, may_be_sent_again=may_be_sent_again))

    async def _answered(self, errand: Errand, answer: Answer, *, is_renewed: bool) -> str | None:
        """Take the answer to the POST for what it proves."""
        order_id, status, key = _order_id_of(answer.location), answer.status, errand.intent.key
        place = name_of(answer.location or "missing")
        log.info("order %s: HTTP %s, Location %s, correlation id %s", key, status, place, answer.correlation_id)
        ack_ns = self._clock.wall_ns()
        news = OrderNews(OrderState.SENDING, http_status=status, sent_ns=errand.sent_ns, ack_ns=ack_ns)
        if status == 201 and order_id is not None and not self._search.is_known(order_id):
            # No acceptance yet: the id is believed once the order under it proves to be ours.
            errand.tell(msgspec.structs.replace(news, order_id=order_id))
            return order_id
        if status in REFUSALS or (status == TOO_MANY and await self._search.is_absent(errand)):
            reason = message_of(answer)
            log.error("order %s was refused: HTTP %s, %s", key, status, reason)
            may_again = status == LOGIN_REFUSED and is_renewed
            errand.tell_end(
                msgspec.structs.replace(news, state=OrderState.REFUSED, reason=reason, may_be_sent_again=may_again)
            )
        else:
            errand.tell_unknown(f"HTTP 201 with Location {place}" if status == 201 else f"HTTP {status}")
        return None


def _order_id_of(location: str | None) -> str | None:
    """Give the order id at the end of a Location; None if it is missing or holds none (Schwab API facts 2.3)."""
    last = (location or "").rstrip("/").rpartition("/")[2]
    return last if last.isascii() and last.isdigit() else None
