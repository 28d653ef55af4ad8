"""Owns what a resting limit gets from trades: an estimate of the queue ahead of it, served by traded volume.

Never fills behind a queue: at its price what stood there before it goes first.
Comes from books and traded volume (level one), goes to the broker as shares to fill.
"""

from simschwab.core.book import Book
from simschwab.core.orders import Order


def shown_at(book: Book, price_e4: int, *, buying: bool) -> int:
    """Give the shares a side shows at exactly this price: the queue an order there joins."""
    side = book.bids if buying else book.asks
    return sum(level.size for level in side if level.price_e4 == price_e4)


def join(order: Order, book: Book) -> None:
    """Let an order's rest join the queue at its limit; a later book can only shorten its wait (others cancel)."""
    limit_e4 = order.ticket.limit_e4
    if limit_e4 is None:
        return
    shown = shown_at(book, limit_e4, buying=order.ticket.instruction.buying)
    order.ahead = shown if order.ahead is None else min(order.ahead, shown)


def served(order: Order, price_e4: int, volume: int) -> int:
    """Give how many of `volume` shares traded at a price are the order's; the queue ahead shrinks by the rest."""
    limit_e4 = order.ticket.limit_e4
    if limit_e4 is None or order.ahead is None or volume <= 0:
        return 0
    better = limit_e4 - price_e4 if order.ticket.instruction.buying else price_e4 - limit_e4
    if better < 0:
        return 0
    if better > 0:
        # The trade went through our price: whoever stood at it was filled first.
        order.ahead = 0
    passed = min(order.ahead, volume)
    order.ahead -= passed
    return min(volume - passed, order.open_quantity)
