"""Owns the ledger: what really happened, in order, for tests to compare a client's story with.

Never holds a token or a key, and never grows past its limit: the oldest frame events go first, counted.
Comes from every part of the core and the server's writes, goes to /sim/ledger.
"""

from collections import deque
from collections.abc import Callable, Iterator, Reversible
from heapq import merge

from simschwab.core.events import Event, FrameOut

LedgerClock = Callable[[], tuple[int, int]]
"""Gives (monotonic ns, wall ns) of now."""


class Ledger:
    """Keep at most `events_max` events; adding gives the event with its seq and stamps."""

    def __init__(self, clock: LedgerClock, events_max: int) -> None:
        self._clock = clock
        self._events_max = events_max
        self._frames: deque[FrameOut] = deque()
        self._others: deque[Event] = deque()
        self.next_seq = 1
        self.dropped = 0
        self.frame_count = 0

    def stamp(self) -> tuple[int, int, int]:
        """Give (seq, monotonic ns, wall ns) for the next event, which must then be added."""
        seq = self.next_seq
        self.next_seq += 1
        return seq, *self._clock()

    def add(self, event: Event) -> None:
        """Keep an event; over the limit the oldest frame event goes, or the oldest of all if none is left."""
        if isinstance(event, FrameOut):
            self.frame_count += 1
            self._frames.append(event)
        else:
            self._others.append(event)
        if len(self._frames) + len(self._others) > self._events_max:
            (self._frames or self._others).popleft()
            self.dropped += 1

    def since(self, seq: int, kind: str | None = None) -> list[Event]:
        """Give the kept events from `seq` on, in order, of one kind or all."""
        both = merge(_tail(self._frames, seq), _tail(self._others, seq), key=_seq)
        return [event for event in both if kind is None or event.__struct_config__.tag == kind]


def _tail(events: Reversible[Event], seq: int) -> Iterator[Event]:
    # Newest first until too old: a poller asks for the last few of many.
    tail = []
    for event in reversed(events):
        if event.seq < seq:
            break
        tail.append(event)
    return reversed(tail)


def _seq(event: Event) -> int:
    return event.seq
