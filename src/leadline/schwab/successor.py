"""Owns which order took the place of one that was replaced at the broker, not by us (reliability F29).

Never asks, never guesses between two.
Comes from `pursuit` and `search` with what the broker lists; goes back as the orders that can have.
"""

from collections.abc import Callable

from leadline.core.intent import Intent
from leadline.core.orders import OrderState, state_of
from leadline.schwab.orders import ENTERED_LATE_NS, is_ours, may_come_from, qty_of, time_ns_of
from leadline.schwab.rest import BrokerOrder

CHAIN_MAX = 10
"""Orders that one intent may become; whatever replaces it more often is no broker that can be followed."""


def is_replaced(answer: BrokerOrder) -> bool:
    """Tell whether another order took this one's place."""
    return state_of(answer.status) is OrderState.REPLACED


def linked_ids(answer: BrokerOrder) -> list[str]:
    """Read the ids that an order names as its replacing ones: objects with an orderId, numbers or texts."""
    links = answer.replacing_order_collection
    ids: list[str] = []
    for link in links if isinstance(links, list) else [links]:
        number = link.get("orderId") if isinstance(link, dict) else link
        text = str(number)
        if text.isascii() and text.isdigit() and text != str(answer.order_id) and text not in ids:
            ids.append(text)
    return ids


def continues(answer: BrokerOrder, intent: Intent) -> bool:
    """Tell whether an order asks for the intent's symbol on its side, whatever its price, type and quantity."""
    if qty_of(answer) is None:
        return False
    leg = answer.order_leg_collection[0]
    return leg.instrument.symbol == intent.order.symbol and leg.instruction == intent.order.instruction.value


def successors_of(
    replaced: BrokerOrder, listed: list[BrokerOrder], intent: Intent, seen_ns: int, is_taken: Callable[[str], bool]
) -> list[BrokerOrder]:
    """Give the orders that can have taken the place of one that was seen as replaced at `seen_ns`.

    The ones that it names, if any is listed; else those of its symbol and side that were entered since it was and not
    long after its end, whatever their tag. `is_taken` tells ids that are known to be something else.
    """
    free = [
        order
        for order in listed
        if order.order_id != replaced.order_id and continues(order, intent) and not is_taken(str(order.order_id))
    ]
    linked = set(linked_ids(replaced))
    if linked:
        return [order for order in free if str(order.order_id) in linked]
    since_ns = time_ns_of(replaced.entered_time)
    until_ns = (time_ns_of(replaced.close_time or "") or seen_ns) + ENTERED_LATE_NS
    return [
        order
        for order in free
        if since_ns is not None and since_ns <= (time_ns_of(order.entered_time) or 0) <= until_ns
    ]


def root_of(order_id: str, listed: list[BrokerOrder], intent: Intent, sent: tuple[int, int], seen_ns: int) -> str:
    """Give the order with which a chain of replaced ones begins that leads to this one; the order itself if none does.

    An earlier run knew the newest of a chain; the executions of all of them are the intent's. `sent`: when the intent
    was sent, and how much later it may have been.
    """
    roots = [order for order in listed if is_replaced(order) and is_ours(order, intent) and may_come_from(order, *sent)]
    for root in roots:
        seen = {str(root.order_id)}
        current: BrokerOrder | None = root
        while current is not None and is_replaced(current) and len(seen) <= CHAIN_MAX:
            following = successors_of(current, listed, intent, seen_ns, seen.__contains__)
            current = following[0] if len(following) == 1 else None
            if current is not None:
                seen.add(str(current.order_id))
        if order_id in seen and str(root.order_id) != order_id:
            return str(root.order_id)
    return order_id
