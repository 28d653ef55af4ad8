"""Owns who runs, how grok's feed is, and the table of processes.

Never believes a heartbeat that is old.
Comes from rows of `processes`; goes to the title bar, the feed page and `ui`.
"""

from collections.abc import Iterable

import msgspec

from leadline.core.units import NS_PER_S
from leadline.views.columns import Column
from leadline.views.rows import ProcessRow
from leadline.views.words import Figure, Tone, age_text, clock_text, plain

HEARTBEAT_AGE_MAX_NS = 5 * NS_PER_S
"""A process that has not written for longer is not running."""

BOOK_AGE_MAX_NS = 10 * NS_PER_S
"""A book or touch that is older is stale: MAX_BOOK_AGE_SEC as it comes (design 4.5)."""

STOPPED = "STOPPED"

GROK = "grok"
"""The role of the process that streams, detects and persists."""


class SymbolFeed(msgspec.Struct, frozen=True):
    """One symbol's last book, as grok says it."""

    service: str | None = None
    recv_ns: int | None = None
    lag_ms: float | None = None
    state: str | None = None


class TapeState(msgspec.Struct, frozen=True):
    """How the recording is."""

    frames: int = 0
    dropped_frames: int = 0
    written_bytes: int = 0
    error: str | None = None


class Percentiles(msgspec.Struct, frozen=True):
    """Microseconds from frame to decision."""

    p50: float | None = None
    p99: float | None = None


class Detail(msgspec.Struct, frozen=True):
    """What grok writes beyond its columns; whatever is missing is not known."""

    connection: str | None = None
    connected_ns: int | None = None
    reconnects: int | None = None
    degraded: str | None = None
    coverage: float | None = None
    gaps: int | None = None
    alarms: tuple[str, ...] = ()
    conflated: int | None = None
    tape: TapeState | None = None
    frames: int | None = None
    books: int | None = None
    malformed: int | None = None
    outcomes: dict[str, int] | None = None
    dropped: dict[str, int] | None = None
    alerts: int | None = None
    symbols: dict[str, SymbolFeed] | None = None
    trader: str | None = None
    orders_last_minute: int | None = None
    order_budget: int | None = None
    decision_us: Percentiles | None = None
    store_waiting: int | None = None
    store_error: str | None = None
    is_readable: bool = True


def detail_of(process: ProcessRow | None) -> Detail:
    """Read what a process says of itself; what cannot be read is not known."""
    if process is None:
        return Detail()
    try:
        return msgspec.json.decode(process.detail, type=Detail)
    except msgspec.DecodeError:
        return Detail(is_readable=False)


def grok_of(processes: Iterable[ProcessRow]) -> ProcessRow | None:
    """Give grok's row."""
    return next((process for process in processes if process.role == GROK), None)


def is_alive(process: ProcessRow, now_ns: int) -> bool:
    """Tell whether a process runs: it has not said that it stopped, and its heartbeat is near `now_ns`."""
    return process.state != STOPPED and abs(now_ns - process.heartbeat_ns) <= HEARTBEAT_AGE_MAX_NS


_FEED_TONES = {"streaming": Tone.GOOD, "connecting": Tone.WARN, "lost": Tone.BAD}


def feed_figure(detail: Detail, alive: bool, now_ns: int) -> Figure:
    """Say how the feed is and how old its last book."""
    if not alive:
        return Figure("Feed", "not running", "", Tone.BAD)
    newest_ns = max((feed.recv_ns or 0 for feed in (detail.symbols or {}).values()), default=0)
    word = plain(detail.connection) or "unknown"
    tone = _FEED_TONES.get(word, Tone.WARN)
    if not newest_ns:
        return Figure("Feed", word, "no book yet", Tone.WARN if tone is Tone.GOOD else tone)
    age_ns = now_ns - newest_ns
    is_stale = tone is Tone.GOOD and age_ns > BOOK_AGE_MAX_NS
    return Figure(
        "Feed", f"{word}, stale" if is_stale else word, f"book {age_text(age_ns)} ago", Tone.WARN if is_stale else tone
    )


PROCESSES: tuple[Column[ProcessRow], ...] = (
    Column("Role", lambda row, _: plain(row.role), None, 80),
    Column("Runs", lambda row, now_ns: "yes" if is_alive(row, now_ns) else "NO", None, 56),
    Column("State", lambda row, _: plain(row.state), None, 90),
    Column("Mode", lambda row, _: plain(row.mode).upper(), None, 70),
    Column("Last seen", lambda row, now_ns: clock_text(row.heartbeat_ns, now_ns), None, 110, "New York"),
    Column("Started", lambda row, now_ns: clock_text(row.started_ns, now_ns), None, 110, "New York"),
    Column("Process", lambda row, _: row.pid, "%d", 74),
    Column("Version", lambda row, _: plain(row.version), None, 74),
    Column("Settings", lambda row, _: plain(row.config_hash), None, 110, "Hash of the settings it runs with"),
)
