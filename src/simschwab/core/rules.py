"""Owns the reasons for which an order is rejected after its 201.

Never looks at the lagging account view: the broker knows its own books.
Comes from a ticket, the true position and the symbol's live orders; goes to the broker as a rejection.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from simschwab.core.orders import Order
from simschwab.core.ticket import Instruction, Ticket


@dataclass(frozen=True, slots=True)
class Rejection:
    """Name the broken rule and what it says."""

    rule: str
    text: str

    @property
    def description(self) -> str:
        """The order's statusDescription."""
        return f"{self.rule}: {self.text}"


def rejection_of(ticket: Ticket, position: int, live: Iterable[Order]) -> Rejection | None:
    """Judge a ticket at entry; `live` are the symbol's orders that are not terminal nor already doomed."""
    if not ticket.on_increment:
        # Users met such rejects (schwab-api.md 2.3); the rule's real name is unknown, this one is ours.
        return Rejection("Sim_Price_Increment", "price must have 2 decimals from $1 up and 4 below.")
    open_quantity = dict.fromkeys(Instruction, 0)
    for order in live:
        open_quantity[order.ticket.instruction] += order.open_quantity
    text = _position_text(ticket, position, open_quantity)
    # schwab-api.md 2.3 names the rule; its wording and that open orders count are assumptions [?].
    return Rejection("Position_Sys_0001", text) if text else None


def _position_text(ticket: Ticket, position: int, open_quantity: dict[Instruction, int]) -> str | None:
    match ticket.instruction:
        case Instruction.SELL if ticket.quantity + open_quantity[Instruction.SELL] > max(position, 0):
            return "This order may result in an oversold position."
        case Instruction.BUY_TO_COVER if ticket.quantity + open_quantity[Instruction.BUY_TO_COVER] > max(-position, 0):
            return "This order may result in an overbought position."
        case Instruction.SELL_SHORT if position > 0 or open_quantity[Instruction.BUY]:
            return "This order may result in a boxed position: the account is or may become long."
        case Instruction.BUY if position < 0 or open_quantity[Instruction.SELL_SHORT]:
            return "This order may result in a boxed position: the account is or may become short."
        case _:
            return None
