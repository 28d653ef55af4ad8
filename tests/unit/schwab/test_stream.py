"""The one connection over real sockets: every way to lose it, and back each time with a fresh login and all symbols."""

import asyncio
import itertools
import json
import logging
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from leadline.clock import SystemClock
from leadline.core.errors import AuthenticationError, ExitCode, UnreachableError
from leadline.core.freshness import Gap
from leadline.core.market import Service
from leadline.schwab.auth import Login
from leadline.schwab.gate import CATCHING_UP, CONNECTING, UNSTEADY
from leadline.schwab.http import Http
from leadline.schwab.link import Hooks, Patience
from leadline.schwab.requests import Subscriptions
from leadline.schwab.rest import Rest
from leadline.schwab.socket import FRAME_BYTES_MAX
from leadline.schwab.stream import SchwabStream
from leadline.schwab.wire import Message, decode
from support.scripted_broker import APP_SECRET, CLIENT_ID, REFRESH, Broker, Step, broker_serving, token_file
from support.scripted_server import Link, Reply, ScriptedServer, answer_to, reply
from support.waiting import until

CLOCK = SystemClock()
SYMBOLS = Subscriptions({Service.NASDAQ_BOOK: ["AMD"], Service.NYSE_BOOK: ["F"]}, ["AMD", "F"])
NAMES = [
    "LOGIN ADMIN",
    "SUBS ACCT_ACTIVITY",
    "SUBS NASDAQ_BOOK",
    "SUBS NYSE_BOOK",
    "SUBS LEVELONE_EQUITIES",
]
FAST = Patience(
    connect_s=1.0,
    answer_s=0.6,
    silence_s=0.6,
    retry_first_s=0.02,
    retry_max_s=0.08,
    evicted_s=0.05,
    steady_s=0.1,
    catch_up_s=0.02,
    watch_s=0.02,
)
DENIED = "Login Denied.: token is invalid or has expired."
Behaving = Callable[[Link], Awaitable[None]]


def book(symbol: str, padding: int = 0) -> dict[str, Any]:
    item = {"key": symbol, "1": 1_765_306_382_549, "2": [], "3": [], "padding": "x" * padding}
    return {"data": [{"service": "NYSE_BOOK", "timestamp": 7, "command": "SUBS", "content": [item]}]}


@dataclass
class Taker:
    """Take frames as grok does: decode them and give them back."""

    frames: list[bytes] = field(default_factory=list)
    malformed: int = 0
    losses: int = 0
    fault: Exception | None = None

    def on_frame(self, frame: bytes, recv_ns: int, boot_ns: int) -> Message | None:
        fault, self.fault = self.fault, None
        if fault is not None:
            raise fault
        assert recv_ns > 0
        assert boot_ns > 0
        message = decode(frame)
        if message is None:
            self.malformed += 1
        elif message.data:
            self.frames.append(frame)
        return message

    def on_connection_lost(self) -> None:
        self.losses += 1


@dataclass
class Rig:
    broker: Broker
    server: ScriptedServer
    login: Login
    rest: Rest
    taker: Taker
    behaviours: list[Behaving]
    """One a connection, in order; the last one stays."""
    links: list[Link]
    streamings: list[float] = field(default_factory=list)
    hooks: Hooks = field(default_factory=Hooks)

    def stream(self, patience: Patience = FAST, subscriptions: Subscriptions = SYMBOLS) -> SchwabStream:
        return SchwabStream(
            self.rest,
            subscriptions,
            self.taker,
            clock=CLOCK,
            patience=patience,
            on_streaming=lambda: self.streamings.append(time.monotonic()),
            hooks=self.hooks,
        )

    @asynccontextmanager
    async def running(self, patience: Patience = FAST) -> AsyncIterator[SchwabStream]:
        stream = self.stream(patience)
        task = asyncio.create_task(stream.run())
        try:
            yield stream
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def streamed(self, times: int) -> None:
        await until(lambda: len(self.streamings) >= times)

    def requests(self, number: int) -> list[str]:
        return [f"{request['command']} {request['service']}" for request in self.links[number].received]

    def token(self, number: int) -> str:
        token = self.links[number].received[0]["parameters"]["Authorization"]
        assert isinstance(token, str)
        return token


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    links: list[Link] = []
    behaviours: list[Behaving] = [stays]

    async def behave(link: Link) -> None:
        links.append(link)
        await behaviours[min(len(links), len(behaviours)) - 1](link)

    async with broker_serving(behave) as (broker, server), Http(server.url, 2.0) as http:
        login = Login(http, token_file(tmp_path / "token.json"), CLIENT_ID, APP_SECRET, CLOCK, retry_s=0.01)
        yield Rig(broker, server, login, Rest(http, login), Taker(), behaviours, links)


