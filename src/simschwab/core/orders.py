"""Owns an order and the one table of its legal moves.

Never changes a status outside the table.
Comes from the broker, goes to REST answers, activity bodies and the ledger.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from simschwab.core.ticket import Ticket


class Status(StrEnum):
    """Name the 21 statuses of Schwab's enum (schwab-api.md 2.3); there is no PARTIALLY_FILLED."""

    AWAITING_PARENT_ORDER = "AWAITING_PARENT_ORDER"
    AWAITING_CONDITION = "AWAITING_CONDITION"
    AWAITING_STOP_CONDITION = "AWAITING_STOP_CONDITION"
    AWAITING_MANUAL_REVIEW = "AWAITING_MANUAL_REVIEW"
    ACCEPTED = "ACCEPTED"
    AWAITING_UR_OUT = "AWAITING_UR_OUT"
    PENDING_ACTIVATION = "PENDING_ACTIVATION"
    QUEUED = "QUEUED"
    WORKING = "WORKING"
    REJECTED = "REJECTED"
    PENDING_CANCEL = "PENDING_CANCEL"
    CANCELED = "CANCELED"
    PENDING_REPLACE = "PENDING_REPLACE"
    REPLACED = "REPLACED"
    FILLED = "FILLED"
    EXPIRED = "EXPIRED"
    NEW = "NEW"
    AWAITING_RELEASE_TIME = "AWAITING_RELEASE_TIME"
    PENDING_ACKNOWLEDGEMENT = "PENDING_ACKNOWLEDGEMENT"
    PENDING_RECALL = "PENDING_RECALL"
    UNKNOWN = "UNKNOWN"


S = Status
_OUT_WITH_REST = frozenset({S.CANCELED, S.EXPIRED, S.REPLACED})
TERMINAL = frozenset({S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED, S.REPLACED})

_ENDS = TERMINAL | {S.PENDING_CANCEL, S.PENDING_REPLACE}
_TO_MARKET = frozenset({S.ACCEPTED, S.QUEUED, S.PENDING_ACTIVATION, S.PENDING_ACKNOWLEDGEMENT, S.WORKING})
_WAITING = _ENDS | _TO_MARKET
_OUT = TERMINAL | {S.WORKING, S.AWAITING_UR_OUT}

MOVES: dict[Status, frozenset[Status]] = {
    S.NEW: _WAITING
    | {
        S.AWAITING_PARENT_ORDER,
        S.AWAITING_CONDITION,
        S.AWAITING_STOP_CONDITION,
        S.AWAITING_MANUAL_REVIEW,
        S.AWAITING_RELEASE_TIME,
    },
    S.AWAITING_PARENT_ORDER: _WAITING | {S.AWAITING_CONDITION, S.AWAITING_STOP_CONDITION},
    S.AWAITING_CONDITION: _WAITING,
    S.AWAITING_STOP_CONDITION: _WAITING,
    S.AWAITING_MANUAL_REVIEW: _WAITING,
    S.AWAITING_RELEASE_TIME: _WAITING,
    S.PENDING_ACTIVATION: _WAITING - {S.PENDING_ACTIVATION},
    S.PENDING_ACKNOWLEDGEMENT: _WAITING - {S.PENDING_ACKNOWLEDGEMENT, S.PENDING_ACTIVATION},
    S.ACCEPTED: _ENDS | {S.QUEUED, S.WORKING},
    S.QUEUED: _ENDS | {S.WORKING, S.PENDING_RECALL},
    S.WORKING: _ENDS | {S.AWAITING_UR_OUT, S.PENDING_RECALL},
    # A cancel can lose the race to a fill, or be refused and leave the order working.
    S.PENDING_CANCEL: _OUT,
    S.PENDING_REPLACE: _OUT,
    S.PENDING_RECALL: _OUT,
    S.AWAITING_UR_OUT: TERMINAL,
    S.UNKNOWN: frozenset(Status) - {S.UNKNOWN, S.NEW},
    **{terminal: frozenset() for terminal in TERMINAL},
}
"""Every status' legal successors. A late fill after CANCELED is a fault of the real broker, not a move here."""


class IllegalMoveError(Exception):
    """Say which order tried which move that the table does not hold."""


@dataclass(frozen=True, slots=True)
class Fill:
    """Hold one execution of an order and when it happened."""

    execution_id: int
    quantity: int
    price_e4: int
    filled_ns: int


@dataclass(slots=True)
class Order:
    """Hold one order's life; `description` says why it was rejected."""

    order_id: int
    ticket: Ticket
    tag: str
    entered_ns: int
    status: Status = Status.PENDING_ACTIVATION
    description: str = ""
    fills: list[Fill] = field(default_factory=list)
    closed_ns: int | None = None
    canceled_quantity: int = 0
    listed_ns: int = 0
    """From when lists show it; until then only a GET of the order itself does."""
    held: bool = False
    """Whether it meets no counterparty, whatever the book shows."""
    ahead: int | None = None
    """Shares that stand before it in the queue at its limit; None while it does not rest."""
    successor_id: int | None = None
    """The order that replaced it."""
    shown_status: str = ""
    """A status text that clients see in place of the true one."""

    @property
    def filled(self) -> int:
        """Shares filled so far."""
        return sum(fill.quantity for fill in self.fills)

    @property
    def open_quantity(self) -> int:
        """Shares that can still be filled; 0 once terminal."""
        return 0 if self.status in TERMINAL else max(0, self.ticket.quantity - self.filled)

    @property
    def live(self) -> bool:
        """Whether anything can still happen to it."""
        return self.status not in TERMINAL

    def can_move(self, status: Status) -> bool:
        """Tell whether the table holds a move to this status."""
        return status in MOVES[self.status]

    def move(self, status: Status, now_ns: int) -> None:
        """Change the status.

        Raises:
            IllegalMoveError: the table does not hold this move.
        """
        if not self.can_move(status):
            raise IllegalMoveError(f"order {self.order_id}: {self.status} to {status} is not a legal move")
        if status in _OUT_WITH_REST:
            self.canceled_quantity = self.open_quantity
        self.status = status
        if status in TERMINAL:
            self.closed_ns = now_ns

    def fill(self, fill: Fill) -> None:
        """Add an execution; filled whole, the order is FILLED."""
        assert 0 < fill.quantity <= self.open_quantity, (self, fill)
        self.fills.append(fill)
        if self.filled == self.ticket.quantity:
            self.move(Status.FILLED, fill.filled_ns)

    def fill_late(self, fill: Fill) -> None:
        """Add an execution that comes after the end, or beyond the quantity: a fault of the real broker, no move."""
        self.fills.append(fill)
        self.canceled_quantity = max(0, self.canceled_quantity - fill.quantity)
        if self.filled >= self.ticket.quantity:
            self.status = Status.FILLED
            self.closed_ns = fill.filled_ns
