"""When the exchange is open: holidays by rule, half days, sessions, and what the clock does to orders and tokens."""

from datetime import date

import pytest

from simschwab.core.calendar import Calendar, moment_ns
from simschwab.core.choices import Hours
from simschwab.core.settings import SettingError, Settings
from simschwab.core.times import NS_PER_S
from simschwab.virtual import Virtual

OPEN = Settings(market_hours=Hours.CALENDAR)


@pytest.mark.parametrize(
    "day",
    [
        *("2026-01-01", "2026-01-19", "2026-02-16", "2026-04-03", "2026-05-25", "2026-06-19", "2026-07-03"),
        *("2026-09-07", "2026-11-26", "2026-12-25", "2025-04-18", "2027-03-26", "2023-01-02", "2027-06-18"),
        *("2026-11-28", "2026-11-29", "2027-12-24"),
    ],
)
def test_closed_days(day: str) -> None:
    assert Calendar(OPEN).is_closed(date.fromisoformat(day))


@pytest.mark.parametrize("day", ["2026-11-24", "2026-11-27", "2026-12-24", "2021-12-31", "2022-06-17", "2026-07-06"])
def test_open_days(day: str) -> None:
    assert not Calendar(OPEN).is_closed(date.fromisoformat(day))


@pytest.mark.parametrize(
    ("moment", "session", "is_open"),
    [
        ("2026-11-24T09:29:59", "NORMAL", False),
        ("2026-11-24T09:30:00", "NORMAL", True),
        ("2026-11-24T15:59:59.999", "NORMAL", True),
        ("2026-11-24T16:00:00", "NORMAL", False),
        ("2026-11-27T12:59:59", "NORMAL", True),
        ("2026-11-27T13:00:00", "NORMAL", False),
        ("2026-11-24T08:00:00", "AM", True),
        ("2026-11-24T08:00:00", "SEAMLESS", True),
        ("2026-11-24T16:04:59", "PM", False),
        ("2026-11-24T16:05:00", "PM", True),
        ("2026-11-24T20:00:00", "SEAMLESS", False),
        # The Mondays after the clocks change keep New York's time.
        ("2026-03-09T09:30:00", "NORMAL", True),
        ("2026-03-09T13:30:00+00:00", "NORMAL", True),
        ("2026-11-02T14:29:59+00:00", "NORMAL", False),
        ("2026-11-02T14:30:00+00:00", "NORMAL", True),
    ],
)
def test_sessions(moment: str, session: str, is_open: bool) -> None:
    assert Calendar(OPEN).is_open(session, moment_ns(moment)) is is_open


def test_always_is_always() -> None:
    always = Calendar(Settings())
    assert always.is_open("NORMAL", moment_ns("2026-12-25T03:00:00"))
    assert always.close_ns("NORMAL", moment_ns("2026-11-24T12:00:00")) is None


def test_the_next_open_skips_the_weekend_and_a_closed_day() -> None:
    calendar = Calendar(Settings(market_hours=Hours.CALENDAR, closed_days="2026-11-30"))
    assert calendar.next_open_ns("NORMAL", moment_ns("2026-11-27T13:00:00")) == moment_ns("2026-12-01T09:30:00")
    assert Calendar(Settings(market_hours=Hours.CALENDAR, half_days="2026-11-30")).close_ns(
        "NORMAL", moment_ns("2026-11-30T10:00:00")
    ) == moment_ns("2026-11-30T13:00:00")


@pytest.mark.parametrize("settings", [Settings(closed_days="x"), Settings(half_days="2026-13-01")])
def test_days_that_are_none_are_refused(settings: Settings) -> None:
    with pytest.raises(SettingError, match="expected days like"):
        Calendar(settings)


def body(price: str = "5.00", duration: str = "DAY", session: str = "NORMAL") -> dict[str, object]:
    leg = {"instruction": "BUY", "quantity": 10, "instrument": {"symbol": "F", "assetType": "EQUITY"}}
    return {
        "orderType": "LIMIT",
        "session": session,
        "duration": duration,
        "orderStrategyType": "SINGLE",
        "price": price,
        "orderLegCollection": [leg],
    }


def statuses(virtual: Virtual) -> list[str]:
    return [order.status.value for order in virtual.exchange.broker.orders.values()]


def test_a_queued_order_works_at_the_open_and_expires_at_that_days_close() -> None:
    virtual = Virtual(Settings(market_hours=Hours.CALENDAR, clock_at="2026-11-25T16:00:00-05:00"))
    for duration in ("DAY", "GOOD_TILL_CANCEL"):
        assert virtual.http("POST", virtual.orders_path, body=body(duration=duration)).status == 201
    virtual.run_ms(1000)
    assert statuses(virtual) == ["QUEUED", "QUEUED"]
    # Thanksgiving is in between.
    virtual.exchange.set_clock((moment_ns("2026-11-27T09:29:59-05:00") - virtual.now_ns) // 1_000_000, virtual.now_ns)
    assert statuses(virtual) == ["QUEUED", "QUEUED"]
    virtual.run_ms(1000)
    assert statuses(virtual) == ["WORKING", "WORKING"]
    virtual.exchange.set_clock((moment_ns("2026-11-27T13:00:00-05:00") - virtual.now_ns) // 1_000_000, virtual.now_ns)
    assert statuses(virtual) == ["EXPIRED", "WORKING"]
    first = next(iter(virtual.exchange.broker.orders.values()))
    assert first.closed_ns == moment_ns("2026-11-27T13:00:00-05:00")


def test_fill_or_kill_is_rejected_out_of_hours_and_market_orders_are_for_normal_only() -> None:
    virtual = Virtual(Settings(market_hours=Hours.CALENDAR, clock_at="2026-11-25T18:00:00-05:00"))
    assert virtual.http("POST", virtual.orders_path, body=body(duration="FILL_OR_KILL")).status == 201
    virtual.http("POST", virtual.orders_path, body=body("20.00", session="PM"))
    virtual.run_ms(100)
    assert statuses(virtual) == ["REJECTED", "FILLED"]
    market = body(session="PM") | {"orderType": "MARKET"}
    del market["price"]
    assert virtual.http("POST", virtual.orders_path, body=market).status == 400


def test_a_clock_set_ahead_and_back_moves_what_waits_and_piles_nothing_up() -> None:
    virtual = Virtual()
    stream = virtual.connect()
    stream.login()
    stream.send("NYSE_BOOK", "SUBS", keys="F", fields="0,1,2,3")
    virtual.run_ms(3_000)
    stream.take()
    for offset_ms in (86_400_000, -86_400_000, 0):
        virtual.exchange.set_clock(offset_ms, virtual.now_ns)
        virtual.run_ms(3_030)
        books = [book for frame in stream.take() for book in frame.books]
        assert len(books) == 3
        sim_ms = virtual.now_ns // 1_000_000 + offset_ms
        assert all(0 < sim_ms - book.book_ms < 5_000 for book in books)


def test_tokens_follow_the_clock() -> None:
    virtual = Virtual()
    path = "/trader/v1/accounts/accountNumbers"
    for seconds, status in ((1_799, 200), (1_800, 401)):
        virtual.exchange.set_clock(seconds * 1000, virtual.now_ns)
        assert virtual.http("GET", path).status == status
    assert virtual.http("GET", path).headers["Date"] == "Tue, 24 Nov 2026 15:00:00 GMT"
    assert virtual.now_ns % NS_PER_S == 0
