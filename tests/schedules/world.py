"""Owns one run of a schedule: the broker, the lives of leadline one after another, and whoever looks on."""

import asyncio
import logging
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import msgspec

from leadline.settings.sources import load
from leadline.store.commands import Asked, ask
from schedules.loop import NS_PER_S, VirtualClock, VirtualLoop
from schedules.oracle import Oracle, Violation
from schedules.process import Process, until_dead
from schedules.schedule import SYMBOLS, Kind, Point, Schedule, Step
from schedules.wire import Broker, Client, Taps
from simschwab.core.faults.scenario import read_faults
from simschwab.core.generator import GeneratedMarket
from simschwab.core.listing import parse_symbols
from simschwab.core.phases import Phase
from simschwab.core.settings import Settings, changed

START_NS = 1_795_530_600 * NS_PER_S
"""2026-11-24 09:30:00 in New York."""

SETTLE_S = 240.0
"""After the last fault: the search for a lost order, the account's lag and the looks after it have room in this."""

RESTART_S = 2.0
"""How soon a supervisor starts a process again that ended by a fault."""

MEMORY = Path("/dev/shm")
"""Where files cost nothing, if there is such a place."""

PHASES = {"bid": Phase.BID_HEAVY, "ask": Phase.ASK_HEAVY, "none": Phase.NEUTRAL}


class Lean:
    """Which way a symbol's book leans: as the schedule says."""

    def __init__(self) -> None:
        self.phase = Phase.NEUTRAL

    def begin(self, now_ns: int, *, one_sided: bool) -> None:
        """Begin as it is."""

    def advance(self, now_ns: int) -> Phase:
        """Give the side."""
        del now_ns
        return self.phase

    def lean(self, now_ns: int) -> int:
        """Give where the price tends."""
        del now_ns
        return self.phase.value

    def shift(self, delta_ns: int) -> None:
        """Keep the side when the clock is set."""


