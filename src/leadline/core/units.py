"""Owns the units of prices and times, and the only conversions between them and numbers on the wire.

Never rounds silently: what is not on the grid is None.
Comes from wire numbers; goes to integers inward and to dollars outward.
"""

from decimal import Decimal

PRICE_SCALE = 10_000
"""A *price* is an integer of 0.0001 dollars (design 4.6)."""

PRICE_MAX = 1_000_000 * PRICE_SCALE
"""The largest price that is believed: 1,000,000 dollars (design 4.6)."""

SIZE_MAX = 1_000_000_000
"""The largest size of one entry that is believed (design 4.6)."""

CENT = PRICE_SCALE // 100
NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
E5_PER_PRICE = 10
"""`*_e5` values are integers of 0.00001 dollars: a mid of two prices is exact in them."""
E6_PER_PRICE = 100
"""`*_e6` values are integers of 0.000001 dollars, the scale of the broker's executions."""


def price_of(number: object) -> int | None:
    """Read a price in dollars as an integer of 0.0001 dollars; None if it is no price (design 4.6)."""
    if type(number) is not float and type(number) is not int:
        return None
    if not 0 < number <= 1_000_000:
        return None
    price = int(number * PRICE_SCALE + 0.5)
    # Dividing rounds to the nearest double, as reading the decimal text did: equal means on the grid.
    return price if price / PRICE_SCALE == number and price > 0 else None


def size_of(number: object) -> int | None:
    """Read a size in shares; None unless it is a number of integral value from 1 to 1e9 (design 4.6)."""
    if type(number) is not int and type(number) is not float:
        return None
    if not 1 <= number <= SIZE_MAX:
        return None
    size = int(number)
    return size if size == number else None


def dollars(price: int) -> float:
    """Give a price in dollars, for rows, lines and pages."""
    return price / PRICE_SCALE


def price_text(price: int) -> str:
    """Write a price as the broker wants it: two decimals from 1 dollar up, four below (Schwab API facts 2.3).

    Raises:
        ValueError: it is no price, or not on the legal increment (0.01 from 1 dollar up, 0.0001 below).
    """
    if price <= 0:
        raise ValueError(f"{price} is no price")
    if price >= PRICE_SCALE:
        if price % CENT:
            raise ValueError(f"price {price} is not on the 1-cent increment")
        return f"{price // PRICE_SCALE}.{price % PRICE_SCALE // CENT:02d}"
    return f"0.{price:04d}"


def increment_of(price: int) -> int:
    """Give the legal increment at a price: 1 cent from 1 dollar up, 0.0001 dollars below."""
    return CENT if price >= PRICE_SCALE else 1


def price_e6(number: object) -> int | None:
    """Read an execution price in dollars, to the nearest millionth of a dollar; None if it is no price."""
    if (type(number) is not float and type(number) is not int) or not 0 < number <= 1_000_000:
        return None
    return round(number * 1_000_000) or None


def ns_of_s(seconds: float | Decimal) -> int:
    """Turn seconds as written by a user into nanoseconds, exactly for up to nine decimals."""
    return int(Decimal(str(seconds)) * NS_PER_S)
