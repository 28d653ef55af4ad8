"""Owns buying power: what an account can still open.

Never counts an order that closes.
Comes from the account, the quotes and open orders; goes to the broker's rules and the account view.
"""

from collections.abc import Iterable

from simschwab.core.accounts import AccountState
from simschwab.core.board import Board
from simschwab.core.orders import Order
from simschwab.core.prices import book_price_e4
from simschwab.core.ticket import Ticket


def equity_e4(state: AccountState, board: Board) -> int:
    """Give cash and positions at their last price."""
    return state.cash_e4 + sum(
        int(held.quantity * mark_e4(symbol, held.average_e4, board)) for symbol, held in state.positions.items()
    )


def power_e4(state: AccountState, board: Board, live: Iterable[Order], margin_multiple: int) -> int:
    """Give what can still be opened: the multiple of equity, less what is held and what open orders would hold."""
    held_e4 = sum(
        int(abs(held.quantity) * mark_e4(symbol, held.average_e4, board)) for symbol, held in state.positions.items()
    )
    ordered_e4 = sum(
        order.open_quantity * price_e4(order.ticket, board) for order in live if order.ticket.instruction.opening
    )
    return max(0, margin_multiple * equity_e4(state, board) - held_e4 - ordered_e4)


def price_e4(ticket: Ticket, board: Board) -> int:
    """Give the price an order is reckoned at: its limit, else the side it would take."""
    if ticket.limit_e4 is not None:
        return ticket.limit_e4
    return book_price_e4(board.quote(ticket.symbol).get("2" if ticket.instruction.buying else "1")) or 0


def mark_e4(symbol: str, average_e4: float, board: Board) -> float:
    """Give a symbol's last price; without one, what its shares cost."""
    return book_price_e4(board.quote(symbol).get("3")) or average_e4
