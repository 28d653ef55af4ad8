"""An executor over the simulator's own core in virtual time: the catalogue's cases with their real waits."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from leadline.core.alerts import Alert
from leadline.core.fills import Fill
from leadline.core.imbalance import Direction
from leadline.core.intent import Intent, Purpose
from leadline.core.market import Market, Service
from leadline.core.orders import LEGAL_MOVES, Instruction, Order, OrderState, OrderType
from leadline.core.ports import OrderNews, Told
from leadline.schwab.auth import Login
from leadline.schwab.executor import SchwabOrderExecutor, Timing
from leadline.schwab.rest import Rest
from schedules.loop import NS_PER_S, VirtualClock, VirtualLoop
from schedules.wire import Broker, Client, Taps
from simschwab.core.events import Filled
from simschwab.core.faults.scenario import read_faults
from simschwab.core.generator import GeneratedMarket
from simschwab.core.listing import parse_symbols
from simschwab.core.orders import Order as BrokersOrder
from simschwab.core.settings import Settings, changed
from simschwab.shelf import scenario_at

START_NS = 1_795_530_600 * NS_PER_S
"""2026-11-24 09:30:00 in New York."""

TIMEOUT_S = 5.0
ALERT = Alert(
    "F", Direction.BID_HEAVY, 9, 3, 5, 6, 1_382_500, 138_200, 138_300, 1, None, 1, None, Service.NYSE_BOOK, 1, 1
)
FAR, NEAR = 10_000, 900_000
"""Limits of a buy that never and that surely trades, in 0.0001 dollars."""

KEY = "live-1-1-1"


class CaseDesk:
    """One executor, the broker that it meets, and all that it told, by intent."""

    def __init__(self, loop: VirtualLoop, home: Path, scenario: str | None, **settings: Any) -> None:
        played = scenario_at(scenario) if scenario is not None else None
        words = {"seed": 1, **(played.settings if played is not None else {}), **settings}
        sim = changed(Settings(), words)
        self.loop = loop
        self.broker = Broker(loop, START_NS, sim, GeneratedMarket(parse_symbols("F:N"), 1, sim.flush_ms))
        self.clock = VirtualClock(loop, START_NS)
        if played is not None:
            self.broker.exchange.add_faults(played.faults, self.broker.now_ns())
        self.requests: list[tuple[float, str, str]] = []
        """Seconds, method and path of every request that left."""
        self._home = home
        oauth = self.broker.exchange.oauth
        grant = oauth.login(self.broker.now_ns() + self.broker.exchange.offset_ns)
        token = oauth.payload(grant) | {"expires_at": START_NS // NS_PER_S + 1_800}
        content = {"creation_timestamp": START_NS // NS_PER_S, "token": token}
        (home / "token.json").write_bytes(msgspec.json.encode(content))
        self.told: dict[str, list[OrderNews]] = {}
        self._keys: set[str] = set()
        self.start()

    def start(self, timing: Timing | None = None, requests_per_minute: int = 120) -> None:
        """Be a new process: nothing is known but what is at the broker."""
        self.client = Client(self.broker, TIMEOUT_S, Taps(sending=[self._sent]))
        path = self._home / "token.json"
        login = Login(self.client, path, "simschwab-demo-client", "simschwab-demo-key", self.clock)
        account = self.broker.exchange.identity.account_hash
        self.executor = SchwabOrderExecutor(
            Rest(self.client, login),
            account,
            Market(1),
            self.clock,
            timing or Timing(),
            requests_per_minute=requests_per_minute,
        )

    def kill(self) -> None:
        """Be dead: what was sent goes on, nothing comes back."""
        self.client.die()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.run(0)

    def _sent(self, method: str, path: str, body: bytes | None) -> None:
        del body
        self.requests.append((self.loop.time(), method, path))

    def fault(self, on: str, do: str, **words: Any) -> None:
        """Let the broker misbehave from now on."""
        self.broker.exchange.add_faults(read_faults({"on": on, "do": do, **words}), self.broker.now_ns())
        self.broker.wake()

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def until(self, state: OrderState, key: str = KEY, within_s: float = 300) -> OrderNews:
        """Let time pass until a state was told."""
        end_s = self.loop.time() + within_s
        while True:
            for news in self.told.get(key, []):
                if news.state is state:
                    return news
            assert self.loop.time() < end_s, f"{state} was not told, only {self.states(key)}"
            self.run(0.01)

    def intent(
        self,
        instruction: Instruction = Instruction.BUY,
        qty: int = 100,
        limit: int | None = NEAR,
        key: str = KEY,
        purpose: Purpose | None = None,
    ) -> Intent:
        """Make an intent of now."""
        kind = OrderType.MARKET if limit is None else OrderType.LIMIT
        order = Order("F", instruction, qty, kind, limit)
        purpose = purpose or (Purpose.OPEN if instruction.opens else Purpose.CLOSE)
        return Intent(key, 1, "live", 1, ALERT, 1, purpose, order, self.clock.wall_ns(), "c0ffee", "0.1.0")

    def tell(self, key: str) -> Told:
        """Take news of an intent."""
        return self.told.setdefault(key, []).append

    def send(self, instruction: Instruction = Instruction.BUY, **more: Any) -> Intent:
        """Send an intent."""
        wanted = self.intent(instruction, **more)
        self._keys.add(wanted.key)
        self.call(lambda: self.executor.execute(wanted, self.tell(wanted.key)))
        return wanted

    def resume(self, wanted: Intent, order_id: str | None) -> None:
        """Take up what an earlier process left."""
        self.told[wanted.key] = []
        self.call(lambda: self.executor.resume(wanted, order_id, self.tell(wanted.key)))

    def call(self, call: Callable[[], object]) -> None:
        """Call something in the loop."""

        async def called() -> None:
            call()

        self.loop.run_until_complete(called())

    def by_hand(self, instruction: str, qty: int, price: str | None, tag: str) -> int:
        """Enter an order in another app; give its id."""
        body: dict[str, Any] = {
            "orderType": "MARKET" if price is None else "LIMIT",
            "session": "NORMAL",
            "duration": "DAY",
            "orderStrategyType": "SINGLE",
            "orderLegCollection": [
                {"instruction": instruction, "quantity": qty, "instrument": {"symbol": "F", "assetType": "EQUITY"}}
            ],
        } | ({} if price is None else {"price": price})
        answer = self.broker.exchange.hand_order(msgspec.json.encode(body), tag, self.broker.now_ns())
        self.broker.wake()
        return int(answer.headers["Location"].rpartition("/")[2])

    @property
    def orders(self) -> list[BrokersOrder]:
        """What the broker has, oldest first."""
        return list(self.broker.exchange.broker.orders.values())

    def brokers_fills(self) -> list[Filled]:
        """The broker's own record of fills."""
        return [event for event in self.broker.ledger.since(0) if isinstance(event, Filled)]

    def states(self, key: str = KEY) -> list[OrderState]:
        """The states that were told, each run of equal ones once."""
        states = [news.state for news in self.told.get(key, [])]
        return [state for at, state in enumerate(states) if at == 0 or states[at - 1] is not state]

    def fills(self, key: str = KEY) -> dict[str, Fill]:
        """Book as the ledger does: once by key."""
        return {fill.key: fill for news in self.told.get(key, []) for fill in news.fills}

    def qty(self, key: str = KEY) -> int:
        """Shares that were booked."""
        return sum(fill.qty for fill in self.fills(key).values())

    def count(self, method: str, part: str = "") -> int:
        """How many requests left."""
        return sum(1 for _, verb, path in self.requests if verb == method and part in path)

    def check(self) -> None:
        """What holds in every case: one POST an intent, no PUT, legal moves, the broker's fills and no other."""
        unsent = {key for key in self._keys if OrderState.NOT_SENT in self.states(key)}
        assert self.count("POST", "/orders") == len(self._keys - unsent)
        assert self.count("PUT") == 0
        for news in self.told.values():
            state = OrderState.SENDING
            for one in news:
                assert one.state is state or one.state in LEGAL_MOVES[state], [n.state for n in news]
                state = one.state


@contextmanager
def case_desk(home: Path, scenario: str | None = None, **settings: Any) -> Iterator[CaseDesk]:
    """Set up a desk in its own time."""
    loop = VirtualLoop()
    try:
        desk = CaseDesk(loop, home, scenario, **settings)
        yield desk
        desk.kill()
        desk.check()
    finally:
        loop.close()
