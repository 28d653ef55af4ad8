"""The stream against the simulator as a real process: all services, its end and return, and the one-connection rule."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from leadline.clock import SystemClock
from leadline.core.errors import UnreachableError
from leadline.core.market import Service
from leadline.schwab.auth import Login
from leadline.schwab.http import Http
from leadline.schwab.link import Hooks, Patience
from leadline.schwab.requests import Subscriptions
from leadline.schwab.rest import Rest
from leadline.schwab.stream import SchwabStream
from leadline.schwab.wire import LEVEL_ONE, BookItem, Message, decode
from support.feeding import fault
from support.processes import Simulator, simulator
from support.waiting import until

CLOCK = SystemClock()
OPTIONS = ("--symbols", "F:N,SOFI:Q", "--seed", "1", "--flush-ms", "100", "--heartbeat-s", "1")
PATIENCE = Patience(
    connect_s=2,
    answer_s=2,
    silence_s=3,
    retry_first_s=0.1,
    retry_max_s=0.3,
    evicted_s=0.3,
    steady_s=0.2,
    stalled_s=1,
    watch_s=0.05,
)


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
            hooks=Hooks(is_open=lambda _: True),
        )
        task = asyncio.create_task(stream.run())
        yield Client(stream, taker, task)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.02)


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


# --- codes, as the simulator words them


@pytest.mark.parametrize("code", [9, 20, 21, 22, 25, 30])
async def test_a_code_that_ends_a_conversation_is_followed_by_a_whole_one(sim: Simulator, code: int) -> None:
    await fault(sim, on="command.SUBS", service="NYSE_BOOK", do="code", code=code, nth=1)
    async with client_of(sim) as client:
        await until(lambda: client.stream.state.coverage == 1 and client.stream.gate.is_open)
        assert client.stream.state.reconnects == 1
        assert client.stream.state.degraded is None


@pytest.mark.parametrize("code", [9, 11, 21, 22, 24])
async def test_without_level_one_it_goes_on_and_asks_again_later(sim: Simulator, code: int) -> None:
    await fault(sim, on="command.SUBS", service=LEVEL_ONE, do="code", code=code, nth=1)
    async with client_of(sim) as client:
        await until(lambda: client.is_streaming)
        assert client.stream.state.degraded is not None
        assert f"SUBS LEVELONE_EQUITIES: code {code}" in client.stream.state.degraded
        await until(lambda: client.stream.state.coverage == 1)
        assert client.stream.state.reconnects == 0
    commands = [(e["command"], e["service"]) for e in await asyncio.to_thread(sim.events, "stream_in")]
    assert ("ADD", LEVEL_ONE) in commands


async def test_a_book_service_that_is_down_for_a_while_is_asked_for_again(sim: Simulator) -> None:
    await fault(sim, on="command.SUBS", service="NYSE_BOOK", do="code", code=11, nth=1)
    async with client_of(sim) as client:
        await until(lambda: client.stream.state.coverage == 1 and client.stream.gate.is_open)
        assert client.stream.state.reconnects == 0


async def test_a_symbol_limit_leaves_the_rest_working_and_names_what_was_cut(tmp_path: Path) -> None:
    options = ("--symbols", "F:N,SOFI:N", "--set", "stream_book_symbols_max=1", "--flush-ms", "100")
    with simulator(tmp_path, *options) as sim:
        async with client_of(sim) as client:
            await until(lambda: client.stream.gate.is_open)
            assert client.stream.state.degraded is not None
            assert "SOFI on NYSE_BOOK" in client.stream.state.degraded
            assert "F" not in client.stream.state.degraded.replace("SOFI", "")
            assert ("NYSE_BOOK", "F") in client.taker.seen
            await asyncio.sleep(2.5)  # two limits of silence later it is neither asked for again nor reconnected
            assert client.stream.state.reconnects == 0
        commands = [e["command"] for e in await asyncio.to_thread(sim.events, "stream_in")]
        assert "ADD" not in commands


async def test_a_login_denied_once_is_refreshed_and_let_in(sim: Simulator) -> None:
    await fault(sim, on="command.LOGIN", do="code", code=3, nth=1)
    async with client_of(sim) as client:
        await until(lambda: client.stream.state.coverage == 1)
        assert client.stream.state.reconnects == 0
    refreshes = [e for e in await asyncio.to_thread(sim.events, "request_in") if e["path"].endswith("/oauth/token")]
    assert len(refreshes) == 1
