"""Owns the last known state of the market: every symbol's book, level one fields and untaken shares.

Never decides what is sent to whom.
Comes from a market's bursts, goes to the feed, REST quotes and the broker's matching.
"""

from dataclasses import dataclass

from simschwab.core.listing import Listing, Service, listing_of
from simschwab.core.market import BookItem, Burst, Entries, FieldValue
from simschwab.core.matching import Liquidity
from simschwab.core.prices import book_price_e4


@dataclass(frozen=True, slots=True)
class Trade:
    """Hold shares traded since the last quote, all taken to be at its last price."""

    symbol: str
    price_e4: int
    volume: int


class Board:
    """Remember what was shown last; `liquidity` follows the book of a symbol's own listing service only."""

    def __init__(self, listings: dict[str, Listing]) -> None:
        self.listings = listings
        self._books: dict[tuple[Service, str], BookItem] = {}
        self._quotes: dict[str, dict[str, FieldValue]] = {}
        self._liquidity: dict[str, Liquidity] = {}
        self._trades: list[Trade] = []
        self.halted: set[str] = set()
        """Symbols whose trading is halted: nothing of them is shown or filled."""

    def listing(self, symbol: str) -> Listing:
        """Give a symbol's listing; one that does not exist gets what its name looks like."""
        return self.listings.get(symbol) or listing_of(symbol)

    def take_trades(self) -> list["Trade"]:
        """Give what was traded since the last call, as level one told it."""
        trades, self._trades = self._trades, []
        return trades

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
            known = self._quotes.setdefault(quote.symbol, {})
            volume_before = known.get("8")
            known.update(quote.changes)
            volume, price_e4 = known.get("8"), book_price_e4(known.get("3"))
            if isinstance(volume, int) and isinstance(volume_before, int) and price_e4 and volume > volume_before:
                self._trades.append(Trade(quote.symbol, price_e4, volume - volume_before))
        return refreshed
