"""Owns a symbol's lane: one alert on its way, one that waits for it (design section 5).

Never decides what becomes of an alert.
Comes from the trader; goes back to it.
"""

import msgspec

from leadline.core.alerts import Alert
from leadline.core.flip import Progress


class Run(msgspec.Struct):
    """One alert on its way through its lane."""

    alert_id: int
    alert: Alert
    done: Progress
    has_waited: bool = False
    is_settled: bool = False


class Lane(msgspec.Struct):
    """One alert running, one waiting."""

    running: Run | None = None
    waiting: tuple[int, Alert] | None = None
