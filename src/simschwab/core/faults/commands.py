"""Owns what faults do to a client's streamer commands: ignored, late, refused with a code, answered under a wrong id.

Never carries a command out.
Comes from the plan's hits, goes to the streamer as a verdict.
"""

from dataclasses import dataclass, replace
from random import Random

from simschwab.core.agenda import Agenda
from simschwab.core.faults.effect import Effect
from simschwab.core.faults.fault import Fault
from simschwab.core.faults.life import delay_ns
from simschwab.core.faults.place import Place
from simschwab.core.faults.plan import Plan
from simschwab.core.frames import Frame, closing
from simschwab.core.protocol import SERVED, SEVERING, TEXTS, Code, StreamRequest, answer


@dataclass(frozen=True, slots=True)
class Verdict:
    """Hold what a command gets: a frame in place of its answer, and whether it is carried out now."""

    request: StreamRequest
    served: bool = True
    frame: Frame | None = None


class CommandFaults:
    """Apply faults to commands; delayed ones wait here."""

    def __init__(self, plan: Plan, rng: Random) -> None:
        self._plan = plan
        self._rng = rng
        self._late: Agenda[tuple[int, StreamRequest]] = Agenda()

    def verdict(self, connection: int, request: StreamRequest, now_ns: int) -> Verdict:
        """Judge a command."""
        name = f"command.{request.command}"
        hits = self._plan.strike(
            Place(name) if name in list(Place) else Place.COMMAND,
            now_ns,
            symbols=frozenset(request.keys),
            service=request.service,
            subject=f"connection {connection}",
        )
        verdict = Verdict(request)
        for hit in hits:
            match hit.fault.effect:
                case Effect.IGNORE:
                    verdict = replace(verdict, served=False)
                case Effect.DELAY:
                    self._late.add(now_ns + delay_ns(hit.fault, self._rng), (connection, verdict.request))
                    verdict = replace(verdict, served=False)
                case Effect.CLOSE:
                    verdict = Verdict(request, served=False, frame=closing(hit.fault.whole("code")))
                case Effect.WRONG_REQUESTID:
                    other = f"{request.request_id}9"
                    verdict = replace(verdict, request=replace(request, request_id=other))
                case Effect.CODE:
                    verdict = _refused(verdict, hit.fault, now_ns)
        return verdict

    def next_due_ns(self) -> int | None:
        """Give when a delayed command is due."""
        return self._late.next_due_ns()

    def take_due(self, now_ns: int) -> list[tuple[int, StreamRequest]]:
        """Give the delayed commands that are due, by connection."""
        due = []
        while (late := self._late.pop_due(now_ns)) is not None:
            due.append(late)
        return due

    def shift(self, delta_ns: int) -> None:
        """Move what waits, when the clock is set."""
        self._late.shift(delta_ns)


def _refused(verdict: Verdict, fault: Fault, now_ns: int) -> Verdict:
    code = fault.whole("code")
    text = fault.text("text") or (TEXTS.get(Code(code), "") if code in list(Code) else "")
    frame = answer(verdict.request, code, text, now_ns, close=code in SEVERING)
    return replace(verdict, frame=frame, served=verdict.served and code in SERVED)
