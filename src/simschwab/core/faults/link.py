"""Owns whether anything passes between clients and the simulator: a partition of all, or streams that are half-open.

Never ends a connection by itself.
Comes from faults in time, goes to the exchange and the streamer.
"""


class Link:
    """Hold until when nothing passes."""

    def __init__(self) -> None:
        self._parted_until_ns = 0
        self._silent_until_ns = 0
        self._slow_until_ns = 0
        self._pause_ns = 0

    def part(self, until_ns: int) -> None:
        """Let nothing pass."""
        self._parted_until_ns = max(self._parted_until_ns, until_ns)

    def silence(self, until_ns: int) -> None:
        """Let nothing pass on streams."""
        self._silent_until_ns = max(self._silent_until_ns, until_ns)

    def slow(self, until_ns: int, pause_ns: int) -> None:
        """Let the server wait before it reads each next message."""
        self._slow_until_ns, self._pause_ns = until_ns, pause_ns

    def read_pause_ns(self, now_ns: int) -> int:
        """Give how long the server waits before it reads on; only a socket can do it."""
        return self._pause_ns if now_ns < self._slow_until_ns else 0

    def parted_ns(self, now_ns: int) -> int:
        """Give how long requests will still not pass."""
        return max(0, self._parted_until_ns - now_ns)

    def is_parted(self, now_ns: int) -> bool:
        """Tell whether requests do not pass."""
        return now_ns < self._parted_until_ns

    def is_silent(self, now_ns: int) -> bool:
        """Tell whether streams carry nothing, in either direction."""
        return now_ns < max(self._parted_until_ns, self._silent_until_ns)

    def shift(self, delta_ns: int) -> None:
        """Move the ends, when the clock is set."""
        self._parted_until_ns += delta_ns
        self._silent_until_ns += delta_ns
        self._slow_until_ns += delta_ns
