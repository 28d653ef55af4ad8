"""Each shipped scenario does what it says, and would not be believed without its faults."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from simschwab.cli import app
from simschwab.core.faults.effect import Effect
from simschwab.core.faults.grammar import RULES
from simschwab.core.faults.place import Place
from simschwab.core.faults.scenario import Scenario
from simschwab.core.settings import NAMES
from simschwab.proof import play, prove
from simschwab.shelf import scenario_at, shipped_names

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "simschwab-scenarios.md"
README = ROOT / "src" / "simschwab" / "README.md"
# Only the clock of the proof's client does something here; the broker keeps to its seven days by itself.
BY_ITSELF = {"f089-seventh-day"}
# What no scenario of the catalogue needs is shown by a test of its own.
ELSEWHERE = {"trickle", "ignore", "wrong_requestid", "via", "expire", "admin_cancel", "slow_read"}


@pytest.mark.parametrize("name", shipped_names())
def test_a_scenario_does_what_it_says(name: str) -> None:
    assert prove(scenario_at(name)) == []


@pytest.mark.parametrize("name", [name for name in shipped_names() if name not in BY_ITSELF])
def test_the_same_proof_fails_without_the_faults(name: str) -> None:
    scenario = scenario_at(name)
    assert prove(replace(scenario, faults=(), settings={})) != []


@pytest.mark.parametrize("name", ["f031-fill-frames-dropped", "f024-fill-in-three-prints", "f082-flood"])
def test_a_scenario_plays_the_same_every_time(name: str) -> None:
    first, second = (play(scenario_at(name)) for _ in range(2))
    assert first.transcript == second.transcript
    assert first.virtual.ledger.since(0) == second.virtual.ledger.since(0)


def test_another_seed_lets_chance_strike_elsewhere() -> None:
    scenario = scenario_at("f031-fill-frames-dropped")
    hits = {len(play(replace(scenario, seed=seed)).virtual.ledger.since(0, "fault")) for seed in range(12)}
    assert len(hits) > 1


def test_a_proof_that_asks_nothing_is_no_proof() -> None:
    assert prove(Scenario()) == ["proof: nothing is asked"]


def test_every_effect_is_used_by_a_scenario_or_named_here() -> None:
    used = {fault.effect for name in shipped_names() for fault in scenario_at(name).faults}
    assert set(Effect) - used == {Effect(name) for name in ELSEWHERE}
    assert set(RULES) == set(Effect)


def table() -> dict[int, str]:
    """The rows of the documents' table: case number to what stands for it."""
    rows = re.findall(r"^\| F(\d+) \| ([^|]*) \|", PAGE.read_text(), re.MULTILINE)
    return {int(number): text for number, text in rows}


def test_the_table_names_every_case_that_needs_a_broker_or_a_feed() -> None:
    rows = table()
    wanted = {*range(1, 51), 59, *range(70, 93), 101, 102, 103, 106}
    assert set(rows) == wanted
    named = {case: set(re.findall(r"`(f\d{3}-[\w-]+)`", text)) for case, text in rows.items()}
    for case, names in named.items():
        assert names or rows[case].startswith("none: "), case
    shipped = {name: set(scenario_at(name).cases) for name in shipped_names()}
    for name, cases in shipped.items():
        assert cases == {case for case, names in named.items() if name in names}, name


def test_the_documents_list_every_place_and_effect() -> None:
    page = PAGE.read_text()
    for effect, rule in RULES.items():
        [row] = re.findall(rf"^\| `{effect}` \| (.*) \|$", page, re.MULTILINE)
        for word in rule.words:
            assert f"`{word}`" in row, (effect, word)
    for place in Place:
        assert f"`{place}`" in page, place


def test_the_readme_lists_every_switch() -> None:
    page = README.read_text()
    for name in NAMES:
        assert re.search(rf"^\| (.*)`{name}`", page, re.MULTILINE), name


def test_every_option_is_in_the_readme_and_has_words_in_the_help() -> None:
    page = README.read_text()
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    assert set(command.commands) == {"serve", "settings", "scenarios", "check"}
    for option in command.commands["serve"].params:
        name = option.opts[0]
        assert re.search(rf"^\| [^|]*`{name}\b|^\| [^|]*, `{name}", page, re.MULTILINE), name
        assert getattr(option, "help", None), name
