"""Owns the replay of a tape through the live code: same decode, same rule, no network, no credential.

Never reads a clock: time is the tape's.
Comes from a tape's reader; goes to whoever takes alerts, and ends with the counts.
"""

import hashlib
from collections.abc import Callable, Iterable

import msgspec

from leadline.core.alerts import Alert, EntryFilter
from leadline.core.detector import Detector, Outcome
from leadline.core.imbalance import Rule
from leadline.core.market import Market, service_of
from leadline.core.nearness import NearMiss
from leadline.core.thresholds import Change, Thresholds
from leadline.core.units import NS_PER_S, dollars
from leadline.grok import Counts, Grok
from leadline.tape.lines import Received
from leadline.tape.reader import Played, Recorded
from leadline.tape.records import LOST, Gap


class Setup(msgspec.Struct, frozen=True):
    """What a replay judges by: rule, filters, volume window, symbols (None: all) and listing letters by symbol.

    `blocks_unlisted` is how a live run treats a symbol without a listing: its alerts open nothing. `changes` are what
    differs from rule and filters by symbol and time.
    """

    rule: Rule
    entries: EntryFilter
    window_ns: int
    symbols: frozenset[str] | None
    listing: dict[str, str]
    blocks_unlisted: bool = False
    changes: tuple[Change, ...] = ()


class Result(msgspec.Struct):
    """What a replay saw: counts, entries dropped by reason, symbols that no listing names, frames the tape lacks."""

    counts: Counts
    dropped: dict[str, int]
    unlisted: list[str]
    missing_frames: int = 0


class AlertLines:
    """Write alerts as lines and keep their sum: two runs that judged alike have the same `sha256`."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()
        self.count = 0

    def line(self, alert: Alert) -> bytes:
        """Give an alert's line, its end included."""
        return self.add(alert_line(alert))

    def add(self, text: bytes) -> bytes:
        """Count a line that was written from a row."""
        line = text + b"\n"
        self._sum.update(line)
        self.count += 1
        return line

    @property
    def sha256(self) -> str:
        """Give the sum over all lines so far."""
        return self._sum.hexdigest()


def replay(
    items: Iterable[Received | Played],
    setup: Setup,
    on_alert: Callable[[Alert], None],
    on_near_miss: Callable[[NearMiss], None] | None = None,
) -> Result:
    """Run a tape through grok; alerts (and near misses, if asked for) are handed over in the order of their making."""
    services = {symbol: service_of(letter) for symbol, letter in setup.listing.items()}
    thresholds = Thresholds(setup.rule, setup.entries, setup.changes)
    detector = Detector(thresholds, services)
    grok = Grok(
        detector,
        thresholds,
        Market(setup.window_ns),
        symbols=setup.symbols,
        on_alert=on_alert,
        blocks_unlisted=setup.blocks_unlisted,
        on_near_miss=on_near_miss,
    )
    missing = 0
    for item in items:
        if isinstance(item, Recorded):
            _judge(grok, item)
        elif isinstance(item, Received):
            grok.on_frame(item.frame, item.recv_ns)
        elif isinstance(item, Gap):
            missing += item.frames
        elif item.kind == LOST:
            grok.on_connection_lost()
    unlisted = sorted(symbol for symbol in grok.counts.outcomes if symbol not in services)
    return Result(grok.counts, detector.dropped, unlisted, missing)


def _judge(grok: Grok, item: Recorded) -> None:
    if item.superseded:
        grok.on_conflated(item.frame, item.recv_ns, item.boot_ns, item.superseded)
    else:
        grok.on_frame(item.frame, item.recv_ns, item.boot_ns)


def joined(results: Iterable[Result]) -> Result:
    """Add up the results of several runs."""
    whole = Result(Counts(), {}, [])
    for result in results:
        counts = whole.counts
        counts.frames += result.counts.frames
        counts.books += result.counts.books
        counts.unsubscribed += result.counts.unsubscribed
        counts.malformed += result.counts.malformed
        for symbol, count in result.counts.conflated.items():
            counts.conflated[symbol] = counts.conflated.get(symbol, 0) + count
        for symbol, outcomes in result.counts.outcomes.items():
            into = counts.outcomes.setdefault(symbol, {})
            for outcome, count in outcomes.items():
                into[outcome] = into.get(outcome, 0) + count
        for reason, count in result.dropped.items():
            whole.dropped[reason] = whole.dropped.get(reason, 0) + count
        whole.unlisted = sorted({*whole.unlisted, *result.unlisted})
        whole.missing_frames += result.missing_frames
    return whole


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


def near_miss_line(miss: NearMiss) -> bytes:
    """Write a near miss as one JSON object, in the units of an alert line; `measured` and `needed` in their test's."""
    return msgspec.json.encode(
        {
            "recv_ns": miss.recv_ns,
            "symbol": miss.symbol,
            "direction": miss.direction,
            "outcome": miss.outcome,
            "measured": miss.measured,
            "needed": miss.needed,
            "missed_by": miss.missed_by,
            "ratio": miss.ratio,
            "total_bids": miss.totals.total_bids,
            "total_asks": miss.totals.total_asks,
            "heavy_venues": miss.heavy_venues,
            "light_venues": miss.light_venues,
            "valid_venues": miss.totals.valid_venues,
            "imbalance_duration": miss.imbalance_duration_ns / NS_PER_S,
            "bid": dollars(miss.bid),
            "ask": dollars(miss.ask),
            "streak_id": miss.streak_id,
            "service": miss.service,
            "book_ns": miss.book_ns,
        }
    )


def count_line(result: Result, alerts: AlertLines) -> bytes:
    """Write the counts as one JSON object; `outcomes` sums to `snapshots`, `sha256` is over the alert lines."""
    return msgspec.json.encode(
        {
            "snapshots": result.counts.books,
            "frames": result.counts.frames,
            "outcomes": {outcome.value: count for outcome, count in result.counts.totals().items()},
            "dropped_entries": result.dropped,
            "conflated": sum(result.counts.conflated.values()),
            "alerts": alerts.count,
            "sha256": alerts.sha256,
        }
    )


def symbol_lines(result: Result) -> list[bytes]:
    """Write one JSON object a symbol, in alphabetical order; `outcomes` sums to the symbol's `snapshots`.

    A frame that is malformed belongs to no symbol, and a conflated snapshot was never judged: it is counted apart.
    """
    counts = result.counts
    return [
        msgspec.json.encode(
            {
                "symbol": symbol,
                "snapshots": sum(counts.outcomes.get(symbol, {}).values()),
                "outcomes": {outcome.value: counts.outcomes.get(symbol, {}).get(outcome, 0) for outcome in Outcome},
                "conflated": counts.conflated.get(symbol, 0),
            }
        )
        for symbol in sorted({*counts.outcomes, *counts.conflated})
    ]
