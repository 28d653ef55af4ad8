"""The stream against the simulator as a real process: all services, its end and return, and the one-connection rule."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from leadline.clock import SystemClock
from leadline.core.errors import UnreachableError
from leadline.core.market import Service
from leadline.schwab.auth import Login
from leadline.schwab.http import Http
from leadline.schwab.protocol import Subscriptions
from leadline.schwab.rest import Rest
from leadline.schwab.stream import Patience, SchwabStream
from leadline.schwab.wire import LEVEL_ONE, BookItem, Message, decode
from support.processes import Simulator, simulator

CLOCK = SystemClock()
OPTIONS = ("--symbols", "F:N,SOFI:Q", "--seed", "1", "--flush-ms", "100", "--heartbeat-s", "1")
PATIENCE = Patience(connect_s=2, answer_s=2, silence_s=3, retry_first_s=0.1, retry_max_s=0.3, evicted_s=0.3)


class Taker:
    """Take frames as grok does, and keep which symbol came on which service."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()
        self.lost = 0
        self.malformed = 0

    def on_frame(self, frame: bytes, recv_ns: int, boot_ns: int) -> Message | None:
        del recv_ns, boot_ns
        message = decode(frame)
        self.malformed += message is None
        for block in message.data if message is not None else []:
            for item in block.items:
                self.seen.add((block.service, item.key))
                if isinstance(item, BookItem):
                    assert item.book_ms is not None
                    assert item.bids
        return message

    def on_connection_lost(self) -> None:
        self.lost += 1


class Client:
    """One stream of the simulator's user, running."""

    def __init__(self, stream: SchwabStream, taker: Taker, task: "asyncio.Task[None]") -> None:
        self.stream = stream
        self.taker = taker
        self.task = task

    @property
    def is_streaming(self) -> bool:
        return self.stream.state.connection == "streaming"


@asynccontextmanager
async def client_of(sim: Simulator) -> AsyncIterator[Client]:
    async with Http(sim.base_url, 2.0) as http:
        rest = Rest(http, Login(http, sim.token_path, sim.client_id, sim.app_secret, CLOCK))
        listings = await rest.listings(["F", "SOFI"])
        books: dict[Service, list[str]] = {}
        for symbol, listing in listings.items():
            books.setdefault(listing.service, []).append(symbol)
        taker = Taker()
        stream = SchwabStream(
            rest,
            Subscriptions(books, ["F", "SOFI"]),
            taker,
            clock=CLOCK,
            patience=PATIENCE,
            on_streaming=lambda: None,
        )
        task = asyncio.create_task(stream.run())
        yield Client(stream, taker, task)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.02)


async def until(true: Callable[[], bool], within_s: float = 8) -> None:
    end_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end_s, "it did not happen"
        await asyncio.sleep(0.01)


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    with simulator(tmp_path, *OPTIONS) as sim:
        yield sim


ALL = {("NYSE_BOOK", "F"), ("NASDAQ_BOOK", "SOFI"), (LEVEL_ONE, "F"), (LEVEL_ONE, "SOFI")}


async def subscriptions(sim: Simulator) -> list[dict[str, Any]]:
    status = await asyncio.to_thread(sim.get, "/sim/status")
    return [client["subscriptions"] for client in status["clients"] if client["logged_in"]]


async def test_every_service_comes_and_nothing_is_malformed(sim: Simulator) -> None:
    async with client_of(sim) as client:
        await until(lambda: client.is_streaming and client.taker.seen >= ALL)
        assert (client.taker.malformed, client.taker.lost, client.stream.state.degraded) == (0, 0, None)
        assert await subscriptions(sim) == [{"NYSE_BOOK": 1, "NASDAQ_BOOK": 1, "LEVELONE_EQUITIES": 2}]
        assert ("ACCT_ACTIVITY", "leadline") in client.taker.seen
    requests = await asyncio.to_thread(sim.events, "stream_in")
    assert [(one["command"], one["service"]) for one in requests][:2] == [("LOGIN", "ADMIN"), ("SUBS", "ACCT_ACTIVITY")]
    assert len(requests) == 5


async def test_a_broker_that_restarts_is_found_again_with_everything_subscribed(tmp_path: Path) -> None:
    with simulator(tmp_path, *OPTIONS) as sim:
        async with client_of(sim) as client:
            await until(lambda: client.is_streaming)
            sim.process.send_signal(signal.SIGKILL)
            await until(lambda: client.taker.lost >= 3)
            assert not client.is_streaming
            client.taker.seen.clear()
            (tmp_path / "simschwab.json").unlink()
            port = sim.base_url.rpartition(":")[2]
            with simulator(tmp_path, "--port", port, *OPTIONS) as again:
                await until(lambda: client.is_streaming and client.taker.seen >= ALL)
                assert len(await subscriptions(again)) == 1


async def test_two_clients_of_one_user_do_not_fight_for_ever(sim: Simulator) -> None:
    async with client_of(sim) as first:
        await until(lambda: first.is_streaming)
        async with client_of(sim) as second:
            await until(lambda: first.task.done() or second.task.done())
            loser, winner = (first, second) if first.task.done() else (second, first)
            error = loser.task.exception()
            assert isinstance(error, UnreachableError)
            assert "one streamer connection per user" in str(error)
            await until(lambda: winner.is_streaming)
            assert not winner.task.done()
    opened = await asyncio.to_thread(sim.events, "stream_opened")
    assert len(opened) <= 5
