"""Owns every frame's way in: stamped, put on the tape, judged by its taker, noted as fresh data.

Never decodes and never judges.
Comes from `connection`; goes to whoever judges, to the tape, and to the watch over ages.
"""

from typing import Protocol, runtime_checkable

from leadline.core.conflation import Part
from leadline.core.ports import Clock, Tape
from leadline.schwab.backlog import Arrival
from leadline.schwab.link import LinkState
from leadline.schwab.watch import Watch
from leadline.schwab.wire import Message


class FrameTaker(Protocol):
    """Whoever judges frames."""

    def on_frame(self, frame: bytes, recv_ns: int, boot_ns: int) -> Message | None:
        """Take one frame and give it back decoded."""

    def on_connection_lost(self) -> None:
        """Learn that frames may be missing from here on."""


@runtime_checkable
class Conflating(Protocol):
    """Whoever can leave books out of a frame; others get every frame whole, however late."""

    def on_conflated(self, frame: bytes, recv_ns: int, boot_ns: int, superseded: frozenset[Part]) -> Message | None:
        """Take one frame without its superseded books, and give it back decoded."""


class Intake:
    """Let frames in, in order, over all connections of a process."""

    def __init__(self, taker: FrameTaker, tape: Tape | None, state: LinkState, watch: Watch, clock: Clock) -> None:
        self._taker = taker
        self._conflating = taker if isinstance(taker, Conflating) else None
        self._tape = tape
        self._state = state
        self._watch = watch
        self._clock = clock
        self._frame_seq = 0

    def arrived(self, frame: bytes) -> Arrival:
        """Stamp one frame at the moment it has come in, and put it on the tape."""
        arrival = Arrival(self._frame_seq, frame, self._clock.wall_ns(), self._clock.boot_ns())
        self._frame_seq += 1
        self._state.last_frame_ns = arrival.recv_ns
        if self._tape is not None:
            self._tape.frame(arrival.recv_ns, arrival.boot_ns, frame)
        return arrival

    def take(self, arrival: Arrival, superseded: frozenset[Part]) -> Message | None:
        """Have one frame judged, in which these parts are superseded, and give it back decoded."""
        if superseded and self._conflating is not None:
            if self._tape is not None:
                for service, symbol in sorted(superseded):
                    self._tape.conflated(arrival.seq, symbol, service)
            message = self._conflating.on_conflated(arrival.frame, arrival.recv_ns, arrival.boot_ns, superseded)
        else:
            message = self._taker.on_frame(arrival.frame, arrival.recv_ns, arrival.boot_ns)
        if message is not None:
            self._watch.hear(message, arrival.boot_ns)
            if message.data:
                self._state.last_data_ns = arrival.recv_ns
        return message

    def lost(self, reason: str) -> None:
        """Tell tape and taker that frames may be missing from here on."""
        self.tell("lost", reason)
        self._taker.on_connection_lost()

    def tell(self, kind: str, text: str) -> None:
        """Put on the tape what happened to the connection."""
        if self._tape is not None:
            self._tape.event(self._clock.wall_ns(), kind, text)

    def boot_ns(self) -> int:
        """Give the boot clock."""
        return self._clock.boot_ns()
