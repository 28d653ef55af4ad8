"""The exchange's days: known ones by hand, and all of them as the calendar library has them."""

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from leadline.core import exchange_table
from leadline.core.exchange_days import FIRST_YEAR, LAST_YEAR, Day, DayKind, day_of, unknown_year

ROOT = Path(__file__).parents[3]
FULL, HALF, CLOSED = Day(DayKind.FULL, 570, 960), Day(DayKind.HALF, 570, 780), Day(DayKind.CLOSED)


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        ("2026-11-24", FULL),
        ("2026-11-25", FULL),
        ("2026-11-26", CLOSED),  # Thanksgiving
        ("2026-11-27", HALF),
        ("2026-11-28", CLOSED),  # Saturday
        ("2026-11-29", CLOSED),  # Sunday
        ("2026-12-24", HALF),
        ("2026-12-25", CLOSED),
        ("2026-12-31", FULL),
        ("2027-01-01", CLOSED),
        ("2027-03-26", CLOSED),  # Good Friday
        ("2027-06-18", CLOSED),  # Juneteenth, a Saturday
        ("2027-07-02", FULL),
        ("2027-07-05", CLOSED),  # Independence Day, a Sunday
        ("2027-11-25", CLOSED),
        ("2027-11-26", HALF),
        ("2027-12-24", CLOSED),  # Christmas, a Saturday
        ("2027-12-31", FULL),  # New Year's Day is a Saturday: no day off in the old year
        ("2028-07-03", HALF),
        ("2028-11-24", HALF),
        ("2025-01-09", CLOSED),  # mourning for President Carter
        ("2025-01-10", FULL),
        ("2024-07-03", HALF),
        ("2024-11-29", HALF),
        ("2024-12-24", HALF),
        ("2021-06-18", FULL),  # Juneteenth was no holiday of the exchange yet
    ],
)
def test_known_days(day: str, kind: Day) -> None:
    assert day_of(date.fromisoformat(day)) == kind


def test_the_table_covers_whole_years_and_weekdays_only() -> None:
    assert FIRST_YEAR <= 2024
    assert LAST_YEAR >= 2028
    assert list(exchange_table.CLOSED) == list(exchange_table.HALF) == list(range(FIRST_YEAR, LAST_YEAR + 1))
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        told = [date.fromisoformat(f"{year}-{day}") for day in exchange_table.CLOSED[year].split()]
        half = [date.fromisoformat(f"{year}-{day}") for day in exchange_table.HALF[year].split()]
        assert 8 <= len(told) <= 11
        assert 1 <= len(half) <= 3
        assert all(day.weekday() < 5 for day in told + half)
        assert not set(told) & set(half)


def test_beyond_the_table_weekdays_are_full_days_and_that_is_said() -> None:
    for year in (FIRST_YEAR - 1, LAST_YEAR + 1):
        days = [date(year, 1, 1) + timedelta(days=n) for n in range(365)]
        assert {day_of(day).kind for day in days if day.weekday() < 5} == {DayKind.FULL}
        assert {day_of(day).kind for day in days if day.weekday() >= 5} == {DayKind.CLOSED}
        told = unknown_year(days[0])
        assert told is not None
        assert f"from {FIRST_YEAR} to {LAST_YEAR} only: in {year} " in told
    assert unknown_year(date(FIRST_YEAR, 1, 1)) is None
    assert unknown_year(date(LAST_YEAR, 12, 31)) is None


def test_the_table_is_what_the_library_gives(capfd: pytest.CaptureFixture[str]) -> None:
    pythons = [ROOT / ".venv" / "calendar" / "bin" / "python", Path(sys.executable)]
    has = [
        python
        for python in pythons
        if python.exists()
        and subprocess.run([python, "-c", "import exchange_calendars"], capture_output=True, check=False).returncode
        == 0
    ]
    if not has:
        reason = "NOT TESTED: the calendar library is not installed (`make exchange-days` installs it)"
        with capfd.disabled():
            print(f"\n{reason}")
        pytest.skip(reason)
    made = subprocess.run(
        [has[0], ROOT / "requirements" / "exchange_days.py"], capture_output=True, text=True, check=True
    )
    assert made.stdout == Path(exchange_table.__file__).read_text(encoding="utf-8")
