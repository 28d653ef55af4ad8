"""`leadline record` and the tape of `leadline grok` at a simulator: nothing secret on it, and its replay is the run."""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import zstandard

from leadline.tape.segments import segments_in
from support.processes import Simulator, grok, leadline, simulator, wait_until

pytestmark = pytest.mark.slow

FILLED = "SELECT intent_key FROM orders WHERE state = 'FILLED'"


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    with simulator(tmp_path, "--account-lag-ms", "200") as running:
        yield running


def bytes_on(tape: Path) -> bytes:
    """Everything that stands on a tape, unpacked by other code than the product's."""
    whole = b""
    for path in segments_in(tape):
        with path.open("rb") as file:
            whole += zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
        assert path.stat().st_mode & 0o777 == 0o600
    return whole


def secrets_of(sim: Simulator) -> list[str]:
    token = msgspec.json.decode(sim.token_path.read_bytes())["token"]
    customer = "100000001"  # OrderPlacementCustomerID of the simulator's account activity
    names = [sim.account_number, sim.account_hash, sim.app_secret, sim.client_id, customer]
    return [*names, token["access_token"], token["refresh_token"]]


def ran(sim: Simulator, *words: str) -> str:
    ended = leadline(*words, environment=sim.environment(), cwd=sim.home)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout


def test_record_keeps_what_is_streamed_until_it_is_stopped(sim: Simulator) -> None:
    environment = sim.environment(TAPE_DIR=str(sim.home / "tape"))
    words = [sys.executable, "-m", "leadline", "record", "--symbols", "F,SOFI"]
    with (sim.home / "record.log").open("wb") as log:
        process = subprocess.Popen(words, env=environment, cwd=sim.home, stdout=log, stderr=log)
    try:

        def books() -> dict[str, int]:
            if not (sim.home / "tape").exists():
                return {}
            told: dict[str, dict[str, int]] = msgspec.json.decode(ran(sim, "tape", "info", "tape", "--json"))
            return told["books"]

        wait_until(lambda: min(books().get(name, 0) for name in ("F", "SOFI")) >= 3, "three books of each")
        assert "being written" in ran(sim, "tape", "info", "tape")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait(10)
    told = msgspec.json.decode(ran(sim, "tape", "verify", "tape", "--json"))
    assert told["faults"] == []
    assert set(told["books"]) == {"F", "SOFI"}
    assert told["segments"][-1]["ending"] == "closed"
    assert told["runs"][0]["source"] == "record"
    assert told["events"]["streaming"] == 1
    assert not (sim.home / "leadline.db").exists()
    content = bytes_on(sim.home / "tape")
    assert not [secret for secret in secrets_of(sim) if secret.encode() in content]


def test_a_replay_gives_the_alerts_of_the_run_and_nothing_secret_is_on_the_tape(sim: Simulator) -> None:
    with grok(sim.environment(TAPE_DIR=str(sim.home / "tape"))) as running:
        running.wait_for_rows(FILLED, 2)
        running.wait_for_rows("SELECT id FROM alerts", 8)
        assert running.stop() == 0
    rows = running.rows("SELECT count(*) FROM alerts")[0][0]
    proved = ran(sim, "tape", "verify", "tape", "--db", str(running.db_path))
    match = re.search(r"(\d+) alerts, equal, sha256 ([0-9a-f]{64})", proved)
    assert match is not None, proved
    assert int(match.group(1)) == rows
    counts = msgspec.json.decode(ran(sim, "replay", "tape", "--as-recorded").splitlines()[-1])
    assert (counts["alerts"], counts["sha256"]) == (rows, match.group(2))
    content = bytes_on(sim.home / "tape")
    assert b"OrderFillCompleted" in content, "account activity is on it"
    assert not [secret for secret in secrets_of(sim) if secret.encode() in content]


def test_a_tape_that_cannot_be_begun_ends_record_with_a_fault_and_does_not_keep_grok_from_trading(
    sim: Simulator,
) -> None:
    (sim.home / "file").write_text("in the way")
    refused = leadline("record", "--symbols", "F", "--to", "file", environment=sim.environment(), cwd=sim.home)
    assert refused.returncode == 1, refused.stderr
    assert "no tape can be written here" in refused.stderr
    with grok(sim.environment(TAPE_DIR=str(sim.home / "file"))) as running:
        running.wait_for_rows(FILLED, 1)
        assert running.stop() == 0
        assert running.log.count("the tape cannot be written") == 1
    assert (sim.home / "file").read_text() == "in the way"


def test_a_tape_that_is_removed_while_it_is_recorded_is_begun_anew_and_record_ends_with_a_fault(
    sim: Simulator,
) -> None:
    tape = sim.home / "tape"
    words = [sys.executable, "-m", "leadline", "record", "--symbols", "F,SOFI", "--to", str(tape)]
    path = sim.home / "record.log"
    with path.open("wb") as log:
        process = subprocess.Popen(words, env=sim.environment(), cwd=sim.home, stdout=log, stderr=log)

    def frames() -> int:
        if not (tape.exists() and segments_in(tape)):
            return 0
        told: dict[str, dict[str, int]] = msgspec.json.decode(ran(sim, "tape", "info", "tape", "--json"))
        return sum(told["books"].values())

    try:
        wait_until(lambda: frames() >= 3, "three books")
        shutil.rmtree(tape)
        wait_until(lambda: frames() >= 3, "three books on a new tape", path.read_text)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 1
    finally:
        process.kill()
        process.wait(10)
    said = path.read_text()
    assert said.count("was removed or moved away") == 1
    assert re.search(r"frames received, \d+ LEFT OUT, ", said.splitlines()[-1])
    assert msgspec.json.decode(ran(sim, "tape", "verify", "tape", "--json"))["faults"] == []


def test_runs_that_were_killed_and_lost_connections_replay_as_they_went(sim: Simulator) -> None:
    """Three runs to one tape, two of them killed: each begins anew in a replay, as it did live."""
    for start in range(3):
        with grok(sim.environment(TAPE_DIR=str(sim.home / "tape")), f"grok-{start}") as running:
            wait_until(lambda: "streaming" in running.log, "streaming", lambda: running.log)
            before = len(running.rows("SELECT id FROM alerts"))
            running.wait_for_rows("SELECT id FROM alerts", before + 4)
            if start < 2:
                running.process.send_signal(signal.SIGKILL)
                running.process.wait()
            else:
                assert running.stop() == 0
    told = msgspec.json.decode(ran(sim, "tape", "info", "tape", "--json"))
    assert len(told["runs"]) == 3
    assert not [fault for fault in told["faults"] if not fault["is_torn"]]
    proved = ran(sim, "tape", "verify", "tape", "--db", "leadline.db")
    assert len(re.findall(r"alerts, equal", proved)) == 3
