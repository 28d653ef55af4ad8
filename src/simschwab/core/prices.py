"""Owns prices as integers of 0.0001 dollars (`_e4`) and their written forms.

Never computes with a float price.
Comes from wire numbers and the generator, goes to books, orders and activity bodies.
"""

from decimal import Decimal, InvalidOperation

E4_PER_DOLLAR = 10_000
CENT_E4 = 100
_E4_DECIMALS = 4
_DOLLARS_MAX = 1_000_000
_DOTNET_SCALE = 12  # scale 6, stored shifted left by one; the low bit is the sign (schwab-api.md 1.5)


def wire_price(price_e4: int) -> int | float:
    """Give the JSON number of a price: an int when whole, as the feed sends `221`."""
    dollars, rest = divmod(price_e4, E4_PER_DOLLAR)
    return price_e4 / E4_PER_DOLLAR if rest else dollars


def dollars(amount_e4: float) -> float:
    """Give an amount as the float that REST answers carry."""
    return round(amount_e4 / E4_PER_DOLLAR, 6)


def tick_e4(price_e4: int) -> int:
    """Give the legal increment at a price: a cent from one dollar up, 0.0001 below (schwab-api.md 2.3)."""
    return CENT_E4 if price_e4 >= E4_PER_DOLLAR else 1


def decimal_price(value: object) -> Decimal | None:
    """Read a price sent as text or number, exactly as written; None when it is not above 0 and at most a million."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        return None
    return price if price.is_finite() and 0 < price <= _DOLLARS_MAX else None


def on_increment(price: Decimal) -> bool:
    """Tell whether a price has no more decimals than its increment allows."""
    price_e4 = price * E4_PER_DOLLAR
    return price_e4 % tick_e4(int(price_e4)) == 0


def to_e4(price: Decimal) -> int:
    """Give the nearest price on the grid of 0.0001 dollars."""
    return int(round(price, _E4_DECIMALS) * E4_PER_DOLLAR)


def book_price_e4(value: object) -> int | None:
    """Read a book's price from a tape; None when it is no positive number on the grid of 0.0001 dollars."""
    price = decimal_price(value)
    if price is None or price * E4_PER_DOLLAR % 1:
        return None
    return int(price * E4_PER_DOLLAR)


def dotnet_e4(amount_e4: int) -> dict[str, object]:
    """Give an amount of money as Schwab's .NET decimal of scale 6; zero has no `lo`."""
    return _dotnet(amount_e4 * 100)


def dotnet_shares(shares: int) -> dict[str, object]:
    """Give a number of shares as Schwab's .NET decimal of scale 6; zero has no `lo`."""
    return _dotnet(shares * 1_000_000)


def dotnet_size(shares: int) -> dict[str, object]:
    """Give a quoted size, which Schwab writes with scale 0."""
    return {"lo": str(shares)} if shares else {}


def _dotnet(millionths: int) -> dict[str, object]:
    if not millionths:
        return {"signScale": _DOTNET_SCALE}
    return {"lo": str(abs(millionths)), "signScale": _DOTNET_SCALE + (millionths < 0)}
