"""Owns the life of every order: entry, activation, fills, cancel, rejection, each at its own time.

Never fills beyond the visible book or an order's limit, and tells each step to the activity stream and ledger.
Comes from REST (tickets, cancels) and new books, goes to the account, activity messages and the ledger.
"""

from enum import Enum, auto

from simschwab.core.accounts import Account
from simschwab.core.activity import entry, out, route
from simschwab.core.activity.fill import fill_completed
from simschwab.core.activity.scene import Activity, Scene
from simschwab.core.agenda import Agenda
from simschwab.core.board import Board
from simschwab.core.dice import dice
from simschwab.core.events import Filled, OrderState
from simschwab.core.ledger import Ledger
from simschwab.core.matching import Execution
from simschwab.core.orders import Fill, Order, Status
from simschwab.core.prices import E4_PER_DOLLAR, wire_price
from simschwab.core.rules import Rejection, rejection_of
from simschwab.core.settings import Settings
from simschwab.core.ticket import Duration, Ticket
from simschwab.core.times import NS_PER_MS

_FIRST_ORDER_ID = 1_005_600_000_000
_FIRST_EXECUTION_ID = 70_000_000_000


class Step(Enum):
    """Name what can be due for an order."""

    ANNOUNCE = auto()
    ACTIVATE = auto()
    ACCEPT_CANCEL = auto()
    CANCEL = auto()


