"""A run and its tape: the header says all that a replay must know, and nothing that is secret."""

import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from leadline.app.recording import end_recording
from leadline.app.taping import RULE_SETTINGS, as_recorded, recorder_of, rule_texts, secrets_of, tape_dir_of
from leadline.app.terms import changes_of, entries_of, rule_of
from leadline.core.errors import ConfigurationError, ExitCode, TapeError
from leadline.core.market import Listing, Service
from leadline.schwab.rest import AccountNumber
from leadline.settings import Loaded, Settings, load
from leadline.tape.records import Header
from support.machine import wait_until
from support.taping import START_NS, header, records_on

TABLES = """
[symbol.F]
MIN_IMBALANCE_RATIO = 2.1
[[time]]
from = "open"
until = "10:00"
symbols = ["F", "T"]
MIN_BID_HEAVY = 6
DISABLE_BID_HEAVY = true
[[time]]
from = "close-30m"
until = "close"
days = "half"
MAX_BOOK_AGE_SEC = 0.5
"""

OTHER: dict[object, object] = {bool: True, int: 7, float: 7.0, Fraction: "7/2", str: "DEBUG"}


class StillClock:
    def wall_ns(self) -> int:
        return START_NS

    def boot_ns(self) -> int:
        return 5


def loaded_of(**changes: Any) -> Loaded:
    return load(changes, use_environment=False)


def decided_by(loaded: Loaded) -> tuple[object, ...]:
    settings = loaded.settings
    return rule_of(settings), entries_of(settings), changes_of(loaded), settings.window_seconds


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_that_changes_what_a_tape_gives_is_in_the_header(name: str) -> None:
    other = {**OTHER, "max_quote_age_sec": 7.0}.get(name, OTHER.get(type(getattr(loaded_of().settings, name))))
    try:
        changed = loaded_of(**{name: other})
    except ConfigurationError:
        changed = loaded_of()  # out of its bounds: nothing that decides has such
        assert name not in RULE_SETTINGS
    assert (decided_by(changed) != decided_by(loaded_of())) == (name in RULE_SETTINGS)


def test_a_rule_comes_back_from_its_header_exactly() -> None:
    odd = loaded_of(
        min_imbalance_ratio=2.1,
        max_quote_age_sec=0.1,
        max_range_cents=0.5,
        min_imbalance_duration_sec=0,
        disable_ask_heavy=True,
        min_volume=12.5,
    )
    assert rule_of(odd.settings).min_ratio == Fraction(21, 10)
    for loaded in (loaded_of(), odd):
        assert decided_by(as_recorded(header(settings=rule_texts(loaded)))) == decided_by(loaded)


def with_tables(tmp_path: Path, text: str = TABLES) -> Loaded:
    (tmp_path / "x.toml").write_text(text)
    return load(toml=tmp_path / "x.toml", use_environment=False)


def test_what_differs_by_symbol_and_time_comes_back_from_its_header(tmp_path: Path) -> None:
    loaded = with_tables(tmp_path)
    texts = rule_texts(loaded)
    assert texts["[symbol.F] MIN_IMBALANCE_RATIO"] == "21/10"
    assert texts["[[time]] 1 UNTIL"] == "10:00"
    found = as_recorded(header(settings=texts))
    assert decided_by(found) == decided_by(loaded)
    assert found.variations == loaded.variations
    assert len(changes_of(found)) == 3


def test_a_tape_without_tables_replays_without_any(tmp_path: Path) -> None:
    """One that was recorded before there were any, and one of a run that had none."""
    assert as_recorded(header(settings={"MIN_BID_HEAVY": "9"})).variations == ()
    assert not [name for name in rule_texts(loaded_of()) if "[" in name]


def test_a_table_of_a_header_that_is_not_understood_is_refused(tmp_path: Path) -> None:
    """To leave it out would judge otherwise than the run did."""
    for texts in (
        {"[symbol.F] MIN_SOMETHING_NEW": "3"},
        {"[[time]] 1 FROM": "open", "[[time]] 1 UNTIL": "noon", "[[time]] 1 MIN_VOLUME": "3"},
        {"[[time]] 1 MIN_VOLUME": "3"},
    ):
        with pytest.raises(ConfigurationError, match=r"of the tape's header \(run run-1\): "):
            as_recorded(header(settings=texts))


def test_a_recorded_rule_may_be_changed_in_its_plain_settings(tmp_path: Path) -> None:
    loaded = with_tables(tmp_path)
    found = as_recorded(header(settings=rule_texts(loaded)), {"min_bid_heavy": "8"})
    assert found.settings.min_bid_heavy == 8
    assert found.settings.min_ask_heavy == loaded.settings.min_ask_heavy
    assert found.variations == loaded.variations


