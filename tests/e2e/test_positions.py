"""Positions as real processes see them: first contact, trades by hand, `adopt`, restarts, and what the verbs print."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.processes import Grok, Simulator, grok, leadline, simulator, wait_until

pytestmark = pytest.mark.slow

QUIET = {"MIN_IMBALANCE_RATIO": "1000", "POSITION_LAG_SEC": "2", "SYMBOLS": "F,SOFI"}
"""Nothing alerts: what trades is a hand."""

TRADING = {"POSITION_LAG_SEC": "2"}


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    with simulator(tmp_path, "--account-lag-ms", "1000") as running:
        yield running


def by_hand(sim: Simulator, instruction: str, qty: int, symbol: str = "F", *, price: str | None = None) -> None:
    """Trade in another app."""
    order: dict[str, Any] = {
        "orderType": "MARKET" if price is None else "LIMIT",
        "session": "NORMAL",
        "duration": "DAY",
        "orderStrategyType": "SINGLE",
        "orderLegCollection": [
            {"instruction": instruction, "quantity": qty, "instrument": {"symbol": symbol, "assetType": "EQUITY"}}
        ],
    }
    if price is not None:
        order["price"] = price
    request = urllib.request.Request(
        f"{sim.base_url}/sim/orders?tag=API_TOS:IPHONE", msgspec.json.encode(order), method="POST"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 201


def adjust(sim: Simulator, symbol: str, shares: int) -> None:
    """Change a position without an order."""
    fault = {"on": "time", "do": "adjust", "symbol": symbol, "shares": shares, "at_s": 0}
    request = urllib.request.Request(
        f"{sim.base_url}/sim/faults",
        msgspec.json.encode(fault),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 201


def row_of(running: Grok, symbol: str = "F") -> tuple[int, int, int | None, str, str]:
    """Ours, not ours, the broker's number, state and reason."""
    [row] = running.rows(
        "SELECT ours_qty, external_qty, broker_qty, state, coalesce(reason, '') FROM positions WHERE symbol = ?", symbol
    )
    ours, external, broker, state, reason = row
    return ours, external, broker, state, reason


def until(running: Grok, symbol: str = "F", **wanted: Any) -> str:
    """Wait until a position's row says so; give its reason."""
    names = ("ours", "external", "broker", "state", "reason")

    def holds() -> tuple[str] | None:
        if not running.rows("SELECT 1 FROM positions WHERE symbol = ?", symbol):
            return None
        told = dict(zip(names, row_of(running, symbol), strict=True))
        return (str(told["reason"]),) if all(told[name] == value for name, value in wanted.items()) else None

    return wait_until(holds, f"{symbol} {wanted}", lambda: running.log)[0]


def verb(sim: Simulator, *words: str, **changes: str) -> Any:
    return leadline(*words, environment=sim.environment(**{**QUIET, **changes}), cwd=sim.home)


def adopted(sim: Simulator, symbol: str, qty: int) -> str:
    """Adopt, again where the account may not show the last fill yet."""

    def done() -> str | None:
        ended = verb(sim, "adopt", symbol, "--ours", str(qty), "--yes")
        if ended.returncode and "may not show the last fill yet" in ended.stderr:
            return None
        assert ended.returncode == 0, ended.stderr
        return str(ended.stdout)

    return wait_until(done, f"adopt {symbol} {qty}")


def test_shares_found_at_first_contact_are_never_ours_until_a_person_says_so(sim: Simulator) -> None:
    by_hand(sim, "BUY", 300)
    wait_until(lambda: sim.positions().get("F") == 300, "the shares")
    with grok(sim.environment(**QUIET), "first") as running:
        reason = until(running, ours=0, external=300, broker=300, state="LOCKED")
        assert "leadline adopt F --ours 0" in reason
        until(running, "SOFI", ours=0, external=0, broker=0, state="OPEN")
        too_many = verb(sim, "adopt", "F", "--ours", "301", "--yes")
        assert (too_many.returncode, "cannot be ours" in too_many.stderr) == (2, True)
        assert verb(sim, "adopt", "F", "--ours", "-1", "--yes").returncode == 2
        assert verb(sim, "adopt", "IBM", "--ours", "0", "--yes").returncode == 2
        assert "applied: F: ours 100, not ours 200" in adopted(sim, "F", 100)
        until(running, ours=100, external=200, broker=300, state="OPEN", reason="")
        assert running.stop() == 0
    with grok(sim.environment(**QUIET), "second") as running:
        wait_until(lambda: "trading is ARMED" in running.log, "armed", lambda: running.log)
        until(running, ours=100, external=200, broker=300, state="OPEN", reason="")
        said = running.rows("SELECT ours_qty, external_qty, taken_by FROM baselines WHERE symbol = 'F' ORDER BY 1")
        assert [row[:2] for row in said] == [(0, 300.0), (100, 200.0)]
        assert said[0][2] == "first contact"
        assert said[1][2] != "first contact"
        assert running.stop() == 0
    assert sim.posts() == []


