"""Fifty kills of whole processes that trade against the simulator: its ledger and our rows tell the same story."""

import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from leadline.core.alerts import Alert
from leadline.core.intent import Intent
from leadline.store.journal import Journal
from support.killing import seed_for
from support.processes import Simulator, grok, rows, simulator, wait_until

pytestmark = pytest.mark.slow

BUSY = {"MIN_IMBALANCE_DURATION_SEC": "0", "ALERT_THROTTLE_SEC": "1", "LIVE_LIMIT_FILL_TIMEOUT": "0.5"}
"""Settings under which a dozen symbols alert more often than once a second."""

OPTIONS = ("--flush-ms", "250", "--order-limit", "0", "--account-lag-ms", "200", "--cash", "50000000")
LIVE: dict[str, str] = {}
PAPER = {"TRADING_MODE": "paper"}
INLINE = {"INLINE_DISPATCH_ONLY": "1"}

POSTS_MIN = 5
"""Orders without which the comparison would mean little; kills come behind far more of them."""

POSTS_S = 8
"""How long a kill waits for orders that may not come."""

OPEN = "SELECT order_id FROM orders WHERE mode = 'sim' AND order_id IS NOT NULL AND ended_ns IS NULL"


class Start(NamedTuple):
    """One start: its trader, whether it wrote alert rows, and the name that its settings go by in rows."""

    trader: str
    writes_rows: bool
    config_hash: str


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "kills", "ways"),
    [("live", 20, [LIVE]), ("inline", 14, [INLINE]), ("mixed", 16, [LIVE, LIVE, PAPER, INLINE, PAPER | INLINE])],
)
def test_killed_processes_lose_nothing_and_send_nothing_twice(
    tmp_path: Path, name: str, kills: int, ways: list[dict[str, str]]
) -> None:
    seed = seed_for(f"whole {name}")
    dice = Random(seed)
    with simulator(tmp_path, *OPTIONS) as sim:
        starts = [killed(sim, dice.choice(ways), dice, f"grok-{number}") for number in range(kills)]
        last_ways = [PAPER, LIVE] if PAPER in ways else ways
        starts += [ended(sim, way, f"last-{number}") for number, way in enumerate(last_ways)]
        told = f"seed {seed!r}"
        check_orders(sim, told)
        check_alerts(sim, [start for start in starts if start is not None], told)
        check_ids(sim, told)


def killed(sim: Simulator, way: dict[str, str], dice: Random, name: str) -> Start | None:
    """Start grok and kill it: at some time, be it before it listens to its first signal, or behind some order."""
    until = moment(sim, dice)
    with grok(sim.environment(**BUSY, **way), name) as running:
        while not until():
            assert running.process.poll() is None, f"it ended by itself:\n{running.log}"
            time.sleep(0.005)
        running.process.kill()
        running.process.wait()
    return start_of(way, running.log)


def moment(sim: Simulator, dice: Random) -> Callable[[], bool]:
    """Draw when to kill, counted from now: after some time, or a little after some order has reached the broker."""
    if dice.random() < 0.4:
        end_s = time.monotonic() + dice.choice((0.5, 1.5, 4)) * dice.random()
        return lambda: time.monotonic() >= end_s
    next_seq: int = sim.get("/sim/ledger?kind=fault")["next"]
    wanted, after_s, latest_s = dice.randint(1, 6), dice.choice((0, 0, 0.02, 0.1)), time.monotonic() + POSTS_S

    def is_due() -> bool:
        events = sim.get(f"/sim/ledger?kind=request_in&since={next_seq}")["events"]
        if sum(1 for event in events if event["method"] == "POST" and event["path"].endswith("/orders")) >= wanted:
            time.sleep(after_s)
            return True
        return time.monotonic() >= latest_s

    return is_due


def ended(sim: Simulator, way: dict[str, str], name: str) -> Start:
    """Start grok once more, wait until it knows the end of every order that the broker has, and end it in order."""
    with grok(sim.environment(**BUSY, **way), name) as running:
        wait_until(lambda: "trading is ARMED" in running.log, "trading", lambda: running.log)
        if way.get("TRADING_MODE") != "paper":
            wait_until(lambda: len(sim.posts()) >= POSTS_MIN, "orders at all", lambda: running.log)
            wait_until(lambda: is_known(sim), "the end of every order", lambda: running.log)
        # 8: an order was journalled and never sent, and is presumed lost.
        assert running.stop() in {0, 8}, running.log
    start = start_of(way, running.log)
    assert start is not None
    return start


