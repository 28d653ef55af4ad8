"""A whole feed for tests: the stream, grok, and a live trader whose orders the test sees, against a real simulator."""

import asyncio
import itertools
import json
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

import support.trading
from leadline.clock import SystemClock
from leadline.core.alerts import Alert, EntryFilter
from leadline.core.detector import Detector
from leadline.core.freshness import Gap
from leadline.core.imbalance import Rule
from leadline.core.intent import Intent, Purpose
from leadline.core.market import Service
from leadline.core.orders import OrderState
from leadline.core.ports import OrderNews, Told
from leadline.core.units import NS_PER_S
from leadline.grok import Grok
from leadline.schwab.auth import Login
from leadline.schwab.http import Http
from leadline.schwab.link import Hooks, Patience
from leadline.schwab.requests import Subscriptions
from leadline.schwab.rest import Rest
from leadline.schwab.stream import SchwabStream
from support.processes import Simulator
from support.waiting import until

CLOCK = SystemClock()
EAGER = Rule(min_duration_ns=0, throttle_ns=0)
"""Every leaning book alerts."""


class Opening(msgspec.Struct, frozen=True):
    """An opening order at the moment of its decision: what the feed was like."""

    symbol: str
    book_age_ns: int
    is_caught_up: bool
    is_of_this_connection: bool


class Feed:
    """The stream with a trader behind it; no order is ever filled, so that every alert asks to open."""

    def __init__(self, home: Path, rest: Rest, subscriptions: Subscriptions, patience: Patience, rule: Rule) -> None:
        limits = msgspec.structs.replace(support.trading.LIMITS, touch_age_max_ns=NS_PER_S)
        self.bench = support.trading.Bench(home, limits=limits)
        self.bench.executor.execute = self._execute  # type: ignore[method-assign]
        self._rest = rest
        self._ids = itertools.count(1)
        services = {symbol: service for service, symbols in subscriptions.books.items() for symbol in symbols}
        self.grok = Grok(
            Detector(rule, services),
            EntryFilter(),
            self.bench.market,
            symbols=frozenset(subscriptions.level_one),
            on_alert=self._on_alert,
        )
        self.task: asyncio.Task[None] | None = None
        self.alerts: list[Alert] = []
        self.openings: list[Opening] = []
        self.gaps: list[Gap] = []
        self.lost_ns = 0
        self.catch_ups = 0
        self._caught_up_ns = -1
        self.stream = SchwabStream(
            rest,
            subscriptions,
            self,
            clock=CLOCK,
            patience=patience,
            on_streaming=lambda: None,
            hooks=Hooks(
                catch_up=self._catch_up,
                hold=self.bench.trader.hold_entries,
                on_gap=self.gaps.append,
                is_open=lambda _: True,
            ),
        )

    def on_frame(self, frame: bytes, recv_ns: int, boot_ns: int) -> Any:
        return self.grok.on_frame(frame, recv_ns, boot_ns)

    def on_conflated(self, frame: bytes, recv_ns: int, boot_ns: int, superseded: frozenset[tuple[str, str]]) -> Any:
        return self.grok.on_conflated(frame, recv_ns, boot_ns, superseded)

    def on_connection_lost(self) -> None:
        self.lost_ns = CLOCK.boot_ns()
        self.grok.on_connection_lost()

    async def _catch_up(self) -> bool:
        """A real question to the broker, as the comparison behind it will be."""
        self.catch_ups += 1
        await self._rest.account_numbers()
        self._caught_up_ns = CLOCK.boot_ns()
        return True

    def _on_alert(self, alert: Alert) -> None:
        self.alerts.append(alert)
        self.bench.trader.process_alert(next(self._ids), alert)

    def _execute(self, intent: Intent, told: Told) -> None:
        symbol = intent.order.symbol
        touch = self.bench.market.touches[symbol]
        if intent.purpose is Purpose.OPEN:
            age_ns = CLOCK.boot_ns() - touch.boot_ns
            is_caught_up = self._caught_up_ns > self.lost_ns
            self.openings.append(Opening(symbol, age_ns, is_caught_up, touch.boot_ns > self.lost_ns))
        asyncio.get_running_loop().call_soon(told, OrderNews(OrderState.CANCELED, "o1"))

    @property
    def is_whole(self) -> bool:
        """Whether every symbol has shown data on this connection and entries may be opened."""
        return self.stream.gate.is_open and self.stream.state.coverage == 1

    async def until(self, true: Callable[[], object], what: str, within_s: float = 60) -> None:
        """Wait for something, as long as the stream lives."""

        def holds() -> object:
            assert self.task is None or not self.task.done(), self.task.exception()
            return true()

        await until(holds, what, within_s)

    async def whole(self, within_s: float = 60) -> None:
        await self.until(lambda: self.is_whole, "coverage", within_s)


@asynccontextmanager
async def feed_of(
    sim: Simulator, patience: Patience, monkeypatch: pytest.MonkeyPatch, rule: Rule = EAGER
) -> AsyncIterator[Feed]:
    """A running feed of all the simulator's symbols."""
    monkeypatch.setattr(support.trading, "HandClock", SystemClock)
    home = sim.home / "trader"
    home.mkdir(exist_ok=True)
    async with Http(sim.base_url, 2.0) as http:
        rest = Rest(http, Login(http, sim.token_path, sim.client_id, sim.app_secret, CLOCK))
        listings = await rest.listings(sim.symbols)
        books: dict[Service, list[str]] = {}
        for symbol, listing in listings.items():
            books.setdefault(listing.service, []).append(symbol)
        feed = Feed(home, rest, Subscriptions(books, list(sim.symbols)), patience, rule)
        feed.bench.market.listings.update(listings)
        task = feed.task = asyncio.create_task(feed.stream.run())
        try:
            yield feed
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.sleep(0.02)


async def fault(sim: Simulator, **words: Any) -> None:
    """Put a fault in force, at once."""
    await asyncio.to_thread(_send, "POST", f"{sim.base_url}/sim/faults", json.dumps(words).encode())


async def no_faults(sim: Simulator) -> None:
    """Take all faults back."""
    await asyncio.to_thread(_send, "DELETE", f"{sim.base_url}/sim/faults", None)


def _send(method: str, url: str, body: bytes | None) -> None:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status < 300