def test_a_trade_by_hand_locks_by_name_until_the_account_agrees_again(sim: Simulator) -> None:
    with grok(sim.environment(**QUIET)) as running:
        until(running, ours=0, external=0, broker=0, state="OPEN")
        by_hand(sim, "BUY", 50)
        wait_until(lambda: "hand trade" in row_of(running)[4], "the lock", lambda: running.log)
        reason = row_of(running)[4]
        assert "BUY 50 at" in reason
        assert "by hand, API_TOS:IPHONE" in reason
        until(running, ours=0, external=0, broker=50, state="LOCKED")
        by_hand(sim, "BUY", 10, price="1.00")
        listed = wait_until(
            lambda: running.rows("SELECT qty FROM external_orders WHERE status = 'WORKING'"), "the order", str
        )
        assert listed == [(10.0,)]
        told = verb(sim, "orders")
        assert told.returncode == 0
        assert "EXTERNAL BUY 10 at 1, WORKING, filled 0, open 10" in told.stdout
        by_hand(sim, "SELL", 50)
        until(running, ours=0, external=0, broker=0, state="OPEN", reason="")
        facts = json.loads(verb(sim, "positions", "--json").stdout)
        assert facts["grok"]["is_running"] is True
        [f] = [row for row in facts["positions"] if row["symbol"] == "F"]
        assert (f["ours_qty"], f["broker_qty"], f["is_agreed"], f["state"]) == (0, 0, True, "OPEN")
        assert [order["leaves_qty"] for order in facts["external_orders"]] == [10.0]
        assert running.stop() == 0
    stopped = verb(sim, "positions")
    assert (stopped.returncode, stopped.stdout.startswith("grok stopped")) == (0, True)


def test_our_position_closed_by_hand_is_not_sold_again_and_adopt_ends_it(sim: Simulator) -> None:
    with grok(sim.environment(**TRADING), "first") as running:
        wait_until(lambda: any(sim.positions().values()), "a position", lambda: running.log)
        running.stop()
    symbol, held = next(iter(sim.positions().items()))
    for name, qty in sim.positions().items():
        by_hand(sim, "SELL" if qty > 0 else "BUY_TO_COVER", abs(qty), name)
    wait_until(lambda: not sim.positions(), "flat", str)
    only = TRADING | {"SYMBOLS": symbol}
    ours_before = len(sim.posts())
    with grok(sim.environment(**only), "second") as running:
        until(running, symbol, ours=held, broker=0, state="LOCKED")
        refused = "SELECT 1 FROM dispositions WHERE reason LIKE '%none of our shares to close%'"
        held_on = f"SELECT 1 FROM dispositions d JOIN alerts a ON a.id = d.alert_id WHERE a.symbol = '{symbol}'"
        wait_until(lambda: running.rows(refused) or running.rows(held_on), "an alert", lambda: running.log)
        assert len(sim.posts()) == ours_before
        assert "ours 0, not ours 0" in adopted(sim, symbol, 0)
        until(running, symbol, ours=0, external=0, broker=0, state="OPEN", reason="")
        running.stop()


def test_a_position_that_changes_by_itself_locks_and_nothing_is_corrected(sim: Simulator) -> None:
    """F36."""
    with grok(sim.environment(**QUIET)) as running:
        until(running, ours=0, broker=0, state="OPEN")
        adjust(sim, "F", 70)
        reason = until(running, ours=0, external=0, broker=70, state="LOCKED")
        assert "the account holds 70 shares that leadline did not buy" in reason
        assert sim.posts() == []
        adjust(sim, "F", -70)
        until(running, ours=0, external=0, state="LOCKED")
        assert "not taken for flat" not in row_of(running)[4] or row_of(running)[2] == 0
        until(running, state="OPEN", reason="")
        assert running.stop() == 0


def test_without_a_running_grok_adopt_waits_for_its_start(sim: Simulator) -> None:
    by_hand(sim, "BUY", 20)
    wait_until(lambda: sim.positions().get("F") == 20, "the shares")
    with grok(sim.environment(**QUIET), "first") as running:
        until(running, broker=20, state="LOCKED")
        assert running.stop() == 0
    asked = verb(sim, "adopt", "F", "--ours", "0", "--yes")
    assert asked.returncode == 0
    assert "grok is not running: it is applied at its next start" in asked.stdout
    with grok(sim.environment(**QUIET), "second") as running:
        until(running, ours=0, external=20, broker=20, state="OPEN", reason="")
        assert running.rows("SELECT state FROM commands") == [("applied",)]
        assert running.stop() == 0


def test_there_is_nothing_to_show_without_a_database(tmp_path: Path) -> None:
    for words in (("positions",), ("orders",), ("adopt", "F", "--ours", "0", "--yes")):
        ended = leadline(*words, environment={"HOME": str(tmp_path), "DB_PATH": str(tmp_path / "no.db")}, cwd=tmp_path)
        assert (ended.returncode, "there is no database here yet" in ended.stderr) == (1, True)
