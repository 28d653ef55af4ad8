"""Owns the socket to the streamer: connect, log in, keep watch, and begin again when it is lost.

Never judges a frame, and never leaves a silent connection open.
Comes from the network; goes frame by frame to `grok`, and as control messages through `protocol`.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Protocol

import msgspec
import picows

from leadline.core.errors import AuthenticationError, LeadlineError, UnreachableError
from leadline.core.ports import Clock
from leadline.schwab.connection import FRAME_BYTES_MAX, Connection
from leadline.schwab.protocol import Degraded, Denied, Event, Evicted, Failed, Streamer, Streaming, Subscriptions
from leadline.schwab.rest import Rest, StreamerInfo
from leadline.schwab.wire import Message

log = logging.getLogger(__name__)


EVICTION_FORGOTTEN_S = 3_600
"""Streaming for so long makes the next eviction a first one."""


class FrameTaker(Protocol):
    """Whoever judges frames."""

    def on_frame(self, frame: bytes, recv_ns: int, boot_ns: int) -> Message | None:
        """Take one frame and give it back decoded."""

    def on_connection_lost(self) -> None:
        """Learn that frames may be missing from here on."""


class Patience(msgspec.Struct, frozen=True):
    """Every wait of the connection, in seconds."""

    connect_s: float = 10.0
    answer_s: float = 10.0
    silence_s: float = 45.0
    retry_first_s: float = 0.5
    retry_max_s: float = 30.0
    evicted_s: float = 60.0


class LinkState(msgspec.Struct):
    """What pages show of the connection."""

    connection: str = "connecting"
    connected_ns: int | None = None
    reconnects: int = 0
    last_frame_ns: int | None = None
    degraded: str | None = None


class SchwabStream:
    """Hold one streamer connection for the process's life."""

    def __init__(
        self,
        rest: Rest,
        subscriptions: Subscriptions,
        taker: FrameTaker,
        *,
        clock: Clock,
        patience: Patience,
        on_streaming: Callable[[], None],
    ) -> None:
        self._rest = rest
        self._subscriptions = subscriptions
        self._taker = taker
        self._clock = clock
        self._patience = patience
        self._on_streaming = on_streaming
        self.state = LinkState()
        self._evictions = 0
        self._streaming_since_ns: int | None = None

    async def run(self) -> None:
        """Stream until cancelled.

        Raises:
            AuthenticationError: the login is refused with a fresh token too.
            UnreachableError: another program holds the user's one connection.
        """
        wait_s = self._patience.retry_first_s
        is_first = True
        while True:
            try:
                ending = await self._connect_once()
            except AuthenticationError:
                raise
            except LeadlineError as error:
                if is_first and isinstance(error, UnreachableError):
                    raise
                ending = Failed(str(error))
            streamed_s = self._end_streaming()
            is_first = is_first and streamed_s is None
            # A link that breaks sooner than it took to wait for it has not recovered: the waits go on growing.
            if streamed_s is not None and streamed_s >= wait_s:
                wait_s = self._patience.retry_first_s
            if streamed_s is not None and streamed_s >= EVICTION_FORGOTTEN_S:
                self._evictions = 0  # "again" means soon after, not once more in a month
            wait_s = await self._pause(ending, wait_s)
            self.state.reconnects += 1

    def _end_streaming(self) -> float | None:
        """Note that the connection is lost; give how long it streamed, in seconds, or None if it never did."""
        since_ns, self._streaming_since_ns = self._streaming_since_ns, None
        self.state.connection = "lost"
        self._taker.on_connection_lost()
        return None if since_ns is None else (self._clock.boot_ns() - since_ns) / 1e9

    async def _pause(self, ending: Event, wait_s: float) -> float:
        """Wait before the next try, as the ending asks for; give the wait after that."""
        if isinstance(ending, Evicted):
            self._evictions += 1
            if self._evictions > 1:
                raise UnreachableError(
                    f"the broker closed the stream again for another connection of this user ({ending.text})",
                    which="streamer",
                    expected="one streamer connection per user",
                    do="close thinkorswim or the other program that streams with this login",
                )
            log.error("evicted from the stream (%s); one more try in %s s", ending.text, self._patience.evicted_s)
            await asyncio.sleep(self._patience.evicted_s)
            return wait_s
        text = getattr(ending, "text", "closed")
        jittered_s = wait_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads reconnects, guards nothing
        log.warning("stream lost (%s); connecting again in %.1f s", text, jittered_s)
        await asyncio.sleep(jittered_s)
        return min(wait_s * 2, self._patience.retry_max_s)

    async def _connect_once(self) -> Event:
        """Hold one connection until it ends, and give why."""
        self.state.connection, self.state.degraded = "connecting", None
        await self._rest.login.ensure()
        preference = await self._rest.user_preference()
        info = preference.streamer_info[0]
        if preference.offers and not preference.offers[0].has_level2:
            self.state.degraded = "this login has no level 2 permission: no books will come"
            log.error("%s", self.state.degraded)
        token = self._rest.login.access_token
        ending = await self._converse(info, token)
        if isinstance(ending, Denied):
            await self._rest.login.refresh(token)
            ending = await self._converse(info, self._rest.login.access_token)
            if isinstance(ending, Denied):
                raise AuthenticationError(
                    f"the streamer refused the login ({ending.text})",
                    which="streamer",
                    expected="a token that the REST side accepts too",
                    do="log in again, then start leadline again",
                )
        return ending

    async def _converse(self, info: StreamerInfo, token: str) -> Event:
        listener = Connection(self, Streamer(info, self._subscriptions), token)
        connect_s = self._patience.connect_s
        try:
            # Its own limit makes picows close the socket, which a handshake that is cancelled from here leaves open.
            transport, _ = await asyncio.wait_for(
                picows.ws_connect(
                    lambda: listener,
                    info.streamer_socket_url,
                    max_frame_size=FRAME_BYTES_MAX,
                    max_redirects=0,
                    disconnect_on_exception=False,
                    websocket_handshake_timeout=connect_s,
                ),
                2 * connect_s,
            )
        except (OSError, TimeoutError, ValueError, picows.WSError) as error:
            raise UnreachableError(
                f"the streamer cannot be reached ({str(error) or type(error).__name__})",
                which=info.streamer_socket_url,
                expected="a websocket that answers",
                do="check the network; leadline tries again by itself once it has streamed",
            ) from error
        try:
            return await self._watch(listener)
        finally:
            transport.disconnect(graceful=False)

    async def _watch(self, listener: Connection) -> Event:
        """Wait for the end of a connection, and make one of silence and of a request without an answer.

        Neither frames nor heartbeats excuse a missing answer: without it nothing more is asked for (facts 3, pain 5).
        """
        silence_s, answer_s = self._patience.silence_s, self._patience.answer_s
        while not listener.ended.done():
            quiet_s, unanswered_s = listener.quiet_s, listener.unanswered_s
            if quiet_s >= silence_s:
                return Failed(f"no frame for {quiet_s:.1f} s")
            if unanswered_s >= answer_s:
                return Failed(f"{listener.waits_for} was not answered within {unanswered_s:.1f} s")
            left_s = min(silence_s - quiet_s, answer_s - unanswered_s)
            await asyncio.wait([listener.ended], timeout=left_s)
        return listener.ended.result()

    def take(self, frame: bytes) -> Message | None:
        """Stamp a frame and hand it over."""
        recv_ns = self._clock.wall_ns()
        self.state.last_frame_ns = recv_ns
        return self._taker.on_frame(frame, recv_ns, self._clock.boot_ns())

    def happened(self, event: Event) -> None:
        """Say what the conversation tells."""
        if isinstance(event, Streaming):
            self.state.connection, self.state.connected_ns = "streaming", self._clock.wall_ns()
            self._streaming_since_ns = self._clock.boot_ns()
            log.info("streaming")
            self._on_streaming()
        elif isinstance(event, Degraded):
            self.state.degraded = event.text
            log.warning("stream: %s", event.text)

    def boot_ns(self) -> int:
        """Give the boot clock."""
        return self._clock.boot_ns()
