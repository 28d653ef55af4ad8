"""Owns the rows that say how a process is and where the market stands, as statements.

Never is the truth about orders: it is what pages and second processes look at.
Comes from `grok` once a second; goes to the writer.
"""

import msgspec

from leadline.core.market import Touch
from leadline.core.units import dollars
from leadline.store.spill import Statement

_UPSERT_PROCESS = "INSERT OR REPLACE INTO processes VALUES (?,?,?,?,?,?,?,?,?,?,?)"
_UPSERT_TOUCH = "INSERT OR REPLACE INTO touches VALUES (?,?,?,?,?,?,?,?,?)"


class ProcessRow(msgspec.Struct, frozen=True):
    """Who runs in a role; `account` is masked, `detail` holds what pages show beyond the columns."""

    role: str
    pid: int
    started_ns: int
    heartbeat_ns: int
    mode: str
    account: str
    broker: str
    state: str
    detail: dict[str, object]
    config_hash: str
    version: str


def upsert_process(row: ProcessRow) -> Statement:
    """Give the statement that says how a process is."""
    values = msgspec.structs.astuple(row)
    return _UPSERT_PROCESS, tuple(
        msgspec.json.encode(value).decode() if isinstance(value, dict) else value for value in values
    )


def upsert_touch(symbol: str, touch: Touch, last: int | None, status: str | None, book_ns: int) -> Statement:
    """Give the statement that writes a symbol's touch; `last` in 0.0001 dollars."""
    return _UPSERT_TOUCH, (
        symbol,
        dollars(touch.bid),
        dollars(touch.ask),
        touch.bid_size,
        touch.ask_size,
        None if last is None else dollars(last),
        status,
        book_ns,
        touch.recv_ns,
    )
