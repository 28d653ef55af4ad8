"""Owns how market data looks under this user's terms: delayed, shortable or not, halted symbols left out.

Never changes a price.
Comes from a market's bursts, goes to the board and the feed.
"""

from collections.abc import Set as AbstractSet
from dataclasses import replace

from simschwab.core.levelone import TIME_FIELDS
from simschwab.core.market import BookItem, Burst, Entries, QuoteItem
from simschwab.core.settings import Settings, symbols_in

DELAY_MS = 15 * 60_000
_SHORTABLE = "49"
_HARD = "48"


class Terms:
    """Apply a user's terms to bursts."""

    def __init__(self, settings: Settings) -> None:
        self._delayed = settings.delayed_quotes
        self._not_shortable = symbols_in(settings.not_shortable)
        self._hard = symbols_in(settings.hard_to_borrow)
        self._plain = not (self._delayed or self._not_shortable or self._hard)

    def applied(self, burst: Burst, halted: AbstractSet[str]) -> Burst:
        """Give the burst as this user may see it."""
        if self._plain and not halted:
            return burst
        return Burst(tuple(self._entries(entries, halted) for entries in burst.entries))

    def _entries(self, entries: Entries, halted: AbstractSet[str]) -> Entries:
        books: tuple[BookItem, ...] = tuple(book for book in entries.books if book.symbol not in halted)
        quotes = tuple(self._quote(quote) for quote in entries.quotes if quote.symbol not in halted)
        return replace(entries, books=books, quotes=quotes)

    def _quote(self, quote: QuoteItem) -> QuoteItem:
        changes = dict(quote.changes)
        if _SHORTABLE in changes and quote.symbol in self._not_shortable:
            changes[_SHORTABLE] = 0
        if _HARD in changes and quote.symbol in self._hard:
            changes[_HARD] = 1
        if self._delayed:
            if "delayed" in changes:
                changes["delayed"] = True
            for name in TIME_FIELDS:
                moment_ms = changes.get(name)
                if isinstance(moment_ms, int):
                    changes[name] = moment_ms - DELAY_MS
        return QuoteItem(quote.symbol, changes)
