"""Owns how a frame is noted: one line for each thing in it, and what is odd about its books.

Never fails on a frame, however broken it is.
Comes from frames, goes to a transcript.
"""

from typing import Any

import msgspec

from simschwab.core.frames import PLAIN_FRAME, Frame

_LATE_MS = 60_000
_FUTURE_MS = 2_000
_HUGE = 1_000_000


def noted_frame(frame: Frame, now_ms: int) -> list[str]:
    """Give the lines of a frame."""
    if frame.is_close:
        return [f"closed {frame.ws_code}"]
    wire = frame.wire
    lines = []
    if wire != PLAIN_FRAME:
        lines += [f"fragments {wire.pieces}"] if wire.pieces > 1 else []
        lines += ["binary"] if wire.binary else []
        lines += ["masked"] if wire.masked else []
        if wire.cut_bytes is not None:
            return [*lines, f"cut at {wire.cut_bytes}"]
    if len(frame.payload) > _HUGE:
        lines.append(f"bytes {len(frame.payload)}")
    try:
        body = msgspec.json.decode(frame.payload)
        lines += _body(body, now_ms)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        lines.append("malformed")
    if frame.close_code is not None:
        lines.append(f"closed {frame.ws_code}")
    return lines


def _body(body: Any, now_ms: int) -> list[str]:
    lines = []
    for entry in body.get("response", []):
        content = entry["content"]
        lines.append(f"response {entry['command']} {entry['requestid']} {content['code']} {content['msg']}")
    for entry in body.get("notify", []):
        content = entry.get("content")
        lines.append("heartbeat" if content is None else f"notify {content['code']} {content['msg']}")
    data = body.get("data", [])
    if not isinstance(data, list):
        return [*lines, "wrong type"]
    for entry in data:
        lines += [_item(entry["service"], item, now_ms) for item in entry["content"]]
    return lines


def _item(service: str, item: dict[str, Any], now_ms: int) -> str:
    if service == "ACCT_ACTIVITY":
        if item.get("2"):
            return f"activity {item['2']}{' null' if item.get('3') is None else ''}"
        return f"activity plain {item.get('3')}"
    if service == "LEVELONE_EQUITIES":
        known = [name for name in ("1", "2", "3") if name in item]
        terms = [f"{name}={item[name]}" for name in ("delayed", "32", "48", "49") if name in item]
        return " ".join([f"L1 {item['key']}", *(["quote"] if known else []), *terms])
    return " ".join([f"book {item['key']}", *(odd_in(item, now_ms) or ["fine"])])


def odd_in(item: dict[str, Any], now_ms: int) -> list[str]:
    """Give what is odd about a book's item."""
    odd = []
    book_ms = item.get("1")
    if book_ms is None:
        odd.append("no_time")
    elif book_ms < now_ms - _LATE_MS:
        odd.append("old")
    elif book_ms > now_ms + _FUTURE_MS:
        odd.append("future")
    bids, asks = item.get("2"), item.get("3")
    if not bids or not asks:
        return [*odd, "one_sided" if bids or asks else "empty"]
    if item.keys() - {"key", "1", "2", "3"}:
        odd.append("new_field")
    if [*sorted(bids, key=_price, reverse=True), *sorted(asks, key=_price)] != [*bids, *asks]:
        odd.append("reversed")
    if len({_price(level) for level in bids}) < len(bids):
        odd.append("duplicate_levels")
    return odd + _odd_touch(bids[0], asks[0])


def _odd_touch(bid: dict[str, Any], ask: dict[str, Any]) -> list[str]:
    odd = []
    spread = _price(ask) - _price(bid)
    if spread <= 0:
        odd.append("locked" if spread == 0 else "crossed")
    if not 0 < _price(bid) < _HUGE:
        odd.append("absurd_price")
    if round(_price(ask) * 10_000, 3) % 100:
        odd.append("off_grid")
    if not 0 < bid["1"] < _HUGE * 1000:
        odd.append("absurd_size")
    if any(entry["0"] == "XNEW" for entry in bid["3"]):
        odd.append("unknown_venue")
    return odd


def _price(level: dict[str, Any]) -> float:
    return float(level["0"])
