"""A hundred forced drops of mixed kinds, ten with the waits that users have: every symbol is back, nothing opens blind.

A real simulator, real sockets; a live trader behind the feed wants to open on every leaning book, so that an opening on
a book from before the loss, or before the feed has caught up, would be seen at once.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from leadline.schwab.link import Patience
from support.feeding import Feed, fault, feed_of, no_faults
from support.processes import Simulator, simulator

SYMBOLS = "F:N,T:N,SOFI:Q,AMD:Q,HOOD:Q"
SHRUNK = Patience(
    connect_s=3,
    answer_s=1,
    silence_s=1,
    retry_first_s=0.05,
    retry_max_s=0.2,
    evicted_s=0.1,
    evictions_forgotten_s=0,
    steady_s=0.05,
    stale_s=0.6,
    stalled_s=0.8,
    stalls_forgotten_s=0.5,
    catch_up_s=0.1,
    watch_s=0.05,
)

Drop = Callable[[Simulator], Awaitable[None]]


def at_once(do: str, **words: object) -> Drop:
    return lambda sim: fault(sim, on="time", do=do, **words)


def lost(on: str, **words: object) -> Drop:
    """Frames of a symbol or service are lost until the fault is taken back."""
    return lambda sim: fault(sim, on=on, do="drop", times=1_000_000, **words)


async def stopped(sim: Simulator) -> None:
    """The connection is reset, and the next one stopped with code 30 in the middle of subscribing."""
    await fault(sim, on="command.SUBS", service="NYSE_BOOK", do="code", code=30, nth=1)
    await fault(sim, on="time", do="close", code=1006)


async def denied(sim: Simulator) -> None:
    """The connection is closed, and the next login denied once: code 3."""
    await fault(sim, on="command.LOGIN", do="code", code=3, nth=1)
    await fault(sim, on="time", do="close", code=1001)


KINDS: dict[str, Drop] = {
    "close 1000": at_once("close", code=1000),
    "close 1001": at_once("close", code=1001),
    "close 1006": at_once("close", code=1006),
    "close 1011": at_once("close", code=1011),
    "close 1012": at_once("close", code=1012),
    "cut in a frame": lambda sim: fault(sim, on="frame.data", do="truncate", nth=1),
    "half-open": at_once("half_open", for_s=1.5),
    "partition": at_once("partition", for_s=1.0),
    "stalled symbol": lost("frame.NYSE_BOOK", symbol="F"),
    "stalled service": lost("frame.NASDAQ_BOOK"),
    "code 12": at_once("evict"),
    "code 30": stopped,
    "code 3": denied,
}
SILENT = {"stalled symbol", "stalled service"}
LONG = {"half-open for 50 s": at_once("half_open", for_s=50)}
"""Only for the waits that users have."""


def check(feed: Feed) -> None:
    """No opening was decided on an old book, on one of a lost connection, or before the feed had caught up."""
    for opening in feed.openings:
        assert opening.book_age_ns <= 10**9, opening
        assert opening.is_of_this_connection, opening
        assert opening.is_caught_up, opening


async def drop_once(sim: Simulator, feed: Feed, kind: str, within_s: float) -> None:
    """Force one drop and wait until the feed is whole again."""
    await feed.whole(within_s)
    losses = feed.stream.state.reconnects
    catch_ups = feed.catch_ups
    await (KINDS | LONG)[kind](sim)
    await feed.until(lambda: feed.stream.state.connection != "streaming", f"{kind}: lost", within_s)
    if kind in SILENT:
        await no_faults(sim)
    await feed.until(lambda: feed.stream.state.reconnects > losses, f"{kind}: connecting again", within_s)
    await feed.whole(within_s)
    await no_faults(sim)
    assert feed.catch_ups > catch_ups, kind
    assert feed.stream.state.coverage == 1
    check(feed)


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_ninety_drops_with_shrunk_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = [kind for kind in KINDS if kind not in SILENT | {"half-open", "partition"}]
    plan = [*quick * 8, *["half-open", "partition"] * 4, *["stalled symbol", "stalled service"] * 5]
    assert len(plan) == 90
    assert set(plan) == set(KINDS)
    Random(5).shuffle(plan)
    options = ("--symbols", SYMBOLS, "--seed", "5", "--flush-ms", "100", "--heartbeat-s", "1")
    with simulator(tmp_path, *options) as sim:
        async with feed_of(sim, SHRUNK, monkeypatch) as feed:
            for kind in plan:
                await drop_once(sim, feed, kind, 60)
            openings = len(feed.openings)
            await feed.until(lambda: len(feed.openings) > openings, "it opens again")
            gaps = len(feed.gaps)
        connections = Counter(event["code"] for event in await asyncio.to_thread(sim.events, "stream_closed"))
    check(feed)
    assert openings > 90
    assert gaps >= 90
    assert sum(connections.values()) >= 90


REAL: dict[str, list[str]] = {
    "half-open": ["half-open for 50 s", "close 1000"],
    "stalled": ["stalled symbol", "close 1001"],
    "evicted": ["code 12", "close 1006"],
    "rest": ["close 1011", "cut in a frame", "partition", "close 1012"],
}


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_ten_drops_with_the_waits_that_users_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four feeds side by side, each with its own simulator: an eviction alone takes a minute."""
    assert sum(map(len, REAL.values())) == 10

    async def live_through(sim: Simulator, kinds: list[str]) -> Feed:
        async with feed_of(sim, Patience(), monkeypatch) as feed:
            for kind in kinds:
                await drop_once(sim, feed, kind, 150)
            return feed

    with contextlib.ExitStack() as stack:
        sims = []
        for name in REAL:
            home = tmp_path / name
            home.mkdir()
            sims.append(stack.enter_context(simulator(home, "--symbols", SYMBOLS, "--seed", "6", "--heartbeat-s", "5")))
        feeds = await asyncio.gather(*map(live_through, sims, REAL.values()))
    assert sum(len(feed.gaps) for feed in feeds) >= 10
    assert sum(len(feed.openings) for feed in feeds) > 10
