"""Owns the sockets: HTTP requests and websocket messages in, answers and frames out, timers for what is due.

Never decides anything; every answer and frame, and how it is sent, is the exchange's.
Comes from the command line with a bound socket, goes to clients until told to stop.
"""

import asyncio
import time
from socket import socket

from aiohttp import WSCloseCode, WSMsgType, web

from simschwab.control import Control
from simschwab.core.answers import Request, too_large
from simschwab.core.exchange import Exchange
from simschwab.core.times import NS_PER_S
from simschwab.sending import send_answer, send_frame

_CLOSE_S = 0.3
_MESSAGE_BYTES_MAX = 16 * 1024 * 1024


class WallClock:
    """Give UTC nanoseconds that never go back: one reading of the wall, carried on by the monotonic clock."""

    def __init__(self) -> None:
        self._ahead_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        """Give the time of now."""
        return time.monotonic_ns() + self._ahead_ns

    def stamp(self) -> tuple[int, int]:
        """Give (monotonic ns, wall ns) of now, for the ledger."""
        mono_ns = time.monotonic_ns()
        return mono_ns, mono_ns + self._ahead_ns


class Server:
    """Serve one exchange; every websocket has a writer of its own, so a slow reader delays nobody else."""

    def __init__(self, exchange: Exchange, clock: WallClock) -> None:
        self._exchange = exchange
        self._clock = clock
        self._stop = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._frames_wait: dict[int, asyncio.Event] = {}
        self._sockets: set[web.WebSocketResponse] = set()
        self._app = web.Application()
        self._app.router.add_get("/ws", self._stream)
        self._app.router.add_routes(Control(exchange, clock.now_ns, self._wake).routes())
        self._app.router.add_route("*", "/{path:.*}", self._http)

    async def run(self, listening: socket, stop: asyncio.Event, ready: asyncio.Event) -> None:
        """Serve until `stop` is set; sets `ready` once connections are accepted."""
        self._stop = stop
        runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=_CLOSE_S)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        # A scenario's first moments may be due before anybody comes.
        self._wake()
        ready.set()
        await stop.wait()
        if self._timer is not None:
            self._timer.cancel()
        closes = [asyncio.ensure_future(ws.close(code=WSCloseCode.GOING_AWAY)) for ws in self._sockets]
        if closes:
            # A client that does not answer the close must not hold up the end.
            await asyncio.wait(closes, timeout=_CLOSE_S)
        await runner.cleanup()

    def _advance(self) -> None:
        self._exchange.advance(self._clock.now_ns())
        self._wake()

    def _wake(self) -> None:
        for waiting in self._frames_wait.values():
            waiting.set()
        if self._timer is not None:
            self._timer.cancel()
        due_ns = self._exchange.next_due_ns()
        if due_ns is not None:
            delay_s = max(0, due_ns - self._clock.now_ns()) / NS_PER_S
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._advance)

    async def _http(self, request: web.Request) -> web.StreamResponse:
        entry_mono_ns = time.monotonic_ns()
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return await send_answer(request, too_large(), self._stop)
        core_request = Request(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
            entry_mono_ns=entry_mono_ns,
        )
        answer = self._exchange.http(core_request, self._clock.now_ns())
        self._wake()
        return await send_answer(request, answer, self._stop)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        refusal = self._exchange.connect(self._clock.now_ns())
        if refusal is not None:
            self._wake()
            return await send_answer(request, refusal, self._stop)
        compress = self._exchange.settings.stream_compress
        ws = web.WebSocketResponse(compress=compress, max_msg_size=_MESSAGE_BYTES_MAX, timeout=_CLOSE_S)
        await ws.prepare(request)
        number = self._exchange.stream_open(self._clock.now_ns())
        self._frames_wait[number] = asyncio.Event()
        self._sockets.add(ws)
        self._wake()
        writer = asyncio.create_task(self._write(ws, request, number))
        try:
            async for message in ws:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    text = message.data if isinstance(message.data, str) else message.data.decode(errors="replace")
                    await self._read(number, text)
        finally:
            writer.cancel()
            self._sockets.discard(ws)
            del self._frames_wait[number]
            self._exchange.stream_lost(number)
        return ws

    async def _read(self, number: int, text: str) -> None:
        pause_ns = self._exchange.read_pause_ns(self._clock.now_ns())
        if pause_ns:
            await asyncio.sleep(pause_ns / NS_PER_S)
        self._exchange.stream_receive(number, text, self._clock.now_ns())
        self._wake()

    async def _write(self, ws: web.WebSocketResponse, request: web.Request, number: int) -> None:
        waiting = self._frames_wait[number]
        transport = request.transport
        while transport is not None:
            await waiting.wait()
            waiting.clear()
            for frame in self._exchange.take_frames(number):
                self._exchange.frame_out(number, frame)
                try:
                    alive = await send_frame(ws, transport, frame)
                except ConnectionError:
                    return
                if not alive:
                    return
