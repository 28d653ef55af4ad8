"""Owns when the exchange is open: holidays by rule, half days, the four sessions, and the end of a day's orders.

Never reads a clock; with `market_hours` always it is never closed and no order expires.
Comes from the settings, goes to the broker and the hours endpoint.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from simschwab.core.choices import Hours
from simschwab.core.settings import SettingError, Settings
from simschwab.core.times import NS_PER_S

_NEW_YORK: Final = ZoneInfo("America/New_York")
_DAYS_AHEAD: Final = 10
_SATURDAY: Final = 5
_SUNDAY: Final = 6
_FULL: Final = {
    "NORMAL": (time(9, 30), time(16)),
    "AM": (time(7), time(9, 25)),
    "PM": (time(16, 5), time(20)),
    "SEAMLESS": (time(7), time(20)),
}
_HALF: Final = {
    "NORMAL": (time(9, 30), time(13)),
    "AM": (time(7), time(9, 25)),
    "PM": (time(13, 5), time(17)),
    "SEAMLESS": (time(7), time(17)),
}


class Calendar:
    """Tell when a session is open; all times are UTC nanoseconds."""

    def __init__(self, settings: Settings) -> None:
        self.always = settings.market_hours is Hours.ALWAYS
        self._closed = _days("closed_days", settings.closed_days)
        self._half = _days("half_days", settings.half_days)

    def is_open(self, session: str, now_ns: int) -> bool:
        """Tell whether a session is open."""
        if self.always:
            return True
        bounds_ns = self.bounds_ns(session, _date(now_ns))
        return bounds_ns is not None and bounds_ns[0] <= now_ns < bounds_ns[1]

    def next_open_ns(self, session: str, now_ns: int) -> int:
        """Give when a session opens next; now when it is open."""
        if self.is_open(session, now_ns):
            return now_ns
        today = _date(now_ns)
        for ahead in range(_DAYS_AHEAD):
            bounds_ns = self.bounds_ns(session, today + timedelta(days=ahead))
            if bounds_ns is not None and now_ns < bounds_ns[0]:
                return bounds_ns[0]
        raise SettingError(f"closed_days: expected an open day within {_DAYS_AHEAD}")

    def close_ns(self, session: str, now_ns: int) -> int | None:
        """Give when the session that is open closes; None when it never does."""
        bounds_ns = None if self.always else self.bounds_ns(session, _date(now_ns))
        return None if bounds_ns is None else bounds_ns[1]

    def bounds_ns(self, session: str, day: date) -> tuple[int, int] | None:
        """Give a session's start and end on a day; None when the exchange is closed."""
        if self.is_closed(day):
            return None
        start, end = (_HALF if self.is_half(day) else _FULL)[session]
        return _at_ns(day, start), _at_ns(day, end)

    def is_closed(self, day: date) -> bool:
        """Tell whether a day has no session at all."""
        return day.weekday() >= _SATURDAY or day in self._closed or day in _holidays(day.year)

    def is_half(self, day: date) -> bool:
        """Tell whether a day closes at 13:00: after Thanksgiving, and before Independence Day and Christmas."""
        eves = {_nth_weekday(day.year, 11, 3, 4) + timedelta(days=1), date(day.year, 7, 3), date(day.year, 12, 24)}
        return day in self._half or day in eves


def moment_ns(text: str) -> int:
    """Read a moment like 2026-11-27T12:59:58-05:00; without an offset it is New York's time.

    Raises:
        SettingError: the text is no such moment.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        expected = "expected a moment like 2026-11-27T12:59:58-05:00"
        raise SettingError(f"clock_at: {expected}, got {text!r}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=_NEW_YORK)
    return round(moment.timestamp() * 1000) * (NS_PER_S // 1000)


def _holidays(year: int) -> frozenset[date]:
    """Give the New York exchanges' holidays; on a weekend the nearest weekday keeps one, but not in the old year."""
    fixed = [date(year, 6, 19), date(year, 7, 4), date(year, 12, 25)]
    new_year = date(year, 1, 1)
    fixed += [] if new_year.weekday() == _SATURDAY else [new_year]
    moving = [
        _nth_weekday(year, 1, 0, 3),
        _nth_weekday(year, 2, 0, 3),
        _easter(year) - timedelta(days=2),
        _nth_weekday(year, 6, 0, 1) - timedelta(days=7),
        _nth_weekday(year, 9, 0, 1),
        _nth_weekday(year, 11, 3, 4),
    ]
    return frozenset([*moving, *(_observed(day) for day in fixed)])


def _observed(day: date) -> date:
    shift = {_SATURDAY: -1, _SUNDAY: 1}.get(day.weekday(), 0)
    return day + timedelta(days=shift)


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _easter(year: int) -> date:
    # The anonymous Gregorian computus; Good Friday is two days before.
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    leap = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * leap) // 451
    month, day = divmod(h + leap - 7 * m + 114, 31)
    return date(year, month, day + 1)


def _days(name: str, text: str) -> frozenset[date]:
    try:
        return frozenset(date.fromisoformat(each.strip()) for each in text.split(",") if each.strip())
    except ValueError:
        raise SettingError(f"{name}: expected days like 2026-11-24 with commas, got {text!r}") from None


def _date(now_ns: int) -> date:
    return datetime.fromtimestamp(now_ns // NS_PER_S, UTC).astimezone(_NEW_YORK).date()


def _at_ns(day: date, moment: time) -> int:
    return int(datetime.combine(day, moment, _NEW_YORK).timestamp()) * NS_PER_S
