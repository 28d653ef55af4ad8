"""Owns what kind of day it is at the New York exchanges: full, half or closed, and when trading begins and ends.

Never reads a clock; beyond the years of its table it knows weekdays only.
Comes from `exchange_table`; goes to `session` and to whatever holds at some times of day.
"""

from datetime import date
from enum import StrEnum

import msgspec

from leadline.core.exchange_table import CLOSED, HALF

SATURDAY = 5
OPEN_MIN = 9 * 60 + 30
CLOSE_MIN = 16 * 60
EARLY_CLOSE_MIN = 13 * 60
FIRST_YEAR, LAST_YEAR = min(CLOSED), max(CLOSED)


class DayKind(StrEnum):
    """How long the exchanges trade on a day."""

    FULL = "full"
    HALF = "half"
    CLOSED = "closed"


class Day(msgspec.Struct, frozen=True):
    """A day at the exchanges; open and close in minutes after midnight New York, both 0 where it is closed."""

    kind: DayKind
    open_min: int = 0
    close_min: int = 0


FULL_DAY = Day(DayKind.FULL, OPEN_MIN, CLOSE_MIN)
HALF_DAY = Day(DayKind.HALF, OPEN_MIN, EARLY_CLOSE_MIN)
CLOSED_DAY = Day(DayKind.CLOSED)


def _dates(table: dict[int, str]) -> frozenset[date]:
    return frozenset(date.fromisoformat(f"{year}-{day}") for year, days in table.items() for day in days.split())


_CLOSED, _HALF = _dates(CLOSED), _dates(HALF)


def day_of(day: date) -> Day:
    """Tell what kind of day it is; outside of the table's years every weekday counts as full."""
    if day.weekday() >= SATURDAY or day in _CLOSED:
        return CLOSED_DAY
    return HALF_DAY if day in _HALF else FULL_DAY


def unknown_year(day: date) -> str | None:
    """Say that a day lies in a year whose holidays and half days are not known; None where they are."""
    if FIRST_YEAR <= day.year <= LAST_YEAR:
        return None
    return (
        f"the exchange's holidays and half days are known from {FIRST_YEAR} to {LAST_YEAR} only: in {day.year} every "
        "weekday counts as a full day (a newer leadline knows more years)"
    )
