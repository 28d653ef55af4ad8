"""Owns the book that NASDAQ_BOOK shows of a symbol listed on Arca: NSDQ and market makers only (schwab-api.md 0.3).

Never adds shares that can be traded with: orders meet the listing service's book.
Comes from the listing service's book, goes to the generator's burst.
"""

from typing import Final

from simschwab.core.book import Book, Entry, Level, encode_item, encode_side
from simschwab.core.listing import Service
from simschwab.core.market import BookItem
from simschwab.core.prices import CENT_E4
from simschwab.core.venues import ODD_LOT_VENUE

ARCA: Final = "P"
_STUB_SIZE: Final = 100
_STUBS: Final = (("ETMM", 12), ("GSCO", 140), ("VIRT", 2_600))


def nasdaq_part(book: Book) -> BookItem | None:
    """Give NASDAQ_BOOK's book beside NYSE_BOOK's; None while NSDQ quotes on neither side."""
    bids, asks = _part(book.bids, -1), _part(book.asks, 1)
    if not bids or not asks:
        return None
    part = Book(book.symbol, Service.NASDAQ_BOOK, book.book_ms, bids, asks)
    return BookItem(book.symbol, part, encode_item(book.symbol, book.book_ms, encode_side(bids), encode_side(asks)))


def _part(levels: tuple[Level, ...], away: int) -> tuple[Level, ...]:
    own = [
        Level(level.price_e4, entry.size, (entry,))
        for level in levels
        for entry in level.entries
        if entry.venue == ODD_LOT_VENUE
    ]
    if not own:
        return ()
    first = own[0]
    # The tail is stub quotes of market makers, far behind (schwab-api.md 1.5).
    stubs = [
        Level(price_e4, _STUB_SIZE, (Entry(maker, _STUB_SIZE, first.entries[0].quote_ms),))
        for maker, cents in _STUBS
        if (price_e4 := first.price_e4 + away * cents * CENT_E4) > 0
    ]
    return (*own, *stubs)
