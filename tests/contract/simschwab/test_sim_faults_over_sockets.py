"""Faults that only a socket can show, added while a real process runs, and scenarios given at its start."""

import asyncio
import contextlib
import json
import socket
import struct
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from simschwab.shelf import scenario_at, shipped_names
from support.sim_process import ORDER, Json, Running, client, contents, get_json, receive, running, send, stream

pytestmark = pytest.mark.slow  # real processes and sockets

BODY_ERRORS = (aiohttp.ClientPayloadError, aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("sim"), "--order-limit", "0") as started:
        yield started


@asynccontextmanager
async def faulty(sim: Running, *faults: Json) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a simulator with faults in force, which are cleared in the end."""
    async with client(sim) as session:
        async with session.post("/sim/faults", json=list(faults)) as answer:
            assert answer.status == 201, await answer.text()
        try:
            yield session
        finally:
            await session.delete("/sim/faults")


def orders_path(sim: Running) -> str:
    return f"/trader/v1/accounts/{sim.ready['account_hash']}/orders"


async def ledger_end(session: aiohttp.ClientSession) -> int:
    return int((await get_json(session, "/sim/ledger", since="999999999"))["next"])


async def events(session: aiohttp.ClientSession, since: int, kind: str) -> list[Json]:
    found = (await get_json(session, "/sim/ledger", since=str(since), kind=kind))["events"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_dropped_answer_ends_the_connection(sim: Running, when: str) -> None:
    async with faulty(sim, {"on": "orders.place", "do": "drop", "when": when, "nth": 1}) as session:
        since = await ledger_end(session)
        with pytest.raises(aiohttp.ClientError):
            await session.post(orders_path(sim), json=ORDER)
        placed = await events(session, since, "order_state")
        assert bool(placed) == (when == "after")
        assert len(await events(session, since, "request_in")) == 1
        [struck] = await events(session, since, "fault")
        assert (struck["effect"], struck["on"]) == ("drop", "orders.place")


def raw_answer(sim: Running, path: str, wait_s: float = 3.0) -> tuple[bytes, str]:
    """What a plain socket reads of an answer, and how it ends."""
    host, port = sim.ready["base_url"].removeprefix("http://").split(":")
    read = b""
    with socket.create_connection((host, int(port)), timeout=wait_s) as plain:
        lines = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sim.token['access_token']}\r\n\r\n"
        plain.sendall(lines.encode())
        try:
            while part := plain.recv(65536):
                read += part
        except ConnectionResetError:
            return read, "reset"
        except TimeoutError:
            return read, "open"
    return read, "closed"


async def test_a_reset_comes_in_the_middle_of_the_headers(sim: Running) -> None:
    async with faulty(sim, {"on": "account_numbers", "do": "reset"}):
        read, end = await asyncio.to_thread(raw_answer, sim, "/trader/v1/accounts/accountNumbers")
    assert end == "reset"
    assert read.startswith(b"HTTP/1.1 200")
    assert b"\r\n\r\n" not in read


async def test_a_truncated_body_is_shorter_than_announced(sim: Running) -> None:
    async with faulty(sim, {"on": "account_numbers", "do": "truncate", "bytes": 7}) as session:
        read, end = await asyncio.to_thread(raw_answer, sim, "/trader/v1/accounts/accountNumbers")
        assert end == "closed"
        head, _, body = read.partition(b"\r\n\r\n")
        assert len(body) == 7
        assert b"Content-Length: " in head
        with pytest.raises(BODY_ERRORS):
            async with session.get("/trader/v1/accounts/accountNumbers") as answer:
                await answer.read()


async def test_held_means_open_and_silent(sim: Running) -> None:
    async with faulty(sim, {"on": "account_numbers", "do": "hold"}):
        read, end = await asyncio.to_thread(raw_answer, sim, "/trader/v1/accounts/accountNumbers", 0.5)
    assert (read, end) == (b"", "open")


async def test_an_answer_trickles(sim: Running) -> None:
    async with faulty(sim, {"on": "account_numbers", "do": "trickle", "bytes": 20, "ms": 50}) as session:
        asked = time.monotonic()
        async with session.get("/trader/v1/accounts/accountNumbers") as answer:
            parts = [part async for part in answer.content.iter_any()]
        assert len(parts) > 3
        assert b"hashValue" in b"".join(parts)
        assert time.monotonic() - asked > 0.2


async def test_a_delay_delays_and_a_status_is_a_status(sim: Running) -> None:
    delay = {"on": "quotes", "do": "delay", "ms": 300, "nth": 1}
    storm = {"on": "quotes", "do": "status", "status": 429, "retry_after_s": 7, "nth": 2}
    edge = {"on": "quotes", "do": "akamai", "nth": 3}
    moved = {"on": "quotes", "do": "status", "status": 307, "location": "http://127.0.0.1:1/x", "nth": 4}
    async with faulty(sim, delay, storm, edge, moved) as session:
        asked = time.monotonic()
        await get_json(session, "/marketdata/v1/quotes", symbols="F")
        assert time.monotonic() - asked >= 0.3
        async with session.get("/marketdata/v1/quotes") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
        async with session.get("/marketdata/v1/quotes") as answer:
            assert (answer.status, answer.content_type) == (403, "text/html")
            assert "Access Denied" in await answer.text()
        async with session.get("/marketdata/v1/quotes", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (307, "http://127.0.0.1:1/x")


async def next_message(ws: aiohttp.ClientWebSocketResponse) -> aiohttp.WSMessage:
    """The next message that is a book's or the end."""
    while True:
        message = await ws.receive(timeout=5)
        if message.type is not aiohttp.WSMsgType.TEXT or str(message.data).startswith('{"data":'):
            return message


