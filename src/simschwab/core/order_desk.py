"""Owns the order endpoints: place, preview, replace, show, list, cancel, with Schwab's refusals.

Never answers a placed order with more than its Location: what became of it is told later.
Comes from REST routes, goes to the broker and back as responses.
"""

import msgspec

from simschwab.core.answers import Response, empty_response, json_response, trader_error
from simschwab.core.board import Board
from simschwab.core.broker import Broker
from simschwab.core.choices import Refusal
from simschwab.core.identity import Identity
from simschwab.core.order_view import order_view
from simschwab.core.orders import Order, Status
from simschwab.core.preview import preview_view
from simschwab.core.settings import Settings
from simschwab.core.ticket import Refusals, Ticket, read_ticket
from simschwab.core.times import NS_PER_S, entered_time_ns

LISTED_MAX = 3000
_INVALID = "A validation error occurred while processing the request."
_DIGITS_MAX = 19  # an int64 (schwab-api.md 2.3)
_NS_PER_DAY = 86_400 * NS_PER_S


class OrderDesk:
    """Serve the order endpoints of one account."""

    def __init__(self, settings: Settings, identity: Identity, board: Board, broker: Broker) -> None:
        self._settings = settings
        self.url = f"{settings.base_url}/trader/v1/accounts/{identity.account_hash}/orders"
        self._board = board
        self._broker = broker
        self.placed: Order | None = None
        """The order of the request being answered, for the ledger."""

    def place(self, body: bytes, now_ns: int, tag: str | None = None) -> Response:
        """Answer POST orders: 201, no body, Location of the order; or 400. A `tag` is another app's."""
        ticket = self._ticket(body)
        if isinstance(ticket, Refusals):
            return trader_error(400, _INVALID, *ticket.reasons)
        self.placed = self._broker.submit(ticket, now_ns, tag)
        return empty_response(201, {"Location": f"{self.url}/{self.placed.order_id}"})

    def replace(self, id_text: str, body: bytes, now_ns: int) -> Response:
        """Answer PUT of one order: 201, no body, Location of the new order; 400 when the old one has ended."""
        order = self._find(id_text)
        if order is None:
            return _not_found(id_text)
        ticket = self._ticket(body)
        if isinstance(ticket, Refusals):
            return trader_error(400, _INVALID, *ticket.reasons)
        if (ticket.symbol, ticket.instruction) != (order.ticket.symbol, order.ticket.instruction):
            return trader_error(400, _INVALID, "A replacement must keep the symbol and the instruction.")
        successor = self._broker.replace(order, ticket, now_ns)
        if successor is None:
            return trader_error(400, "Order cannot be replaced.", f"Order {id_text} is {order.status}.")
        self.placed = successor
        return empty_response(201, {"Location": f"{self.url}/{successor.order_id}"})

    def preview(self, body: bytes, now_ns: int) -> Response:
        """Answer POST previewOrder: what would become of an order; nothing is placed."""
        ticket = self._ticket(body)
        if isinstance(ticket, Refusals):
            return trader_error(400, _INVALID, *ticket.reasons)
        listing = self._board.listing(ticket.symbol)
        return json_response(200, preview_view(ticket, self._broker.judged(ticket, now_ns), listing))

    def _ticket(self, body: bytes) -> Ticket | Refusals:
        try:
            decoded: object = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Refusals(("The request body is not JSON.",))
        ticket = read_ticket(decoded, ioc=self._settings.ioc_accepted)
        if isinstance(ticket, Refusals):
            return ticket
        reasons = []
        if self._settings.unknown_symbol is Refusal.REFUSED and ticket.symbol not in self._board.listings:
            reasons.append(f"Symbol {ticket.symbol} is not known.")
        if self._settings.wrong_increment is Refusal.REFUSED and not ticket.on_increment:
            reasons.append("price must have 2 decimals from $1 up and 4 below.")
        return Refusals(tuple(reasons)) if reasons else ticket

    def symbol_of(self, id_text: str, body: bytes) -> frozenset[str]:
        """Give the symbol that a request is about, by its order or its body."""
        order = self._find(id_text)
        if order is not None:
            return frozenset({order.ticket.symbol})
        ticket = self._ticket(body) if body else None
        return frozenset({ticket.symbol}) if isinstance(ticket, Ticket) else frozenset()

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
            status = self._settings.late_cancel_status
            if status >= 400:
                return trader_error(status, "Order cannot be canceled.", f"Order {id_text} is {order.status}.")
        return empty_response(200)

    def listed(self, query: dict[str, str], now_ns: int, *, days_max: int) -> Response:
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
            if from_ns <= order.entered_ns <= to_ns and order.listed_ns <= now_ns and status in (None, order.status)
        ]
        return json_response(200, found[: int(rows_text)])

    def _find(self, id_text: str) -> Order | None:
        return self._broker.orders.get(int(id_text)) if _is_number(id_text) else None

    def _view(self, order: Order) -> dict[str, object]:
        listing = self._board.listing(order.ticket.symbol)
        return order_view(order, self._settings.account_number, listing)


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= _DIGITS_MAX


def _not_found(id_text: str) -> Response:
    return trader_error(404, "Order not found.", f"No order {id_text} in this account.")
