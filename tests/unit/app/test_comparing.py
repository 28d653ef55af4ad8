"""Settings compared on a tape: each row is what a plain replay under them gives, in one process or in several."""

import itertools
import os
import signal
from pathlib import Path

import pytest

from golden.lean_tape import LISTING, START_S, lean_tape
from leadline.app.compared import Tally
from leadline.app.comparing import COMBINATIONS_MAX, combinations_of, compare
from leadline.app.replaying import Source
from leadline.app.taping import rule_texts
from leadline.core.alerts import Alert
from leadline.core.errors import ConfigurationError, ExitCode, TapeError
from leadline.core.imbalance import Direction
from leadline.core.market import Service
from leadline.grok import Counts
from leadline.replay import AlertLines, Result
from leadline.settings import Loaded, load
from leadline.tape.lines import read_tape
from leadline.tape.records import Frame
from support.machine import child, wait_until
from support.taping import write

S = 1_000_000_000
SETS = ["MIN_BID_HEAVY=4,5", "min_imbalance_ratio=2,2.5,3.5"]


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    (tmp_path / "lean.jsonl").write_bytes(lean_tape())
    frames = [Frame(t, 1 + n, frame) for n, (t, frame) in enumerate(read_tape(tmp_path / "lean.jsonl"))]
    strict = load({"min_bid_heavy": 5}, use_environment=False)
    told = {"listing": LISTING, "symbols": ["F", "T"], "settings": rule_texts(strict)}
    return write(tmp_path / "tape", [frames[:50], frames[50:]], **told)  # type: ignore[arg-type]


def loaded_with(changes: dict[str, str]) -> Loaded:
    return load(dict(changes), use_environment=False)


def changed(sets: list[str]) -> list[tuple[dict[str, str], Loaded]]:
    return [(one, loaded_with(one)) for one in combinations_of(sets)]


def nothing_told(what: str, done: int, total: int) -> None:
    pass


# which combinations


def test_every_combination_comes_once_and_the_first_name_varies_slowest() -> None:
    assert [tuple(one.values()) for one in combinations_of(SETS)] == list(
        itertools.product(("4", "5"), ("2", "2.5", "3.5"))
    )
    assert combinations_of([" Min_Volume = 1 , 2 "]) == [{"min_volume": "1"}, {"min_volume": "2"}]


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        (["MIN_BID_HEAVY"], "--set MIN_BID_HEAVY: these are no values; expected NAME=VALUE"),
        (["MIN_BID_HEAVY="], "these are no values"),
        (["MIN_BID_HEAVY=3,,4"], "these are no values"),
        (["=3"], "these are no values"),
        (["SYMBOLS=F"], "--set SYMBOLS=F: this cannot be compared; expected one of MAX_BOOK_AGE_SEC, "),
        (["WINDOW_SECONDS=5"], "this cannot be compared"),
        (["SCHWAB_APP_SECRET=x"], "this cannot be compared"),
        (["MIN_BID_HEAVY=3,3"], "it is given twice"),
        (["MIN_BID_HEAVY=3", "min_bid_heavy=4"], "it is given twice"),
        (["MIN_BID_HEAVY=1,2,3", f"MIN_ASK_HEAVY={','.join(map(str, range(1, 12)))}"], "these are 33 combinations"),
    ],
)
def test_what_cannot_be_compared_is_refused(sets: list[str], told: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        combinations_of(sets)
    assert told in str(error.value)
    assert error.value.exit_code is ExitCode.USAGE


def test_so_many_combinations_are_compared() -> None:
    sets = ["MIN_BID_HEAVY=1,2,3,4", "MIN_ASK_HEAVY=1,2,3,4,5,6,7,8"]
    assert len(combinations_of(sets)) == COMBINATIONS_MAX


# the rows


def test_each_row_is_what_a_plain_replay_gives(tape: Path) -> None:
    rows = compare(tape, None, loaded_with({}), changed(SETS), nothing_told).rows
    assert [row.settings for row in rows[:2]] == [
        {"MIN_BID_HEAVY": "4", "MIN_IMBALANCE_RATIO": "2"},
        {"MIN_BID_HEAVY": "4", "MIN_IMBALANCE_RATIO": "2"},
    ]
    assert rows[-1].settings == {"MIN_BID_HEAVY": "5", "MIN_IMBALANCE_RATIO": "3.5"}
    for row, changes in zip(rows, [{}, *combinations_of(SETS)], strict=True):
        lines = AlertLines()
        alerts: list[Alert] = []
        result = Source(tape, loaded_with(changes), None).judge(alerts.append)
        for alert in alerts:
            lines.line(alert)
        assert (row.sha256, row.alerts, row.snapshots) == (lines.sha256, len(alerts), result.counts.books)
        assert row.outcomes == {outcome.value: count for outcome, count in result.counts.totals().items()}
        assert list(row.outcomes) == [outcome.value for outcome in result.counts.totals()]
        assert sum(row.outcomes.values()) == row.snapshots
        assert row.bid_heavy + row.ask_heavy == row.alerts
    assert [row.alerts for row in rows] == [4, 4, 3, 0, 3, 3, 0], "worked out by hand from the tape"
    assert [row.median_imbalance_duration_s for row in rows] == [10, 10, 10, None, 10, 10, None]


def test_several_processes_give_the_same_rows_and_tell_their_progress(tape: Path) -> None:
    told: list[tuple[int, int]] = []
    plain = loaded_with({})
    here = compare(tape, None, plain, changed(SETS), nothing_told)
    there = compare(tape, None, plain, changed(SETS), lambda _, *done: told.append(done), large_bytes=0)
    assert there == here
    assert told == [(done, 7) for done in range(8)]


def test_a_fault_of_another_process_is_told_as_if_it_were_here(tape: Path) -> None:
    [segment] = tape.iterdir()
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0xFF
    segment.write_bytes(content)
    texts = []
    for large_bytes in (10**9, 0):
        with pytest.raises(TapeError) as error:
            compare(tape, None, loaded_with({}), changed(SETS), nothing_told, large_bytes=large_bytes)
        texts.append(str(error.value))
    assert texts[0] == texts[1]
    assert "the tape is damaged at byte" in texts[0]


def test_the_recorded_rule_is_compared_with_what_is_changed_of_it(tape: Path) -> None:
    """It was recorded with 5 venues; the plain settings of this replay say 4."""
    sets = ["MIN_BID_HEAVY=4,5"]
    rows = compare(tape, None, loaded_with({}), changed(sets), nothing_told, recorded_rule=True).rows
    assert [(row.settings["MIN_BID_HEAVY"], row.alerts) for row in rows] == [("recorded", 3), ("4", 4), ("5", 3)]


def test_a_table_that_hides_a_compared_setting_is_told(tape: Path, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("[symbol.F]\nMIN_BID_HEAVY = 5\nMIN_VOLUME = 3\n[symbol.T]\nMIN_VOLUME = 3\n")
    combinations = combinations_of(["MIN_BID_HEAVY=9", "MIN_ASK_HEAVY=9"])

    def with_tables(changes: dict[str, str]) -> Loaded:
        return load(dict(changes), toml=tmp_path / "x.toml", use_environment=False)

    comparison = compare(tape, None, with_tables({}), [(one, with_tables(one)) for one in combinations], nothing_told)
    assert comparison.remarks[0] == "[symbol.F] gives MIN_BID_HEAVY: where it holds, --set changes nothing"
    assert not [remark for remark in comparison.remarks if "[symbol.T]" in remark and "--set" in remark]
    assert [row.bid_heavy for row in comparison.rows] == [3, 2], "F's alerts stay, T's goes"


def test_what_a_plain_replay_says_beside_its_counts_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "lean.jsonl").write_bytes(lean_tape())
    remarks = compare(tmp_path / "lean.jsonl", None, loaded_with({}), changed(SETS), nothing_told).remarks
    assert remarks == ["no listing for F, T: judged on the first book service seen (see --listing)"]


def test_what_can_be_read_only_once_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TapeError, match="only once"):
        compare(tmp_path / "pipe", None, loaded_with({}), changed(SETS), nothing_told)