class World:
    """Play one schedule."""

    def __init__(self, schedule: Schedule, loop: VirtualLoop, home: Path) -> None:
        self.schedule = schedule
        self.loop = loop
        self.home = home
        settings = changed(Settings(seed=schedule.seed), schedule.broker)
        listings = parse_symbols(",".join(SYMBOLS))
        market = GeneratedMarket(listings, schedule.seed, settings.flush_ms)
        self._leans = {symbol.listing.symbol: Lean() for symbol in market._symbols}
        for each in market._symbols:
            each.phases = self._leans[each.listing.symbol]  # type: ignore[assignment]
        self.broker = Broker(loop, START_NS, settings, market)
        self.clock = VirtualClock(loop, START_NS)
        self._write_token()
        self.loaded = load(
            {
                "schwab_client_id": settings.client_id,
                "schwab_app_secret": settings.app_secret,
                "schwab_token_path": home / "token.json",
                "schwab_base_url": Client.base_url,
                "symbols": ",".join(SYMBOLS),
                "db_path": home / "leadline.db",
                "state_dir": home / "state",
                "trading_mode": "live",
                **schedule.trader,
            },
            use_environment=False,
        )
        self.process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._deadly: tuple[Point, int] | None = None
        self._down_ms = 0
        self.oracle = Oracle(self)
        for symbol, shares in schedule.held.items():
            self.broker.exchange.add_faults(
                read_faults({"on": "time", "do": "adjust", "symbol": symbol, "shares": shares, "price": "10"}),
                self.broker.now_ns(),
            )

    def _write_token(self) -> None:
        oauth = self.broker.exchange.oauth
        grant = oauth.login(self.broker.now_ns())
        expires = START_NS // NS_PER_S + self.broker.exchange.settings.access_token_s
        token = oauth.payload(grant) | {"expires_at": expires}
        content = {"creation_timestamp": START_NS // NS_PER_S, "token": token}
        (self.home / "token.json").write_bytes(msgspec.json.encode(content))

    async def play(self) -> list[Violation]:
        """Play it to its end and give what went against the invariants."""
        self.broker.wake()
        supervising = self.loop.create_task(self._supervise(), name="the supervisor")
        looking = self.loop.create_task(self.oracle.keep_looking(), name="the oracle")
        for step in self.schedule.steps:
            self.loop.call_at(step.at_ms / 1000, self._take, step)
        await self._until(self.schedule.horizon_ms / 1000)
        self._heal()
        await self._until(self.schedule.horizon_ms / 1000 + SETTLE_S)
        if not self.oracle.violations:
            self.oracle.look_at_the_end()
        supervising.cancel()
        looking.cancel()
        if self.process is not None and self._task is not None:
            self.process.stop.ask()
            await until_dead(self._task)
        rest = asyncio.all_tasks(self.loop) - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        return self.oracle.violations

    async def _until(self, end_s: float) -> None:
        while self.loop.time() < end_s and not self.oracle.violations:  # noqa: ASYNC110 - time is what is waited for
            await asyncio.sleep(min(1.0, end_s - self.loop.time()))

    async def _supervise(self) -> None:
        """Start the process again whenever it has ended."""
        while True:
            taps = Taps()
            client = Client(self.broker, self.loaded.settings.order_timeout_sec, taps)
            self.process = Process(self.loaded, client, self.clock, self.loop)
            self.oracle.watch(taps)
            taps.sending.append(self._before_send)
            taps.answered.append(self._before_read)
            self._down_ms = 0
            self._task = self.loop.create_task(self.process.run(), name="leadline")
            error = await until_dead(self._task)
            self.oracle.ended(error)
            await asyncio.sleep(self._down_ms / 1000 if self._down_ms else RESTART_S)

    def _take(self, step: Step) -> None:
        values, exchange = step.values, self.broker.exchange
        match step.kind:
            case Kind.LEAN:
                self._leans[values["symbol"]].phase = PHASES[values["side"]]
            case Kind.FAULT:
                exchange.add_faults(read_faults(values["words"]), self.broker.now_ns())
                self.broker.wake()
            case Kind.HAND:
                self._trade_by_hand(values)
            case Kind.ADOPT:
                self._adopt(values["symbol"])
            case Kind.REFUSE:
                self._refuse(values["for_ms"])
            case Kind.STOP:
                if self.process is not None:
                    self._down_ms = values["down_ms"]
                    self.process.stop.ask()
            case Kind.KILL if values["point"] is Point.NOW:
                self._kill(values["down_ms"])
            case Kind.KILL:
                self._deadly = (values["point"], values["down_ms"])

    def _adopt(self, symbol: str) -> None:
        """Ask as `leadline adopt` does, in the database: what our orders have filled is ours, as far as it is there."""
        desk = None if self.process is None else self.process.desk
        if desk is None:
            return
        broker_qty, ours = self.broker.exchange.broker.account.quantity(symbol), self.oracle.true_qty(symbol)
        qty = max(0, min(ours, broker_qty)) if ours > 0 else min(0, max(ours, broker_qty))
        asked = Asked("adopt", symbol, qty, broker_qty, self.clock.wall_ns(), "a person", "here")
        ask(self.loaded.settings.db_path, desk.trader.ledger.book_of, asked)

    def _refuse(self, for_ms: int) -> None:
        if self.process is not None:
            client = self.process.client
            client.refuses = True
            self.loop.call_later(for_ms / 1000, setattr, client, "refuses", False)

    def _trade_by_hand(self, values: dict[str, Any]) -> None:
        body = {
            "orderType": "MARKET",
            "session": "NORMAL",
            "duration": "DAY",
            "orderStrategyType": "SINGLE",
            "orderLegCollection": [
                {
                    "instruction": values["instruction"],
                    "quantity": values["quantity"],
                    "instrument": {"symbol": values["symbol"], "assetType": "EQUITY"},
                }
            ],
        }
        self.broker.exchange.hand_order(msgspec.json.encode(body), values["tag"], self.broker.now_ns())
        self.broker.wake()

    def _before_send(self, method: str, path: str, body: bytes | None) -> None:
        del body
        if self._deadly is None or not (method in {"POST", "DELETE"} and "/orders" in path):
            return
        point, down_ms = self._deadly
        if point is Point.RECORDED:
            self._kill(down_ms)
        elif point is Point.SENT:
            self._deadly = None
            self.loop.call_soon(self._kill, down_ms)

    def _before_read(self, method: str, path: str, answer: object) -> None:
        del answer
        if self._deadly is not None and self._deadly[0] is Point.ANSWERED and method == "POST" and "/orders" in path:
            self._kill(self._deadly[1])

    def _kill(self, down_ms: int) -> None:
        """End the process as `kill -9` does: nothing of it runs again."""
        self._deadly = None
        if self.process is None or not self.process.client.is_alive:
            return
        self._down_ms = down_ms
        self.process.die()
        for task in asyncio.all_tasks(self.loop):
            if task.get_name() not in {"the supervisor", "the oracle", "the run"}:
                task.cancel()

    def _heal(self) -> None:
        """End all faults; whoever was down comes back by itself, and nothing leans any more."""
        self._deadly = None
        self.broker.exchange.plan.clear()
        self.broker.exchange.broker.restricted = False
        for order in self.broker.exchange.broker.orders.values():
            order.shown_status = ""
        for lean in self._leans.values():
            lean.phase = Phase.NEUTRAL
        self.broker.wake()


@dataclass(frozen=True)
class Played:
    """What a run came to: what was violated, and how often what happened."""

    violations: list[Violation]
    counts: Counter[str]


class _InItsTime(logging.StreamHandler[TextIO]):
    """Write leadline's log with the loop's time."""

    def __init__(self, loop: VirtualLoop, out: TextIO) -> None:
        super().__init__(out)
        self._loop = loop

    def format(self, record: logging.LogRecord) -> str:
        """Give one line."""
        return f"{self._loop.time():9.3f} s  {record.levelname:7}  {super().format(record)}"


def play(schedule: Schedule, log_to: TextIO | None = None) -> Played:
    """Play a schedule in a loop and a directory of its own."""
    home = Path(tempfile.mkdtemp(prefix="schedule-", dir=MEMORY if MEMORY.is_dir() else None))
    loop = VirtualLoop()
    logger = logging.getLogger("leadline")
    handlers: list[logging.Handler] = [] if log_to is None else [_InItsTime(loop, log_to)]
    try:
        asyncio.set_event_loop(loop)
        world = World(schedule, loop, home)
        handlers.append(world.oracle.listener)
        for handler in handlers:
            logger.addHandler(handler)
        violations = loop.run_until_complete(loop.create_task(world.play(), name="the run"))
        return Played(violations, world.oracle.counts)
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
        asyncio.set_event_loop(None)
        loop.close()
        shutil.rmtree(home)
