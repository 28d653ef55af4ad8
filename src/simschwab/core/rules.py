"""Owns the reasons for which an order is rejected after its 201.

Never looks at the lagging account view: the broker knows its own books.
Comes from a ticket and what the broker knows around it; goes to the broker and the preview as a rejection.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from simschwab.core.orders import Order
from simschwab.core.settings import Settings, symbols_in
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


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Hold what a ticket is judged by: `live` are the symbol's orders neither ended nor doomed, prices 0 if unknown."""

    position: int
    live: tuple[Order, ...]
    price_e4: int
    market_e4: int
    power_e4: int
    known: bool = True
    session_open: bool = True


# schwab-api.md 2.3 and 2.4 name Position_Sys_0001, Account_Sys_0005, "must be placed with a broker" and the far-away
# text; which rule says the rest, and the other texts, are assumptions [?]. Names that begin with Sim_ are ours.
_BROKER = Rejection("Sim_Broker_Placed", "Opening transactions for this security must be placed with a broker.")
_HARD = Rejection("Sim_Hard_To_Borrow", "This security is hard to borrow: no shares are available to sell short.")
_NOT_SHORTABLE = Rejection("Sim_Not_Shortable", "This security cannot be sold short.")
_FAR = Rejection("Sim_Far_Limit", "Your limit price is significantly away from the current market price.")
_INCREMENT = Rejection("Sim_Price_Increment", "price must have 2 decimals from $1 up and 4 below.")
_UNKNOWN = Rejection("Sim_Unknown_Symbol", "This symbol is not known.")
_CLOSED = Rejection("Sim_Session_Closed", "The session of this order is closed.")
_POWER = Rejection("Account_Sys_0005", "This order exceeds the buying power of the account.")


class Rules:
    """Judge tickets by the rules and lists of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._far_percent = settings.far_limit_percent
        self._power = settings.buying_power
        self._broker_placed = symbols_in(settings.broker_placed)
        self._hard = symbols_in(settings.hard_to_borrow)
        self._not_shortable = symbols_in(settings.not_shortable)

    def rejection_of(self, ticket: Ticket, seen: Circumstances) -> Rejection | None:
        """Give the first rule a ticket breaks at entry."""
        short = ticket.instruction is Instruction.SELL_SHORT
        opening = ticket.instruction.opening
        broken = (
            (not seen.known, _UNKNOWN),
            (not ticket.on_increment, _INCREMENT),
            (not seen.session_open, _CLOSED),
            (self._is_far(ticket, seen.market_e4), _FAR),
            (opening and ticket.symbol in self._broker_placed, _BROKER),
            (short and ticket.symbol in self._not_shortable, _NOT_SHORTABLE),
            (short and ticket.symbol in self._hard, _HARD),
        )
        for is_broken, rejection in broken:
            if is_broken:
                return rejection
        # That open orders count is an assumption [?].
        text = _position_text(ticket, seen.position, _open_quantity(seen.live))
        if text:
            return Rejection("Position_Sys_0001", text)
        if self._power and opening and ticket.quantity * seen.price_e4 > seen.power_e4:
            return _POWER
        return None

    def shortability(self, symbol: str) -> tuple[bool, bool]:
        """Give (shortable, hard to borrow) as quotes and level one tell them."""
        return symbol not in self._not_shortable, symbol in self._hard

    def _is_far(self, ticket: Ticket, market_e4: int) -> bool:
        if not self._far_percent or ticket.limit_e4 is None or not market_e4:
            return False
        return abs(ticket.limit_e4 - market_e4) * 100 > market_e4 * self._far_percent


def _open_quantity(live: Iterable[Order]) -> dict[Instruction, int]:
    open_quantity = dict.fromkeys(Instruction, 0)
    for order in live:
        open_quantity[order.ticket.instruction] += order.open_quantity
    return open_quantity


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
