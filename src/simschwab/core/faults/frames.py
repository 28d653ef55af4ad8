"""Owns what faults do to frames on their way to a client.

Never reads a frame unless a fault strikes it: without faults every frame passes untouched.
Comes from the streamer's frames, goes to a connection's outbox: now, later, more than once, changed or never.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from simschwab.core.agenda import Agenda
from simschwab.core.faults.effect import BookLie, Broken, Effect, Replay
from simschwab.core.faults.fault import Fault
from simschwab.core.faults.items import changed_items, facts_of, messages_with
from simschwab.core.faults.lies import lied
from simschwab.core.faults.life import delay_ns
from simschwab.core.faults.place import FRAMES, Place
from simschwab.core.faults.plan import Hit, Plan
from simschwab.core.faults.texts import broken
from simschwab.core.frames import ABNORMAL, Frame, closing


@dataclass(frozen=True, slots=True)
class Sent:
    """Hold a frame for a connection."""

    connection: int
    frame: Frame


class FrameFaults:
    """Apply faults to frames; delayed ones wait here."""

    def __init__(self, plan: Plan, rng: Random) -> None:
        self._plan = plan
        self._rng = rng
        self._late: Agenda[Sent] = Agenda()
        self._swapped: dict[tuple[int, Place], list[Frame]] = {}

    def passed(self, connection: int, frame: Frame, now_ns: int) -> list[Frame]:
        """Give what is put in the outbox in place of a frame."""
        if frame.is_close or not (self._swapped or self._plan.watches(FRAMES)):
            return [frame]
        facts = facts_of(frame)
        hits: list[Hit] = []
        place = facts.place
        for service in facts.services or ("",):
            place = Place(f"frame.{service}") if service else facts.place
            hits += self._plan.strike(
                place,
                now_ns,
                symbols=facts.symbols,
                service=service,
                messages=facts.messages,
                subject=f"connection {connection}",
            )
        waiting = self._swapped.pop((connection, place), [])
        if waiting:
            hits = [hit for hit in hits if hit.fault.effect is not Effect.REORDER]
        return [*self._struck(connection, frame, hits, now_ns, place), *waiting]

    def next_due_ns(self) -> int | None:
        """Give when a delayed frame is due."""
        return self._late.next_due_ns()

    def take_due(self, now_ns: int) -> list[Sent]:
        """Give the delayed frames that are due."""
        due = []
        while (sent := self._late.pop_due(now_ns)) is not None:
            due.append(sent)
        return due

    def shift(self, delta_ns: int) -> None:
        """Move what waits, when the clock is set."""
        self._late.shift(delta_ns)

    def _struck(self, connection: int, frame: Frame, hits: list[Hit], now_ns: int, place: Place) -> list[Frame]:
        out = [frame]
        for hit in hits:
            fault = hit.fault
            match fault.effect:
                case Effect.DELAY:
                    out = self._later(connection, out, now_ns + delay_ns(fault, self._rng))
                case Effect.STALL:
                    late = fault.text("then") == Replay.LATE and hit.until_ns is not None
                    out = self._later(connection, out, hit.until_ns or now_ns) if late else _without(out, fault)
                case Effect.DROP:
                    out = _without(out, fault)
                case Effect.DUPLICATE:
                    out = [each for each in out for _ in range(fault.whole("copies") + 1)]
                case Effect.REORDER:
                    self._swapped.setdefault((connection, place), []).extend(out)
                    out = []
                case Effect.CLOSE:
                    out = [closing(fault.whole("code"))]
                case _:
                    out = [_changed(each, fault) for each in out]
        return out

    def _later(self, connection: int, frames: list[Frame], due_ns: int) -> list[Frame]:
        for frame in frames:
            self._late.add(due_ns, Sent(connection, frame))
        return []


def _without(frames: list[Frame], fault: Fault) -> list[Frame]:
    """Drop frames; with a symbol or a message type only the items of it, and a frame left without any."""
    if fault.symbol is None and fault.message is None:
        return []
    kept = (changed_items(frame, fault, lambda _item: None) for frame in frames)
    return [frame for frame in kept if frame is not None]


def _changed(frame: Frame, fault: Fault) -> Frame:
    change = _CHANGES.get(fault.effect)
    return frame if change is None else change(frame, fault)


def _cut(frame: Frame, fault: Fault) -> Frame:
    wire = replace(frame.wire, cut_bytes=fault.whole("bytes"))
    return replace(frame, wire=wire, close_code=ABNORMAL, ws_code=ABNORMAL)


def _lying(frame: Frame, fault: Fault) -> Frame:
    kind = BookLie(fault.text("kind"))
    return changed_items(frame, fault, lambda item: lied(item, kind), books_only=True) or frame


def _renamed(frame: Frame, fault: Fault) -> Frame:
    name = fault.text("to")
    return changed_items(frame, fault, lambda item: {**item, "key": name}) or frame


def _without_fields(frame: Frame, fault: Fault) -> Frame:
    fields = frozenset(fault.text("fields").split(","))
    return changed_items(frame, fault, lambda item: _less(item, fields)) or frame


def _less(item: dict[str, object], fields: frozenset[str]) -> dict[str, object]:
    return {name: value for name, value in item.items() if name not in fields}


_CHANGES: Final[dict[Effect, Callable[[Frame, Fault], Frame]]] = {
    Effect.MALFORMED: lambda frame, fault: replace(frame, payload=broken(frame.payload, Broken(fault.text("kind")))),
    Effect.TRUNCATE: _cut,
    Effect.FRAGMENT: lambda frame, fault: replace(frame, wire=replace(frame.wire, pieces=fault.whole("pieces"))),
    Effect.BINARY: lambda frame, _fault: replace(frame, wire=replace(frame.wire, binary=True)),
    Effect.MASKED: lambda frame, _fault: replace(frame, wire=replace(frame.wire, masked=True)),
    Effect.OVERSIZE: lambda frame, fault: replace(frame, payload=frame.payload.ljust(fault.whole("bytes"))),
    Effect.BOOK: _lying,
    Effect.RENAME: _renamed,
    Effect.DROP_FIELDS: _without_fields,
    Effect.TEXT: lambda frame, fault: messages_with(frame, fault, fault.text("text") or None),
}
