"""Owns how a scenario is read: TOML or JSON values to settings, faults, and what must be seen when it is played.

Never lets a word through that nothing understands: each error names the key and what was expected.
Comes from scenario files and /sim/faults as text or values, goes to the command line, the plan and the proof.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite
from typing import NoReturn

from simschwab.core.faults.effect import Effect
from simschwab.core.faults.fault import Fault, Value
from simschwab.core.faults.grammar import RULES, Rule, Word
from simschwab.core.faults.place import SERVICES, Place
from simschwab.core.orders import MOVES, TERMINAL, Status
from simschwab.core.prices import decimal_price
from simschwab.core.settings import SettingError, Settings, changed
from simschwab.core.ticket import Instruction

_TOP = ("about", "cases", "seed", "settings", "fault", "proof")
_OPTIONAL = ("symbol", "service", "message")
_COMMON = {
    "nth": Word(int, 1, 1),
    "times": Word(int, 0, 1),
    "chance": Word(float, 1.0, 0),
    "from_s": Word(float, 0.0, 0),
    "at_s": Word(float, 0.0, 0),
    "until_s": Word(float, 0.0, 0),
    "every_s": Word(float, 0.0, 0.001),
}
_KIND_NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


class ScenarioError(Exception):
    """Say which key of a scenario is wrong and what was expected."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Hold how a scenario is shown to do what it says: what a plain client does, and what must then be told."""

    drive: tuple[str, ...] = ()
    ledger: tuple[dict[str, object], ...] = ()
    client: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """Hold a scenario: settings by name, faults in order, cases of the catalogue it stands for."""

    about: str = ""
    cases: tuple[int, ...] = ()
    seed: int | None = None
    settings: dict[str, object] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    proof: Proof = Proof()


def read_scenario(text: str) -> Scenario:
    """Read a scenario's TOML.

    Raises:
        ScenarioError: it is no TOML, or a key or value is not understood.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"expected TOML: {error}") from None
    for name in values:
        if name not in _TOP:
            raise ScenarioError(f"key {name}: expected one of {', '.join(_TOP)}")
    settings = _table(values, "settings")
    try:
        changed(Settings(), settings)
    except SettingError as error:
        raise ScenarioError(f"settings: key {error}") from None
    seed = values.get("seed")
    if seed is not None and type(seed) is not int:
        raise ScenarioError(f"key seed: expected a whole number, got {seed!r}")
    cases = values.get("cases", [])
    if not isinstance(cases, list) or not all(type(case) is int for case in cases):
        raise ScenarioError(f"key cases: expected whole numbers in a list, got {cases!r}")
    return Scenario(
        about=str(values.get("about", "")),
        cases=tuple(cases),
        seed=seed,
        settings=settings,
        faults=read_faults(values.get("fault", [])),
        proof=_proof(_table(values, "proof")),
    )


def read_faults(values: object) -> tuple[Fault, ...]:
    """Read faults given as values: a list of tables, or one table.

    Raises:
        ScenarioError: a key or value is not understood.
    """
    tables = [values] if isinstance(values, dict) else values
    if not isinstance(tables, list):
        raise ScenarioError(f"key fault: expected tables like [[fault]], got {values!r}")
    return tuple(_fault(number, table) for number, table in enumerate(tables, start=1))


def _fault(number: int, table: object) -> Fault:
    where = f"fault {number}"
    if not isinstance(table, dict):
        raise ScenarioError(f"{where}: expected a table, got {table!r}")
    place = Place(_choice(where, table, "on", list(Place)))
    effect = Effect(_choice(where, table, "do", list(Effect)))
    rule = RULES[effect]
    if place not in rule.places:
        places = ", ".join(sorted(rule.places))
        raise ScenarioError(f"{where}: key on: expected a place where {effect} is possible ({places}), got {place}")
    for name in table:
        if name not in ("on", "do", *_OPTIONAL, *_COMMON, *rule.words):
            known = ", ".join((*_OPTIONAL, *_COMMON, *rule.words))
            raise ScenarioError(f"{where}: key {name}: expected one of on, do, {known}")
    nth, times = _whole(where, table, "nth"), _whole(where, table, "times")
    moment_s = _number(where, table, "at_s")
    fault = Fault(
        place=place,
        effect=effect,
        values=tuple((name, _value(where, table, name, word)) for name, word in rule.words.items()),
        symbol=_text(where, table, "symbol"),
        service=_text(where, table, "service"),
        message=_text(where, table, "message"),
        nth=1 if nth is None else nth,
        times=1 if times is None and nth is not None else times,
        chance=1.0 if "chance" not in table else _number(where, table, "chance") or 0.0,
        from_s=moment_s or _number(where, table, "from_s") or 0.0,
        until_s=_number(where, table, "until_s"),
        every_s=_number(where, table, "every_s"),
    )
    _check(where, fault, rule, timed="at_s" in table)
    return fault


def _whole(where: str, table: dict[str, object], name: str) -> int | None:
    value = _value(where, table, name, _COMMON[name]) if name in table else None
    return value if isinstance(value, int) else None


def _number(where: str, table: dict[str, object], name: str) -> float | None:
    value = _value(where, table, name, _COMMON[name]) if name in table else None
    return value if isinstance(value, float) else None


def _check(where: str, fault: Fault, rule: Rule, *, timed: bool) -> None:
    """Check what one value alone does not show."""
    if fault.place is not Place.TIME and (timed or fault.every_s is not None):
        name = "at_s" if timed else "every_s"
        raise ScenarioError(f'{where}: key {name}: expected only with on = "time"')
    if fault.chance > 1:
        raise ScenarioError(f"{where}: key chance: expected a number from 0 to 1, got {fault.chance!r}")
    _check_hand(where, fault)
    if fault.until_s is not None and fault.until_s <= fault.from_s:
        raise ScenarioError(f"{where}: key until_s: expected more than from_s ({fault.from_s}), got {fault.until_s}")
    needs_symbol = fault.effect in (Effect.HAND_ORDER, Effect.ADJUST, Effect.HALT)
    if needs_symbol and fault.symbol is None:
        raise ScenarioError(f"{where}: key symbol: expected with {fault.effect}")
    if fault.effect is Effect.STALL and fault.text("then") == "late" and fault.until_s is None:
        raise ScenarioError(f'{where}: key until_s: expected with then = "late"')
    if fault.service is not None and f"frame.{fault.service}" not in SERVICES:
        raise ScenarioError(f"{where}: key service: expected a service like NYSE_BOOK, got {fault.service!r}")
    if fault.effect is Effect.VIA:
        _check_way(where, fault.text("statuses"))
    assert set(dict(fault.values)) == set(rule.words)


def _check_hand(where: str, fault: Fault) -> None:
    """Check the numbers that are written as texts, so that no rounding comes between."""
    words = dict(fault.values)
    price = words.get("price", "")
    if price != "" and decimal_price(price) is None:
        raise ScenarioError(f'{where}: key price: expected a price as a text like "13.12", got {price!r}')
    if "instruction" in words and words["instruction"] not in list(Instruction):
        raise ScenarioError(f"{where}: key instruction: expected one of {', '.join(Instruction)}")


def _check_way(where: str, text: str) -> None:
    names = statuses_in(text)
    known = [Status(name) for name in names if name in list(Status)]
    way = known if known[-1:] == [Status.WORKING] else [*known, Status.WORKING]
    steps = list(pairwise(way)) or [(Status.NEW, Status.WORKING)] if names and len(known) == len(names) else []
    legal = all(end in MOVES[start] and start not in TERMINAL for start, end in steps)
    if not steps or not legal:
        raise ScenarioError(f"{where}: key statuses: expected statuses that lead legally to WORKING, got {text!r}")


def statuses_in(text: str) -> list[str]:
    """Read statuses with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _choice(where: str, table: dict[str, object], name: str, choices: Sequence[str]) -> str:
    value = table.get(name)
    if not isinstance(value, str) or value not in choices:
        raise ScenarioError(f"{where}: key {name}: expected one of {', '.join(choices)}, got {value!r}")
    return value


