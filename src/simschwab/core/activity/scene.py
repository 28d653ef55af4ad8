"""Owns what every activity body shares: whose order, which quote, which moment, and the envelope around it.

Never knows a single message type.
Comes from the broker, goes to the bodies of entry, routes, fills and outs.
"""

from dataclasses import dataclass

import msgspec

from simschwab.core.listing import Listing
from simschwab.core.market import FieldValue
from simschwab.core.orders import Order
from simschwab.core.prices import book_price_e4, dotnet_e4, dotnet_size
from simschwab.core.ticket import Instruction
from simschwab.core.times import activity_time, new_york_date

ROUTE = "SIM_NMS_EQ_F1_Z1"
BUY_SELL = {
    Instruction.BUY: "Buy",
    Instruction.SELL: "Sell",
    Instruction.SELL_SHORT: "SellShort",
    Instruction.BUY_TO_COVER: "BuyToCover",
}
NO_MONEY = dotnet_e4(0)

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Activity:
    """Hold one message: its type and its data, a JSON text that goes into a JSON string."""

    kind: str
    data: str


@dataclass(frozen=True, slots=True)
class Scene:
    """Hold what every body needs: whose order it is, its listing, the quote and the moment."""

    account_number: str
    order: Order
    listing: Listing
    quote: dict[str, FieldValue]
    now_ns: int

    @property
    def stamp(self) -> Json:
        """The moment as activity bodies write it."""
        return moment(self.now_ns)

    @property
    def id_text(self) -> str:
        """The order's id, a text in these bodies."""
        return str(self.order.order_id)

    @property
    def price(self) -> Json:
        """The limit as a decimal; empty for a market order."""
        limit_e4 = self.order.ticket.limit_e4
        return {} if limit_e4 is None else dotnet_e4(limit_e4)


def subscribed() -> Activity:
    """Tell that a subscription stands; its data is empty."""
    return Activity("SUBSCRIBED", "")


def activity(scene: Scene, kind: str, key: str, body: Json) -> Activity:
    """Wrap a body as recorded: order and account, then the event under its own key."""
    event = {"EventType": kind, key: {"EventType": kind, **body}}
    data = {
        "SchwabOrderID": scene.id_text,
        "AccountNumber": scene.account_number,
        "BaseEvent": event,
    }
    return Activity(kind, msgspec.json.encode(data).decode())


def moment(now_ns: int) -> Json:
    """Write a moment."""
    return {"DateTimeString": activity_time(now_ns)}


def date(now_ns: int) -> Json:
    """Write a date."""
    return {"DateTimeString": new_york_date(now_ns)}


def execution_text(number: int, now_ns: int) -> str:
    """Write an execution id, which is what clients tell executions apart by."""
    return f"{new_york_date(now_ns).replace('-', '')}-EST-ngOMS-{number}"


def quote_of(scene: Scene) -> Json:
    """Write the quote at this moment."""
    bid_e4 = book_price_e4(scene.quote.get("1")) or 0
    ask_e4 = book_price_e4(scene.quote.get("2")) or 0
    return {
        "Ask": dotnet_e4(ask_e4),
        "AskSize": _size(scene.quote.get("5")),
        "Bid": dotnet_e4(bid_e4),
        "BidSize": _size(scene.quote.get("4")),
        "QuoteTimestamp": scene.stamp,
        "Symbol": scene.listing.symbol,
        "QuoteTypeCode": "Mark",
        "Mid": dotnet_e4((bid_e4 + ask_e4) // 2),
        "SchwabOrderID": scene.id_text,
    }


def _size(value: FieldValue) -> Json:
    return dotnet_size(value if isinstance(value, int) else 0)