def test_settings_of_a_header_that_do_not_decide_are_not_taken() -> None:
    settings = as_recorded(header(settings={"DB_PATH": "/elsewhere", "MIN_BID_HEAVY": "9", "UNKNOWN": "1"})).settings
    assert (settings.min_bid_heavy, settings.db_path) == (9, loaded_of().settings.db_path)


def test_without_tape_dir_grok_keeps_no_tape_and_record_keeps_one_beside_the_database(tmp_path: Path) -> None:
    loaded = load({"symbols": "F", "db_path": tmp_path / "x.db"}, use_environment=False)
    assert recorder_of(loaded, {}, [], StillClock()) is None
    assert list(tmp_path.iterdir()) == []
    recorder = recorder_of(loaded, {}, [], StillClock(), source="record")
    assert recorder is not None
    recorder.close()
    assert tape_dir_of(loaded.settings) == tmp_path / "tape"
    assert len(list((tmp_path / "tape").iterdir())) == 1


def test_the_header_says_what_the_run_is(tmp_path: Path) -> None:
    changes = {"symbols": "F,T", "tape_dir": tmp_path / "tape", "min_bid_heavy": 6, "schwab_client_id": "hush-hush"}
    loaded = load(changes, use_environment=False)
    listings = {"F": Listing("F", "N", Service.NYSE_BOOK), "T": Listing("T", "q", Service.NASDAQ_BOOK)}
    recorder = recorder_of(loaded, listings, ["13572468"], StillClock())
    assert recorder is not None
    recorder.event(1, "lost", "13572468")
    recorder.close()
    told, event, _ = records_on(tmp_path / "tape")
    assert isinstance(told, Header)
    assert (told.source, told.symbols, told.listing) == ("live", ["F", "T"], {"F": "N", "T": "q"})
    assert (told.config_hash, told.start_ns, told.first_frame) == (loaded.config_hash, START_NS, 0)
    assert told.settings == rule_texts(loaded)
    assert told.settings["MIN_BID_HEAVY"] == "6"
    for secret in ("hush-hush", "13572468", str(tmp_path)):
        assert secret not in str((told, event))


def test_a_tape_that_cannot_be_begun_does_not_keep_grok_from_its_positions(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    loaded = load({"symbols": "F", "tape_dir": tmp_path / "file"}, use_environment=False)
    recorder = recorder_of(loaded, {}, [], StillClock())
    assert recorder is not None
    recorder.frame(START_NS, 1, b"{}")
    wait_until(lambda: recorder.state.error is not None)
    assert end_recording(recorder) == ExitCode.FAULT
    assert recorder.state.dropped_frames == 1
    assert sum("cannot be written" in record.message for record in caplog.records) == 1


def test_a_tape_that_cannot_be_begun_ends_the_start_of_record_as_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    loaded = load({"symbols": "F", "tape_dir": tmp_path / "file"}, use_environment=False)
    with pytest.raises(TapeError, match="no tape can be written here") as refused:
        recorder_of(loaded, {}, [], StillClock(), source="record")
    assert refused.value.exit_code == ExitCode.FAULT


def test_record_that_lost_frames_says_how_many_in_its_last_line_and_ends_with_a_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    loaded = load({"symbols": "F", "tape_dir": tmp_path / "tape"}, use_environment=False)
    for lost, code in ((0, ExitCode.OK), (2, ExitCode.FAULT)):
        recorder = recorder_of(loaded, {}, [], StillClock(), source="record")
        assert recorder is not None
        for number in range(2):
            recorder.frame(START_NS + number, number, b"{}")
        if lost:
            recorder.hand_over()
            recorder.hand_over()
            wait_until(lambda recorder=recorder: recorder.state.waiting_bytes == 0)  # type: ignore[misc]
            shutil.rmtree(tmp_path / "tape")  # so late that only the end can tell
        assert end_recording(recorder) == code
        assert ("2 LEFT OUT" in caplog.records[-1].message) == bool(lost)
        assert "2 frames received" in caplog.records[-1].message


def test_all_accounts_of_the_login_are_secret() -> None:
    accounts = [AccountNumber("111", "aaa"), AccountNumber("222", "bbb")]
    loaded = load({"schwab_app_secret": "hush-hush"}, use_environment=False)
    secrets = secrets_of(accounts, loaded)
    assert set(secrets) == {"111", "aaa", "222", "bbb", "hush-hush"}
