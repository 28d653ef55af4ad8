"""Owns the faults in force: which strike an occurrence, how often each has struck, what is due by time alone.

Never applies an effect; each hit is recorded in the ledger before it is applied.
Comes from scenarios and /sim/faults, goes to whoever applies faults at a place.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from simschwab.core.dice import dice
from simschwab.core.events import FaultStruck
from simschwab.core.faults.fault import Fault
from simschwab.core.faults.place import Place, around
from simschwab.core.ledger import Ledger
from simschwab.core.times import NS_PER_S


@dataclass(slots=True)
class Active:
    """Hold a fault in force since `since_ns`: how many occurrences it saw and how often it struck."""

    number: int
    fault: Fault
    since_ns: int
    seen: int = 0
    hits: int = 0
    due_ns: int | None = None

    def from_ns(self) -> int:
        """When its window starts."""
        return self.since_ns + int(self.fault.from_s * NS_PER_S)

    def until_ns(self) -> int | None:
        """When its window ends; None when it does not."""
        until_s = self.fault.until_s
        return None if until_s is None else self.since_ns + int(until_s * NS_PER_S)

    def is_open(self, now_ns: int) -> bool:
        """Tell whether it can strike now."""
        until_ns = self.until_ns()
        spent = self.fault.times is not None and self.hits >= self.fault.times
        return not spent and self.from_ns() <= now_ns and (until_ns is None or now_ns < until_ns)


@dataclass(frozen=True, slots=True)
class Hit:
    """Hold one strike of a fault."""

    fault: Fault
    until_ns: int | None


class Plan:
    """Keep the faults in force, in the order they were added; chance is drawn from the seed."""

    def __init__(self, seed: int, ledger: Ledger) -> None:
        self._rng = dice(seed, "faults")
        self._ledger = ledger
        self._count = 0
        self.active: list[Active] = []

    def add(self, faults: Iterable[Fault], now_ns: int) -> list[int]:
        """Put faults in force; gives their numbers."""
        numbers = []
        for fault in faults:
            self._count += 1
            active = Active(self._count, fault, now_ns)
            if fault.place is Place.TIME:
                active.due_ns = active.from_ns()
            self.active.append(active)
            numbers.append(self._count)
        return numbers

    def clear(self, number: int | None = None) -> int:
        """Take one fault, or all, out of force; gives how many were."""
        before = len(self.active)
        self.active = [each for each in self.active if number is not None and each.number != number]
        return before - len(self.active)

    def watches(self, places: AbstractSet[Place]) -> bool:
        """Tell whether any fault is in force at some of these places."""
        return any(each.fault.place in places for each in self.active)

    def shift(self, delta_ns: int) -> None:
        """Move all windows, when the clock is set."""
        for active in self.active:
            active.since_ns += delta_ns
            if active.due_ns is not None:
                active.due_ns += delta_ns

    def strike(
        self,
        place: Place,
        now_ns: int,
        *,
        symbols: frozenset[str] = frozenset(),
        service: str = "",
        messages: frozenset[str] = frozenset(),
        subject: str = "",
    ) -> list[Hit]:
        """Give the faults that strike this occurrence; `subject` names it in the ledger."""
        if not self.active:
            return []
        places = around(place)
        hits = []
        for active in self.active:
            fault = active.fault
            if (
                fault.place not in places
                or not active.is_open(now_ns)
                or (fault.symbol is not None and fault.symbol not in symbols)
                or (fault.service is not None and fault.service != service)
                or (fault.message is not None and fault.message not in messages)
            ):
                continue
            active.seen += 1
            if active.seen >= fault.nth and (fault.chance >= 1 or self._rng.random() < fault.chance):
                hits.append(self._hit(active, subject))
        return hits

    def next_due_ns(self) -> int | None:
        """Give when a fault strikes by time alone."""
        return min((active.due_ns for active in self.active if active.due_ns is not None), default=None)

    def take_due(self, now_ns: int) -> list[Hit]:
        """Give what strikes by time alone up to now; a repeated one is due again after its interval."""
        hits = []
        for active in self.active:
            if active.due_ns is None or active.due_ns > now_ns:
                continue
            fault, due_ns = active.fault, active.due_ns
            active.due_ns = None
            if fault.chance >= 1 or self._rng.random() < fault.chance:
                hits.append(self._hit(active, ""))
            if fault.every_s is not None and (fault.times is None or active.hits < fault.times):
                next_ns, until_ns = due_ns + int(fault.every_s * NS_PER_S), active.until_ns()
                active.due_ns = next_ns if until_ns is None or next_ns < until_ns else None
        return hits

    def _hit(self, active: Active, subject: str) -> Hit:
        active.hits += 1
        fault = active.fault
        self._ledger.add(
            FaultStruck(
                *self._ledger.stamp(),
                fault=active.number,
                on=fault.place,
                effect=fault.effect,
                symbol=fault.symbol,
                subject=subject,
            )
        )
        return Hit(fault, active.until_ns())
