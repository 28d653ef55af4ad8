"""Owns the life of every order: entry, activation, cancel, rejection, replacement, expiry, each at its own time.

Never fills an order by itself: that is the floor's.
Comes from REST (tickets, cancels) and faults, goes to the floor and, by the chronicle, to all who are told.
"""

from functools import partial

from simschwab.core.accounts import Account, AccountState
from simschwab.core.activity import entry, out, route
from simschwab.core.agenda import Agenda
from simschwab.core.board import Board
from simschwab.core.calendar import Calendar
from simschwab.core.choices import Untimely
from simschwab.core.chronicle import Chronicle
from simschwab.core.dice import dice
from simschwab.core.faults.life import Action, Life
from simschwab.core.faults.plan import Plan
from simschwab.core.floor import Floor
from simschwab.core.latency import Latency
from simschwab.core.ledger import Ledger
from simschwab.core.orders import Order, Status
from simschwab.core.power import mark_e4, power_e4, price_e4
from simschwab.core.prices import E4_PER_DOLLAR
from simschwab.core.rules import Circumstances, Rejection, Rules
from simschwab.core.settings import Settings
from simschwab.core.ticket import Duration, Ticket
from simschwab.core.times import NS_PER_MS

_FIRST_ORDER_ID = 1_005_600_000_000
_FIRST_EXECUTION_ID = 70_000_000_000
_ON_THE_WAY_OUT = frozenset({Status.PENDING_CANCEL, Status.PENDING_REPLACE, Status.AWAITING_UR_OUT})


