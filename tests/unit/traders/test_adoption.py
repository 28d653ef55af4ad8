"""`adopt`: what a person says holds from then on, lifts what it answers, and is refused where it cannot be right."""

from pathlib import Path

import pytest

from leadline.core.imbalance import Direction
from leadline.core.orders import OrderState
from leadline.core.states import SymbolState
from leadline.traders.adoption import Adoption, Moment, adopt, why_refused
from leadline.traders.hand_trades import take_list
from leadline.traders.reconcile import compare
from support.listed import listed
from support.trading import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def look(bench: Bench, net: float) -> None:
    compare(bench.ledger, {"F": net, "ZZZ": 1}, ["F"], bench.clock.boot_ns(), bench.clock.wall_ns())


def moment(bench: Bench) -> Moment:
    return Moment(bench.clock.wall_ns(), bench.clock.boot_ns(), 13_120_000)


def says(bench: Bench, qty: int, seen: float) -> str | None:
    """Adopt, or give the reason against it."""
    wanted = Adoption("F", qty, seen, "anna", "typed")
    reason = why_refused(bench.ledger, wanted, moment(bench))
    if reason is None:
        assert f"ours {qty}" in adopt(bench.ledger, wanted, moment(bench))
    return reason


def test_the_rest_of_the_account_is_never_traded(bench: Bench) -> None:
    look(bench, 300)
    assert says(bench, 100, 300) is None
    holding = bench.ledger.holding("F")
    assert (holding.position.qty, holding.external_qty, holding.state) == (100, 200, SymbolState.OPEN)
    assert holding.position.average_e6 == 13_120_000
    look(bench, 300)
    assert holding.state is SymbolState.OPEN
    bench.alert(Direction.ASK_HEAVY)
    assert bench.executor.sent[-1][0].order.qty == 100
    bench.restart()
    assert (bench.position(), bench.ledger.holding("F").external_qty) == (100, 200)


def test_nothing_is_sold_short_beside_shares_that_are_not_ours(bench: Bench) -> None:
    look(bench, 300)
    assert says(bench, 0, 300) is None
    refused = bench.alert(Direction.ASK_HEAVY)
    assert bench.dispositions()[refused][0][0] == "refused"
    assert bench.executor.sent == []
    assert bench.disposition(bench.alert(Direction.BID_HEAVY)) == "traded"


@pytest.mark.parametrize(
    ("qty", "seen", "age_s", "why"),
    [
        (301, 300, 0, "cannot be ours"),
        (-1, 300, 0, "cannot be ours"),
        (0, 299, 0, "held 299 shares when you were asked and holds 300 now"),
        (0, 300, 61, "the last account read is 61 s old"),
        (0, 300, 60, None),
    ],
)
def test_a_number_that_cannot_be_right_is_refused(
    bench: Bench, qty: int, seen: float, age_s: float, why: str | None
) -> None:
    look(bench, 300)
    bench.clock.pass_s(age_s)
    reason = says(bench, qty, seen)
    assert reason is None if why is None else why in str(reason)
    assert bench.ledger.holding("F").locks == {} if why is None else bench.ledger.holding("F").locks


def test_before_the_account_was_read_nothing_can_be_adopted(bench: Bench) -> None:
    assert "has not been read" in str(says(bench, 0, 0))


def test_without_a_price_new_shares_cannot_be_counted(bench: Bench) -> None:
    look(bench, 300)
    now = Moment(bench.clock.wall_ns(), bench.clock.boot_ns(), None)
    assert "no price is known" in str(why_refused(bench.ledger, Adoption("F", 1, 300, "anna", ""), now))
    assert why_refused(bench.ledger, Adoption("F", 0, 300, "anna", ""), now) is None


@pytest.mark.parametrize("state", [OrderState.WORKING, OrderState.UNKNOWN])
def test_an_order_that_works_or_is_unknown_is_waited_for(bench: Bench, state: OrderState) -> None:
    look(bench, 0)
    bench.alert(Direction.BID_HEAVY)
    bench.executor.tell(state)
    assert f"is {state}: wait for its end" in str(says(bench, 0, 0))


