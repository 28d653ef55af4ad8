"""Owns the watch over the feed's age: STALE symbols, a silent feed, gaps, and what to do about what has stalled.

Never closes a connection and never asks: it says what should be done.
Comes from `stream` with every message and once a second; goes to the log, to pages as alarms and states, and back.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from leadline.core.conflation import Part
from leadline.core.freshness import Alarm, Freshness, Gap
from leadline.core.ports import Clock
from leadline.core.session import NEW_YORK
from leadline.core.states import SymbolState
from leadline.core.units import NS_PER_MS, NS_PER_S, ns_of_s
from leadline.schwab.link import Hooks, Patience
from leadline.schwab.protocol import named
from leadline.schwab.requests import BOOKS, Subscriptions
from leadline.schwab.wire import ACTIVITY, LEVEL_ONE, Message

log = logging.getLogger(__name__)


class Stall(msgspec.Struct, frozen=True):
    """What should be done about silence: parts to ask for again, and why to replace the connection, if so."""

    ask_again: dict[str, list[str]]
    give_up: str | None = None


class Watch:
    """Know how old the data of each symbol and service is, and say once what is too old."""

    def __init__(self, subscriptions: Subscriptions, patience: Patience, hooks: Hooks, clock: Clock) -> None:
        parts = subscriptions.parts()
        # Account activity may be silent all day: nothing can be read from that.
        self._services = [service for service in parts if service != ACTIVITY]
        watched = {service: parts[service] for service in self._services}
        self._freshness = Freshness(watched, BOOKS, ns_of_s(patience.stale_s))
        self._freshness.begin(clock.boot_ns())
        self._book_of = {symbol: service for service in self._services if service in BOOKS for symbol in parts[service]}
        self._patience = patience
        self._hooks = hooks
        self._clock = clock
        self._streaming_since_ns: int | None = None
        self._was_open = False
        self._asked_ns: dict[str, int] = {}
        self._replaced_ns: dict[str, int] = {}
        self._silence_said_ns: int | None = None
        self.alarms: list[Alarm] = []
        """What a person must see now."""

    def hear(self, message: Message, boot_ns: int) -> None:
        """Note what a message brought."""
        for block in message.data:
            self._freshness.hear(block.service, [item.key for item in block.items], boot_ns)

    def begin(self) -> None:
        """Note that a connection streams."""
        self._streaming_since_ns = self._clock.boot_ns()
        self._asked_ns.clear()

    def lost(self) -> None:
        """Note that no connection streams."""
        self._streaming_since_ns = None

    def is_stale(self, symbol: str) -> bool:
        """Tell whether a symbol's book is older than its limit, in market hours."""
        return (self._book_of.get(symbol, ""), symbol) in self._freshness.stale

    def symbol_states(self) -> Mapping[str, SymbolState]:
        """Give OPEN or STALE for every symbol."""
        return {name: SymbolState.STALE if self.is_stale(name) else SymbolState.OPEN for name in self._book_of}

    def ages_s(self) -> dict[str, dict[str, float]]:
        """Give the age of the last data in seconds, by service and symbol."""
        now_ns = self._clock.boot_ns()
        return {
            service: {name: self._freshness.age_ns(service, name, now_ns) / NS_PER_S for name in names}
            for service, names in self._freshness.symbols.items()
        }

    def tick(self, excess: Mapping[str, int], gap_since_ns: int | None) -> Stall:
        """Look at all ages; call it once a second.

        `excess`: symbols of a service that the server discarded. `gap_since_ns`: UTC since when the whole feed is away.
        """
        now_ns, wall_ns = self._clock.boot_ns(), self._clock.wall_ns()
        if not self._hooks.is_open(wall_ns // NS_PER_MS):
            self._was_open, self._silence_said_ns, self.alarms = False, None, []
            self._freshness.begin(now_ns)
            return Stall({})
        if not self._was_open:
            self._was_open = True
            self._freshness.begin(now_ns)
        offset_ns = wall_ns - now_ns
        turns = self._freshness.judge(now_ns)
        self._say(turns.stale, turns.back, offset_ns)
        self._close_gaps({part: at_ns + offset_ns for part, at_ns in turns.back.items()}, wall_ns, gap_since_ns)
        silent = self._judge_silence(now_ns, offset_ns)
        self.alarms = [alarm for alarm in (silent, self._stale_alarm(offset_ns)) if alarm is not None]
        return self._judge_stalls(now_ns, excess)

    def _say(self, stale: list[Part], back: Mapping[Part, int], offset_ns: int) -> None:
        if stale:
            since_ns = min(self._freshness.stale[part] for part in stale) + offset_ns
            log.error("STALE since %s, entries are closed: %s", _time_of(since_ns), _parts_text(stale))
        if back:
            log.warning("no longer STALE: %s", _parts_text(list(back)))

    def _close_gaps(self, back: Mapping[Part, int], end_ns: int, gap_since_ns: int | None) -> None:
        """Tell the gaps of symbols that are back, one a service, where the whole feed's gap does not hold them."""
        starts_ns: dict[str, dict[str, int]] = {}
        for (service, symbol), start_ns in back.items():
            if gap_since_ns is None or start_ns < gap_since_ns - ns_of_s(self._patience.stale_s):
                starts_ns.setdefault(service, {})[symbol] = start_ns
        for service, by_symbol in starts_ns.items():
            gap = Gap(min(by_symbol.values()), end_ns, f"no data on {service}", tuple(sorted(by_symbol)), service)
            if self._hooks.tape is not None:
                self._hooks.tape.event(end_ns, "gap", gap_text(gap))
            if self._hooks.on_gap is not None:
                self._hooks.on_gap(gap)

    def _judge_silence(self, now_ns: int, offset_ns: int) -> Alarm | None:
        """Alarm when nothing at all comes, again each minute: a silent feed in market hours is never a quiet line."""
        last_ns = self._freshness.last_ns
        if now_ns - last_ns <= ns_of_s(self._patience.stale_s):
            if self._silence_said_ns is not None:
                log.warning("the feed is no longer silent")
            self._silence_said_ns = None
            return None
        since_ns = last_ns + offset_ns
        text = f"the feed is silent since {_time_of(since_ns)} New York ({(now_ns - last_ns) // NS_PER_S} s)"
        said_ns = self._silence_said_ns
        if said_ns is None or now_ns - said_ns >= ns_of_s(self._patience.silent_again_s):
            self._silence_said_ns = now_ns
            log.error("%s: no data of any symbol in market hours", text)
        return Alarm("silent", text, since_ns)

    def _stale_alarm(self, offset_ns: int) -> Alarm | None:
        stale = self._freshness.stale
        if not stale:
            return None
        return Alarm("stale", f"STALE: {_parts_text(list(stale))}", min(stale.values()) + offset_ns)

    def _judge_stalls(self, now_ns: int, excess: Mapping[str, int]) -> Stall:
        """Ask again for what has stalled; what stays silent then costs the connection, but rarely twice."""
        if self._streaming_since_ns is None:
            return Stall({})
        limit_ns = ns_of_s(self._patience.stalled_s)
        ask_again: dict[str, list[str]] = {}
        give_up: str | None = None
        stalled = self._stalled(self._streaming_since_ns, now_ns, limit_ns, excess)
        for name, (service, symbols) in stalled.items():
            asked_ns = self._asked_ns.get(name)
            if asked_ns is None:
                self._asked_ns[name] = now_ns
                ask_again.setdefault(service, []).extend(symbols)
                log.error("%s sends nothing: it is asked for again", name)
            elif now_ns - asked_ns >= limit_ns and self._may_replace(name, now_ns):
                self._replaced_ns[name] = now_ns
                give_up = f"{name} sent nothing for {self._patience.stalled_s:g} s after it was asked for again"
        for name in self._asked_ns.keys() - stalled.keys():
            # An answer of last known books ends no stall: data must have gone on for a while.
            if now_ns - self._asked_ns[name] >= 2 * limit_ns:
                del self._asked_ns[name]
        return Stall(ask_again, give_up)

    def _may_replace(self, name: str, now_ns: int) -> bool:
        replaced_ns = self._replaced_ns.get(name)
        return replaced_ns is None or now_ns - replaced_ns >= ns_of_s(self._patience.stalls_forgotten_s)

    def _stalled(
        self, since_ns: int, now_ns: int, limit_ns: int, excess: Mapping[str, int]
    ) -> dict[str, tuple[str, list[str]]]:
        """Give what has stalled, by name: a service that is silent as a whole, else each of its symbols.

        Level one tells changes only: one quiet symbol says nothing there. A halted symbol is silent by right.
        """
        stalled: dict[str, tuple[str, list[str]]] = {}
        for service in self._services:
            silent = self._freshness.silent(service, since_ns, now_ns, limit_ns)
            if len(silent) == self._freshness.size(service):
                stalled[service] = (service, silent)
            elif service != LEVEL_ONE and len(silent) > excess.get(service, 0):
                for symbol in silent:
                    if not self._hooks.is_halted(symbol):
                        stalled[f"{symbol} on {service}"] = (service, [symbol])
        return stalled


def gap_text(gap: Gap) -> str:
    """Write a gap for the tape: start and end (UTC ns), whose, and why."""
    whose = f"{','.join(gap.symbols)} on {gap.service}" if gap.symbols else "all"
    return f"{gap.start_ns} {gap.end_ns} {whose}: {gap.reason}"


def _time_of(wall_ns: int) -> str:
    return f"{datetime.fromtimestamp(wall_ns / NS_PER_S, UTC).astimezone(NEW_YORK):%H:%M:%S}"


def _parts_text(parts: list[Part]) -> str:
    return named(sorted(symbol for _, symbol in parts))
