"""Owns the making of src/leadline/core/exchange_table.py: `make exchange-days` runs it and writes what it prints.

Never runs with leadline: what trades needs neither pandas nor a calendar library, only the days themselves.
Comes from `exchange_calendars` (XNYS): kept by many since 2018, with closures that no rule foretells, such as
2025-01-09; `pandas_market_calendars` gives the same days from 2018 to 2030, and needs this library as well.
"""

import sys
from datetime import date, timedelta

import exchange_calendars

FIRST_YEAR, LAST_YEAR = 2018, 2030
ZONE = "America/New_York"
SATURDAY = 5
OPEN, CLOSE, EARLY_CLOSE = "09:30", "16:00", "13:00"

HEAD = '''"""Owns the days on which the New York exchanges are closed or close early, by year, as MM-DD.

Never edited by hand: `make exchange-days` writes it (requirements/exchange_days.py says from what).
Comes from a calendar library when it is made; goes to `exchange_days`.
"""

'''


def main() -> None:
    """Print the module, or fail where a day has hours that it could not tell."""
    first, last = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)
    calendar = exchange_calendars.get_calendar("XNYS", start=first.isoformat(), end=last.isoformat())
    hours = {
        session.date(): (_clock(opens), _clock(closes))
        for session, opens, closes in zip(calendar.sessions, calendar.opens, calendar.closes, strict=True)
    }
    odd = {day: told for day, told in hours.items() if told not in {(OPEN, CLOSE), (OPEN, EARLY_CLOSE)}}
    if odd or any(day.weekday() >= SATURDAY for day in hours):
        sys.exit(
            f"the table knows full days, half days and closed days only: {odd or 'there is a session at a weekend'}"
        )
    weekdays = [day for day in _days(first, last) if day.weekday() < SATURDAY]
    closed = [day for day in weekdays if day not in hours]
    half = [day for day in weekdays if hours.get(day, ("", ""))[1] == EARLY_CLOSE]
    sys.stdout.write(HEAD + _table("CLOSED", "Weekdays without trading.", closed))
    sys.stdout.write("\n" + _table("HALF", "Days on which trading ends at 13:00 in New York.", half))


def _clock(moment: object) -> str:
    return f"{moment.tz_convert(ZONE):%H:%M}"  # type: ignore[attr-defined]


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _table(name: str, meaning: str, days: list[date]) -> str:
    lines = [
        f'    {year}: "{" ".join(f"{day:%m-%d}" for day in days if day.year == year)}",\n'
        for year in range(FIRST_YEAR, LAST_YEAR + 1)
    ]
    return f'{name} = {{\n{"".join(lines)}}}\n"""{meaning}"""\n'


if __name__ == "__main__":
    main()
