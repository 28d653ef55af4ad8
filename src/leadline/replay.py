"""Owns the replay of a tape through the live code: same decode, same rule, no network, no credential.

Never reads a clock: time is the tape's.
Comes from `read_tape`; goes to whoever takes alerts, and ends with the counts.
"""

from collections.abc import Callable, Iterable

import msgspec

from leadline.core.alerts import Alert, EntryFilter
from leadline.core.detector import Detector
from leadline.core.imbalance import Rule
from leadline.core.market import Market, service_of
from leadline.core.units import dollars
from leadline.grok import Counts, Grok
from leadline.tape.lines import Received


class Setup(msgspec.Struct, frozen=True):
    """What a replay judges by: rule, filters, volume window, symbols (None: all) and listing letters by symbol."""

    rule: Rule
    entries: EntryFilter
    window_ns: int
    symbols: frozenset[str] | None
    listing: dict[str, str]


class Result(msgspec.Struct, frozen=True):
    """What a replay saw: counts, entries dropped by reason, and symbols that no listing names."""

    counts: Counts
    dropped: dict[str, int]
    unlisted: list[str]


def replay(frames: Iterable[Received], setup: Setup, on_alert: Callable[[Alert], None]) -> Result:
    """Run a tape through grok; alerts are handed over in the order in which they are made."""
    services = {symbol: service_of(letter) for symbol, letter in setup.listing.items()}
    detector = Detector(setup.rule, services)
    grok = Grok(
        detector,
        setup.entries,
        Market(setup.window_ns),
        symbols=setup.symbols,
        on_alert=on_alert,
        blocks_unlisted=False,
    )
    for recv_ns, frame in frames:
        grok.on_frame(frame, recv_ns)
    unlisted = sorted(symbol for symbol in grok.counts.outcomes if symbol not in services)
    return Result(grok.counts, detector.dropped, unlisted)


def alert_line(alert: Alert) -> bytes:
    """Write an alert as one JSON object; prices in dollars, duration in seconds, times UTC."""
    return msgspec.json.encode(
        {
            "recv_ns": alert.recv_ns,
            "symbol": alert.symbol,
            "direction": alert.direction,
            "ratio": alert.ratio,
            "total_bids": alert.total_bids,
            "total_asks": alert.total_asks,
            "heavy_venues": alert.heavy_venues,
            "valid_venues": alert.valid_venues,
            "price": alert.price,
            "imbalance_duration": alert.imbalance_duration,
            "bid": dollars(alert.bid),
            "ask": dollars(alert.ask),
            "vol_per_min": alert.vol_per_min,
            "streak_id": alert.streak_id,
            "entry_blocked_by": alert.entry_blocked_by,
            "service": alert.service,
            "book_ns": alert.book_ns,
        }
    )


def count_line(result: Result) -> bytes:
    """Write the counts as one JSON object; `outcomes` sums to `snapshots`."""
    return msgspec.json.encode(
        {
            "snapshots": result.counts.books,
            "frames": result.counts.frames,
            "outcomes": {outcome.value: count for outcome, count in result.counts.totals().items()},
            "dropped_entries": result.dropped,
        }
    )
