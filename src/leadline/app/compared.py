"""Owns one row of a comparison: what a replay under some settings gives, counted while its alerts are made.

Never keeps an alert.
Comes from a replay; goes to `comparing` and to whoever shows the rows.
"""

from statistics import median

import msgspec

from leadline.core.alerts import Alert
from leadline.core.imbalance import Direction
from leadline.core.units import NS_PER_S
from leadline.replay import AlertLines, Result

CHATTER_NS = 10 * NS_PER_S
"""An alert against the symbol's one before it, so soon after, is chatter: nobody earns on such a turn."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What one combination gives on the tape: its settings, its alerts, its outcomes in the rule's order.

    `blocked` alerts open nothing; the median is over alerts, None without one; `sha256` is that of a plain replay.
    """

    settings: dict[str, str]
    snapshots: int
    alerts: int
    bid_heavy: int
    ask_heavy: int
    blocked: int
    outcomes: dict[str, int]
    median_imbalance_duration_s: float | None
    chatter: int
    sha256: str


class Comparison(msgspec.Struct, frozen=True):
    """The rows, the plain settings first, and what they do not show."""

    rows: list[Row]
    remarks: list[str]


class Tally:
    """Count alerts as they are made."""

    def __init__(self) -> None:
        self._lines = AlertLines()
        self._by_direction = dict.fromkeys(Direction, 0)
        self._blocked = 0
        self._chatter = 0
        self._durations_ns: list[int] = []
        self._last: dict[str, tuple[Direction, int]] = {}

    def take(self, alert: Alert) -> None:
        """Count one alert."""
        self._lines.line(alert)
        self._by_direction[alert.direction] += 1
        self._blocked += alert.entry_blocked_by is not None
        self._durations_ns.append(alert.imbalance_duration_ns)
        before = self._last.get(alert.symbol)
        if before is not None and before[0] is not alert.direction and alert.recv_ns - before[1] <= CHATTER_NS:
            self._chatter += 1
        self._last[alert.symbol] = (alert.direction, alert.recv_ns)

    def row(self, settings: dict[str, str], result: Result) -> Row:
        """Give the row of a replay that was told these alerts."""
        return Row(
            settings=settings,
            snapshots=result.counts.books,
            alerts=self._lines.count,
            bid_heavy=self._by_direction[Direction.BID_HEAVY],
            ask_heavy=self._by_direction[Direction.ASK_HEAVY],
            blocked=self._blocked,
            outcomes={outcome.value: count for outcome, count in result.counts.totals().items()},
            median_imbalance_duration_s=median(self._durations_ns) / NS_PER_S if self._durations_ns else None,
            chatter=self._chatter,
            sha256=self._lines.sha256,
        )
