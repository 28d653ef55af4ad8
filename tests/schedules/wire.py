"""Owns the way between leadline and the simulator's core: requests and frames as calls, each with its travelling time.

What only a socket could do to an answer or a frame (cut, hold, reset, fragments) is done to it here.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import picows

from leadline.core.errors import UnreachableError
from leadline.schwab.http import Answer, AnswerLostError, NotSentError
from schedules.loop import NS_PER_S, VirtualLoop
from simschwab.core.answers import Cut, Request, Response
from simschwab.core.calendar import moment_ns
from simschwab.core.exchange import Exchange
from simschwab.core.frames import ABNORMAL, Frame
from simschwab.core.ledger import Ledger
from simschwab.core.market import Market
from simschwab.core.settings import Settings
from simschwab.core.times import NS_PER_MS

TRAVEL_S = 0.002
"""One way between client and broker."""

EVENTS_MAX = 400_000


@dataclass(frozen=True)
class Arrived:
    """One websocket message as picows would show it."""

    msg_type: picows.WSMsgType
    payload: bytes
    fin: bool = True
    close_code: int = 1000
    last_in_buffer: bool = True

    def get_payload_as_bytes(self) -> bytes:
        """Give the bytes."""
        return self.payload

    def get_close_code(self) -> int:
        """Give the code of a close."""
        return self.close_code

    def get_close_reason(self) -> str:
        """Give no reason."""
        return ""


class _NoSocket:
    def get_extra_info(self, name: str) -> None:
        """There is no socket to ask."""
        del name


class Link:
    """One websocket between a process and the broker; stands in for picows' transport."""

    underlying_transport = _NoSocket()

    def __init__(self, broker: "Broker", number: int, listener: picows.WSListener, heard: Callable[[bytes], None]):
        self._broker = broker
        self._listener = listener
        self._heard = heard
        self.number = number
        self.is_open = True

    def send(self, kind: picows.WSMsgType, text: bytes) -> None:
        """Send a request to the streamer."""
        del kind
        if self.is_open:
            self._broker.loop.call_later(TRAVEL_S, self._broker.stream_in, self, text.decode())

    def disconnect(self, graceful: bool = True) -> None:
        """Close it from the client's side."""
        del graceful
        if self.is_open:
            self.is_open = False
            self._broker.exchange.stream_lost(self.number)
            self._broker.links.pop(self.number, None)

    def deliver(self, frame: Frame) -> None:
        """Let a frame travel; frames keep their order, for they all travel as long."""
        self._broker.loop.call_later(TRAVEL_S, self._arrive, frame)

    def _arrive(self, frame: Frame) -> None:
        if not self.is_open:
            return
        wire = frame.wire
        if frame.is_close:
            self._close(frame.ws_code)
            return
        if wire.cut_bytes is not None or wire.masked:
            self._close(ABNORMAL)
            return
        kind = picows.WSMsgType.BINARY if wire.binary else picows.WSMsgType.TEXT
        for number, part in enumerate(_parts(frame.payload, wire.pieces)):
            is_last = number == wire.pieces - 1
            self._frame(Arrived(kind if number == 0 else picows.WSMsgType.CONTINUATION, part, fin=is_last))
        self._heard(frame.payload)
        if frame.close_code is not None:
            self._close(frame.ws_code)

    def _frame(self, message: Arrived) -> None:
        self._listener.on_ws_frame(self, message)  # type: ignore[arg-type]

    def _close(self, code: int) -> None:
        if code != ABNORMAL:
            self._frame(Arrived(picows.WSMsgType.CLOSE, b"", close_code=code))
        self.disconnect()
        self._listener.on_ws_disconnected(self)  # type: ignore[arg-type]


