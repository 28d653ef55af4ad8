"""Owns what a connection is sent of a burst: its services, its symbols, its fields.

Never encodes a book; level one items are encoded once per set of fields.
Comes from bursts, the board and a connection's subscriptions, goes to frames.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from simschwab.core.activity.scene import Activity
from simschwab.core.board import Board
from simschwab.core.events import BookRef
from simschwab.core.frames import Frame, data_entry, data_frame
from simschwab.core.levelone import UNNUMBERED
from simschwab.core.listing import BOOK_SERVICES, Service
from simschwab.core.market import BookItem, Burst, Entries, FieldValue, QuoteItem
from simschwab.core.subscriptions import Fields, Subscriptions
from simschwab.core.times import NS_PER_MS

_ENCODER = msgspec.json.Encoder()

Item = tuple[bytes, BookRef | None]


def burst_frames(burst: Burst, subscriptions: Subscriptions, books_per_frame: int) -> list[Frame]:
    """Give a burst's frames for a connection: one, or as many as `books_per_frame` (0: no limit) asks for."""
    chosen = [(entries, _items(entries, subscriptions)) for entries in burst.entries]
    chosen = [(entries, items) for entries, items in chosen if items]
    if not chosen:
        return []
    if books_per_frame and len(chosen) == 1:
        entries, items = chosen[0]
        return [_frame([(entries, part)]) for part in _parts(items, books_per_frame)]
    return [_frame(chosen)]


def last_known(
    board: Board, service: Service, symbols: Sequence[str], subscriptions: Subscriptions, now_ns: int
) -> list[Frame]:
    """Give what is known of newly subscribed symbols: books come at once, also hours old ones."""
    timestamp_ms = now_ns // NS_PER_MS
    if service in BOOK_SERVICES:
        known = (board.book(service, symbol) for symbol in symbols)
        entries = Entries(service, timestamp_ms, books=tuple(item for item in known if item is not None))
    else:
        quotes = tuple(QuoteItem(symbol, board.quote(symbol)) for symbol in symbols if board.quote(symbol))
        entries = Entries(service, timestamp_ms, quotes=quotes)
    items = _items(entries, subscriptions)
    return [_frame([(entries, items)])] if items else []


def activity_frame(messages: Sequence[tuple[int, Activity]], account: str, key: str, now_ns: int) -> Frame:
    """Give a frame of ACCT_ACTIVITY messages; the data of each is a JSON text inside the JSON."""
    items = [
        _ENCODER.encode({"seq": seq, "key": key, "1": account, "2": message.kind, "3": message.data})
        for seq, message in messages
    ]
    return data_frame([data_entry(Service.ACCT_ACTIVITY, now_ns // NS_PER_MS, items)])


def _items(entries: Entries, subscriptions: Subscriptions) -> list[Item]:
    keys = subscriptions.keys(entries.service)
    if not keys:
        return []
    books: list[Item] = [(book.payload, _reference(book)) for book in entries.books if book.symbol in keys]
    fields = subscriptions.fields(entries.service)
    return books or list(_quotes(entries.quotes, keys, fields))


def _quotes(quotes: Sequence[QuoteItem], keys: dict[str, None], fields: Fields) -> Iterator[Item]:
    wanted = frozenset(fields) | UNNUMBERED
    for quote in quotes:
        if quote.symbol in keys:
            item: dict[str, FieldValue] = {"key": quote.symbol}
            item |= {name: value for name, value in quote.changes.items() if name in wanted}
            if len(item) > 1:
                yield _ENCODER.encode(item), None


def _reference(item: BookItem) -> BookRef:
    return BookRef(item.symbol, item.book.service, item.book.book_ms)


def _parts(items: list[Item], size: int) -> Iterator[list[Item]]:
    remaining = iter(items)
    while part := list(islice(remaining, size)):
        yield part


def _frame(chosen: Sequence[tuple[Entries, list[Item]]]) -> Frame:
    encoded = [
        data_entry(entries.service, entries.timestamp_ms, [payload for payload, _ in items])
        for entries, items in chosen
    ]
    books = tuple(book for _, items in chosen for _, book in items if book is not None)
    return data_frame(encoded, books)
