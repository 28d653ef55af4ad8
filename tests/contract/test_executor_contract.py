"""The executor against the simulator as a real process: its ledger is the oracle of what was sent and what was done."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from leadline.clock import SystemClock
from leadline.core.alerts import Alert
from leadline.core.imbalance import Direction
from leadline.core.intent import Intent, Purpose
from leadline.core.market import Market, Service
from leadline.core.orders import Instruction, Order, OrderState, OrderType
from leadline.core.ports import OrderNews
from leadline.schwab.activity import order_id_of
from leadline.schwab.auth import Login
from leadline.schwab.executor import SchwabOrderExecutor, Timing
from leadline.schwab.http import Http
from leadline.schwab.link import Patience
from leadline.schwab.protocol import Subscriptions
from leadline.schwab.rest import Rest
from leadline.schwab.stream import SchwabStream
from leadline.schwab.wire import ACTIVITY, ActivityItem, Message, decode
from support.processes import Simulator, simulator

S = OrderState
CLOCK = SystemClock()
ALERT = Alert(
    "F", Direction.BID_HEAVY, 9, 3, 5, 6, 1_382_500, 138_200, 138_300, 1, None, 1, None, Service.NYSE_BOOK, 1, 1
)
QUICK = Timing(fill_timeout_s=0.5, poll_first_s=0.02, poll_max_s=0.1, search_waits_s=(0.1, 0.1, 0.2, 0.2))
FAR, NEAR = 10_000, 900_000
"""Limits of a buy that never and that surely trades, in 0.0001 dollars."""


def intent(
    instruction: Instruction = Instruction.BUY, qty: int = 10, limit: int | None = NEAR, key: str = "live-1-1-1"
) -> Intent:
    kind = OrderType.MARKET if limit is None else OrderType.LIMIT
    order = Order("F", instruction, qty, kind, limit)
    return Intent(key, 1, "live", 1, ALERT, 1, Purpose.OPEN, order, CLOCK.wall_ns(), "c0ffee", "0.1.0")


class Desk:
    """An executor for the simulator, at the simulator's own address or through a proxy."""

    def __init__(self, sim: Simulator, rest: Rest, timing: Timing) -> None:
        self.sim = sim
        self.rest = rest
        self.executor = SchwabOrderExecutor(rest, sim.account_hash, Market(1), CLOCK, timing)
        self.news: dict[str, list[OrderNews]] = {}

    def send(self, wanted: Intent) -> list[OrderNews]:
        told = self.news.setdefault(wanted.key, [])
        self.executor.execute(wanted, told.append)
        return told

    async def finish(self, wanted: Intent, within_s: float = 8) -> OrderNews:
        told = self.send(wanted)
        end_s = time.monotonic() + within_s
        while self.executor.unfinished:
            assert time.monotonic() < end_s, told
            await asyncio.sleep(0.01)
        return told[-1]

    async def check(self) -> None:
        """One POST an intent at the broker, and every fill of the broker told with its quantity and price."""
        posts = await asyncio.to_thread(self.sim.posts)
        assert len(posts) == len(self.news)
        fills = await asyncio.to_thread(self.sim.events, "fill")
        theirs = sorted((str(one["order_id"]), one["quantity"], round(one["price"] * 1e6)) for one in fills)
        keys = {one.key: one for told in self.news.values() for news in told for one in news.fills}
        assert theirs == sorted((one.order_id, one.qty, one.price_e6) for one in keys.values())


@asynccontextmanager
async def desk_at(sim: Simulator, base_url: str | None = None, timing: Timing = QUICK) -> AsyncIterator[Desk]:
    async with Http(base_url or sim.base_url, 1.0) as http:
        login = Login(http, sim.token_path, sim.client_id, sim.app_secret, CLOCK)
        desk = Desk(sim, Rest(http, login), timing)
        yield desk
        await desk.executor.settle(0)


@pytest.fixture(scope="module")
def shared_sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulator(tmp_path_factory.mktemp("sim"), "--symbols", "F:N", "--seed", "1", "--flush-ms", "100") as sim:
        yield sim


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    with simulator(tmp_path, "--symbols", "F:N", "--seed", "1", "--flush-ms", "100") as sim:
        yield sim


async def test_an_order_s_whole_life(sim: Simulator) -> None:
    async with desk_at(sim) as desk:
        bought = await desk.finish(intent())
        assert (bought.state, sum(one.qty for one in bought.fills)) == (S.FILLED, 10)
        sold = await desk.finish(intent(Instruction.SELL, 4, None, "live-1-1-2"))
        assert (sold.state, sum(one.qty for one in sold.fills)) == (S.FILLED, 4)
        late = await desk.finish(intent(limit=FAR, key="live-1-2-1"))
        assert (late.state, late.fills) == (S.CANCELED, ())
        await desk.check()
        assert (await asyncio.to_thread(sim.positions)) == {"F": 6}
        requests = await asyncio.to_thread(sim.events, "request_in")
        assert [request["method"] for request in requests].count("DELETE") == 1
        deadline_s = time.monotonic() + 5  # the account's view lags fills
        while await desk.rest.positions(sim.account_hash) != {"F": 6}:
            assert time.monotonic() < deadline_s
            await asyncio.sleep(0.1)


