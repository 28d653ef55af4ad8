"""Group E of the fault catalogue on real processes: real locks, disks, pages and kills under a grok that trades."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep, time_ns

import apsw
import pytest

from leadline.store.journal import Journal
from leadline.store.schema import VERSION
from leadline.store.writer import Writer
from support.machine import fill_up, small_disk
from support.processes import Grok, Simulator, grok, leadline, rows, simulator, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

FILLED = "SELECT intent_key FROM orders WHERE state = 'FILLED'"
LOCK_S = 10


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    with simulator(tmp_path, "--account-lag-ms", "200") as running:
        yield running


@contextmanager
def write_lock(path: Path) -> Iterator[None]:
    """Hold the write lock, as a program does that forgot to commit."""
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(10_000)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def accounts_agree(sim: Simulator, running: Grok) -> None:
    """Every order that the broker has is on record with its alert, and every position is ours."""
    posts = len(sim.posts())
    orders = running.rows("SELECT intent_key, alert_id FROM orders")
    [path] = (sim.home / "state").glob("*/intents.journal")
    assert {key for key, _ in orders} >= {intent.key for intent in Journal(path).intents}
    assert posts == len(orders)
    alerts = {alert_id for (alert_id,) in running.rows("SELECT id FROM alerts")}
    assert {alert_id for _, alert_id in orders} <= alerts
    disposed = [alert_id for (alert_id,) in running.rows("SELECT alert_id FROM dispositions")]
    assert sorted(disposed) == sorted(alerts), "every alert has exactly one disposition"
    assert dict(running.rows("SELECT symbol, ours_qty FROM positions WHERE ours_qty <> 0")) == sim.positions()


def test_f60_a_write_lock_held_for_ten_seconds_loses_nothing(sim: Simulator) -> None:
    with grok(sim.environment(ALERT_THROTTLE_SEC="1", MIN_IMBALANCE_DURATION_SEC="0")) as running:
        running.wait_for_rows(FILLED)
        with write_lock(running.db_path):
            begun, begun_ns = monotonic(), time_ns()
            wait_until(lambda: "entries are held by the store" in running.log, "the hold", lambda: running.log)
            sleep(max(0.0, LOCK_S - (monotonic() - begun)))
            ended_ns = time_ns()
        wait_until(lambda: "entries are allowed again by the store" in running.log, "the end", lambda: running.log)
        assert running.stop() == 0
    meanwhile = running.rows("SELECT id FROM alerts WHERE recv_ns BETWEEN ? AND ?", begun_ns, ended_ns)
    assert meanwhile, "alerts of these ten seconds are there"
    assert "commits to" in running.log
    assert not (sim.home / "leadline.db.spill").exists()
    accounts_agree(sim, running)


def test_f61_a_full_disk_holds_entries_and_loses_nothing(sim: Simulator, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4_096) as disk:
        environment = sim.environment(DB_PATH=str(disk / "leadline.db"), ALERT_THROTTLE_SEC="1")
        with grok(environment) as running:
            running.wait_for_rows(FILLED)
            ballast = fill_up(disk)
            wait_until(lambda: "entries are held by the store" in running.log, "the hold", lambda: running.log)
            assert "full" in running.log
            sleep(3)
            ballast.unlink()
            wait_until(lambda: "entries are allowed again" in running.log, "the end", lambda: running.log)
            assert running.stop() == 0
        accounts_agree(sim, running)


def test_f61_a_journal_without_room_at_the_start_trades_nothing_and_says_so(sim: Simulator, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1_024) as disk:
        environment = sim.environment(STATE_DIR=str(disk / "state"))
        with grok(environment) as running:
            running.wait_for_rows("SELECT id FROM alerts")
            assert "inline_trader_dispatch disabled" in running.log
            assert "free the disk or correct STATE_DIR" in running.log
            assert running.stop() == 0
        assert sim.posts() == []
        refused = leadline("grok", environment=environment | {"INLINE_DISPATCH_ONLY": "1"}, cwd=sim.home)
        assert refused.returncode == 1
        assert "the intent journal cannot be made (No space left on device)" in refused.stderr


@pytest.mark.parametrize("damage", ["a page", "half the file", "all of it", "its WAL", "the file itself"])
def test_f63_a_damaged_database_is_refused_with_the_way_to_restore_it(tmp_path: Path, damage: str) -> None:
    with simulator(tmp_path) as sim:
        environment = sim.environment()
        path = tmp_path / "leadline.db"
        with grok(environment) as running:
            running.wait_for_rows(FILLED)
            running.process.kill()
            running.process.wait()
        wal = Path(f"{path}-wal")
        content = path.read_bytes()
        if damage == "a page":
            path.write_bytes(content[:4_096] + b"\xff" * 200 + content[4_296:])
        elif damage == "half the file":
            wal.unlink()
            path.write_bytes(content[: len(content) // 2])
        elif damage == "all of it":
            wal.unlink()
            path.write_bytes(b"")
        elif damage == "its WAL":
            wal.write_bytes(wal.read_bytes()[: wal.stat().st_size // 2])
        else:
            path.unlink()
        before = path.read_bytes() if path.exists() else None
        refused = leadline("grok", environment=environment, cwd=tmp_path)
    assert refused.returncode == 1, refused.stderr
    [line] = refused.stderr.strip().splitlines()[-1:]
    assert f"DB_PATH={path}" in line
    assert "leadline db restore" in line
    assert (path.read_bytes() if path.exists() else None) == before


def test_f68_a_database_that_is_removed_while_grok_runs_is_kept_beside_and_can_be_put_back(sim: Simulator) -> None:
    path = sim.home / "leadline.db"
    with grok(sim.environment(ALERT_THROTTLE_SEC="1")) as running:
        running.wait_for_rows(FILLED)
        path.unlink()
        wait_until(lambda: "entries are held by the store" in running.log, "the hold", lambda: running.log)
        assert running.stop() == 0
    rescued = sim.home / "leadline.db.rescued-1"
    assert str(rescued) in running.log
    refused = leadline("grok", environment=sim.environment(), cwd=sim.home)
    assert refused.returncode == 1
    assert str(rescued) in refused.stderr
    restored = leadline("db", "restore", str(rescued), environment=sim.environment(), cwd=sim.home)
    assert restored.returncode == 0, restored.stderr
    with grok(sim.environment(), "again") as again:
        wait_until(lambda: "trading is ARMED" in again.log, "armed", lambda: again.log)
        assert again.stop() == 0
    accounts_agree(sim, again)


def test_f69_after_a_restore_of_an_older_backup_the_journal_and_the_broker_fill_the_gap(sim: Simulator) -> None:
    environment = sim.environment(ALERT_THROTTLE_SEC="1")
    with grok(environment) as running:
        running.wait_for_rows(FILLED)
        saved = leadline("db", "backup", "--to", str(sim.home / "old.db"), environment=environment, cwd=sim.home)
        assert saved.returncode == 0, saved.stderr
        running.wait_for_rows(FILLED, len(running.rows(FILLED)) + 3)
        assert running.stop() == 0
    [(last_id,)] = running.rows("SELECT max(id) FROM alerts")
    restored = leadline("db", "restore", str(sim.home / "old.db"), environment=environment, cwd=sim.home)
    assert restored.returncode == 0, restored.stderr
    assert len(running.rows("SELECT id FROM alerts")) < last_id
    with grok(environment, "again") as again:
        wait_until(lambda: "trading is ARMED" in again.log, "armed", lambda: again.log)
        open_orders = "SELECT 1 FROM orders WHERE state NOT IN ('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED')"
        wait_until(lambda: not again.rows(open_orders), "the orders since then to be found", lambda: again.log)
        again.wait_for_rows(f"SELECT id FROM alerts WHERE id > {last_id}")
        assert again.stop() == 0
    assert len(sim.posts()) == len(again.rows("SELECT intent_key FROM orders"))
    ours = dict(again.rows("SELECT symbol, ours_qty FROM positions WHERE state = 'OPEN' AND ours_qty <> 0"))
    locked = {symbol for (symbol,) in again.rows("SELECT symbol FROM positions WHERE state <> 'OPEN'")}
    assert {s: q for s, q in sim.positions().items() if s not in locked} == ours


def test_a_database_in_memory_is_copied_to_disk_and_comes_back_after_a_reboot(sim: Simulator, tmp_path: Path) -> None:
    with small_disk(tmp_path / "memory", 16_384) as memory:
        path = memory / "leadline.db"
        environment = sim.environment(DB_PATH=str(path))
        with grok(environment) as running:
            running.wait_for_rows(FILLED)
            assert running.stop() == 0
        orders = running.rows("SELECT intent_key, state FROM orders ORDER BY 1")
        copies = list((sim.home / ".local" / "share" / "leadline" / "backups").rglob("*.auto.db"))
        assert len(copies) >= 2, "one at the start, one at the end"
        for left in memory.iterdir():
            left.unlink()  # as memory forgets
        refused = leadline("grok", environment=environment, cwd=sim.home)
        assert refused.returncode == 1
        assert "leadline db restore" in refused.stderr
        restored = leadline("db", "restore", "--newest", environment=environment, cwd=sim.home)
        assert restored.returncode == 0, restored.stderr
        assert rows(path, "SELECT intent_key, state FROM orders ORDER BY 1") == orders
        with grok(environment, "again") as again:
            wait_until(lambda: "trading is ARMED" in again.log, "armed", lambda: again.log)
            assert again.stop() == 0
        accounts_agree(sim, again)


STRACE = ["strace", "-f", "-qq", "-o", "/dev/null"]


def needs_strace() -> None:
    if subprocess.run(["strace", "-V"], capture_output=True, check=False).returncode != 0:
        pytest.skip("NOT TESTED: strace is not installed (Debian: apt-get install strace)")


WRITE_100 = """
import sys
from pathlib import Path
from leadline.store.writer import Writer
writer = Writer(Path(sys.argv[1]), 1)
writer.start()
for number in range(100):
    writer.put(("INSERT INTO counters VALUES (?, ?)", (f"n{number}", number)))
    if number % 10 == 0:
        writer.flush(0.3)