def _parts(payload: bytes, pieces: int) -> list[bytes]:
    size = max(1, -(-len(payload) // pieces))
    parts = [payload[start : start + size] for start in range(0, len(payload), size)]
    return parts + [b""] * (pieces - len(parts))


class Broker:
    """The simulator's core under the loop's time."""

    def __init__(self, loop: VirtualLoop, start_ns: int, settings: Settings, market: Market) -> None:
        self.loop = loop
        self._start_ns = start_ns
        self.ledger = Ledger(lambda: (self.now_ns(), self.now_ns()), EVENTS_MAX)
        self.exchange = Exchange(settings, market, self.ledger, self.now_ns())
        if settings.clock_at:
            self.exchange.set_clock((moment_ns(settings.clock_at) - self.now_ns()) // NS_PER_MS, self.now_ns())
        self.links: dict[int, Link] = {}
        self.limbo: list[asyncio.Future[None]] = []
        """What the dead wait for."""
        self._timer: asyncio.TimerHandle | None = None

    def now_ns(self) -> int:
        """Give the broker's machine's time; only that machine's own faults set it off further."""
        return self._start_ns + round(self.loop.time() * NS_PER_S)

    def wake(self) -> None:
        """Send what waits, and be woken when something is due."""
        for number, link in list(self.links.items()):
            for frame in self.exchange.take_frames(number):
                self.exchange.frame_out(number, frame)
                link.deliver(frame)
        if self._timer is not None:
            self._timer.cancel()
        due_ns = self.exchange.next_due_ns()
        if due_ns is not None:
            # Rounded up: a float's moment just before the due one would wake again and again.
            delay_s = max(0, due_ns - self.now_ns() + 1_000) / NS_PER_S
            self._timer = self.loop.call_later(delay_s, self._advance)

    def _advance(self) -> None:
        self.exchange.advance(self.now_ns())
        self.wake()

    def stream_in(self, link: Link, text: str) -> None:
        """Take a websocket text."""
        if link.is_open:
            self.exchange.stream_receive(link.number, text, self.now_ns())
            self.wake()

    def http(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Response:
        """Answer a request that has arrived."""
        bare, _, query = path.partition("?")
        lowered = {name.lower(): value for name, value in headers.items()}
        request = Request(method, bare, dict(parse_qsl(query)), lowered, body or b"")
        answer = self.exchange.http(request, self.now_ns())
        self.wake()
        return answer


@dataclass
class Taps:
    """Who looks at what passes: called at the moment it does, on the client's side."""

    sending: list[Callable[[str, str, bytes | None], None]] = field(default_factory=list)
    answered: list[Callable[[str, str, Answer], None]] = field(default_factory=list)
    lost: list[Callable[[str, str], None]] = field(default_factory=list)
    heard: list[Callable[[bytes], None]] = field(default_factory=list)


class Client:
    """One process's side of the wire: the sender of its requests and the opener of its websockets."""

    base_url = "http://127.0.0.1:8765"

    def __init__(self, broker: Broker, timeout_s: float, taps: Taps) -> None:
        self._broker = broker
        self._timeout_s = timeout_s
        self._taps = taps
        self._links: list[Link] = []
        self.is_alive = True
        self.refuses = False
        """Whether no connection can be made just now."""

    def die(self) -> None:
        """Be a killed process: what was sent goes on to the broker, nothing comes back, nothing more is sent."""
        self.is_alive = False
        for link in self._links:
            link.disconnect()

    async def send(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
        """Send one request and give the answer, whatever its status.

        Raises:
            NotSentError: no connection could be made.
            AnswerLostError: no whole answer came.
        """
        if self.refuses:
            await asyncio.sleep(TRAVEL_S)
            raise NotSentError("no connection (Connection refused)", which=self.base_url)
        for tap in self._taps.sending:
            tap(method, path, body)
        if not self.is_alive:
            await self._for_ever()
        answered: asyncio.Future[Answer] = self._broker.loop.create_future()
        self._broker.loop.call_later(TRAVEL_S, self._arrive, answered, method, path, headers, body)
        try:
            answer = await asyncio.wait_for(answered, self._timeout_s)
        except TimeoutError:
            self._tell_lost(method, path)
            raise AnswerLostError(f"{method} got no whole answer (timeout)", which=self.base_url) from None
        except AnswerLostError:
            self._tell_lost(method, path)
            raise
        for seen in self._taps.answered:
            seen(method, path, answer)
        if not self.is_alive:
            await self._for_ever()
        return answer

    async def _for_ever(self) -> None:
        """Go no further: the process is dead."""
        limbo: asyncio.Future[None] = self._broker.loop.create_future()
        self._broker.limbo.append(limbo)
        await limbo

    def _tell_lost(self, method: str, path: str) -> None:
        for tap in self._taps.lost:
            tap(method, path)

    def _arrive(
        self, answered: asyncio.Future[Answer], method: str, path: str, headers: dict[str, str], body: bytes | None
    ) -> None:
        response = self._broker.http(method, path, headers, body)
        wire = response.wire
        if wire.cut is Cut.HOLD:
            return
        pauses = len(response.body) // wire.bytes if wire.pause_ns and wire.bytes else 0
        delay_s = TRAVEL_S + (wire.delay_ns + pauses * wire.pause_ns) / NS_PER_S
        self._broker.loop.call_later(delay_s, self._return, answered, response)

    @staticmethod
    def _return(answered: asyncio.Future[Answer], response: Response) -> None:
        if answered.done():
            return
        if response.wire.cut is not Cut.NONE:
            answered.set_exception(AnswerLostError("got no whole answer (connection reset)", which="the broker"))
            return
        headers = response.headers
        answered.set_result(
            Answer(
                status=response.status,
                body=response.body,
                content_type=headers.get("Content-Type", "application/octet-stream"),
                location=headers.get("Location"),
                correlation_id=headers.get("Schwab-Client-CorrelId"),
            )
        )

    async def connect(self, listener: picows.WSListener, url: str, timeout_s: float) -> picows.WSTransport:
        """Open a websocket.

        Raises:
            UnreachableError: it was refused or never answered.
        """
        await asyncio.sleep(TRAVEL_S)
        refusal = None if not self.refuses else Response(503, {})
        if refusal is None:
            refusal = self._broker.exchange.connect(self._broker.now_ns())
            self._broker.wake()
        if refusal is not None:
            await asyncio.sleep(timeout_s if refusal.wire.cut is Cut.HOLD else TRAVEL_S)
            raise UnreachableError("the streamer cannot be reached", which=url)
        link = Link(self._broker, self._broker.exchange.stream_open(self._broker.now_ns()), listener, self._hear)
        self._broker.links[link.number] = link
        self._links.append(link)
        listener.on_ws_connected(link)  # type: ignore[arg-type]
        self._broker.wake()
        return link  # type: ignore[return-value]

    def _hear(self, payload: bytes) -> None:
        for tap in self._taps.heard:
            tap(payload)
