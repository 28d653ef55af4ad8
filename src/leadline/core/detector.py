"""Owns the rule that makes an alert: the outcome of each snapshot, streaks and the throttle (design section 4).

Never reads a clock, never knows trading hours or positions.
Comes from `grok` one snapshot at a time; goes back as a `Judgement`.
"""

from enum import StrEnum

import msgspec

from leadline.core.book import BookSnapshot, Side, clean
from leadline.core.imbalance import Direction, Neutral, Rule, Totals, lean, total
from leadline.core.market import Service
from leadline.core.quotes import Quotes, quotes_of
from leadline.core.session import new_york_day_ms
from leadline.core.thresholds import UNASKED, InForce, Thresholds
from leadline.core.units import NS_PER_MS, NS_PER_S

FUTURE_MAX_NS = 2 * NS_PER_S
"""A BOOK_TIME further ahead of the receive time than this is a clock fault, not a book (design 4.3)."""


class Outcome(StrEnum):
    """What became of a snapshot, in the order in which the rule asks."""

    MALFORMED = "malformed"
    OTHER_SERVICE = "other_service"
    NO_BOOK_TIME = "no_book_time"
    FUTURE = "future"
    REPEAT = "repeat"
    BACKWARD = "backward"
    STALE = "stale"
    ONE_SIDED = "one_sided"
    CROSSED = "crossed"
    NO_VALID_VENUE = "no_valid_venue"
    FEW_VENUES = "few_venues"
    MARGIN = "margin"
    RATIO = "ratio"
    DURATION = "duration"
    THROTTLED = "throttled"
    ALERTED = "alerted"


_NEUTRAL_OUTCOME = {reason: Outcome(reason.value) for reason in Neutral}


class Signal(msgspec.Struct, frozen=True, gc=False):
    """A snapshot that alerts: which way, on which sums, for how long, and what its quotes say beyond the sums."""

    direction: Direction
    totals: Totals
    duration_ns: int
    streak_id: int
    quotes: Quotes


