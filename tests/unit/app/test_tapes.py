"""The verbs of tapes as a person uses them: what they print, what they refuse, and with which exit code."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from golden.lean_tape import LISTING, START_S, lean_tape
from leadline.app.replaying import run_replay
from leadline.cli import app
from leadline.settings import Settings, load
from leadline.tape.lines import read_tape
from leadline.tape.records import Frame
from leadline.tape.segments import segments_in
from support.taping import write


class Ended(NamedTuple):
    code: int
    out: str
    err: str


def leadline(*words: str) -> Ended:
    """Run the command line in this process, in the directory that the test stands in."""
    ended = CliRunner().invoke(app, list(words))
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lean.jsonl").write_bytes(lean_tape())
    (tmp_path / "listing.json").write_text(json.dumps(LISTING))
    ok("import", "lean.jsonl", "tape", "--listing", "listing.json")
    return tmp_path


def ok(*words: str) -> str:
    ended = leadline("tape", *words)
    assert (ended.code, ended.err) == (0, "")
    return ended.out


def refused(*words: str) -> str:
    ended = leadline("tape", *words)
    assert ended.code == 2
    assert ended.err.startswith("leadline: ")
    assert ended.err.count("\n") == 1
    return ended.err


def replayed(tape: str) -> list[str]:
    run_replay(load(use_environment=False), Path(tape), None, Path(f"{tape}.alerts"))
    return Path(f"{tape}.alerts").read_text().splitlines()


def test_info_tells_times_books_and_sizes(home: Path) -> None:
    told = ok("info", "tape")
    assert "95 frames in " in told
    assert "from 2026-03-06 09:30:00.000 New York (14:30:00 UTC) to 2026-03-06 09:31:30.000 New York" in told
    assert "117 books: F 91, T 26" in told
    assert "1 malformed" in told
    assert "import of lean.jsonl" in told


def test_info_as_one_json_object(home: Path) -> None:
    told = json.loads(ok("info", "tape", "--json"))
    assert told["books"] == {"F": 91, "T": 26}
    [segment] = told["segments"]
    assert (segment["frames"], segment["ending"], segment["header"]["listing"]) == (95, "closed", LISTING)
    assert told["runs"][0]["source"] == "import of lean.jsonl"


def test_verify_is_silent_about_a_sound_tape_and_names_every_damage(home: Path) -> None:
    assert ok("verify", "tape") == "1 segments, 3 blocks read\n"
    [path] = segments_in(home / "tape")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    ended = leadline("tape", "verify", "tape")
    assert ended.code == 2
    assert f"DAMAGED: tape/{path.name}, byte " in ended.out
    assert "the checksum does not match" in ended.err
    assert json.loads(leadline("tape", "verify", "tape", "--json").out)["faults"]


def test_a_torn_end_is_told_and_no_error(home: Path) -> None:
    [path] = segments_in(home / "tape")
    path.write_bytes(path.read_bytes()[:-1])
    assert "torn end: " in ok("verify", "tape")
    assert "not ended in order" in ok("info", "tape")


@pytest.mark.parametrize("second", [1, 11, 45, 71, 87, 90])
def test_alerts_before_a_cut_are_those_of_the_whole_tape(home: Path, second: int) -> None:
    end_ns = (START_S + second) * 1_000_000_000
    ok("cut", "tape", "09:29", str(end_ns), "part")
    whole = [line for line in replayed("tape") if json.loads(line)["recv_ns"] < end_ns]
    assert replayed("part") == whole


@pytest.mark.parametrize(
    "start",
    ["09:30:10", "2026-03-06T09:30:10", "2026-03-06T14:30:10Z", "2026-03-06T14:30:10+00:00", "1772807410000000000"],
)
def test_times_can_be_written_in_many_ways(home: Path, start: str) -> None:
    assert "81 frames, 2026-03-06 09:30:10.000 New York" in ok("cut", "tape", start, "09:31:29", "part")


def test_a_cut_and_the_rest_merge_to_the_whole(home: Path) -> None:
    ok("cut", "tape", "09:00", "09:30:40", "one")
    ok("cut", "tape", "09:30:20", "10:00", "two")
    ok("merge", "two", "one", "both")
    assert replayed("both") == replayed("tape")


def test_a_cut_passes_over_damage_and_says_so() -> None:
    frames = [Frame(t, 0, frame) for t, frame in read_tape(Path("lean.jsonl"))]
    batches = [frames[start : start + 10] for start in range(0, 95, 10)]
    [path] = segments_in(write(Path("batches"), batches, source="record"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + b"?" + whole[len(whole) // 2 + 1 :])
    assert f"passed over: batches/{path.name}, byte " in ok("cut", "batches", "09:00", "10:00", "part")
    told = json.loads(ok("info", "part", "--json"))
    assert (told["segments"][0]["frames"], told["missing_frames"]) == (85, 10)
    ok("verify", "part")
    told = leadline("replay", "part")
    assert "10 frames are missing" in told.err


def test_a_cut_of_a_tape_of_which_nothing_is_left_is_one_gap(home: Path) -> None:
    [path] = segments_in(home / "tape")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + b"?" + whole[len(whole) // 2 + 1 :])
    ok("cut", "tape", "09:00", "10:00", "part")
    told = json.loads(ok("info", "part", "--json"))
    assert (told["segments"][0]["frames"], told["missing_frames"]) == (0, 95)


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        (["info", "none"], ["none: the tape cannot be read (No such file"]),
        (["info", "."], ["no segment in this directory"]),
        (["info", "lean.jsonl"], ["this is no segment of a tape"]),
        (["cut", "tape", "noon", "10:00", "new"], ["noon: this is no time", "expected 09:30"]),
        (["cut", "tape", "09:00", "09:30", "new"], ["nothing was received between these times"]),
        (["cut", "tape", "25:00", "26:00", "new"], ["25:00: this is no time"]),
        (["cut", "tape", "09:30", "10:00", "tape"], ["something here already", "nothing was written"]),
        (["merge", "tape"], ["the new tape is not named"]),
        (["merge", "none", "new"], ["none: the tape cannot be read"]),
        (["import", "listing.json", "new"], ["listing.json, line 1"]),
        (["import", "tape", "new"], ["this is a tape already"]),
        (["import", "none.zip", "new"], ["none.zip: this is no LEAN tick file"]),
        (["import", "none.csv", "new"], ["none.csv: this is no TAQ file"]),
        (["import", "lean.jsonl", "lean.jsonl"], ["something here already"]),
        (["verify", "tape", "--db", "none.db"], ["no whole run of grok"]),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line_and_makes_nothing(
    home: Path, words: list[str], texts: list[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    told = refused(*words)
    for text in texts:
        assert text in told
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before


def test_an_empty_file_of_lines_makes_no_tape(home: Path) -> None:
    (home / "empty.jsonl").write_text("\n")
    assert "there is no frame in it" in refused("import", "empty.jsonl", "new")


def test_a_newer_tape_is_refused_by_every_reader(home: Path) -> None:
    write(home / "newer", [], format=2, version="9.0")
    for words in (
        ["info", "newer"],
        ["verify", "newer"],
        ["cut", "newer", "09:00", "10:00", "x"],
        ["merge", "newer", "x"],
    ):
        assert "leadline 9.0 wrote this tape in format 2" in refused(*words)
    assert "leadline 9.0" in leadline("replay", "newer").err


def test_progress_is_shown_to_a_terminal_only(home: Path) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "leadline", "tape", "info", "tape"]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "TERM": "xterm"}
    with os.fdopen(leader, "rb", buffering=0) as screen:
        ended = subprocess.run(
            command, cwd=home, env=env, stdout=subprocess.PIPE, stderr=follower, check=True, timeout=60
        )
        os.close(follower)
        shown = b""
        try:
            while chunk := screen.read(65_536):
                shown += chunk
        except OSError:
            pass  # the terminal has hung up
    assert b"95 frames" in ended.stdout
    assert b"tape" in shown
