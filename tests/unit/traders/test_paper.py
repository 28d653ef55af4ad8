"""The simulated executor fills from books that came after the order, at the touch, and not beyond what it showed."""

import asyncio
from pathlib import Path

from leadline.core.imbalance import Direction
from leadline.core.intent import Intent
from leadline.core.market import Touch
from leadline.core.orders import OrderState
from leadline.core.ports import OrderNews
from leadline.traders.paper import PaperExecutor
from support.trading import Bench, HandClock


def buy_intent(tmp_path: Path) -> Intent:
    bench = Bench(tmp_path)
    bench.alert(Direction.BID_HEAVY)
    return bench.executor.sent[0][0]


def executor(clock: HandClock, timeout_s: float = 60) -> PaperExecutor:
    return PaperExecutor(clock, latency_ms=50, fill_timeout_s=timeout_s, prefix="paper-1")


def touch(clock: HandClock, ask: int = 131_300, size: int = 500) -> Touch:
    return Touch(ask - 100, ask, size, size, clock.wall_ns(), clock.boot_ns())


def filled(news: list[OrderNews]) -> list[int]:
    return [fill.qty for fill in news[-1].fills]


async def test_it_fills_at_the_touch_after_its_latency_and_not_before(tmp_path: Path) -> None:
    clock = HandClock()
    news: list[OrderNews] = []
    paper = executor(clock)
    paper.execute(buy_intent(tmp_path), news.append)
    clock.pass_s(0.049)
    paper.on_touch("F", touch(clock))
    assert [n.state for n in news] == [OrderState.WORKING]
    clock.pass_s(0.001)
    paper.on_touch("T", touch(clock))
    paper.on_touch("F", touch(clock, ask=131_200))
    assert news[-1].state is OrderState.FILLED
    [fill] = news[-1].fills
    assert (fill.qty, fill.price_e6) == (100, 13_120_000)


async def test_it_fills_no_more_than_the_touch_shows_and_never_through_its_limit(tmp_path: Path) -> None:
    clock = HandClock()
    news: list[OrderNews] = []
    paper = executor(clock)
    paper.execute(buy_intent(tmp_path), news.append)
    clock.pass_s(1)
    paper.on_touch("F", touch(clock, ask=131_400))
    assert filled(news) == []
    paper.on_touch("F", touch(clock, size=30))
    paper.on_touch("F", touch(clock, size=30))
    assert filled(news) == [30, 30]
    paper.on_touch("F", touch(clock, size=1_000))
    assert filled(news) == [30, 30, 40]
    assert len({each.key for each in news[-1].fills}) == 3


async def test_what_is_not_filled_in_time_is_cancelled_and_fills_no_more(tmp_path: Path) -> None:
    clock = HandClock()
    news: list[OrderNews] = []
    paper = executor(clock, timeout_s=0.01)
    paper.execute(buy_intent(tmp_path), news.append)
    await asyncio.sleep(0.05)
    assert news[-1].state is OrderState.CANCELED
    clock.pass_s(1)
    paper.on_touch("F", touch(clock))
    assert filled(news) == []


async def test_an_order_of_an_earlier_run_is_over(tmp_path: Path) -> None:
    news: list[OrderNews] = []
    executor(HandClock()).resume(buy_intent(tmp_path), "paper-0-1", news.append)
    assert [n.state for n in news] == [OrderState.CANCELED]
