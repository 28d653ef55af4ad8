"""Owns the writing of frames in Schwab's numeric form, for recordings that came in another one.

Never invents a field: what a source does not say is left out.
Comes from `lean` and `taq`; goes to a tape. Field numbers: Schwab API facts 1.5.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from leadline.core.units import NS_PER_MS, PRICE_SCALE
from leadline.tape.lines import Received

LEVEL_ONE = "LEVELONE_EQUITIES"
BID, ASK, LAST, BID_SIZE, ASK_SIZE, ASK_ID, BID_ID = "1", "2", "3", "4", "5", "6", "7"
VOLUME, LAST_SIZE, LAST_ID, QUOTE_MS, TRADE_MS = "8", "9", "16", "34", "35"

EVERY_MS = 1_000
"""The feed flushes about once a second, and conflates what changed in between (facts 0.1)."""


def number(price: int) -> int | float:
    """Write a price in 0.0001 dollars as the feed does: whole dollars without a point."""
    dollars, rest = divmod(price, PRICE_SCALE)
    return dollars if rest == 0 else price / PRICE_SCALE


def frame(service: str, recv_ns: int, items: list[dict[str, Any]]) -> Received:
    """Give one frame of one service."""
    block = {"service": service, "timestamp": recv_ns // NS_PER_MS, "command": "SUBS", "content": items}
    return Received(recv_ns, msgspec.json.encode({"data": [block]}))


def next_flush(t_ns: int, every_ns: int) -> int:
    """Give the flush that carries what happened at a time: the next one, so that nothing is known early."""
    return (t_ns // every_ns + 1) * every_ns


def conflated(symbol: str, changes: Iterable[tuple[int, dict[str, Any]]]) -> Iterable[Received]:
    """Turn changes of level one, each with its time, into one frame a second with all that changed."""
    every_ns = EVERY_MS * NS_PER_MS
    flush_ns: int | None = None
    changed: dict[str, Any] = {}
    for t_ns, fields in changes:
        due_ns = next_flush(t_ns, every_ns)
        if flush_ns is not None and due_ns > flush_ns and changed:
            yield frame(LEVEL_ONE, flush_ns, [{"key": symbol, **changed}])
            changed = {}
        flush_ns = max(due_ns, flush_ns or 0)
        changed.update(fields)
    if flush_ns is not None and changed:
        yield frame(LEVEL_ONE, flush_ns, [{"key": symbol, **changed}])
