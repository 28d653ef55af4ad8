"""Owns what faults do to an order's life: at its entry, at its fills, at its cancel.

Never moves an order but through the broker, which keeps the ledger and the account in step.
Comes from the plan's hits, goes to the broker's own steps.
"""

from dataclasses import replace
from functools import partial
from random import Random
from typing import Protocol

from simschwab.core.faults.effect import Effect, When
from simschwab.core.faults.fault import Fault
from simschwab.core.faults.place import Place
from simschwab.core.faults.plan import Hit, Plan
from simschwab.core.faults.scenario import statuses_in
from simschwab.core.matching import Execution
from simschwab.core.orders import Order, Status
from simschwab.core.prices import tick_e4
from simschwab.core.rules import Rejection
from simschwab.core.ticket import Ticket
from simschwab.core.times import NS_PER_MS


class Orders(Protocol):
    """What the broker can be told to do with an order."""

    def submit(self, ticket: Ticket, now_ns: int, tag: str | None = None) -> Order:
        """Enter an order."""

    def later(self, due_ns: int, action: "Action", order: Order) -> None:
        """Do something at a time, unless the order has ended by then."""

    def after_end(self, due_ns: int, action: "Action", order: Order) -> None:
        """Do something at a time, whatever the order's status."""

    def doom(self, order: Order, rejection: Rejection) -> None:
        """Let an order be rejected in place of its activation."""

    def reject(self, rejection: Rejection, order: Order, now_ns: int) -> None:
        """Reject an order now."""

    def move_if_legal(self, status: Status, order: Order, now_ns: int) -> None:
        """Move an order to a status, unless something else has come in between."""

    def succeed(self, tag: str, order: Order, now_ns: int) -> None:
        """Replace an order by a successor of the same kind."""

    def expire(self, order: Order, now_ns: int) -> None:
        """Let an order expire."""

    def end_cancelled(self, order: Order, now_ns: int) -> None:
        """Cancel an order now."""

    def execute(self, execution: Execution, order: Order, now_ns: int) -> None:
        """Fill an order that is live."""

    def execute_late(self, execution: Execution, order: Order, now_ns: int) -> None:
        """Fill an order beyond its end or its quantity."""

    def price_of(self, order: Order) -> int:
        """Give the price at which an order would be filled now."""


class Action(Protocol):
    """A step of an order."""

    def __call__(self, order: Order, now_ns: int, /) -> None:
        """Take the step."""


