"""500 symbols, ten times the normal rate for five seconds: no backlog stays, no alert is lost on the conflated input.

The feed comes from a process of its own over a real socket. What was judged is compared with a fresh judge that is fed
the recorded frames without the books that the tape says were superseded.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import pytest

from leadline.clock import SystemClock
from leadline.core.alerts import Alert, EntryFilter
from leadline.core.detector import Detector
from leadline.core.imbalance import Rule
from leadline.core.market import Market, Service
from leadline.grok import Grok
from leadline.schwab.auth import Login
from leadline.schwab.backlog import contents_of
from leadline.schwab.http import Http
from leadline.schwab.link import Hooks, Patience
from leadline.schwab.requests import Subscriptions
from leadline.schwab.rest import Rest
from leadline.schwab.stream import SchwabStream
from leadline.schwab.wire import Message
from support.flooding import BURST_S, BY_SERVICE, OVER, SYMBOLS, ticks
from support.machine import child
from support.scripted_broker import APP_SECRET, CLIENT_ID, broker_serving, token_file
from support.scripted_server import Link
from support.waiting import until

CLOCK = SystemClock()
S = 1_000_000_000
RULE = Rule(min_duration_ns=1 * S, throttle_ns=2 * S)
SUBSCRIPTIONS = Subscriptions({Service(service): symbols for service, symbols in BY_SERVICE.items()}, SYMBOLS)
SERVICE_OF = {symbol: Service(service) for service, symbols in BY_SERVICE.items() for symbol in symbols}
LAG_MAX_MS = 250


class Judge:
    """Grok alone."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.grok = Grok(
            Detector(RULE, dict(SERVICE_OF)),
            EntryFilter(),
            Market(60 * S),
            symbols=frozenset(SYMBOLS),
            on_alert=self.alerts.append,
        )


class Recorder(Judge):
    """Grok with a watch on its lag, slowed by so much for every frame of books; and the tape of what it was given."""

    def __init__(self, slow_s: float) -> None:
        super().__init__()
        self._slow_s = slow_s
        self.lags_ms: list[tuple[float, float]] = []
        """When a frame of books had been judged, and how long after it was due, in ms."""
        self.tape: list[tuple[int, bytes]] = []
        self.marks: dict[int, set[tuple[str, str]]] = {}
        self.over_ms: int | None = None

    def on_frame(self, frame: bytes, recv_ns: int, boot_ns: int) -> Message | None:
        return self.on_conflated(frame, recv_ns, boot_ns, frozenset())

    def on_conflated(
        self, frame: bytes, recv_ns: int, boot_ns: int, superseded: frozenset[tuple[str, str]]
    ) -> Message | None:
        message = self.grok.on_conflated(frame, recv_ns, boot_ns, superseded)
        books = contents_of(frame).books
        if books - superseded:
            time.sleep(self._slow_s)
            due = re.search(rb'"1":(\d{13})', frame)
            assert due is not None
            now_ms = time.time() * 1_000
            self.lags_ms.append((now_ms, now_ms - int(due.group(1))))
        elif OVER.encode() in frame:
            self.over_ms = int(frame.partition(OVER.encode())[2][:13])
        return message

    def on_connection_lost(self) -> None:
        raise AssertionError("the connection was lost")

    def frame(self, recv_ns: int, boot_ns: int, frame: bytes) -> None:
        self.tape.append((recv_ns, frame))

    def event(self, recv_ns: int, kind: str, text: str) -> None:
        pass

    def conflated(self, frame_seq: int, symbol: str, service: str) -> None:
        self.marks.setdefault(frame_seq, set()).add((service, symbol))


@asynccontextmanager
async def streaming(home: Path, recorder: Recorder) -> AsyncIterator[SchwabStream]:
    async def nobody(link: Link) -> None:
        raise AssertionError("the streamer is another process")

    with child("import runpy; runpy.run_module('support.flooding', run_name='__main__')") as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        async with broker_serving(nobody) as (broker, server), Http(server.url, 2.0) as http:
            broker.ws_url = f"ws://127.0.0.1:{port}/ws"
            rest = Rest(http, Login(http, token_file(home / "token.json"), CLIENT_ID, APP_SECRET, CLOCK))
            stream = SchwabStream(
                rest,
                SUBSCRIPTIONS,
                recorder,
                clock=CLOCK,
                patience=Patience(),
                on_streaming=lambda: None,
                hooks=Hooks(tape=recorder),
            )
            task = asyncio.create_task(stream.run())
            try:
                yield stream
                assert not task.done(), task.exception()
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await asyncio.sleep(0.02)


def rejudged(recorder: Recorder) -> list[Alert]:
    """Feed the recorded frames, without the books that are marked, to a fresh judge."""
    judge = Judge()
    for seq, (recv_ns, frame) in enumerate(recorder.tape):
        marked = recorder.marks.get(seq)
        left = frame
        if marked:
            tree = json.loads(frame)
            for block in tree["data"]:
                block["content"] = [item for item in block["content"] if (block["service"], item["key"]) not in marked]
            left = json.dumps(tree).encode()
        judge.grok.on_frame(left, recv_ns)
    return judge.alerts


def plain(alerts: list[Alert]) -> list[tuple[str, int, int, int, int]]:
    return [(a.symbol, a.recv_ns, a.book_ns, a.imbalance_duration_ns, a.total_bids) for a in alerts]


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("slow_s", [0.0, 0.09], ids=["as fast as it is", "slower than the burst"])
async def test_a_burst_of_ten_times_the_rate_leaves_no_backlog_and_loses_no_alert(
    tmp_path: Path, slow_s: float
) -> None:
    recorder = Recorder(slow_s)
    books = len(ticks()) * len(SYMBOLS)
    async with streaming(tmp_path, recorder):
        counts = recorder.grok.counts
        await until(lambda: counts.books + sum(counts.conflated.values()) >= books, "all books", 60)
    assert counts.books + sum(counts.conflated.values()) == books
    assert recorder.over_ms is not None
    after = [lag for at, lag in recorder.lags_ms if 1_000 <= at - recorder.over_ms <= 2_500]
    during = [lag for at, lag in recorder.lags_ms if -BURST_S * 1_000 <= at - recorder.over_ms <= 0]
    print(f"slowed by {slow_s * 1e3:.0f} ms a frame: {sum(counts.conflated.values())} of {books} books conflated")
    print(f"lag in the burst median {median(during):.0f} ms, max {max(during):.0f} ms")
    print(f"one second after it {min(after):.0f} to {max(after):.0f} ms")
    # The machine may stumble over a few frames; a backlog would show in most of them, with the slowed judge in all.
    assert (min(after) if slow_s else median(after)) < LAG_MAX_MS
    assert plain(recorder.alerts) == plain(rejudged(recorder))
    assert len(recorder.alerts) > 500
    assert sum(map(len, recorder.marks.values())) == sum(counts.conflated.values())
    if slow_s:
        assert sum(counts.conflated.values()) > books / 10
        # Every symbol went on being judged: newest wins, nobody is starved.
        assert min(sum(by.values()) for by in counts.outcomes.values()) >= 15
