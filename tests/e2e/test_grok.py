"""The whole spine as real processes: socket to alert, order, fill, row; kill, restart, locks, shutdown."""

import os
import re
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from leadline.store.journal import Journal
from leadline.store.locks import FileLock
from support.processes import Simulator, grok, leadline, simulator, wait_until

pytestmark = pytest.mark.slow

FILLED = "SELECT intent_key FROM orders WHERE state = 'FILLED'"


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    with simulator(tmp_path, "--account-lag-ms", "200") as running:
        yield running


def journal_of(sim: Simulator) -> Journal:
    [path] = (sim.home / "state").glob("*/intents.journal")
    return Journal(path)


def test_a_book_becomes_an_alert_an_order_a_fill_and_rows(sim: Simulator) -> None:
    with grok(sim.environment()) as running:
        running.wait_for_rows(FILLED, 2)
        assert running.stop() == 0
    alerts = running.rows("SELECT id FROM alerts")
    disposed = running.rows("SELECT alert_id FROM dispositions")
    assert sorted(disposed) == sorted(alerts), "every alert has exactly one disposition"
    posts = sim.posts()
    keys = {key for (key,) in running.rows("SELECT intent_key FROM orders")}
    assert len(posts) == len(keys), "one POST an intent"
    journal = journal_of(sim)
    assert {intent.key for intent in journal.intents} == keys, "every order was on record"
    ours = dict(running.rows("SELECT symbol, ours_qty FROM positions WHERE ours_qty <> 0"))
    assert ours == sim.positions()
    assert running.rows("SELECT state FROM processes WHERE role = 'grok'") == [("STOPPED",)]


def test_the_start_is_said(sim: Simulator) -> None:
    with grok(sim.environment(SYMBOLS="F,SOFI")) as running:
        wait_until(lambda: "streaming" in running.log, "streaming", lambda: running.log)
        assert running.stop() == 0
    log = running.log
    assert "inline_trader_dispatch enabled" in log
    assert f"...{sim.account_number[-3:]}" in log
    assert "mode SIM" in log
    assert str(running.db_path) in log
    assert re.search(r"NYSE_BOOK: F$", log, re.MULTILINE)
    assert re.search(r"NASDAQ_BOOK: SOFI$", log, re.MULTILINE)


def test_every_order_is_logged_with_status_and_location(sim: Simulator) -> None:
    with grok(sim.environment()) as running:
        running.wait_for_rows(FILLED)
        assert running.stop() == 0
    order_ids = running.rows("SELECT order_id FROM orders WHERE order_id IS NOT NULL")
    for (order_id,) in order_ids:
        assert re.search(rf"HTTP 201, Location \S+/accounts/\*\*\*\*/orders/{order_id}", running.log)


def test_no_secret_is_written_anywhere(tmp_path: Path) -> None:
    with simulator(tmp_path, "--access-token-seconds", "120") as sim:
        before = msgspec.json.decode(sim.token_path.read_bytes())["token"]
        with grok(sim.environment(LOG_LEVEL="DEBUG", SCHWAB_ACCOUNT_ID=sim.account_number)) as running:
            running.wait_for_rows(FILLED)
            assert running.stop() == 0
        after = msgspec.json.decode(sim.token_path.read_bytes())["token"]
    assert after["access_token"] != before["access_token"], "the login was refreshed at the start"
    secrets = [sim.app_secret, sim.client_id, sim.account_number, sim.account_hash]
    secrets += [token[name] for token in (before, after) for name in ("access_token", "refresh_token")]
    written = [running.log_path, *tmp_path.glob("leadline.db*"), *(tmp_path / "state").rglob("*")]
    for path in written:
        content = path.read_bytes() if path.is_file() else b""
        found = [secret for secret in secrets if secret.encode() in content]
        assert not found, f"{path} holds {found}"
    assert sim.token_path.stat().st_mode & 0o777 == 0o600


def test_kill_and_restart_lose_nothing_and_send_nothing_twice(sim: Simulator) -> None:
    seen: set[int] = set()
    for start in range(3):
        with grok(sim.environment(), f"grok-{start}") as running:
            running.wait_for_rows(f"SELECT 1 FROM orders WHERE epoch = {start + 1}", 1)
            running.process.send_signal(signal.SIGKILL)
            running.process.wait()
            ids = {alert_id for (alert_id,) in running.rows("SELECT id FROM alerts")}
            assert not seen or min(ids - seen, default=10**9) > max(seen), "ids never go back"
            seen |= ids
    with grok(sim.environment(), "grok-last") as running:
        wait_until(lambda: "streaming" in running.log, "streaming", lambda: running.log)
        settled = "SELECT 1 FROM orders WHERE state NOT IN ('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED')"
        wait_until(lambda: not running.rows(settled), "all orders to end", lambda: running.log)
        assert running.stop() == 0
    journal = journal_of(sim)
    keys = {intent.key for intent in journal.intents}
    assert len(keys) == len(journal.intents)
    assert {key for (key,) in running.rows("SELECT intent_key FROM orders")} == keys
    assert len(sim.posts()) <= len(keys), "no intent was posted twice"
    acted_on = {intent.alert_id for intent in journal.intents}
    kept = {alert_id for (alert_id,) in running.rows("SELECT id FROM alerts")}
    assert acted_on <= kept, "an alert that was acted on is never lost"
    disposed = [alert_id for (alert_id,) in running.rows("SELECT alert_id FROM dispositions")]
    assert sorted(disposed) == sorted(kept)
    ours = dict(running.rows("SELECT symbol, ours_qty FROM positions WHERE ours_qty <> 0"))
    assert ours == sim.positions()


