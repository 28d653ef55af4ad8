"""The broker's number against ours: locked where they differ for good, open again where they agree (design 6)."""

from pathlib import Path

import pytest

from leadline.core.agreement import Baseline
from leadline.core.fills import Fill
from leadline.core.imbalance import Direction
from leadline.core.orders import Instruction, OrderState
from leadline.core.states import SymbolState
from leadline.traders.locks import NOT_OURS
from leadline.traders.reconcile import compare
from support.trading import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def look(bench: Bench, broker: dict[str, float]) -> SymbolState:
    compare(bench.ledger, broker, ["F"], bench.clock.boot_ns(), bench.clock.wall_ns())
    return bench.ledger.holding("F").state


def long_100(bench: Bench) -> None:
    look(bench, {})
    bench.alert(Direction.BID_HEAVY)
    bench.executor.fill(13_130_000)
    bench.clock.pass_s(30)


def test_agreement_leaves_the_symbol_open(bench: Bench) -> None:
    assert look(bench, {}) is SymbolState.OPEN
    assert bench.ledger.holding("F").broker_qty == 0


def test_shares_found_at_first_contact_lock_until_a_person_has_said_what_is_ours(bench: Bench) -> None:
    assert look(bench, {"F": 50}) is SymbolState.LOCKED
    assert bench.disposition(bench.alert(Direction.BID_HEAVY)) == "refused"
    assert bench.executor.sent == []
    holding = bench.ledger.holding("F")
    assert (holding.position.qty, holding.external_qty) == (0, 50)
    assert "leadline adopt F --ours 0" in str(holding.reason)
    assert look(bench, {"F": 50}) is SymbolState.LOCKED
    assert look(bench, {"T": 1}) is SymbolState.LOCKED, "that they are gone says nobody but a person"


def test_first_contact_is_once_for_ever(bench: Bench) -> None:
    assert look(bench, {}) is SymbolState.OPEN
    assert look(bench, {"F": 50, "T": 1}) is SymbolState.LOCKED
    assert bench.ledger.holding("F").external_qty == 0
    assert "that leadline did not buy" in str(bench.ledger.holding("F").reason)
    bench.restart()
    assert look(bench, {"F": 50}) is SymbolState.LOCKED
    assert bench.ledger.holding("F").external_qty == 0
    assert look(bench, {"T": 1}) is SymbolState.OPEN


def test_first_contact_waits_for_an_open_order_of_ours(bench: Bench) -> None:
    bench.alert(Direction.BID_HEAVY)
    look(bench, {"F": 100})
    assert bench.ledger.holding("F").baseline is None
    bench.executor.fill(13_130_000)
    look(bench, {"F": 100})
    baseline = bench.ledger.holding("F").baseline
    assert baseline is not None
    assert (baseline.position.qty, baseline.external_qty) == (100, 0)


def test_with_fills_of_ours_on_record_equality_is_demanded_at_first_contact(bench: Bench) -> None:
    """An older database: it has fills and no baseline."""
    bench.ledger.restore([Fill("1", "1", "F", Instruction.BUY, 100, 13_000_000, 1)])
    assert look(bench, {"F": 300}) is SymbolState.LOCKED
    holding = bench.ledger.holding("F")
    assert (holding.position.qty, holding.external_qty) == (100, 0)
    assert "+200" in str(holding.reason)


def test_a_position_is_the_newest_baseline_and_the_fills_after_it(bench: Bench) -> None:
    look(bench, {"F": 30})
    bench.ledger.unlock("F", NOT_OURS)
    bench.alert(Direction.BID_HEAVY)
    bench.executor.fill(13_130_000)
    bench.restart()
    assert (bench.position(), bench.ledger.holding("F").external_qty) == (100, 30)


def test_a_fill_of_an_order_sent_before_a_baseline_counts_when_it_comes_after_it(bench: Bench) -> None:
    look(bench, {})
    bench.alert(Direction.BID_HEAVY)
    position = bench.ledger.holding("F").position
    bench.ledger.rebase(Baseline(position, 7, 7, bench.clock.wall_ns(), "anna", "a test"))
    bench.executor.fill(13_130_000)
    assert bench.position() == 100
    bench.restart()
    assert (bench.position(), bench.ledger.holding("F").external_qty) == (100, 7)


def test_f36_a_change_without_an_order_locks_says_since_when_and_trades_nothing(bench: Bench) -> None:
    long_100(bench)
    assert look(bench, {"F": 200}) is SymbolState.LOCKED
    reason = str(bench.ledger.holding("F").reason)
    assert "holds 200 shares, ours 100 and not ours 0: +100 since" in reason
    assert "leadline adopt F --ours 100" in reason
    bench.clock.pass_s(60)
    look(bench, {"F": 200})
    assert str(bench.ledger.holding("F").reason) == reason, "since then, not since now: and said once"
    assert len(bench.executor.sent) == 1


def test_f37_an_empty_list_is_not_flat_and_closes_go_by_our_fills(bench: Bench) -> None:
    long_100(bench)
    assert look(bench, {"F": 100}) is SymbolState.OPEN
    read_ns = bench.ledger.holding("F").broker_ns
    for number in range(1, 5):
        bench.clock.pass_s(5)
        assert look(bench, {}) is SymbolState.LOCKED
        holding = bench.ledger.holding("F")
        assert holding.closable_qty == 100
        shown = (100, read_ns) if number < 3 else (0, bench.clock.wall_ns())
        assert (holding.broker_qty, holding.broker_ns) == shown
    bench.alert(Direction.ASK_HEAVY)
    assert bench.executor.sent[-1][0].order.qty == 100
    bench.executor.tell(OrderState.CANCELED)
    bench.executor.tell(OrderState.CANCELED)
    assert look(bench, {"F": 100}) is SymbolState.OPEN
    assert bench.ledger.holding("F").empty_reads == 0


def test_an_eviction_ends_at_midnight_in_new_york(bench: Bench) -> None:
    """F19: 'today', not for ever, and over a restart of the same day."""
    look(bench, {})
    bench.alert(Direction.BID_HEAVY)
    bench.executor.tell(OrderState.REJECTED, reason="must be placed with a broker")
    assert look(bench, {}) is SymbolState.EVICTED
    bench.clock.pass_s(24 * 3_600)
    assert look(bench, {}) is SymbolState.OPEN


def test_a_fill_that_the_account_does_not_show_yet_is_no_mismatch(bench: Bench) -> None:
    bench.alert(Direction.BID_HEAVY)
    bench.executor.fill(13_130_000)
    assert look(bench, {}) is SymbolState.OPEN
    bench.clock.pass_s(29.9)
    assert look(bench, {}) is SymbolState.OPEN
    bench.clock.pass_s(0.1)
    assert look(bench, {"T": 1}) is SymbolState.LOCKED
    assert look(bench, {"F": 100}) is SymbolState.OPEN


def test_an_open_order_is_waited_for(bench: Bench) -> None:
    bench.alert(Direction.BID_HEAVY)
    assert look(bench, {"F": 100}) is SymbolState.OPEN


def test_another_doubt_is_not_taken_away_by_agreement(bench: Bench) -> None:
    bench.ledger.lock("F", "order-1", "its fate is not known")
    assert look(bench, {}) is SymbolState.LOCKED


def test_fractions_at_the_broker_are_a_mismatch(bench: Bench) -> None:
    look(bench, {})
    assert look(bench, {"F": 0.4}) is SymbolState.LOCKED
    assert "0.4 shares" in str(bench.ledger.holding("F").reason)
