"""Alert ids over a thousand kills of two processes that contend for a file: never twice, never smaller."""

from collections import Counter
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from leadline.store.alerts import BLOCK_SIZE
from leadline.store.journal import Journal
from support.killing import parent, seed_for, witnessed
from support.processes import rows

pytestmark = pytest.mark.slow

KILLS = 1_000


class Holder(NamedTuple):
    """One process that held the file: how it ran, and the ids that it gave with the times of their alerts."""

    pid: int
    mode: str
    rows: str
    pace: str
    given: list[tuple[int, int]]


def holders_of(home: Path) -> list[Holder]:
    """Read the witness; nobody gives an id but the last who took the file."""
    holders: list[Holder] = []
    for kind, pid, *words in witnessed(home):
        if kind == "held":
            mode, alert_rows, pace = words
            holders.append(Holder(pid, mode, alert_rows, pace, []))
        else:
            assert kind == "given"
            assert pid == holders[-1].pid, f"{pid} gave id {words[0]} while {holders[-1].pid} held the file"
            holders[-1].given.append((words[0], words[1]))
    return holders


@pytest.mark.timeout(400)
def test_ids_grow_over_a_thousand_kills_of_contending_processes(tmp_path: Path) -> None:
    seed = seed_for("ids")
    report = parent("killing_ids", tmp_path, seed, KILLS)
    assert report["holders_killed"] >= KILLS, report
    files = sorted(tmp_path.glob("file-*"))
    holders = {home: holders_of(home) for home in files}
    for home in files:
        check_that_ids_grow(holders[home], f"seed {seed!r}, {home}")
        check_that_rows_are_what_was_given(home, holders[home], f"seed {seed!r}, {home}")
    assert report.get("LOCK_HELD", 0) > 0, "no start was ever refused: nobody contended"
    check_that_all_ways_were_killed(list(chain.from_iterable(holders.values())))


@pytest.mark.timeout(300)
def test_ids_that_no_commit_knows_survive_a_kill_at_every_line_of_the_next_start(tmp_path: Path) -> None:
    report = parent("killing_ids", tmp_path, "", entry="kill_at_each_line")
    assert report["kills"] >= 100, report
    burnt: list[Any] = [None]
    last = 0
    for kind, *words in witnessed(tmp_path):
        if kind == "fuse":
            burnt = words
            continue
        first_given, last_given = words
        assert first_given > last, f"{first_given} after {last}, behind a start that was killed at {burnt}"
        assert last_given > first_given
        last = last_given


def check_that_ids_grow(holders: list[Holder], where: str) -> None:
    """Each id is larger than the one given before it, by no more than what crashed starts had reserved."""
    last, starts = 0, 0
    for holder in holders:
        starts += 1
        ids = [alert_id for alert_id, _ in holder.given]
        if not ids:
            continue
        assert last < ids[0] <= last + 2 * BLOCK_SIZE * starts, f"{where}: {holder[:4]} gave {ids[0]} after {last}"
        assert all(later == earlier + 1 for earlier, later in pairwise(ids)), f"{where}: {holder[:4]} left ids out"
        last, starts = ids[-1], 0


def check_that_rows_are_what_was_given(home: Path, holders: list[Holder], where: str) -> None:
    """A row holds the alert that got its id; runs without rows leave none, but what they traded a later one may add."""
    given = {alert_id: (at_ns, holder.rows) for holder in holders for alert_id, at_ns in holder.given}
    kept = rows(home / "x.db", "SELECT id, recv_ns FROM alerts")
    intents = {intent.alert_id for path in home.glob("*.journal") for intent in Journal(path).intents}
    assert kept, f"{where}: no row was ever written"
    for alert_id, recv_ns in kept:
        at_ns, how = given[alert_id]
        assert recv_ns == at_ns, f"{where}: row {alert_id} is another alert's"
        assert how == "rows" or alert_id in intents, f"{where}: a run without rows wrote {alert_id}"


def check_that_all_ways_were_killed(holders: list[Holder]) -> None:
    """What was drawn was enough to mean something: every mode, starts that gave nothing, runs over several blocks."""
    ways = Counter((holder.mode, holder.rows, holder.pace) for holder in holders if holder.given)
    assert len(ways) == 8, ways
    assert min(ways.values()) >= 20, ways
    assert sum(1 for holder in holders if not holder.given) >= 20, "few were killed before their first id"
    assert sum(1 for holder in holders if len(holder.given) > 2 * BLOCK_SIZE) >= 10, "few used up what they reserved"
