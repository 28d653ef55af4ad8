"""Owns the hot path: a frame comes in, books are judged, alerts are assembled and handed over.

Never waits: no file, lock, log line or network between a frame and its last alert; rows follow beside the path.
Comes from the stream or a tape; goes to `dispatch`, the store, and `Market` for whoever prices an order.
"""

import logging
from collections.abc import Callable

from leadline.core.alerts import Alert, EntryFilter
from leadline.core.book import BookSnapshot
from leadline.core.conflation import NOTHING, Part
from leadline.core.detector import Detector, Judgement, Outcome, Signal
from leadline.core.evidence import Seen
from leadline.core.features import Mids, features_of, no_mids
from leadline.core.imbalance import Direction
from leadline.core.market import Market, Service, Touch
from leadline.core.nearness import NearMiss, NearMisses
from leadline.core.thresholds import Thresholds
from leadline.core.units import E5_PER_PRICE, NS_PER_MS
from leadline.dispatch import Dispatch
from leadline.schwab.wire import (
    ACTIVITY,
    BOOK_SERVICES,
    LEVEL_ONE,
    ActivityItem,
    Block,
    BookItem,
    LevelOneItem,
    Message,
    decode,
)
from leadline.store.alerts import AlertIds, Origin, insert_alert
from leadline.store.judging import insert_near_miss
from leadline.store.spill import Statement

log = logging.getLogger(__name__)

AlertTaker = Callable[[Alert], None]
TouchTaker = Callable[[str, Touch], None]
ActivityTaker = Callable[[ActivityItem], None]
NearMissTaker = Callable[[NearMiss], None]


class Counts:
    """What has come in so far; the outcomes of all symbols and `malformed` sum to `books`."""

    def __init__(self) -> None:
        self.frames = 0
        self.books = 0
        self.conflated: dict[str, int] = {}
        """Snapshots by symbol that a newer one superseded before they were judged; they are not in `books`."""
        self.unsubscribed = 0
        self.outcomes: dict[str, dict[Outcome, int]] = {}
        self.malformed = 0

    def add(self, symbol: str, outcome: Outcome) -> None:
        """Count one snapshot of a symbol."""
        self.books += 1
        by_outcome = self.outcomes.get(symbol)
        if by_outcome is None:
            by_outcome = self.outcomes[symbol] = {}
        by_outcome[outcome] = by_outcome.get(outcome, 0) + 1

    def totals(self) -> dict[Outcome, int]:
        """Give the outcomes over all symbols, in the rule's order."""
        sums = dict.fromkeys(Outcome, 0)
        sums[Outcome.MALFORMED] = self.malformed
        for by_outcome in self.outcomes.values():
            for outcome, count in by_outcome.items():
                sums[outcome] += count
        return sums