class Broker:
    """Run the orders of one account."""

    def __init__(self, settings: Settings, board: Board, ledger: Ledger, plan: Plan) -> None:
        self._settings = settings
        self._board = board
        self._rng = dice(settings.seed, "broker")
        self._latency = Latency(settings, self._rng)
        self._life = Life(plan, dice(settings.seed, "faults", "life"))
        self._agenda: Agenda[tuple[Action, Order, bool]] = Agenda()
        self._closes: Agenda[tuple[Action, Order, bool]] = Agenda()
        self._active_ns: dict[int, int] = {}
        self._doomed: dict[int, Rejection] = {}
        self._live: dict[int, Order] = {}
        self._next_order_id = _FIRST_ORDER_ID + self._rng.randrange(10**9)
        first_execution_id = _FIRST_EXECUTION_ID + self._rng.randrange(10**9)
        self.chronicle = Chronicle(settings.account_number, board, ledger, first_execution_id)
        self.calendar = Calendar(settings)
        self.rules = Rules(settings)
        self.account = Account(settings.cash_dollars * E4_PER_DOLLAR, settings.account_lag_ms * NS_PER_MS)
        self.floor = Floor(
            board,
            calendar=self.calendar,
            account=self.account,
            chronicle=self.chronicle,
            life=self._life,
            ended=self._ended,
            out=self.end_cancelled,
        )
        self.execute = self.floor.execute
        self.execute_late = self.floor.execute_late
        self.orders: dict[int, Order] = {}
        self.restricted = False
        """Whether the account is closing only."""

    def submit(self, ticket: Ticket, now_ns: int, tag: str | None = None) -> Order:
        """Enter an order: it is answered at once and works, fills or is rejected after its latency.

        One with a `tag` comes from another app: faults at the entry do not strike it.
        """
        order = Order(self._next_order_id, ticket, tag or f"TA_{self._settings.account_number}", now_ns)
        order.listed_ns = now_ns + self._settings.listing_lag_ms * NS_PER_MS
        self._next_order_id += self._rng.randint(1, 40)
        # Judged at entry and told at activation, so that of two sells for one position the first wins.
        rejection = self.judged(ticket, now_ns)
        if rejection is not None:
            self._doomed[order.order_id] = rejection
        self.orders[order.order_id] = self._live[order.order_id] = order
        latency_ns = self._latency.draw_ns()
        if tag is None:
            latency_ns = self._life.entered(self, order, latency_ns)
        self.chronicle.state(order)
        self._active_ns[order.order_id] = now_ns + latency_ns
        self.later(now_ns + latency_ns // 2, self._announce, order)
        self.later(now_ns + latency_ns, self._activate, order)
        return order

    def judged(self, ticket: Ticket, now_ns: int) -> Rejection | None:
        """Give why a ticket would be rejected now."""
        siblings = tuple(
            order
            for order in self._live.values()
            if order.ticket.symbol == ticket.symbol and order.order_id not in self._doomed
        )
        timely = self._settings.untimely is Untimely.QUEUED and ticket.duration is not Duration.FILL_OR_KILL
        seen = Circumstances(
            position=self.account.quantity(ticket.symbol),
            live=siblings,
            price_e4=price_e4(ticket, self._board),
            market_e4=round(mark_e4(ticket.symbol, 0.0, self._board)),
            power_e4=self.power_e4(),
            known=ticket.symbol in self._board.listings,
            session_open=timely or self.calendar.is_open(ticket.session, now_ns),
        )
        return self.rules.rejection_of(ticket, seen)

    def power_e4(self) -> int:
        """Give the account's true buying power."""
        return self.seen_power_e4(self.account.true)

    def seen_power_e4(self, state: AccountState) -> int:
        """Give the buying power that a state of the account has, beside the open orders."""
        if self.restricted:
            return 0
        sound = [order for order in self._live.values() if order.order_id not in self._doomed]
        return power_e4(state, self._board, sound, self._settings.margin_multiple)

    def cancel(self, order: Order, now_ns: int) -> bool:
        """Ask for a cancel; False when the order has ended or is being replaced. A fill can still come first."""
        if order.live and order.status not in _ON_THE_WAY_OUT:
            latency_ns = self._life.cancelling(self, order, now_ns, self._latency.draw_ns())
            if not order.live:
                return False
            self.move_if_legal(Status.PENDING_CANCEL, order, now_ns)
            if latency_ns is not None:
                # A cancel never overtakes its order: the order may fill first.
                active_ns = self._active_ns.get(order.order_id, now_ns)
                self.later(max(active_ns, now_ns + latency_ns // 2), self._accept_cancel, order)
                self.later(max(active_ns, now_ns + latency_ns), self.end_cancelled, order)
        return order.live and order.status is not Status.PENDING_REPLACE

    def replace(self, order: Order, ticket: Ticket, now_ns: int) -> Order | None:
        """Ask for a replacement; gives the new order, or None when the old one is terminal or on its way out."""
        if not order.can_move(Status.PENDING_REPLACE):
            return None
        self.move(Status.PENDING_REPLACE, order, now_ns)
        latency_ns = self._latency.draw_ns()
        successor = Order(self._next_order_id, ticket, order.tag, now_ns, listed_ns=now_ns)
        self._next_order_id += self._rng.randint(1, 40)
        self.orders[successor.order_id] = self._live[successor.order_id] = successor
        self.chronicle.state(successor)
        due_ns = max(self._active_ns.get(order.order_id, now_ns), now_ns + latency_ns)
        self.after_end(due_ns, partial(self._replaced_by, successor), order)
        return successor

    @property
    def fill_count(self) -> int:
        """How many executions there were."""
        return self.floor.fill_count

    def next_due_ns(self) -> int | None:
        """Give when the next step of an order is due."""
        dues = (self._agenda.next_due_ns(), self._closes.next_due_ns())
        return min((due for due in dues if due is not None), default=None)

    def step(self, due_ns: int) -> None:
        """Do the steps due at `due_ns`."""
        for agenda in (self._agenda, self._closes):
            while (due := agenda.pop_due(due_ns)) is not None:
                action, order, even_ended = due
                if order.live or even_ended:
                    action(order, due_ns)

    def shift(self, delta_ns: int) -> None:
        """Move what is on its way, when the clock is set; what the calendar decides stays where it is."""
        self._agenda.shift(delta_ns)
        self.account.shift(delta_ns)
        self._active_ns = {number: due_ns + delta_ns for number, due_ns in self._active_ns.items()}

    def later(self, due_ns: int, action: Action, order: Order) -> None:
        """Do something at a time, unless the order has ended by then."""
        self._agenda.add(due_ns, (action, order, False))

    def after_end(self, due_ns: int, action: Action, order: Order) -> None:
        """Do something at a time, whatever the order's status."""
        self._agenda.add(due_ns, (action, order, True))

    def doom(self, order: Order, rejection: Rejection) -> None:
        """Let an order be rejected in place of its activation."""
        self._doomed[order.order_id] = rejection

    def reject(self, rejection: Rejection, order: Order, now_ns: int) -> None:
        """Reject an order now."""
        scene = self.chronicle.scene(order, now_ns)
        order.description = rejection.description
        self.move(Status.REJECTED, order, now_ns)
        self.chronicle.tell(out.order_out(scene, self.chronicle.execution_id(), rejection))

    def succeed(self, tag: str, order: Order, now_ns: int) -> None:
        """Replace an order by a successor of the same kind, as Schwab's desk does unasked (reliability.md 3.4)."""
        ticket = order.ticket.resized(order.open_quantity)
        self._retire(order, now_ns)
        successor = self.submit(ticket, now_ns, tag)
        order.successor_id = successor.order_id
        self.chronicle.tell(out.cancel_accepted(self.chronicle.scene(order, now_ns), successor.order_id))

    def expire(self, order: Order, now_ns: int) -> None:
        """Let an order expire."""
        self.move(Status.EXPIRED, order, now_ns)
        self.chronicle.tell(out.expired(self.chronicle.scene(order, now_ns)))

    def end_cancelled(self, order: Order, now_ns: int) -> None:
        """Cancel an order now."""
        self.move(Status.CANCELED, order, now_ns)
        scene = self.chronicle.scene(order, now_ns)
        execution_id = self.chronicle.execution_id()
        self.chronicle.tell(
            route.cancel_request_completed(scene),
            out.execution_created_out(scene, execution_id),
            out.order_out(scene, execution_id),
        )

    def price_of(self, order: Order) -> int:
        """Give the price at which an order would be filled now: its limit, else the touch, else a dollar."""
        return price_e4(order.ticket, self._board) or E4_PER_DOLLAR

    def move(self, status: Status, order: Order, now_ns: int) -> None:
        """Move an order to a status."""
        order.move(status, now_ns)
        if order.live:
            self.chronicle.state(order)
        else:
            self._ended(order)

    def move_if_legal(self, status: Status, order: Order, now_ns: int) -> None:
        """Move an order to a status, unless something else has come in between."""
        if order.can_move(status):
            self.move(status, order, now_ns)

    def _announce(self, order: Order, now_ns: int) -> None:
        scene = self.chronicle.scene(order, now_ns)
        self.chronicle.tell(entry.created(scene))
        if order.order_id not in self._doomed:
            self.chronicle.tell(entry.accepted(scene), route.execution_requested(scene))

    def _activate(self, order: Order, now_ns: int) -> None:
        rejection = self._doomed.pop(order.order_id, None)
        if rejection is not None:
            self.reject(rejection, order, now_ns)
            return
        session = order.ticket.session
        if not self.calendar.is_open(session, now_ns):
            if order.status not in _ON_THE_WAY_OUT:
                self.move_if_legal(Status.QUEUED, order, now_ns)
            self._closes.add(self.calendar.next_open_ns(session, now_ns), (self._activate, order, False))
            return
        scene = self.chronicle.scene(order, now_ns)
        self.chronicle.tell(route.request_created(scene), route.request_completed(scene))
        if order.status not in (*_ON_THE_WAY_OUT, Status.WORKING):
            self.move(Status.WORKING, order, now_ns)
        close_ns = self.calendar.close_ns(session, now_ns)
        if close_ns is not None and order.ticket.duration is Duration.DAY:
            self._closes.add(close_ns, (self.expire, order, False))
        self.floor.admit(order, now_ns)

    def _accept_cancel(self, order: Order, now_ns: int) -> None:
        if self._settings.cancel_by_ur_out:
            self.move_if_legal(Status.AWAITING_UR_OUT, order, now_ns)
        scene = self.chronicle.scene(order, now_ns)
        self.chronicle.tell(out.cancel_accepted(scene), route.execution_requested(scene, cancel=True))

    def _replaced_by(self, successor: Order, order: Order, now_ns: int) -> None:
        if not order.live:
            self.doom(successor, Rejection("Sim_Replaced_Too_Late", f"Order {order.order_id} is {order.status}."))
        else:
            order.successor_id = successor.order_id
            self._retire(order, now_ns)
            self.chronicle.tell(out.cancel_accepted(self.chronicle.scene(order, now_ns), successor.order_id))
            rejection = self.judged(successor.ticket, now_ns) if successor.ticket.instruction.opening else None
            if rejection is not None:
                self.doom(successor, rejection)
        self._announce(successor, now_ns)
        self.later(now_ns + 1, self._activate, successor)

    def _retire(self, order: Order, now_ns: int) -> None:
        self.move(Status.REPLACED, order, now_ns)
        scene = self.chronicle.scene(order, now_ns)
        self.chronicle.tell(out.order_out(scene, self.chronicle.execution_id()))

    def _ended(self, order: Order) -> None:
        self._live.pop(order.order_id, None)
        self._active_ns.pop(order.order_id, None)
        self.floor.dismiss(order)
        self._doomed.pop(order.order_id, None)
        self.chronicle.state(order)
