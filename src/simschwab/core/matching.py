"""Owns what an order gets from the visible book: price by price, size by size, up to its limit.

Never gives a share twice from one snapshot.
Comes from a book and an order's open quantity, goes to the broker as executions.
"""

from dataclasses import dataclass

from simschwab.core.book import Book, Level


@dataclass(frozen=True, slots=True)
class Execution:
    """Hold shares traded at one price; `beyond` ones are more than was ordered."""

    price_e4: int
    quantity: int
    beyond: bool = False


class Liquidity:
    """Hold the shares of one snapshot that nobody took yet."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._bids = _sizes(book.bids)
        self._asks = _sizes(book.asks)

    def available(self, *, buying: bool, limit_e4: int | None) -> int:
        """Give how many shares are within the limit; None is no limit."""
        side = self._asks if buying else self._bids
        return sum(size for price_e4, size in side.items() if _within(price_e4, limit_e4, buying=buying))

    def take(self, quantity: int, *, buying: bool, limit_e4: int | None) -> tuple[Execution, ...]:
        """Take up to `quantity` shares, best price first; what is taken is gone until the next snapshot."""
        side = self._asks if buying else self._bids
        executions = []
        for price_e4, size in side.items():
            if quantity == 0 or not _within(price_e4, limit_e4, buying=buying):
                break
            taken = min(size, quantity)
            if taken:
                executions.append(Execution(price_e4, taken))
                side[price_e4] = size - taken
                quantity -= taken
        return tuple(executions)


def _sizes(levels: tuple[Level, ...]) -> dict[int, int]:
    sizes: dict[int, int] = {}
    for level in levels:
        sizes[level.price_e4] = sizes.get(level.price_e4, 0) + level.size
    return sizes


def _within(price_e4: int, limit_e4: int | None, *, buying: bool) -> bool:
    if limit_e4 is None:
        return True
    return price_e4 <= limit_e4 if buying else price_e4 >= limit_e4