class Broker:
    """Run the orders of one account."""

    def __init__(self, settings: Settings, board: Board, ledger: Ledger) -> None:
        self._settings = settings
        self._board = board
        self._ledger = ledger
        self._rng = dice(settings.seed, "broker")
        self._agenda: Agenda[tuple[Step, Order]] = Agenda()
        self._active_ns: dict[int, int] = {}
        self._doomed: dict[int, Rejection] = {}
        self._live: dict[int, Order] = {}
        self._working: dict[int, Order] = {}
        self._next_order_id = _FIRST_ORDER_ID + self._rng.randrange(10**9)
        self._next_execution_id = _FIRST_EXECUTION_ID + self._rng.randrange(10**9)
        self._told: list[Activity] = []
        self.account = Account(settings.cash_dollars * E4_PER_DOLLAR, settings.account_lag_ms * NS_PER_MS)
        self.orders: dict[int, Order] = {}
        self.fill_count = 0

    def submit(self, ticket: Ticket, now_ns: int) -> Order:
        """Enter an order: it is answered at once and works, fills or is rejected after its latency."""
        order = Order(self._next_order_id, ticket, f"TA_{self._settings.account_number}", now_ns)
        self._next_order_id += self._rng.randint(1, 40)
        # Judged at entry and told at activation, so that of two sells for one position the first wins.
        siblings = (
            other
            for other in self._live.values()
            if other.ticket.symbol == ticket.symbol and other.order_id not in self._doomed
        )
        rejection = rejection_of(ticket, self.account.quantity(ticket.symbol), siblings)
        if rejection is not None:
            self._doomed[order.order_id] = rejection
        self.orders[order.order_id] = self._live[order.order_id] = order
        self._record(order)
        latency_ns = self._latency_ns()
        self._agenda.add(now_ns + latency_ns // 2, (Step.ANNOUNCE, order))
        self._active_ns[order.order_id] = now_ns + latency_ns
        self._agenda.add(now_ns + latency_ns, (Step.ACTIVATE, order))
        return order

    def cancel(self, order: Order, now_ns: int) -> bool:
        """Ask for a cancel; False when the order is terminal. A fill can still come first."""
        if not order.live:
            return False
        if order.status is not Status.PENDING_CANCEL:
            self._move(order, Status.PENDING_CANCEL, now_ns)
            latency_ns = self._latency_ns()
            # A cancel never overtakes its order: the order may fill first.
            active_ns = self._active_ns.get(order.order_id, now_ns)
            self._agenda.add(max(active_ns, now_ns + latency_ns // 2), (Step.ACCEPT_CANCEL, order))
            self._agenda.add(max(active_ns, now_ns + latency_ns), (Step.CANCEL, order))
        return True

    def next_due_ns(self) -> int | None:
        """Give when the next step of an order is due."""
        return self._agenda.next_due_ns()

    def step(self, due_ns: int) -> None:
        """Do the steps due at `due_ns`."""
        while (due := self._agenda.pop_due(due_ns)) is not None:
            step, order = due
            if order.live:
                self._do(step, order, due_ns)

    def rematch(self, symbol: str, now_ns: int) -> None:
        """Try the resting orders of a symbol against its new book, earliest first."""
        for order in [order for order in self._working.values() if order.ticket.symbol == symbol]:
            self._match(order, now_ns)

    def take_activity(self) -> list[Activity]:
        """Give the messages told since the last call."""
        told, self._told = self._told, []
        return told

    def _do(self, step: Step, order: Order, now_ns: int) -> None:
        match step:
            case Step.ANNOUNCE:
                self._announce(order, now_ns)
            case Step.ACTIVATE:
                self._activate(order, now_ns)
            case Step.ACCEPT_CANCEL:
                scene = self._scene(order, now_ns)
                self._told += [
                    out.cancel_accepted(scene),
                    route.execution_requested(scene, cancel=True),
                ]
            case Step.CANCEL:
                self._cancel(order, now_ns)

    def _announce(self, order: Order, now_ns: int) -> None:
        scene = self._scene(order, now_ns)
        self._told.append(entry.created(scene))
        if order.order_id not in self._doomed:
            self._told += [entry.accepted(scene), route.execution_requested(scene)]

    def _activate(self, order: Order, now_ns: int) -> None:
        rejection = self._doomed.pop(order.order_id, None)
        scene = self._scene(order, now_ns)
        if rejection is not None:
            order.description = rejection.description
            self._move(order, Status.REJECTED, now_ns)
            self._told.append(out.order_out(scene, self._execution_id(), rejection))
            return
        self._told += [route.request_created(scene), route.request_completed(scene)]
        if order.status is not Status.PENDING_CANCEL:
            self._move(order, Status.WORKING, now_ns)
        self._working[order.order_id] = order
        self._match(order, now_ns)

    def _match(self, order: Order, now_ns: int) -> None:
        ticket = order.ticket
        liquidity = self._board.liquidity(ticket.symbol)
        if liquidity is None:
            return
        buying, limit_e4 = ticket.instruction.buying, ticket.limit_e4
        if ticket.duration is Duration.FILL_OR_KILL and (
            liquidity.available(buying=buying, limit_e4=limit_e4) < ticket.quantity
        ):
            self._cancel(order, now_ns)
            return
        for execution in liquidity.take(order.open_quantity, buying=buying, limit_e4=limit_e4):
            self._fill(order, execution, now_ns)

    def _fill(self, order: Order, execution: Execution, now_ns: int) -> None:
        ticket = order.ticket
        fill = Fill(self._execution_id(), execution.quantity, execution.price_e4, now_ns)
        order.fill(fill)
        self.fill_count += 1
        self.account.fill(ticket.symbol, ticket.instruction, fill.quantity, fill.price_e4, now_ns)
        self._ledger.add(
            Filled(
                *self._ledger.stamp(),
                order_id=order.order_id,
                symbol=ticket.symbol,
                instruction=ticket.instruction,
                quantity=fill.quantity,
                price=wire_price(fill.price_e4),
                cumulative=order.filled,
            )
        )
        self._told.append(fill_completed(self._scene(order, now_ns), fill))
        if not order.live:
            self._ended(order)

    def _cancel(self, order: Order, now_ns: int) -> None:
        self._move(order, Status.CANCELED, now_ns)
        scene = self._scene(order, now_ns)
        execution_id = self._execution_id()
        self._told += [
            route.cancel_request_completed(scene),
            out.execution_created_out(scene, execution_id),
            out.order_out(scene, execution_id),
        ]

    def _move(self, order: Order, status: Status, now_ns: int) -> None:
        order.move(status, now_ns)
        if order.live:
            self._record(order)
        else:
            self._ended(order)

    def _ended(self, order: Order) -> None:
        self._live.pop(order.order_id, None)
        self._active_ns.pop(order.order_id, None)
        self._working.pop(order.order_id, None)
        self._record(order)

    def _record(self, order: Order) -> None:
        state = OrderState(
            *self._ledger.stamp(),
            order_id=order.order_id,
            symbol=order.ticket.symbol,
            status=order.status,
        )
        self._ledger.add(state)

    def _latency_ns(self) -> int:
        low_ms, high_ms = self._settings.order_latency_low_ms, self._settings.order_latency_high_ms
        return self._rng.randint(low_ms * NS_PER_MS, high_ms * NS_PER_MS)

    def _execution_id(self) -> int:
        self._next_execution_id += 1
        return self._next_execution_id

    def _scene(self, order: Order, now_ns: int) -> Scene:
        symbol = order.ticket.symbol
        return Scene(
            self._settings.account_number,
            order,
            self._board.listings[symbol],
            self._board.quote(symbol),
            now_ns,
        )
