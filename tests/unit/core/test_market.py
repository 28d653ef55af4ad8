"""What level one last said: a trade within 5 s, and traded volume a minute (design 4.2, 4.11 and its last part)."""

import pytest

from leadline.core.market import VOLUME_POINTS_MAX, LevelOne, Service, Touch, service_of

S = 1_000_000_000
MS = 1_000_000
WINDOW_NS = 60 * S
T0 = 1_772_808_300 * S


def level_one(*volumes: tuple[int, object], window_ns: int = WINDOW_NS) -> LevelOne:
    """Take volumes at seconds after T0."""
    level = LevelOne(window_ns)
    for second, volume in volumes:
        level.update(T0 + second * S, volume=volume)
    return level


@pytest.mark.parametrize("letter", ["Q", "q"])
def test_a_symbol_listed_on_nasdaq_is_judged_on_its_book(letter: str) -> None:
    assert service_of(letter) is Service.NASDAQ_BOOK


@pytest.mark.parametrize("letter", ["N", "n", "P", "A", "Z", "9", "u", "0", "", "NASDAQ"])
def test_any_other_listing_is_judged_on_the_nyse_book(letter: str) -> None:
    assert service_of(letter) is Service.NYSE_BOOK


@pytest.mark.parametrize(("bid", "ask", "is_crossed"), [(199_900, 200_000, False), (2, 2, True), (3, 2, True)])
def test_a_touch_is_crossed_where_the_bid_reaches_the_ask(bid: int, ask: int, *, is_crossed: bool) -> None:
    assert Touch(bid, ask, 100, 100, T0, 0).is_crossed is is_crossed


# the last trade


