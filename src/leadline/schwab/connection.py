"""Owns one connection's callbacks: join fragments, pass frames on, move the conversation, note when it ends.

Never judges a frame and never decides what an end means.
Comes from the socket; goes by way of `backlog` frame by frame to `intake`, and as messages through `protocol`.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

import picows

from leadline.core.conflation import Part
from leadline.schwab.backlog import Arrival, Backlog, is_closed_in_kernel, kernel_bytes_of
from leadline.schwab.intake import Intake
from leadline.schwab.protocol import Denied, Ending, Event, Evicted, Failed, Streamer
from leadline.schwab.socket import FRAME_BYTES_MAX

log = logging.getLogger(__name__)

_DATA = frozenset({picows.WSMsgType.TEXT, picows.WSMsgType.BINARY, picows.WSMsgType.CONTINUATION})
"""Schwab sends text; whatever comes in another wrapping is judged by its bytes."""


class Connection(picows.WSListener):
    """One connection's callbacks: join fragments, pass frames on, move the conversation."""

    def __init__(
        self, intake: Intake, streamer: Streamer, token: str, *, on_event: Callable[[Event], None], behind_ns: int
    ) -> None:
        super().__init__()
        self._intake = intake
        self._on_event = on_event
        self.streamer = streamer
        self._token = token
        self._behind_ns = behind_ns
        self._parts: list[bytes] = []
        self._transport: picows.WSTransport | None = None
        self._backlog: Backlog | None = None
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._last_ns = self._asked_ns = intake.boot_ns()

    @property
    def quiet_s(self) -> float:
        """Give the seconds since the last frame."""
        return (self._intake.boot_ns() - self._last_ns) / 1e9

    def end_if_reset(self) -> None:
        """End a connection that the kernel has closed and the event loop has not told of.

        On uvloop a reset is missed now and then (10 of 2,500 measured; none on asyncio's own loop), and
        without this it would show only by silence.
        """
        if self._transport is not None and is_closed_in_kernel(self._transport):
            self.end(Failed("the connection was reset"))

    @property
    def unanswered_s(self) -> float:
        """Give the seconds since the request that has no answer yet; 0 without one."""
        return 0.0 if self.waits_for is None else (self._intake.boot_ns() - self._asked_ns) / 1e9

    @property
    def waits_for(self) -> str | None:
        """Name the request that has no answer yet."""
        return self.streamer.waits_for

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Open the conversation."""
        self._transport = transport
        self._backlog = Backlog(
            self._take,
            boot_ns=self._intake.boot_ns,
            kernel_bytes=partial(kernel_bytes_of, transport),
            call_soon=asyncio.get_running_loop().call_soon,
            behind_ns=self._behind_ns,
        )
        self._send([self.streamer.login(self._token)])

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Take a frame, or a part of one; the last one of a read gives all of them their turn."""
        del transport
        self._last_ns = self._intake.boot_ns()
        kind = frame.msg_type
        if kind == picows.WSMsgType.CLOSE:
            self.finish()
            self.end(Failed(f"closed by the server with {frame.get_close_code()} {frame.get_close_reason() or ''}"))
        elif kind in _DATA and frame.fin and not self._parts:
            self._arrived(frame.get_payload_as_bytes())
        elif kind in _DATA:
            self._join(frame)
        if frame.last_in_buffer and self._backlog is not None:
            self._backlog.turn()

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """Note the end where nothing else gave a reason for it."""
        del transport
        self.finish()
        self.end(Failed("the connection broke"))

    def ask_again(self, parts: dict[str, list[str]]) -> None:
        """Ask once more for parts that have fallen silent."""
        self._send(self.streamer.ask_again(parts))

    def finish(self) -> None:
        """Judge what has arrived; nothing that comes later is taken."""
        backlog, self._backlog = self._backlog, None
        if backlog is not None:
            backlog.flush()

    def end(self, event: Ending) -> None:
        """Note why this connection is over; the first reason stands."""
        if not self.ended.done():
            self.ended.set_result(event)

    def _join(self, frame: picows.WSFrame) -> None:
        self._parts.append(frame.get_payload_as_bytes())
        if sum(map(len, self._parts)) > FRAME_BYTES_MAX:
            self.end(Failed(f"a fragmented frame above {FRAME_BYTES_MAX} bytes"))
            self._parts = []
        elif frame.fin:
            whole, self._parts = b"".join(self._parts), []
            self._arrived(whole)

    def _arrived(self, payload: bytes) -> None:
        if self._backlog is not None:
            self._backlog.add(self._intake.arrived(payload))

    def _take(self, arrival: Arrival, superseded: frozenset[Part]) -> None:
        """Have one frame judged, then let the conversation hear it; a fault of ours costs this frame alone."""
        try:
            message = self._intake.take(arrival, superseded)
            if message is None:
                return
            requests, events = self.streamer.receive(message)
            self._send(requests)
            for event in events:
                self._on_event(event)
                if isinstance(event, (Denied, Evicted, Failed)):
                    self.end(event)
        except Exception:
            log.exception("a fault in leadline while judging frame %s: the stream goes on", arrival.seq)

    def _send(self, requests: list[bytes]) -> None:
        for request in requests:
            assert self._transport is not None
            self._transport.send(picows.WSMsgType.TEXT, request)
            self._asked_ns = self._intake.boot_ns()
