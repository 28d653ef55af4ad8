"""Nothing is opened before the account could be read and compared (design section 6)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from leadline.app.account import Account
from leadline.app.desk import Desk
from leadline.app.looks import midnight_ns
from leadline.core.errors import UnreachableError
from leadline.core.imbalance import Direction
from leadline.core.orders import OrderState
from leadline.core.ports import OrderNews
from leadline.core.states import SymbolState, TradingState
from leadline.schwab.executor import SchwabOrderExecutor, Timing
from leadline.schwab.rest import BrokerOrder
from leadline.store import queries
from leadline.store.commands import Asked, CommandState, answer_of, ask
from leadline.store.locks import FileLock
from leadline.store.writer import Writer
from support.listed import listed
from support.trading import Bench


class Rest:
    """An account that cannot be read until a test says otherwise."""

    def __init__(self) -> None:
        self.answer: dict[str, float] | None = None
        self.listed: list[BrokerOrder] | None = []
        self.lists: list[tuple[int, int]] = []

    async def positions(self, account_hash: str) -> dict[str, float]:
        assert account_hash == "hash"
        if self.answer is None:
            raise UnreachableError("no answer", which="the account")
        return self.answer

    async def orders(self, account_hash: str, from_ns: int, to_ns: int) -> list[BrokerOrder]:
        assert account_hash == "hash"
        self.lists.append((from_ns, to_ns))
        if self.listed is None:
            raise UnreachableError("no answer", which="the list")
        return self.listed


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.trader.state = TradingState.DISABLED
    return made


def desk_of(bench: Bench, tmp_path: Path, rest: Any, executor: Any = None) -> Desk:
    broker = executor or SchwabOrderExecutor(rest, "hash", bench.market, bench.clock, Timing())
    account = Account("hash", "...678", "print", "sim")
    held = (FileLock(tmp_path / "lock", "a right"), bench.journal)
    return Desk(
        bench.trader, broker, account, writer=Writer(tmp_path / "l.db", 0), left_open=[], held=held, market=bench.market
    )


async def test_a_failed_first_read_arms_nothing_and_the_next_good_one_does(bench: Bench, tmp_path: Path) -> None:
    rest = Rest()
    desk = desk_of(bench, tmp_path, rest)
    await desk.open(rest, ["F"], bench.clock)  # type: ignore[arg-type]
    assert bench.trader.state == "DISABLED"
    assert bench.disposition(bench.alert(Direction.BID_HEAVY)) == "refused"
    rest.answer = {}
    await desk.look(rest, ["F"], bench.clock)  # type: ignore[arg-type]
    assert bench.trader.state == "ARMED"
    assert bench.disposition(bench.alert(Direction.BID_HEAVY)) == "traded"


async def test_a_good_read_does_not_lift_what_closed_entries_since(bench: Bench, tmp_path: Path) -> None:
    rest = Rest()
    rest.answer = {}
    desk = desk_of(bench, tmp_path, rest)
    await desk.open(rest, ["F"], bench.clock)  # type: ignore[arg-type]
    bench.trader.close_entries("a test")
    await desk.look(rest, ["F"], bench.clock)  # type: ignore[arg-type]
    assert bench.trader.state is TradingState.REDUCING


async def test_paper_has_no_account_to_wait_for(bench: Bench, tmp_path: Path) -> None:
    desk = desk_of(bench, tmp_path, Rest(), bench.executor)
    await desk.open(Rest(), ["F"], bench.clock)  # type: ignore[arg-type]
    assert bench.trader.state is TradingState.ARMED


async def test_a_symbol_that_is_no_longer_asked_for_is_still_compared(bench: Bench, tmp_path: Path) -> None:
    rest = Rest()
    rest.answer = {"T": 5.0}
    bench.ledger.holding("T")
    await desk_of(bench, tmp_path, rest).open(rest, ["F"], bench.clock)  # type: ignore[arg-type]
    assert "did not buy" in (bench.ledger.holding("T").reason or "")


async def looked(desk: Desk, rest: Any, bench: Bench, *, is_whole: bool = False) -> bool:
    return await desk.look(rest, ["F"], bench.clock, is_whole=is_whole)


async def test_a_failed_list_arms_nothing_at_the_start_and_changes_nothing_later(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rest = Rest()
    rest.answer, rest.listed = {"F": 0.0}, None
    desk = desk_of(bench, tmp_path, rest)
    await desk.open(rest, ["F"], bench.clock)  # type: ignore[arg-type]
    assert bench.trader.state == "DISABLED"
    rest.listed = []
    assert await looked(desk, rest, bench)
    assert bench.trader.state is TradingState.ARMED
    rest.listed = None
    bench.clock.pass_s(30)
    rest.answer = {"F": 5.0}
    assert await looked(desk, rest, bench)
    assert "the day's orders could not be listed" in caplog.text
    assert "+5" in (bench.ledger.holding("F").reason or "") or "5 shares" in (bench.ledger.holding("F").reason or "")


async def test_orders_are_listed_at_the_start_each_30_s_when_woken_and_when_a_number_begins_to_differ(
    bench: Bench, tmp_path: Path
) -> None:
    rest = Rest()
    rest.answer = {"ZZZ": 1.0}
    desk = desk_of(bench, tmp_path, rest)
    counts = []

    async def after(seconds: float) -> None:
        bench.clock.pass_s(seconds)
        await looked(desk, rest, bench)
        counts.append(len(rest.lists))

    await after(0)
    await after(5)
    await after(24.9)
    await after(0.1)
    desk.on_activity("77")
    await after(5)
    rest.answer = {"F": 5.0}
    await after(5)
    await after(5)
    await looked(desk, rest, bench, is_whole=True)
    assert [*counts, len(rest.lists)] == [1, 1, 1, 2, 3, 4, 4, 5]
    from_ns, to_ns = rest.lists[-1]
    assert from_ns <= midnight_ns(bench.clock.wall_ns()) < bench.clock.wall_ns() < to_ns


async def test_activity_of_our_own_order_asks_for_it_and_for_no_list(bench: Bench, tmp_path: Path) -> None:
    rest = Rest()
    rest.answer = {}
    desk = desk_of(bench, tmp_path, rest)
    await looked(desk, rest, bench)
    bench.ledger.order_ids.add("77", "key")
    desk.on_activity("77")
    bench.clock.pass_s(5)
    await looked(desk, rest, bench)
    assert len(rest.lists) == 1


async def test_nothing_is_armed_before_each_order_of_an_earlier_run_was_asked_for(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reliability 4.7."""
    monkeypatch.setattr("leadline.app.looks.CATCH_UP_S", 0.2)
    bench.trader.state = TradingState.ARMED
    bench.alert(Direction.BID_HEAVY)
    intent = bench.executor.sent[0][0]
    rest = Rest()
    rest.answer = {}
    desk = desk_of(bench, tmp_path, rest)
    bench.ledger.begin(intent, is_resumed=True)
    bench.trader.state = TradingState.DISABLED
    assert not await looked(desk, rest, bench)
    assert bench.trader.state == "DISABLED"
    bench.ledger.take(intent, OrderNews(OrderState.UNKNOWN, reason="searched for"))
    assert await looked(desk, rest, bench)
    assert bench.trader.state is TradingState.ARMED


