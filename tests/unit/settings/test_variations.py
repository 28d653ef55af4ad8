"""Tables by symbol and time of day: read, refused in one line that names the place, and part of the hash."""

import re
from pathlib import Path
from typing import Any

import pytest

from leadline.core.errors import ConfigurationError, ExitCode
from leadline.core.exchange_days import DayKind
from leadline.core.thresholds import Scope
from leadline.settings import VARYING, Loaded, Settings, load, raw_of, settings_page, texts_of, variations_of

TABLES = """
[symbol.F]
MIN_IMBALANCE_RATIO = 3
[[time]]
from = "open"
until = "10:00"
symbols = ["F", "SOFI"]
days = "half"
MIN_BID_HEAVY = 6
"""


def loaded(text: str, tmp_path: Path, **changes: Any) -> Loaded:
    (tmp_path / "x.toml").write_text(text, encoding="utf-8")
    return load(changes, toml=tmp_path / "x.toml", use_environment=False)


def refused(text: str, tmp_path: Path) -> str:
    with pytest.raises(ConfigurationError) as told:
        loaded(text, tmp_path)
    assert told.value.exit_code is ExitCode.USAGE
    assert told.value.expected
    assert "\n" not in str(told.value)
    return str(told.value).replace(str(tmp_path / "x.toml"), "FILE")


def time(start: str = "open", end: str = "close", more: str = "MIN_BID_HEAVY = 6") -> str:
    return f'[[time]]\nfrom = "{start}"\nuntil = "{end}"\n{more}\n'


# what is read


def test_tables_are_read_with_their_scope_and_values(tmp_path: Path) -> None:
    by_symbol, by_time = loaded(TABLES, tmp_path).variations
    assert (by_symbol.table, by_symbol.scope) == ("[symbol.F]", Scope(frozenset({"F"})))
    assert by_symbol.values == {"min_imbalance_ratio": 3}
    assert (by_time.table, by_time.scope.symbols) == ("[[time]] 1", frozenset({"F", "SOFI"}))
    assert by_time.values == {"min_bid_heavy": 6}
    span = by_time.scope.span
    assert span is not None
    assert (str(span.start), str(span.end), span.days) == ("open", "10:00", DayKind.HALF)


def test_without_tables_nothing_differs(tmp_path: Path) -> None:
    assert loaded("MIN_BID_HEAVY = 6", tmp_path).variations == ()
    assert load(use_environment=False).variations == ()


def test_names_may_be_in_either_case_and_symbols_too(tmp_path: Path) -> None:
    lower = """
    [symbol.f]
    min_imbalance_ratio = "3"
    [[TIME]]
    FROM = "open"
    Until = "10:00"
    Symbols = "sofi, f"
    DAYS = "half"
    min_bid_heavy = 6
    """
    assert loaded(lower, tmp_path).variations == loaded(TABLES, tmp_path).variations


def test_tables_of_symbols_come_first_and_times_keep_the_order_of_the_file(tmp_path: Path) -> None:
    text = time(end="10:00") + "[symbol.T]\nMIN_VOLUME = 1\n[symbol.F]\nMIN_VOLUME = 1\n" + time(start="10:00")
    found = [(one.table, str(one.scope.span)) for one in loaded(text, tmp_path).variations]
    assert found == [
        ("[symbol.F]", "None"),
        ("[symbol.T]", "None"),
        ("[[time]] 1", "open until 10:00"),
        ("[[time]] 2", "10:00 until close"),
    ]


def test_the_plain_settings_of_a_file_with_tables_are_read_as_ever(tmp_path: Path) -> None:
    found = loaded("min_bid_heavy = 5\n" + TABLES, tmp_path)
    assert found.settings.min_bid_heavy == 5
    assert found.settings.min_imbalance_ratio == 2
    assert found.sources["min_bid_heavy"] == str(tmp_path / "x.toml")
    assert found.sources["min_imbalance_ratio"] == "default"


def test_the_command_line_gives_the_plain_setting_and_tables_stay(tmp_path: Path) -> None:
    found = loaded(TABLES, tmp_path, min_bid_heavy=9)
    assert found.settings.min_bid_heavy == 9
    assert found.variations == loaded(TABLES, tmp_path).variations


@pytest.mark.parametrize("name", VARYING)
def test_every_setting_of_rule_and_filter_may_differ_and_has_the_bounds_of_the_plain_one(
    name: str, tmp_path: Path
) -> None:
    is_flag = Settings.model_fields[name].annotation is bool
    assert loaded(f"[symbol.F]\n{name} = {'true' if is_flag else 7}", tmp_path).variations[0].values == {
        name: True if is_flag else 7
    }
    for wrong in ('"x"', "-1", "nan", "inf", "1e15", "[1]", '"10s"', *(() if is_flag else ("true",))):
        with pytest.raises(ConfigurationError) as plain:
            loaded(f"{name} = {wrong}", tmp_path)
        told = refused(f"[symbol.F]\n{name} = {wrong}", tmp_path)
        assert told.startswith(
            f"{name.upper()} in [symbol.F] of FILE: {plain.value.what}; expected {plain.value.expected}"
        )


