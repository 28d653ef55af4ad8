"""Owns how our orders look on the wire: the body of a POST, and what the broker's answer says of state and fills.

Never sends, never guesses a fill from a status.
Comes from intents and `BrokerOrder` answers; goes to the executor.
"""

from collections import Counter
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

ENTERED_LATE_NS = 60 * NS_PER_S
"""What was entered longer after our send is not ours: a person may have placed by hand what we lost."""

HAND_TAG = "API_TOS:"
"""How the tags of thinkorswim and of hand trades begin (reliability 3.1); ours never do, and a tag may be missing."""


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


def may_come_from(answer: BrokerOrder, sent_ns: int, waited_ns: int = 0) -> bool:
    """Tell whether an order can be what a send without an answer became: by its time, and no hand trade by its tag.

    `waited_ns`: how much later than `sent_ns` it may have been sent.
    """
    entered_ns = time_ns_of(answer.entered_time)
    if entered_ns is None or (answer.tag or "").startswith(HAND_TAG):
        return False
    return -ENTERED_EARLY_NS <= entered_ns - sent_ns <= ENTERED_LATE_NS + waited_ns


def is_older(answer: BrokerOrder, sent_ns: int) -> bool:
    """Tell whether an order was surely there before a send, even if one of the clocks is wrong by seconds."""
    entered_ns = time_ns_of(answer.entered_time)
    return entered_ns is not None and entered_ns < sent_ns - ENTERED_LATE_NS


def qty_of(answer: BrokerOrder) -> int | None:
    """Give the shares that an order of one leg asks for; None if it is no such order."""
    if len(answer.order_leg_collection) != 1:
        return None
    qty = answer.order_leg_collection[0].quantity
    return int(qty) if qty >= 1 and qty == int(qty) else None


def has_ended(news: OrderNews) -> bool:
    """Tell whether an order is at its end by the broker's own word, whatever executions are still missing."""
    return state_of(news.broker_status or "") in ENDED


def news_of(answer: BrokerOrder, intent: Intent, qty: int | None = None) -> OrderNews:
    """Read an order's state and all its fills; `qty` where it asks for other shares than the intent.

    A state that ends an order is believed only once the executions add up to `filledQuantity` (reliability 4), and
    FILLED only once they add up to the order. An order whose executions do is FILLED under whatever status: nothing of
    it is left to work.

    Raises:
        ValueError: an execution cannot be booked.
    """
    fills = fills_of(answer, intent)
    filled_qty = sum(fill.qty for fill in fills)
    state = state_of(answer.status)
    wanted = intent.order.qty if qty is None else qty
    is_agreed = filled_qty == answer.filled_quantity
    if state in ENDED and not (is_agreed and (state is not OrderState.FILLED or filled_qty >= wanted)):
        state = OrderState.WORKING
    elif state not in ENDED and is_agreed and filled_qty >= wanted:
        state = OrderState.FILLED
    return OrderNews(
        state,
        order_id=str(answer.order_id),
        fills=fills,
        broker_status=answer.status,
        reason=answer.status_description,
    )


def fills_of(answer: BrokerOrder, intent: Intent) -> tuple[Fill, ...]:
    """Read the executions that are fills; a cancelled order carries an execution too, which is none.

    Raises:
        ValueError: an execution cannot be booked.
    """
    fills: list[Fill] = []
    alike: Counter[str] = Counter()
    for activity in answer.order_activity_collection:
        if activity.activity_type != "EXECUTION" or activity.execution_type != "FILL":
            continue
        for leg in activity.execution_legs:
            price = price_e6(leg.price)
            if price is None or leg.quantity < 1 or leg.quantity != int(leg.quantity):
                raise ValueError(
                    f"order {answer.order_id}: execution of {leg.quantity:g} at {leg.price:g} cannot be booked"
                )
            qty = int(leg.quantity)
            told = f"{leg.leg_id}/{leg.time}/{qty}/{price}"
            # Without an id, executions that are told alike are counted: their place in the list may change.
            alike[told] += 1
            name = f"no{alike[told]}" if activity.activity_id is None else activity.activity_id
            fills.append(
                Fill(
                    key=f"{answer.order_id}/{name}/{told}",
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
