"""Frames as the streamer sends them, made by hand."""

from typing import Any

import msgspec

T_NS = 1_795_000_000_000_000_000
"""When the first of them is received."""


def book_frame(symbol: str = "F", t_ns: int = T_NS, *, heavy: int = 900, light: int = 100, venues: int = 6) -> bytes:
    """A NYSE book of 13.12 at 13.13, 300 ms old, all of whose venues show `heavy` bid and `light` ask."""

    def side(price: float, size: int) -> list[dict[str, Any]]:
        entries = [{"0": f"V{n}", "1": size, "2": 36_000_000} for n in range(venues)]
        return [{"0": price, "1": size * venues, "2": venues, "3": entries}]

    item = {"key": symbol, "1": t_ns // 1_000_000 - 300, "2": side(13.12, heavy), "3": side(13.13, light)}
    return frame_of("NYSE_BOOK", item)


def frame_of(service: str, *items: dict[str, Any]) -> bytes:
    """A data frame of one service."""
    return msgspec.json.encode({"data": [{"service": service, "timestamp": 1, "command": "SUBS", "content": items}]})
