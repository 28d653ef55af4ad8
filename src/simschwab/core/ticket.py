"""Owns what a client may order, and how a POST body is read into it.

Never lets a field through that Schwab refuses; rules that need the account are the broker's.
Comes from a request body, goes to the broker as a ticket or to REST as refusals.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from simschwab.core.prices import decimal_price, on_increment, to_e4


class Instruction(StrEnum):
    """Name what an equity leg does; the others of Schwab's enum are not simulated."""

    BUY = "BUY"
    SELL = "SELL"
    SELL_SHORT = "SELL_SHORT"
    BUY_TO_COVER = "BUY_TO_COVER"

    @property
    def buying(self) -> bool:
        """Whether shares come in."""
        return self in (Instruction.BUY, Instruction.BUY_TO_COVER)

    @property
    def opening(self) -> bool:
        """Whether a position grows by it."""
        return self in (Instruction.BUY, Instruction.SELL_SHORT)


class OrderType(StrEnum):
    """Name how an order is priced."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"


class Duration(StrEnum):
    """Name how long an order lives; those longer than a day do not end by themselves here."""

    DAY = "DAY"
    GOOD_TILL_CANCEL = "GOOD_TILL_CANCEL"
    FILL_OR_KILL = "FILL_OR_KILL"
    IMMEDIATE_OR_CANCEL = "IMMEDIATE_OR_CANCEL"
    END_OF_WEEK = "END_OF_WEEK"
    END_OF_MONTH = "END_OF_MONTH"
    NEXT_END_OF_MONTH = "NEXT_END_OF_MONTH"


SESSIONS = frozenset({"NORMAL", "AM", "PM", "SEAMLESS"})
REFUSED_FIELDS = ("tag", "requestedDestination")
"""A body with one of these got 400 from Schwab (reliability.md 3.1, schwab-api.md 2.3)."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Hold a readable order; `on_increment` false leads to a rejection after the 201."""

    symbol: str
    instruction: Instruction
    order_type: OrderType
    quantity: int
    limit_e4: int | None
    duration: Duration
    session: str
    on_increment: bool

    def resized(self, quantity: int) -> "Ticket":
        """Give the same ticket for another quantity."""
        return replace(self, quantity=quantity)


@dataclass(frozen=True, slots=True)
class Refusals:
    """Hold why a body got 400."""

    reasons: tuple[str, ...]


def read_ticket(body: object, *, ioc: bool = False) -> Ticket | Refusals:
    """Read a POST body, already decoded from JSON; `ioc` says whether IMMEDIATE_OR_CANCEL is accepted."""
    if not isinstance(body, dict):
        return Refusals(("The request body must be a JSON object.",))
    legs = body.get("orderLegCollection")
    leg = legs[0] if isinstance(legs, list) and len(legs) == 1 else None
    if not isinstance(leg, dict):
        return Refusals(("orderLegCollection must hold exactly one leg.",))
    instrument = leg.get("instrument")
    symbol = instrument.get("symbol") if isinstance(instrument, dict) else None
    price = decimal_price(body.get("price"))
    order_type = body.get("orderType")
    reasons = [f"{name} is not allowed in a request." for name in REFUSED_FIELDS if name in body]
    reasons += _unknown_words(body, leg, ioc=ioc)
    if not isinstance(symbol, str) or not symbol:
        reasons.append("instrument.symbol is missing.")
    quantity = _whole(leg.get("quantity"))
    if quantity is None:
        reasons.append("quantity must be a positive whole number; fractional shares are not supported.")
    if order_type == OrderType.LIMIT and price is None:
        reasons.append("price must be a positive number for a LIMIT order.")
    if order_type == OrderType.MARKET and "price" in body:
        reasons.append("price is not allowed for a MARKET order.")
    if order_type == OrderType.MARKET and body.get("session") != "NORMAL":
        reasons.append("MARKET orders are for the NORMAL session only.")
    if reasons or quantity is None:
        return Refusals(tuple(reasons))
    return Ticket(
        symbol=str(symbol),
        instruction=Instruction(str(leg["instruction"])),
        order_type=OrderType(str(order_type)),
        quantity=quantity,
        limit_e4=None if price is None else to_e4(price),
        duration=Duration(str(body["duration"])),
        session=str(body["session"]),
        on_increment=price is None or on_increment(price),
    )


def _unknown_words(body: dict[str, object], leg: dict[str, object], *, ioc: bool) -> list[str]:
    # IMMEDIATE_OR_CANCEL is in Schwab's enum and yet refused (reliability.md 3.5).
    durations = frozenset(Duration) if ioc else frozenset(Duration) - {Duration.IMMEDIATE_OR_CANCEL}
    instrument = leg.get("instrument")
    asset_type = instrument.get("assetType") if isinstance(instrument, dict) else None
    given: tuple[tuple[str, object, frozenset[str]], ...] = (
        ("orderType", body.get("orderType"), frozenset(OrderType)),
        ("duration", body.get("duration"), durations),
        ("session", body.get("session"), SESSIONS),
        ("orderStrategyType", body.get("orderStrategyType"), frozenset({"SINGLE"})),
        ("instruction", leg.get("instruction"), frozenset(Instruction)),
        ("assetType", asset_type, frozenset({"EQUITY"})),
    )
    return [f"{name} {value!r} is not valid here." for name, value, words in given if value not in _texts(words)]


def _texts(words: frozenset[str]) -> list[str]:
    # A list, because an unhashable value from a body must compare unequal instead of failing.
    return [str(word) for word in words]


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if value > 0 and value == value // 1 else None
