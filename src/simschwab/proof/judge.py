"""Owns what a proof asks: events that the ledger must hold, lines that the client must have seen.

Never looks further than it is asked.
Comes from a scenario's proof, a ledger and a transcript; goes back as words about what is missing.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

import msgspec

from simschwab.core.events import Event
from simschwab.core.faults.scenario import Proof

_NONE = "no "


def wrong_in(proof: Proof, events: Iterable[Event], transcript: Sequence[str]) -> list[str]:
    """Give each expectation that does not hold, with what was found."""
    rows = [msgspec.to_builtins(event) for event in events]
    wrong = [text for wanted in proof.ledger if (text := _wrong_event(wanted, rows))]
    wrong += [text for wanted in proof.client if (text := _wrong_line(wanted, transcript))]
    if not proof.ledger and not proof.client:
        wrong.append("proof: nothing is asked")
    return wrong


def _wrong_event(wanted: dict[str, object], rows: list[dict[str, object]]) -> str:
    """Compare fields; `count` asks for exactly so many, `at_least` for so many or more (1 when neither is there)."""
    fields = {name: value for name, value in wanted.items() if name not in ("count", "at_least")}
    found = sum(all(_fits(value, row.get(name)) for name, value in fields.items()) for row in rows)
    if "count" in wanted:
        return "" if found == wanted["count"] else f"ledger: {fields}: expected {wanted['count']}, found {found}"
    least = wanted.get("at_least", 1)
    assert isinstance(least, int)
    return "" if found >= least else f"ledger: {fields}: expected at least {least}, found {found}"


def _fits(wanted: object, value: object) -> bool:
    if isinstance(wanted, str) and isinstance(value, str):
        return fnmatchcase(value, wanted)
    return wanted == value


def _wrong_line(wanted: str, transcript: Sequence[str]) -> str:
    """Find a line, with * for anything; `no LINE` asks for none, `LINE xN` for exactly N."""
    pattern, _, count = wanted.removeprefix(_NONE).rpartition(" x")
    if not pattern or not count.isdecimal():
        pattern, count = wanted.removeprefix(_NONE), ""
    found = sum(fnmatchcase(line, pattern) for line in transcript)
    expected = "0" if wanted.startswith(_NONE) else count
    if found == int(expected) if expected else found:
        return ""
    return f"client: {wanted!r}: found {found} in {list(dict.fromkeys(transcript))}"
