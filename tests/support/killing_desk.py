"""Owns one trader's life after another, each killed at a seam: real desk, journal and writer over a scripted broker.

Never lets the broker forget: what it was given is what the witness holds, also for the next run.
Comes from tests/chaos/test_chaos_alerts.py; goes to the witness: each order that was acted on, with its alert.
"""

import asyncio
import json
import os
import signal
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, cast
from unittest.mock import patch

import msgspec

from leadline.app import desk as desks
from leadline.app.account import Account
from leadline.clock import SystemClock
from leadline.core.alerts import Alert
from leadline.core.budget import RequestBudget
from leadline.core.fills import Fill
from leadline.core.imbalance import Direction
from leadline.core.intent import Intent
from leadline.core.market import Listing, Market, Service, Touch
from leadline.core.orders import OrderState
from leadline.core.ports import OrderNews, Told
from leadline.core.units import NS_PER_S
from leadline.dispatch import Dispatch
from leadline.grok import HandOver
from leadline.schwab.rest import Rest
from leadline.settings import Loaded, load
from leadline.store.alerts import AlertIds, Origin
from leadline.store.journal import Journal
from leadline.store.locks import FileLock
from leadline.store.writer import Writer
from support.intents import an_alert
from support.killing import Fuse, Seam, Witness, forked, is_killed, product_files, witnessed
from support.processes import rows

KILLS_A_FILE = 60
"""After so many kills a file is checked whole, and a new one begins."""

TIMED_SHARE = 0.2
"""How many kills come from outside at some moment, as within a call into SQLite, and not at a line."""

LIFE_S = 0.25
"""The longest that such a kill waits."""

SYMBOLS = ("F", "BAC", "T", "PFE", "NOK", "SNAP")
WATCHED = product_files("store/*.py", "traders/*.py", "grok.py", "dispatch.py", "app/desk.py")
PHASES = ("opening", "recovering", "reserving", "trading", "closing")
"""What a life goes through; between them it is checked, and not killed."""

SEAMS = (
    "alerts.py",
    "desk.py",
    "grok.py",
    "journal.py",
    "ledger.py",
    "live.py",
    "locks.py",
    "orders.py",
    "recovery.py",
    "schema.py",
    "writer.py",
)
"""Files of which each is killed as often as any other, however short it is."""

SKIPPED_IDS = (0, 0, 0, 499, 985)
"""Ids that a life leaves out before it trades: none, or so many that a block is asked for, or used up, meanwhile."""

NO_REST = cast("Rest", None)
"""The scripted broker is asked by nobody."""


class Plan(NamedTuple):
    """One life: its dice, its settings, where it is killed (None: from outside, or not at all), how much it trades."""

    seed: int
    loaded: Loaded
    seam: Seam | None
    alerts: int


class Fate(NamedTuple):
    """What the scripted broker makes of an order, for ever: its key decides."""

    state: OrderState
    filled: int