# --- how a streamer behaves


async def welcomes(link: Link) -> None:
    """Answer everything, until all is subscribed."""
    for _ in NAMES:
        await link.answer(await link.receive())


async def stays(link: Link) -> None:
    """Welcome, then send a heartbeat ten times a second."""
    await welcomes(link)
    await beats(link)


async def beats(link: Link) -> None:
    while True:
        await link.send({"notify": [{"heartbeat": "1668715930582"}]})
        await asyncio.sleep(0.1)


def closes(code: int) -> Behaving:
    async def behave(link: Link) -> None:
        await welcomes(link)
        await asyncio.sleep(0.05)
        await link.close(code, "bye")

    return behave


async def aborts(link: Link) -> None:
    await welcomes(link)
    await asyncio.sleep(0.05)
    link.abort()


async def falls_silent(link: Link) -> None:
    await welcomes(link)
    await link.until_gone()


async def falls_silent_before_the_login(link: Link) -> None:
    await link.until_gone()


async def never_answers_a_request_but_sends_on(link: Link) -> None:
    for _ in NAMES[:3]:
        await link.answer(await link.receive())
    while True:
        await link.send(book("AMD"))
        await link.send({"notify": [{"heartbeat": "1668715930582"}]})
        await asyncio.sleep(0.05)


async def sends_a_giant(link: Link) -> None:
    await welcomes(link)
    await link.raw(b"\x81" + struct.pack(">BQ", 127, FRAME_BYTES_MAX + 1) + b"x" * 1_000)
    await link.until_gone()


async def sends_a_masked_frame(link: Link) -> None:
    await welcomes(link)
    await link.raw(b"\xff\xff\xff\xff")  # reserved bits and an opcode that there is not
    await link.until_gone()


async def stops(link: Link) -> None:
    await welcomes(link)
    content = {"code": 30, "msg": "Stop streaming due to empty subscription"}
    await link.send({"notify": [{"service": "ADMIN", "timestamp": 1_631_772_954_749, "content": content}]})
    await link.until_gone()


def refuses(service: str, code: int, msg: str) -> Behaving:
    async def behave(link: Link) -> None:
        for _ in NAMES:
            request = await link.receive()
            is_it = request["service"] == service
            await link.answer(request, *((code, msg) if is_it else ()))
        await beats(link)

    return behave


def evicts(as_notice: bool) -> Behaving:
    async def behave(link: Link) -> None:
        await welcomes(link)
        content = {"code": 12, "msg": "Close connection"}
        envelope = {"service": "ADMIN", "timestamp": 1, "content": content}
        answer = {**answer_to(link.received[0]), "requestid": "99", "content": content}
        await link.send({"notify": [envelope]} if as_notice else {"response": [answer]})
        await link.close(1000)

    return behave


# --- a good day


async def test_it_logs_in_subscribes_and_streams(rig: Rig) -> None:
    async with rig.running() as stream:
        await rig.streamed(1)
        assert rig.requests(0) == NAMES
        assert rig.token(0) == "canary-access-0"
        await rig.links[0].send(book("F"))
        await until(lambda: len(rig.taker.frames) == 1)
        assert json.loads(rig.taker.frames[0]) == book("F")
        state = stream.state
        assert (state.connection, state.reconnects, state.degraded) == ("streaming", 0, None)
        assert state.connected_ns is not None
        assert state.last_frame_ns is not None
        assert state.connected_ns <= state.last_frame_ns <= CLOCK.wall_ns()
        assert rig.taker.losses == 0


