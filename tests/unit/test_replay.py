"""The replay verb: files in, lines out, and every wrong file told in one line."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from golden.lean_tape import LISTING, START_S, lean_tape
from leadline.app.taping import rule_texts
from leadline.app.terms import rule_of
from leadline.core.alerts import Alert, EntryFilter
from leadline.core.detector import Outcome
from leadline.replay import AlertLines, Result, Setup, alert_line, count_line, joined, replay
from leadline.settings import load
from leadline.tape.lines import Received
from leadline.tape.reader import Played, Recorded
from leadline.tape.records import Event, Frame, Gap
from leadline.tape.segments import segments_in
from support.machine import fill_up, leadline, small_disk
from support.taping import write

S = 1_000_000_000

STRANGE = {
    "NaN": b'{"data":[{"service":"NYSE_BOOK","timestamp":1,"content":[{"key":"F","1":NaN}]}]}',
    "deep": b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "bad UTF-8": b'{"data":[{"service":"NYSE_BOOK","timestamp":1,"content":[{"key":"F\xff","1":5}]}]}',
    "cut": b'{"data":[{"service":"NYSE_BOOK","timestamp":1,"content":[{"key":"F',
    "no objects": b'{"data":[{"service":"NYSE_BOOK","timestamp":1,"content":[5]}]}',
    "no key": b'{"data":[{"service":"NYSE_BOOK","timestamp":1,"content":[{"1":5}]}]}',
}


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    (tmp_path / "lean.jsonl").write_bytes(lean_tape())
    (tmp_path / "listing.json").write_text(json.dumps(LISTING))
    return tmp_path / "lean.jsonl"


def setup(**changes: object) -> Setup:
    values = {"symbols": None, "listing": dict(LISTING), "window_ns": 60 * S, "entries": EntryFilter(), **changes}
    return Setup(rule=rule_of(load(use_environment=False).settings), **values)  # type: ignore[arg-type]


def received(content: bytes) -> list[Received]:
    """Read wrapped lines the simple way."""
    frames = []
    for line in content.splitlines():
        head, _, rest = line.partition(b',"frame":')
        frames.append(Received(int(head.removeprefix(b'{"recv_ns":')), rest[:-1]))
    return frames


def run(frames: list[Received], **changes: object) -> tuple[list[Alert], Result]:
    alerts: list[Alert] = []
    result = replay(frames, setup(**changes), alerts.append)
    return alerts, result


def counts_of(result: Result) -> dict[str, int]:
    return {outcome.value: count for outcome, count in result.counts.totals().items() if count}


# the replay itself


def test_a_replay_counts_every_snapshot_once_and_hands_over_alerts_in_order() -> None:
    alerts, result = run(received(lean_tape()))
    assert [(alert.symbol, alert.recv_ns // S - START_S) for alert in alerts] == [
        ("F", 10),
        ("T", 10),
        ("F", 70),
        ("F", 86),
    ]
    assert sum(counts_of(result).values()) == result.counts.books == 118
    assert result.counts.frames == 95
    assert (result.dropped, result.unlisted) == ({"size": 1}, [])


def test_two_replays_in_one_process_know_nothing_of_each_other() -> None:
    first, second = run(received(lean_tape())), run(received(lean_tape()))
    assert first[0] == second[0]
    assert count_line(first[1], AlertLines()) == count_line(second[1], AlertLines())
    assert [alert_line(alert) for alert in first[0]] == [alert_line(alert) for alert in second[0]]


@pytest.mark.parametrize("name", STRANGE)
def test_a_malformed_frame_is_counted_as_one_snapshot_and_changes_nothing_else(name: str) -> None:
    frames = received(lean_tape())
    plain_alerts, plain = run(frames)
    alerts, result = run([*frames[:30], Received(frames[30].recv_ns, STRANGE[name]), *frames[30:]])
    assert alerts == plain_alerts
    assert counts_of(result) == counts_of(plain) | {"malformed": counts_of(plain)["malformed"] + 1}


def test_a_level_beyond_every_number_costs_that_level_only() -> None:
    """1e400 is no price: its entries are dropped and counted, the rest of the book is judged."""
    frames = received(lean_tape())
    changed = [Received(t, frame.replace(b'"0": 13.5,', b'"0": 1e400,')) for t, frame in frames]
    alerts, result = run(changed)
    assert [alert_line(alert) for alert in alerts] == [alert_line(alert) for alert in run(frames)[0]]
    assert result.dropped == {"size": 1, "price": 91}


def test_without_a_listing_each_symbol_is_judged_where_it_is_first_seen_and_is_named() -> None:
    alerts, result = run(received(lean_tape()), listing={})
    assert result.unlisted == ["F", "T"]
    assert {alert.service.value for alert in alerts} == {"NYSE_BOOK"}
    assert counts_of(result)["other_service"] == 13
    assert all(alert.entry_blocked_by is None for alert in alerts), "a replay trades nothing that could be refused"


def test_only_the_symbols_that_are_asked_for_are_judged() -> None:
    alerts, result = run(received(lean_tape()), symbols=frozenset({"T"}))
    assert {alert.symbol for alert in alerts} == {"T"}
    assert result.counts.books == 13 + 13 + 1
    assert result.counts.unsubscribed == 91


def test_what_forbids_entries_is_on_the_line() -> None:
    alerts, _ = run(received(lean_tape()), entries=EntryFilter(min_volume=90_001, disable_ask_heavy=True))
    blocked = [json.loads(alert_line(alert))["entry_blocked_by"] for alert in alerts]
    assert blocked == ["min_volume"] * 3 + ["min_volume,ask_heavy_disabled"]


def test_times_that_go_back_are_taken_as_they_stand() -> None:
    """A clock that was set back: the book's own time decides what is a repeat."""
    frames = received(lean_tape())
    _, result = run([*frames[:10], frames[3], *frames[10:]])
    assert counts_of(result)["backward"] == 2
    assert result.counts.books == 118 + 3