def fate_of(key: str, qty: int) -> Fate:
    """Most are filled; some cancelled, in part, or rejected."""
    draw = zlib.crc32(key.encode()) % 10
    if draw < 7:
        return Fate(OrderState.FILLED, qty)
    return (Fate(OrderState.CANCELED, 0), Fate(OrderState.CANCELED, qty // 2), Fate(OrderState.REJECTED, 0))[draw - 7]


class ScriptedBroker:
    """Note what is acted on before anything else, and tell its fate a little later, to whichever run asks."""

    def __init__(self, home: Path, witness: Witness, dice: Random, *, writes_rows: bool) -> None:
        self.budget = RequestBudget()
        self._known = {key for key, *_ in acted_on(home)}
        self._witness = witness
        self._dice = dice
        self._writes_rows = writes_rows
        self._calls: list[asyncio.TimerHandle] = []

    def execute(self, intent: Intent, told: Told) -> None:
        """Act."""
        alert = msgspec.to_builtins(intent.alert)
        order = msgspec.to_builtins(intent.order)
        self._witness.note("acted", intent.key, intent.alert_id, self._writes_rows, intent.purpose, order, alert)
        told(OrderNews(OrderState.WORKING, f"o-{intent.key}"))
        self._later(partial(self._end, intent, told))

    def resume(self, intent: Intent, order_id: str | None, told: Told) -> None:
        """Go on with an order of an earlier run; one that was never acted on is found nowhere."""
        if intent.key in self._known:
            self._later(partial(self._end, intent, told))
            return
        told(OrderNews(OrderState.LOST_PRESUMED, reason="not found"))
        self._later(lambda: told(OrderNews(OrderState.NOT_SENT, reason="it never arrived")))

    def leave(self) -> None:
        """Tell nothing more, to a run that is about to end."""
        for call in self._calls:
            call.cancel()

    def _later(self, call: Callable[[], None]) -> None:
        self._calls.append(asyncio.get_running_loop().call_later(self._dice.choice((0, 0, 0.001, 0.005)), call))

    def _end(self, intent: Intent, told: Told) -> None:
        order, fate = intent.order, fate_of(intent.key, intent.order.qty)
        assert order.qty > 0
        order_id = f"o-{intent.key}"
        price_e6 = (order.limit or 138_300) * 100
        fill = Fill(
            f"{intent.key}/1", order_id, order.symbol, order.instruction, fate.filled, price_e6, intent.decide_ns
        )
        told(OrderNews(fate.state, order_id, (fill,) if fate.filled else ()))


def acted_on(home: Path) -> Iterator[list[Any]]:
    """Give what was acted on: key, alert id, whether its run wrote alert rows, purpose, order, alert."""
    return (words for kind, *words in witnessed(home) if kind == "acted")


def live(home: Path, plan: Plan) -> int:
    """Live one life from the lock to the end in order, if nothing ends it before."""
    witness = Witness(home)
    fuse = Fuse(witness, plan.seam, WATCHED)
    asyncio.run(_live(home, plan, witness, fuse))
    return 0


async def _live(home: Path, plan: Plan, witness: Witness, fuse: Fuse) -> None:
    dice, settings, clock = Random(plan.seed), plan.loaded.settings, SystemClock()
    market = Market(60 * NS_PER_S)
    origin = Origin(f"boot {home.name}", plan.loaded.config_hash, "0")
    writes_rows = not settings.inline_dispatch_only
    broker = ScriptedBroker(home, witness, dice, writes_rows=writes_rows)
    patch.object(desks, "_executor_of", lambda *_: broker).start()
    fuse.light()
    fuse.enter("opening")
    lock = FileLock(Path(f"{settings.db_path}.lock"), "the right to write alerts")
    writer = Writer(settings.db_path, clock.wall_ns())
    fuse.enter("recovering")
    account = Account("hash", "...123", "fingerprint", "paper" if settings.trading_mode == "paper" else "sim")
    desk = desks.make_desk(desks.Room(plan.loaded, account, writer, market, clock, origin), NO_REST)
    fuse.enter("checking")
    check_nothing_is_lost(home, settings.db_path, writes_rows=writes_rows)
    fuse.enter("reserving")
    ids = AlertIds(writer)
    desk.begin(ids.last + 1)
    fuse.enter("trading")
    writer.start()
    hand_over = HandOver(ids, Dispatch(desk.trader), writer.put, origin, writes_rows=writes_rows)
    await desk.open(NO_REST, [], clock)
    for _ in range(dice.choice(SKIPPED_IDS)):
        ids.next()
    for _ in range(plan.alerts):
        hand_over.take(_next_alert(market, clock, dice))
        await asyncio.sleep(dice.choice((0, 0, 0.001, 0.01)))
    while plan.alerts == 0 and desk.trader.ledger.open_orders:  # noqa: ASYNC110 - nobody is told of it
        await asyncio.sleep(0.002)
    fuse.enter("closing")
    broker.leave()
    await desk.close(0)
    writer.close()
    lock.release()
    (home / "counts.json").write_text(json.dumps([[*place, count] for place, count in fuse.counts.items()]))


def _next_alert(market: Market, clock: SystemClock, dice: Random) -> Alert:
    """Show a fresh touch, and give an alert on it that no other is like."""
    symbol, bid = dice.choice(SYMBOLS), dice.randrange(100_000, 140_000, 100)
    wall_ns, boot_ns = clock.wall_ns(), clock.boot_ns()
    market.touches[symbol] = Touch(bid, bid + 100, 5_000, 5_000, wall_ns, boot_ns)
    market.level_one(symbol).update(wall_ns, status="Normal")
    market.level_one(symbol).update(wall_ns, status="Normal")
    market.listings[symbol] = Listing(symbol, "N", Service.NYSE_BOOK, is_shortable=True, is_hard_to_borrow=False)
    direction = dice.choice((Direction.BID_HEAVY, Direction.ASK_HEAVY))
    return msgspec.structs.replace(
        an_alert(symbol, direction, wall_ns),
        total_bids=dice.randrange(100, 90_000),
        total_asks=dice.randrange(100, 90_000),
        price_e5=bid * 10 + 500,
        bid=bid,
        ask=bid + 100,
        vol_per_min=dice.choice((None, 1_250.5)),
        streak_id=dice.randrange(10_000),
        boot_ns=boot_ns,
    )


def check_nothing_is_lost(home: Path, db_path: Path, *, writes_rows: bool) -> None:
    """Raise if an order that was acted on has no row right after recovery, or an alert behind one has none."""
    acted = list(acted_on(home))
    orders = {key for (key,) in rows(db_path, "SELECT intent_key FROM orders")}
    lost = {key for key, *_ in acted} - orders
    if writes_rows:
        alerts = {alert_id for (alert_id,) in rows(db_path, "SELECT id FROM alerts")}
        lost |= {f"alert {alert_id}" for _, alert_id, wrote_rows, *_ in acted if wrote_rows} - {
            f"alert {alert_id}" for alert_id in alerts
        }
    if lost:
        raise AssertionError(f"recovery has lost what was acted on: {sorted(lost)}")


class Lives:
    """Lives on one file, one after another; how long each phase is, is known from those that ended in order."""

    def __init__(self, dice: Random, tally: Counter[str]) -> None:
        self._dice = dice
        self._tally = tally
        self._lines: dict[tuple[str, str], int] = {}

    def begin(self, home: Path, mode: str) -> None:
        """Begin a new file."""
        home.mkdir()
        self._home = home
        self._loaded = [_settings(home, mode, inline=inline) for inline in _INLINE[mode]]

    def once(self) -> bool:
        """Live once, and tell whether it was killed."""
        dice = self._dice
        is_timed = dice.random() < TIMED_SHARE
        seam = None if is_timed else self._seam()
        pid = forked(partial(live, self._home, self._plan(seam, dice.randint(3, 25))))
        if is_timed:
            time.sleep(dice.random() * LIFE_S)
            os.kill(pid, signal.SIGKILL)
        killed = is_killed(pid, os.waitpid(pid, 0)[1])
        if killed:
            self._tally["from outside" if seam is None else "at a line"] += 1
        else:
            self._learn()
        return killed

    def last(self) -> None:
        """Live once more, undisturbed, until every order has ended."""
        # Where modes are mixed it is one that writes alert rows: what others left out is written then.
        plan = self._plan(None, 0)._replace(loaded=self._loaded[0])
        pid = forked(partial(live, self._home, plan))
        if is_killed(pid, os.waitpid(pid, 0)[1]):
            raise SystemExit("the last run was killed by somebody else")

    def _plan(self, seam: Seam | None, alerts: int) -> Plan:
        return Plan(self._dice.getrandbits(32), self._dice.choice(self._loaded), seam, alerts)

    def _seam(self) -> Seam | None:
        """Draw a phase in a thread, or a file and its function, then a line; None while nobody knows what there is."""
        if not self._lines:
            return None
        place = self._dice.choice([place for place in sorted(self._lines) if place[0] in PHASES])
        if self._dice.random() < 0.5:
            file = self._dice.choice(SEAMS)
            place = self._dice.choice([place for place in sorted(self._lines) if place[0] == file])
        return Seam(place, self._dice.randint(1, self._lines[place]))

    def _learn(self) -> None:
        counts = json.loads((self._home / "counts.json").read_bytes())
        self._lines |= {(first, second): n for first, second, n in counts if first not in {"outside", "checking"}}


_INLINE = {"rows": (False,), "paper": (False,), "inline": (True,), "mixed": (False, True)}
"""Whether INLINE_DISPATCH_ONLY is set, by mode; of several values each life draws one, and the last takes the first."""


def _settings(home: Path, mode: str, *, inline: bool) -> Loaded:
    given = {
        "db_path": home / "x.db",
        "state_dir": home / "state",
        "trading_mode": "paper" if mode == "paper" else "live",
        "inline_dispatch_only": inline,
        "schwab_base_url": "http://127.0.0.1:1",
    }
    return load(given, use_environment=False)


def main() -> None:
    """Kill so many lives in one mode, in so many files as that takes, and report."""
    home, seed, mode, wanted = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    dice, tally, kills = Random(seed), Counter[str](), 0
    # So small that starts put it aside and begin a new one, which can be killed too. Not where runs without alert rows
    # come between: what such a run puts aside, no later one looks at.
    size_bytes = (1_024 if mode == "mixed" else 96) * 1_024
    patch.object(desks, "Journal", partial(Journal, size_bytes=size_bytes, reserve_bytes=16 * 1_024)).start()
    lives = Lives(dice, tally)
    for number in range(-(-wanted // KILLS_A_FILE)):
        lives.begin(home / f"file-{number}", mode)
        of_file = 0
        while of_file < KILLS_A_FILE:
            of_file += lives.once()
        lives.last()
        kills += of_file
    print(json.dumps({"kills": kills, **tally}))
