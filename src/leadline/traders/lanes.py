"""Owns a symbol's lane: one alert or exit on its way, one alert that waits for it (design section 5).

Never decides what becomes of an alert.
Comes from the trader; goes back to it.
"""

from collections.abc import Iterable, Iterator

import msgspec

from leadline.core.alerts import Alert, Disposition
from leadline.core.intent import Cause
from leadline.core.legs import Ended, Progress


class Run(msgspec.Struct):
    """One alert, or an exit without one, on its way through its lane; `name` stands in its intents' keys."""

    symbol: str
    name: str
    begun_boot_ns: int
    done: Progress = Progress()
    alert_id: int = 0
    alert: Alert | None = None
    cause: Cause = Cause.ALERT
    side: int = 0
    """The side (+1, -1) that an exit closes."""
    has_waited: bool = False
    key: str | None = None
    """The newest intent's: news of any other are booked and decide nothing."""
    only_follows: bool = False
    """Whether its order is followed to its end and leads to nothing more: one of an earlier run, or after a fault."""
    is_settled: bool = False


class Lane(msgspec.Struct):
    """One running, one alert waiting."""

    running: Run | None = None
    waiting: Run | None = None

    def has(self, alert_id: int) -> bool:
        """Tell whether an alert is on its way here, without its disposition yet."""
        runs = (self.running, self.waiting)
        return any(run is not None and run.alert_id == alert_id and not run.is_settled for run in runs)


def take_late(lanes: Iterable[Lane], latest_boot_ns: int) -> Iterator[tuple[Run, Ended]]:
    """Give the alerts begun before a moment that can ask for nothing more, however long an order of theirs works.

    One that waits leaves its lane; one that runs keeps it until its order has ended.
    """
    for lane in lanes:
        waiting, running = lane.waiting, lane.running
        if waiting is not None and waiting.begun_boot_ns < latest_boot_ns:
            lane.waiting = None
            yield waiting, Ended(Disposition.EXPIRED, "waited longer than ALERT_FLIP_SEC")
        if running is not None and running.begun_boot_ns < latest_boot_ns:
            yield running, Ended(Disposition.CLOSED_ONLY, "not closed within ALERT_FLIP_SEC")
