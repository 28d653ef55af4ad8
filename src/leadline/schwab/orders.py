"""Owns how our orders look on the wire: the body of a POST, and what the broker's answer says of state and fills.

Never sends, never guesses a fill from a status.
Comes from intents and `BrokerOrder` answers; goes to the executor.
"""

from datetime import datetime

import msgspec

from leadline.core.fills import Fill
from leadline.core.intent import Intent
from leadline.core.orders import ENDED, OrderState, state_of
from leadline.core.ports import OrderNews
from leadline.core.units import NS_PER_S, price_e6, price_text
from leadline.schwab.rest import BrokerOrder

ENTERED_EARLY_NS = 2 * NS_PER_S
"""`enteredTime` has a resolution of 1 s (Schwab API facts 2.3) and may lie a little before our send."""


def order_body(intent: Intent, asset_type: str) -> bytes:
    """Render the body of a POST: a day order for the normal session, price as a string (Schwab API facts 2.3)."""
    order = intent.order
    body: dict[str, object] = {
        "orderType": order.order_type.value,
        "session": "NORMAL",
        "duration": "DAY",
        "orderStrategyType": "SINGLE",
    }
    if order.limit is not None:
        body["price"] = price_text(order.limit)
    instrument = {"symbol": order.symbol, "assetType": asset_type}
    body["orderLegCollection"] = [
        {"instruction": order.instruction.value, "quantity": order.qty, "instrument": instrument}
    ]
    return msgspec.json.encode(body)


def is_ours(answer: BrokerOrder, intent: Intent) -> bool:
    """Tell whether an order at the broker is the one that the intent asked for, field by field."""
    order = intent.order
    if len(answer.order_leg_collection) != 1:
        return False
    leg = answer.order_leg_collection[0]
    limit_e6 = None if order.limit is None else order.limit * 100
    return (
        leg.instrument.symbol == order.symbol
        and leg.instruction == order.instruction.value
        and leg.quantity == order.qty
        and answer.order_type == order.order_type.value
        and (limit_e6 is None or _number_e6(answer.price) == limit_e6)
    )


def was_entered_after(answer: BrokerOrder, sent_ns: int) -> bool:
    """Tell whether an order was entered at or after a send, as far as its resolution of 1 s can say."""
    entered_ns = time_ns_of(answer.entered_time)
    return entered_ns is not None and entered_ns >= sent_ns - ENTERED_EARLY_NS


def news_of(answer: BrokerOrder, intent: Intent) -> OrderNews:
    """Read an order's state and all its fills.

    A state that ends an order is believed only once the executions add up to `filledQuantity` (reliability 4).
    """
    fills = fills_of(answer, intent)
    state = state_of(answer.status)
    if state in ENDED and sum(fill.qty for fill in fills) != answer.filled_quantity:
        state = OrderState.WORKING
    return OrderNews(
        state,
        order_id=str(answer.order_id),
        fills=fills,
        broker_status=answer.status,
        reason=answer.status_description,
    )


def fills_of(answer: BrokerOrder, intent: Intent) -> tuple[Fill, ...]:
    """Read the executions that are fills; a cancelled order carries an execution too, which is none."""
    fills = []
    for number, activity in enumerate(answer.order_activity_collection):
        if activity.activity_type != "EXECUTION" or activity.execution_type != "FILL":
            continue
        activity_id = number if activity.activity_id is None else activity.activity_id
        for leg in activity.execution_legs:
            price = price_e6(leg.price)
            if price is None or leg.quantity != int(leg.quantity):
                raise ValueError(
                    f"order {answer.order_id}: execution of {leg.quantity} at {leg.price} cannot be booked"
                )
            qty = int(leg.quantity)
            fills.append(
                Fill(
                    key=f"{answer.order_id}/{activity_id}/{leg.leg_id}/{leg.time}/{qty}/{price}",
                    order_id=str(answer.order_id),
                    symbol=intent.order.symbol,
                    instruction=intent.order.instruction,
                    qty=qty,
                    price_e6=price,
                    fill_ns=time_ns_of(leg.time) or 0,
                )
            )
    return tuple(fills)


def time_ns_of(text: str) -> int | None:
    """Read a time such as 2025-12-09T19:11:00+0000; None if it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return round(moment.timestamp() * 1_000_000) * 1_000 if moment.tzinfo is not None else None


def _number_e6(price: float | str | None) -> int | None:
    try:
        return None if price is None else round(float(price) * 1_000_000)
    except ValueError:
        return None