def test_the_example_of_the_documents_is_read(tmp_path: Path) -> None:
    [example] = re.findall(r"```toml\n(.*?)```", settings_page(), re.DOTALL)
    assert [one.table for one in loaded(example, tmp_path).variations] == ["[symbol.F]", "[[time]] 1"]


def test_the_documents_name_what_may_differ() -> None:
    [line] = [line for line in settings_page().splitlines() if line.startswith("These may stand in tables: ")]
    assert re.findall(r"`(\w+)`", line) == [name.upper() for name in VARYING]


# what is refused


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[symbol.F]\nSYMBOLS = 'F'", "SYMBOLS in [symbol.F] of FILE: this setting cannot differ by symbol or time"),
        ("[symbol.F]\nWINDOW_SECONDS = 5", "WINDOW_SECONDS in [symbol.F] of FILE: this setting cannot differ"),
        ("[symbol.F]\nSCHWAB_APP_SECRET = 'x'", "SCHWAB_APP_SECRET in [symbol.F] of FILE: this setting cannot differ"),
        ("[symbol.F]\nMIN_BID_HEAVYS = 5", "MIN_BID_HEAVYS in [symbol.F] of FILE: there is no such setting"),
        ("[symbol.F]\nfrom = 'open'\nMIN_VOLUME = 1", "FROM in [symbol.F] of FILE: there is no such setting"),
        ("[symbol.F]\n", "[symbol.F] of FILE: this table changes nothing"),
        ("[symbol.F]\nmin_volume = 1\nMIN_VOLUME = 2", "MIN_VOLUME in [symbol.F] of FILE: it is given twice"),
        ("[symbol.F]\nMIN_VOLUME = 1\n[symbol.f]\nMIN_VOLUME = 2", "[symbol.F] of FILE: this symbol has two tables"),
        ('[symbol."F,SOFI"]\nMIN_VOLUME = 1', "[symbol.F,SOFI] of FILE: this is not one symbol"),
        ('[symbol." "]\nMIN_VOLUME = 1', "SYMBOLS in [symbol.] of FILE: no symbol is named"),
        ("[symbol]\nMIN_VOLUME = 1", "symbol of FILE: this is no table; expected a table for each symbol"),
        ('symbol = "F"', "symbol of FILE: this is no table"),
        ("[[symbol]]\nMIN_VOLUME = 1", "symbol of FILE: this is no table"),
        ("[symbol.F]\nMIN_VOLUME = 1\n[SYMBOL.T]\nMIN_VOLUME = 1", "SYMBOL of FILE: it is given twice"),
        ("[time]\nfrom = 'open'", "time of FILE: this is no list of tables"),
        ("time = ['open']", "time of FILE: this is no list of tables"),
        (time(more=""), "[[time]] 1 of FILE: this table changes nothing"),
        (time() + time(more="MIN_BID_HEAVY = 0"), "MIN_BID_HEAVY in [[time]] 2 of FILE: Input should be greater"),
        (time(more="TRADING_MODE = 'live'"), "TRADING_MODE in [[time]] 1 of FILE: this setting cannot differ"),
        (
            "[[time]]\nuntil = 'close'\nMIN_VOLUME = 1",
            "FROM in [[time]] 1 of FILE: it is missing; expected a time in New",
        ),
        ("[[time]]\nfrom = 'open'\nMIN_VOLUME = 1", "UNTIL in [[time]] 1 of FILE: it is missing"),
        (time(start="9:30"), "FROM in [[time]] 1 of FILE: this is no time of day; expected a time in New York: 09:30"),
        (time(end="open+15"), "UNTIL in [[time]] 1 of FILE: this is no time of day"),
        ("[[time]]\nfrom = 09:30:00\nuntil = 'close'\nMIN_VOLUME = 1", "FROM in [[time]] 1 of FILE: this is no time"),
        (
            time(more="days = 'closed'\nMIN_VOLUME = 1"),
            "DAYS in [[time]] 1 of FILE: there are no such days; expected full",
        ),
        (time(more="days = ['half']\nMIN_VOLUME = 1"), "DAYS in [[time]] 1 of FILE: there are no such days"),
        (time(more="symbols = []\nMIN_VOLUME = 1"), "SYMBOLS in [[time]] 1 of FILE: no symbol is named"),
        (time(more="symbols = 5\nMIN_VOLUME = 1"), "SYMBOLS in [[time]] 1 of FILE: "),
        (time(more="symbols = 'F SOFI'\nMIN_VOLUME = 1"), "SYMBOLS in [[time]] 1 of FILE: "),
    ],
)
def test_a_wrong_table_is_told_by_place_and_name(tmp_path: Path, text: str, told: str) -> None:
    assert refused(text, tmp_path).startswith(told)


