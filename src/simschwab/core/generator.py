"""Owns the seeded market: one book and one quote of every symbol at each flush.

Never depends on who asks: each symbol draws from its own stream, so the same seed gives the same bytes.
Comes from the settings' seed and the listings, goes to the board and the feed as bursts.
"""

from simschwab.core.book import Book, encode_item, encode_side
from simschwab.core.dice import dice
from simschwab.core.levelone import quote_fields, static_fields
from simschwab.core.listing import Listing, Service
from simschwab.core.market import BookItem, Burst, Entries, FieldValue, QuoteItem
from simschwab.core.phases import Phase, Phases
from simschwab.core.quoting import Quoting
from simschwab.core.second_book import ARCA, nasdaq_part
from simschwab.core.times import NS_PER_MS, new_york_ms_of_day
from simschwab.core.walk import Walk

BOOK_LAG_MS = (100, 1000)
REPEAT_CHANCE = 2 / 3
QUIET_SHARE = 0.5
ONE_SIDED_AT_START = 3
"""One symbol in this many begins one-sided, and at least two do."""


class SymbolMarket:
    """Generate one symbol's snapshots."""

    def __init__(self, listing: Listing, seed: int) -> None:
        self.listing = listing
        self._rng = dice(seed, "market", listing.symbol)
        self.phases = Phases(self._rng)
        self._quiet = self._rng.random() < QUIET_SHARE
        self._walk = Walk(listing, self._rng)
        self._quoting = Quoting(listing, self._rng)
        self._book: Book | None = None
        self._sides = (b"[]", b"[]")
        self._quote: dict[str, FieldValue] = {}

    def snapshot(self, due_ns: int, phase: Phase) -> tuple[BookItem, QuoteItem | None]:
        """Give the symbol's book at a flush, and its level one changes if there are any."""
        due_ms = due_ns // NS_PER_MS
        book_ms = due_ms - self._rng.randint(*BOOK_LAG_MS)
        last = self._book
        if last is not None:
            book_ms = max(book_ms, last.book_ms + 1)
        repeat = self._quiet and phase is Phase.NEUTRAL and self._rng.random() < REPEAT_CHANCE
        if last is None or not repeat:
            return self._fresh(book_ms, due_ns, phase)
        self._book = Book(last.symbol, last.service, book_ms, last.bids, last.asks)
        return self._item(self._book), None

    def shift(self, delta_ns: int) -> None:
        """Move the phases, and the BOOK_TIME that the next must exceed."""
        self.phases.shift(delta_ns)
        if self._book is not None:
            last = self._book
            self._book = Book(last.symbol, last.service, last.book_ms + delta_ns // NS_PER_MS, last.bids, last.asks)

    def _fresh(self, book_ms: int, due_ns: int, phase: Phase) -> tuple[BookItem, QuoteItem | None]:
        walk = self._walk
        walk.step(self.phases.lean(due_ns), book_ms)
        bids, asks = self._quoting.sides(walk.bid_e4, walk.ask_e4, phase, new_york_ms_of_day(book_ms))
        self._book = Book(self.listing.symbol, self.listing.service, book_ms, bids, asks)
        self._sides = encode_side(bids), encode_side(asks)
        fields = quote_fields(self._book, walk)
        if not self._quote:
            fields |= static_fields(self.listing)
        changes = {name: value for name, value in fields.items() if self._quote.get(name) != value}
        self._quote |= changes
        return self._item(self._book), QuoteItem(self.listing.symbol, changes) if changes else None

    def _item(self, book: Book) -> BookItem:
        return BookItem(book.symbol, book, encode_item(book.symbol, book.book_ms, *self._sides))


class GeneratedMarket:
    """Flush all symbols together on a grid of `flush_ms` that starts when the market begins."""

    name = "generator"
    finished = False

    def __init__(self, listings: dict[str, Listing], seed: int, flush_ms: int, *, arca_on_nasdaq: bool = False) -> None:
        self.listings = listings
        self._arca_on_nasdaq = arca_on_nasdaq
        self._seed = seed
        self._flush_ns = flush_ms * NS_PER_MS
        self._symbols = [SymbolMarket(listing, seed) for listing in listings.values()]
        self._factor = 1.0
        self._next_ns: int | None = None

    def shift(self, delta_ns: int) -> None:
        """Move the next flush, the phases and what BOOK_TIMEs follow."""
        if self._next_ns is not None:
            self._next_ns += delta_ns
        for symbol in self._symbols:
            symbol.shift(delta_ns)

    def pace(self, factor: float) -> None:
        """Flush `factor` times as often."""
        self._factor = factor

    def opening(self, now_ns: int) -> tuple[Burst, ...]:
        """Give one neutral book of every symbol, for orders and quotes before anybody streams."""
        return self._burst(now_ns, [symbol.snapshot(now_ns, Phase.NEUTRAL) for symbol in self._symbols])

    def begin(self, now_ns: int) -> None:
        """Start the grid, a third of the symbols one-sided at once."""
        count = max(2, len(self._symbols) // ONE_SIDED_AT_START)
        order = sorted(self.listings)
        dice(self._seed, "phases").shuffle(order)
        one_sided = frozenset(order[:count])
        for symbol in self._symbols:
            symbol.phases.begin(now_ns, one_sided=symbol.listing.symbol in one_sided)
        self._next_ns = now_ns

    def next_due_ns(self) -> int | None:
        """Give the time of the next flush; None before the market begins."""
        return self._next_ns

    def step(self, due_ns: int) -> tuple[Burst, ...]:
        """Flush every symbol."""
        self._next_ns = due_ns + max(1, int(self._flush_ns / self._factor))
        return self._burst(due_ns, [symbol.snapshot(due_ns, symbol.phases.advance(due_ns)) for symbol in self._symbols])

    def _burst(self, due_ns: int, items: list[tuple[BookItem, QuoteItem | None]]) -> tuple[Burst, ...]:
        timestamp_ms = due_ns // NS_PER_MS
        quotes = tuple(quote for _, quote in items if quote is not None)
        bursts = [Burst((Entries(Service.LEVELONE_EQUITIES, timestamp_ms, quotes=quotes),))]
        for service in (Service.NASDAQ_BOOK, Service.NYSE_BOOK):
            books = tuple(item for item, _ in items if item.book.service is service)
            if service is Service.NASDAQ_BOOK and self._arca_on_nasdaq:
                shared = (item for item, _ in items if self.listings[item.symbol].letter == ARCA)
                books += tuple(book for item in shared if (book := nasdaq_part(item.book)) is not None)
            bursts.append(Burst((Entries(service, timestamp_ms, books=books),)))
        return tuple(bursts)
