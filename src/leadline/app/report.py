"""Owns what this process says once a second: its row in `processes`, touches, and how each symbol is judged.

Never is on the hot path.
Comes from what `run` holds; goes to the store, for pages and second processes.
"""

import os
from collections.abc import Mapping, Sequence

import msgspec

from leadline import __version__
from leadline.app.account import Account
from leadline.app.desk import Desk
from leadline.core.detector import Detector, Outcome
from leadline.core.market import Market, Service
from leadline.core.ports import Clock
from leadline.core.states import TradingState
from leadline.core.units import NS_PER_MS
from leadline.grok import Grok, HandOver
from leadline.schwab.stream import SchwabStream
from leadline.schwab.watch import Watch
from leadline.settings import Loaded
from leadline.store.judging import NO_SYMBOL, trim_outcomes, upsert_judgement, upsert_outcomes
from leadline.store.status import ProcessRow, upsert_process, upsert_touch
from leadline.store.writer import Writer
from leadline.tape.recorder import Recorder


class Reporter:
    """Put the rows that say how grok is."""

    def __init__(
        self,
        loaded: Loaded,
        account: Account,
        desk: Desk | str,
        *,
        clock: Clock,
        writer: Writer,
        tape: Recorder | None = None,
    ) -> None:
        self._loaded = loaded
        self._account = account
        self._desk = desk
        self._clock = clock
        self._writer = writer
        self._tape = tape
        self._started_ns = clock.wall_ns()
        self._written: dict[str, int] = {}
        self._judging = Judging(self._started_ns, loaded.settings.symbols, writer)

    def report(
        self,
        grok: Grok,
        hand_over: HandOver,
        detector: Detector,
        stream: SchwabStream,
        market: Market,
    ) -> None:
        """Put the process row and the touches that are new."""
        detail: dict[str, object] = {
            "connection": stream.state.connection,
            "connected_ns": stream.state.connected_ns,
            "reconnects": stream.state.reconnects,
            "degraded": stream.state.degraded,
            "coverage": stream.state.coverage,
            "gaps": stream.state.gaps,
            "entries_held_by": stream.state.entries_held_by,
            "alarms": [alarm.text for alarm in stream.watch.alarms],
            "tape": None if self._tape is None else msgspec.to_builtins(self._tape.state),
            "frames": grok.counts.frames,
            "books": grok.counts.books,
            "malformed": grok.counts.malformed,
            "outcomes": {outcome.value: count for outcome, count in grok.counts.totals().items()},
            "dropped": detector.dropped,
            "alerts": hand_over.alerts,
            "near_misses": hand_over.near_misses,
            "conflated": sum(grok.counts.conflated.values()),
            "symbols": self._symbols(detector, market, stream.watch),
            "store_waiting": self._writer.waiting_count,
            "store_error": self._writer.error,
            "wal_bytes": self._writer.wal.size_bytes,
            **self._trading(),
        }
        self._put(detail, self._state())
        self._judging.report(grok, self._clock.wall_ns())
        for symbol, touch in market.touches.items():
            if self._written.get(symbol) != touch.recv_ns:
                self._written[symbol] = touch.recv_ns
                level_one = market.level_one(symbol)
                status = None if level_one.halted is None else "halted" if level_one.halted else "normal"
                book_ms = detector.book_ms_of(symbol) or 0
                statement = upsert_touch(symbol, touch, level_one.last, status, book_ms * NS_PER_MS)
                self._writer.put_state(f"touch {symbol}", statement)

    def stopped(self) -> None:
        """Put the last rows: this process ended in order."""
        self._judging.report_again(self._clock.wall_ns())
        self._put({"connection": "stopped"}, "STOPPED")

    def _put(self, detail: dict[str, object], state: str) -> None:
        settings = self._loaded.settings
        row = ProcessRow(
            role="grok",
            pid=os.getpid(),
            started_ns=self._started_ns,
            heartbeat_ns=self._clock.wall_ns(),
            mode=self._account.mode,
            account=self._account.mask,
            broker=settings.schwab_base_url,
            state=state,
            detail=detail,
            config_hash=self._loaded.config_hash,
            version=__version__,
        )
        self._writer.put_state("grok", upsert_process(row))

    def _state(self) -> str:
        return TradingState.DISABLED.value if isinstance(self._desk, str) else self._desk.trader.state.value

    def _trading(self) -> dict[str, object]:
        if isinstance(self._desk, str):
            return {"trader": f"disabled: {self._desk}"}
        trader = self._desk.trader
        why = trader.state_reason or next(iter(trader.holds.values()), None)
        return {
            "trader": "enabled" if why is None else f"enabled, exits only: {why}",
            "orders_last_minute": self._desk.executor.budget.last_minute(self._clock.boot_ns()),
            "order_budget": self._loaded.settings.risk_orders_per_minute,
            "decision_us": _percentiles_us(trader.decision_ns),
        }

    @staticmethod
    def _symbols(detector: Detector, market: Market, watch: Watch) -> dict[str, dict[str, object]]:
        rows: dict[str, dict[str, object]] = {}
        for symbol, touch in market.touches.items():
            book_ms = detector.book_ms_of(symbol)
            lag_ms = None if book_ms is None else touch.recv_ns // NS_PER_MS - book_ms
            service = detector.state_of(symbol, Service.NASDAQ_BOOK).service
            state = "STALE" if watch.is_stale(symbol) else "OPEN"
            rows[symbol] = {"service": service, "recv_ns": touch.recv_ns, "lag_ms": lag_ms, "state": state}
        return rows


