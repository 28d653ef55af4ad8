"""Owns faults that strike by time alone: hands in other apps, halts, revocations, notices, clocks and partitions.

Never acts before its moment, and ends what it began when its time is over.
Comes from the plan, goes to the broker, board, tokens, streamer, market and link.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from simschwab.core.accounts import Account
from simschwab.core.agenda import Agenda
from simschwab.core.events import Adjusted
from simschwab.core.faults.effect import Effect, Revoked
from simschwab.core.faults.fault import Fault
from simschwab.core.faults.link import Link
from simschwab.core.faults.plan import Plan
from simschwab.core.ledger import Ledger
from simschwab.core.oauth import OAuth
from simschwab.core.prices import decimal_price, on_increment, to_e4, wire_price
from simschwab.core.ticket import Duration, Instruction, OrderType, Ticket
from simschwab.core.times import NS_PER_MS, NS_PER_S


class Stage(Protocol):
    """What the exchange lets happen."""

    def halt(self, symbol: str, now_ns: int) -> None:
        """Halt a symbol."""

    def resume(self, symbol: str, now_ns: int) -> None:
        """Resume a symbol."""

    def set_offset(self, offset_ns: int) -> None:
        """Set the clock off."""

    def pace(self, factor: float) -> None:
        """Let the market run faster."""

    def hand_order(self, ticket: Ticket, tag: str, now_ns: int) -> None:
        """Enter an order of another app."""

    def close_streams(self, ws_code: int, now_ns: int) -> None:
        """Close every stream."""

    def notice(self, text: str, now_ns: int) -> None:
        """Tell a plain text on ACCT_ACTIVITY."""

    def evict(self, now_ns: int) -> None:
        """Let the user log in elsewhere."""

    def restrict(self, *, restricted: bool) -> None:
        """Let the account only close, or open again."""


class Moments:
    """Do what is due by time."""

    def __init__(self, plan: Plan, stage: Stage, *, link: Link, oauth: OAuth, account: Account, ledger: Ledger) -> None:
        self._plan = plan
        self._stage = stage
        self._link = link
        self._oauth = oauth
        self._account = account
        self._ledger = ledger
        self._ends: Agenda[Callable[[int], None]] = Agenda()

    def next_due_ns(self) -> int | None:
        """Give when something begins or ends."""
        dues = (self._plan.next_due_ns(), self._ends.next_due_ns())
        return min((due for due in dues if due is not None), default=None)

    def step(self, due_ns: int) -> None:
        """Begin and end what is due."""
        while (end := self._ends.pop_due(due_ns)) is not None:
            end(due_ns)
        for hit in self._plan.take_due(due_ns):
            self._begin(hit.fault, due_ns)

    def shift(self, delta_ns: int) -> None:
        """Move what will end, when the clock is set."""
        self._ends.shift(delta_ns)

    def _begin(self, fault: Fault, now_ns: int) -> None:
        match fault.effect:
            case Effect.HALT | Effect.RESTRICT | Effect.PARTITION | Effect.HALF_OPEN | Effect.FLOOD | Effect.SLOW_READ:
                self._begin_span(fault, now_ns)
            case Effect.HAND_ORDER:
                self._stage.hand_order(ticket_of(fault), fault.text("tag"), now_ns)
            case Effect.ADJUST:
                self._adjust(fault, now_ns)
            case Effect.REVOKE:
                self._oauth.revoke(refresh=fault.text("token") == Revoked.REFRESH)
            case Effect.NOTICE:
                self._stage.notice(fault.text("text"), now_ns)
            case Effect.CLOCK:
                self._stage.set_offset(int(fault.number("offset_s") * 1000) * NS_PER_MS)
            case Effect.CLOSE:
                self._stage.close_streams(fault.whole("code"), now_ns)
            case Effect.EVICT:
                self._stage.evict(now_ns)

    def _begin_span(self, fault: Fault, now_ns: int) -> None:
        end_ns = now_ns + int(fault.number("for_s") * NS_PER_S)
        stage = self._stage
        match fault.effect:
            case Effect.HALT:
                symbol = fault.symbol or ""
                stage.halt(symbol, now_ns)
                self._ends.add(end_ns, partial(stage.resume, symbol))
            case Effect.RESTRICT:
                stage.restrict(restricted=True)
                self._ends.add(end_ns, lambda _now_ns: stage.restrict(restricted=False))
            case Effect.PARTITION:
                self._link.part(end_ns)
                self._ends.add(end_ns, partial(stage.close_streams, 1006))
            case Effect.HALF_OPEN:
                self._link.silence(end_ns)
            case Effect.SLOW_READ:
                self._link.slow(end_ns, fault.whole("ms") * NS_PER_MS)
            case Effect.FLOOD:
                stage.pace(fault.number("factor"))
                self._ends.add(end_ns, lambda _now_ns: stage.pace(1.0))

    def _adjust(self, fault: Fault, now_ns: int) -> None:
        symbol, shares = fault.symbol or "", fault.whole("shares")
        price = decimal_price(fault.text("price"))
        price_e4 = to_e4(price) if price is not None else 0
        self._account.adjust(symbol, shares, price_e4, now_ns)
        event = Adjusted(*self._ledger.stamp(), symbol=symbol, shares=shares, price=wire_price(price_e4))
        self._ledger.add(event)


def ticket_of(fault: Fault) -> Ticket:
    """Give the ticket of a hand in another app; what is written wrong was refused when the scenario was read."""
    price = decimal_price(fault.text("price")) if fault.text("price") else None
    return Ticket(
        symbol=fault.symbol or "",
        instruction=Instruction(fault.text("instruction")),
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        quantity=fault.whole("quantity"),
        limit_e4=None if price is None else to_e4(price),
        duration=Duration.DAY,
        session="NORMAL",
        on_increment=price is None or on_increment(price),
    )
