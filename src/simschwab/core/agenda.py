"""Owns what is due when: steps in order of time, and of entry at the same time.

Never does a step itself.
Comes from the broker, goes back to it when the time has come.
"""

from heapq import heappop, heappush
from typing import Generic, TypeVar

What = TypeVar("What")


class Agenda(Generic[What]):
    """Hold steps until they are due."""

    def __init__(self) -> None:
        self._steps: list[tuple[int, int, What]] = []
        self._count = 0

    def add(self, due_ns: int, what: What) -> None:
        """Enter a step."""
        self._count += 1
        heappush(self._steps, (due_ns, self._count, what))

    def shift(self, delta_ns: int) -> None:
        """Move every step, when the clock is set."""
        self._steps = [(due_ns + delta_ns, count, what) for due_ns, count, what in self._steps]

    def next_due_ns(self) -> int | None:
        """Give when the next step is due."""
        return self._steps[0][0] if self._steps else None

    def pop_due(self, now_ns: int) -> What | None:
        """Take the first step that is due; None when none is."""
        if not self._steps or self._steps[0][0] > now_ns:
            return None
        return heappop(self._steps)[2]
