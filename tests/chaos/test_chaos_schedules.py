"""Seeded schedules of alerts, broker faults, stream faults, hand trades and restarts, judged by the broker's ledger.

`make chaos N=10000` plays more of them than a test run has time for; `make chaos SEED=...` shows one with its log.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from schedules.sabotage import SABOTAGES
from schedules.schedule import Kind, Schedule, Step, drawn
from schedules.shrinking import shrunk
from schedules.world import play

TESTS = Path(__file__).parent.parent
SCHEDULES = 300
FIRST = 1_000_000
"""Seeds that nobody looked at while the code was written."""

PLAIN_SEEDS_MAX = 200


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the machine as `make chaos` does: in a process of its own, where a seed says it all."""
    command = [sys.executable, "-m", "schedules", *words, "--jobs", "1"]
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_schedule_breaks_an_invariant() -> None:
    """Every invariant holds in each of many schedules."""
    ran = run("--schedules", str(SCHEDULES), "--first", str(FIRST))
    assert ran.returncode == 0, ran.stdout[-8_000:] + ran.stderr[-2_000:]
    assert f"{SCHEDULES} schedules from seed {FIRST}: 0 failed" in ran.stdout


def test_a_seed_says_it_all() -> None:
    """The same seed is the same run, to the last count."""
    assert drawn(7) == drawn(7)
    assert play(drawn(7)).counts == play(drawn(7)).counts


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SABOTAGES)
def test_a_planted_bug_is_found(name: str) -> None:
    """Each bug that users of such systems lost money by breaks an invariant in a schedule that holds without it."""
    ran = run("--sabotage", name, "--schedules", str(PLAIN_SEEDS_MAX))
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_failing_schedule_is_made_small() -> None:
    """Of many steps those two are left without which it does not fail."""
    steps = tuple(Step(at_ms, Kind.LEAN, {"symbol": "F", "side": "bid"}) for at_ms in range(40))
    schedule = Schedule(seed=0, horizon_ms=40, broker={}, trader={}, held={}, steps=steps)

    def fails(tried: Schedule) -> bool:
        return {3, 31} <= {step.at_ms for step in tried.steps}

    assert [step.at_ms for step in shrunk(schedule, fails).steps] == [3, 31]
