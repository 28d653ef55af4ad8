"""Owns which thresholds are in force for a symbol at a time: the plain ones, and what differs by symbol and time.

Never reads a clock, and never forgets what a change leaves alone: that stays as it was before the change.
Comes from settings; goes to the detector and to `grok`, which ask with each snapshot's symbol and receive time.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec

from leadline.core.alerts import EntryFilter
from leadline.core.exchange_days import Day, day_of
from leadline.core.imbalance import Rule
from leadline.core.session import NEW_YORK, new_york
from leadline.core.spans import DAY_MIN, Span
from leadline.core.units import NS_PER_MS, NS_PER_S

ALWAYS_NS = 1 << 80
"""Further from now than any receive time."""


class Scope(msgspec.Struct, frozen=True):
    """Where something holds: for these symbols (None: all), in this span of the New York day (None: always)."""

    symbols: frozenset[str] | None = None
    span: Span | None = None

    def covers(self, symbol: str) -> bool:
        """Tell whether it is about a symbol at all."""
        return self.symbols is None or symbol in self.symbols

    def holds(self, day: Day, minute: int) -> bool:
        """Tell whether it holds in a minute of a day, counted from midnight as the clock on the wall shows it."""
        minutes = None if self.span is None else self.span.minutes_on(day)
        return self.span is None or (minutes is not None and minutes[0] <= minute < minutes[1])


class Change(msgspec.Struct, frozen=True):
    """What differs in a scope: fields of the rule and of the entry filter, by name."""

    scope: Scope
    rule: dict[str, Any] = {}
    entries: dict[str, Any] = {}


class InForce(msgspec.Struct, frozen=True):
    """The thresholds of a symbol, and the UTC times from which and until which they hold (the latter not included)."""

    rule: Rule = Rule()
    entries: EntryFilter = EntryFilter()
    since_ns: int = -ALWAYS_NS
    until_ns: int = ALWAYS_NS


PLAIN_RULE, OPEN_ENTRIES = Rule(), EntryFilter()

UNASKED = InForce(since_ns=0, until_ns=0)
"""What is in force for nobody and never: whoever holds it asks first."""


class Segment(msgspec.Struct, frozen=True):
    """A stretch of time in which no change begins or ends: its day, a minute in it, its UTC ends."""

    day: Day
    minute: int
    since_ns: int
    until_ns: int


class Thresholds:
    """Give the thresholds of a symbol at a time: the plain ones, then each change that holds, a later one winning."""

    def __init__(
        self, rule: Rule = PLAIN_RULE, entries: EntryFilter = OPEN_ENTRIES, changes: Sequence[Change] = ()
    ) -> None:
        self._plain = InForce(rule, entries)
        self._changes = tuple(changes)
        self._spans = [change.scope.span for change in changes if change.scope.span is not None]
        self._named = frozenset[str]().union(*(change.scope.symbols or () for change in changes))
        # Of the last segment asked for: at its beginning thousands of symbols ask at once, most of them alike.
        self._segment: Segment | None = None
        self._found: dict[str | None, InForce] = {}

    def at(self, symbol: str, t_ns: int) -> InForce:
        """Give what is in force for a symbol at a UTC time, with how long it holds (at most to midnight New York)."""
        if not self._changes:
            return self._plain
        segment = self._segment
        if segment is None or not segment.since_ns <= t_ns < segment.until_ns:
            segment = self._segment = segment_at(t_ns, self._spans)
            self._found = {}
        name = symbol if symbol in self._named else None
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = self._applied(symbol, segment)
        return found

    def _applied(self, symbol: str, segment: Segment) -> InForce:
        rule, entries = self._plain.rule, self._plain.entries
        for change in self._changes:
            if change.scope.covers(symbol) and change.scope.holds(segment.day, segment.minute):
                rule = msgspec.structs.replace(rule, **change.rule)
                entries = msgspec.structs.replace(entries, **change.entries)
        return InForce(rule, entries, segment.since_ns, segment.until_ns)


def segment_at(t_ns: int, spans: Sequence[Span]) -> Segment:
    """Give the stretch around a UTC time in which none of the spans begins or ends, within one New York day."""
    local = new_york(t_ns // NS_PER_MS)
    today = local.date()
    day, minute = day_of(today), local.hour * 60 + local.minute
    if not spans:
        return Segment(day, minute, -ALWAYS_NS, ALWAYS_NS)
    edges_ns = sorted({edge_s * NS_PER_S for edge_s in _edges(today, day, spans)})
    return Segment(
        day,
        minute,
        max(edge_ns for edge_ns in edges_ns if edge_ns <= t_ns),
        min(edge_ns for edge_ns in edges_ns if edge_ns > t_ns),
    )


def _edges(today: date, day: Day, spans: Sequence[Span]) -> list[int]:
    """Give the UTC seconds at which something may change: midnights, ends of spans, and a change of the clock.

    A time that the clock shows twice is given for both. One edge too many does no harm: it is asked once more.
    """
    first, last = _utc_s(today, 0), _utc_s(today + timedelta(days=1), 0)
    edges = [first, last]
    for span in spans:
        for minute in span.minutes_on(day) or ():
            if 0 < minute < DAY_MIN:
                edges += [_utc_s(today, minute), _utc_s(today, minute, fold=1)]
    if last - first != DAY_MIN * 60:
        edges.append(_clock_change_s(first, last))
    return [edge for edge in edges if first <= edge <= last]


def _utc_s(day: date, minute: int, fold: int = 0) -> int:
    wall = datetime.combine(day, time(minute // 60, minute % 60, fold=fold), NEW_YORK)
    return int(wall.timestamp())


def _clock_change_s(first: int, last: int) -> int:
    """Give the UTC second at which the offset of New York changes between two."""
    before = _offset(first)
    while last - first > 1:
        middle = (first + last) // 2
        first, last = (middle, last) if _offset(middle) == before else (first, middle)
    return last


def _offset(epoch_s: int) -> timedelta | None:
    return datetime.fromtimestamp(epoch_s, UTC).astimezone(NEW_YORK).utcoffset()
