"""Owns a real server on loopback that misbehaves as a test's script says: HTTP requests and websocket links.

Never retries, never interprets: what was seen on the wire is kept in order, what is answered is the script's.
Comes from tests with an answering function; goes to the client under test over real sockets.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

Json = dict[str, Any]


class Fault(Enum):
    """Ways not to answer a request that was read."""

    CLOSE = "close without an answer"
    RESET = "reset without an answer"
    MID_HEADERS = "half of the headers, then a reset"
    MID_BODY = "headers and half of the body, then a close"
    GARBAGE = "bytes that are no HTTP"
    BAD_GZIP = "a body that is not the gzip it claims to be"
    STALL = "no answer at all"


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    closes: bool = False
    """Close the connection after the answer, without having said so: the client finds out at its next request."""


def reply(body: object, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json.dumps(body).encode(), headers=headers)


@dataclass(frozen=True)
class Seen:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    at_s: float

    @property
    def json(self) -> Json:
        value: Json = json.loads(self.body)
        return value


Answering = Callable[[Seen], Awaitable[Reply | Fault]]


class Link:
    """One websocket connection, seen from the server: frames by hand, so that they can be wrong."""

    TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.received: list[Json] = []
        self.pongs: list[bytes] = []

    async def receive(self) -> Json:
        """Give the next request that the client sends."""
        while True:
            opcode, payload = await self._frame()
            if opcode == self.PONG:
                self.pongs.append(payload)
            elif opcode == self.TEXT:
                request: Json = json.loads(payload)["requests"][0]
                self.received.append(request)
                return request
            elif opcode == self.CLOSE:
                raise EOFError

    async def _frame(self) -> tuple[int, bytes]:
        head, length = await self._reader.readexactly(2)
        length &= 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", await self._reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", await self._reader.readexactly(8))
        mask = await self._reader.readexactly(4)
        masked = await self._reader.readexactly(length)
        return head & 0x0F, bytes(byte ^ mask[place % 4] for place, byte in enumerate(masked))

    async def send(self, payload: object, opcode: int = TEXT, *, fin: bool = True) -> None:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        size = len(data)
        wide = struct.pack(">BH", 126, size) if size < 65_536 else struct.pack(">BQ", 127, size)
        length = bytes([size]) if size < 126 else wide
        await self.raw(bytes([opcode | (0x80 if fin else 0)]) + length + data)

    async def raw(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def close(self, code: int, reason: str = "") -> None:
        """Send a close frame and wait for the other side to go."""
        await self.send(struct.pack(">H", code) + reason.encode(), self.CLOSE)
        await self.until_gone()

    def abort(self) -> None:
        """Break the connection without a close frame: the client sees 1006."""
        self._writer.transport.abort()

    async def until_gone(self) -> None:
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                await self.receive()

    async def answer(self, request: Json, code: int = 0, msg: str = "SUCCESS") -> None:
        """Answer a streamer request as the guide shows it."""
        await self.send({"response": [answer_to(request, code, msg)]})


def answer_to(request: Json, code: int = 0, msg: str = "SUCCESS") -> Json:
    return {
        "service": request["service"],
        "command": request["command"],
        "requestid": request["requestid"],
        "SchwabClientCorrelId": request["SchwabClientCorrelId"],
        "timestamp": 1_669_828_276_886,
        "content": {"code": code, "msg": msg},
    }


Streaming = Callable[[Link], Awaitable[None]]


class ScriptedServer:
    """Serve HTTP through `answer` and websockets through `stream`, and remember what came."""

    def __init__(self, answer: Answering, stream: Streaming | None = None) -> None:
        self._answer = answer
        self._stream = stream
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.seen: list[Seen] = []
        self.connections = 0
        self.drops_unread = 0
        """So many of the next connections are closed before anything is read."""
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def of(self, method: str, part: str = "") -> list[Seen]:
        return [seen for seen in self.seen if seen.method == method and part in seen.path]

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Go away: listen no more and break what is open; `start` comes back on the same port."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # both ends see their connections end before the loop does

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            if self.drops_unread > 0:
                self.drops_unread -= 1
                return
            while await self._exchange(reader, writer, number):
                pass
        except (EOFError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> bool:
        """Read one request and answer it; False ends the connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        if "sec-websocket-key" in headers:
            await self._upgrade(headers["sec-websocket-key"], reader, writer)
            return False
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        seen = Seen(method, path, headers, body, number, time.monotonic())
        self.seen.append(seen)
        answer = await self._answer(seen)
        if isinstance(answer, Fault):
            return await self._fail(answer, writer)
        return await self._reply(answer, writer)

    @staticmethod
    async def _reply(answer: Reply, writer: asyncio.StreamWriter) -> bool:
        headers = {"Content-Length": str(len(answer.body)), "Content-Type": answer.content_type, **answer.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {answer.status} X\r\n{lines}\r\n".encode() + answer.body)
        await writer.drain()
        return not answer.closes

    @staticmethod
    async def _fail(fault: Fault, writer: asyncio.StreamWriter) -> bool:
        partial = {
            Fault.MID_HEADERS: b"HTTP/1.1 201 Created\r\nLocation: https://api.schwabapi.com/tra",
            Fault.MID_BODY: b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"a":',
            Fault.GARBAGE: b"\x00\x01garbage\r\n\r\n",
            Fault.BAD_GZIP: b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\nno gzip",
        }.get(fault, b"")
        writer.write(partial)
        await writer.drain()
        if fault is Fault.STALL:
            await asyncio.Event().wait()
        if fault in {Fault.RESET, Fault.MID_HEADERS}:
            await asyncio.sleep(0.01)
            writer.transport.abort()
        return False

    async def _upgrade(self, key: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._stream is not None, "this server has no streamer"
        digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        accept = base64.b64encode(digest).decode()
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        await self._stream(Link(reader, writer))


@asynccontextmanager
async def serving(answer: Answering, stream: Streaming | None = None) -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer(answer, stream)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