class Grok:
    """Judge what comes in, for the given symbols (None: all), and hand over the alerts."""

    def __init__(
        self,
        detector: Detector,
        entries: EntryFilter | Thresholds,
        market: Market,
        *,
        symbols: frozenset[str] | None,
        on_alert: AlertTaker,
        blocks_unlisted: bool = True,
        on_touch: TouchTaker | None = None,
        on_activity: ActivityTaker | None = None,
        on_near_miss: NearMissTaker | None = None,
    ) -> None:
        self._detector = detector
        self._thresholds = entries if isinstance(entries, Thresholds) else Thresholds(entries=entries)
        self._market = market
        self._symbols = symbols
        self._on_alert = on_alert
        self._blocks_unlisted = blocks_unlisted
        self._on_touch = on_touch
        self._on_activity = on_activity
        self._on_near_miss = on_near_miss
        self._near_misses = None if on_near_miss is None else NearMisses()
        self._mids: dict[str, Mids] = {}
        self._last: dict[str, Judgement] = {}
        self._evaluable: dict[str, Judgement] = {}
        self.counts = Counts()

    def on_frame(self, frame: bytes, recv_ns: int, boot_ns: int = 0) -> Message | None:
        """Take one frame as received, judge its books, and give it back decoded; None if it is malformed."""
        return self.on_conflated(frame, recv_ns, boot_ns, NOTHING)

    def on_conflated(self, frame: bytes, recv_ns: int, boot_ns: int, superseded: frozenset[Part]) -> Message | None:
        """Take one frame like `on_frame`, but count and do not judge the books that a newer frame supersedes."""
        self.counts.frames += 1
        message = decode(frame)
        if message is None:
            self.counts.books += 1
            self.counts.malformed += 1
            return None
        for block in message.data:
            if block.service in BOOK_SERVICES:
                service = Service(block.service)
                for item in self._newest(block, superseded) if superseded else block.items:
                    self._on_book(item, service, recv_ns, boot_ns)
            elif block.service == LEVEL_ONE:
                for item in block.items:
                    self._on_level_one(item, recv_ns)
            elif block.service == ACTIVITY and self._on_activity is not None:
                for item in block.items:
                    self._on_activity(item)
        return message

    def _newest(self, block: Block, superseded: frozenset[Part]) -> list[BookItem]:
        newest: list[BookItem] = []
        for item in block.items:
            if (block.service, item.key) not in superseded:
                newest.append(item)
            elif self._symbols is None or item.key in self._symbols:
                self.counts.conflated[item.key] = self.counts.conflated.get(item.key, 0) + 1
            else:
                self.counts.unsubscribed += 1
        return newest

    def on_connection_lost(self) -> None:
        """End all streaks: what was not seen cannot have leaned (design 4.9)."""
        self._detector.end_streaks()
        self._market.forget()
        for mids in self._mids.values():
            mids.forget()
        if self._near_misses is not None and self._on_near_miss is not None:
            for miss in self._near_misses.connection_lost():
                self._on_near_miss(miss)

    def seen(self, symbol: str, t_ns: int) -> Seen | None:
        """Give what was seen last of a symbol, and what forbids entries in it at `t_ns`; None before its first book."""
        last = self._last.get(symbol)
        if last is None:
            return None
        evaluable = None if last.is_evaluable else self._evaluable.get(symbol)
        vol_per_min = self._market.level_one(symbol).volume_per_minute(t_ns)
        blocked = {}
        for direction in (Direction.BID_HEAVY, Direction.ASK_HEAVY):
            names = self._blocked_by(symbol, direction, vol_per_min, t_ns)
            if names is not None:
                blocked[direction] = names
        return Seen(last, evaluable, blocked)

    def _on_book(self, item: BookItem, service: Service, recv_ns: int, boot_ns: int) -> None:
        symbol = item.key
        if self._symbols is not None and symbol not in self._symbols:
            self.counts.unsubscribed += 1
            return
        book = BookSnapshot(symbol, service, item.book_ms, item.bids, item.asks)
        judged = self._detector.step(book, recv_ns)
        self.counts.add(symbol, judged.outcome)
        self._last[symbol] = judged
        if judged.totals is not None:
            self._evaluable[symbol] = judged
            self._remember_mid(symbol, judged)
        if judged.bid:
            touch = Touch(judged.bid, judged.ask, judged.bid_size, judged.ask_size, recv_ns, boot_ns)
            self._market.touches[symbol] = touch
            if self._on_touch is not None:
                self._on_touch(symbol, touch)
        if judged.signal is not None:
            self._on_alert(self._assemble(book, judged, judged.signal, recv_ns, boot_ns))
        if self._near_misses is not None and self._on_near_miss is not None:
            for miss in self._near_misses.step(symbol, service, judged):
                self._on_near_miss(miss)

    def _remember_mid(self, symbol: str, judged: Judgement) -> None:
        mids = self._mids.get(symbol)
        if mids is None:
            mids = self._mids[symbol] = no_mids()
        mids.add(judged.recv_ns, judged.bid, judged.ask)

    def _assemble(self, book: BookSnapshot, judged: Judgement, signal: Signal, recv_ns: int, boot_ns: int) -> Alert:
        level_one = self._market.level_one(book.symbol)
        last = level_one.trade_price(recv_ns)
        mid_e5 = (judged.bid + judged.ask) * E5_PER_PRICE // 2
        vol_per_min = level_one.volume_per_minute(recv_ns)
        is_bid_heavy = signal.direction is Direction.BID_HEAVY
        return Alert(
            symbol=book.symbol,
            direction=signal.direction,
            total_bids=signal.totals.total_bids,
            total_asks=signal.totals.total_asks,
            heavy_venues=signal.totals.bid_heavy if is_bid_heavy else signal.totals.ask_heavy,
            valid_venues=signal.totals.valid_venues,
            price_e5=mid_e5 if last is None else last * E5_PER_PRICE,
            bid=judged.bid,
            ask=judged.ask,
            imbalance_duration_ns=signal.duration_ns,
            vol_per_min=vol_per_min,
            streak_id=signal.streak_id,
            entry_blocked_by=self._blocked_by(book.symbol, signal.direction, vol_per_min, recv_ns),
            service=book.service,
            book_ns=(book.book_ms or 0) * NS_PER_MS,
            recv_ns=recv_ns,
            boot_ns=boot_ns,
            features=features_of(self._mids[book.symbol], judged, signal, vol_per_min),
        )

    def _blocked_by(self, symbol: str, direction: Direction, vol_per_min: float | None, t_ns: int) -> str | None:
        is_listed = not self._blocks_unlisted or self._detector.is_listed(symbol)
        entries = self._thresholds.at(symbol, t_ns).entries
        return entries.blocked_by(direction, vol_per_min, is_listed=is_listed)

    def _on_level_one(self, item: LevelOneItem, recv_ns: int) -> None:
        if self._symbols is None or item.key in self._symbols:
            level_one = self._market.level_one(item.key)
            level_one.update(recv_ns, item.last, item.trade_ms, item.volume, item.status)


class HandOver:
    """Number an alert, hand it to the trader of this process, then leave its row beside the path."""

    def __init__(
        self,
        ids: AlertIds,
        dispatch: Dispatch | None,
        put: Callable[[Statement], None],
        origin: Origin,
        *,
        writes_rows: bool,
    ) -> None:
        self._ids = ids
        self._dispatch = dispatch
        self._put = put
        self._origin = origin
        self._writes_rows = writes_rows
        self.alerts = 0
        self.unnumbered = 0
        self.near_misses = 0

    def take(self, alert: Alert) -> None:
        """Take one alert. Without an id on disk it can neither be traded nor recorded: it is counted and said."""
        alert_id = self._ids.next()
        if alert_id is None:
            self.unnumbered += 1
            log.error("an alert of %s was lost: the store has not reserved new ids", alert.symbol)
            return
        self.alerts += 1
        if self._dispatch is not None:
            self._dispatch.inline_trader_dispatch(alert_id, alert)
        if self._writes_rows:
            self._put(insert_alert(alert_id, alert, self._origin))

    def take_near_miss(self, miss: NearMiss) -> None:
        """Count one near miss and leave its row beside the path, where alerts leave theirs; nothing is traded on it."""
        self.near_misses += 1
        if self._writes_rows:
            self._put(insert_near_miss(miss, self._origin))
