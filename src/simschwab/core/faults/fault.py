"""Owns a fault as a value: where, what, for which symbol, at which occurrence or chance, in which window.

Never counts.
Comes from a scenario, goes to the plan.
"""

from dataclasses import dataclass

from simschwab.core.faults.effect import Effect
from simschwab.core.faults.place import Place

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Fault:
    """Hold one fault; times are seconds since it was added, `nth` counts occurrences from 1."""

    place: Place
    effect: Effect
    values: tuple[tuple[str, Value], ...] = ()
    symbol: str | None = None
    service: str | None = None
    message: str | None = None
    nth: int = 1
    times: int | None = None
    chance: float = 1.0
    from_s: float = 0.0
    until_s: float | None = None
    every_s: float | None = None

    def text(self, name: str) -> str:
        """Give a value that is a text."""
        return str(self._value(name))

    def whole(self, name: str) -> int:
        """Give a value that is a whole number."""
        value = self._value(name)
        assert isinstance(value, int), (self, name)
        return value

    def number(self, name: str) -> float:
        """Give a value that is a number."""
        value = self._value(name)
        assert isinstance(value, (int, float)), (self, name)
        return float(value)

    def truth(self, name: str) -> bool:
        """Give a value that is yes or no."""
        return bool(self._value(name))

    def _value(self, name: str) -> Value:
        return dict(self.values)[name]

    def as_words(self) -> dict[str, Value]:
        """Give the fault as a scenario would write it; what is at its default is left out."""
        words: dict[str, Value | None] = {"on": self.place.value, "do": self.effect.value, "symbol": self.symbol}
        words |= {"service": self.service, "message": self.message}
        words |= {"nth": self.nth if self.nth > 1 else None, "times": self.times}
        words |= {"chance": self.chance if self.chance < 1 else None}
        words |= {"from_s": self.from_s or None, "until_s": self.until_s, "every_s": self.every_s}
        return {name: value for name, value in words.items() if value is not None} | dict(self.values)