@asynccontextmanager
async def books(session: aiohttp.ClientSession, sim: Running) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with stream(session, sim.token["access_token"]) as ws:
        await send(ws, "NYSE_BOOK", "SUBS", keys="F", fields="0,1,2,3")
        yield ws


@pytest.mark.parametrize("code", [1000, 1001, 1011])
async def test_the_server_closes_with_a_code(sim: Running, code: int) -> None:
    async with faulty(sim) as session, books(session, sim) as ws:
        await contents(ws, "NYSE_BOOK")
        await session.post("/sim/faults", json={"on": "time", "do": "close", "code": code})
        with contextlib.suppress(AssertionError):
            await contents(ws, "NYSE_BOOK")
        await asyncio.sleep(0.1)
        assert ws.close_code == code


async def test_1006_is_an_end_without_a_word(sim: Running) -> None:
    async with faulty(sim) as session, books(session, sim) as ws:
        await contents(ws, "NYSE_BOOK")
        await session.post("/sim/faults", json={"on": "time", "do": "close", "code": 1006})
        while (message := await ws.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        assert ws.close_code == 1006


async def test_fragments_come_together_and_binary_is_binary(sim: Running) -> None:
    fragment = {"on": "frame.NYSE_BOOK", "do": "fragment", "pieces": 4, "nth": 1}
    binary = {"on": "frame.NYSE_BOOK", "do": "binary", "nth": 2}
    async with faulty(sim, fragment, binary) as session, books(session, sim) as ws:
        first, second = await next_message(ws), await next_message(ws)
    assert first.type is aiohttp.WSMsgType.TEXT
    assert first.json()["data"][0]["service"] == "NYSE_BOOK"
    assert second.type is aiohttp.WSMsgType.BINARY


class RawStream:
    """A websocket read frame by frame, as bytes on the wire."""

    def __init__(self, sim: Running) -> None:
        host, port = sim.ready["base_url"].removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=5)
        self.file = self.socket.makefile("rb")
        hello = (
            "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        self.socket.sendall(hello.encode())
        while self.file.readline() != b"\r\n":
            pass

    def send(self, service: str, verb: str, **parameters: str) -> None:
        text = json.dumps({"requestid": "1", "service": service, "command": verb, "parameters": parameters}).encode()
        # Masked with a key of zeros, which leaves the text as it is.
        self.socket.sendall(struct.pack("!BBH", 0x81, 0x80 | 126, len(text)) + bytes(4) + text)

    def read(self) -> tuple[bool, int, bool, bytes]:
        """Whether it is the last fragment, its opcode, whether it is masked, and its payload."""
        first, second = self.file.read(2)
        size = second & 0x7F
        if size >= 126:
            size = int.from_bytes(self.file.read(2 if size == 126 else 8))
        if second & 0x80:
            self.file.read(4)
        return bool(first & 0x80), first & 0x0F, bool(second & 0x80), self.file.read(size)


def raw_frames(sim: Running, customer_id: str) -> list[tuple[bool, int, bool, int]]:
    raw = RawStream(sim)
    with raw.socket:
        text = json.dumps(
            {
                "requestid": "1",
                "service": "ADMIN",
                "command": "LOGIN",
                "SchwabClientCustomerId": customer_id,
                "parameters": {"Authorization": sim.token["access_token"]},
            }
        ).encode()
        raw.socket.sendall(struct.pack("!BBH", 0x81, 0x80 | 126, len(text)) + bytes(4) + text)
        raw.read()
        raw.send("NYSE_BOOK", "SUBS", keys="F", fields="0,1,2,3")
        raw.read()
        return [(fin, opcode, masked, len(payload)) for fin, opcode, masked, payload in (raw.read() for _ in range(6))]


async def test_fragments_and_masks_are_there_on_the_wire(sim: Running) -> None:
    fragment = {"on": "frame.NYSE_BOOK", "do": "fragment", "pieces": 4, "nth": 1}
    masked = {"on": "frame.NYSE_BOOK", "do": "masked", "nth": 2}
    async with faulty(sim, fragment, masked) as session:
        preference = await get_json(session, "/trader/v1/userPreference")
        customer_id = preference["streamerInfo"][0]["schwabClientCustomerId"]
        frames = await asyncio.to_thread(raw_frames, sim, customer_id)
    assert [frame[:3] for frame in frames] == [
        (False, 1, False),
        (False, 0, False),
        (False, 0, False),
        (True, 0, False),
        (True, 1, True),
        (True, 1, False),
    ]
    assert all(size > 100 for *_, size in frames)


async def test_an_oversized_frame_arrives_whole(sim: Running) -> None:
    big = {"on": "frame.NYSE_BOOK", "do": "oversize", "bytes": 20_000_000, "nth": 1}
    async with faulty(sim, big) as session, books(session, sim) as ws:
        message = await next_message(ws)
    assert len(message.data) == 20_000_000


async def test_a_broken_frame_breaks_the_link(sim: Running) -> None:
    cut = {"on": "frame.NYSE_BOOK", "do": "truncate", "bytes": 40, "nth": 1}
    async with faulty(sim, cut) as session, books(session, sim) as ws:
        message = await next_message(ws)
    assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def test_a_handshake_is_refused(sim: Running) -> None:
    async with faulty(sim, {"on": "connect", "do": "status", "status": 503, "nth": 1}) as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
            await session.ws_connect("/ws")
        assert raised.value.status == 503
        async with session.ws_connect("/ws") as ws:
            assert not ws.closed


async def test_the_server_reads_slowly(sim: Running) -> None:
    async with faulty(sim, {"on": "time", "do": "slow_read", "ms": 400, "for_s": 5}) as session:
        asked = time.monotonic()
        async with stream(session, sim.token["access_token"]):
            assert time.monotonic() - asked >= 0.4


async def test_a_partition_lets_nothing_pass_and_then_resets(sim: Running) -> None:
    async with faulty(sim) as session, books(session, sim) as ws:
        await contents(ws, "NYSE_BOOK")
        await session.post("/sim/faults", json={"on": "time", "do": "partition", "for_s": 1.5})
        asked = time.monotonic()
        # A POST, because aiohttp would ask again for a GET.
        with pytest.raises(aiohttp.ClientError):
            await session.post(orders_path(sim), json=ORDER)
        assert time.monotonic() - asked > 1.2
        while not ws.closed:
            await ws.receive(timeout=5)
        assert ws.close_code == 1006
        assert (await get_json(session, f"/trader/v1/accounts/{sim.ready['account_hash']}"))["securitiesAccount"]


async def test_faults_are_listed_counted_shown_and_cleared(sim: Running) -> None:
    fault = {"on": "quotes", "do": "status", "status": 500, "times": 2}
    async with faulty(sim, fault) as session:
        for wanted in (500, 500, 200):
            async with session.get("/marketdata/v1/quotes", params={"symbols": "F"}) as answer:
                assert answer.status == wanted
        [row] = (await get_json(session, "/sim/faults"))["faults"]
        assert fault.items() <= row.items()
        assert (row["hits"], row["open"]) == (2, False)
        async with session.get("/sim") as page:
            assert "quotes" in await page.text()
        async with session.delete("/sim/faults", params={"number": "999999"}) as answer:
            assert await answer.json() == {"cleared": 0}
        async with session.delete("/sim/faults") as answer:
            assert await answer.json() == {"cleared": 1}
        async with session.get("/sim") as page:
            assert "None in force." in await page.text()


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        ("{", "application/json", "truncated"),
        ("3", "application/json", "key fault: expected tables"),
        ('{"on": "quotes"}', "application/json", "key do: expected one of"),
        ("x = [", "application/toml", "expected TOML"),
        ("[settings]\ncash_dollars = 1", "application/toml", "settings: expected only at the start"),
    ],
)
async def test_bad_faults_get_400_and_one_line(sim: Running, body: str, kind: str, told: str) -> None:
    async with client(sim) as session:
        async with session.post("/sim/faults", data=body, headers={"Content-Type": kind}) as answer:
            assert answer.status == 400
            assert told in (await answer.json())["message"]
        for path, sent in (("/sim/clock", "{}"), ("/sim/clock", '{"at": "noon"}'), ("/sim/orders", "{")):
            async with session.post(path, data=sent) as answer:
                assert answer.status == 400