async def test_heartbeats_alone_hold_a_connection(rig: Rig) -> None:
    async with rig.running() as stream:
        await rig.streamed(1)
        await asyncio.sleep(FAST.silence_s * 2)
        assert len(rig.links) == 1
        assert stream.state.connection == "streaming"


async def test_fragments_are_joined_and_a_ping_between_them_is_answered(rig: Rig) -> None:
    whole = json.dumps(book("F")).encode()
    async with rig.running():
        await rig.streamed(1)
        link = rig.links[0]
        receiving = asyncio.create_task(link.until_gone())
        await link.send(whole[:10], fin=False)
        await link.send(b"ping-1", Link.PING)
        await link.send(whole[10:50], 0, fin=False)
        await link.send(whole[50:], 0)
        await link.send(whole)
        await until(lambda: len(rig.taker.frames) == 2)
        assert rig.taker.frames == [whole, whole]
        assert rig.taker.malformed == 0
        await until(lambda: link.pongs == [b"ping-1"])
        receiving.cancel()


async def test_large_and_binary_frames_are_judged_by_their_bytes(rig: Rig) -> None:
    async with rig.running():
        await rig.streamed(1)
        link = rig.links[0]
        await link.send(book("F", padding=3_000_000))  # three bursts of 500 books in one
        await link.send(book("F"), Link.BINARY)
        whole = json.dumps(book("F")).encode()
        await link.send(whole[:9], Link.BINARY, fin=False)
        await link.send(whole[9:], 0)
        await until(lambda: len(rig.taker.frames) == 3)
        await link.send(b"\x00\x01\x02", Link.BINARY)
        await until(lambda: rig.taker.malformed == 1)
        assert len(rig.links) == 1


@pytest.mark.parametrize(
    "frame", [b"{", b"", b"\xff\xfe", b"null", b"[]", b'{"data":1}', b'{"data":[NaN]}', b"[" * 100_000]
)
async def test_a_malformed_frame_is_handed_over_and_the_stream_lives(rig: Rig, frame: bytes) -> None:
    async with rig.running():
        await rig.streamed(1)
        await rig.links[0].send(frame)
        await rig.links[0].send(book("F"))
        await until(lambda: len(rig.taker.frames) == 1)
        assert len(rig.links) == 1


