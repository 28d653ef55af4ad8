"""Owns an order as REST shows it.

Never invents PARTIALLY_FILLED: what is filled is in the quantities.
Comes from orders, goes to REST answers.
"""

from simschwab.core.listing import Listing
from simschwab.core.orders import Fill, Order, Status
from simschwab.core.prices import dollars
from simschwab.core.times import order_time

_EDITABLE = frozenset({Status.WORKING, Status.QUEUED, Status.ACCEPTED})


def order_view(order: Order, account_number: str, listing: Listing) -> dict[str, object]:
    """Give an order's JSON (schwab-api.md 2.3)."""
    ticket = order.ticket
    view: dict[str, object] = {
        "session": ticket.session,
        "duration": ticket.duration,
        "orderType": ticket.order_type,
        "complexOrderStrategyType": "NONE",
        "quantity": float(ticket.quantity),
        "filledQuantity": float(order.filled),
        "remainingQuantity": float(order.open_quantity),
        "requestedDestination": "AUTO",
        "destinationLinkName": "SIM",
    }
    if ticket.limit_e4 is not None:
        view["price"] = dollars(ticket.limit_e4)
    view |= {
        "orderLegCollection": [_leg(order, listing)],
        "orderStrategyType": "SINGLE",
        "orderId": order.order_id,
        "cancelable": order.live and order.status is not Status.PENDING_CANCEL,
        "editable": order.status in _EDITABLE,
        "status": order.shown_status or order.status,
        "enteredTime": order_time(order.entered_ns),
        "tag": order.tag,
        "accountNumber": int(account_number),
    }
    if order.closed_ns is not None:
        view["closeTime"] = order_time(order.closed_ns)
    if order.successor_id is not None:
        # The field is in Schwab's description; what it holds is an assumption [?].
        view["replacingOrderCollection"] = [{"orderId": order.successor_id}]
    if order.description:
        view["statusDescription"] = order.description
    activities = _activities(order, int(listing.cusip))
    if activities:
        view["orderActivityCollection"] = activities
    return view


def _leg(order: Order, listing: Listing) -> dict[str, object]:
    instruction = order.ticket.instruction
    return {
        "orderLegType": "EQUITY",
        "legId": 1,
        "instrument": {
            "assetType": "EQUITY",
            "cusip": listing.cusip,
            "symbol": listing.symbol,
            "instrumentId": int(listing.cusip),
        },
        "instruction": instruction,
        "positionEffect": "OPENING" if instruction.opening else "CLOSING",
        "quantity": float(order.ticket.quantity),
    }


def _activities(order: Order, instrument_id: int) -> list[dict[str, object]]:
    activities = []
    remaining = order.ticket.quantity
    for fill in order.fills:
        remaining -= fill.quantity
        activities.append(_execution(fill, "FILL", remaining, instrument_id))
    if order.status is Status.CANCELED and order.closed_ns is not None:
        # The documented trap: a cancel is an EXECUTION activity too, with leg quantities (schwab-api.md 2.3).
        canceled = Fill(order.order_id, order.canceled_quantity, 0, order.closed_ns)
        activities.append(_execution(canceled, "CANCELED", 0, instrument_id))
    return activities


def _execution(fill: Fill, kind: str, remaining: int, instrument_id: int) -> dict[str, object]:
    leg = {
        "legId": 1,
        "quantity": float(fill.quantity),
        "mismarkedQuantity": 0.0,
        "price": dollars(fill.price_e4),
        "time": order_time(fill.filled_ns),
        "instrumentId": instrument_id,
    }
    return {
        "activityType": "EXECUTION",
        "activityId": fill.execution_id,
        "executionType": kind,
        "quantity": float(fill.quantity),
        "orderRemainingQuantity": float(remaining),
        "executionLegs": [leg],
    }