class Judgement(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The outcome of one snapshot with what it rests on: each number is there once the rule got that far.

    Best bid and ask (0.0001 dollars), sizes in shares and venues a side where both sides had entries; sums, the
    direction that it leans and the throttle's memory before it where it was evaluable. Times UTC.
    """

    outcome: Outcome
    rule: Rule
    recv_ns: int
    book_ms: int | None
    bid: int = 0
    ask: int = 0
    bid_size: int = 0
    ask_size: int = 0
    bid_venues: int = 0
    ask_venues: int = 0
    totals: Totals | None = None
    direction: Direction | None = None
    streak_id: int = 0
    first_ns: int = 0
    alerted: Direction | None = None
    alerted_ns: int = 0
    signal: Signal | None = None

    @property
    def is_evaluable(self) -> bool:
        """Tell whether the book could be judged at all (design 4.8)."""
        return self.totals is not None


Touched = tuple[int, int, int, int, int, int]
"""Best bid and ask, the sizes at them, and venues a side: the middle of a `Judgement`."""


class SymbolState(msgspec.Struct, gc=False):
    """What the rule remembers of one symbol: bounded, a few integers."""

    service: Service
    is_listed: bool
    book_ms: int | None = None
    direction: Direction | None = None
    first_ns: int = 0
    last_ns: int = 0
    streak_id: int = 0
    alert_direction: Direction | None = None
    alert_ns: int = 0
    in_force: InForce = UNASKED
    """The thresholds that judge it, and until when they hold."""


class Detector:
    """Judge snapshots by one rule, remembering per symbol what the rule needs."""

    def __init__(self, rule: Rule | Thresholds, listing: dict[str, Service]) -> None:
        self._thresholds = rule if isinstance(rule, Thresholds) else Thresholds(rule)
        self._listing = listing
        self._states: dict[str, SymbolState] = {}
        self.dropped: dict[str, int] = {}
        """Entries dropped so far, by reason (design 4.6)."""

    def state_of(self, symbol: str, seen_on: Service) -> SymbolState:
        """Give a symbol's memory; an unlisted symbol is judged on the first service it is seen on (design 4.2)."""
        state = self._states.get(symbol)
        if state is None:
            listed = self._listing.get(symbol)
            state = self._states[symbol] = SymbolState(listed or seen_on, is_listed=listed is not None)
        return state

    def is_listed(self, symbol: str) -> bool:
        """Tell whether the listing of a symbol is known."""
        return symbol in self._listing

    def book_ms_of(self, symbol: str) -> int | None:
        """Give the last remembered BOOK_TIME of a symbol, epoch milliseconds."""
        state = self._states.get(symbol)
        return None if state is None else state.book_ms

    def end_streaks(self) -> None:
        """Forget all streaks: the connection was lost. What throttles and what was seen stays (design 4.9, 4.10)."""
        for state in self._states.values():
            state.direction = None

    def step(self, book: BookSnapshot, t_ns: int) -> Judgement:
        """Judge one snapshot received at `t_ns` (UTC); the first sentence of the rule that matches is its outcome."""
        state = self.state_of(book.symbol, book.service)
        if not state.in_force.since_ns <= t_ns < state.in_force.until_ns:
            state.in_force = self._thresholds.at(book.symbol, t_ns)
        rule = state.in_force.rule
        unfit = _refuse_by_time(state, book, t_ns, rule)
        if unfit is not None:
            return Judgement(unfit, rule, t_ns, book.book_ms)
        bids = clean(book.bids, is_bid=True, dropped=self.dropped)
        asks = clean(book.asks, is_bid=False, dropped=self.dropped)
        if not bids or not asks:
            return Judgement(Outcome.ONE_SIDED, rule, t_ns, book.book_ms, 0, 0, 0, 0, len(bids), len(asks))
        bid, bid_size = _best(bids, is_bid=True)
        ask, ask_size = _best(asks, is_bid=False)
        touch = (bid, ask, bid_size, ask_size, len(bids), len(asks))
        if bid >= ask:
            return Judgement(Outcome.CROSSED, rule, t_ns, book.book_ms, *touch)
        return _judge(state, bids, asks, book, t_ns, rule, touch)


def _refuse_by_time(state: SymbolState, book: BookSnapshot, t_ns: int, rule: Rule) -> Outcome | None:
    if book.service is not state.service:
        return Outcome.OTHER_SERVICE
    if book.book_ms is None:
        return Outcome.NO_BOOK_TIME
    age_ns = t_ns - book.book_ms * NS_PER_MS
    if age_ns < -FUTURE_MAX_NS:
        return Outcome.FUTURE
    if state.book_ms is not None and book.book_ms <= state.book_ms:
        return Outcome.REPEAT if book.book_ms == state.book_ms else Outcome.BACKWARD
    state.book_ms = book.book_ms
    return Outcome.STALE if age_ns > rule.book_age_max_ns else None


def _judge(  # noqa: PLR0917 - on the hot path keywords cost more than the decision
    state: SymbolState, bids: Side, asks: Side, book: BookSnapshot, t_ns: int, rule: Rule, touch: Touched
) -> Judgement:
    """Judge an evaluable snapshot (design 4.8 on)."""
    alerted, alerted_ns = state.alert_direction, state.alert_ns
    book_day_ms = 0 if rule.quote_age_max_ms is None or book.book_ms is None else new_york_day_ms(book.book_ms)
    totals = total(bids, asks, rule.max_range, rule.quote_age_max_ms, book_day_ms)
    leaning = lean(totals, rule)
    if isinstance(leaning, Neutral):
        state.direction = None
        neutral = _NEUTRAL_OUTCOME[leaning]
        return Judgement(neutral, rule, t_ns, book.book_ms, *touch, totals, None, 0, 0, alerted, alerted_ns)
    outcome = _follow(state, leaning, t_ns, rule)
    streak_id, first_ns = state.streak_id, state.first_ns
    signal = None
    if outcome is Outcome.ALERTED:
        signal = Signal(leaning, totals, t_ns - first_ns, streak_id, quotes_of(book, bids, asks, rule))
    bid, ask, bid_size, ask_size, bid_venues, ask_venues = touch
    # fmt: off
    return Judgement(
        outcome, rule, t_ns, book.book_ms, bid, ask, bid_size, ask_size, bid_venues, ask_venues,
        totals, leaning, streak_id, first_ns, alerted, alerted_ns, signal,
    )
    # fmt: on


def _follow(state: SymbolState, leaning: Direction, t_ns: int, rule: Rule) -> Outcome:
    """Go on with the streak, or begin one, and say whether it alerts (design 4.9 to 4.11)."""
    if state.direction is not leaning or t_ns - state.last_ns > rule.gap_max_ns:
        state.direction, state.first_ns, state.streak_id = leaning, t_ns, state.streak_id + 1
    state.last_ns = t_ns
    if t_ns - state.first_ns < rule.min_duration_ns:
        return Outcome.DURATION
    if state.alert_direction is leaning and t_ns - state.alert_ns < rule.throttle_ns:
        return Outcome.THROTTLED
    state.alert_direction, state.alert_ns = leaning, t_ns
    return Outcome.ALERTED


def _best(side: Side, *, is_bid: bool) -> tuple[int, int]:
    """Give a side's best price and all sizes at it."""
    best = size = 0
    for quote in side.values():
        price = quote[0]
        if price == best:
            size += quote[1]
        elif best == 0 or (price > best if is_bid else price < best):
            best, size = price, quote[1]
    return best, size
