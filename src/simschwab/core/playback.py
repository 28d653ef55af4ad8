"""Owns playing a tape as if it happened now: every time in a frame is moved by one whole number of ms.

Never changes a price, a size, the order of levels or of BOOK_TIMEs; at its own pace every lag is kept to the ms.
Comes from a tape, goes to the board and the feed as bursts.
"""

import msgspec

from simschwab.core.book import Book, Entry, Level
from simschwab.core.levelone import TIME_FIELDS
from simschwab.core.listing import BOOK_SERVICES, Listing, Service
from simschwab.core.market import BookItem, Burst, Entries, QuoteItem
from simschwab.core.prices import book_price_e4
from simschwab.core.tape import Tape, TapeFrame, data_entries
from simschwab.core.times import MS_PER_DAY, NS_PER_MS

_ENCODER = msgspec.json.Encoder()
_SIDES = ("2", "3")
_SERVICES = frozenset({*BOOK_SERVICES, Service.LEVELONE_EQUITIES})


class TapeMarket:
    """Play a tape from the moment the market begins, `speed` times as fast as it was recorded."""

    name = "tape"

    def __init__(self, tape: Tape, speed: float) -> None:
        self._frames = tape.frames
        self._own_speed = speed
        self._speed = speed
        self._listings = tape.listings
        self._begun_ns: int | None = None
        self._next = 0
        self._last_due_ns = 0
        self._book_times = BookTimes()

    @property
    def listings(self) -> dict[str, Listing]:
        """The symbols on the tape."""
        return self._listings

    @property
    def finished(self) -> bool:
        """Whether the last frame was played."""
        return self._next >= len(self._frames)

    def opening(self, _now_ns: int, /) -> tuple[Burst, ...]:
        """Give nothing: before its first frame a tape tells no book."""
        return ()

    def begin(self, now_ns: int) -> None:
        """Start playing; the first frame is due at once."""
        self._begun_ns = now_ns
        self._last_due_ns = now_ns

    def shift(self, delta_ns: int) -> None:
        """Move what is still to be played; BOOK_TIMEs forget what they followed."""
        if self._begun_ns is not None:
            self._begun_ns += delta_ns
        self._last_due_ns += delta_ns
        self._book_times = BookTimes()

    def pace(self, factor: float) -> None:
        """Play `factor` times as fast as started, from the next frame on."""
        if self._begun_ns is not None and not self.finished:
            # The point on the tape stays; only what is ahead of it comes faster.
            played_ns = self._frames[max(0, self._next - 1)].recv_ns - self._frames[0].recv_ns
            self._begun_ns = self._last_due_ns - int(played_ns / (self._own_speed * factor))
        self._speed = self._own_speed * factor

    def next_due_ns(self) -> int | None:
        """Give the time of the next frame; never before the frame ahead of it."""
        if self._begun_ns is None or self.finished:
            return None
        since_first_ns = self._frames[self._next].recv_ns - self._frames[0].recv_ns
        return max(self._last_due_ns, self._begun_ns + int(since_first_ns / self._speed))

    def step(self, due_ns: int) -> tuple[Burst, ...]:
        """Give the next frame, moved to `due_ns`."""
        self._last_due_ns = due_ns
        frame = self._frames[self._next]
        self._next += 1
        return (shifted(frame, (due_ns - frame.recv_ns) // NS_PER_MS, self._book_times),)


class BookTimes:
    """Move BOOK_TIMEs so that what was later, equal or earlier stays so, and keep lags as far as that allows.

    Played faster than it was recorded, a tape whose lags are kept exactly would let a later book come out as an
    earlier one: lags differ by more than the frames are then apart.
    """

    def __init__(self) -> None:
        self._latest: dict[tuple[Service, str], tuple[int, int]] = {}

    def moved(self, service: Service, symbol: str, book_ms: int, delta_ms: int) -> int:
        """Give the moved BOOK_TIME of a symbol's next book."""
        moved_ms = book_ms + delta_ms
        latest = self._latest.get((service, symbol))
        if latest is not None:
            latest_ms, latest_moved_ms = latest
            if book_ms == latest_ms:
                return latest_moved_ms
            if book_ms < latest_ms:
                return min(moved_ms, latest_moved_ms - 1)
            moved_ms = max(moved_ms, latest_moved_ms + 1)
        self._latest[service, symbol] = (book_ms, moved_ms)
        return moved_ms


def shifted(frame: TapeFrame, delta_ms: int, book_times: BookTimes) -> Burst:
    """Give a recorded frame's entries with all their times moved by `delta_ms`."""
    burst = []
    for entry in data_entries(frame.frame):
        service, timestamp_ms, content = entry.get("service"), entry["timestamp"], entry["content"]
        if not isinstance(service, str) or service not in _SERVICES:
            continue
        assert isinstance(timestamp_ms, int)
        assert isinstance(content, list)
        items = [item for item in content if isinstance(item, dict) and isinstance(item.get("key"), str)]
        name = Service(service)
        if name in BOOK_SERVICES:
            books = tuple(_book_item(name, item, delta_ms, book_times) for item in items)
            burst.append(Entries(name, timestamp_ms + delta_ms, books=books))
        else:
            quotes = tuple(_quote_item(item, delta_ms) for item in items)
            burst.append(Entries(name, timestamp_ms + delta_ms, quotes=quotes))
    return Burst(tuple(burst))


def _book_item(service: Service, item: dict[str, object], delta_ms: int, book_times: BookTimes) -> BookItem:
    moved = dict(item)
    symbol = str(item["key"])
    book_ms = item.get("1")
    if type(book_ms) is int:
        moved["1"] = book_ms = book_times.moved(service, symbol, book_ms, delta_ms)
    for side in _SIDES:
        levels = item.get(side)
        if isinstance(levels, list):
            moved[side] = [_shift_level(level, delta_ms) for level in levels]
    book = Book(
        symbol,
        service,
        book_ms if isinstance(book_ms, int) else 0,
        _levels(moved.get("2"), bids=True),
        _levels(moved.get("3"), bids=False),
    )
    return BookItem(symbol, book, _ENCODER.encode(moved))


def _shift_level(level: object, delta_ms: int) -> object:
    entries = level.get("3") if isinstance(level, dict) else None
    if not isinstance(level, dict) or not isinstance(entries, list):
        return level
    return level | {"3": [_shift_entry(entry, delta_ms) for entry in entries]}


def _shift_entry(entry: object, delta_ms: int) -> object:
    quote_ms = entry.get("2") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or type(quote_ms) is not int:
        return entry
    return entry | {"2": (quote_ms + delta_ms) % MS_PER_DAY}


def _levels(side: object, *, bids: bool) -> tuple[Level, ...]:
    """Read what orders can trade with; a level that is not readable holds no shares for us."""
    levels = []
    for level in side if isinstance(side, list) else []:
        price_e4 = book_price_e4(level.get("0")) if isinstance(level, dict) else None
        size = level.get("1") if isinstance(level, dict) else None
        if price_e4 is not None and type(size) is int and size > 0:
            levels.append(Level(price_e4, size, _entries(level.get("3"))))
    return tuple(sorted(levels, key=lambda level: level.price_e4, reverse=bids))


def _entries(entries: object) -> tuple[Entry, ...]:
    readable = []
    for entry in entries if isinstance(entries, list) else []:
        values = (entry.get("0"), entry.get("1"), entry.get("2")) if isinstance(entry, dict) else ()
        if [type(value) for value in values] == [str, int, int]:
            readable.append(Entry(*values))
    return tuple(readable)


def _quote_item(item: dict[str, object], delta_ms: int) -> QuoteItem:
    changes = {name: value for name, value in item.items() if isinstance(value, (str, int, float, bool))}
    symbol = str(changes.pop("key"))
    for name in TIME_FIELDS:
        moment_ms = changes.get(name)
        if type(moment_ms) is int and moment_ms > 0:
            changes[name] = moment_ms + delta_ms
    return QuoteItem(symbol, dict(changes))
