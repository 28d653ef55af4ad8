"""Owns the reading of time: the only caller of the system's clocks.

Never sleeps.
Comes from `app`; goes as an argument to whoever needs a time.
"""

import time
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """Read the machine's clocks."""

    def wall_ns(self) -> int:
        """Give UTC in nanoseconds since 1970."""
        return time.time_ns()

    def boot_ns(self) -> int:
        """Give nanoseconds since boot, suspended time included where the system counts it."""
        return time.clock_gettime_ns(_BOOT_CLOCK)


def boot_id() -> str:
    """Name this boot of the machine; "unknown" where the system has no name for it."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return "unknown"