def test_an_alert_line_holds_what_the_issue_lists() -> None:
    alerts, _ = run(received(lean_tape()))
    names = json.loads(alert_line(alerts[0])).keys()
    asked = "recv_ns symbol direction ratio total_bids total_asks heavy_venues valid_venues price imbalance_duration"
    assert list(names)[:10] == asked.split()


def test_the_outcomes_are_in_the_rules_order_and_sum_to_the_snapshots() -> None:
    _, result = run(received(lean_tape()))
    line = json.loads(count_line(result, AlertLines()))
    assert list(line["outcomes"]) == [outcome.value for outcome in Outcome]
    assert sum(line["outcomes"].values()) == line["snapshots"]


def test_results_of_several_runs_add_up() -> None:
    one, two = run(received(lean_tape()))[1], run(received(lean_tape()), listing={"F": "N"})[1]
    one.counts.conflated, two.counts.conflated = {"F": 2}, {"F": 3, "T": 1}
    two.missing_frames = 7
    whole = joined([one, two])
    assert (whole.counts.books, whole.counts.frames, whole.missing_frames) == (2 * 118, 2 * 95, 7)
    assert sum(counts_of(whole).values()) == whole.counts.books
    assert counts_of(whole)["alerted"] == counts_of(one)["alerted"] + counts_of(two)["alerted"]
    assert (whole.dropped, whole.unlisted) == ({"size": 2}, ["T"])
    assert whole.counts.conflated == {"F": 5, "T": 1}


def test_the_sum_is_over_the_lines_and_their_ends() -> None:
    alerts, result = run(received(lean_tape()))
    lines = AlertLines()
    whole = b"".join(lines.line(alert) for alert in alerts)
    told = json.loads(count_line(result, lines))
    assert (told["alerts"], told["sha256"]) == (4, hashlib.sha256(whole).hexdigest())


# tapes of segments


def recorded() -> list[Recorded]:
    """The tape made by hand, numbered."""
    return [Recorded(number, t, number, frame) for number, (t, frame) in enumerate(received(lean_tape()))]