def _text(where: str, table: dict[str, object], name: str) -> str | None:
    value = table.get(name)
    if value is not None and (not isinstance(value, str) or not value):
        raise ScenarioError(f"{where}: key {name}: expected a text, got {value!r}")
    return value


def _value(where: str, table: dict[str, object], name: str, word: Word) -> Value:
    value = table.get(name, word.default)
    if word.kind is float and type(value) is int:
        value = float(value)
    if type(value) is not word.kind or (isinstance(value, float) and not isfinite(value)):
        _wrong(where, name, _KIND_NAMES[word.kind], value)
    assert isinstance(value, (str, int, float))
    if word.least is not None and not isinstance(value, str) and value < word.least:
        _wrong(where, name, f"{_KIND_NAMES[word.kind]} from {word.least:g} on", value)
    if word.choices is not None and value not in list(word.choices):
        _wrong(where, name, f"one of {', '.join(word.choices)}", value)
    return value


def _wrong(where: str, name: str, expected: str, value: object) -> NoReturn:
    raise ScenarioError(f"{where}: key {name}: expected {expected}, got {value!r}")


def _table(values: dict[str, object], name: str) -> dict[str, object]:
    table = values.get(name, {})
    if not isinstance(table, dict):
        raise ScenarioError(f"key {name}: expected a table like [{name}], got {table!r}")
    return table


def _proof(table: dict[str, object]) -> Proof:
    for name in table:
        if name not in ("drive", "ledger", "client"):
            raise ScenarioError(f"proof: key {name}: expected one of drive, ledger, client")
    drive, ledger, client = (table.get(name, []) for name in ("drive", "ledger", "client"))
    for name, value, kind in (("drive", drive, str), ("ledger", ledger, dict), ("client", client, str)):
        if not isinstance(value, list) or not all(isinstance(each, kind) for each in value):
            raise ScenarioError(f"proof: key {name}: expected a list of {kind.__name__}, got {value!r}")
    assert isinstance(drive, list)
    assert isinstance(ledger, list)
    assert isinstance(client, list)
    return Proof(tuple(drive), tuple(ledger), tuple(client))
