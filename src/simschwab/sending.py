"""Owns how answers and frames leave by a socket as the core says: late, in pieces, cut, held, masked, broken off.

Never decides that something goes wrong.
Comes from the core's instructions, goes to the transport.
"""

import asyncio
import os
import socket
import struct
from contextlib import suppress
from http import HTTPStatus

from aiohttp import WSMsgType, web

from simschwab.core.answers import Cut, Response
from simschwab.core.frames import ABNORMAL, Frame
from simschwab.core.times import NS_PER_S

_LINGER_S = 0.02
_HOLD_POLL_S = 0.1
_TEXT, _BINARY, _CONTINUATION = 1, 2, 0
_FIN = 0x80
_MASKED = 0x80


async def send_answer(request: web.Request, answer: Response, stop: asyncio.Event) -> web.StreamResponse:
    """Send an answer as its wire says; one that breaks off ends the connection."""
    wire = answer.wire
    if wire.delay_ns:
        await asyncio.sleep(wire.delay_ns / NS_PER_S)
    plain = web.Response(status=answer.status, headers=answer.headers, body=answer.body)
    if wire.cut is Cut.NONE:
        return await _in_pieces(request, answer) if wire.pause_ns else plain
    transport = request.transport
    if transport is None or transport.is_closing():
        return plain
    if wire.cut is Cut.HOLD:
        while not (stop.is_set() or transport.is_closing()):
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _HOLD_POLL_S)
    elif wire.cut is not Cut.DROP:
        head = _head(answer)
        cut = head[: len(head) // 2] if wire.cut is Cut.HEADERS else head + answer.body[: wire.bytes]
        transport.write(cut)
        await asyncio.sleep(_LINGER_S)
    if wire.cut is Cut.BODY:
        transport.close()
    else:
        reset(transport)
    return plain


async def send_frame(ws: web.WebSocketResponse, transport: asyncio.BaseTransport, frame: Frame) -> bool:
    """Send a frame; False when the connection is over after it."""
    assert isinstance(transport, asyncio.WriteTransport)
    wire = frame.wire
    if frame.is_close:
        pass
    elif wire.cut_bytes is not None:
        transport.write(_encoded(frame.payload, _TEXT, fin=True)[: wire.cut_bytes])
        await asyncio.sleep(_LINGER_S)
    elif wire.pieces > 1 or wire.masked:
        transport.writelines(_fragments(frame))
    else:
        await ws.send_frame(frame.payload, WSMsgType.BINARY if wire.binary else WSMsgType.TEXT)
    if frame.close_code is None:
        return True
    if frame.ws_code == ABNORMAL:
        reset(transport)
    else:
        await ws.close(code=frame.ws_code)
    return False


def reset(transport: asyncio.BaseTransport) -> None:
    """End a connection without a word: the other side sees a reset."""
    assert isinstance(transport, asyncio.WriteTransport)
    if transport.is_closing():
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _in_pieces(request: web.Request, answer: Response) -> web.StreamResponse:
    slow = web.StreamResponse(status=answer.status, headers=answer.headers)
    slow.content_length = len(answer.body)
    await slow.prepare(request)
    size, pause_s = answer.wire.bytes, answer.wire.pause_ns / NS_PER_S
    for start in range(0, len(answer.body), size):
        await asyncio.sleep(pause_s)
        await slow.write(answer.body[start : start + size])
    await slow.write_eof()
    return slow


def _head(answer: Response) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    lines += [f"Content-Length: {len(answer.body)}", "", ""]
    return "\r\n".join(lines).encode()


def _fragments(frame: Frame) -> list[bytes]:
    payload, pieces = frame.payload, frame.wire.pieces
    size = max(1, -(-len(payload) // pieces))
    parts = [payload[start : start + size] for start in range(0, len(payload), size)] or [b""]
    first = _BINARY if frame.wire.binary else _TEXT
    return [
        _encoded(part, first if number == 0 else _CONTINUATION, fin=number == len(parts) - 1, masked=frame.wire.masked)
        for number, part in enumerate(parts)
    ]


def _encoded(payload: bytes, opcode: int, *, fin: bool, masked: bool = False) -> bytes:
    """Give a websocket frame (RFC 6455 5.2)."""
    size = len(payload)
    flag = _MASKED if masked else 0
    head = bytes([(_FIN if fin else 0) | opcode])
    if size < 126:
        head += bytes([flag | size])
    elif size < 65_536:
        head += bytes([flag | 126]) + struct.pack("!H", size)
    else:
        head += bytes([flag | 127]) + struct.pack("!Q", size)
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[number % 4] for number, byte in enumerate(payload))
