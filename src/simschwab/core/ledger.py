"""Owns the ledger: what really happened, in order, for tests to compare a client's story with.

Never holds a token or a key, and never grows past its limit: the oldest frame events go first, counted.
Comes from every part of the core and the server's writes, goes to /sim/ledger.
"""

from collections import deque
from collections.abc import Callable, Iterator, Reversible
from heapq import merge

import msgspec

LedgerClock = Callable[[], tuple[int, int]]
"""Gives (monotonic ns, wall ns) of now."""


class BookRef(msgspec.Struct, frozen=True, gc=False):
    """Name a book inside a frame."""

    symbol: str
    service: str
    book_ms: int


class FrameOut(msgspec.Struct, frozen=True, tag_field="kind", tag="frame_out"):
    """A frame, stamped just before it is written to the socket."""

    seq: int
    mono_ns: int
    wall_ns: int
    connection: int
    frame: str
    bytes: int
    books: tuple[BookRef, ...]


class RequestIn(msgspec.Struct, tag_field="kind", tag="request_in"):
    """A request; `mono_ns` is at handler entry, the order's fields are completed while it is answered."""

    seq: int
    mono_ns: int
    wall_ns: int
    method: str
    path: str
    order_id: int | None = None
    symbol: str | None = None
    instruction: str | None = None
    quantity: int | None = None
    price: int | float | None = None


class ResponseOut(msgspec.Struct, frozen=True, tag_field="kind", tag="response_out"):
    """The answer to the request with seq `request_seq`."""

    seq: int
    mono_ns: int
    wall_ns: int
    request_seq: int
    status: int


class OrderState(msgspec.Struct, frozen=True, tag_field="kind", tag="order_state"):
    """A new status of an order."""

    seq: int
    mono_ns: int
    wall_ns: int
    order_id: int
    symbol: str
    status: str


class Filled(msgspec.Struct, frozen=True, tag_field="kind", tag="fill"):
    """An execution; `cumulative` counts the order's shares so far, price is in dollars."""

    seq: int
    mono_ns: int
    wall_ns: int
    order_id: int
    symbol: str
    instruction: str
    quantity: int
    price: int | float
    cumulative: int


class StreamIn(msgspec.Struct, frozen=True, tag_field="kind", tag="stream_in"):
    """A streamer request; a frame that cannot be read has service and command empty."""

    seq: int
    mono_ns: int
    wall_ns: int
    connection: int
    service: str
    command: str
    keys: int


class StreamOpened(msgspec.Struct, frozen=True, tag_field="kind", tag="stream_opened"):
    """A websocket connection came."""

    seq: int
    mono_ns: int
    wall_ns: int
    connection: int


class StreamClosed(msgspec.Struct, frozen=True, tag_field="kind", tag="stream_closed"):
    """A websocket connection ended; `code` is the streamer's reason, 0 when the client went."""

    seq: int
    mono_ns: int
    wall_ns: int
    connection: int
    code: int


Event = FrameOut | RequestIn | ResponseOut | OrderState | Filled | StreamIn | StreamOpened | StreamClosed


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