async def test_refusals_and_rejections_come_with_the_broker_s_words(shared_sim: Simulator) -> None:
    async with desk_at(shared_sim) as desk:
        unknown = intent()
        other = Order("NOPE", Instruction.BUY, 10, OrderType.LIMIT, NEAR)
        refused = await desk.finish(Intent(**{**_fields(unknown), "order": other, "key": "live-1-8-1"}))
        assert (refused.state, refused.http_status) == (S.REFUSED, 400)
        assert "NOPE" in (refused.reason or "")
        oversold = await desk.finish(intent(Instruction.SELL, 100_000, None, "live-1-9-1"))
        assert oversold.state in {S.REJECTED, S.REFUSED}
        assert oversold.reason


def _fields(struct: Intent) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_an_answer_lost_on_the_way_back_is_one_order_all_the_same(sim: Simulator, moment: str) -> None:
    """The request reaches the broker whole; the way back breaks before the answer, or in the middle of it."""
    async with _cutting_proxy(sim, keep=0 if moment == "before" else 40) as url, desk_at(sim, url) as desk:
        bought = await desk.finish(intent())
        assert desk.news["live-1-1-1"][0].state is S.UNKNOWN
        assert (bought.state, sum(one.qty for one in bought.fills)) == (S.FILLED, 10)
        late = await desk.finish(intent(qty=11, limit=FAR, key="live-1-2-1"))
        assert late.state is S.CANCELED
        await desk.check()


@asynccontextmanager
async def _cutting_proxy(sim: Simulator, keep: int) -> AsyncIterator[str]:
    """Pass everything on but the answers to POSTs of orders: of those `keep` bytes, then the connection breaks."""
    host, port = sim.base_url.removeprefix("http://").split(":")
    writers: list[asyncio.StreamWriter] = []

    async def passes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        their_reader, their_writer = await asyncio.open_connection(host, int(port))
        writers.extend((writer, their_writer))
        is_cut = False

        async def back() -> None:
            while data := await their_reader.read(65_536):
                writer.write(data[:keep] if is_cut else data)
                await writer.drain()
                if is_cut:
                    writer.transport.abort()

        backward = asyncio.create_task(back())
        while data := await reader.read(65_536):
            is_cut = data.startswith(b"POST /trader")
            their_writer.write(data)
        backward.cancel()
        their_writer.close()
        writer.close()

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await passes(reader, writer)
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.05)


class _Waker:
    """Take frames as grok does, as far as account activity goes."""

    def __init__(self, wake: Callable[[str], None]) -> None:
        self._wake = wake
        self.kinds: list[str] = []

    def on_frame(self, frame: bytes, recv_ns: int, boot_ns: int) -> Message | None:
        del recv_ns, boot_ns
        message = decode(frame)
        for block in message.data if message is not None else []:
            for item in block.items if block.service == ACTIVITY else []:
                assert isinstance(item, ActivityItem)
                self.kinds.append(str(item.kind))
                order_id = order_id_of(item)
                if order_id is not None:
                    self._wake(order_id)
        return message

    def on_connection_lost(self) -> None:
        """Nothing is kept."""


async def test_activity_tells_of_a_fill_long_before_the_next_poll(sim: Simulator) -> None:
    slow = Timing(fill_timeout_s=60, poll_first_s=60, poll_max_s=60)
    async with desk_at(sim, timing=slow) as desk:
        waker, streaming = _Waker(desk.executor.wake), asyncio.Event()
        stream = SchwabStream(
            desk.rest,
            Subscriptions({Service.NYSE_BOOK: ["F"]}, ["F"]),
            waker,
            clock=CLOCK,
            patience=Patience(),
            on_streaming=streaming.set,
        )
        task = asyncio.create_task(stream.run())
        await asyncio.wait_for(streaming.wait(), 5)
        bought = await desk.finish(intent(), within_s=5)
        assert bought.state is S.FILLED
        assert {"SUBSCRIBED", "OrderFillCompleted"} <= set(waker.kinds)
        await desk.check()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_token_that_has_ended_costs_one_order_not_the_next(tmp_path: Path) -> None:
    with simulator(tmp_path, "--symbols", "F:N", "--access-token-seconds", "1") as sim:
        async with desk_at(sim) as desk:
            await asyncio.sleep(1.1)
            first = await desk.finish(intent())
            assert (first.state, first.http_status) == (S.REFUSED, 401)
            assert (await desk.finish(intent(limit=None, key="live-1-2-1"))).state is S.FILLED
        posts = sim.posts()
        assert len(posts) == 2
