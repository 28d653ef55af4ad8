"""Owns the frames of the streamer: the bytes of one websocket message and what they hold for the ledger.

Never encodes a book again: items come as bytes.
Comes from the feed and the streamer, goes to a connection's outbox.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from simschwab.core.events import BookRef
from simschwab.core.times import NS_PER_MS

CLOSE = "close"
_ENCODER = msgspec.json.Encoder()


ABNORMAL = 1006
"""The websocket code of a connection that ended without a word."""


@dataclass(frozen=True, slots=True)
class FrameWire:
    """Hold how a frame is put on the wire; only a socket can do it."""

    pieces: int = 1
    binary: bool = False
    masked: bool = False
    cut_bytes: int | None = None
    """Only so much of the frame is sent, then the connection ends."""


PLAIN_FRAME = FrameWire()


@dataclass(frozen=True, slots=True)
class Frame:
    """Hold one websocket message and how it is sent.

    `close_code` set ends the connection after it, with the websocket code `ws_code`; kind `close` sends nothing else.
    """

    kind: str
    payload: bytes
    books: tuple[BookRef, ...] = ()
    close_code: int | None = None
    ws_code: int = 1000
    wire: FrameWire = PLAIN_FRAME

    @property
    def is_close(self) -> bool:
        """Whether it is only the end of the connection."""
        return self.kind == CLOSE


def data_entry(service: str, timestamp_ms: int, items: Sequence[bytes]) -> bytes:
    """Give one entry of a `data` frame from encoded content items."""
    head = b'{"service":"%b","timestamp":%d,"command":"SUBS","content":[' % (service.encode(), timestamp_ms)
    return head + b",".join(items) + b"]}"


def data_frame(entries: Sequence[bytes], books: tuple[BookRef, ...] = ()) -> Frame:
    """Give a `data` frame from encoded entries."""
    return Frame("data", b'{"data":[' + b",".join(entries) + b"]}", books)


def heartbeat(now_ns: int) -> Frame:
    """Give a heartbeat; its time is a text (schwab-api.md 1.3)."""
    return Frame("heartbeat", _ENCODER.encode({"notify": [{"heartbeat": str(now_ns // NS_PER_MS)}]}))


def notice(code: int, text: str, now_ns: int) -> Frame:
    """Give an ADMIN notice that ends the connection."""
    content = {"code": code, "msg": text}
    body = {"notify": [{"service": "ADMIN", "timestamp": now_ns // NS_PER_MS, "content": content}]}
    return Frame("notify", _ENCODER.encode(body), close_code=code)


def closing(ws_code: int) -> Frame:
    """Give the end of a connection, with a websocket code and no word of the streamer's."""
    return Frame(CLOSE, b"", close_code=ws_code, ws_code=ws_code)
