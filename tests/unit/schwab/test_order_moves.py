"""The table of legal moves as a machine: some story of the broker makes every legal one, and none makes another."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from leadline.core.orders import ENDED, LEGAL_MOVES, OrderState
from leadline.core.ports import OrderNews
from leadline.core.states import SymbolState
from leadline.schwab.executor import Timing
from leadline.store.orders import Book
from leadline.traders.ledger import Ledger
from support.scripted_broker import fill
from support.scripted_desk import KEY, ScriptedDesk, Step, scripted_desk
from support.scripted_server import Fault, Reply

S = OrderState
LIVE = (S.ACCEPTED, S.WORKING, S.PENDING_CANCEL)

VIEWS: dict[OrderState, dict[str, Any]] = {
    S.ACCEPTED: {"status": "QUEUED"},
    S.WORKING: {"status": "WORKING"},
    S.PENDING_CANCEL: {"status": "PENDING_CANCEL"},
    S.FILLED: {"status": "FILLED", "filledQuantity": 100.0, "orderActivityCollection": [fill(100, 13.8)]},
    S.CANCELED: {"status": "CANCELED"},
    S.REJECTED: {"status": "REJECTED", "statusDescription": "no"},
    S.EXPIRED: {"status": "EXPIRED"},
    S.UNKNOWN: {"status": "WORKING", "filledQuantity": 10.5, "orderActivityCollection": [fill(10.5, 13.8)]},
}
"""How an order looks at the broker in each state that it can tell; UNKNOWN is an execution that cannot be booked."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ScriptedDesk]:
    with scripted_desk(tmp_path) as desk:
        desk.start(Timing(fill_timeout_s=3_000))
        yield desk


def show(desk: ScriptedDesk, state: OrderState) -> None:
    """Let the order look as in a state; REPLACED means that what took its place was rejected."""
    mine = desk.mine()
    if state is S.REPLACED:
        new = desk.add(status="REJECTED")
        mine.update(status="REPLACED", replacingOrderCollection=[{"orderId": new}])
    else:
        mine.update({"filledQuantity": 0.0, "orderActivityCollection": []} | VIEWS[state])
    desk.broker.listed[mine["orderId"]] = 0.0


def place(
    desk: ScriptedDesk, answer: Reply | Fault | None = None, *, view: OrderState | None, works: bool = True
) -> None:
    """Send an order whose POST is answered so; without a view it is at the broker and not listed."""

    def then() -> None:
        if view is not None:
            show(desk, view)
        elif works:
            desk.broker.listed[desk.mine()["orderId"]] = float("inf")

    desk.broker.plan("PLACE", Step(answer, works=works, then=then))
    desk.send()


def until(desk: ScriptedDesk, state: OrderState, within_s: float = 200) -> None:
    end_s = desk.loop.time() + within_s
    while state is not S.SENDING and desk.states()[-1:] != [state]:
        assert desk.loop.time() < end_s, (state, desk.states())
        desk.run(0.05)


def bring_to(desk: ScriptedDesk, state: OrderState) -> None:
    """Bring an order into a state."""
    if state is S.SENDING:
        desk.broker.plan("ORDER", *[Step(Reply(503))] * 3)
        place(desk, view=S.WORKING)
        desk.run(0.2)
    elif state in {S.UNKNOWN, S.LOST_PRESUMED}:
        place(desk, Fault.CLOSE, view=None)
    else:
        place(desk, view=state)
    until(desk, state)


def fault_in(desk: ScriptedDesk, state: OrderState) -> Callable[..., None]:
    """Make whoever takes the news fail at the next state that is told."""

    def fail(intent: object, news: OrderNews) -> None:
        if news.state not in {state, S.LOST_PRESUMED}:
            desk.told[KEY].pop()  # it was not taken
            raise RuntimeError("a bug of ours")

    return fail


def go_to(desk: ScriptedDesk, before: OrderState, after: OrderState) -> None:
    """Let the broker make a move."""
    if after is S.LOST_PRESUMED and before is not S.UNKNOWN:
        desk.on_news = fault_in(desk, before)
        show(desk, S.EXPIRED)
    elif after is not S.LOST_PRESUMED:
        show(desk, after)
        if before in ENDED:
            desk.call(lambda: desk.executor.wake(str(desk.mine()["orderId"])))
    until(desk, after)


def from_the_start(desk: ScriptedDesk, after: OrderState) -> None:
    """Make the first news of an order be a state."""
    if after is S.NOT_SENT:
        desk.wire.refuses = True
        desk.send()
    elif after is S.REFUSED:
        place(desk, Reply(400), view=None, works=False)
    elif after is S.UNKNOWN:
        place(desk, Fault.CLOSE, view=None, works=False)
    elif after is S.LOST_PRESUMED:
        bring_to(desk, S.SENDING)
        go_to(desk, S.SENDING, after)
    else:
        place(desk, view=after)
    until(desk, after)


MOVES = [(before, after) for before, all_after in LEGAL_MOVES.items() for after in sorted(all_after - {before})]
BY_THE_ACCOUNT = (S.LOST_PRESUMED, S.NOT_SENT)
"""The one move that the account proves, not the order: the ledger makes it (`Ledger.end_lost`)."""


@pytest.mark.parametrize(("before", "after"), [move for move in MOVES if move != BY_THE_ACCOUNT], ids=str)
def test_some_story_of_the_broker_makes_every_legal_move(
    desk: ScriptedDesk, before: OrderState, after: OrderState
) -> None:
    if before is S.SENDING:
        from_the_start(desk, after)
    else:
        bring_to(desk, before)
        go_to(desk, before, after)
    states = [S.SENDING, *desk.states()]
    assert (before, after) in list(itertools.pairwise(states)), states
    for one, next_one in itertools.pairwise(states):
        assert one is next_one or next_one in LEGAL_MOVES[one], states


ILLEGAL = [
    (before, after)
    for before in OrderState
    for after in OrderState
    if before not in ENDED and after is not before and after not in LEGAL_MOVES[before]
]


@pytest.mark.parametrize(("before", "after"), ILLEGAL, ids=str)
def test_an_illegal_move_locks_the_symbol(desk: ScriptedDesk, before: OrderState, after: OrderState) -> None:
    ledger = Ledger(Book("live", "sim", "test"), lambda statement: None, desk.clock)
    wanted = desk.intent()
    ledger.begin(wanted)
    ledger.take(wanted, OrderNews(before))
    assert not any("went from" in reason for reason in ledger.holding("F").locks.values())
    ledger.take(wanted, OrderNews(after))
    assert ledger.holding("F").state is SymbolState.LOCKED
    assert f"went from {before} to {after}" in (ledger.holding("F").reason or "")


@pytest.mark.parametrize("view", [S.WORKING, S.EXPIRED, S.REJECTED])
@pytest.mark.parametrize("end", [S.FILLED, S.REJECTED])
def test_a_broker_that_goes_on_after_a_final_end_moves_nothing_we_booked(
    desk: ScriptedDesk, end: OrderState, view: OrderState
) -> None:
    """It is told as it is, for whoever books to lock; what was booked stays."""
    bring_to(desk, end)
    booked = desk.qty()
    show(desk, view)
    desk.call(lambda: desk.executor.wake(str(desk.mine()["orderId"])))
    desk.run(20)
    assert desk.qty() == booked
    assert not desk.of("DELETE")