async def test_a_fault_in_a_taker_is_said_and_the_stream_lives(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    async with rig.running():
        await rig.streamed(1)
        rig.taker.fault = RuntimeError("a bug of ours")
        await rig.links[0].send(book("F"))
        await until(lambda: "a bug of ours" in caplog.text)
        await rig.links[0].send(book("F"))
        await until(lambda: len(rig.taker.frames) == 1)
        assert len(rig.links) == 1


async def test_answers_out_of_order_and_to_others_do_not_confuse_it(rig: Rig) -> None:
    async def confuses(link: Link) -> None:
        login = await link.receive()
        await link.send({"response": [{**answer_to(login, 22, "not yours"), "requestid": "815"}]})
        await link.answer(login)
        for _ in NAMES[1:]:
            request = await link.receive()
            foreign = {**answer_to(request, 22, "not yours"), "requestid": "4711"}
            await link.send({"response": [foreign, answer_to(login)]})
            await link.send({"response": [foreign, answer_to(request), foreign]})
        await beats(link)

    rig.behaviours[:] = [confuses]
    async with rig.running() as stream:
        await rig.streamed(1)
        assert rig.requests(0) == NAMES
        assert (len(rig.links), stream.state.degraded) == (1, None)


# --- losses


@pytest.mark.parametrize(
    "behaviour",
    [
        closes(1000),
        closes(1001),
        closes(1011),
        closes(1008),
        aborts,
        falls_silent,
        falls_silent_before_the_login,
        never_answers_a_request_but_sends_on,
        sends_a_giant,
        sends_a_masked_frame,
        stops,
        refuses("NYSE_BOOK", 22, "SUBS command failed"),
        refuses("NASDAQ_BOOK", 20, "stream connection not found"),
        refuses("ADMIN", 9, "unknown failure"),
    ],
    ids=lambda behaviour: getattr(behaviour, "__qualname__", "?").partition(".")[0],
)
async def test_after_any_loss_it_is_back_with_a_fresh_token_and_every_symbol(rig: Rig, behaviour: Behaving) -> None:
    async def replaces_the_token(link: Link) -> None:
        await rig.login.refresh(rig.login.access_token)  # what the keeper does meanwhile
        await behaviour(link)

    rig.behaviours[:] = [replaces_the_token, stays]
    async with rig.running() as stream:
        await until(lambda: len(rig.links) == 2)
        await until(lambda: stream.state.connection == "streaming" and len(rig.links[1].received) == len(NAMES))
        assert rig.requests(1) == NAMES
        assert (rig.token(0), rig.token(1)) == ("canary-access-0", "canary-access-1")
        assert rig.taker.losses == 1
        assert stream.state.reconnects == 1
        assert len(rig.server.of("GET", "userPreference")) == 2  # the address may have changed


async def test_silence_ends_a_connection_when_it_is_longer_than_allowed(rig: Rig) -> None:
    rig.behaviours[:] = [falls_silent, stays]
    async with rig.running():
        await rig.streamed(1)
        await until(lambda: rig.taker.losses == 1)
        assert FAST.silence_s * 0.9 <= time.monotonic() - rig.streamings[0] < FAST.silence_s + 0.5


async def test_a_server_that_goes_away_for_a_while_is_found_again(rig: Rig) -> None:
    async with rig.running() as stream:
        await rig.streamed(1)
        await rig.server.stop()
        await until(lambda: stream.state.connection != "streaming")
        await asyncio.sleep(0.3)
        assert rig.taker.losses >= 2  # each try that failed is one
        await rig.server.start()
        await rig.streamed(2)


@pytest.mark.parametrize("answer", [Reply(500), Reply(403, b"<HTML/>", "text/html"), reply({"streamerInfo": []})])
async def test_a_rest_side_in_trouble_is_waited_for(rig: Rig, answer: Reply) -> None:
    rig.broker.plan("PREFERENCE", Step(answer), Step(answer))
    async with rig.running():
        await rig.streamed(1)
        assert rig.taker.losses == 2


async def test_waits_grow_with_jitter_to_a_limit_and_start_anew_after_streaming(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "leadline.schwab.stream")
    patience = msgspec.structs.replace(FAST, retry_first_s=0.04, retry_max_s=0.16)
    tries: list[float] = []

    async def refuses_login(link: Link) -> None:
        tries.append(time.monotonic())
        await link.answer(await link.receive(), 9, "no")
        await link.until_gone()

    async def streams_for_a_while(link: Link) -> None:
        await welcomes(link)
        await asyncio.sleep(0.2)
        link.abort()

    rig.behaviours[:] = [*[refuses_login] * 6, streams_for_a_while, refuses_login, stays]
    async with rig.running(patience):
        await rig.streamed(2)
    waits = [float(r.getMessage().rpartition(" in ")[2].split()[0]) for r in caplog.records]
    assert len(waits) == 8
    gaps = [after - before for before, after in itertools.pairwise(tries[:6])]
    for gap, wait_s in zip(gaps, [0.04, 0.08, 0.16, 0.16, 0.16], strict=True):
        assert wait_s * 0.5 <= gap < wait_s + 0.5
    assert len({round(gap / wait, 3) for gap, wait in zip(gaps, [0.04, 0.08, 0.16, 0.16, 0.16], strict=True)}) > 1
    assert rig.streamings[0] + 0.2 + 0.02 <= tries[6] < rig.streamings[0] + 0.2 + 0.04 + 0.5


async def test_a_link_that_always_breaks_at_once_is_not_hammered(rig: Rig) -> None:
    async def breaks_at_once(link: Link) -> None:
        await welcomes(link)
        link.abort()

    rig.behaviours[:] = [breaks_at_once]
    async with rig.running(msgspec.structs.replace(FAST, retry_first_s=0.05, retry_max_s=0.4)):
        await asyncio.sleep(1.2)
        assert 3 <= len(rig.links) <= 8
        assert rig.taker.losses in {len(rig.links), len(rig.links) - 1}


# --- parts


async def test_a_symbol_limit_in_schwab_s_words_degrades_and_a_new_connection_starts_clean(rig: Rig) -> None:
    text = "You've reached the maximum number of symbols allowed.  (NASDAQ_BOOK=100, DISCARDED=63)"
    rig.behaviours[:] = [refuses("NASDAQ_BOOK", 19, text), stays]
    async with rig.running() as stream:
        await rig.streamed(1)
        assert stream.state.degraded is not None
        assert "63 symbols are not served" in stream.state.degraded
        rig.links[0].abort()
        await rig.streamed(2)
        assert stream.state.degraded is None


async def test_without_the_permission_for_level_2_it_says_so(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.broker.has_level2 = False
    async with rig.running() as stream:
        await rig.streamed(1)
        assert stream.state.degraded == "this login has no level 2 permission: no books will come"
    assert "no level 2 permission" in caplog.text


# --- what only a person can mend


@pytest.mark.parametrize("as_notice", [True, False])
async def test_one_eviction_is_tried_again_later_a_second_ends_the_run(rig: Rig, as_notice: bool) -> None:
    rig.behaviours[:] = [evicts(as_notice)]
    begun_s = time.monotonic()
    with pytest.raises(UnreachableError) as caught:
        await asyncio.wait_for(rig.stream().run(), 8)
    assert time.monotonic() - begun_s >= FAST.evicted_s
    assert len(rig.links) == 2
    assert rig.taker.losses == 2
    assert "close thinkorswim or the other program" in str(caught.value)
    assert "code 12: Close connection" in str(caught.value)


async def test_an_eviction_long_after_another_is_a_first_one_again(rig: Rig) -> None:
    async def evicts_after_a_while(link: Link) -> None:
        await welcomes(link)
        await asyncio.sleep(0.3)
        await link.send({"notify": [{"service": "ADMIN", "content": {"code": 12, "msg": "Close connection"}}]})
        await link.close(1000)

    rig.behaviours[:] = [evicts(True), evicts_after_a_while, evicts_after_a_while, stays]
    async with rig.running(msgspec.structs.replace(FAST, evictions_forgotten_s=0.2)):
        await rig.streamed(4)
    assert len(rig.links) == 4


async def test_a_denied_login_refreshes_once_and_goes_on(rig: Rig) -> None:
    async def denies(link: Link) -> None:
        await link.answer(await link.receive(), 3, DENIED)
        await link.close(1000)

    rig.behaviours[:] = [denies, stays]
    async with rig.running():
        await rig.streamed(1)
        assert (rig.token(0), rig.token(1)) == ("canary-access-0", "canary-access-1")
        assert rig.broker.tokens == 1


async def test_a_login_denied_with_a_fresh_token_too_wants_a_person(rig: Rig) -> None:
    async def denies(link: Link) -> None:
        await link.answer(await link.receive(), 3, DENIED)
        await link.until_gone()

    rig.behaviours[:] = [denies]
    with pytest.raises(AuthenticationError) as caught:
        await asyncio.wait_for(rig.stream().run(), 8)
    assert (len(rig.links), rig.broker.tokens) == (2, 1)
    assert DENIED in str(caught.value)
    assert caught.value.exit_code is ExitCode.AUTHENTICATION


async def test_a_login_whose_refresh_is_refused_ends_the_run(rig: Rig) -> None:
    async def denies(link: Link) -> None:
        await link.answer(await link.receive(), 3, DENIED)
        await link.until_gone()

    rig.behaviours[:] = [denies]
    rig.broker.plan("TOKEN", *[Step(reply({"error": "invalid_grant"}, 400))] * 2)
    with pytest.raises(AuthenticationError, match="invalid_grant"):
        await asyncio.wait_for(rig.stream().run(), 8)


async def test_a_token_endpoint_in_trouble_does_not_end_the_run(rig: Rig) -> None:
    async def denies(link: Link) -> None:
        await link.answer(await link.receive(), 3, DENIED)
        await link.until_gone()

    rig.behaviours[:] = [stays, denies, stays]
    rig.broker.plan("TOKEN", Step(Reply(503), works=False))
    async with rig.running():
        await rig.streamed(1)
        rig.links[0].abort()
        await rig.streamed(2)


@pytest.mark.parametrize("url", ["ws://127.0.0.1:9/ws", "ws://127.0.0.1:notaport/", "http://127.0.0.1/", "nonsense"])
async def test_at_the_very_first_start_an_unreachable_streamer_ends_the_run_at_once(rig: Rig, url: str) -> None:
    rig.broker.ws_url = url
    with pytest.raises(UnreachableError) as caught:
        await asyncio.wait_for(rig.stream().run(), 5)
    assert caught.value.exit_code is ExitCode.UNREACHABLE
    assert url in str(caught.value)


async def test_at_the_very_first_start_an_unreachable_rest_side_ends_the_run_at_once(rig: Rig) -> None:
    await rig.server.stop()
    with pytest.raises(UnreachableError):
        await asyncio.wait_for(rig.stream().run(), 5)


async def test_a_streamer_that_takes_the_connection_and_says_nothing_ends_the_first_start_too(rig: Rig) -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    rig.broker.ws_url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
    async with server:
        begun_s = time.monotonic()
        with pytest.raises(UnreachableError):
            await asyncio.wait_for(rig.stream().run(), 5)
        assert time.monotonic() - begun_s < FAST.connect_s + 0.9
        await asyncio.sleep(0.05)


async def test_no_log_line_holds_the_token(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    rig.behaviours[:] = [aborts, refuses("ADMIN", 9, "no"), falls_silent, stays]
    async with rig.running():
        await rig.streamed(3)
    for secret in ("canary-access", REFRESH, APP_SECRET, "customer"):
        assert secret not in caplog.text


# --- coverage, gaps and what is held until the feed has caught up


class Notes:
    """What the stream told outside, in one order: holds, gaps, catch-ups and the tape."""

    def __init__(self) -> None:
        self.holds: list[str | None] = []
        self.gaps: list[Gap] = []
        self.catch_ups: list[int] = []
        self.events: list[tuple[str, str]] = []
        self.frames: list[bytes] = []
        self.may_catch_up = asyncio.Event()
        self.may_catch_up.set()

    def hooks(self, **more: Any) -> Hooks:
        return Hooks(catch_up=self.catch_up, hold=self.hold, on_gap=self.gaps.append, tape=self, **more)

    async def catch_up(self) -> bool:
        self.catch_ups.append(len(self.frames))
        await self.may_catch_up.wait()
        return True

    def hold(self, source: str, reason: str | None) -> None:
        self.holds.append(reason)

    def frame(self, recv_ns: int, boot_ns: int, frame: bytes) -> None:
        assert boot_ns > 0
        self.frames.append(frame)

    def event(self, recv_ns: int, kind: str, text: str) -> None:
        assert recv_ns > 0
        self.events.append((kind, text))

    def conflated(self, frame_seq: int, symbol: str, service: str) -> None:
        raise AssertionError("nothing waits here")

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.events]


def item(service: str, key: str) -> dict[str, Any]:
    content = [{"key": key, "1": 1_765_306_382_549, "2": [], "3": []}]
    return {"data": [{"service": service, "timestamp": 7, "command": "SUBS", "content": content}]}


PARTS = [
    ("ACCT_ACTIVITY", "leadline"),
    ("NASDAQ_BOOK", "AMD"),
    ("NYSE_BOOK", "F"),
    ("LEVELONE_EQUITIES", "AMD"),
    ("LEVELONE_EQUITIES", "F"),
]


def shows(*parts: tuple[str, str], again: bool = True) -> Behaving:
    """Welcome, then send data of these parts, over and over; answer what else is asked."""

    async def behave(link: Link) -> None:
        await welcomes(link)

        async def answer_on() -> None:
            while True:
                await link.answer(await link.receive())

        answering = asyncio.create_task(answer_on())
        try:
            while True:
                for service, key in parts:
                    await link.send(item(service, key))
                await asyncio.sleep(0.03 if again else 3_600)
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)

    return behave


async def test_entries_are_held_until_every_part_has_shown_data_and_the_feed_has_caught_up(rig: Rig) -> None:
    notes = Notes()
    rig.hooks = notes.hooks()
    rig.behaviours[:] = [shows(*PARTS[:-1])]
    async with rig.running(msgspec.structs.replace(FAST, stalled_s=60)) as stream:
        await until(lambda: stream.state.coverage == pytest.approx(4 / 5))
        assert stream.state.connection == "streaming"
        assert notes.catch_ups == []
        assert not stream.gate.is_open
        await rig.links[0].send(item(*PARTS[-1]))
        await until(lambda: stream.gate.is_open)
        assert stream.state.coverage == 1
    assert notes.holds[-2:] == [CATCHING_UP, None]
    assert len(notes.catch_ups) == 1


async def test_what_never_shows_data_is_named_and_the_rest_goes_on_after_its_time(rig: Rig) -> None:
    rig.hooks = Notes().hooks(is_open=lambda _: False)
    rig.behaviours[:] = [shows(*PARTS[:-1])]
    async with rig.running(msgspec.structs.replace(FAST, stalled_s=0.2)) as stream:
        await until(lambda: stream.gate.is_open)
        assert stream.state.degraded == "no data within 0.2 s of F on LEVELONE_EQUITIES"
        assert stream.state.coverage == pytest.approx(4 / 5)
        await rig.links[0].send(item(*PARTS[-1]))
        await until(lambda: stream.state.degraded is None)
        assert stream.state.coverage == 1


async def test_a_loss_holds_entries_at_once_and_leaves_a_gap_that_ends_with_the_data(rig: Rig) -> None:
    notes = Notes()
    rig.hooks = notes.hooks()
    rig.behaviours[:] = [shows(*PARTS)]
    async with rig.running() as stream:
        await until(lambda: stream.gate.is_open)
        assert notes.gaps == []
        notes.may_catch_up.clear()
        last_ns = stream.state.last_data_ns
        rig.links[0].abort()
        await until(lambda: stream.state.connection != "streaming")
        assert notes.holds[-1] == CONNECTING
        await until(lambda: notes.holds[-1] == CATCHING_UP)
        assert not stream.gate.is_open
        [gap] = notes.gaps
        assert last_ns is not None
        assert gap.start_ns >= last_ns
        assert gap.end_ns > gap.start_ns
        assert gap.symbols == ()
        notes.may_catch_up.set()
        await until(lambda: stream.gate.is_open)
        assert stream.state.gaps == 1
    once = ["connected", "streaming", "covered"]
    assert notes.kinds == [*once, "lost", *once, "gap"]


async def test_the_tape_gets_every_frame_in_order_also_those_that_nobody_can_read(rig: Rig) -> None:
    notes = Notes()
    rig.hooks = notes.hooks()
    rig.behaviours[:] = [stays]
    async with rig.running():
        await rig.streamed(1)
        await rig.links[0].send(book("F"))
        await rig.links[0].send(b"{")
        await until(lambda: b"{" in notes.frames)
    assert rig.taker.frames[0] in notes.frames
    answers = [frame for frame in notes.frames if b'"response"' in frame]
    assert len(answers) == len(NAMES)


async def test_several_losses_in_a_row_are_one_gap_with_the_first_reason(rig: Rig) -> None:
    notes = Notes()
    rig.hooks = notes.hooks()
    rig.behaviours[:] = [shows(*PARTS), closes(1011), closes(1000), shows(*PARTS)]
    async with rig.running() as stream:
        await until(lambda: stream.gate.is_open)
        rig.links[0].abort()
        await until(lambda: len(rig.links) == 4 and stream.gate.is_open)
    [gap] = notes.gaps
    assert "broke" in gap.reason


async def test_a_stalled_symbol_is_asked_for_again_and_then_costs_the_connection(rig: Rig) -> None:
    notes = Notes()
    rig.hooks = notes.hooks(is_open=lambda _: True)
    others = [part for part in PARTS if part != ("NYSE_BOOK", "F")]
    rig.behaviours[:] = [shows(*others), shows(*PARTS)]
    patience = msgspec.structs.replace(FAST, stale_s=0.2, stalled_s=0.4, silence_s=30)
    async with rig.running(patience) as stream:
        await until(lambda: len(rig.links) == 2 and stream.gate.is_open)
        assert rig.requests(0)[len(NAMES) :] == ["ADD NYSE_BOOK"]
        assert rig.links[0].received[-1]["parameters"]["keys"] == "F"
        assert ("lost", "NYSE_BOOK sent nothing for 0.4 s after it was asked for again") in notes.events
        await until(lambda: not stream.watch.is_stale("F"))


async def test_a_symbol_that_goes_silent_is_stale_while_the_rest_goes_on(rig: Rig) -> None:
    notes = Notes()
    rig.hooks = notes.hooks(is_open=lambda _: True)
    rig.behaviours[:] = [shows(*PARTS, again=False)]
    patience = msgspec.structs.replace(FAST, stale_s=0.3, silence_s=30)
    async with rig.running(patience) as stream:
        await until(lambda: stream.gate.is_open)
        sending = asyncio.create_task(repeats(rig.links[0], ("NASDAQ_BOOK", "AMD")))
        await until(lambda: stream.watch.is_stale("F"))
        assert not stream.watch.is_stale("AMD")
        assert stream.gate.is_open
        await rig.links[0].send(item("NYSE_BOOK", "F"))
        await until(lambda: not stream.watch.is_stale("F"))
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        assert [gap.symbols for gap in notes.gaps] == [("F",)]


async def repeats(link: Link, part: tuple[str, str]) -> None:
    while True:
        await link.send(item(*part))
        await asyncio.sleep(0.03)


@pytest.mark.slow
async def test_a_storm_of_drops_is_capped_and_entries_stay_held_until_a_connection_holds(rig: Rig) -> None:
    """The catalogue's storm, at a twentieth of its time: each connection is cut after a tenth of a second."""
    notes = Notes()
    rig.hooks = notes.hooks()

    async def is_cut(link: Link) -> None:
        showing = asyncio.ensure_future(shows(*PARTS)(link))
        await asyncio.sleep(0.15)
        link.abort()
        await asyncio.gather(showing, return_exceptions=True)

    rig.behaviours[:] = [*[is_cut] * 8, shows(*PARTS)]
    patience = msgspec.structs.replace(FAST, retry_first_s=0.05, retry_max_s=0.4, steady_s=1.0)
    begun_s = time.monotonic()
    async with rig.running(patience) as stream:
        await until(lambda: len(rig.links) == 9 and stream.gate.is_open)
        # Half of 0.05 + 0.1 + 0.2 + 5 x 0.4 s at least: the waits have grown, and did not start anew.
        assert time.monotonic() - begun_s > 1.1
        assert UNSTEADY in notes.holds
        assert notes.holds.count(None) <= 3  # the first two lives, and the one that held
        assert len(notes.gaps) >= 1