async def test_a_hand_trade_and_the_clock_by_request(tmp_path: Path) -> None:
    with running(tmp_path, "--market-hours", "calendar", "--set", "clock_at=2026-11-27T12:00:00-05:00") as sim:
        async with client(sim) as session:
            low = ORDER | {"price": "5.00"}
            async with session.post("/sim/orders", json=low, params={"tag": "API_TOS:IPHONE"}) as answer:
                assert answer.status == 201
                path = answer.headers["Location"].removeprefix(sim.ready["base_url"])
            await asyncio.sleep(0.2)
            view = await get_json(session, path)
            assert view["tag"] == "API_TOS:IPHONE"
            assert view["enteredTime"].startswith("2026-11-27T17:00")
            async with session.post("/sim/clock", json={"at": "2026-11-27T13:00:01-05:00"}) as answer:
                assert answer.status == 200
            # The token's life follows the clock: it is an hour older now.
            async with session.get(path) as answer:
                assert answer.status == 401
                assert "Fri, 27 Nov 2026 18:00" in answer.headers["Date"]
            states = [event["status"] for event in await events(session, 0, "order_state")]
            assert states[-1] == "EXPIRED"


async def test_two_simulators_side_by_side(tmp_path: Path) -> None:
    first_home, second_home = tmp_path / "1", tmp_path / "2"
    first_home.mkdir()
    second_home.mkdir()
    with running(first_home, "--account", "11111111") as one, running(second_home, "--account", "22222222") as two:
        assert one.ready["base_url"] != two.ready["base_url"]
        async with client(one) as left, client(two) as right:
            async with left.post(orders_path(one), json=ORDER) as answer:
                assert answer.status == 201
            await left.post("/sim/faults", json={"on": "request", "do": "status", "status": 503})
            async with left.get("/trader/v1/accounts/accountNumbers") as answer:
                assert answer.status == 503
            async with right.get("/trader/v1/accounts/accountNumbers") as answer:
                assert (await answer.json())[0]["accountNumber"] == "22222222"
            assert (await get_json(right, "/sim/status"))["orders"] == 0
            assert (await get_json(right, "/sim/faults"))["faults"] == []


