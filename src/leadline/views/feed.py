"""Owns the feed page: each symbol's last book, what became of the books, and the feed's numbers.

Never shows a stale book as a fresh one.
Comes from grok's row and the touches; goes to `ui`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from leadline.core.detector import Outcome
from leadline.core.states import SymbolState
from leadline.core.units import NS_PER_S
from leadline.views.columns import PRICE, QTY, Column
from leadline.views.processes import (
    BOOK_AGE_MAX_NS,
    Detail,
    Percentiles,
    SymbolFeed,
    TapeState,
    detail_of,
    feed_figure,
    is_alive,
)
from leadline.views.rows import ProcessRow, TouchRow
from leadline.views.words import (
    Figure,
    Tone,
    age_text,
    clock_text,
    count_text,
    micros_text,
    over,
    percent_text,
    plain,
    spaced,
)


class Watched(NamedTuple):
    """A symbol with what grok says of its books and with its last touch."""

    symbol: str
    feed: SymbolFeed
    touch: TouchRow | None


class Counted(NamedTuple):
    """A name with how often it came, and its share of all."""

    name: str
    times: int
    share_pct: float


def feed_facts(process: ProcessRow | None, now_ns: int) -> list[Figure]:
    """Give the feed's numbers since grok started."""
    detail = detail_of(process)
    decision = detail.decision_us or Percentiles()
    connected = "" if detail.connected_ns is None else f"since {clock_text(detail.connected_ns, now_ns)}"
    alive = process is not None and is_alive(process, now_ns)
    feed = feed_figure(detail, alive, now_ns)
    return [
        Figure("Connection", feed.value, connected, feed.tone),
        Figure("Coverage", percent_text(detail.coverage), "of what was asked for", _coverage_tone(detail)),
        Figure("Reconnects", count_text(detail.reconnects), f"{count_text(detail.gaps)} gaps"),
        Figure("Frames", count_text(detail.frames)),
        Figure("Books", count_text(detail.books), f"{count_text(detail.conflated)} conflated"),
        Figure("Malformed", count_text(detail.malformed), "", Tone.WARN if detail.malformed else Tone.CALM),
        Figure("Alerts", count_text(detail.alerts), "since start"),
        Figure("Decision p50", micros_text(decision.p50)),
        Figure("Decision p99", micros_text(decision.p99)),
        Figure("Rows waiting", count_text(detail.store_waiting), "for the disk"),
        _tape_figure(detail.tape),
    ]


def _coverage_tone(detail: Detail) -> Tone:
    return Tone.WARN if detail.coverage is not None and detail.coverage < 1 else Tone.CALM


def _tape_figure(tape: TapeState | None) -> Figure:
    if tape is None:
        return Figure("Tape", "off", "TAPE_DIR is not set")
    if tape.error is not None or tape.dropped_frames:
        return Figure("Tape", "NOT WHOLE", f"{count_text(tape.dropped_frames)} frames left out", Tone.WARN)
    return Figure("Tape", f"{tape.written_bytes / 1e6:,.1f} MB", f"{count_text(tape.frames)} frames")


def watched(process: ProcessRow | None, touches: Sequence[TouchRow]) -> list[Watched]:
    """Join what grok says of each symbol's books with the symbols' last touches."""
    feeds = detail_of(process).symbols or {}
    by_symbol = {touch.symbol: touch for touch in touches}
    symbols = sorted(feeds.keys() | by_symbol.keys())
    return [Watched(symbol, feeds.get(symbol) or SymbolFeed(), by_symbol.get(symbol)) for symbol in symbols]


def counted(counts: dict[str, int] | None) -> list[Counted]:
    """Give counts with their shares: outcomes in the rule's order, then other names by size."""
    counts = counts or {}
    total = sum(counts.values()) or 1
    order = {outcome.value: place for place, outcome in enumerate(Outcome)}
    names = sorted(counts, key=lambda name: (order.get(name, len(order)), -counts[name], name))
    return [Counted(spaced(name), counts[name], 100 * counts[name] / total) for name in names]


def _book_age_ns(row: Watched, now_ns: int) -> int | None:
    recv_ns = row.feed.recv_ns or (row.touch.recv_ns if row.touch else None)
    return None if recv_ns is None else now_ns - recv_ns


def _book_word(row: Watched, now_ns: int) -> str:
    age_ns = _book_age_ns(row, now_ns)
    if age_ns is None:
        return "no book"
    is_fresh = age_ns <= BOOK_AGE_MAX_NS and row.feed.state != SymbolState.STALE
    return "fresh" if is_fresh else f"STALE {age_text(age_ns)}"


FEED: tuple[Column[Watched], ...] = (
    Column("Symbol", lambda row, _: plain(row.symbol), None, 72),
    Column("Service", lambda row, _: plain(row.feed.service), None, 120),
    Column("Book", _book_word, None, 110),
    Column("Age s", lambda row, now_ns: over(_book_age_ns(row, now_ns), NS_PER_S), "%.1f", 72, "Since the last book"),
    Column("Lag ms", lambda row, _: row.feed.lag_ms, "%.1f", 72, "From BOOK_TIME to received"),
    Column("Bid size", lambda row, _: row.touch.bid_size if row.touch else None, QTY, 80),
    Column("Bid", lambda row, _: row.touch.bid if row.touch else None, PRICE, 82),
    Column("Ask", lambda row, _: row.touch.ask if row.touch else None, PRICE, 82),
    Column("Ask size", lambda row, _: row.touch.ask_size if row.touch else None, QTY, 80),
    Column("Last", lambda row, _: row.touch.last if row.touch else None, PRICE, 82),
    Column("Status", lambda row, _: plain(row.touch.status) if row.touch else "", None, 84),
)

COUNTED: tuple[Column[Counted], ...] = (
    Column("Name", lambda row, _: row.name, None, 130),
    Column("Count", lambda row, _: row.times, QTY, 90),
    Column("Share %", lambda row, _: row.share_pct, "%.1f", 76),
)
