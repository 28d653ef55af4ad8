"""Tables by symbol and time in whole processes: grok judges by them, its tape records them, and the proof holds."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from support.processes import Grok, Simulator, leadline, simulator

pytestmark = pytest.mark.slow

NOBODY = {"MIN_BID_HEAVY": "100", "MIN_ASK_HEAVY": "100"}
"""Plain settings under which no symbol alerts."""

TABLES = """
[symbol.SOFI]
MIN_BID_HEAVY = 4
MIN_ASK_HEAVY = 4
[[time]]
from = "00:00"
until = "24:00"
symbols = "SOFI"
DISABLE_BID_HEAVY = true
DISABLE_ASK_HEAVY = true
"""


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    with simulator(tmp_path) as running:
        yield running


def ran(sim: Simulator, *words: str) -> str:
    ended = leadline(*words, environment=sim.environment(), cwd=sim.home)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout


def test_a_run_is_judged_by_its_tables_and_so_is_its_tape(sim: Simulator) -> None:
    """SOFI alone has a rule that a book can meet, and every alert of it opens nothing."""
    (sim.home / "x.toml").write_text(TABLES)
    environment = sim.environment(TAPE_DIR=str(sim.home / "tape"), **NOBODY)
    words = [sys.executable, "-m", "leadline", "grok", "--config", "x.toml"]
    with (sim.home / "grok.log").open("wb") as log:
        process = subprocess.Popen(words, env=environment, cwd=sim.home, stdout=log, stderr=log)
    try:
        running = Grok(process, sim.home / "grok.log", sim.home / "leadline.db")
        running.wait_for_rows("SELECT id FROM alerts", 3)
        assert running.stop() == 0
    finally:
        process.kill()
        process.wait(10)
    told = running.rows("SELECT symbol, direction, entry_blocked_by FROM alerts")
    for symbol, direction, blocked_by in told:
        assert (symbol, blocked_by) == ("SOFI", f"{direction.replace('-', '_')}_disabled")
    assert "equal, sha256" in ran(sim, "tape", "verify", "tape", "--db", str(running.db_path))
    counts = msgspec.json.decode(ran(sim, "replay", "tape", "--as-recorded").splitlines()[-1])
    assert counts["alerts"] == len(told)
