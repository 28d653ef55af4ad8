"""Owns the account: cash, positions and what its lagging view shows.

Never lets a position be long and short at once; a fill may cross zero only when told to by the broker's rules.
Comes from fills, goes to the broker's checks (true) and REST answers (lagging).
"""

from collections import deque
from dataclasses import dataclass, replace

from simschwab.core.ticket import Instruction


@dataclass(frozen=True, slots=True)
class Position:
    """Hold shares (negative is short) and what they cost in 0.0001 dollars, always positive."""

    quantity: int = 0
    cost_e4: int = 0

    @property
    def average_e4(self) -> float:
        """The average price in 0.0001 dollars; 0 when flat."""
        return self.cost_e4 / abs(self.quantity) if self.quantity else 0.0

    def after(self, shares: int, price_e4: int) -> "Position":
        """Give the position after buying `shares` (negative: selling); closing keeps the average."""
        quantity = self.quantity + shares
        if self.quantity * shares >= 0:
            return Position(quantity, self.cost_e4 + abs(shares) * price_e4)
        if quantity * self.quantity > 0:
            return Position(quantity, self.cost_e4 * abs(quantity) // abs(self.quantity))
        return Position(quantity, abs(quantity) * price_e4)


@dataclass(frozen=True, slots=True)
class AccountState:
    """Hold cash in 0.0001 dollars and all positions that are not flat."""

    cash_e4: int
    positions: dict[str, Position]


class Account:
    """Keep the true state, and the states that readers still see for `lag_ns` after each fill."""

    def __init__(self, cash_e4: int, lag_ns: int) -> None:
        self.true = AccountState(cash_e4, {})
        self._lag_ns = lag_ns
        self._seen = self.true
        self._pending: deque[tuple[int, AccountState]] = deque()

    def fill(self, symbol: str, instruction: Instruction, quantity: int, price_e4: int, now_ns: int) -> None:
        """Book an execution."""
        self.adjust(symbol, quantity if instruction.buying else -quantity, price_e4, now_ns)

    def adjust(self, symbol: str, shares: int, price_e4: int, now_ns: int) -> None:
        """Book shares that come or go (negative) at a price, whatever the reason."""
        position = self.true.positions.get(symbol, Position()).after(shares, price_e4)
        positions = {name: held for name, held in self.true.positions.items() if name != symbol}
        if position.quantity:
            positions[symbol] = position
        self.true = replace(self.true, cash_e4=self.true.cash_e4 - shares * price_e4, positions=positions)
        self._pending.append((now_ns + self._lag_ns, self.true))

    def seen(self, now_ns: int) -> AccountState:
        """Give what a reader sees at `now_ns`: the account view lags fills (design 1.6)."""
        while self._pending and self._pending[0][0] <= now_ns:
            self._seen = self._pending.popleft()[1]
        return self._seen

    def shift(self, delta_ns: int) -> None:
        """Move what readers do not see yet, when the clock is set."""
        self._pending = deque((due_ns + delta_ns, state) for due_ns, state in self._pending)

    def quantity(self, symbol: str) -> int:
        """Give the true signed quantity of a symbol."""
        return self.true.positions.get(symbol, Position()).quantity
