"""Owns what trading does when rows do not reach the database: entries wait, exits go on.

Never stops an exit, and never outlasts its cause.
Comes from `run` once a second; goes to the trader as a hold.
"""

from leadline.core.ports import Clock, Hold
from leadline.core.units import NS_PER_S
from leadline.store.writer import Writer

STORE_PATIENCE_S = 5
"""How long rows may wait for the database before nothing is opened (a backup or a page holds it for less)."""


class StoreWatch:
    """Hold entries while the record of what is traded cannot be kept."""

    def __init__(self, writer: Writer, clock: Clock, hold: Hold) -> None:
        self._writer = writer
        self._clock = clock
        self._hold = hold
        self._failing_since_ns: int | None = None

    def look(self) -> None:
        """Look once, and hold or let go."""
        error = self._writer.error
        if error is None and self._writer.behind_s >= STORE_PATIENCE_S:
            # A disk that does not answer raises nothing: only the age of what waits shows it.
            self._hold("store", f"rows have waited for {self._writer.behind_s:.0f} s: the disk does not answer")
            return
        if error is None:
            self._failing_since_ns = None
            self._hold("store", None)
            return
        now_ns = self._clock.boot_ns()
        if self._failing_since_ns is None:
            self._failing_since_ns = now_ns
        failing_s = (now_ns - self._failing_since_ns) / NS_PER_S
        if failing_s >= STORE_PATIENCE_S:
            self._hold("store", f"the database cannot be written ({error})")
