"""Owns one symbol's best bid and its trades: a small random walk of ticks.

Never leaves 70 to 140 per cent of the starting price, so stub quotes stay behind the touch.
Comes from the seed, goes to the generator's books and level one fields.
"""

from random import Random

from simschwab.core.listing import Listing
from simschwab.core.prices import tick_e4

STEP_CHANCE = 0.15
LEAN_CHANCE = 0.07
TRADE_CHANCE = 0.8


class Walk:
    """Walk one symbol; prices in 0.0001 dollars, sizes in shares."""

    def __init__(self, listing: Listing, rng: Random) -> None:
        self._rng = rng
        self._lot = listing.round_lot
        self._low_e4 = listing.start_e4 * 7 // 10
        self._high_e4 = listing.start_e4 * 14 // 10
        self.tick_e4 = tick_e4(listing.start_e4)
        self.bid_e4 = listing.start_e4
        self.open_e4 = listing.start_e4
        self.close_e4 = listing.start_e4 + rng.randint(-20, 20) * self.tick_e4
        self.last_e4 = listing.start_e4
        self.high_e4 = listing.start_e4
        self.low_e4 = listing.start_e4
        self.last_size = self._lot
        self.volume = rng.randint(20_000, 400_000) * 100
        self.trade_ms = 0

    @property
    def ask_e4(self) -> int:
        """The best ask: always one tick over the bid."""
        return self.bid_e4 + self.tick_e4

    def step(self, lean: int, book_ms: int) -> None:
        """Move at most one tick, more likely towards `lean`, and trade at the new touch."""
        up = STEP_CHANCE + LEAN_CHANCE * lean
        draw = self._rng.random()
        move = 1 if draw < up else -1 if draw < 2 * STEP_CHANCE else 0
        bid_e4 = self.bid_e4 + move * self.tick_e4
        if self._low_e4 < bid_e4 < self._high_e4:
            self.bid_e4 = bid_e4
        if self._rng.random() < TRADE_CHANCE:
            self._trade(lean, book_ms)

    def _trade(self, lean: int, book_ms: int) -> None:
        at_ask = self._rng.random() < 0.5 + 0.2 * lean
        self.last_e4 = self.ask_e4 if at_ask else self.bid_e4
        self.last_size = self._lot * self._rng.randint(1, 5)
        self.volume += self.last_size * self._rng.randint(1, 20)
        self.high_e4 = max(self.high_e4, self.last_e4)
        self.low_e4 = min(self.low_e4, self.last_e4)
        self.trade_ms = book_ms - self._rng.randint(0, 200)
