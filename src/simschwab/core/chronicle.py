"""Owns what is told of orders: each state and fill to the ledger, each step to ACCT_ACTIVITY.

Never changes an order.
Comes from the broker, goes to the ledger at once and to the streamer when it asks.
"""

from simschwab.core.activity.fill import fill_completed
from simschwab.core.activity.scene import Activity, Scene
from simschwab.core.board import Board
from simschwab.core.events import Filled, OrderState
from simschwab.core.ledger import Ledger
from simschwab.core.orders import Fill, Order
from simschwab.core.prices import wire_price


class Chronicle:
    """Tell the orders of one account; execution ids count up."""

    def __init__(self, account_number: str, board: Board, ledger: Ledger, first_execution_id: int) -> None:
        self._account_number = account_number
        self._board = board
        self._ledger = ledger
        self._next_execution_id = first_execution_id
        self._told: list[Activity] = []

    def tell(self, *messages: Activity) -> None:
        """Tell messages to ACCT_ACTIVITY."""
        self._told += messages

    def take(self) -> list[Activity]:
        """Give the messages told since the last call."""
        told, self._told = self._told, []
        return told

    def scene(self, order: Order, now_ns: int) -> Scene:
        """Give what a message about an order needs."""
        symbol = order.ticket.symbol
        return Scene(self._account_number, order, self._board.listing(symbol), self._board.quote(symbol), now_ns)

    def state(self, order: Order) -> None:
        """Record an order's status."""
        event = OrderState(
            *self._ledger.stamp(),
            order_id=order.order_id,
            symbol=order.ticket.symbol,
            status=order.status,
        )
        self._ledger.add(event)

    def fill(self, order: Order, fill: Fill) -> None:
        """Record a fill that the order holds already, and tell it."""
        event = Filled(
            *self._ledger.stamp(),
            order_id=order.order_id,
            symbol=order.ticket.symbol,
            instruction=order.ticket.instruction,
            quantity=fill.quantity,
            price=wire_price(fill.price_e4),
            cumulative=order.filled,
        )
        self._ledger.add(event)
        self.tell(fill_completed(self.scene(order, fill.filled_ns), fill))

    def execution_id(self) -> int:
        """Give the next execution's id."""
        self._next_execution_id += 1
        return self._next_execution_id