def f_alerts(items: list[Played]) -> list[int]:
    """The seconds at which F alerts."""
    alerts: list[Alert] = []
    replay(items, setup(), alerts.append)
    return [alert.recv_ns // S - START_S for alert in alerts if alert.symbol == "F"]


def test_a_lost_connection_ends_streaks_where_it_was_lost() -> None:
    items: list[Played] = [*recorded()]
    place = next(n for n, item in enumerate(items) if item.recv_ns == (START_S + 5) * S)
    assert f_alerts(items) == [10, 70, 86]
    lost = Event((START_S + 5) * S, "lost", "x")
    assert f_alerts([*items[:place], lost, *items[place:]]) == [15, 75, 86]
    other = Event((START_S + 5) * S, "gap", "x")
    assert f_alerts([*items[:place], other, *items[place:]]) == [10, 70, 86]


def test_superseded_books_are_counted_and_not_judged() -> None:
    """Without the three books before it, the one at 10 s follows its forerunner by 4 s: the streak begins anew."""
    items: list[Played] = [*recorded()]
    for place, item in enumerate(items):
        if isinstance(item, Recorded) and 7 <= item.recv_ns // S - START_S <= 9:
            part = frozenset({("NYSE_BOOK", "F"), ("NASDAQ_BOOK", "F")})
            items[place] = msgspec.structs.replace(item, superseded=part)
    alerts: list[Alert] = []
    result = replay(items, setup(), alerts.append)
    assert next(alert.recv_ns // S - START_S for alert in alerts if alert.symbol == "F") == 20
    assert result.counts.conflated == {"F": 3}
    assert result.counts.books == 118 - 3
    assert ("T", 10) in [(alert.symbol, alert.recv_ns // S - START_S) for alert in alerts], "T's were not superseded"


def test_gaps_are_counted() -> None:
    result = replay([Gap(1, 1, 5, 0, 0, ""), *recorded(), Gap(1, 1, 2, 0, 0, "")], setup(), lambda _: None)
    assert result.missing_frames == 7


# the verb


def ok(ended: subprocess.CompletedProcess[str]) -> tuple[list[dict[str, object]], dict[str, object]]:
    assert ended.returncode == 0, ended.stderr
    *alerts, counts = [json.loads(line) for line in ended.stdout.splitlines()]
    return alerts, counts


def refused(ended: subprocess.CompletedProcess[str], *texts: str) -> None:
    """Ended with exit code 2 and one line that says all this."""
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith("leadline: ")
    assert ended.stderr.count("\n") == 1, ended.stderr
    for text in texts:
        assert text in ended.stderr


def test_alerts_go_to_standard_output_before_the_counts(tape: Path) -> None:
    alerts, counts = ok(leadline("replay", tape.name, cwd=tape.parent))
    assert len(alerts) == 4
    assert counts["snapshots"] == 118


def test_a_missing_listing_is_said_once(tape: Path) -> None:
    ended = leadline("replay", tape.name, cwd=tape.parent)
    assert ended.stderr == f"{tape.name}: no listing for F, T: judged on the first book service seen (see --listing)\n"


def test_symbols_come_from_the_environment_or_the_command_line(tape: Path) -> None:
    for args, env in (((), {"SYMBOLS": "T"}), (("--symbols", "t"), {}), (("--symbols", "T"), {"SYMBOLS": "F"})):
        ended = leadline("replay", tape.name, *args, cwd=tape.parent, **env)
        assert {alert["symbol"] for alert in ok(ended)[0]} == {"T"}
        assert "91 snapshots of other symbols were left out (SYMBOLS=T)" in ended.stderr


def test_symbols_in_dotenv_that_leave_nothing_are_said(tape: Path) -> None:
    (tape.parent / ".env").write_text("SYMBOLS=TSLA\n")
    ended = leadline("replay", tape.name, cwd=tape.parent)
    assert ok(ended)[1]["snapshots"] == 1, "the malformed frame is nobody's"
    assert "117 snapshots of other symbols were left out (SYMBOLS=TSLA)" in ended.stderr


@pytest.mark.parametrize("content", [b"", b"\n\n", b'{"notify":[{"heartbeat":"1"}]}\n'])
def test_a_tape_without_a_book_gives_zeros_and_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "empty.jsonl").write_bytes(content)
    ended = leadline("replay", "empty.jsonl", cwd=tmp_path)
    alerts, counts = ok(ended)
    assert (alerts, counts["snapshots"]) == ([], 0)
    assert "empty.jsonl: no snapshot was judged" in ended.stderr


def test_no_credential_is_needed_and_no_database_is_made(tape: Path) -> None:
    before = {entry.name for entry in tape.parent.rglob("*")}
    ok(leadline("replay", tape.name, cwd=tape.parent, DB_PATH=str(tape.parent / "x.db")))
    assert {entry.name for entry in tape.parent.rglob("*")} == before


def test_a_broken_line_ends_the_replay_with_its_number(tape: Path) -> None:
    content = tape.read_bytes()
    tape.write_bytes(content[: len(content) // 2])
    number = content[: len(content) // 2].count(b"\n") + 1
    ended = leadline("replay", tape.name, cwd=tape.parent)
    refused(ended, f"lean.jsonl, line {number}: ", "was cut off", "expected", "do: cut the tape before this line")


@pytest.mark.parametrize(
    ("args", "texts"),
    [
        (["none.jsonl"], ["none.jsonl: the tape cannot be read (No such file"]),
        (["."], [".: there is no segment in this directory"]),
        (["listing.json"], ["listing.json, line 1: "]),
        (["lean.jsonl", "--listing", "none.json"], ["none.json: the listing cannot be read"]),
        (["lean.jsonl", "--listing", "lean.jsonl"], ["lean.jsonl: the listing cannot be read"]),
        (["lean.jsonl", "--alerts", "nowhere/a"], ["nowhere/a: the lines cannot be written (No such file"]),
        (["lean.jsonl", "--alerts", "."], [".: the lines cannot be written (Is a directory"]),
        (["lean.jsonl", "--config", "none.toml"], ["none.toml: the settings file cannot be read"]),
    ],
)
def test_a_wrong_file_is_told_in_one_line(tape: Path, args: list[str], texts: list[str]) -> None:
    ended = leadline("replay", *args, cwd=tape.parent)
    refused(ended, *texts, "expected")
    assert ended.stdout == ""


def test_a_tape_that_is_not_there_leaves_the_file_of_alerts_alone(tape: Path) -> None:
    (tape.parent / "alerts").write_text("yesterday's")
    refused(leadline("replay", "none.jsonl", "--alerts", "alerts", cwd=tape.parent), "none.jsonl")
    assert (tape.parent / "alerts").read_text() == "yesterday's"


@pytest.mark.parametrize("alerts", ["lean.jsonl", "./lean.jsonl", "link", "hard", "listing.json"])
def test_alerts_are_not_written_over_what_is_read(tape: Path, alerts: str) -> None:
    (tape.parent / "link").symlink_to(tape)
    os.link(tape, tape.parent / "hard")
    ended = leadline("replay", tape.name, "--listing", "listing.json", "--alerts", alerts, cwd=tape.parent)
    refused(ended, f"--alerts {alerts.removeprefix('./')}: ", "over a file that is read")
    assert tape.read_bytes() == lean_tape()
    assert json.loads((tape.parent / "listing.json").read_text()) == LISTING


def test_a_full_disk_is_told_in_one_line(tape: Path) -> None:
    with small_disk(tape.parent / "disk", 64) as disk:
        (disk / "alerts").write_text("")
        fill_up(disk)
        refused(
            leadline("replay", tape.name, "--alerts", disk / "alerts", cwd=tape.parent),
            "No space left",
            "free the disk",
        )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="NOT TESTED: this system has no /dev/full")
def test_a_standard_output_that_is_full_is_told_in_one_line(tape: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "leadline", "replay", str(tape), "--listing", "listing.json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=tape.parent,
        )
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith("leadline: standard output: the lines cannot be written (No space left")
    assert ended.stderr.count("\n") == 1, ended.stderr


def test_a_reader_that_has_seen_enough_ends_it_without_a_word(tape: Path) -> None:
    """`leadline replay TAPE | head -1`, with more output than a pipe holds."""
    many = (lean_tape().replace(b'"key": "F"', b'"key": "F%d"' % n) + b"\n" for n in range(10))
    (tape.parent / "long.jsonl").write_bytes(b"".join(many))
    command = f"{sys.executable} -m leadline replay long.jsonl; echo code $? >&2"
    env = {**os.environ, "ALERT_THROTTLE_SEC": "0", "MIN_IMBALANCE_DURATION_SEC": "0"}
    ended = subprocess.run(
        ["bash", "-c", f"({command}) | head -1"], capture_output=True, text=True, check=True, cwd=tape.parent, env=env
    )
    assert ended.stdout.count("\n") == 1
    assert ended.stderr == "code 0\n"


def test_an_interrupt_ends_it_with_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "slow.jsonl")
    process = subprocess.Popen(
        [sys.executable, "-m", "leadline", "replay", "slow.jsonl"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        # A runner that was itself started in the background has SIGINT ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    with (tmp_path / "slow.jsonl").open("wb") as slow:
        slow.write(lean_tape()[:20_000])
        slow.flush()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
    assert (process.returncode, told) == (1, "leadline: stopped\n")


# the verb with tapes of segments


def tape_of(home: Path, name: str = "kept", **changes: object) -> Path:
    """The tape made by hand as grok would have kept it, in blocks of ten."""
    frames = [Frame(t, 1 + n, frame) for n, (t, frame) in enumerate(received(lean_tape()))]
    batches = [frames[start : start + 10] for start in range(0, len(frames), 10)]
    told = {"listing": LISTING, "symbols": ["F", "T"], "settings": rule_texts(load(use_environment=False))}
    return write(home / name, batches, **{**told, **changes})  # type: ignore[arg-type]


def test_listing_and_symbols_come_from_the_header_and_options_win(tape: Path) -> None:
    tape_of(tape.parent)
    (tape.parent / "other.json").write_text('{"F": "Q", "T": "Q"}')
    ended = leadline("replay", "kept", cwd=tape.parent)
    assert [alert["service"] for alert in ok(ended)[0]] == ["NYSE_BOOK", "NASDAQ_BOOK", "NYSE_BOOK", "NYSE_BOOK"]
    assert ended.stderr == ""
    other = leadline("replay", "kept", "--listing", "other.json", "--symbols", "T", cwd=tape.parent)
    assert [alert["symbol"] for alert in ok(other)[0]] == ["T"]


def test_a_symbol_without_a_listing_opens_nothing_in_the_replay_of_a_run_as_it_did_live(tape: Path) -> None:
    tape_of(tape.parent, listing={"F": "N"})
    alerts = ok(leadline("replay", "kept", cwd=tape.parent))[0]
    assert {(alert["symbol"], alert["entry_blocked_by"]) for alert in alerts} == {
        ("F", None),
        ("T", "unresolved_listing"),
    }


def test_another_rule_is_said_in_one_line_and_as_recorded_takes_the_tapes(tape: Path) -> None:
    loaded = load({"min_bid_heavy": 5, "min_imbalance_ratio": "2.5"}, use_environment=False)
    tape_of(tape.parent, settings=rule_texts(loaded))
    ended = leadline("replay", "kept", cwd=tape.parent, MIN_IMBALANCE_RATIO="3")
    assert ended.stderr == (
        "kept: recorded under MIN_BID_HEAVY=5, MIN_IMBALANCE_RATIO=5/2; replayed under MIN_BID_HEAVY=4, "
        "MIN_IMBALANCE_RATIO=3 (--as-recorded takes the recorded ones)\n"
    )
    assert len(ok(ended)[0]) == 2
    taken = leadline("replay", "kept", "--as-recorded", cwd=tape.parent, MIN_IMBALANCE_RATIO="3")
    assert (len(ok(taken)[0]), taken.stderr) == (3, "")


@pytest.mark.parametrize("name", ["lean.jsonl", "bare"])
def test_as_recorded_needs_a_rule_on_the_tape(tape: Path, name: str) -> None:
    tape_of(tape.parent, "bare", settings={})
    refused(leadline("replay", name, "--as-recorded", cwd=tape.parent), f"{name}: no rule is recorded in this tape")


def test_each_run_of_a_tape_is_judged_anew(tape: Path) -> None:
    one = ok(leadline("replay", tape_of(tape.parent).name, cwd=tape.parent))
    tape_of(tape.parent, run="run-2", start_ns=START_S * S + 1)
    alerts, counts = ok(leadline("replay", "kept", cwd=tape.parent))
    assert alerts == one[0] * 2
    assert (counts["snapshots"], counts["alerts"]) == (2 * 118, 8)


def test_a_torn_end_is_said_and_damage_ends_the_replay_with_its_place(tape: Path) -> None:
    [path] = segments_in(tape_of(tape.parent))
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    ended = leadline("replay", "kept", cwd=tape.parent)
    assert len(ok(ended)[0]) == 4
    assert f"kept/{path.name}, byte " in ended.stderr
    path.write_bytes(content[: len(content) // 2] + b"?" + content[len(content) // 2 + 1 :])
    refused(leadline("replay", "kept", cwd=tape.parent), f"kept/{path.name}: the tape is damaged at byte ", "tape cut")


def test_a_segment_alone_says_that_it_is_not_the_beginning(tape: Path) -> None:
    frames = [Frame(t, 1 + n, frame) for n, (t, frame) in enumerate(received(lean_tape()))]
    kept = write(tape.parent / "kept", [frames[:50], frames[50:]], size_max=1, listing=LISTING, symbols=["F", "T"])
    last = segments_in(kept)[-1]
    ended = leadline("replay", last, cwd=tape.parent)
    assert ok(ended)[1]["frames"] == 45
    assert "it begins with frame 50 of its run" in ended.stderr


def test_alerts_are_not_written_over_a_segment(tape: Path) -> None:
    [path] = segments_in(tape_of(tape.parent))
    content = path.read_bytes()
    refused(leadline("replay", "kept", "--alerts", path, cwd=tape.parent), "over a file that is read")
    assert path.read_bytes() == content
