"""Owns one connection's callbacks: join fragments, pass frames on, move the conversation, note when it ends.

Never judges a frame and never decides what an end means.
Comes from the socket; goes frame by frame to its owner, and as control messages through `protocol`.
"""

import asyncio
from typing import Protocol

import picows

from leadline.schwab.protocol import Degraded, Event, Failed, Streamer, Streaming
from leadline.schwab.wire import Message

FRAME_BYTES_MAX = 32 * 1024 * 1024
"""One burst of 500 books is about 1 MB (Schwab API facts 5); beyond this a frame is no book."""

_DATA = frozenset({picows.WSMsgType.TEXT, picows.WSMsgType.BINARY, picows.WSMsgType.CONTINUATION})
"""Schwab sends text; whatever comes in another wrapping is judged by its bytes."""


class Owner(Protocol):
    """Whoever holds a connection."""

    def take(self, frame: bytes) -> Message | None:
        """Take one frame and give it back decoded."""

    def happened(self, event: Event) -> None:
        """Learn what the conversation tells."""

    def boot_ns(self) -> int:
        """Give the boot clock."""


class Connection(picows.WSListener):
    """One connection's callbacks: join fragments, pass frames on, move the conversation."""

    def __init__(self, owner: Owner, streamer: Streamer, token: str) -> None:
        super().__init__()
        self._owner = owner
        self._streamer = streamer
        self._token = token
        self._parts: list[bytes] = []
        self.ended: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._last_ns = self._asked_ns = owner.boot_ns()

    @property
    def quiet_s(self) -> float:
        """Give the seconds since the last frame."""
        return (self._owner.boot_ns() - self._last_ns) / 1e9

    @property
    def unanswered_s(self) -> float:
        """Give the seconds since the request that has no answer yet; 0 without one."""
        return 0.0 if self.waits_for is None else (self._owner.boot_ns() - self._asked_ns) / 1e9

    @property
    def waits_for(self) -> str | None:
        """Name the request that has no answer yet."""
        return self._streamer.waits_for

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Open the conversation."""
        transport.send(picows.WSMsgType.TEXT, self._streamer.login(self._token))

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Take a frame, or a part of one."""
        self._last_ns = self._owner.boot_ns()
        kind = frame.msg_type
        if kind == picows.WSMsgType.CLOSE:
            self._end(Failed(f"closed by the server with {frame.get_close_code()} {frame.get_close_reason() or ''}"))
        elif kind in _DATA and frame.fin and not self._parts:
            self._take(transport, frame.get_payload_as_bytes())
        elif kind in _DATA:
            self._join(transport, frame)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """Note the end where nothing else gave a reason for it."""
        del transport
        self._end(Failed("the connection broke"))

    def _join(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        self._parts.append(frame.get_payload_as_bytes())
        if sum(map(len, self._parts)) > FRAME_BYTES_MAX:
            self._end(Failed(f"a fragmented frame above {FRAME_BYTES_MAX} bytes"))
            self._parts = []
        elif frame.fin:
            whole, self._parts = b"".join(self._parts), []
            self._take(transport, whole)

    def _take(self, transport: picows.WSTransport, payload: bytes) -> None:
        message = self._owner.take(payload)
        if message is None or not (message.responses or message.notices):
            return
        requests, events = self._streamer.receive(message)
        for request in requests:
            transport.send(picows.WSMsgType.TEXT, request)
            self._asked_ns = self._owner.boot_ns()
        for event in events:
            self._owner.happened(event)
            if not isinstance(event, (Streaming, Degraded)):
                self._end(event)

    def _end(self, event: Event) -> None:
        if not self.ended.done():
            self.ended.set_result(event)
