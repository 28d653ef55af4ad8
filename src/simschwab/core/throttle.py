"""Owns how many requests are served in a minute and a day.

Never counts a refused request against its sender.
Comes from the settings, goes to REST as a yes or no.
"""

from collections import deque

from simschwab.core.times import NS_PER_S

_MINUTE_NS = 60 * NS_PER_S
_DAY_NS = 86_400 * NS_PER_S


class Throttle:
    """Count over a sliding minute and a sliding day; a limit of 0 is none."""

    def __init__(self, per_min: int, per_day: int = 0) -> None:
        self._windows = tuple((limit, span) for limit, span in ((per_min, _MINUTE_NS), (per_day, _DAY_NS)) if limit)
        self._served: tuple[deque[int], ...] = tuple(deque() for _ in self._windows)

    def admits(self, now_ns: int) -> bool:
        """Tell whether one more request is served; if so it is counted."""
        for (_, span_ns), served in zip(self._windows, self._served, strict=True):
            while served and served[0] <= now_ns - span_ns:
                served.popleft()
        full = any(len(served) >= limit for (limit, _), served in zip(self._windows, self._served, strict=True))
        if not full:
            for served in self._served:
                served.append(now_ns)
        return not full
