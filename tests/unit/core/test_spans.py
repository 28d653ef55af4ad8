"""Times of the New York day: read, written, and laid on full, half and closed days."""

import pytest

from leadline.core.exchange_days import CLOSED_DAY, FULL_DAY, HALF_DAY, Day, DayKind
from leadline.core.spans import Anchor, Moment, Span, clock_text, moment_of


def span(start: str, end: str, days: DayKind | None = None) -> Span:
    first, last = moment_of(start), moment_of(end)
    assert first is not None
    assert last is not None
    return Span(first, last, days)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("09:30", Moment(Anchor.MIDNIGHT, 570)),
        ("00:00", Moment(Anchor.MIDNIGHT, 0)),
        ("23:59", Moment(Anchor.MIDNIGHT, 1439)),
        ("24:00", Moment(Anchor.MIDNIGHT, 1440)),
        ("open", Moment(Anchor.OPEN, 0)),
        ("close", Moment(Anchor.CLOSE, 0)),
        ("open+15m", Moment(Anchor.OPEN, 15)),
        ("open-330m", Moment(Anchor.OPEN, -330)),
        ("close-30m", Moment(Anchor.CLOSE, -30)),
        ("close+240m", Moment(Anchor.CLOSE, 240)),
    ],
)
def test_a_moment_is_read_and_written_alike(text: str, moment: Moment) -> None:
    assert moment_of(text) == moment
    assert str(moment) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9:30",
        "09:60",
        "24:01",
        "25:00",
        "0930",
        "09:30:00",
        " 09:30",
        "09:30\n",
        "open+15",
        "open+15s",
        "open+1h",
        "open +15m",
        "open15m",
        "open+m",
        "open+15.5m",
        "Open",
        "noon",
        "open+99999m",
        "٠٩:٣٠",  # digits, but no one would write them here
    ],
)
def test_what_is_no_moment_is_none(text: str) -> None:
    assert moment_of(text) is None


@pytest.mark.parametrize(
    ("told", "full", "half", "closed"),
    [
        (span("open", "close"), (570, 960), (570, 780), None),
        (span("open", "10:00"), (570, 600), (570, 600), None),
        (span("09:30", "10:00"), (570, 600), (570, 600), (570, 600)),
        (span("open+15m", "close-30m"), (585, 930), (585, 750), None),
        (span("14:00", "close"), (840, 960), (840, 780), None),
        (span("09:30", "10:00", DayKind.HALF), None, (570, 600), None),
        (span("09:30", "10:00", DayKind.FULL), (570, 600), None, None),
    ],
)
def test_a_span_lies_on_a_day_by_its_open_and_close(
    told: Span, full: tuple[int, int], half: tuple[int, int], closed: tuple[int, int] | None
) -> None:
    days: list[tuple[Day, tuple[int, int] | None]] = [(FULL_DAY, full), (HALF_DAY, half), (CLOSED_DAY, closed)]
    for day, minutes in days:
        assert told.minutes_on(day) == minutes


def test_a_span_is_said_in_words() -> None:
    assert str(span("open", "10:00")) == "open until 10:00"
    assert str(span("open+5m", "close-5m", DayKind.HALF)) == "open+5m until close-5m, half days"


def test_minutes_are_written_as_on_a_clock() -> None:
    assert [clock_text(minutes) for minutes in (0, 61, 570, 780, 1440)] == ["00:00", "01:01", "09:30", "13:00", "24:00"]
