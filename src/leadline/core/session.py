"""Owns the New York day, by which the market's times of day are counted, and its regular hours.

Never reads a clock.
Comes from UTC times; goes to whoever compares a time of day.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from leadline.core.exchange_days import day_of

NEW_YORK = ZoneInfo("America/New_York")
MS_PER_MIN = 60_000


def new_york(epoch_ms: int) -> datetime:
    """Give a moment as calendar and clock show it in New York, to the second."""
    return datetime.fromtimestamp(epoch_ms // 1_000, UTC).astimezone(NEW_YORK)


def new_york_day_ms(epoch_ms: int) -> int:
    """Give milliseconds since midnight New York, as the clock on the wall there shows them (Schwab API facts 1.5)."""
    return _day_ms(new_york(epoch_ms), epoch_ms)


def new_york_date(epoch_ms: int) -> str:
    """Give the day in New York, such as 2026-11-24."""
    return new_york(epoch_ms).date().isoformat()


def is_regular_hours(epoch_ms: int) -> bool:
    """Tell whether the exchanges trade: 9:30 to 16:00 in New York, to 13:00 on half days, not on closed days."""
    local = new_york(epoch_ms)
    day = day_of(local.date())
    return day.open_min * MS_PER_MIN <= _day_ms(local, epoch_ms) < day.close_min * MS_PER_MIN


def _day_ms(local: datetime, epoch_ms: int) -> int:
    return (local.hour * 3_600 + local.minute * 60 + local.second) * 1_000 + epoch_ms % 1_000
