"""An order's moves: one table, nothing outside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simschwab.core.orders import MOVES, TERMINAL, Fill, IllegalMoveError, Order, Status
from simschwab.core.ticket import Duration, Instruction, OrderType, Ticket

TICKET = Ticket("F", Instruction.BUY, OrderType.LIMIT, 100, 131_000, Duration.DAY, "NORMAL", on_increment=True)


def order(status: Status = Status.PENDING_ACTIVATION) -> Order:
    return Order(1, TICKET, "TA_1", 0, status)


def test_the_table_names_each_of_the_21_statuses() -> None:
    assert len(Status) == 21
    assert set(MOVES) == set(Status)
    assert all(MOVES[status] <= set(Status) for status in Status)


def test_terminal_statuses_lead_nowhere_and_no_other_is_a_dead_end() -> None:
    assert {status for status in Status if not MOVES[status]} == TERMINAL


def test_every_living_status_can_reach_an_end() -> None:
    for status in set(Status) - TERMINAL:
        seen, frontier = {status}, {status}
        while frontier:
            frontier = {successor for known in frontier for successor in MOVES[known]} - seen
            seen |= frontier
        assert {Status.FILLED, Status.CANCELED, Status.REJECTED} <= seen, status


@given(st.sampled_from(Status), st.sampled_from(Status))
def test_a_move_is_made_exactly_if_the_table_holds_it(start: Status, end: Status) -> None:
    subject = order(start)
    if end in MOVES[start]:
        subject.move(end, 5)
        assert subject.status is end
        assert subject.closed_ns == (5 if end in TERMINAL else None)
    else:
        with pytest.raises(IllegalMoveError):
            subject.move(end, 5)
        assert subject.status is start


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_fills_add_up_and_only_the_last_share_ends_the_order(quantities: list[int]) -> None:
    subject = order(Status.WORKING)
    for number, quantity in enumerate(quantities):
        if quantity > subject.open_quantity:
            break
        subject.fill(Fill(number, quantity, 131_000, number))
        assert subject.filled == sum(fill.quantity for fill in subject.fills)
        assert (subject.status is Status.FILLED) == (subject.filled == 100)
        assert subject.filled + subject.open_quantity == 100


def test_a_cancel_keeps_what_was_filled_and_remembers_the_rest() -> None:
    subject = order(Status.WORKING)
    subject.fill(Fill(1, 30, 131_000, 1))
    subject.move(Status.CANCELED, 2)
    assert (subject.filled, subject.canceled_quantity, subject.open_quantity) == (30, 70, 0)
