"""Settings: one precedence, bounds on every number, nothing unknown, no secret in any text, a hash of what decides."""

import math
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import SecretStr

from leadline.core.errors import ConfigurationError, ExitCode
from leadline.settings import Loaded, Mode, Settings, bounds_text, load, settings_page, table_of
from support.machine import leadline

SECRET_NAMES = ("schwab_client_id", "schwab_app_secret", "schwab_account_id")
SECRETS = ["clientid-S3CR3T", "appsecret-S3CR3T", "accountid-S3CR3T"]
PLACES = {
    *("db_backup_dir", "db_backup_sec", "db_backups_kept", "tape_dir", "tape_segment_mb"),
    "db_path",
    "state_dir",
    "log_level",
    *(name for name in Settings.model_fields if name.startswith("schwab_")),
}


def kinds(name: str) -> set[Any]:
    annotation = Settings.model_fields[name].annotation
    return {annotation, *get_args(annotation)}


NUMBERS = [name for name in Settings.model_fields if kinds(name) & {int, float, Fraction}]
FLAGS = [name for name in Settings.model_fields if bool in kinds(name)]


def bound(name: str, *keys: str) -> tuple[str, Any] | None:
    for rule in Settings.model_fields[name].metadata:
        for key in keys:
            if hasattr(rule, key):
                return key, getattr(rule, key)
    return None


def just_outside(name: str) -> list[str]:
    """Give texts right below and right above what a numeric setting accepts."""
    step = 1 if int in kinds(name) else 1e-6
    low, high = bound(name, "ge", "gt"), bound(name, "le", "lt")
    assert low is not None, f"{name} has no lower bound"
    assert high is not None, f"{name} has no upper bound"
    below = low[1] - step if low[0] == "ge" else low[1]
    above = high[1] + max(step, high[1] * 1e-9) if high[0] == "le" else high[1]
    return [str(int(below) if step == 1 else below), str(int(above) if step == 1 else above)]


def on_the_edge(name: str) -> list[str]:
    """Give texts of the least and the largest accepted number that are bounds themselves."""
    found = (bound(name, "ge"), bound(name, "le"))
    return [str(edge[1]) for edge in found if edge is not None]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def refused(**values: object) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as told:
        load(dict(values), use_environment=False)
    assert told.value.exit_code is ExitCode.USAGE
    return told.value


# sources


def test_the_command_line_beats_the_environment_beats_dotenv_beats_toml_beats_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    toml = tmp_path / "leadline.toml"

    def told(**overrides: object) -> tuple[float, str]:
        loaded = load(overrides, toml=toml if toml.exists() else None)
        return loaded.settings.min_volume, loaded.sources["min_volume"]

    assert told() == (0, "default")
    toml.write_text("min_volume = 1")
    assert told() == (1, str(toml))
    Path(".env").write_text("MIN_VOLUME=2\n")
    assert told() == (2, ".env")
    monkeypatch.setenv("MIN_VOLUME", "3")
    assert told() == (3, "the environment")
    assert told(min_volume=4) == (4, "the command line")
    assert told(min_volume=None) == (3, "the environment")


def test_without_the_environment_neither_it_nor_dotenv_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("MIN_VOLUME=2\nNONSENSE=1\n")
    monkeypatch.setenv("MIN_VOLUME", "3")
    assert load(use_environment=False).settings.min_volume == 0


@pytest.mark.parametrize("line", ["min_volume = 5", "MIN_VOLUME = 5.0", 'Min_Volume = "5"'])
def test_toml_names_may_be_in_any_case(tmp_path: Path, line: str) -> None:
    (tmp_path / "x.toml").write_text(line)
    assert load(toml=tmp_path / "x.toml").settings.min_volume == 5


