"""Nothing is opened before the account could be read and compared (design section 6)."""

from pathlib import Path
from typing import Any

import pytest

from leadline.app.account import Account
from leadline.app.desk import Desk
from leadline.core.errors import UnreachableError
from leadline.core.imbalance import Direction
from leadline.core.states import TradingState
from leadline.schwab.executor import SchwabOrderExecutor, Timing
from leadline.store.locks import FileLock
from leadline.store.writer import Writer
from support.trading import Bench


class Rest:
    """An account that cannot be read until a test says otherwise."""

    def __init__(self) -> None:
        self.answer: dict[str, float] | None = None

    async def positions(self, account_hash: str) -> dict[str, float]:
        assert account_hash == "hash"
        if self.answer is None:
            raise UnreachableError("no answer", which="the account")
        return self.answer


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.trader.state = TradingState.DISABLED
    return made


def desk_of(bench: Bench, tmp_path: Path, rest: Any, executor: Any = None) -> Desk:
    broker = executor or SchwabOrderExecutor(rest, "hash", bench.market, bench.clock, Timing())
    account = Account("hash", "...678", "print", "sim")
    held = (FileLock(tmp_path / "lock", "a right"), bench.journal)
    return Desk(bench.trader, broker, account, writer=Writer(tmp_path / "l.db", 0), left_open=[], held=held)


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
