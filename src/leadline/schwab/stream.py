"""Owns the socket to the streamer: connect, log in, keep watch, and begin again when it is lost.

Never judges a frame, and never leaves a silent connection open.
Comes from the network; goes by `connection` frame by frame to whoever judges, and as messages through `protocol`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from random import Random

from leadline.core.errors import AuthenticationError, LeadlineError, UnreachableError
from leadline.core.freshness import Gap
from leadline.core.ports import Clock
from leadline.core.units import ns_of_s
from leadline.schwab.connection import Connection
from leadline.schwab.gate import Gate
from leadline.schwab.intake import FrameTaker, Intake
from leadline.schwab.link import Hooks, LinkState, Patience
from leadline.schwab.protocol import (
    Covered,
    Degraded,
    Denied,
    Ending,
    Event,
    Evicted,
    Failed,
    Streamer,
    Streaming,
    named,
)
from leadline.schwab.requests import Subscriptions
from leadline.schwab.rest import Rest, StreamerInfo
from leadline.schwab.socket import Connect, connect
from leadline.schwab.watch import Watch, gap_text

__all__ = ["FrameTaker", "LinkState", "Patience"]

log = logging.getLogger(__name__)

LACKING = "no data within"


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
        on_streaming: Callable[[], None] = lambda: None,
        hooks: Hooks | None = None,
        connect: Connect = connect,
    ) -> None:
        self._rest = rest
        self._connect = connect
        self._subscriptions = subscriptions
        self._clock = clock
        self._patience = patience
        self._on_streaming = on_streaming
        self._hooks = hooks = hooks or Hooks()
        self._random = hooks.random or Random()  # noqa: S311 - spreads reconnects, guards nothing
        self.state = LinkState()
        self.watch = Watch(subscriptions, patience, hooks, clock)
        self.gate = Gate(patience, hooks, self.state)
        self._intake = Intake(taker, hooks.tape, self.state, self.watch, clock)
        self._connection: Connection | None = None
        self._evictions = 0
        self._streaming_since_ns: int | None = None
        self._is_covered = False
        self._gap: tuple[int, str] | None = None
        """Since when (UTC) the whole feed is away, and why; None while it is whole."""

    async def run(self) -> None:
        """Stream until cancelled.

        Raises:
            AuthenticationError: the login is refused with a fresh token too.
            UnreachableError: another program holds the user's one connection.
        """
        watching = asyncio.get_running_loop().create_task(self._keep_watch())
        try:
            await self._keep_connected()
        finally:
            self.gate.end()
            self._close_gap()  # one that is still open at the end has been one all the same
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _keep_connected(self) -> None:
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
            streamed_s = self._end_streaming(ending)
            is_first = is_first and streamed_s is None
            # A link that breaks again at once has not recovered: the waits go on growing.
            if streamed_s is not None and streamed_s >= max(wait_s, self._patience.steady_s):
                wait_s = self._patience.retry_first_s
            if streamed_s is not None and streamed_s >= self._patience.evictions_forgotten_s:
                self._evictions = 0  # "again" means soon after, not once more in a month
            wait_s = await self._pause(ending, wait_s)
            self.state.reconnects += 1

    def _end_streaming(self, ending: Ending) -> float | None:
        """Note that the connection is lost; give how long it streamed, in seconds, or None if it never did."""
        since_ns, self._streaming_since_ns = self._streaming_since_ns, None
        streamed_s = None if since_ns is None else (self._clock.boot_ns() - since_ns) / 1e9
        self._connection = None
        self.state.connection, self.state.coverage = "lost", 0.0
        self.gate.close(streamed_s)
        self.watch.lost()
        if self._gap is None and self.state.last_data_ns is not None:
            self._gap = (self.state.last_data_ns, ending.text)
        self._intake.lost(ending.text)
        return streamed_s

    async def _pause(self, ending: Ending, wait_s: float) -> float:
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
            self.state.connection = "evicted"
            log.error("evicted from the stream (%s); one more try in %s s", ending.text, self._patience.evicted_s)
            await asyncio.sleep(self._patience.evicted_s)
            return wait_s
        jittered_s = wait_s * self._random.uniform(0.5, 1.0)
        log.warning("stream lost (%s); connecting again in %.1f s", ending.text, jittered_s)
        await asyncio.sleep(jittered_s)
        return min(wait_s * 2, self._patience.retry_max_s)

    async def _connect_once(self) -> Ending:
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

    async def _converse(self, info: StreamerInfo, token: str) -> Ending:
        streamer = Streamer(info, self._subscriptions)
        behind_ns = ns_of_s(self._patience.behind_s)
        listener = Connection(self._intake, streamer, token, on_event=self._happened, behind_ns=behind_ns)
        self._connection = listener
        transport = await self._connect(listener, info.streamer_socket_url, self._patience.connect_s)
        self._intake.tell("connected", info.streamer_socket_url)
        try:
            return await self._hold(listener)
        finally:
            listener.finish()
            transport.disconnect(graceful=False)

    async def _hold(self, listener: Connection) -> Ending:
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

    async def _keep_watch(self) -> None:
        """Look at the ages again and again; a fault in it must not end it, for then silence would go unseen."""
        while True:
            await asyncio.sleep(self._patience.watch_s)
            try:
                self._look()
            except Exception:
                log.exception("a fault in leadline while watching the feed's age")

    def _look(self) -> None:
        connection = self._connection
        streamer = None if connection is None else connection.streamer
        gap_ns = None if self._gap is None else self._gap[0]
        stall = self.watch.tick({} if streamer is None else streamer.excess, gap_ns)
        if connection is None or streamer is None:
            return
        self.state.coverage = streamer.coverage.share
        connection.end_if_reset()
        if stall.ask_again:
            connection.ask_again(stall.ask_again)
        if stall.give_up is not None:
            connection.end(Failed(stall.give_up))
        since_ns = self._streaming_since_ns
        is_late = since_ns is not None and self._clock.boot_ns() - since_ns >= ns_of_s(self._patience.stalled_s)
        if is_late and not self._is_covered:
            self._say_lacking(streamer)
            self._cover(streamer)

    def _say_lacking(self, streamer: Streamer) -> None:
        lacking = [f"{named(symbols)} on {service}" for service, symbols in streamer.coverage.lacking.items()]
        text = f"{LACKING} {self._patience.stalled_s:g} s of {'; '.join(lacking)}"
        self._happened(Degraded(text))

    def _cover(self, streamer: Streamer) -> None:
        """Let the feed go on as covered as it is: all of it, or what has come within its time."""
        self._is_covered = True
        self._close_gap()
        self.state.coverage = streamer.coverage.share
        self.gate.covered()

    def _close_gap(self) -> None:
        if self._gap is None:
            return
        (start_ns, reason), self._gap = self._gap, None
        gap = Gap(start_ns, self._clock.wall_ns(), reason)
        self.state.gaps += 1
        self._intake.tell("gap", gap_text(gap))
        if self._hooks.on_gap is not None:
            self._hooks.on_gap(gap)

    def _happened(self, event: Event) -> None:
        """Say what the conversation tells, and go on with it."""
        match event:
            case Streaming():
                self.state.connection, self.state.connected_ns = "streaming", self._clock.wall_ns()
                self._streaming_since_ns, self._is_covered = self._clock.boot_ns(), False
                self.watch.begin()
                self._intake.tell("streaming", "")
                log.info("streaming")
                self.gate.begin()
                self._on_streaming()
            case Covered():
                log.info("every symbol has shown data on every service")
                if self.state.degraded is not None and self.state.degraded.startswith(LACKING):
                    self.state.degraded = None
                self._intake.tell("covered", "")
                if self._connection is not None:
                    self._cover(self._connection.streamer)
            case Degraded(text):
                self.state.degraded = text
                self._intake.tell("degraded", text)
                log.warning("stream: %s", text)
            case _:
                pass  # an ending: `run` learns it from the connection