async def test_a_shipped_scenario_over_sockets(tmp_path: Path) -> None:
    with running(tmp_path, "--scenario", "f024-fill-in-three-prints") as sim:
        async with client(sim) as session, stream(session, sim.token["access_token"]) as ws:
            await send(ws, "ACCT_ACTIVITY", "SUBS", keys="Account Activity", fields="0,1,2,3")
            async with session.post(orders_path(sim), json=ORDER) as answer:
                assert answer.status == 201
            seen: list[Any] = []
            while seen.count("OrderFillCompleted") < 3:
                seen += [item["2"] for item in await contents(ws, "ACCT_ACTIVITY")]
            assert len(await events(session, 0, "fill")) == 3


@pytest.mark.parametrize("name", [name for name in shipped_names() if scenario_at(name).faults])
async def test_every_scenario_starts_over_sockets_and_the_server_lives(tmp_path: Path, name: str) -> None:
    with running(tmp_path, "--scenario", name) as sim:
        async with client(sim) as session:
            for _ in range(3):
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.post(orders_path(sim), json=ORDER, timeout=aiohttp.ClientTimeout(0.5)):
                        pass
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, AssertionError):
                async with session.ws_connect("/ws", timeout=aiohttp.ClientWSTimeout(0.5)) as ws:
                    await send(ws, "ADMIN", "LOGIN", Authorization=sim.token["access_token"])
                    await asyncio.wait_for(receive(ws), 0.5)
            rows = (await get_json(session, "/sim/status"))["faults"]
            assert len(rows) == len(scenario_at(name).faults)
        sim.process.terminate()
        assert await asyncio.to_thread(sim.process.wait, 5) == 0
        assert "Traceback" not in sim.process.communicate()[1]
