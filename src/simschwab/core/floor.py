"""Owns the working orders: what each gets from the book, from traded volume, or because a fault says so.

Never decides that an order is cancelled, rejected or expired.
Comes from the broker (orders that work), new books and trades; goes to the account and the chronicle.
"""

from collections.abc import Callable

from simschwab.core.accounts import Account
from simschwab.core.board import Board, Trade
from simschwab.core.calendar import Calendar
from simschwab.core.chronicle import Chronicle
from simschwab.core.faults.life import Action, Life
from simschwab.core.matching import Execution
from simschwab.core.orders import Fill, Order
from simschwab.core.resting import join, served
from simschwab.core.ticket import Duration

_IMMEDIATE = frozenset({Duration.FILL_OR_KILL, Duration.IMMEDIATE_OR_CANCEL})


class Floor:
    """Fill working orders, earliest first; `ended` hears of an order filled whole, `out` cancels what cannot wait."""

    def __init__(
        self,
        board: Board,
        *,
        calendar: Calendar,
        account: Account,
        chronicle: Chronicle,
        life: Life,
        ended: Callable[[Order], None],
        out: Action,
    ) -> None:
        self._board = board
        self._calendar = calendar
        self._account = account
        self._chronicle = chronicle
        self._life = life
        self._ended = ended
        self._out = out
        self._working: dict[int, Order] = {}
        self.fill_count = 0

    def admit(self, order: Order, now_ns: int) -> None:
        """Let an order work; it is matched at once."""
        self._working[order.order_id] = order
        self._match(order, now_ns)

    def dismiss(self, order: Order) -> None:
        """Let an order work no more."""
        self._working.pop(order.order_id, None)

    def rematch(self, symbol: str, now_ns: int) -> None:
        """Try the resting orders of a symbol against its new book."""
        for order in self._of(symbol):
            self._match(order, now_ns)

    def traded(self, trade: Trade, now_ns: int) -> None:
        """Let the queue at each resting limit be served by traded volume; a share serves one order."""
        volume = trade.volume
        for order in self._of(trade.symbol):
            limit_e4 = order.ticket.limit_e4
            if limit_e4 is not None and self._can_match(order, now_ns):
                shares = served(order, trade.price_e4, volume)
                volume -= shares
                self._fill(order, (Execution(limit_e4, shares),) if shares else (), now_ns)

    def execute(self, execution: Execution, order: Order, now_ns: int) -> None:
        """Fill an order that is live."""
        fill = self._booked(execution, order, now_ns)
        order.fill(fill)
        self._chronicle.fill(order, fill)
        if not order.live:
            self._ended(order)

    def execute_late(self, execution: Execution, order: Order, now_ns: int) -> None:
        """Fill an order beyond its end or its quantity."""
        status, live = order.status, order.live
        fill = self._booked(execution, order, now_ns)
        order.fill_late(fill)
        self._chronicle.fill(order, fill)
        if live and not order.live:
            self._ended(order)
        elif order.status is not status:
            self._chronicle.state(order)

    def _of(self, symbol: str) -> list[Order]:
        return [order for order in self._working.values() if order.ticket.symbol == symbol]

    def _booked(self, execution: Execution, order: Order, now_ns: int) -> Fill:
        ticket = order.ticket
        fill = Fill(self._chronicle.execution_id(), execution.quantity, execution.price_e4, now_ns)
        self.fill_count += 1
        self._account.fill(ticket.symbol, ticket.instruction, fill.quantity, fill.price_e4, now_ns)
        return fill

    def _can_match(self, order: Order, now_ns: int) -> bool:
        halted = order.ticket.symbol in self._board.halted
        return order.live and not order.held and not halted and self._calendar.is_open(order.ticket.session, now_ns)

    def _match(self, order: Order, now_ns: int) -> None:
        ticket = order.ticket
        liquidity = self._board.liquidity(ticket.symbol)
        if liquidity is None or not self._can_match(order, now_ns):
            return
        buying, limit_e4 = ticket.instruction.buying, ticket.limit_e4
        if ticket.duration is Duration.FILL_OR_KILL and (
            liquidity.available(buying=buying, limit_e4=limit_e4) < ticket.quantity
        ):
            self._out(order, now_ns)
            return
        self._fill(order, liquidity.take(order.open_quantity, buying=buying, limit_e4=limit_e4), now_ns)
        if order.live:
            join(order, liquidity.book)
            if ticket.duration in _IMMEDIATE:
                self._out(order, now_ns)

    def _fill(self, order: Order, executions: tuple[Execution, ...], now_ns: int) -> None:
        for execution in self._life.executions(order, executions, now_ns):
            if execution.beyond:
                self.execute_late(execution, order, now_ns)
            else:
                self.execute(execution, order, now_ns)
