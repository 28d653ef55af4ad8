"""A bad scenario gets one clear line: where, which key, what was expected."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from simschwab.cli import app
from simschwab.core.faults.effect import Effect
from simschwab.core.faults.fault import Fault
from simschwab.core.faults.place import Place
from simschwab.core.faults.scenario import ScenarioError, read_faults, read_scenario

GOOD = '[[fault]]\non = "orders.place"\ndo = "drop"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = [", "expected TOML"),
        ("colour = 1", "key colour: expected one of about, cases, seed, settings, fault, proof"),
        ("seed = 1.5", "key seed: expected a whole number, got 1.5"),
        ("cases = ['F1']", "key cases: expected whole numbers in a list"),
        ("settings = 3", "key settings: expected a table like [settings], got 3"),
        ("[settings]\ncash = 3", "settings: key cash: expected one of seed"),
        ("[settings]\ncash_dollars = -1", "settings: key cash_dollars: expected `int` >= 0"),
        ("[settings]\nlevel2 = 'yes'", "settings: key level2: expected `bool`, got `str`"),
        ("[settings]\nmarket_hours = 'never'", "settings: key market_hours: invalid enum value"),
        ("fault = 3", "key fault: expected tables like [[fault]], got 3"),
        ("fault = [3]", "fault 1: expected a table, got 3"),
        ('[[fault]]\ndo = "drop"', "fault 1: key on: expected one of request, token"),
        ('[[fault]]\non = "quotes"\ndo = "explode"', "fault 1: key do: expected one of drop"),
        ('[[fault]]\non = "quotes"\ndo = "binary"', "fault 1: key on: expected a place where binary is possible"),
        (GOOD + "ms = 5", "fault 1: key ms: expected one of on, do, symbol"),
        (GOOD + 'when = "later"', "fault 1: key when: expected one of before, after, got 'later'"),
        (GOOD + "nth = 0", "fault 1: key nth: expected a whole number from 1 on, got 0"),
        (GOOD + "nth = 1.0", "fault 1: key nth: expected a whole number, got 1.0"),
        (GOOD + "nth = true", "fault 1: key nth: expected a whole number, got True"),
        (GOOD + "chance = 1.5", "fault 1: key chance: expected a number from 0 to 1, got 1.5"),
        (GOOD + "chance = nan", "fault 1: key chance: expected a number, got nan"),
        (GOOD + "from_s = 5\nuntil_s = 5", "fault 1: key until_s: expected more than from_s"),
        (GOOD + "at_s = 5", 'fault 1: key at_s: expected only with on = "time"'),
        (GOOD + "every_s = 5", 'fault 1: key every_s: expected only with on = "time"'),
        (GOOD + "symbol = 5", "fault 1: key symbol: expected a text, got 5"),
        (GOOD + 'service = "NEWS"', "fault 1: key service: expected a service like NYSE_BOOK"),
        (GOOD + GOOD + "nth = -1", "fault 2: key nth"),
        ('[[fault]]\non = "orders.place"\ndo = "status"', "fault 1: key status: expected a whole number, got None"),
        ('[[fault]]\non = "time"\ndo = "halt"', "fault 1: key symbol: expected with halt"),
        ('[[fault]]\non = "frame"\ndo = "stall"\nthen = "late"', "fault 1: key until_s: expected with then"),
        (
            '[[fault]]\non = "time"\ndo = "hand_order"\nsymbol = "F"\nprice = "ten"',
            'fault 1: key price: expected a price as a text like "13.12"',
        ),
        (
            '[[fault]]\non = "time"\ndo = "hand_order"\nsymbol = "F"\ninstruction = "HOLD"',
            "fault 1: key instruction: expected one of BUY",
        ),
        (
            '[[fault]]\non = "order.enter"\ndo = "via"\nstatuses = "FILLED"',
            "fault 1: key statuses: expected statuses that lead legally to WORKING",
        ),
        ("[proof]\nsteps = []", "proof: key steps: expected one of drive, ledger, client"),
        ("[proof]\ndrive = [3]", "proof: key drive: expected a list of str"),
    ],
)
def test_one_clear_line(text: str, told: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        read_scenario(text)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_fault_is_read_whole_and_written_back() -> None:
    text = (
        '[[fault]]\non = "frame.NYSE_BOOK"\ndo = "delay"\nms = 5\nms_max = 9\nsymbol = "F"\n'
        "nth = 3\ntimes = 2\nchance = 0.5\nfrom_s = 1\nuntil_s = 2.5\n"
    )
    [fault] = read_scenario(text).faults
    assert fault == Fault(
        place=Place.NYSE_BOOK,
        effect=Effect.DELAY,
        values=(("ms", 5), ("ms_max", 9)),
        symbol="F",
        nth=3,
        times=2,
        chance=0.5,
        from_s=1.0,
        until_s=2.5,
    )
    assert read_faults(fault.as_words()) == (fault,)


def test_nth_alone_strikes_once_and_without_it_always() -> None:
    first, second = read_faults([{"on": "quotes", "do": "drop", "nth": 2}, {"on": "quotes", "do": "drop"}])
    assert (first.times, second.times) == (1, None)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["serve", "--scenario", "nowhere.toml"], "simschwab: scenario nowhere.toml: No such file"),
        (["serve", "--scenario", "{bad}"], "bad.toml: fault 1: key do: expected one of"),
        (["serve", "--set", "cash_dollars"], "cash_dollars: expected NAME=VALUE"),
        (["serve", "--set", "cash_dollars=much"], "cash_dollars: expected `int`"),
        (["serve", "--set", "colour=red"], "colour: expected one of"),
        (["serve", "--set", "clock_at=noon"], "clock_at: expected a moment like"),
        (["serve", "--set", "closed_days=today"], "closed_days: expected days like"),
        (["check", "{bad}"], "bad.toml: fault 1: key do"),
    ],
)
def test_the_command_line_tells_it_too_and_exits_2(tmp_path: Path, words: list[str], told: str) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('[[fault]]\non = "quotes"\ndo = "explode"\n')
    result = CliRunner().invoke(app, [word.format(bad=bad) for word in words], env={"COLUMNS": "400"})
    assert result.exit_code == 2
    assert told in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_check_tells_what_was_not_seen(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('[proof]\ndrive = ["account"]\nclient = ["account -> 500"]\n')
    result = CliRunner().invoke(app, ["check", str(path), "f001-connection-dies"])
    assert result.exit_code == 1
    assert "client: 'account -> 500': found 0" in result.output
    assert "f001-connection-dies: ok" in result.output
    path.write_text('[proof]\ndrive = ["dance"]\n')
    result = CliRunner().invoke(app, ["check", str(path)])
    assert "expected one of place" in result.output


def test_lists_of_scenarios_and_settings() -> None:
    listed = CliRunner().invoke(app, ["scenarios"]).output
    assert "f086-partition: F86: nothing passes" in listed
    told = CliRunner().invoke(app, ["settings"]).output
    assert "order_limit_per_min = 120" in told
    assert "level2 = true" in told
