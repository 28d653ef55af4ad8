"""Owns the frames of the streamer: the bytes of one websocket message and what they hold for the ledger.

Never encodes a book again: items come as bytes.
Comes from the feed and the streamer, goes to a connection's outbox.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from simschwab.core.events import BookRef
from simschwab.core.times import NS_PER_MS

_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Frame:
    """Hold one websocket text message; `close_code` set ends the connection after it."""

    kind: str
    payload: bytes
    books: tuple[BookRef, ...] = ()
    close_code: int | None = None


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