def is_known(sim: Simulator) -> bool:
    """Tell whether every order of the broker is in our rows, but for those of the last moment."""
    known = {order_id for (order_id,) in rows(sim.home / "leadline.db", "SELECT order_id FROM orders")}
    open_orders = rows(sim.home / "leadline.db", OPEN)
    return len(open_orders) <= 1 and len({str(post["order_id"]) for post in sim.posts()} - known) <= 1


def start_of(way: dict[str, str], log: str) -> Start | None:
    """Read what a start said of itself; None if it was killed before."""
    said = re.search(r", settings (\w+)$", log, re.MULTILINE)
    if said is None:
        return None
    return Start("paper" if "TRADING_MODE" in way else "live", "INLINE_DISPATCH_ONLY" not in way, said[1])


def intents_of(sim: Simulator) -> list[Intent]:
    """All intents that any start put on record."""
    return [intent for path in (sim.home / "state").glob("*/*.journal") for intent in Journal(path).intents]


def check_orders(sim: Simulator, told: str) -> None:
    """One intent, one row; each order that the broker received is one of them, with the same fills."""
    intents = intents_of(sim)
    keys = [intent.key for intent in intents]
    assert len(keys) == len(set(keys)), told
    db_path = sim.home / "leadline.db"
    columns = "intent_key, symbol, instruction, qty, filled_qty, order_id"
    kept = {key: rest for key, *rest in rows(db_path, f"SELECT {columns} FROM orders WHERE mode = 'sim'")}
    paper = {key for (key,) in rows(db_path, "SELECT intent_key FROM orders WHERE mode = 'paper'")}
    assert kept.keys() | paper == set(keys), told
    filled = Counter[str]()
    for fill in sim.events("fill"):
        filled[str(fill["order_id"])] += fill["quantity"]
    received = {
        str(post["order_id"]): [post["symbol"], post["instruction"], post["quantity"], filled[str(post["order_id"])]]
        for post in sim.posts()
    }
    assert len(received) == len(sim.posts()) >= POSTS_MIN, f"{told}: {len(received)} orders"
    ours = {order_id: rest for *rest, order_id in kept.values() if order_id is not None}
    assert ours == received, f"{told}: the broker's orders and ours"
    assert sum(1 for *_, order_id in kept.values() if order_id is not None) == len(ours), f"{told}: one order, two rows"
    positions = dict(rows(db_path, "SELECT symbol, ours_qty FROM positions WHERE ours_qty <> 0 AND mode = 'sim'"))
    assert positions == sim.positions(), told


def check_alerts(sim: Simulator, starts: list[Start], told: str) -> None:
    """An alert that was acted on has its row, unless its run wrote none; each was decided once by who took it."""
    db_path = sim.home / "leadline.db"
    trader_of = {start.config_hash: start.trader for start in starts}
    wrote_rows = {start.config_hash for start in starts if start.writes_rows}
    kept = {
        alert_id: (config_hash, symbol, recv_ns)
        for alert_id, config_hash, symbol, recv_ns in rows(
            db_path, "SELECT id, config_hash, symbol, recv_ns FROM alerts"
        )
    }
    assert bool(kept) is bool(wrote_rows), told
    decided = Counter(rows(db_path, "SELECT alert_id, trader FROM dispositions"))
    assert set(decided.values()) == {1}, told
    assert len({alert_id for alert_id, _ in decided}) == len(decided), f"{told}: decided by a trader that never had it"
    for intent in intents_of(sim):
        assert decided[intent.alert_id, intent.trader], f"{told}: {intent.key} was never decided"
        if intent.config_hash in wrote_rows:
            alert = intent.alert
            assert alert is not None
            assert kept.get(intent.alert_id) == (intent.config_hash, alert.symbol, alert.recv_ns), (
                f"{told}: the alert of {intent.key} is lost"
            )
    for alert_id, (config_hash, *_) in kept.items():
        assert decided[alert_id, trader_of[config_hash]], f"{told}: alert {alert_id} was never decided"


def check_ids(sim: Simulator, told: str) -> None:
    """A later alert has a larger id, over all starts and modes; no id is two alerts'."""
    named: dict[int, Alert] = {}
    for intent in intents_of(sim):
        assert intent.alert is not None
        known = named.setdefault(intent.alert_id, intent.alert)
        assert known == intent.alert, f"{told}: id {intent.alert_id} was given twice"
    times = {alert_id: alert.recv_ns for alert_id, alert in named.items()}
    for alert_id, recv_ns in rows(sim.home / "leadline.db", "SELECT id, recv_ns FROM alerts"):
        assert times.setdefault(alert_id, recv_ns) == recv_ns, f"{told}: id {alert_id} was given twice"
    in_order = [recv_ns for _, recv_ns in sorted(times.items())]
    assert in_order == sorted(in_order), f"{told}: an id is smaller than an earlier one"
