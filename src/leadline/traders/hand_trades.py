"""Owns which of the account's orders are not ours, and the lock on a symbol in which one of them was filled.

Never touches such an order, and never lets its fills move what is ours or the baseline (design 6).
Comes from the day's list of orders; goes to the ledger's holdings and to rows.
"""

from collections.abc import Sequence

from leadline.core.external import ExternalOrder, HandFill
from leadline.core.intent import Intent
from leadline.core.orders import OrderState, state_of
from leadline.schwab.orders import ENTERED_LATE_NS, is_ours, may_come_from, time_ns_of
from leadline.schwab.rest import BrokerOrder, OrderLeg
from leadline.traders import locks
from leadline.traders.ledger import Ledger


def take_list(
    ledger: Ledger, listed: list[BrokerOrder], symbols: Sequence[str], now_ns: int, *, locks_now: bool
) -> list[ExternalOrder]:
    """Take in the day's orders: keep what works and what was filled by others, and give all that are not ours.

    `locks_now` is False where an account read follows at once and nothing can be opened before it.
    """
    external = external_of(ledger, listed, frozenset(symbols))
    ids = {order.order_id for order in external}
    by_symbol: dict[str, list[ExternalOrder]] = {}
    for order in external:
        by_symbol.setdefault(order.symbol, []).append(order)
    for symbol in symbols:
        orders = by_symbol.get(symbol, [])
        hands = ledger.holding(symbol).hands
        hands.working = tuple(order for order in orders if order.is_working)
        known = {fill.key: fill for order in orders for fill in order.fills}
        # What has proved to be ours meanwhile is no trade by hand; one of yesterday is no longer listed and stays.
        for key, fill in list(hands.fills.items()):
            if fill.order_id in ledger.order_ids or (key not in known and fill.order_id in ids):
                del hands.fills[key]
        for key, fill in known.items():
            _take_fill(ledger, key, fill, now_ns)
        if not hands.fills:
            ledger.unlock(symbol, locks.HAND)
        elif locks_now:
            lock_hand_trades(ledger, symbol)
    return external


def _take_fill(ledger: Ledger, key: str, fill: HandFill, now_ns: int) -> None:
    """Keep a fill that the baseline may not hold and after which the account has not agreed yet."""
    holding = ledger.holding(fill.symbol)
    hands = holding.hands
    if key in hands.fills or key in hands.settled:
        return
    taken_ns = now_ns if holding.baseline is None else holding.baseline.taken_ns
    if fill.fill_ns <= taken_ns - ledger.lag_ns:  # an account read shows surely what is older
        hands.settled.add(key)
        return
    hands.fills[key] = fill
    seen_ns = ledger.boot_ns_of(fill.fill_ns)
    hands.seen_boot_ns = max(seen_ns, seen_ns if hands.seen_boot_ns is None else hands.seen_boot_ns)


def lock_hand_trades(ledger: Ledger, symbol: str) -> None:
    """Close a symbol in which somebody else traded since the account last agreed, and name what was done."""
    fills = ledger.holding(symbol).hands.fills
    if not fills:
        return
    last = max(fills.values(), key=lambda fill: fill.fill_ns)
    more = f" and {len(fills) - 1} more fills" if len(fills) > 1 else ""
    why = (
        f"hand trade: {last.text}{more}. It is left alone; nothing is opened until the account agrees again,"
        f" or a person types: leadline adopt {symbol} --ours N"
    )
    ledger.lock(symbol, locks.HAND, why)


def external_of(ledger: Ledger, listed: list[BrokerOrder], symbols: frozenset[str]) -> list[ExternalOrder]:
    """Give the legs in these symbols of orders that are not ours and cannot become so."""
    ours = [order for order in listed if str(order.order_id) in ledger.order_ids]
    replaced = [order for order in ours if state_of(order.status) is OrderState.REPLACED]
    intents = [tracked.intent for tracked in ledger.open_orders.values() if tracked.order_id is None]
    return [
        _external(order, leg)
        for order in listed
        for leg in order.order_leg_collection
        if leg.instrument.symbol in symbols
        and str(order.order_id) not in ledger.order_ids
        and not _may_be_ours(order, intents, replaced)
    ]


def _may_be_ours(order: BrokerOrder, intents: list[Intent], replaced: list[BrokerOrder]) -> bool:
    """Tell whether an order can be one whose id is not known yet: a send without an answer, or put in place of ours."""
    if any(is_ours(order, intent) and may_come_from(order, intent.decide_ns) for intent in intents):
        return True
    return any(_may_replace(order, other) for other in replaced)


def _may_replace(order: BrokerOrder, replaced: BrokerOrder) -> bool:
    began_ns, ended_ns = time_ns_of(replaced.entered_time), time_ns_of(replaced.close_time or "")
    entered_ns = time_ns_of(order.entered_time)
    if began_ns is None or entered_ns is None or _asked(order) != _asked(replaced):
        return False
    return began_ns <= entered_ns and (ended_ns is None or entered_ns <= ended_ns + ENTERED_LATE_NS)


def _asked(order: BrokerOrder) -> list[tuple[str, str]]:
    return [(leg.instrument.symbol, leg.instruction) for leg in order.order_leg_collection]


def _external(order: BrokerOrder, leg: OrderLeg) -> ExternalOrder:
    order_id = str(order.order_id)
    return ExternalOrder(
        order_id=order_id,
        symbol=leg.instrument.symbol,
        instruction=leg.instruction,
        qty=leg.quantity or order.quantity,
        filled_qty=order.filled_quantity,
        price=_dollars(order.price),
        status=order.status,
        tag=order.tag,
        entered_ns=time_ns_of(order.entered_time),
        fills=tuple(_fills(order, leg)),
    )


def _fills(order: BrokerOrder, leg: OrderLeg) -> list[HandFill]:
    """Read what was filled; where executions do not tell it, the filled quantity as of the order's last time."""
    order_id, symbol = str(order.order_id), leg.instrument.symbol
    entered_ns = time_ns_of(order.entered_time) or 0
    fills = [
        HandFill(
            key=f"{order_id}/{symbol}/{activity.activity_id or number}/{part.leg_id}/{part.time}/{part.quantity:g}",
            order_id=order_id,
            symbol=symbol,
            instruction=leg.instruction,
            qty=part.quantity,
            price=part.price,
            tag=order.tag,
            fill_ns=time_ns_of(part.time) or entered_ns,
        )
        for number, activity in enumerate(order.order_activity_collection)
        if activity.activity_type == "EXECUTION" and activity.execution_type == "FILL"
        for part in activity.execution_legs
    ]
    missing = order.filled_quantity - sum(fill.qty for fill in fills)
    if missing > 0:
        key = f"{order_id}/{symbol}/untold/{order.filled_quantity:g}"
        when_ns = time_ns_of(order.close_time or "") or entered_ns
        fills.append(HandFill(key, order_id, symbol, leg.instruction, missing, None, order.tag, when_ns))
    return fills


def _dollars(price: float | str | None) -> float | None:
    try:
        return None if price is None else float(price)
    except ValueError:
        return None
