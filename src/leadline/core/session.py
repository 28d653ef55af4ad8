"""Owns the New York day, by which the market's times of day are counted, and its regular hours.

Never reads a clock.
Comes from UTC times; goes to whoever compares a time of day.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")


def new_york_day_ms(epoch_ms: int) -> int:
    """Give milliseconds since midnight New York, as the clock on the wall there shows them (Schwab API facts 1.5)."""
    seconds, ms = divmod(epoch_ms, 1_000)
    local = datetime.fromtimestamp(seconds, UTC).astimezone(NEW_YORK)
    return (local.hour * 3_600 + local.minute * 60 + local.second) * 1_000 + ms


REGULAR_OPEN_MS = (9 * 60 + 30) * 60_000
REGULAR_CLOSE_MS = 16 * 3_600_000
SATURDAY = 5


def new_york_date(epoch_ms: int) -> str:
    """Give the day in New York, such as 2026-11-24."""
    return datetime.fromtimestamp(epoch_ms // 1_000, UTC).astimezone(NEW_YORK).date().isoformat()


def is_regular_hours(epoch_ms: int) -> bool:
    """Tell whether it is a weekday from 9:30 to 16:00 in New York; holidays and half days are not known here yet."""
    weekday = datetime.fromtimestamp(epoch_ms // 1_000, UTC).astimezone(NEW_YORK).weekday()
    return weekday < SATURDAY and REGULAR_OPEN_MS <= new_york_day_ms(epoch_ms) < REGULAR_CLOSE_MS