@pytest.mark.parametrize(
    ("start", "end", "days", "told"),
    [
        ("10:00", "10:00", "", "10:00 until 10:00 is empty on full days (10:00 until 10:00)"),
        ("20:00", "04:00", "", "20:00 until 04:00 is empty on full days"),
        ("close", "open", "", "close until open is empty on full days (16:00 until 09:30)"),
        ("close", "open", "half", "close until open, half days is empty on half days (13:00 until 09:30)"),
        ("14:00", "close", "half", "14:00 until close, half days is empty on half days (14:00 until 13:00)"),
        ("close-180m", "12:00", "", "close-180m until 12:00 is empty on full days (13:00 until 12:00)"),
        ("open-571m", "close", "", "open-571m until close leaves the day"),
        ("open", "close+481m", "", "open until close+481m leaves the day"),
        ("close-800m", "close", "", "close-800m until close leaves the day"),
    ],
)
def test_a_span_that_never_comes_or_leaves_the_day_is_refused(
    tmp_path: Path, start: str, end: str, days: str, told: str
) -> None:
    more = f"days = '{days}'\nMIN_VOLUME = 1" if days else "MIN_VOLUME = 1"
    assert refused(time(start, end, more), tmp_path).startswith(f"[[time]] 1 of FILE: {told}")


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("14:00", "close", ""),  # never on half days: `config show` says so
        ("close-180m", "12:00", "half"),
        ("00:00", "24:00", ""),
        ("close", "close+240m", ""),
        ("open-330m", "open", ""),
        ("close-500m", "close-400m", "full"),
    ],
)
def test_a_span_that_comes_on_some_days_is_legal(tmp_path: Path, start: str, end: str, days: str) -> None:
    more = f"days = '{days}'\nMIN_VOLUME = 1" if days else "MIN_VOLUME = 1"
    assert len(loaded(time(start, end, more), tmp_path).variations) == 1


# texts, and the hash


def test_tables_come_back_from_their_texts(tmp_path: Path) -> None:
    text = TABLES + '[symbol."BRK/B"]\nMAX_RANGE_CENTS = 0.5\nDISABLE_ASK_HEAVY = true\n'
    text += "".join(time(start=f"{hour:02d}:00", more=f"MIN_IMBALANCE_RATIO = 2.{hour}") for hour in range(12))
    found = loaded(text, tmp_path).variations
    texts = texts_of(found)
    assert texts["[symbol.F] MIN_IMBALANCE_RATIO"] == "3"
    assert texts["[[time]] 1 SYMBOLS"] == "F,SOFI"
    assert variations_of(raw_of({"MIN_BID_HEAVY": "4", **texts}), "a tape") == found
    assert len(found) == 15


def test_texts_that_are_no_tables_are_none(tmp_path: Path) -> None:
    assert variations_of(raw_of({"MIN_BID_HEAVY": "4", "[nonsense] X": "1"}), "a tape") == ()


def test_the_hash_changes_with_tables_and_not_with_how_they_are_written(tmp_path: Path) -> None:
    base = loaded(TABLES, tmp_path).config_hash
    assert base != load(use_environment=False).config_hash
    seen = {base}
    for old, new in (
        ("MIN_IMBALANCE_RATIO = 3", "MIN_IMBALANCE_RATIO = 4"),
        ("symbol.F", "symbol.T"),
        ('"open"', '"open+1m"'),
        ('"10:00"', '"10:01"'),
        ('"SOFI"', '"T"'),
        ('days = "half"', 'days = "full"'),
        ('days = "half"', ""),
        ("MIN_BID_HEAVY = 6", "MIN_ASK_HEAVY = 6"),
    ):
        assert old in TABLES
        seen.add(loaded(TABLES.replace(old, new), tmp_path).config_hash)
    assert len(seen) == 9, "each of them decides otherwise"
    same = TABLES.replace('["F", "SOFI"]', '"sofi,f,F"').replace("MIN_BID_HEAVY = 6", 'min_bid_heavy = "6"')
    assert loaded(same, tmp_path).config_hash == base


def test_the_order_of_time_tables_is_in_the_hash_and_that_of_symbols_is_not(tmp_path: Path) -> None:
    f, t = "[symbol.F]\nMIN_VOLUME = 1\n", "[symbol.T]\nMIN_VOLUME = 2\n"
    assert loaded(f + t, tmp_path).config_hash == loaded(t + f, tmp_path).config_hash
    one, two = time(), time(more="MIN_BID_HEAVY = 7")
    assert loaded(one + two, tmp_path).config_hash != loaded(two + one, tmp_path).config_hash
