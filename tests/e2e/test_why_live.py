"""`leadline why` beside a running grok, after its end, and after its death; the counts are those of its snapshots."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.processes import QUICK, Grok, Simulator, grok, leadline, simulator, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    with simulator(tmp_path) as running:
        yield running


def why(running: Grok, environment: dict[str, str], *words: str) -> str:
    ended = leadline("why", *words, environment=environment, cwd=running.db_path.parent)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def told(running: Grok, environment: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(why(running, environment, "--json"))
    return found


@pytest.mark.parametrize("inline_only", ["0", "1"])
def test_each_symbol_is_told_while_grok_runs_and_its_last_numbers_after_it_ended(
    sim: Simulator, inline_only: str
) -> None:
    environment = sim.environment(SYMBOLS="F,SOFI", INLINE_DISPATCH_ONLY=inline_only, **QUICK)
    with grok(environment) as running:
        running.wait_for_rows("SELECT symbol FROM judgements WHERE detail LIKE '%totals%'", 2)
        wait_until(
            lambda: why(running, environment, "F").startswith("grok is running since "),
            "a running grok",
            lambda: running.log,
        )
        assert why(running, environment).count("\nSOFI ") == 1
        assert running.stop() == 0
    ended = why(running, environment, "F", "SOFI")
    assert ended.startswith("grok stopped ")
    one = told(running, environment)
    [(detail,)] = running.rows("SELECT detail FROM processes WHERE role = 'grok'")
    assert json.loads(detail)["connection"] == "stopped"
    for symbol in one["symbols"]:
        assert symbol["snapshots"] == sum(symbol["outcomes"].values()) > 0
        assert symbol["last_evaluable"]["checks"]
    [(judged,)] = running.rows("SELECT sum(snapshots) FROM outcomes")
    assert judged == sum(symbol["snapshots"] for symbol in one["symbols"]), "nothing was malformed"


def test_a_killed_grok_is_not_told_as_a_running_one(sim: Simulator) -> None:
    environment = sim.environment(SYMBOLS="F", **QUICK)
    with grok(environment) as running:
        running.wait_for_rows("SELECT symbol FROM judgements")
        running.stop(signal.SIGKILL)
        wait_until(
            lambda: why(running, environment, "F").startswith("GROK IS NOT RUNNING"), "a dead grok", lambda: running.log
        )


def test_near_misses_get_rows_where_they_are_asked_for(sim: Simulator) -> None:
    environment = sim.environment(RECORD_NEAR_MISSES="true", MIN_IMBALANCE_RATIO="6", ALERT_THROTTLE_SEC="1")
    with grok(environment) as running:
        running.wait_for_rows("SELECT near_miss_id FROM near_misses")
        assert running.stop() == 0
    rows = running.rows("SELECT outcome, measured, needed, missed_by FROM near_misses")
    assert {row[0] for row in rows} <= {"few_venues", "margin", "ratio", "duration"}
    assert all(0 < missed_by == needed - measured for _, measured, needed, missed_by in rows)
