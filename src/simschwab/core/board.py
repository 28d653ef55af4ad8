"""Owns the last known state of the market: every symbol's book, level one fields and untaken shares.

Never decides what is sent to whom.
Comes from a market's bursts, goes to the feed, REST quotes and the broker's matching.
"""

from simschwab.core.listing import Listing, Service
from simschwab.core.market import BookItem, Burst, Entries, FieldValue
from simschwab.core.matching import Liquidity


class Board:
    """Remember what was shown last; `liquidity` follows the book of a symbol's own listing service only."""

    def __init__(self, listings: dict[str, Listing]) -> None:
        self.listings = listings
        self._books: dict[tuple[Service, str], BookItem] = {}
        self._quotes: dict[str, dict[str, FieldValue]] = {}
        self._liquidity: dict[str, Liquidity] = {}

    def open(self, burst: Burst) -> None:
        """Take in what is known before the market begins: it can be traded and quoted, but not streamed."""
        for entries in burst.entries:
            self._refresh(entries)

    def show(self, burst: Burst) -> list[str]:
        """Take in a burst; gives the symbols whose shares can be taken anew."""
        refreshed = []
        for entries in burst.entries:
            for item in entries.books:
                self._books[entries.service, item.symbol] = item
            refreshed += self._refresh(entries)
        return refreshed

    def book(self, service: Service, symbol: str) -> BookItem | None:
        """Give the last book of a symbol on a service."""
        return self._books.get((service, symbol))

    def quote(self, symbol: str) -> dict[str, FieldValue]:
        """Give all level one fields known of a symbol; empty when none are."""
        return self._quotes.get(symbol, {})

    def liquidity(self, symbol: str) -> Liquidity | None:
        """Give the shares still to be had of a symbol; None before its first book."""
        return self._liquidity.get(symbol)

    def _refresh(self, entries: Entries) -> list[str]:
        refreshed = []
        for item in entries.books:
            listing = self.listings.get(item.symbol)
            if listing is not None and listing.service is entries.service:
                self._liquidity[item.symbol] = Liquidity(item.book)
                refreshed.append(item.symbol)
        for quote in entries.quotes:
            self._quotes.setdefault(quote.symbol, {}).update(quote.changes)
        return refreshed