@pytest.mark.parametrize(
    ("age_ns", "price"),
    [
        (0, 199_900),
        (5 * S, 199_900),
        (5 * S + 1, None),
        (-5 * S, 199_900),
        (-5 * S - 1, None),
        (3_600 * S, None),
    ],
)
def test_the_last_trade_prices_an_alert_within_five_seconds_on_either_side(age_ns: int, price: int | None) -> None:
    level = LevelOne(WINDOW_NS)
    level.update(T0, last=19.99, trade_ms=T0 // MS)
    assert level.trade_price(T0 + age_ns) == price


def test_the_age_of_a_trade_is_by_its_own_time_and_not_by_the_time_at_which_it_was_told() -> None:
    level = LevelOne(WINDOW_NS)
    level.update(T0, last=19.99, trade_ms=T0 // MS - 6_000)
    assert level.trade_price(T0) is None


def test_without_a_price_or_without_a_time_there_is_no_last_trade() -> None:
    only_price, only_time = LevelOne(WINDOW_NS), LevelOne(WINDOW_NS)
    only_price.update(T0, last=19.99)
    only_time.update(T0, trade_ms=T0 // MS)
    assert LevelOne(WINDOW_NS).trade_price(T0) is None
    assert only_price.trade_price(T0) is None
    assert only_time.trade_price(T0) is None


def test_a_field_that_a_change_does_not_carry_is_unchanged() -> None:
    level = LevelOne(WINDOW_NS)
    level.update(T0, last=19.99, trade_ms=T0 // MS, volume=500, status="Normal")
    level.update(T0 + S)
    level.update(T0 + 2 * S, trade_ms=T0 // MS + 2_000)
    assert (level.trade_price(T0 + 7 * S), level.volume, level.halted) == (199_900, 500, False)


@pytest.mark.parametrize("last", [19.99995, 0, -1, 1_000_001, 1e400, 10**500, True, "19.99", [], {}])
def test_a_last_price_that_is_no_price_prices_nothing(last: object) -> None:
    level = LevelOne(WINDOW_NS)
    level.update(T0, last=19.99, trade_ms=T0 // MS)
    level.update(T0 + S, last=last, trade_ms=T0 // MS + 1_000)
    assert level.trade_price(T0 + S) is None


@pytest.mark.parametrize("trade_ms", [True, "1772808300000", 1772808300000.0, [], {}])
def test_a_trade_time_that_is_no_integer_is_not_taken(trade_ms: object) -> None:
    level = LevelOne(WINDOW_NS)
    level.update(T0, last=19.99, trade_ms=trade_ms)
    assert level.trade_price(T0) is None
    level.update(T0, trade_ms=T0 // MS)
    level.update(T0, trade_ms=trade_ms)
    assert level.trade_price(T0) == 199_900


def test_a_trade_time_of_500_digits_is_only_far_away() -> None:
    level = LevelOne(WINDOW_NS)
    level.update(T0, last=19.99, trade_ms=10**500)
    assert level.trade_price(T0) is None


@pytest.mark.parametrize(("status", "halted"), [("Normal", False), ("Halted", True), ("Closed", True), ("", True)])
def test_every_status_but_normal_is_a_halt(status: str, *, halted: bool) -> None:
    level = LevelOne(WINDOW_NS)
    assert level.halted is None
    level.update(T0, status=status)
    assert level.halted is halted


# traded volume a minute


def test_volume_a_minute_is_what_was_added_since_the_point_at_or_before_the_window() -> None:
    level = level_one((0, 1_000), (30, 1_400), (60, 1_900))
    assert level.volume_per_minute(T0 + 60 * S) == 900


def test_a_point_exactly_at_the_start_of_the_window_counts() -> None:
    level = level_one((0, 1_000), (30, 1_600))
    assert level.volume_per_minute(T0 + 60 * S) == 600


def test_a_point_a_nanosecond_after_the_start_does_not_count() -> None:
    level = level_one((0, 1_000), (30, 1_600))
    assert level.volume_per_minute(T0 + 60 * S - 1) is None


def test_of_points_before_the_window_the_last_one_counts() -> None:
    level = level_one((0, 1_000), (5, 1_100), (10, 1_300), (65, 2_000))
    assert level.volume_per_minute(T0 + 69 * S) == 900
    assert level.volume_per_minute(T0 + 70 * S - 1) == 900
    assert level.volume_per_minute(T0 + 70 * S) == 700


def test_what_was_forgotten_is_not_needed_even_after_long_silence() -> None:
    level = level_one((0, 1_000), (1, 1_001), (3_600, 5_000), (3_601, 5_500))
    assert level.volume_per_minute(T0 + 3_601 * S) == 4_499
    assert level.volume_per_minute(T0 + 3_660 * S) == 500
    assert level.volume_per_minute(T0 + 3_661 * S) == 0


def test_a_volume_that_is_told_again_unchanged_keeps_its_first_time() -> None:
    level = level_one((0, 1_000), (30, 1_000), (59, 1_000))
    assert level.volume_per_minute(T0 + 60 * S) == 0


def test_a_volume_that_comes_again_after_another_is_a_new_point() -> None:
    level = level_one((0, 1_000), (10, 900), (20, 1_000), (30, 1_100))
    assert level.volume_per_minute(T0 + 75 * S) == 200
    assert level.volume_per_minute(T0 + 80 * S) == 100


def test_the_sum_is_per_minute_whatever_the_window() -> None:
    assert level_one((0, 0), (30, 100), window_ns=30 * S).volume_per_minute(T0 + 30 * S) == 200
    assert level_one((0, 0), (120, 100), window_ns=120 * S).volume_per_minute(T0 + 120 * S) == 50
    assert level_one((0, 0), (90, 100), window_ns=90 * S).volume_per_minute(T0 + 90 * S) == pytest.approx(66.666_666)


def test_volume_is_unknown_before_anything_was_said_or_before_a_window_has_passed() -> None:
    assert LevelOne(WINDOW_NS).volume_per_minute(T0) is None
    assert level_one((0, 1_000)).volume_per_minute(T0) is None
    assert level_one((0, 1_000), (59, 9_000)).volume_per_minute(T0 + 59 * S) is None


def test_a_falling_volume_is_not_known() -> None:
    level = level_one((0, 1_000), (30, 10))
    assert level.volume_per_minute(T0 + 60 * S) is None
    assert level.volume_per_minute(T0 + 90 * S) == 0


def test_a_volume_that_falls_to_nothing_does_not_count_as_nothing_traded() -> None:
    assert level_one((0, 5_000_000), (61, 0)).volume_per_minute(T0 + 61 * S) is None


@pytest.mark.parametrize("volume", [None, True, "1900", 1900.0, -1, [], {}, 1e400])
def test_a_volume_that_is_no_count_changes_nothing(volume: object) -> None:
    level = level_one((0, 1_000), (30, 1_600), (45, volume))
    assert level.volume == 1_600
    assert level.volume_per_minute(T0 + 60 * S) == 600


def test_a_volume_beyond_all_limits_does_not_stop_the_stream() -> None:
    level = level_one((0, 1_000), (30, 10**400))
    volume = level.volume_per_minute(T0 + 60 * S)
    assert volume is None or volume >= 0


def test_points_are_bounded_and_the_newest_stay() -> None:
    level = LevelOne(WINDOW_NS)
    for number in range(2 * VOLUME_POINTS_MAX):
        level.update(T0 + number, volume=number)
    assert level.volume == 2 * VOLUME_POINTS_MAX - 1
    last = T0 + 2 * VOLUME_POINTS_MAX - 1
    assert level.volume_per_minute(last + WINDOW_NS) == 0
    assert level.volume_per_minute(T0 + VOLUME_POINTS_MAX + WINDOW_NS) == VOLUME_POINTS_MAX - 1