class Judging:
    """Put how each symbol is judged: its counts and last judgements, if it had a snapshot since the last time."""

    def __init__(self, run_ns: int, symbols: Sequence[str], writer: Writer) -> None:
        self._run_ns = run_ns
        self._writer = writer
        # Every symbol that is asked for has a row, so that a reader knows it even before its first book.
        self._waiting = set(symbols)
        self._counted: dict[str, int] = {}
        self._is_trimmed = False
        self._grok: Grok | None = None

    def report(self, grok: Grok, now_ns: int) -> None:
        """Put the rows of the symbols that had a snapshot."""
        self._grok = grok
        counts = grok.counts
        for symbol in self._waiting | counts.conflated.keys() | counts.outcomes.keys():
            outcomes, conflated = counts.outcomes.get(symbol, {}), counts.conflated.get(symbol, 0)
            self._put(symbol, outcomes, conflated, now_ns)
            self._waiting.discard(symbol)
        self._put(NO_SYMBOL, {Outcome.MALFORMED: counts.malformed}, 0, now_ns)
        if not self._is_trimmed:
            self._is_trimmed = True
            self._writer.put(trim_outcomes())

    def report_again(self, now_ns: int) -> None:
        """Put what has changed since the last report, at the end of a run."""
        if self._grok is not None:
            self.report(self._grok, now_ns)

    def _put(self, symbol: str, outcomes: Mapping[Outcome, int], conflated: int, now_ns: int) -> None:
        count = sum(outcomes.values()) + conflated
        if self._counted.get(symbol) == count:
            return
        self._counted[symbol] = count
        row = upsert_outcomes(self._run_ns, symbol, now_ns, outcomes, conflated)
        self._writer.put_state(f"outcomes {symbol}", row)
        seen = None if self._grok is None else self._grok.seen(symbol, now_ns)
        if seen is not None:
            self._writer.put_state(f"judgement {symbol}", upsert_judgement(self._run_ns, symbol, seen))


def _percentiles_us(times_ns: Sequence[int]) -> dict[str, float] | None:
    """Give median and 99th percentile in microseconds; None without a time."""
    if not times_ns:
        return None
    ordered = sorted(times_ns)
    return {name: ordered[len(ordered) * part // 100] / 1_000 for name, part in (("p50", 50), ("p99", 99))}
