"""Milliseconds since midnight in New York, as the clock on the wall shows them."""

from datetime import UTC, datetime

import pytest

from leadline.core.session import is_regular_hours, new_york_date, new_york_day_ms


def epoch_ms(text: str) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000)


def at(hour: int, minute: int = 0, second: int = 0, ms: int = 0) -> int:
    return ((hour * 60 + minute) * 60 + second) * 1_000 + ms


@pytest.mark.parametrize(
    ("utc", "wall_ms"),
    [
        ("2026-01-15T14:30:00", at(9, 30)),  # winter: five hours
        ("2026-07-15T13:30:00", at(9, 30)),  # summer: four hours
        ("2026-01-15T05:00:00", 0),
        ("2026-01-15T04:59:59.999", at(23, 59, 59, 999)),
        ("2026-07-15T04:00:00", 0),
        ("2026-07-15T03:59:59.999", at(23, 59, 59, 999)),
        ("2026-03-08T06:59:59.999", at(1, 59, 59, 999)),  # the hour that is skipped
        ("2026-03-08T07:00:00", at(3)),
        ("2026-11-01T05:30:00", at(1, 30)),  # the hour that comes twice
        ("2026-11-01T06:30:00", at(1, 30)),
        ("2025-12-09T18:53:02.549", at(13, 53, 2, 549)),
        ("1970-01-01T00:00:00", at(19)),
        ("1969-12-31T23:59:59.999", at(18, 59, 59, 999)),
    ],
)
def test_the_day_of_new_york_is_counted_by_its_wall_clock(utc: str, wall_ms: int) -> None:
    assert new_york_day_ms(epoch_ms(utc)) == wall_ms


def test_an_entry_time_of_a_real_book_is_just_before_its_book_time() -> None:
    # F, 2025-12-09: entry 49904606 = 13:51:44.606, book 13:52:02 New York (Schwab API facts 1.5).
    assert 0 < new_york_day_ms(epoch_ms("2025-12-09T18:52:02")) - 49_904_606 < 20_000


@pytest.mark.parametrize(
    ("utc", "is_open"),
    [
        ("2026-11-24T14:29:59.999", False),  # Tuesday, winter
        ("2026-11-24T14:30:00", True),
        ("2026-11-24T20:59:59.999", True),
        ("2026-11-24T21:00:00", False),
        ("2026-07-14T13:30:00", True),  # Tuesday, summer
        ("2026-07-14T13:29:59.999", False),
        ("2026-07-14T20:00:00", False),
        ("2026-11-21T16:00:00", False),  # Saturday
        ("2026-11-22T16:00:00", False),
        ("2026-11-23T03:00:00", False),  # Sunday evening in New York
        ("2026-11-26T16:00:00", False),  # Thanksgiving
        ("2025-01-09T16:00:00", False),  # a day of mourning
        ("2026-11-27T14:30:00", True),  # a half day
        ("2026-11-27T17:59:59.999", True),
        ("2026-11-27T18:00:00", False),
        ("2026-11-30T20:59:59.999", True),
        ("2035-12-25T16:00:00", True),  # beyond the table every weekday is a full day
    ],
)
def test_regular_hours_are_those_of_the_exchange(utc: str, is_open: bool) -> None:
    assert is_regular_hours(epoch_ms(utc)) is is_open


def test_a_date_is_that_of_new_york() -> None:
    assert new_york_date(epoch_ms("2026-11-25T04:59:59.999")) == "2026-11-24"
    assert new_york_date(epoch_ms("2026-11-25T05:00:00")) == "2026-11-25"
