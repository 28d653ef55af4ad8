"""Owns the New York day, by which the market's times of day are counted.

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
