"""Owns our orders: what is asked for, their states as one table of legal moves, and the broker's statuses in our words.

Never sends anything.
Comes from `flip` and `risk`; goes to the journal, an executor and the `orders` table.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from leadline.core.units import increment_of


class Instruction(StrEnum):
    """What a leg does, in the broker's words (Schwab API facts 2.3)."""

    BUY = "BUY"
    SELL = "SELL"
    SELL_SHORT = "SELL_SHORT"
    BUY_TO_COVER = "BUY_TO_COVER"

    @property
    def sign(self) -> int:
        """Give +1 where a fill adds to the position, -1 where it takes from it."""
        return 1 if self in {Instruction.BUY, Instruction.BUY_TO_COVER} else -1

    @property
    def opens(self) -> bool:
        """Tell whether a fill opens or enlarges a position."""
        return self in {Instruction.BUY, Instruction.SELL_SHORT}


class OrderType(StrEnum):
    """How an order is priced."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"


class Order(msgspec.Struct, frozen=True):
    """One order as wanted: qty in shares, limit in 0.0001 dollars (None for a market order)."""

    symbol: str
    instruction: Instruction
    qty: int
    order_type: OrderType
    limit: int | None = None


def distinct(order: Order, others: Iterable[Order], touch: int | None) -> Order | None:
    """Give an order that equals none of ours that are open, unknown or lost; None if there is none (reliability F23).

    Without a client order id, two equal orders cannot be told apart once an answer is lost. A limit goes by increments
    towards `touch` (the ask of a buy, the bid of a sale, in 0.0001 dollars), never past it and never beyond its cap.
    """
    taken = set(others)
    while order in taken:
        if order.limit is None or touch is None:
            return None
        is_buy = order.instruction.sign > 0
        limit = order.limit - increment_of(order.limit - 1) if is_buy else order.limit + increment_of(order.limit)
        if limit < touch if is_buy else limit > touch:
            return None
        order = msgspec.structs.replace(order, limit=limit)
    return order


class OrderState(StrEnum):
    """Where an order of ours stands."""

    SENDING = "SENDING"
    NOT_SENT = "NOT_SENT"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"
    LOST_PRESUMED = "LOST_PRESUMED"
    ACCEPTED = "ACCEPTED"
    WORKING = "WORKING"
    PENDING_CANCEL = "PENDING_CANCEL"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    REPLACED = "REPLACED"


_S = OrderState
_LIVE = frozenset({_S.ACCEPTED, _S.WORKING, _S.PENDING_CANCEL})
_ENDED = frozenset({_S.FILLED, _S.CANCELED, _S.REJECTED, _S.EXPIRED, _S.REPLACED})
_AFTER_ANSWER = _LIVE | _ENDED

LEGAL_MOVES: dict[OrderState, frozenset[OrderState]] = {
    _S.SENDING: _AFTER_ANSWER | {_S.NOT_SENT, _S.REFUSED, _S.UNKNOWN, _S.LOST_PRESUMED},
    _S.NOT_SENT: frozenset(),
    _S.REFUSED: frozenset(),
    # A submit without an answer may turn out to be anything the broker knows (reliability 4, step 5).
    _S.UNKNOWN: _AFTER_ANSWER | {_S.LOST_PRESUMED},
    # NOT_SENT once the account shows that it never had an effect.
    _S.LOST_PRESUMED: _AFTER_ANSWER | {_S.NOT_SENT, _S.UNKNOWN},
    # UNKNOWN when the broker's answer about a live order cannot be read, LOST_PRESUMED when it was replaced by others.
    _S.ACCEPTED: _AFTER_ANSWER | {_S.UNKNOWN, _S.LOST_PRESUMED},
    _S.WORKING: _AFTER_ANSWER | {_S.UNKNOWN, _S.LOST_PRESUMED},
    _S.PENDING_CANCEL: _AFTER_ANSWER | {_S.UNKNOWN, _S.LOST_PRESUMED},
    # A late fill after the end is legal (reliability 4), and moves the order to FILLED.
    _S.CANCELED: frozenset({_S.FILLED}),
    _S.EXPIRED: frozenset({_S.FILLED}),
    _S.REPLACED: frozenset({_S.FILLED}),
    _S.FILLED: frozenset(),
    _S.REJECTED: frozenset(),
}
"""From a state to the states that may follow; the same state again is always legal and changes nothing."""

ENDED = _ENDED | {_S.NOT_SENT, _S.REFUSED}
"""States in which nothing more is expected of an order."""

BROKER_STATUS: dict[str, OrderState] = {
    "AWAITING_PARENT_ORDER": _S.ACCEPTED,
    "AWAITING_CONDITION": _S.ACCEPTED,
    "AWAITING_STOP_CONDITION": _S.ACCEPTED,
    "AWAITING_MANUAL_REVIEW": _S.ACCEPTED,
    "ACCEPTED": _S.ACCEPTED,
    "AWAITING_UR_OUT": _S.PENDING_CANCEL,
    "PENDING_ACTIVATION": _S.ACCEPTED,
    "QUEUED": _S.ACCEPTED,
    "WORKING": _S.WORKING,
    "REJECTED": _S.REJECTED,
    "PENDING_CANCEL": _S.PENDING_CANCEL,
    "CANCELED": _S.CANCELED,
    "PENDING_REPLACE": _S.WORKING,
    "REPLACED": _S.REPLACED,
    "FILLED": _S.FILLED,
    "EXPIRED": _S.EXPIRED,
    "NEW": _S.ACCEPTED,
    "AWAITING_RELEASE_TIME": _S.ACCEPTED,
    "PENDING_ACKNOWLEDGEMENT": _S.ACCEPTED,
    "PENDING_RECALL": _S.WORKING,
    "UNKNOWN": _S.WORKING,
}
"""The 21 statuses of the broker (Schwab API facts 2.3). There is no PARTIALLY_FILLED."""


KEPT_FOR_LATER = frozenset({"AWAITING_RELEASE_TIME", "PENDING_ACTIVATION", "QUEUED"})
"""Statuses of an order that is not at the market yet: outside of hours the broker keeps it for the next session."""


def state_of(broker_status: str) -> OrderState:
    """Read a broker's status; one that is not in the table counts as live (reliability 4)."""
    return BROKER_STATUS.get(broker_status, OrderState.WORKING)
