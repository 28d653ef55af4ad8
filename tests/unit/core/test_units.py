"""Prices on the grid of 0.0001 dollars, sizes of integral value, and the texts and scales around them (design 4.6)."""

import math
from decimal import Decimal

import pytest

from leadline.core.units import dollars, increment_of, ns_of_s, price_e6, price_of, price_text, size_of


@pytest.mark.parametrize(
    ("number", "price"),
    [
        (221, 2_210_000),
        (221.01, 2_210_100),
        (19.99, 199_900),
        (20.0, 200_000),
        (0.0001, 1),
        (0.0003, 3),
        (0.1 + 0.2, None),  # 0.30000000000000004 is another double than 0.3
        (0.3, 3_000),
        (1.005, 10_050),
        (1.1, 11_000),
        (4.35, 43_500),
        (8.2999, 82_999),
        (0.5749, 5_749),
        (999_999.9999, 9_999_999_999),
        (1_000_000, 10_000_000_000),
        (1e6, 10_000_000_000),
    ],
)
def test_a_price_on_the_grid_is_an_integer_of_a_hundredth_of_a_cent(number: float, price: int | None) -> None:
    assert price_of(number) == price


def test_every_price_of_four_decimals_is_read_as_the_integer_that_its_digits_spell() -> None:
    for whole in (0, 1, 9, 19, 20, 99, 221, 1_023, 65_535, 123_456, 999_999):
        for units in range(1, 10_000, 7):
            assert price_of(float(f"{whole}.{units:04d}")) == int(f"{whole}{units:04d}")


@pytest.mark.parametrize(
    "number",
    [
        10.00005,
        0.00005,
        0.00011,
        221.010000001,
        math.nextafter(19.99, 20),
        math.nextafter(19.99, 19),
        math.nextafter(1_000_000, 2_000_000),
        1_000_000.0001,
        1_000_001,
        2**63,
        10**500,
        1e300,
        math.inf,
        -math.inf,
        math.nan,
        0,
        0.0,
        -0.0,
        5e-324,
        -19.99,
        -1,
    ],
)
def test_a_number_off_the_grid_or_out_of_range_is_no_price(number: float) -> None:
    assert price_of(number) is None


@pytest.mark.parametrize("thing", [True, False, None, "1", "19.99", [], {}, [1], Decimal(1)])
def test_what_is_no_number_is_neither_price_nor_size(thing: object) -> None:
    assert price_of(thing) is None
    assert size_of(thing) is None
    assert price_e6(thing) is None


@pytest.mark.parametrize(
    ("number", "size"),
    [(1, 1), (1.0, 1), (100, 100), (100.0, 100), (999_999_999, 999_999_999), (1e9, 10**9), (10**9, 10**9)],
)
def test_a_size_of_integral_value_counts_however_it_is_written(number: float, size: int) -> None:
    assert size_of(number) == size
    assert type(size_of(number)) is int


@pytest.mark.parametrize(
    "number",
    [100.5, 0.5, 0.999, 0, 0.0, -1, -100.0, 10**9 + 1, 1e9 + 1, 999_999_999.5, 2**63, 10**500, math.inf, math.nan],
)
def test_a_size_that_is_broken_or_out_of_range_is_none(number: float) -> None:
    assert size_of(number) is None


def test_dollars_are_what_the_grid_spells() -> None:
    assert dollars(1) == 0.0001
    assert dollars(199_900) == 19.99
    assert dollars(2_210_000) == 221


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (1, "0.0001"),
        (999, "0.0999"),
        (9_999, "0.9999"),
        (10_000, "1.00"),
        (10_100, "1.01"),
        (199_900, "19.99"),
        (200_000, "20.00"),
        (2_210_000, "221.00"),
        (2_210_500, "221.05"),
        (9_999_999_900, "999999.99"),
    ],
)
def test_a_price_is_written_with_two_decimals_from_a_dollar_up_and_four_below(price: int, text: str) -> None:
    assert price_text(price) == text


@pytest.mark.parametrize("price", [10_001, 10_099, 199_950, 2_210_001])
def test_a_price_between_two_cents_is_not_written_from_a_dollar_up(price: int) -> None:
    with pytest.raises(ValueError, match=str(price)):
        price_text(price)


@pytest.mark.parametrize(("price", "increment"), [(1, 1), (9_999, 1), (10_000, 100), (199_900, 100)])
def test_the_increment_is_a_cent_from_a_dollar_up_and_a_hundredth_of_it_below(price: int, increment: int) -> None:
    assert increment_of(price) == increment


@pytest.mark.parametrize(
    ("number", "e6"),
    [(13, 13_000_000), (13.1, 13_100_000), (0.000001, 1), (19.995, 19_995_000), (19.123457, 19_123_457), (1e6, 10**12)],
)
def test_an_execution_price_is_read_to_a_millionth_of_a_dollar(number: float, e6: int) -> None:
    assert price_e6(number) == e6


@pytest.mark.parametrize("number", [0, -1, -0.0, 1_000_001, math.nan, math.inf, 10**500])
def test_an_impossible_execution_price_is_none(number: float) -> None:
    assert price_e6(number) is None


def test_an_execution_price_below_half_a_millionth_is_none_and_not_zero() -> None:
    assert price_e6(1e-9) is None


@pytest.mark.parametrize(
    ("seconds", "ns"),
    [
        (10, 10_000_000_000),
        (0, 0),
        (0.1, 100_000_000),
        (0.3, 300_000_000),
        (2.675, 2_675_000_000),
        (1.000000001, 1_000_000_001),
        (1e-9, 1),
        (86_400.123456789, 86_400_123_456_789),
        (Decimal("0.000000007"), 7),
    ],
)
def test_seconds_become_nanoseconds_exactly_up_to_nine_decimals(seconds: float | Decimal, ns: int) -> None:
    assert ns_of_s(seconds) == ns