# the tally


def alert(second: float, direction: Direction, symbol: str = "F", **changes: object) -> Alert:
    values: dict[str, object] = {
        "total_bids": 3,
        "total_asks": 1,
        "heavy_venues": 4,
        "valid_venues": 5,
        "price_e5": 1,
        "bid": 1,
        "ask": 2,
        "imbalance_duration_ns": S,
        "vol_per_min": None,
        "streak_id": 1,
        "entry_blocked_by": None,
        "book_ns": 1,
        **changes,
    }
    return Alert(
        symbol=symbol,
        direction=direction,
        service=Service.NYSE_BOOK,
        recv_ns=round((START_S + second) * S),
        **values,  # type: ignore[arg-type]
    )


def tallied(*alerts: Alert) -> tuple[int, int, int, int, float | None]:
    tally = Tally()
    for one in alerts:
        tally.take(one)
    row = tally.row({}, Result(Counts(), {}, []))
    return row.bid_heavy, row.ask_heavy, row.blocked, row.chatter, row.median_imbalance_duration_s


def test_alerts_that_turn_within_ten_seconds_are_chatter() -> None:
    bid, ask = Direction.BID_HEAVY, Direction.ASK_HEAVY
    assert tallied(alert(0, bid), alert(10, ask), alert(20.000001, bid))[3] == 1, "ten seconds are within, more is not"
    assert tallied(alert(0, bid), alert(1, bid), alert(2, ask), alert(3, bid))[3] == 2
    assert tallied(alert(0, bid), alert(1, ask, "T"), alert(2, bid))[3] == 0, "each symbol by itself"


def test_blocked_alerts_and_the_median_are_counted() -> None:
    bid = Direction.BID_HEAVY
    alerts = [alert(n, bid, imbalance_duration_ns=n * S) for n in (10, 20, 40)]
    blocked = alert(50, Direction.ASK_HEAVY, imbalance_duration_ns=31 * S, entry_blocked_by="min_volume")
    assert tallied(*alerts) == (3, 0, 0, 0, 20)
    assert tallied(*alerts, blocked) == (3, 1, 1, 1, 25.5)
    assert tallied() == (0, 0, 0, 0, None)


# ended from outside


COMPARES = """
import sys
from pathlib import Path
from leadline.app.comparing import Task, _in_processes
from leadline.settings import load
try:
    _in_processes([Task(Path(sys.argv[1]), load(use_environment=False), None, False, {}, {})] * 3, lambda *_: None)
except KeyboardInterrupt:
    print("stopped")
"""


@pytest.mark.slow
def test_no_process_is_left_when_the_comparison_is_stopped(tmp_path: Path) -> None:
    """An interrupt to the first process alone, while two replays wait for ever: it ends at once, and they with it."""
    os.mkfifo(tmp_path / "pipe")
    with child(COMPARES, tmp_path / "pipe") as first:
        wait_until(lambda: len(replays_of(first.pid)) == 2, timeout_s=30)
        replays = replays_of(first.pid)
        first.send_signal(signal.SIGINT)
        assert first.communicate(timeout=60)[0] == "stopped\n"
        wait_until(lambda: not any(map(is_replay, replays)), timeout_s=30)


def replays_of(pid: int) -> list[int]:
    """The processes that were started for replays."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(child) for child in children if is_replay(int(child))]


def is_replay(pid: int) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