def test_right_after_a_fill_the_number_may_be_old(bench: Bench) -> None:
    look(bench, 0)
    bench.alert(Direction.BID_HEAVY)
    bench.executor.fill(13_130_000)
    look(bench, 0)
    bench.clock.pass_s(12.5)
    assert "type it again in 18 s" in str(says(bench, 0, 0))


def test_a_lost_order_without_an_id_is_given_up_and_followed_again_should_it_appear(bench: Bench) -> None:
    look(bench, 0)
    bench.alert(Direction.BID_HEAVY)
    bench.executor.tell(OrderState.LOST_PRESUMED, reason="not found")
    assert bench.ledger.holding("F").state is SymbolState.LOCKED
    assert says(bench, 0, 0) is None
    assert bench.ledger.holding("F").state is SymbolState.OPEN
    assert not bench.ledger.has_open_order("F")
    bench.executor.tell(OrderState.WORKING, 0, order_id="5")
    assert bench.ledger.has_open_order("F"), "late, and open again"
    bench.executor.fill(13_130_000, number=0)
    assert bench.position() == 100
    assert bench.ledger.holding("F").locks == {}


def test_a_lost_order_that_has_an_id_stays_in_doubt_and_is_said(bench: Bench) -> None:
    look(bench, 0)
    bench.alert(Direction.BID_HEAVY)
    bench.executor.tell(OrderState.LOST_PRESUMED, order_id="5", reason="replaced at the broker")
    text = adopt(bench.ledger, Adoption("F", 0, 0, "anna", ""), moment(bench))
    assert "still LOCKED" in text
    assert "replaced at the broker" in text


def test_it_answers_overfills_absurd_prices_and_trades_by_hand(bench: Bench) -> None:
    look(bench, 0)
    bench.alert(Direction.BID_HEAVY)
    bench.executor.fill(26_000_000, qty=150)
    take_list(
        bench.ledger,
        [listed(77, "BUY", 50, bench.clock.wall_ns(), filled=50)],
        ["F"],
        bench.clock.wall_ns(),
        locks_now=True,
    )
    bench.clock.pass_s(30)
    look(bench, 200)
    assert len(bench.ledger.holding("F").locks) == 4
    assert says(bench, 150, 200) is None
    holding = bench.ledger.holding("F")
    assert (holding.state, holding.position.qty, holding.external_qty) == (SymbolState.OPEN, 150, 50)
    assert holding.position.average_e6 == 26_000_000, "its cost is what was paid"
    bench.restart()
    assert bench.ledger.holding("F").locks == {}


def test_shares_closed_by_hand_leave_at_their_cost(bench: Bench) -> None:
    look(bench, 0)
    bench.alert(Direction.BID_HEAVY)
    bench.executor.fill(13_130_000)
    bench.clock.pass_s(30)
    look(bench, 0)
    assert says(bench, 0, 0) is None
    position = bench.ledger.holding("F").position
    assert (position.qty, position.cost_e6, position.realised_e6) == (0, 0, 0)
    assert bench.disposition(bench.alert(Direction.BID_HEAVY)) == "traded"


def test_an_account_without_positions_can_be_answered_once_it_was_seen_so_three_times(bench: Bench) -> None:
    look(bench, 0)
    bench.alert(Direction.BID_HEAVY)
    bench.executor.fill(13_130_000)
    bench.clock.pass_s(30)
    look(bench, 100)
    for _ in range(3):
        compare(bench.ledger, {}, ["F"], bench.clock.boot_ns(), bench.clock.wall_ns())
    assert bench.ledger.holding("F").state is SymbolState.LOCKED
    assert says(bench, 0, 0) is None
    compare(bench.ledger, {}, ["F"], bench.clock.boot_ns(), bench.clock.wall_ns())
    assert bench.ledger.holding("F").state is SymbolState.OPEN
