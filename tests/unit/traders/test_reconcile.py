"""The broker's number against ours: locked where they differ for good, open again where they agree (design 6)."""

from pathlib import Path

import pytest

from leadline.core.imbalance import Direction
from leadline.core.states import SymbolState
from leadline.traders.reconcile import compare
from support.trading import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def look(bench: Bench, broker: dict[str, float]) -> SymbolState:
    compare(bench.ledger, broker, ["F"], bench.clock.boot_ns(), bench.clock.wall_ns())
    return bench.ledger.holding("F").state


def test_agreement_leaves_the_symbol_open(bench: Bench) -> None:
    assert look(bench, {}) is SymbolState.OPEN
    assert bench.ledger.holding("F").broker_qty == 0


def test_shares_that_are_not_ours_lock_it_and_their_going_opens_it(bench: Bench) -> None:
    assert look(bench, {"F": 50}) is SymbolState.LOCKED
    assert bench.disposition(bench.alert(Direction.BID_HEAVY)) == "refused"
    assert bench.executor.sent == []
    assert look(bench, {}) is SymbolState.OPEN


def test_a_fill_that_the_account_does_not_show_yet_is_no_mismatch(bench: Bench) -> None:
    bench.alert(Direction.BID_HEAVY)
    bench.executor.fill(13_130_000)
    assert look(bench, {}) is SymbolState.OPEN
    bench.clock.pass_s(29.9)
    assert look(bench, {}) is SymbolState.OPEN
    bench.clock.pass_s(0.1)
    assert look(bench, {}) is SymbolState.LOCKED
    assert look(bench, {"F": 100}) is SymbolState.OPEN


def test_an_open_order_is_waited_for(bench: Bench) -> None:
    bench.alert(Direction.BID_HEAVY)
    assert look(bench, {"F": 100}) is SymbolState.OPEN


def test_another_doubt_is_not_taken_away_by_agreement(bench: Bench) -> None:
    bench.ledger.lock("F", "order-1", "its fate is not known")
    assert look(bench, {}) is SymbolState.LOCKED


def test_fractions_at_the_broker_are_a_mismatch(bench: Bench) -> None:
    assert look(bench, {"F": 0.4}) is SymbolState.LOCKED
