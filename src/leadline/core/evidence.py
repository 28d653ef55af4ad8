"""Owns the evidence of one symbol: its last judgements, and each test of the rule with its value beside the threshold.

Never judges anew: which test failed is what the outcome says.
Comes from the detector's judgements; goes to the store, near misses, and `leadline why`.
"""

from enum import StrEnum

import msgspec

from leadline.core.detector import Judgement, Outcome
from leadline.core.imbalance import Direction, Totals
from leadline.core.units import NS_PER_MS, NS_PER_S, dollars


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """A symbol's last judgement, the last evaluable one where that is another, and what forbids entries (design 4)."""

    last: Judgement
    evaluable: Judgement | None = None
    blocked: dict[Direction, str] = {}

    @property
    def judged(self) -> Judgement | None:
        """Give the last evaluable judgement."""
        return self.last if self.last.is_evaluable else self.evaluable


class Bound(StrEnum):
    """How a value is held to its threshold."""

    AT_LEAST = "at least"
    AT_MOST = "at most"
    ABOVE = "above"


class Check(msgspec.Struct, frozen=True):
    """One test of the rule; values are seconds, venues, dollars or a ratio. `measured` is None where none was reached.

    `outcome` is what a snapshot gets if this fails first; `is_met` is what the numbers say, `is_decisive` marks the one
    that made the outcome.
    """

    outcome: Outcome
    name: str
    measured: float | None
    bound: Bound
    threshold: float
    unit: str
    is_met: bool | None
    is_decisive: bool


_BOUNDS = {Outcome.STALE: Bound.AT_MOST, Outcome.CROSSED: Bound.ABOVE, Outcome.THROTTLED: Bound.AT_MOST}
"""How the value of a test is held to its threshold, where that is not from below."""


def leading_direction(totals: Totals) -> Direction:
    """Give the side whose reason counts where a book is neutral (design 4.8)."""
    if totals.bid_heavy != totals.ask_heavy:
        return Direction.BID_HEAVY if totals.bid_heavy > totals.ask_heavy else Direction.ASK_HEAVY
    return Direction.BID_HEAVY if totals.total_bids >= totals.total_asks else Direction.ASK_HEAVY


def direction_of(judged: Judgement) -> Direction | None:
    """Give the way a book leans, or would have to; None where it could not be judged."""
    return judged.direction or (None if judged.totals is None else leading_direction(judged.totals))


def checks_of(judged: Judgement, at_ns: int) -> list[Check]:
    """Give the tests in the rule's order, as far as the snapshot's numbers go; the throttle as it is at `at_ns`."""
    rule, totals, direction = judged.rule, judged.totals, direction_of(judged)
    checks: list[Check] = []

    def add(outcome: Outcome, name: str, measured: float | None, limit: float, unit: str = "") -> None:
        bound = _BOUNDS.get(outcome, Bound.AT_LEAST)
        is_decisive = judged.outcome is outcome
        # The rule compares integers: what it said stands, whatever a quotient of theirs is rounded to.
        is_met = False if is_decisive else None if measured is None else _is_met(measured, bound, limit)
        checks.append(Check(outcome, name, measured, bound, limit, unit, is_met, is_decisive))

    age_s = None if judged.book_ms is None else (judged.recv_ns - judged.book_ms * NS_PER_MS) / NS_PER_S
    add(Outcome.STALE, "book age", age_s, rule.book_age_max_ns / NS_PER_S, "s")
    if judged.outcome in _BY_TIME:
        return checks
    add(Outcome.ONE_SIDED, "entries", min(judged.bid_venues, judged.ask_venues), 1, "a side")
    if judged.bid == 0:
        return checks
    add(Outcome.CROSSED, "spread", dollars(judged.ask - judged.bid), 0, "dollars")
    if totals is None or direction is None:
        return checks
    is_bid = direction is Direction.BID_HEAVY
    heavy, light = (totals.bid_heavy, totals.ask_heavy) if is_bid else (totals.ask_heavy, totals.bid_heavy)
    shares, others = (totals.total_bids, totals.total_asks) if is_bid else (totals.total_asks, totals.total_bids)
    minimum = rule.min_bid_heavy if is_bid else rule.min_ask_heavy
    add(Outcome.NO_VALID_VENUE, "valid venues", totals.valid_venues, 1)
    add(Outcome.FEW_VENUES, f"{direction} venues", heavy, minimum, f"({light} the other way)")
    add(Outcome.MARGIN, "margin", heavy - light, rule.min_venue_margin, "venues")
    add(Outcome.RATIO, "ratio", shares / others if others else None, float(rule.min_ratio))
    streak_s = None if judged.direction is None else (judged.recv_ns - judged.first_ns) / NS_PER_S
    add(Outcome.DURATION, "streak age", streak_s, rule.min_duration_ns / NS_PER_S, "s")
    left_s = throttle_left_ns(judged, direction, at_ns) / NS_PER_S
    add(Outcome.THROTTLED, "throttle left", left_s, 0, "s")
    return checks


_BY_TIME = frozenset(
    {
        Outcome.OTHER_SERVICE,
        Outcome.NO_BOOK_TIME,
        Outcome.FUTURE,
        Outcome.REPEAT,
        Outcome.BACKWARD,
        Outcome.STALE,
    }
)
"""Outcomes that are decided before the book itself is looked at."""


def last_alert(judged: Judgement) -> tuple[Direction, int] | None:
    """Give direction and time of the symbol's last alert, this snapshot included."""
    if judged.signal is not None:
        return judged.signal.direction, judged.recv_ns
    return None if judged.alerted is None else (judged.alerted, judged.alerted_ns)


def throttle_left_ns(judged: Judgement, direction: Direction, at_ns: int) -> int:
    """Give for how long from `at_ns` the last alert still mutes one of this direction (design 4.10)."""
    last = last_alert(judged)
    if last is None or last[0] is not direction:
        return 0
    return max(0, judged.rule.throttle_ns - (at_ns - last[1]))


def _is_met(measured: float, bound: Bound, threshold: float) -> bool:
    if bound is Bound.AT_MOST:
        return measured <= threshold
    return measured > threshold if bound is Bound.ABOVE else measured >= threshold
