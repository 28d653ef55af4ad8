"""Volume a minute and the last trade against a list of all that was ever told (design 4.11 and its last part)."""

from collections import Counter
from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadline.core.market import LevelOne

QUIET = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)
S, MS = 1_000_000_000, 1_000_000

some_windows = st.sampled_from([60 * S, 60 * S, 30 * S, 7 * S, S])
some_steps = st.sampled_from(
    [0, 1, S // 2, S, S, 7 * S - 1, 7 * S, 7 * S + 1, 29 * S, 30 * S, 59 * S, 60 * S - 1, 60 * S, 61 * S]
)
some_volumes = st.none() | st.integers(0, 1_000) | st.sampled_from([True, -1, "5", 5.0]) | st.integers(1_000, 1_010)
some_rises = st.integers(0, 300)
Change = tuple[int, object, int]
"""How long after the one before, the volume told or not, and how much is added to the last one instead, if any."""


def is_volume(told: object) -> bool:
    return isinstance(told, int) and not isinstance(told, bool) and told >= 0


def slow_volume(told: list[tuple[int, int]], t_ns: int, window_ns: int) -> Fraction | None:
    """(V(t) - V(at or before t - window)) per minute; unknown or falling is None."""
    before = [volume for at_ns, volume in told if at_ns <= t_ns - window_ns]
    if not before or not told or told[-1][1] < before[-1]:
        return None
    return Fraction((told[-1][1] - before[-1]) * 60 * S, window_ns)


some_changes = st.lists(st.tuples(some_steps, some_volumes, some_rises), max_size=40)


@settings(QUIET, max_examples=600)
@given(some_windows, some_changes, st.lists(some_steps, min_size=1, max_size=4))
def test_volume_a_minute_is_what_the_whole_past_says(
    window_ns: int, changes: list[Change], silences: list[int]
) -> None:
    run(window_ns, changes, silences)


def run(window_ns: int, changes: list[Change], silences: list[int]) -> Counter[str]:
    seen: Counter[str] = Counter()
    level, told, now_ns = LevelOne(window_ns), list[tuple[int, int]](), 1_772_808_300 * S
    for step_ns, volume, rise in changes:
        now_ns += step_ns
        said: object = told[-1][1] + rise if told and rise < 200 else volume
        level.update(now_ns, volume=said)
        if is_volume(said):
            assert isinstance(said, int)
            told.append((now_ns, said))
        seen[compare(level, told, now_ns, window_ns)] += 1
    for silence_ns in silences:
        now_ns += silence_ns
        seen[compare(level, told, now_ns, window_ns)] += 1
    return seen


def compare(level: LevelOne, told: list[tuple[int, int]], now_ns: int, window_ns: int) -> str:
    expected, got = slow_volume(told, now_ns, window_ns), level.volume_per_minute(now_ns)
    assert got == (None if expected is None else float(expected))
    return "unknown" if expected is None else "nothing" if expected == 0 else "some"


def test_the_changes_reach_unknown_nothing_and_some() -> None:
    seen: Counter[str] = Counter()

    @settings(QUIET, max_examples=400)
    @given(some_windows, some_changes, st.lists(some_steps, min_size=1, max_size=4))
    def tell(window_ns: int, changes: list[Change], silences: list[int]) -> None:
        seen.update(run(window_ns, changes, silences))

    tell()
    assert min(seen["unknown"], seen["nothing"], seen["some"]) >= 20, seen


some_prices = st.sampled_from([None, 19.99, 20, 221.01, 0.0001, 19.99995, 0, True, "20", 1e400, 10**500])
some_ages_ns = st.sampled_from([0, 1, 5 * S, 5 * S + 1, 5 * S - 1, -5 * S, -5 * S - 1, 60 * S])
GOOD = {19.99: 199_900, 20: 200_000, 221.01: 2_210_100, 0.0001: 1}


@settings(QUIET, max_examples=600)
@given(st.lists(st.tuples(some_prices, st.none() | st.integers(-3, 3)), max_size=6), some_ages_ns)
def test_the_last_trade_is_the_last_price_told_with_the_last_time_told(
    changes: list[tuple[object, int | None]], age_ns: int
) -> None:
    start_ms = 1_772_808_300_000
    level = LevelOne(60 * S)
    prices, times = [], []
    for last, second in changes:
        trade_ms = None if second is None else start_ms + 1_000 * second
        level.update(start_ms * MS, last=last, trade_ms=trade_ms)
        prices += [] if last is None else [last]
        times += [] if trade_ms is None else [trade_ms]
    t_ns = (times[-1] if times else start_ms) * MS + age_ns
    expected = None
    if prices and times and abs(age_ns) <= 5 * S and not isinstance(prices[-1], bool | str):
        expected = next((price for number, price in GOOD.items() if number == prices[-1]), None)
    assert level.trade_price(t_ns) == expected
