"""Owns near misses: snapshots and streaks that would have alerted with a little more (docs/alert-rule.md).

Never trades, never changes what alerts; costs nothing where nobody asks for it.
Comes from `grok` as judgements; goes back as near misses, for their table and a replay's file.
"""

from collections.abc import Iterator

import msgspec

from leadline.core.detector import Judgement, Outcome
from leadline.core.evidence import leading_direction
from leadline.core.imbalance import Direction, Rule, Totals
from leadline.core.market import Service
from leadline.core.units import NS_PER_MS, NS_PER_S

NEAR_NUMERATOR, NEAR_DENOMINATOR = 4, 5
"""A ratio or a duration that reaches 80 % of its threshold is near; venues are near if one more would do."""


class NearMiss(msgspec.Struct, frozen=True):
    """What failed alone, and by how much: `measured` and `needed` are venues, a ratio, or seconds. Times UTC.

    Prices in 0.0001 dollars, sizes in shares. `streak_id` is None and the duration 0 where the book leaned nowhere.
    """

    symbol: str
    direction: Direction
    outcome: Outcome
    measured: float
    needed: float
    totals: Totals
    bid: int
    ask: int
    imbalance_duration_ns: int
    streak_id: int | None
    service: Service
    book_ns: int
    recv_ns: int

    @property
    def missed_by(self) -> float:
        """Give what was lacking, in the unit of the threshold."""
        return self.needed - self.measured

    @property
    def ratio(self) -> float:
        """Give heavy side over light side."""
        t = self.totals
        is_bid = self.direction is Direction.BID_HEAVY
        return t.total_bids / t.total_asks if is_bid else t.total_asks / t.total_bids

    @property
    def heavy_venues(self) -> int:
        """Give the venues that lean this way."""
        return self.totals.bid_heavy if self.direction is Direction.BID_HEAVY else self.totals.ask_heavy

    @property
    def light_venues(self) -> int:
        """Give the venues that lean the other way."""
        return self.totals.ask_heavy if self.direction is Direction.BID_HEAVY else self.totals.bid_heavy


class NearMisses:
    """Find near misses among judgements, at most one a symbol and direction within the throttle."""

    def __init__(self) -> None:
        self._streaks: dict[str, tuple[Judgement, Service]] = {}
        self._told_ns: dict[tuple[str, Direction], int] = {}

    def step(self, symbol: str, service: Service, judged: Judgement) -> Iterator[NearMiss]:
        """Take one judgement and give what nearly alerted: a streak that it ended, and itself."""
        if judged.totals is None:
            return
        yield from self._end_streak(symbol, judged)
        if judged.direction is None:
            yield from self._once(_of_neutral(symbol, service, judged, judged.totals), judged.rule)
        elif judged.outcome is Outcome.DURATION and not _has_alerted(judged):
            self._streaks[symbol] = (judged, service)

    def connection_lost(self) -> list[NearMiss]:
        """End all streaks, and give those that nearly alerted."""
        return [miss for symbol in list(self._streaks) for miss in self._end_streak(symbol, None)]

    def _end_streak(self, symbol: str, judged: Judgement | None) -> Iterator[NearMiss]:
        """Forget the streak that `judged` does not go on with, or in which it alerts."""
        known = self._streaks.pop(symbol, None)
        if known is None:
            return
        was, service = known
        goes_on = judged is not None and judged.direction is was.direction and judged.streak_id == was.streak_id
        if not goes_on:
            yield from self._once(_of_streak(symbol, service, was), was.rule)

    def _once(self, miss: NearMiss | None, rule: Rule) -> Iterator[NearMiss]:
        if miss is None:
            return
        name = (miss.symbol, miss.direction)
        told_ns = self._told_ns.get(name)
        if told_ns is None or miss.recv_ns - told_ns >= rule.throttle_ns:
            self._told_ns[name] = miss.recv_ns
            yield miss


def _has_alerted(judged: Judgement) -> bool:
    """Tell whether this streak has alerted already: a threshold that grew meanwhile makes it young again."""
    return judged.alerted is judged.direction and judged.alerted_ns >= judged.first_ns


def _of_streak(symbol: str, service: Service, was: Judgement) -> NearMiss | None:
    duration_ns, needed_ns = was.recv_ns - was.first_ns, was.rule.min_duration_ns
    if was.totals is None or was.direction is None or not _is_near(duration_ns, needed_ns):
        return None
    measured = (duration_ns / NS_PER_S, needed_ns / NS_PER_S)
    return _miss(symbol, service, was, direction=was.direction, outcome=Outcome.DURATION, measured=measured)


def _of_neutral(symbol: str, service: Service, judged: Judgement, t: Totals) -> NearMiss | None:
    """Look at the side for whose reason the snapshot is neutral (design 4.8): exactly one test fails, and nearly."""
    direction = leading_direction(t)
    is_bid = direction is Direction.BID_HEAVY
    rule = judged.rule
    minimum = rule.min_bid_heavy if is_bid else rule.min_ask_heavy
    heavy, light = (t.bid_heavy, t.ask_heavy) if is_bid else (t.ask_heavy, t.bid_heavy)
    shares, others = (t.total_bids, t.total_asks) if is_bid else (t.total_asks, t.total_bids)
    shares, others = shares * rule.min_ratio.denominator, others * rule.min_ratio.numerator
    failing = [heavy < minimum, heavy - light < rule.min_venue_margin, shares < others]
    if t.valid_venues == 0 or sum(failing) != 1:
        return None
    if failing[0] and heavy == minimum - 1:
        return _miss(
            symbol, service, judged, direction=direction, outcome=Outcome.FEW_VENUES, measured=(heavy, minimum)
        )
    if failing[1] and heavy - light == rule.min_venue_margin - 1:
        return _miss(
            symbol,
            service,
            judged,
            direction=direction,
            outcome=Outcome.MARGIN,
            measured=(heavy - light, rule.min_venue_margin),
        )
    if failing[2] and _is_near(shares, others):
        needed = float(rule.min_ratio)
        return _miss(
            symbol,
            service,
            judged,
            direction=direction,
            outcome=Outcome.RATIO,
            measured=(shares / others * needed, needed),
        )
    return None


def _is_near(measured: int, needed: int) -> bool:
    return measured * NEAR_DENOMINATOR >= needed * NEAR_NUMERATOR


def _miss(
    symbol: str,
    service: Service,
    judged: Judgement,
    *,
    direction: Direction,
    outcome: Outcome,
    measured: tuple[float, float],
) -> NearMiss | None:
    if judged.totals is None or judged.book_ms is None:
        return None
    is_streak = judged.direction is not None
    return NearMiss(
        symbol=symbol,
        direction=direction,
        outcome=outcome,
        measured=measured[0],
        needed=measured[1],
        totals=judged.totals,
        bid=judged.bid,
        ask=judged.ask,
        imbalance_duration_ns=judged.recv_ns - judged.first_ns if is_streak else 0,
        streak_id=judged.streak_id if is_streak else None,
        service=service,
        book_ns=judged.book_ms * NS_PER_MS,
        recv_ns=judged.recv_ns,
    )
