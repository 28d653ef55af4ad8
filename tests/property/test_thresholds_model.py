"""Which thresholds hold, against a slow model that lays every table on every minute's wall clock anew."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadline.core.alerts import EntryFilter
from leadline.core.exchange_days import DayKind
from leadline.core.imbalance import Rule
from leadline.core.spans import Span, moment_of
from leadline.core.thresholds import UNASKED, Change, Scope, Thresholds

S = 1_000_000_000
SYMBOLS = ("F", "SOFI", "T")
PERIODS = {  # begin (UTC) and days: the clock goes forward, goes back, half days with closed days around, a plain week
    "spring": ("2026-03-07", 3),
    "autumn": ("2026-10-31", 3),
    "thanksgiving": ("2026-11-25", 4),
    "christmas": ("2026-12-23", 4),
    "summer": ("2027-07-02", 4),
}
HALF = {"2026-11-27", "2026-12-24"}
CLOSED = {"2026-11-26", "2026-12-25", "2027-07-05"}

# A table as people write it: symbols, from, until, days, what differs; "" where nothing is said.
Told = tuple[frozenset[str], str, str, str, dict[str, int]]

clocks = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.sampled_from([0, 1, 29, 30, 59]))
anchored = st.builds(
    "{}{:+d}m".format, st.sampled_from(["open", "close"]), st.sampled_from([-400, -30, -1, 1, 15, 200])
)
moments = st.sampled_from(["open", "close", "24:00", "00:00", "02:00", "03:00", "01:30", "02:30"]) | clocks | anchored
changed = st.dictionaries(
    st.sampled_from(["min_bid_heavy", "min_ask_heavy", "min_volume"]), st.integers(5, 99), min_size=1
)
symbols = st.frozensets(st.sampled_from(SYMBOLS[:2]))
tables: st.SearchStrategy[Told] = st.one_of(
    st.tuples(symbols, moments, moments, st.sampled_from(["", "full", "half"]), changed),
    st.tuples(symbols, st.just(""), st.just(""), st.just(""), changed),
)


def change_of(told: Told) -> Change:
    names, start, end, days, values = told
    first, last = moment_of(start), moment_of(end)
    span = Span(first, last, DayKind(days) if days else None) if first and last else None
    rule = {name: value for name, value in values.items() if name != "min_volume"}
    entries = {name: value for name, value in values.items() if name == "min_volume"}
    return Change(Scope(names or None, span), rule, entries)


# the model


def kind_of(wall: datetime) -> str:
    day = f"{wall:%Y-%m-%d}"
    return "closed" if wall.weekday() >= 5 or day in CLOSED else "half" if day in HALF else "full"


def minute_of(text: str, kind: str) -> int | None:
    """Minutes after midnight; None where the day has no open and close."""
    if ":" in text:
        return int(text[:2]) * 60 + int(text[3:])
    if kind == "closed":
        return None
    base = 570 if text.startswith("open") else 780 if kind == "half" else 960
    return base + int(text.removeprefix("open").removeprefix("close").removesuffix("m") or 0)


def holds(told: Told, symbol: str, wall: datetime) -> bool:
    names, start, end, days, _ = told
    if names and symbol not in names:
        return False
    if not start:
        return True
    kind = kind_of(wall)
    first, last = minute_of(start, kind), minute_of(end, kind)
    if first is None or last is None or (days and days != kind):
        return False
    return first <= wall.hour * 60 + wall.minute < last


def model(all_told: list[Told], symbol: str, t_s: int) -> dict[str, int]:
    wall = datetime.fromtimestamp(t_s, UTC).astimezone(ZoneInfo("America/New_York"))
    found = {"min_bid_heavy": 4, "min_ask_heavy": 4, "min_volume": 0}
    for told in all_told:
        if holds(told, symbol, wall):
            found |= told[4]
    return found


def found_in(in_force: Any) -> dict[str, int]:
    return {
        "min_bid_heavy": in_force.rule.min_bid_heavy,
        "min_ask_heavy": in_force.rule.min_ask_heavy,
        "min_volume": in_force.entries.min_volume,
    }


@given(period=st.sampled_from(sorted(PERIODS)), told=st.lists(tables, max_size=5), step_s=st.sampled_from([60, 3_541]))
@example(period="spring", told=[(frozenset(), "02:30", "03:30", "", {"min_volume": 9})], step_s=60)
@example(period="autumn", told=[(frozenset(), "01:30", "02:30", "", {"min_volume": 9})], step_s=60)
@settings(deadline=None)
@example(period="thanksgiving", told=[(frozenset("F"), "close-30m", "close", "half", {"min_volume": 9})], step_s=60)
def test_every_minute_is_judged_as_a_table_of_minutes_would(period: str, told: list[Told], step_s: int) -> None:
    """Asked as the detector asks: anew only where what it holds is past, however often the time is asked about."""
    begin, days = PERIODS[period]
    first = datetime.fromisoformat(begin).replace(tzinfo=UTC)
    last_s = int((first + timedelta(days=days)).timestamp())
    thresholds = Thresholds(Rule(), EntryFilter(), [change_of(one) for one in told])
    held = dict.fromkeys(SYMBOLS, UNASKED)
    asked = 0
    for t_s in range(int(first.timestamp()), last_s, step_s):
        for symbol in SYMBOLS:
            if not held[symbol].since_ns <= t_s * S < held[symbol].until_ns:
                held[symbol] = thresholds.at(symbol, t_s * S)
                asked += 1
            assert found_in(held[symbol]) == model(told, symbol, t_s), f"{symbol} {t_s}"
    assert asked <= len(SYMBOLS) * (days + 1) * (4 * len(told) + 3), "it is not asked at each snapshot"


@given(
    told=st.lists(tables, max_size=4),
    times=st.lists(st.tuples(st.sampled_from(sorted(PERIODS)), st.integers(0, 4 * 86_400 * S)), max_size=30),
)
def test_any_order_of_times_gives_the_same(told: list[Told], times: list[tuple[str, int]]) -> None:
    thresholds = Thresholds(Rule(), EntryFilter(), [change_of(one) for one in told])
    for period, after_ns in times:
        t_ns = int(datetime.fromisoformat(PERIODS[period][0]).replace(tzinfo=UTC).timestamp()) * S + after_ns
        for symbol in SYMBOLS:
            found = thresholds.at(symbol, t_ns)
            assert found.since_ns <= t_ns < found.until_ns
            assert found_in(found) == model(told, symbol, t_ns // S)
