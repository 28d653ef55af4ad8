"""`config show` with tables: what differs, what is never on half days, and what holds at a moment."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from leadline.settings import difference_lines, load
from support.machine import leadline

TABLES = """
SYMBOLS = "F,SOFI,T"
MIN_BID_HEAVY = 5
[symbol.F]
MIN_IMBALANCE_RATIO = 3
MIN_BID_HEAVY = 9
[symbol.XYZ]
MIN_VOLUME = 3
[[time]]
from = "open"
until = "10:00"
symbols = ["F", "SOFI"]
days = "half"
MIN_BID_HEAVY = 6
[[time]]
from = "14:00"
until = "close"
MIN_BID_HEAVY = 7
"""


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    (tmp_path / "x.toml").write_text(TABLES)
    return tmp_path / "x.toml"


def lines(toml: Path, wall: str = "2026-11-25T12:00") -> list[str]:
    now_ns = int(datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo("America/New_York")).timestamp()) * 10**9
    return difference_lines(load(toml=toml, use_environment=False), now_ns)


def now_lines(toml: Path, wall: str) -> list[str]:
    found = lines(toml, wall)
    return found[max(place for place, line in enumerate(found) if line == "") + 1 :]


def test_every_table_is_shown_with_its_plain_value(toml: Path) -> None:
    found = [" ".join(line.split()) for line in lines(toml)]
    assert found[2:14] == [
        "[symbol.F]",
        "MIN_IMBALANCE_RATIO 3 plain: 2",
        "MIN_BID_HEAVY 9 plain: 5",
        "[symbol.XYZ]",
        "not in SYMBOLS: XYZ",
        "MIN_VOLUME 3.0 plain: 0.0",
        "[[time]] 1 open until 10:00, half days F, SOFI",
        "MIN_BID_HEAVY 6 plain: 5",
        "[[time]] 2 14:00 until close all symbols",
        "never on half days: 14:00 until 13:00",
        "MIN_BID_HEAVY 7 plain: 5",
        "",
    ]


@pytest.mark.parametrize(
    ("wall", "told"),
    [
        (
            "2026-11-27T09:45",
            [
                "At 2026-11-27 09:45 in New York, half day: close 13:00:",
                "  F     MIN_BID_HEAVY=6 ([[time]] 1), MIN_IMBALANCE_RATIO=3 ([symbol.F])",
                "  SOFI  MIN_BID_HEAVY=6 ([[time]] 1)",
                "  every other symbol: the plain settings",
            ],
        ),
        (
            "2026-11-25T14:00",
            [
                "At 2026-11-25 14:00 in New York, full day: close 16:00:",
                "  F     MIN_BID_HEAVY=7 ([[time]] 2), MIN_IMBALANCE_RATIO=3 ([symbol.F])",
                "  SOFI  MIN_BID_HEAVY=7 ([[time]] 2)",
                "  T     MIN_BID_HEAVY=7 ([[time]] 2)",
            ],
        ),
        (
            "2026-11-26T14:30",
            [
                "At 2026-11-26 14:30 in New York, closed day:",
                "  F     MIN_BID_HEAVY=9 ([symbol.F]), MIN_IMBALANCE_RATIO=3 ([symbol.F])",
                "  every other symbol: the plain settings",
            ],
        ),
    ],
)
def test_what_holds_now_is_shown_for_each_symbol_where_it_differs(toml: Path, wall: str, told: list[str]) -> None:
    assert now_lines(toml, wall) == told


def test_where_nothing_differs_now_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text('SYMBOLS = "F"\n[[time]]\nfrom = "open"\nuntil = "10:00"\nMIN_VOLUME = 5\n')
    assert now_lines(tmp_path / "x.toml", "2026-11-25T12:00")[1:] == ["  every symbol: the plain settings"]


def test_without_symbols_those_that_tables_name_are_shown_and_all_others_as_one(toml: Path) -> None:
    toml.write_text(TABLES.replace('SYMBOLS = "F,SOFI,T"', ""))
    assert [line.split()[:2] for line in now_lines(toml, "2026-11-25T14:00")[1:]] == [
        ["F", "MIN_BID_HEAVY=7"],
        ["SOFI", "MIN_BID_HEAVY=7"],
        ["XYZ", "MIN_BID_HEAVY=7"],
        ["any", "other"],
    ]


def test_a_year_beyond_the_calendar_is_warned_of(toml: Path) -> None:
    assert now_lines(toml, "2099-11-25T14:00")[0].startswith("WARNING: the exchange's holidays and half days are known")


def test_without_tables_nothing_is_added(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("MIN_VOLUME = 5\n")
    assert lines(tmp_path / "x.toml") == []
    plain = leadline("config", "show", "--config", "x.toml", cwd=tmp_path)
    assert plain.returncode == 0
    assert "differs" not in plain.stdout


def test_the_verb_shows_them_after_the_table(toml: Path) -> None:
    shown = leadline("config", "show", "--config", toml, cwd=toml.parent)
    assert (shown.returncode, shown.stderr) == (0, "")
    plain, _, tables = shown.stdout.partition("\n\nWhat differs by symbol and time")
    assert "MIN_BID_HEAVY" in plain
    assert "\n[[time]] 2  14:00 until close  all symbols\n" in tables
    assert "in New York, " in tables


def test_a_wrong_table_ends_a_verb_with_one_line_and_exit_code_2(toml: Path) -> None:
    toml.write_text(TABLES + "[symbol.T]\nMIN_BID_HEAVY = 0\n")
    ended = leadline("config", "show", "--config", "x.toml", cwd=toml.parent)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("leadline: MIN_BID_HEAVY in [symbol.T] of x.toml: ")
    assert "at least 1, at most 100" in ended.stderr
    assert ended.stderr.count("\n") == 1
