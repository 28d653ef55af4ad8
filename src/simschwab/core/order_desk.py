"""Owns the order endpoints: place, show, list, cancel, with Schwab's refusals.

Never answers a placed order with more than its Location: what became of it is told later.
Comes from REST routes, goes to the broker and back as responses.
"""

import msgspec

from simschwab.core.answers import Response, empty_response, json_response, trader_error
from simschwab.core.board import Board
from simschwab.core.broker import Broker
from simschwab.core.identity import Identity
from simschwab.core.order_view import order_view
from simschwab.core.orders import Order, Status
from simschwab.core.settings import Settings
from simschwab.core.ticket import Refusals, read_ticket
from simschwab.core.times import NS_PER_S, entered_time_ns

LISTED_MAX = 3000
_INVALID = "A validation error occurred while processing the request."
_DIGITS_MAX = 19  # an int64 (schwab-api.md 2.3)
_NS_PER_DAY = 86_400 * NS_PER_S


class OrderDesk:
    """Serve the order endpoints of one account."""

    def __init__(self, settings: Settings, identity: Identity, board: Board, broker: Broker) -> None:
        self._settings = settings
        self._orders_url = f"{settings.base_url}/trader/v1/accounts/{identity.account_hash}/orders"
        self._board = board
        self._broker = broker
        self.placed: Order | None = None
        """The order of the request being answered, for the ledger."""

    def place(self, body: bytes, now_ns: int) -> Response:
        """Answer POST orders: 201, no body, Location of the order; or 400."""
        try:
            decoded: object = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError):
            return trader_error(400, _INVALID, "The request body is not JSON.")
        ticket = read_ticket(decoded)
        if isinstance(ticket, Refusals):
            return trader_error(400, _INVALID, *ticket.reasons)
        if ticket.symbol not in self._board.listings:
            # Whether Schwab answers 400 or rejects later is not established [?].
            return trader_error(400, _INVALID, f"Symbol {ticket.symbol} is not known.")
        self.placed = self._broker.submit(ticket, now_ns)
        return empty_response(201, {"Location": f"{self._orders_url}/{self.placed.order_id}"})

    def shown(self, id_text: str) -> Response:
        """Answer GET of one order."""
        order = self._find(id_text)
        return _not_found(id_text) if order is None else json_response(200, self._view(order))

    def cancel(self, id_text: str, now_ns: int) -> Response:
        """Answer DELETE of one order: 200, no body; 400 when it is terminal already."""
        order = self._find(id_text)
        if order is None:
            return _not_found(id_text)
        self.placed = order
        if not self._broker.cancel(order, now_ns):
            return trader_error(400, "Order cannot be canceled.", f"Order {id_text} is {order.status}.")
        return empty_response(200)

    def listed(self, query: dict[str, str], *, days_max: int) -> Response:
        """Answer a list of orders, newest first; both times are required (schwab-api.md 2.3)."""
        from_ns = entered_time_ns(query.get("fromEnteredTime", ""))
        to_ns = entered_time_ns(query.get("toEnteredTime", ""))
        status = query.get("status")
        rows_text = query.get("maxResults", str(LISTED_MAX))
        reasons = []
        if from_ns is None or to_ns is None:
            reasons.append("fromEnteredTime and toEnteredTime are required as yyyy-MM-dd'T'HH:mm:ss.SSS'Z'.")
        elif to_ns < from_ns or to_ns - from_ns > days_max * _NS_PER_DAY:
            reasons.append(f"The date range must not be negative or longer than {days_max} days.")
        if status is not None and status not in list(Status):
            reasons.append(f"status {status} is not valid.")
        if not _is_number(rows_text):
            reasons.append("maxResults must be a number.")
        if reasons or from_ns is None or to_ns is None:
            return trader_error(400, _INVALID, *reasons)
        found = [
            self._view(order)
            for order in reversed(self._broker.orders.values())
            if from_ns <= order.entered_ns <= to_ns and status in (None, order.status)
        ]
        return json_response(200, found[: int(rows_text)])

    def _find(self, id_text: str) -> Order | None:
        return self._broker.orders.get(int(id_text)) if _is_number(id_text) else None

    def _view(self, order: Order) -> dict[str, object]:
        listing = self._board.listings[order.ticket.symbol]
        return order_view(order, self._settings.account_number, listing)


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= _DIGITS_MAX


def _not_found(id_text: str) -> Response:
    return trader_error(404, "Order not found.", f"No order {id_text} in this account.")
