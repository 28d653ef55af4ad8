"""Owns the fill: shares that changed hands, counted once by its key.

Never is guessed from a status: only an execution makes one.
Comes from the broker's order answer or the paper broker; goes to the ledger and the `fills` table.
"""

import msgspec

from leadline.core.orders import Instruction


class Fill(msgspec.Struct, frozen=True):
    """One execution: qty in shares, price in 0.000001 dollars, time UTC.

    `key` is a function of the execution alone, so that the same fill told twice is booked once.
    """

    key: str
    order_id: str
    symbol: str
    instruction: Instruction
    qty: int
    price_e6: int
    fill_ns: int

    @property
    def signed_qty(self) -> int:
        """Give the change of the position in shares."""
        return self.instruction.sign * self.qty