def test_a_variable_that_is_set_to_nothing_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template of .env has `SCHWAB_CLIENT_ID=`: an empty path would be the directory itself."""
    Path(".env").write_text("SCHWAB_CLIENT_ID=\nSCHWAB_TOKEN_PATH=\nSYMBOLS=F\n")
    monkeypatch.setenv("SYMBOLS", "")
    loaded = load()
    assert loaded.settings.schwab_client_id is None
    assert loaded.settings.schwab_token_path is None
    assert (loaded.settings.symbols, loaded.sources["symbols"]) == (("F",), ".env")


def test_an_unknown_variable_of_the_environment_is_somebody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIN_VOLUMES", "3")
    load()


@pytest.mark.parametrize("name", ["MIN_VOLUMES", "SCHWAB_APP_SECRT", "LIVE-QTY"])
def test_an_unknown_name_in_dotenv_is_refused_by_name_without_its_value(name: str) -> None:
    Path(".env").write_text(f"SYMBOLS=F\n{name}=S3CR3T\n")
    with pytest.raises(ConfigurationError, match=rf"^{name} from \.env: there is no such setting") as told:
        load()
    assert "S3CR3T" not in str(told.value)


def test_an_unknown_name_in_toml_is_refused_with_the_file(tmp_path: Path) -> None:
    toml = tmp_path / "x.toml"
    for text in ("min_volumes = 3", "[leadline]\nmin_volume = 3"):
        toml.write_text(text)
        with pytest.raises(ConfigurationError, match=rf"^(MIN_VOLUMES|LEADLINE) from {toml}: there is no such setting"):
            load(toml=toml)


@pytest.mark.parametrize(
    "line", ["MIN_VOLUME 500", "SCHWAB_APP_SECRET: S3CR3T", "S3CR3T", "=S3CR3T", "SYMBOLS='S3CR3T"]
)
def test_a_line_of_dotenv_that_is_no_setting_is_refused_by_number_without_its_text(line: str) -> None:
    Path(".env").write_text(f"SYMBOLS=F\n\n{line}\n# remark\nMIN_VOLUME=3\n")
    with pytest.raises(ConfigurationError, match=r"^\.env, line 3: this line is no setting") as told:
        load()
    assert "S3CR3T" not in str(told.value)


def test_dotenv_may_hold_remarks_quotes_and_exports() -> None:
    Path(".env").write_text("# mine\n\nexport MIN_VOLUME=\"7\"  # shares\nSYMBOLS='f,sofi'\n")
    settings = load().settings
    assert (settings.min_volume, settings.symbols) == (7, ("F", "SOFI"))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"SYMBOLS=F\n\xe9=1\n"])
def test_a_file_that_is_no_text_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"^\.env: this file cannot be read"):
        load()
    (tmp_path / ".env").rename(tmp_path / "x.toml")
    with pytest.raises(ConfigurationError, match=r"x\.toml: the settings file cannot be read"):
        load(toml=tmp_path / "x.toml")


def test_a_toml_file_that_is_missing_or_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml: .*cannot be read.*correct --config"):
        load(toml=tmp_path / "none.toml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(toml=tmp_path)
    (tmp_path / "x.toml").write_text("SYMBOLS = F")
    with pytest.raises(
        ConfigurationError, match=r"x\.toml: the settings file is no TOML \(.*line 1.*expected lines such"
    ):
        load(toml=tmp_path / "x.toml")


# numbers


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_outside_its_bounds_is_refused_with_the_bounds(name: str) -> None:
    bounds = bounds_text(Settings.model_fields[name].metadata)
    for text in just_outside(name):
        error = refused(**{name: text})
        assert str(error).startswith(f"{name.upper()} from the command line: "), text
        assert bounds in error.expected
        refused(**{name: float(text)})


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_on_its_bound_is_accepted(name: str) -> None:
    for text in on_the_edge(name):
        load({name: text}, use_environment=False)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value",
    [
        *("nan", "NaN", "inf", "-inf", "Infinity", "1e999", "five", "5x", "0x10", "--5", "5,5", " ", "1/0"),
        *(math.nan, math.inf, -math.inf, True, False, [5], {"a": 5}),
    ],
    ids=repr,
)
def test_a_number_is_nothing_but_a_number(name: str, value: object) -> None:
    refused(**{name: value})


@pytest.mark.parametrize("name", NUMBERS)
def test_the_same_holds_for_the_environment_dotenv_and_toml(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = just_outside(name)[1]
    with monkeypatch.context() as patch:
        patch.setenv(name.upper(), text)
        with pytest.raises(ConfigurationError, match=f"^{name.upper()} from the environment"):
            load()
    for toml_text in (text, "nan", "inf", "true", f'"{text}"'):
        (tmp_path / "x.toml").write_text(f"{name} = {toml_text}")
        with pytest.raises(ConfigurationError, match=rf"^{name.upper()} from .*x\.toml"):
            load(toml=tmp_path / "x.toml")
    (tmp_path / ".env").write_text(f"{name.upper()}=nan\n")
    with pytest.raises(ConfigurationError, match=rf"^{name.upper()} from \.env"):
        load()


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_is_true_or_false(name: str) -> None:
    for text, value in (("1", True), ("true", True), ("0", False), ("False", False)):
        assert getattr(load({name: text}, use_environment=False).settings, name) is value
    for text in ("maybe", "2", "", "tru"):
        refused(**{name: text})


def test_there_are_numbers_and_flags_to_test() -> None:
    assert len(NUMBERS) > 25
    assert len(FLAGS) > 3
    assert set(NUMBERS).isdisjoint(FLAGS)


@pytest.mark.parametrize(
    ("value", "exact"),
    [("2.1", (21, 10)), (2.1, (21, 10)), (2, (2, 1)), ("7/3", (7, 3)), ("2.0000001", (20_000_001, 10_000_000))],
)
def test_the_ratio_is_the_number_that_was_written(value: object, exact: tuple[int, int]) -> None:
    assert load({"min_imbalance_ratio": value}, use_environment=False).settings.min_imbalance_ratio == Fraction(*exact)


def test_the_ratio_is_exact_from_toml_too(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("min_imbalance_ratio = 2.1")
    assert load(toml=tmp_path / "x.toml").settings.min_imbalance_ratio == Fraction(21, 10)


def test_the_defaults_are_the_designs() -> None:
    settings = load(use_environment=False).settings
    assert settings.max_book_age_sec == 10
    assert settings.max_range_cents == 1
    assert settings.max_quote_age_sec is None
    assert (settings.min_bid_heavy, settings.min_ask_heavy, settings.min_venue_margin) == (4, 4, 2)
    assert settings.min_imbalance_ratio == 2
    assert settings.max_imbalance_gap_sec == 3
    assert settings.min_imbalance_duration_sec == 10
    assert settings.alert_throttle_sec == 60
    assert (settings.min_volume, settings.disable_bid_heavy, settings.disable_ask_heavy) == (0, False, False)
    assert (settings.alert_ttl_sec, settings.alert_flip_sec) == (2, 10)
    assert settings.live_poll_interval == 1
    assert settings.trading_mode is Mode.PAPER
    assert settings.schwab_base_url == "https://api.schwabapi.com"
    assert settings.symbols == ()


# symbols


@pytest.mark.parametrize(
    ("value", "symbols"),
    [
        ("F,SOFI", ("F", "SOFI")),
        (" f , sofi,,F, ", ("F", "SOFI")),
        ("BRK.B,BF/B,$SPX", ("BRK.B", "BF/B", "$SPX")),
        ("", ()),
        (" , ", ()),
        (["f", " sofi "], ("F", "SOFI")),
        ((), ()),
    ],
)
def test_symbols_are_separated_by_commas_upper_case_and_once_each(value: object, symbols: tuple[str, ...]) -> None:
    assert load({"symbols": value}, use_environment=False).settings.symbols == symbols


@pytest.mark.parametrize("value", ["F SOFI", "F;SO\nFI", "F\tG", "F,SO FI", "F\x00", 5, ["F", 5], [["F"]], True])
def test_what_is_no_list_of_symbols_is_refused(value: object) -> None:
    assert str(refused(symbols=value)).startswith("SYMBOLS from the command line: ")


def test_symbols_come_from_toml_as_text_or_list(tmp_path: Path) -> None:
    for text in ('symbols = "F,SOFI"', 'symbols = ["F", "SOFI"]'):
        (tmp_path / "x.toml").write_text(text)
        assert load(toml=tmp_path / "x.toml").settings.symbols == ("F", "SOFI")


@pytest.mark.parametrize(
    ("name", "value"), [("trading_mode", "LIVE"), ("trading_mode", "dryrun"), ("log_level", "info"), ("log_level", "")]
)
def test_a_word_that_is_none_of_the_known_ones_is_refused_with_them(name: str, value: str) -> None:
    error = refused(**{name: value})
    assert ("paper or live" if name == "trading_mode" else "DEBUG, INFO, WARNING or ERROR") in error.expected


# secrets


@pytest.fixture
def secretive(monkeypatch: pytest.MonkeyPatch) -> Loaded:
    for name, secret in zip(SECRET_NAMES, SECRETS, strict=True):
        monkeypatch.setenv(name.upper(), secret)
    return load()


def test_the_secrets_are_all_that_is_typed_so_and_are_listed_for_the_log(secretive: Loaded) -> None:
    typed = [name for name in Settings.model_fields if SecretStr in kinds(name)]
    assert tuple(typed) == SECRET_NAMES
    assert secretive.secrets() == SECRETS


def test_no_secret_is_in_any_text_of_the_settings(secretive: Loaded) -> None:
    texts = [repr(secretive.settings), str(secretive.settings), repr(table_of(secretive)), settings_page()]
    texts += [secretive.settings.model_dump_json(), repr(vars(secretive))]
    for text in texts:
        assert "S3CR3T" not in text


@pytest.mark.parametrize("name", SECRET_NAMES)
@pytest.mark.parametrize("value", [["S3CR3T"], {"S3CR3T": 1}, b"S3CR3T\xff"])
def test_a_secret_of_the_wrong_type_is_not_shown(name: str, value: object) -> None:
    error = refused(**{name: value})
    assert "S3CR3T" not in f"{error} {error!r} {error.__cause__!r} {error.__context__!r}"


def test_config_show_shows_every_setting_with_its_source_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("".join(f"{n.upper()}={s}\n" for n, s in zip(SECRET_NAMES, SECRETS, strict=True)))
    shown = leadline("config", "show", cwd=tmp_path, MIN_VOLUME="3")
    assert shown.returncode == 0
    assert "S3CR3T" not in shown.stdout + shown.stderr
    for name in Settings.model_fields:
        assert f"{name.upper()} " in shown.stdout
    [line] = [line for line in shown.stdout.splitlines() if line.startswith("MIN_VOLUME ")]
    assert line.split()[1:4] == ["3.0", "the", "environment"]


def test_a_wrong_setting_ends_a_verb_with_one_line_and_exit_code_2(tmp_path: Path) -> None:
    ended = leadline("config", "show", cwd=tmp_path, MIN_BID_HEAVY="0")
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("leadline: MIN_BID_HEAVY from the environment: ")
    assert ended.stderr.count("\n") == 1


def test_settings_cannot_be_changed() -> None:
    settings = load(use_environment=False).settings
    with pytest.raises(ValueError, match="frozen"):
        settings.min_volume = 5


# the hash


def another(name: str) -> object:
    """Give a legal value of a setting that is not its default."""
    field = Settings.model_fields[name]
    if bool in kinds(name):
        return not field.default
    if name in NUMBERS:
        edges = (bound(name, "le", "lt"), bound(name, "ge", "gt"))
        return next(edge[1] for edge in edges if edge is not None and edge[1] != field.default)
    return {"symbols": "F", "trading_mode": "live", "log_level": "DEBUG", "intent_sync": "power"}.get(
        name, "/elsewhere"
    )


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_hash_tells_apart_what_decides_and_nothing_else(name: str) -> None:
    default = load(use_environment=False).config_hash
    changed = load({name: another(name)}, use_environment=False).config_hash
    assert (changed == default) is (name in PLACES)


def test_the_hash_is_the_same_however_a_value_is_written_and_wherever_it_comes_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    default = load(use_environment=False).config_hash
    (tmp_path / "x.toml").write_text("max_book_age_sec = 10\nmin_imbalance_ratio = 2.0\nmin_bid_heavy = 4\n")
    monkeypatch.setenv("ALERT_THROTTLE_SEC", "60.0")
    monkeypatch.setenv("MIN_VOLUME", "0")
    assert load({"min_ask_heavy": "4"}, toml=tmp_path / "x.toml").config_hash == default


def test_the_hash_is_the_same_in_every_process(tmp_path: Path) -> None:
    code = "from leadline.settings import load; print(load({'symbols': 'F,SOFI'}, use_environment=False).config_hash)"
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "HOME": str(tmp_path / seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert hashes == {load({"symbols": "f, sofi"}, use_environment=False).config_hash}


def test_a_symbolic_link_to_the_database_is_the_database(tmp_path: Path) -> None:
    """Else each name would have a lock of its own, and two processes would write one file."""
    (tmp_path / "real.db").touch()
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    assert load({"db_path": tmp_path / "link.db"}, use_environment=False).settings.db_path == tmp_path / "real.db"
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    load({"db_path": tmp_path / "loop"}, use_environment=False)
