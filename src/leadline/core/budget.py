"""Owns the count of order requests in the last minute, which the broker limits per account (Schwab API facts 2.4).

Never refuses by itself: `risk` asks it.
Comes from the executor; goes to `risk` and the pages.
"""

from collections import deque

from leadline.core.units import NS_PER_S

WINDOW_NS = 60 * NS_PER_S


class RequestBudget:
    """Count requests over a sliding minute of the boot clock."""

    def __init__(self) -> None:
        self._sent_ns: deque[int] = deque()

    def spend(self, now_ns: int) -> None:
        """Count one POST or DELETE."""
        self._sent_ns.append(now_ns)

    def last_minute(self, now_ns: int) -> int:
        """Give how many were sent in the minute before `now_ns`."""
        sent_ns = self._sent_ns
        while sent_ns and sent_ns[0] <= now_ns - WINDOW_NS:
            sent_ns.popleft()
        return len(sent_ns)
