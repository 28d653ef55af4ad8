"""Owns what a source of market data gives: bursts of entries, due at a time.

Never knows who is subscribed; the feed chooses from a burst what a connection gets.
Comes from the generator or the tape, goes to the board and the feed.
"""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from simschwab.core.book import Book
from simschwab.core.listing import Listing, Service

FieldValue: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class BookItem:
    """Hold one symbol's new book and its wire bytes."""

    symbol: str
    book: Book
    payload: bytes


@dataclass(frozen=True, slots=True)
class QuoteItem:
    """Hold the level one fields of one symbol that changed, by their wire names."""

    symbol: str
    changes: dict[str, FieldValue]


@dataclass(frozen=True, slots=True)
class Entries:
    """Hold one `data` entry of a frame: a service, its envelope time and its items."""

    service: Service
    timestamp_ms: int
    books: tuple[BookItem, ...] = ()
    quotes: tuple[QuoteItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Burst:
    """Hold the entries that leave together in one frame."""

    entries: tuple[Entries, ...]


class Market(Protocol):
    """Provide market data from the moment it is begun."""

    @property
    def name(self) -> str:
        """The source in words, for the status page."""

    @property
    def listings(self) -> dict[str, Listing]:
        """The symbols it knows."""

    @property
    def finished(self) -> bool:
        """Whether nothing will come any more."""

    def opening(self, now_ns: int, /) -> tuple[Burst, ...]:
        """Give what is known before the market begins."""

    def begin(self, now_ns: int) -> None:
        """Start the market's time."""

    def shift(self, delta_ns: int) -> None:
        """Move everything to come, when the clock is set."""

    def pace(self, factor: float) -> None:
        """Let it run `factor` times as fast as its own pace from the next burst on."""

    def next_due_ns(self) -> int | None:
        """Give the time of the next burst; None when none will come by itself."""

    def step(self, due_ns: int) -> tuple[Burst, ...]:
        """Give the bursts due at `due_ns`, which `next_due_ns` has named."""
