"""Owns the demo's figures: what the simulator's ledger says happened beside what our database says.

Never takes our own word for a latency or a position: both come from the simulator.
Comes from the ledger and the database; goes to the screen and the last line.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from leadline.store import queries
from leadline.store.rows import Cause

MICROSECOND_NS = 1_000


class BookRef(msgspec.Struct):
    """A book inside a frame of the ledger."""

    symbol: str
    book_ms: int


class Event(msgspec.Struct):
    """One event of the simulator's ledger, as far as it is used."""

    kind: str
    mono_ns: int
    frame: str | None = None
    books: list[BookRef] = []
    method: str | None = None
    order_id: int | None = None


class LedgerPage(msgspec.Struct):
    """An answer of `/sim/ledger`."""

    next: int
    events: list[Event]


class SimStatus(msgspec.Struct):
    """An answer of `/sim/status`, as far as it is used."""

    positions: dict[str, int]


class Latency(msgspec.Struct):
    """Frame sent to order received, by the simulator's clock, in microseconds."""

    p50: float | None = None
    p99: float | None = None


class Tally(msgspec.Struct):
    """The demo's last line."""

    frames: int
    books: int
    alerts: int
    orders: int
    fills: int
    dispositions: dict[str, int]
    positions_equal: bool
    frame_to_order_us: Latency
    db: str


class Ledger:
    """Keep what the simulator's ledger has told so far."""

    def __init__(self) -> None:
        self.next = 0
        self.frames = 0
        self.books = 0
        self._sent_ns: dict[tuple[str, int], int] = {}
        self._received_ns: dict[str, int] = {}

    def take(self, page: LedgerPage) -> None:
        """Take the events since the last page."""
        self.next = page.next
        for event in page.events:
            if event.kind == "frame_out" and event.frame == "data":
                self.frames += 1
                self.books += len(event.books)
                for book in event.books:
                    self._sent_ns[book.symbol, book.book_ms] = event.mono_ns
            elif event.kind == "request_in" and event.method == "POST" and event.order_id is not None:
                self._received_ns[str(event.order_id)] = event.mono_ns

    def latency(self, causes: Iterable[Cause]) -> Latency:
        """Give how long the orders took that a frame caused: each is set against the very book of its alert."""
        times_ns = sorted(
            received_ns - sent_ns
            for cause in causes
            if (received_ns := self._received_ns.get(cause.order_id)) is not None
            and (sent_ns := self._sent_ns.get((cause.symbol, cause.book_ms))) is not None
        )
        if not times_ns:
            return Latency()
        return Latency(*(times_ns[len(times_ns) * part // 100] / MICROSECOND_NS for part in (50, 99)))


def tally_of(db_path: Path, ledger: Ledger, broker: dict[str, int]) -> Tally:
    """Add up one run."""
    with queries.reading(db_path) as connection:
        summary = queries.summary(connection)
        ours = {row.symbol: row.ours_qty for row in queries.positions(connection, 0)}
        causes = queries.causes(connection)
    symbols = ours.keys() | broker.keys()
    return Tally(
        frames=ledger.frames,
        books=ledger.books,
        alerts=summary.alerts,
        orders=summary.orders,
        fills=summary.fills,
        dispositions=summary.dispositions,
        positions_equal=all(ours.get(symbol, 0) == broker.get(symbol, 0) for symbol in symbols),
        frame_to_order_us=ledger.latency(causes),
        db=str(db_path),
    )
