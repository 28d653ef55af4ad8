"""Owns the numbered fields of LEVELONE_EQUITIES.

Never sends more than a subscriber asked for, apart from the four unnumbered words of a first item.
Comes from the generator's book and walk, goes to the feed and to REST quotes.
"""

from simschwab.core.book import Book
from simschwab.core.listing import Listing
from simschwab.core.market import FieldValue
from simschwab.core.prices import wire_price
from simschwab.core.venues import level_one_id
from simschwab.core.walk import Walk

UNNUMBERED = frozenset({"delayed", "assetMainType", "assetSubType", "cusip"})
"""Sent with a symbol's first item whatever fields were asked for (schwab-api.md 1.5)."""

TIME_FIELDS = ("34", "35", "36", "37", "38")
"""Quote, trade, regular trade, bid and ask time, all epoch milliseconds."""


def quote_fields(book: Book, walk: Walk) -> dict[str, FieldValue]:
    """Give the fields that move, by wire number (table in schwab-api.md 1.5)."""
    bid, ask = book.bids[0], book.asks[0]
    return {
        "1": wire_price(bid.price_e4),
        "2": wire_price(ask.price_e4),
        "3": wire_price(walk.last_e4),
        "4": bid.entries[0].size,
        "5": ask.entries[0].size,
        "6": level_one_id(ask.entries[0].venue),
        "7": level_one_id(bid.entries[0].venue),
        "8": walk.volume,
        "9": walk.last_size,
        "10": wire_price(walk.high_e4),
        "11": wire_price(walk.low_e4),
        "12": wire_price(walk.close_e4),
        "17": wire_price(walk.open_e4),
        "18": wire_price(walk.last_e4 - walk.close_e4),
        "32": "Normal",
        "33": wire_price(walk.last_e4),
        "34": book.book_ms,
        "35": walk.trade_ms or book.book_ms,
        "37": book.book_ms,
        "38": book.book_ms,
    }


def static_fields(listing: Listing) -> dict[str, FieldValue]:
    """Give the fields of a first item that never move."""
    return {
        "13": listing.letter,
        "14": True,
        "15": listing.description,
        "25": listing.exchange_name,
        "46": 0,
        "47": 0,
        "48": 0,
        "49": 1,
        "delayed": False,
        "assetMainType": "EQUITY",
        "assetSubType": "ETF" if listing.fund else "COE",
        "cusip": listing.cusip,
    }