def test_one_alert_writer_a_database_and_one_streamer_a_login(sim: Simulator) -> None:
    with grok(sim.environment()) as first:
        first.wait_for_rows("SELECT 1 FROM processes")
        same = leadline("grok", environment=sim.environment(), cwd=sim.home)
        assert same.returncode == 3
        assert "holds the right to write alerts" in same.stderr
        elsewhere = sim.environment(DB_PATH=str(sim.home / "second.db"))
        for verb in ("grok", "record"):
            refused = leadline(verb, environment=elsewhere, cwd=sim.home)
            assert refused.returncode == 3
            assert f"(pid {first.process.pid}) holds the streamer connection of this login" in refused.stderr
        assert "evicted" not in first.log, "refused before Schwab would have evicted the first"
        assert first.stop() == 0


def test_one_trader_an_account(sim: Simulator) -> None:
    """As when a standby trades: grok goes on without trading, or under inline-only not at all."""
    with grok(sim.environment(), "first") as first:
        wait_until(lambda: "trading is ARMED" in first.log, "armed", lambda: first.log)
        assert first.stop() == 0
    [path] = (sim.home / "state").glob("*/trader.lock")
    lock = FileLock(path, "the right to trade")
    inline = leadline("grok", environment=sim.environment(INLINE_DISPATCH_ONLY="1"), cwd=sim.home)
    assert inline.returncode == 3
    assert f"(pid {os.getpid()})" in inline.stderr
    with grok(sim.environment(), "second") as second:
        wait_until(lambda: "inline_trader_dispatch disabled" in second.log, "the reason", lambda: second.log)
        known = len(second.rows("SELECT id FROM alerts"))
        second.wait_for_rows("SELECT id FROM alerts", known + 1)
        assert second.stop() == 0
    lock.release()


def test_inline_dispatch_only_trades_and_writes_no_alert_row(sim: Simulator) -> None:
    with grok(sim.environment(INLINE_DISPATCH_ONLY="1")) as running:
        running.wait_for_rows(FILLED)
        assert running.stop() == 0
    assert running.rows("SELECT count(*) FROM alerts") == [(0,)]
    assert running.rows("SELECT count(*) FROM fills")[0][0] >= 1


def test_paper_is_the_default_and_sends_nothing(sim: Simulator) -> None:
    environment = sim.environment()
    del environment["TRADING_MODE"]
    with grok(environment) as running:
        running.wait_for_rows("SELECT 1 FROM fills WHERE mode = 'paper'", 1)
        assert running.stop() == 0
    assert "mode PAPER" in running.log
    assert sim.posts() == []


def test_shares_that_are_not_ours_are_left_alone(sim: Simulator) -> None:
    """A hand trade of the day before: the symbol is locked, named, and not traded."""
    body = msgspec.json.encode(
        {
            "orderType": "MARKET",
            "session": "NORMAL",
            "duration": "DAY",
            "orderStrategyType": "SINGLE",
            "orderLegCollection": [
                {"instruction": "BUY", "quantity": 7, "instrument": {"symbol": "F", "assetType": "EQUITY"}}
            ],
        }
    )
    with grok(sim.environment(), "first") as running:
        wait_until(lambda: "streaming" in running.log, "streaming", lambda: running.log)
        assert running.stop() == 0
    post_by_hand(sim, body)
    wait_until(lambda: sim.positions().get("F"), "the hand trade")
    with grok(sim.environment(), "second") as running:
        running.wait_for_rows("SELECT 1 FROM positions WHERE symbol = 'F' AND state = 'LOCKED'")
        running.wait_for_rows(FILLED)
        assert running.stop() == 0
    assert "the account holds 7 shares that leadline did not buy" in running.log
    assert running.rows("SELECT 1 FROM orders WHERE symbol = 'F'") == []
    assert sim.positions()["F"] == 7


def post_by_hand(sim: Simulator, body: bytes) -> None:
    token = msgspec.json.decode(sim.token_path.read_bytes())["token"]["access_token"]
    url = f"{sim.base_url}/trader/v1/accounts/{sim.account_hash}/orders"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers, method="POST"), timeout=10) as answer:
        assert answer.status == 201
