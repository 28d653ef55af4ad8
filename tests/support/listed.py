"""Owns orders as the broker lists them, for tests of what is not ours.

Never is an order of ours unless a test says so.
Comes from tests; goes to `take_list` and the looks.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from leadline.core.units import NS_PER_S
from leadline.schwab.rest import Activity, BrokerOrder, ExecutionLeg, Instrument, OrderLeg


def text_of(wall_ns: int) -> str:
    """A time as the broker writes it."""
    return f"{datetime.fromtimestamp(wall_ns // NS_PER_S, UTC):%Y-%m-%dT%H:%M:%S}+0000"


def listed(
    order_id: int, instruction: str, qty: float, entered_ns: int, *, filled: float = 0, symbol: str = "F", **more: Any
) -> BrokerOrder:
    """An order by hand, filled so far in one execution, at 13.12."""
    at = text_of(entered_ns)
    fill = Activity("EXECUTION", "FILL", order_id, [ExecutionLeg(filled, 13.12, at, 1)])
    order = BrokerOrder(
        order_id,
        status="FILLED" if filled >= qty else "WORKING",
        order_type="LIMIT",
        quantity=qty,
        filled_quantity=filled,
        price=13.12,
        entered_time=at,
        tag="API_TOS:IPHONE",
        order_leg_collection=[OrderLeg(Instrument(symbol), instruction, qty)],
        order_activity_collection=[fill] if filled else [],
    )
    return msgspec.structs.replace(order, **more)
