"""Owns the orders of the account that are not ours, and their fills: trades by hand, or of another app.

Never touches one.
Comes from the day's list of orders by way of `hand_trades`; goes to locks, rows and the reasons that people read.
"""

import msgspec

from leadline.core.orders import ENDED, state_of

HAND_TAG = "API_TOS:"
"""How the tags of thinkorswim and of the telephone app begin (reliability 3.1)."""

APP_TAG = "TA_"
"""How the tags of orders begin that an app of the developer portal entered (one field report, reliability 3.1)."""


class HandFill(msgspec.Struct, frozen=True):
    """An execution of an order that is not ours: shares, dollars, UTC."""

    key: str
    order_id: str
    symbol: str
    instruction: str
    qty: float
    price: float | None
    tag: str | None
    fill_ns: int

    @property
    def signed_qty(self) -> float:
        """Give the change of the broker's number in shares."""
        return self.qty * sign_of(self.instruction)

    @property
    def text(self) -> str:
        """Say in one line who did what."""
        price = "" if self.price is None else f" at {self.price:g}"
        return f"order {self.order_id} {self.instruction} {self.qty:g}{price} ({kind_of(self.tag)})"


class ExternalOrder(msgspec.Struct, frozen=True):
    """An order that is not ours as the broker lists it: shares, dollars (None at the market), UTC."""

    order_id: str
    symbol: str
    instruction: str
    qty: float
    filled_qty: float
    price: float | None
    status: str
    tag: str | None
    entered_ns: int | None
    fills: tuple[HandFill, ...] = ()

    @property
    def is_working(self) -> bool:
        """Tell whether it may still be filled."""
        return state_of(self.status) not in ENDED and self.filled_qty < self.qty

    @property
    def signed_leaves(self) -> float:
        """Give what it may still add to the broker's number, in shares."""
        return (self.qty - self.filled_qty) * sign_of(self.instruction) if self.is_working else 0.0


def sign_of(instruction: str) -> int:
    """Give +1 where a fill adds to the position, -1 where it takes from it; option words and new ones by their stem."""
    return 1 if instruction.startswith("BUY") else -1


def kind_of(tag: str | None) -> str:
    """Say by its tag who entered an order that is not ours."""
    if tag is None:
        return "no tag"
    if tag.startswith(HAND_TAG):
        return f"by hand, {tag}"
    return "another app, or leadline with another database" if tag.startswith(APP_TAG) else tag