class Life:
    """Apply faults to orders."""

    def __init__(self, plan: Plan, rng: Random) -> None:
        self._plan = plan
        self._rng = rng

    def entered(self, broker: Orders, order: Order, latency_ns: int) -> int:
        """Apply what strikes an order's entry; gives its latency, longer if a fault says so."""
        for hit in self._strike(Place.ENTER, order, order.entered_ns):
            latency_ns = self._enter(broker, hit.fault, order, latency_ns)
        return latency_ns

    def executions(self, order: Order, executions: tuple[Execution, ...], now_ns: int) -> tuple[Execution, ...]:
        """Change the executions an order is about to get."""
        if not executions:
            return executions
        for hit in self._strike(Place.FILL, order, now_ns):
            fault = hit.fault
            if fault.effect is Effect.FILL_PRICE:
                factor = fault.number("factor")
                executions = tuple(replace(each, price_e4=max(1, round(each.price_e4 * factor))) for each in executions)
            elif fault.effect is Effect.SPLIT:
                executions = _split(order, executions, fault.whole("parts"), fault.whole("ticks"))
            elif fault.effect is Effect.OVERFILL:
                last = executions[-1]
                executions = (*executions, replace(last, quantity=fault.whole("quantity"), beyond=True))
        return executions

    def cancelling(self, broker: Orders, order: Order, now_ns: int, latency_ns: int) -> int | None:
        """Apply what strikes a cancel; gives its latency, or None when it never comes."""
        ignored = False
        for hit in self._strike(Place.CANCEL, order, now_ns):
            fault = hit.fault
            match fault.effect:
                case Effect.DELAY:
                    latency_ns += self._delay_ns(fault)
                case Effect.IGNORE:
                    ignored = True
                case Effect.FILL_FIRST if fault.text("when") == When.BEFORE:
                    _fill_whole(broker, order, now_ns)
                case Effect.FILL_FIRST:
                    broker.later(now_ns + latency_ns // 4, partial(_fill_whole, broker), order)
                case Effect.LATE_FILL:
                    due_ns = now_ns + latency_ns + fault.whole("ms") * NS_PER_MS
                    broker.after_end(due_ns, partial(_fill_late, broker, fault.whole("quantity")), order)
        return None if ignored else latency_ns

    def _enter(self, broker: Orders, fault: Fault, order: Order, latency_ns: int) -> int:
        match fault.effect:
            case Effect.DELAY:
                return latency_ns + self._delay_ns(fault)
            case Effect.VIA:
                return self._via(broker, fault, order, latency_ns)
            case Effect.LISTING_LAG:
                order.listed_ns = order.entered_ns + fault.whole("ms") * NS_PER_MS
            case Effect.TWIN:
                broker.submit(order.ticket, order.entered_ns, fault.text("tag"))
            case Effect.REST:
                order.held = True
            case Effect.SHOW_STATUS:
                order.shown_status = fault.text("status")
            case Effect.PARTIAL:
                order.held = True
                due_ns = order.entered_ns + latency_ns + 1
                broker.later(due_ns, partial(_fill_part, broker, fault.whole("quantity")), order)
            case Effect.REJECT if fault.text("when") == When.BEFORE:
                broker.doom(order, _rejection(fault))
            case _:
                self._later(broker, fault, order, order.entered_ns + latency_ns + fault.whole("ms") * NS_PER_MS)
        return latency_ns

    def _later(self, broker: Orders, fault: Fault, order: Order, due_ns: int) -> None:
        match fault.effect:
            case Effect.REJECT:
                broker.later(due_ns, partial(broker.reject, _rejection(fault)), order)
            case Effect.REPLACE:
                broker.later(due_ns, partial(broker.succeed, fault.text("tag")), order)
            case Effect.EXPIRE:
                broker.later(due_ns, broker.expire, order)
            case Effect.ADMIN_CANCEL:
                broker.later(due_ns, broker.end_cancelled, order)

    def _via(self, broker: Orders, fault: Fault, order: Order, latency_ns: int) -> int:
        statuses = [Status(name) for name in statuses_in(fault.text("statuses"))]
        step_ns = fault.whole("ms") * NS_PER_MS
        # The first is where it starts, whatever the usual start is: nothing was told of it yet.
        order.status = statuses[0]
        for number, status in enumerate(statuses[1:], start=1):
            broker.later(order.entered_ns + number * step_ns, partial(broker.move_if_legal, status), order)
        return latency_ns + len(statuses) * step_ns

    def _delay_ns(self, fault: Fault) -> int:
        return delay_ns(fault, self._rng)

    def _strike(self, place: Place, order: Order, now_ns: int) -> list[Hit]:
        symbols = frozenset({order.ticket.symbol})
        return self._plan.strike(place, now_ns, symbols=symbols, subject=f"order {order.order_id}")


def delay_ns(fault: Fault, rng: Random) -> int:
    """Give a delay of `ms`, or drawn between it and `ms_max`."""
    low_ms = fault.whole("ms")
    return rng.randint(low_ms, max(low_ms, fault.whole("ms_max"))) * NS_PER_MS


def _rejection(fault: Fault) -> Rejection:
    return Rejection(fault.text("rule"), fault.text("text"))


def _fill_part(broker: Orders, quantity: int, order: Order, now_ns: int) -> None:
    broker.execute(Execution(broker.price_of(order), min(quantity, order.open_quantity)), order, now_ns)


def _fill_whole(broker: Orders, order: Order, now_ns: int) -> None:
    if order.live:
        broker.execute(Execution(broker.price_of(order), order.open_quantity), order, now_ns)


def _fill_late(broker: Orders, quantity: int, order: Order, now_ns: int) -> None:
    wanted = quantity or order.canceled_quantity
    if order.status is Status.CANCELED and order.canceled_quantity:
        execution = Execution(broker.price_of(order), min(wanted, order.canceled_quantity))
        broker.execute_late(execution, order, now_ns)


def _split(order: Order, executions: tuple[Execution, ...], parts: int, ticks: int) -> tuple[Execution, ...]:
    """Split the first execution into prints; the first of them is better by some ticks."""
    first, *others = executions
    parts = min(parts, first.quantity)
    size, rest = divmod(first.quantity, parts)
    better_e4 = ticks * tick_e4(first.price_e4) * (-1 if order.ticket.instruction.buying else 1)
    prints = [
        Execution(
            max(1, first.price_e4 + (better_e4 if number == 0 else 0)),
            size + (rest if number == parts - 1 else 0),
        )
        for number in range(parts)
    ]
    return (*prints, *others)
