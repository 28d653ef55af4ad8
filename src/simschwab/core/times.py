"""Owns the written forms of a moment that Schwab uses.

Never reads a clock.
Comes from UTC integer nanoseconds or milliseconds, goes to wire texts and numbers.
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
MS_PER_DAY = 86_400_000
_MS_PER_QUARTER = 900_000
_NEW_YORK = ZoneInfo("America/New_York")
_ENTERED_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
_ENTERED_TIME_CHARS = len("2026-01-01T00:00:00.000Z")


def new_york_ms_of_day(epoch_ms: int) -> int:
    """Give the milliseconds since midnight in New York, the participant time of a book (schwab-api.md 1.5)."""
    return (epoch_ms + _new_york_offset_ms(epoch_ms // _MS_PER_QUARTER)) % MS_PER_DAY


@lru_cache(maxsize=64)
def _new_york_offset_ms(quarter: int) -> int:
    # Offsets change only on the quarter hour, and the hot path asks for the same quarter again and again.
    offset = _NEW_YORK.utcoffset(_utc(quarter * _MS_PER_QUARTER * NS_PER_MS).astimezone(_NEW_YORK))
    assert offset is not None
    return int(offset.total_seconds()) * 1000


def order_time(now_ns: int) -> str:
    """Write a moment as an order's enteredTime, e.g. `2025-12-09T19:11:00+0000` (schwab-api.md 2.3)."""
    return f"{_utc(now_ns):%Y-%m-%dT%H:%M:%S}+0000"


def activity_time(now_ns: int) -> str:
    """Write a moment as ACCT_ACTIVITY does: New York time, `2025-12-09 14:11:00.000`."""
    moment = _utc(now_ns).astimezone(_NEW_YORK)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{now_ns // NS_PER_MS % 1000:03d}"


def new_york_date(now_ns: int) -> str:
    """Write the New York date of a moment, e.g. `2025-12-09`."""
    return activity_time(now_ns)[:10]


def entered_time_ns(text: str) -> int | None:
    """Read `yyyy-MM-dd'T'HH:mm:ss.SSS'Z'`; None when the text is not exactly that."""
    if len(text) != _ENTERED_TIME_CHARS:
        return None
    try:
        moment = datetime.strptime(text, _ENTERED_TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
    whole_s = int(moment.replace(microsecond=0).timestamp())
    return whole_s * NS_PER_S + moment.microsecond * 1000


def http_date(now_ns: int) -> str:
    """Write a moment as HTTP's Date header does."""
    return format_datetime(_utc(now_ns), usegmt=True)


def _utc(now_ns: int) -> datetime:
    return datetime.fromtimestamp(now_ns // NS_PER_S, UTC)
