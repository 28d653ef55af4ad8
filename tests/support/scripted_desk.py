"""An executor over the scripted broker in virtual time: an order looks as a test says, and waits cost nothing."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leadline.core.alerts import Alert
from leadline.core.fills import Fill
from leadline.core.imbalance import Direction
from leadline.core.intent import Intent, Purpose
from leadline.core.market import Market, Service
from leadline.core.orders import Instruction, Order, OrderState, OrderType
from leadline.core.ports import OrderNews
from leadline.schwab.auth import Login
from leadline.schwab.executor import SchwabOrderExecutor, Timing
from leadline.schwab.http import Answer, AnswerLostError, NotSentError
from leadline.schwab.rest import Rest
from schedules.loop import NS_PER_S, VirtualClock, VirtualLoop
from support.scripted_broker import APP_SECRET, CLIENT_ID, HASH, Broker, Step, fill, token_file
from support.scripted_server import Fault, Json, Reply, Seen

START_NS = 1_795_530_600 * NS_PER_S
KEY = "live-1-1-1"
ALERT = Alert(
    "F", Direction.BID_HEAVY, 9, 3, 5, 6, 1_382_500, 138_200, 138_300, 1, None, 1, None, Service.NYSE_BOOK, 1, 1
)


@dataclass
class Wire:
    """Carries requests to the scripted broker as calls."""

    broker: Broker
    loop: VirtualLoop
    base_url: str = "http://127.0.0.1:1"
    refuses: bool = False

    def __post_init__(self) -> None:
        self.seen: list[Seen] = []

    async def send(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
        if self.refuses:
            raise NotSentError("no connection (refused)", which=self.base_url)
        seen = Seen(method, path, headers, body or b"", 0, self.loop.time())
        self.seen.append(seen)
        await asyncio.sleep(0.01)
        answer = await self.broker.answer(seen)
        if isinstance(answer, Fault):
            raise AnswerLostError(f"{method} got no whole answer", which=self.base_url)
        return Answer(
            answer.status,
            answer.body,
            answer.content_type,
            answer.headers.get("Location"),
            None,
            answer.headers.get("Retry-After"),
        )


class ScriptedDesk:
    """One executor, the broker behind it, and what was told."""

    def __init__(self, loop: VirtualLoop, home: Path) -> None:
        self.loop = loop
        self.clock = VirtualClock(loop, START_NS)
        self.broker = Broker()
        self.wire = Wire(self.broker, loop)
        self._token = token_file(home / "token.json", left_s=10**9)
        self.told: dict[str, list[OrderNews]] = {}
        self.on_news: Callable[[Intent, OrderNews], None] = lambda intent, news: None
        self.start()

    def start(self, timing: Timing | None = None, requests_per_minute: int = 120) -> None:
        """Be a new process."""
        login = Login(self.wire, self._token, CLIENT_ID, APP_SECRET, self.clock, retry_s=0.1)
        self.executor = SchwabOrderExecutor(
            Rest(self.wire, login),
            HASH,
            Market(1),
            self.clock,
            timing or Timing(),
            requests_per_minute=requests_per_minute,
        )

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def call(self, call: Callable[[], Any]) -> Any:
        """Call something in the loop, and wait for it where it is a coroutine."""

        async def called() -> Any:
            result = call()
            return await result if asyncio.iscoroutine(result) else result

        return self.loop.run_until_complete(called())

    def intent(
        self,
        instruction: Instruction = Instruction.BUY,
        qty: int = 100,
        limit: int | None = 138_300,
        key: str = KEY,
        symbol: str = "F",
    ) -> Intent:
        order = Order(symbol, instruction, qty, OrderType.MARKET if limit is None else OrderType.LIMIT, limit)
        purpose = Purpose.OPEN if instruction.opens else Purpose.CLOSE
        return Intent(key, 1, "live", 1, ALERT, 1, purpose, order, self.clock.wall_ns(), "c0ffee", "0.1.0")

    def _tell(self, intent: Intent) -> Callable[[OrderNews], None]:
        def told(news: OrderNews) -> None:
            self.told.setdefault(intent.key, []).append(news)
            self.on_news(intent, news)

        return told

    def send(self, instruction: Instruction = Instruction.BUY, **more: Any) -> Intent:
        """Send an intent."""
        wanted = self.intent(instruction, **more)
        self.call(lambda: self.executor.execute(wanted, self._tell(wanted)))
        return wanted

    def resume(self, wanted: Intent, order_id: object) -> None:
        """Take up what an earlier process left."""
        self.told.pop(wanted.key, None)
        name = None if order_id is None else str(order_id)
        self.call(lambda: self.executor.resume(wanted, name, self._tell(wanted)))

    def add(self, qty: int = 100, price: str | None = "13.83", instruction: str = "BUY", **changes: Any) -> int:
        """Put an order into the broker's books, entered now unless `entered_s` says how long ago."""
        entered_s = self.clock.wall_ns() / NS_PER_S - changes.pop("entered_s", 0)
        leg = {"instruction": instruction, "quantity": qty, "instrument": {"symbol": "F", "assetType": "EQUITY"}}
        body: Json = {"orderType": "LIMIT" if price else "MARKET", "orderLegCollection": [leg]}
        body |= {} if price is None else {"price": price}
        order_id = self.broker.add(body, entered=datetime.fromtimestamp(entered_s, UTC))
        self.broker.orders[order_id].update(changes)
        return order_id

    def mine(self) -> Json:
        """The oldest order at the broker, entered in this desk's time."""
        order = next(iter(self.broker.orders.values()))
        order["enteredTime"] = f"{datetime.fromtimestamp(self.clock.wall_ns() // NS_PER_S, UTC):%Y-%m-%dT%H:%M:%S}+0000"
        return order

    def placed(self, **changes: Any) -> Step:
        """A POST that works, after which the order looks as said."""
        return Step(then=lambda: self.mine().update(changes))

    def news(self, key: str = KEY) -> OrderNews:
        """The last news."""
        return self.told[key][-1]

    def states(self, key: str = KEY) -> list[OrderState]:
        """The states that were told, each run of equal ones once."""
        states = [news.state for news in self.told.get(key, [])]
        return [state for at, state in enumerate(states) if at == 0 or states[at - 1] is not state]

    def fills(self, key: str = KEY) -> dict[str, Fill]:
        """Book as the ledger does: once by key."""
        return {one.key: one for news in self.told.get(key, []) for one in news.fills}

    def qty(self, key: str = KEY) -> int:
        """Shares that were booked."""
        return sum(one.qty for one in self.fills(key).values())

    def of(self, method: str, part: str = "") -> list[Seen]:
        """Requests that left."""
        return [seen for seen in self.wire.seen if seen.method == method and part in seen.path]


@contextmanager
def scripted_desk(home: Path) -> Iterator[ScriptedDesk]:
    """Set up a desk in its own time."""
    loop = VirtualLoop()
    try:
        desk = ScriptedDesk(loop, home)
        yield desk
        for task in asyncio.all_tasks(loop):
            task.cancel()
        desk.run(0)
        assert len(desk.of("POST", "/orders")) <= len(desk.told)
        assert not desk.of("PUT")
    finally:
        loop.close()


__all__ = ["KEY", "Fault", "Reply", "ScriptedDesk", "Step", "fill", "scripted_desk"]