writer.close(60)
print("closed")
"""

UPGRADE = """
import sys
from pathlib import Path
from leadline.store.writer import Writer
Writer(Path(sys.argv[1]), 5).close()
print("up")
"""

RECORD_20 = """
import sys
from pathlib import Path
from leadline.core.errors import JournalError
from leadline.store.journal import Journal
from support.intents import an_intent
journal = Journal(Path(sys.argv[1]), is_synced=True)
for number in range(20):
    try:
        journal.append(an_intent(number))
        print("sent", number, flush=True)
    except JournalError as error:
        print("refused", number, error.what, flush=True)
"""


def traced(inject: str, code: str, *words: object) -> "subprocess.CompletedProcess[str]":
    """Run Python code with real errors or kills at its calls to the system."""
    command = [*STRACE, "-e", f"trace={inject.partition(':')[0]}", "-e", f"inject={inject}"]
    return subprocess.run(
        [*command, sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[1])},
    )


@pytest.mark.parametrize("when", ["6", "6..9", "7+4"])
def test_f62_an_error_of_the_disk_while_syncing_loses_no_row(tmp_path: Path, when: str) -> None:
    needs_strace()
    path = tmp_path / "x.db"
    Writer(path, 1).close()
    done = traced(f"fdatasync,fsync:error=EIO:when={when}", WRITE_100, path)
    assert done.stdout.strip() == "closed", done.stderr
    assert rows(path, "SELECT count(*) FROM counters WHERE name GLOB 'n*'") == [(100,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_f62_an_intent_whose_sync_failed_is_not_sent_and_no_order_after_a_restart(tmp_path: Path) -> None:
    needs_strace()
    path = tmp_path / "intents.journal"
    Journal(path).close()
    done = traced("fdatasync:error=EIO:when=3..6", RECORD_20, path)
    sent = {int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("sent")}
    assert sent == {*range(20)} - {2, 3, 4, 5}, done.stdout + done.stderr
    assert "Input/output error" in done.stdout
    assert {intent.alert_id for intent in Journal(path).intents} == sent


@pytest.mark.parametrize("call", ["pwrite64", "fdatasync,fsync", "unlink,link,rename,ftruncate"])
def test_f65_a_migration_that_is_killed_at_any_call_is_whole_or_undone(tmp_path: Path, call: str) -> None:
    """Real kills: the process dies at its n-th call, for every n until it gets through."""
    needs_strace()
    old = Path(__file__).parents[1] / "unit" / "store" / "schemas" / "schema-1.sql"
    kills = 0
    for n in range(1, 500):
        path = tmp_path / f"{n}" / "x.db"
        path.parent.mkdir()
        connection = apsw.Connection(str(path))
        connection.execute(old.read_text())
        connection.close()
        done = traced(f"{call}:signal=SIGKILL:when={n}", UPGRADE, path)
        kills += done.returncode != 0
        is_through = done.stdout.strip() == "up"
        Writer(path, 6).close()
        assert rows(path, "SELECT id, symbol FROM alerts ORDER BY id") == [(1, "F"), (2, "SOFI")]
        assert rows(path, "SELECT count(*) FROM migrations") == [(VERSION,)]
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]
        if is_through and done.returncode == 0:
            break
    else:
        raise AssertionError("it never got through")
    assert kills, "at least one kill hit"
