"""The replay verb's further answers: by symbol, by tables of the settings file, near misses, and settings compared."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from golden.lean_tape import LISTING, START_S, lean_tape
from leadline.app.taping import rule_texts
from leadline.core.detector import Outcome
from leadline.settings import load
from leadline.tape.lines import read_tape
from leadline.tape.records import Frame
from support.machine import leadline
from support.taping import write

S = 1_000_000_000
STRICTER_FOR_F = "[symbol.F]\nMIN_BID_HEAVY = 6\n"
LATER = """
[[time]]
from = "open"            # the tape begins with the open
until = "open+1m"
MIN_BID_HEAVY = 6
DISABLE_ASK_HEAVY = true
[[time]]
from = "open+1m"
until = "09:32"
DISABLE_ASK_HEAVY = true
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "lean.jsonl").write_bytes(lean_tape())
    (tmp_path / "listing.json").write_text(json.dumps(LISTING))
    return tmp_path


def replay(home: Path, *args: object, **env: str) -> subprocess.CompletedProcess[str]:
    return leadline("replay", "lean.jsonl", "--listing", "listing.json", *args, cwd=home, **env)


def lines(ended: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def alerts(ended: subprocess.CompletedProcess[str]) -> list[tuple[str, int, str | None]]:
    return [
        (line["symbol"], line["recv_ns"] // S - START_S, line["entry_blocked_by"])
        for line in lines(ended)
        if "direction" in line
    ]


def refused(ended: subprocess.CompletedProcess[str], text: str) -> None:
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("leadline: ")
    assert text in ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr


# by symbol


def test_by_symbol_gives_each_symbols_outcomes_after_the_counts(home: Path) -> None:
    plain = lines(replay(home))
    told = lines(replay(home, "--by-symbol"))
    assert told[: len(plain)] == plain
    f, t = told[len(plain) :]
    assert (f["symbol"], f["snapshots"], t["symbol"], t["snapshots"]) == ("F", 91, "T", 26)
    for one in (f, t):
        assert list(one["outcomes"]) == [outcome.value for outcome in Outcome]
        assert sum(one["outcomes"].values()) == one["snapshots"]
    whole = plain[-1]["outcomes"]
    for outcome, count in whole.items():
        of_nobody = count if outcome == "malformed" else 0
        assert f["outcomes"][outcome] + t["outcomes"][outcome] + of_nobody == count


# tables of the settings file


def test_a_table_for_a_symbol_decides_for_it_alone(home: Path) -> None:
    (home / "x.toml").write_text(STRICTER_FOR_F)
    assert alerts(replay(home, "--config", "x.toml")) == [("T", 10, None), ("F", 86, None)]


def test_a_table_for_a_time_decides_while_it_holds(home: Path) -> None:
    """F's five venues are enough from 09:31:00 on: its streak begins there, and alerts ten seconds later."""
    (home / "x.toml").write_text(LATER)
    assert alerts(replay(home, "--config", "x.toml")) == [("F", 70, None), ("F", 86, "ask_heavy_disabled")]


def test_the_environment_gives_plain_settings_and_tables_win(home: Path) -> None:
    (home / "x.toml").write_text("[symbol.F]\nMIN_BID_HEAVY = 5\n")
    assert alerts(replay(home, "--config", "x.toml", MIN_BID_HEAVY="9")) == [
        ("F", 10, None),
        ("F", 70, None),
        ("F", 86, None),
    ]


def tape_of(home: Path, toml: str) -> Path:
    (home / "recorded.toml").write_text(toml)
    texts = rule_texts(load(toml=home / "recorded.toml", use_environment=False))
    frames = [Frame(t, 1 + n, frame) for n, (t, frame) in enumerate(read_tape(home / "lean.jsonl"))]
    return write(home / "kept", [frames], listing=LISTING, symbols=["F", "T"], settings=texts)


def test_as_recorded_takes_the_tables_of_the_run(home: Path) -> None:
    tape_of(home, STRICTER_FOR_F)
    recorded = leadline("replay", "kept", "--as-recorded", cwd=home)
    assert alerts(recorded) == [("T", 10, None), ("F", 86, None)]
    assert recorded.stderr == ""
    otherwise = leadline("replay", "kept", cwd=home)
    assert len(alerts(otherwise)) == 4
    assert otherwise.stderr == (
        "kept: recorded under [symbol.F] MIN_BID_HEAVY=6; replayed under [symbol.F] MIN_BID_HEAVY=(unset) "
        "(--as-recorded takes the recorded ones)\n"
    )
    alike = leadline("replay", "kept", "--config", "recorded.toml", cwd=home)
    assert (alike.stdout, alike.stderr) == (recorded.stdout, "")


def test_a_tape_recorded_without_tables_replays_as_recorded_without_any(home: Path) -> None:
    tape_of(home, "MIN_BID_HEAVY = 4")
    (home / "x.toml").write_text(STRICTER_FOR_F)
    assert len(alerts(leadline("replay", "kept", "--as-recorded", "--config", "x.toml", cwd=home))) == 4


# near misses


def test_near_misses_go_to_their_file_and_change_nothing_else(home: Path) -> None:
    settings = {"MIN_IMBALANCE_RATIO": "2.5"}
    plain = replay(home, **settings)
    ended = replay(home, "--near-misses", "missed.jsonl", **settings)
    assert (ended.returncode, ended.stdout) == (0, plain.stdout)
    missed = [json.loads(line) for line in (home / "missed.jsonl").read_text().splitlines()]
    assert {(one["symbol"], one["outcome"]) for one in missed} == {("T", "ratio")}, "2.2 is 88 % of 2.5"


@pytest.mark.parametrize("path", ["lean.jsonl", "listing.json", "alerts", "./alerts"])
def test_near_misses_are_not_written_over_another_file_of_the_replay(home: Path, path: str) -> None:
    refused(replay(home, "--alerts", "alerts", "--near-misses", path), f"--near-misses {path.removeprefix('./')}: ")
    assert (home / "lean.jsonl").read_bytes() == lean_tape()


def test_a_file_of_near_misses_that_cannot_be_made_is_told(home: Path) -> None:
    refused(replay(home, "--near-misses", "nowhere/x"), "nowhere/x: the lines cannot be written")


# settings compared


def test_compared_settings_give_one_table(home: Path) -> None:
    ended = replay(home, "--set", "MIN_BID_HEAVY=4,5", "--set", "min_imbalance_ratio=2.5")
    assert (ended.returncode, ended.stderr) == (0, "")
    head, plain, first, second, blank, *_ = ended.stdout.splitlines()
    assert head.split()[:4] == ["MIN_BID_HEAVY", "MIN_IMBALANCE_RATIO", "alerts", "bid_heavy"]
    assert [line.split()[:5] for line in (plain, first, second)] == [
        ["plain", "4", "2", "4", "3"],
        ["1", "4", "2.5", "3", "2"],
        ["2", "5", "2.5", "3", "2"],
    ]
    assert blank == ""


def test_the_machine_form_has_the_same_rows(home: Path) -> None:
    [told] = lines(replay(home, "--set", "MIN_BID_HEAVY=6", "--json"))
    plain, changed = told["rows"]
    assert (plain["settings"], changed["settings"]) == ({"MIN_BID_HEAVY": "4"}, {"MIN_BID_HEAVY": "6"})
    assert plain["sha256"] == lines(replay(home))[-1]["sha256"]
    assert changed["sha256"] == lines(replay(home, MIN_BID_HEAVY="6"))[-1]["sha256"]
    assert changed["outcomes"] == lines(replay(home, MIN_BID_HEAVY="6"))[-1]["outcomes"]


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["--set", "SYMBOLS=F"], "--set SYMBOLS=F: this cannot be compared"),
        (["--set", "LIVE_ORDER_QTY=5"], "--set LIVE_ORDER_QTY=5: this cannot be compared"),
        (["--set", "MIN_BID_HEAVY=0"], "MIN_BID_HEAVY from the command line: "),
        (["--set", "MIN_BID_HEAVY=4,nan"], "MIN_BID_HEAVY from the command line: "),
        (
            ["--set", f"MIN_BID_HEAVY={','.join(map(str, range(1, 34)))}"],
            "these are 33 combinations; expected at most 32",
        ),
        (["--set", "MIN_BID_HEAVY=5", "--by-symbol"], "with --set there is no --by-symbol"),
        (["--set", "MIN_BID_HEAVY=5", "--alerts", "a"], "with --set there is no --alerts"),
        (["--set", "MIN_BID_HEAVY=5", "--near-misses", "a"], "with --set there is no --near-misses"),
        (["--json"], "without --set there is no --json"),
    ],
)
def test_what_cannot_be_compared_ends_with_one_line_and_exit_code_2(home: Path, args: list[str], text: str) -> None:
    refused(replay(home, *args), text)
    assert not (home / "a").exists()


def test_a_tape_that_is_not_there_is_told_as_ever(home: Path) -> None:
    refused(
        leadline("replay", "none.jsonl", "--set", "MIN_BID_HEAVY=5", cwd=home), "none.jsonl: the tape cannot be read"
    )
