"""Owns when a symbol's touch leans to one side, and how its price leans with it.

Never touches prices or sizes itself.
Comes from the seed, goes to the generator.
"""

from enum import Enum
from random import Random

from simschwab.core.times import NS_PER_S

ONE_SIDED_S = (13.0, 25.0)
NEUTRAL_S = (12.0, 45.0)
LEAN_AFTER_S = 15.0
FLIP_CHANCE = 0.5


class Phase(Enum):
    """Name what the touch shows; the value is the direction the price tends to."""

    NEUTRAL = 0
    BID_HEAVY = 1
    ASK_HEAVY = -1

    @property
    def opposite(self) -> "Phase":
        """The phase of the other side."""
        return Phase(-self.value)


class Phases:
    """Run one symbol through neutral and one-sided phases."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._until_ns = 0
        self._lean = 0
        self._lean_until_ns = 0
        self.current = Phase.NEUTRAL

    def begin(self, now_ns: int, *, one_sided: bool) -> None:
        """Start the first phase at `now_ns`."""
        self._enter(self._draw_side() if one_sided else Phase.NEUTRAL, now_ns)

    def advance(self, now_ns: int) -> Phase:
        """Give the phase at `now_ns`, moving on when the last is over."""
        while self._until_ns <= now_ns:
            self._enter(self._successor(), self._until_ns)
        return self.current

    def shift(self, delta_ns: int) -> None:
        """Move the ends of the phase and the lean, when the clock is set."""
        self._until_ns += delta_ns
        self._lean_until_ns += delta_ns

    def lean(self, now_ns: int) -> int:
        """Give +1, 0 or -1: where the price tends during a one-sided phase and for some seconds after."""
        return self._lean if now_ns < self._lean_until_ns else 0

    def _successor(self) -> Phase:
        if self.current is Phase.NEUTRAL:
            return self._draw_side()
        return self.current.opposite if self._rng.random() < FLIP_CHANCE else Phase.NEUTRAL

    def _draw_side(self) -> Phase:
        return self._rng.choice((Phase.BID_HEAVY, Phase.ASK_HEAVY))

    def _enter(self, phase: Phase, start_ns: int) -> None:
        bounds_s = NEUTRAL_S if phase is Phase.NEUTRAL else ONE_SIDED_S
        self.current = phase
        self._until_ns = start_ns + int(self._rng.uniform(*bounds_s) * NS_PER_S)
        if phase is not Phase.NEUTRAL:
            self._lean = phase.value
            self._lean_until_ns = self._until_ns + int(LEAN_AFTER_S * NS_PER_S)