async def test_a_trade_by_hand_is_named_at_the_look_that_sees_its_number(bench: Bench, tmp_path: Path) -> None:
    rest = Rest()
    rest.answer = {"ZZZ": 1.0}
    desk = desk_of(bench, tmp_path, rest)
    await looked(desk, rest, bench)
    bench.clock.pass_s(10)
    rest.answer, rest.listed = {"F": 50.0}, [listed(77, "BUY", 50, bench.clock.wall_ns(), filled=50)]
    await looked(desk, rest, bench)
    assert "hand trade: order 77 BUY 50" in (bench.ledger.holding("F").reason or "")


async def test_a_command_is_answered_beside_the_looks(bench: Bench, tmp_path: Path) -> None:
    rest = Rest()
    rest.answer = {"F": 300.0}
    desk = desk_of(bench, tmp_path, rest)
    await desk.open(rest, ["F"], bench.clock)  # type: ignore[arg-type]
    path, book = tmp_path / "l.db", bench.ledger.book_of
    desk._writer.start()
    numbers = [ask(path, book, Asked(verb, "F", 0, 300, 1, "anna", "desk")) for verb in ("adopt", "dance", "adopt")]
    looking = asyncio.create_task(desk.keep_looking(rest, ["F"], bench.clock, 5))  # type: ignore[arg-type]

    def answers() -> list[tuple[CommandState, str]]:
        with queries.reading(path) as connection:
            return [answer_of(connection, number) for number in numbers]

    async with asyncio.timeout(30):
        while CommandState.ASKED in [state for state, _ in answers()]:  # noqa: ASYNC110 - another thread writes it
            await asyncio.sleep(0.02)
    looking.cancel()
    assert [state for state, _ in answers()] == ["applied", "refused", "applied"]
    assert "ours 0, not ours 300" in answers()[0][1]
    assert bench.ledger.holding("F").state is SymbolState.OPEN
    desk._writer.close()
