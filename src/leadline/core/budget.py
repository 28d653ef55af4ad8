"""Owns the account's limit of order requests a minute, and when the broker wants none (Schwab API facts 2.4).

Never sends, and drops nothing but openings: exits and cancels are told how long to wait (reliability F18).
Comes from the executor; goes to `risk`, the executor and the pages.
"""

from collections import deque

from leadline.core.units import NS_PER_S

WINDOW_NS = 60 * NS_PER_S

PER_MINUTE_MAX = 120
"""What the broker allows at most; an app may be registered for less."""

RESERVED = 20
"""Requests of a minute that no opening may use, but at most half of them: exits and cancels come first (F18)."""


class RequestBudget:
    """Count requests over a sliding minute of the boot clock, and keep some of them for what must not wait."""

    def __init__(self, per_minute_max: int = PER_MINUTE_MAX) -> None:
        self.per_minute_max = per_minute_max
        self._sent_ns: deque[int] = deque()
        self._shut_until_ns = 0
        self._quiet_until_ns = 0

    def spend(self, now_ns: int) -> None:
        """Count one POST or DELETE."""
        self._forget(now_ns)
        self._sent_ns.append(now_ns)

    def last_minute(self, now_ns: int) -> int:
        """Give how many were sent in the minute before `now_ns`."""
        self._forget(now_ns)
        return len(self._sent_ns)

    def shut(self, now_ns: int, for_ns: int) -> None:
        """Send no order request for so long, at most a minute: the broker has refused one for its limit."""
        self._shut_until_ns = max(self._shut_until_ns, now_ns + min(for_ns, WINDOW_NS))

    def quieten(self, now_ns: int, for_ns: int) -> None:
        """Ask nothing for so long, at most a minute: the broker has refused a question for its limit."""
        self._quiet_until_ns = max(self._quiet_until_ns, now_ns + min(for_ns, WINDOW_NS))

    def quiet_ns(self, now_ns: int) -> int:
        """Give how long nothing should be asked; 0 = ask."""
        return max(0, self._quiet_until_ns - now_ns)

    def why_not_open(self, now_ns: int, open_orders: int) -> str | None:
        """Give why an opening must not be sent now, None if it may; `open_orders` may each need a cancel."""
        if max(self._shut_until_ns, self._quiet_until_ns) > now_ns:
            return "the broker has refused requests for its limit and is left alone"
        reserved = max(min(RESERVED, self.per_minute_max // 2), open_orders)
        if self.per_minute_max - self.last_minute(now_ns) - 1 < reserved:
            return "the rest of the minute's order requests is kept for exits and cancels"
        return None

    def wait_ns(self, now_ns: int) -> int:
        """Give how long an exit or a cancel must wait, at most a minute; 0 = send it."""
        free_ns = 0
        if self.last_minute(now_ns) >= self.per_minute_max:
            free_ns = self._sent_ns[-self.per_minute_max] + WINDOW_NS
        return max(0, free_ns - now_ns, self._shut_until_ns - now_ns)

    def _forget(self, now_ns: int) -> None:
        sent_ns = self._sent_ns
        while sent_ns and sent_ns[0] <= now_ns - WINDOW_NS:
            sent_ns.popleft()
