"""Owns spans of the New York day: from a time on the clock, or from so long after the open or before the close.

Never reads a clock.
Comes from settings; goes to `thresholds`, and as text to pages and tapes.
"""

import re
from enum import StrEnum

import msgspec

from leadline.core.exchange_days import Day, DayKind

DAY_MIN = 24 * 60
_CLOCK = re.compile(r"(\d\d):([0-5]\d)", re.ASCII)
_ANCHORED = re.compile(r"(open|close)(?:([+-]\d{1,4})m)?", re.ASCII)
MOMENT_EXPECTED = "a time in New York: 09:30, open, close, open+15m or close-30m"


class Anchor(StrEnum):
    """What a moment's minutes are counted from."""

    MIDNIGHT = "midnight"
    OPEN = "open"
    CLOSE = "close"


class Moment(msgspec.Struct, frozen=True):
    """A time of day in New York: minutes after midnight, or after (before: negative) the open or the close."""

    anchor: Anchor
    offset_min: int

    def __str__(self) -> str:
        """Write it as `moment_of` reads it."""
        if self.anchor is Anchor.MIDNIGHT:
            return clock_text(self.offset_min)
        return f"{self.anchor}{self.offset_min:+d}m" if self.offset_min else str(self.anchor)

    def minute_on(self, day: Day) -> int | None:
        """Give it in minutes after midnight; None on a closed day where it hangs on the open or the close."""
        if self.anchor is Anchor.MIDNIGHT:
            return self.offset_min
        if day.kind is DayKind.CLOSED:
            return None
        return self.offset_min + (day.open_min if self.anchor is Anchor.OPEN else day.close_min)


class Span(msgspec.Struct, frozen=True):
    """From a moment until another, the latter not included; on days of one kind (None: on every day)."""

    start: Moment
    end: Moment
    days: DayKind | None = None

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.start} until {self.end}" + (f", {self.days} days" if self.days else "")

    def minutes_on(self, day: Day) -> tuple[int, int] | None:
        """Give its first minute after midnight and the one after its last; None where it does not come on such a day.

        What is empty has its start at or after its end.
        """
        start, end = self.start.minute_on(day), self.end.minute_on(day)
        if start is None or end is None or (self.days is not None and self.days is not day.kind):
            return None
        return start, end


def moment_of(text: str) -> Moment | None:
    """Read a time of day such as 09:30, open, open+15m or close-30m; None if it is none."""
    if clock := _CLOCK.fullmatch(text):
        minutes = int(clock[1]) * 60 + int(clock[2])
        return Moment(Anchor.MIDNIGHT, minutes) if minutes <= DAY_MIN else None
    if anchored := _ANCHORED.fullmatch(text):
        return Moment(Anchor(anchored[1]), int(anchored[2] or 0))
    return None


def clock_text(minutes: int) -> str:
    """Write minutes after midnight as 09:30."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
