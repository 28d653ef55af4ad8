"""The states of an order: one closed table, and the broker's 21 statuses in our words."""

import pytest

from leadline.core.orders import (
    BROKER_STATUS,
    ENDED,
    LEGAL_MOVES,
    Instruction,
    Order,
    OrderState,
    OrderType,
    distinct,
    state_of,
)

BROKER_STATUSES = [
    "AWAITING_PARENT_ORDER",
    "AWAITING_CONDITION",
    "AWAITING_STOP_CONDITION",
    "AWAITING_MANUAL_REVIEW",
    "ACCEPTED",
    "AWAITING_UR_OUT",
    "PENDING_ACTIVATION",
    "QUEUED",
    "WORKING",
    "REJECTED",
    "PENDING_CANCEL",
    "CANCELED",
    "PENDING_REPLACE",
    "REPLACED",
    "FILLED",
    "EXPIRED",
    "NEW",
    "AWAITING_RELEASE_TIME",
    "PENDING_ACKNOWLEDGEMENT",
    "PENDING_RECALL",
    "UNKNOWN",
]
"""Schwab API facts 2.3."""

BROKER_TERMINAL = {"FILLED", "CANCELED", "REJECTED", "EXPIRED", "REPLACED"}
LATE_FILLED = {OrderState.CANCELED, OrderState.EXPIRED, OrderState.REPLACED}
LIVE = {OrderState.ACCEPTED, OrderState.WORKING, OrderState.PENDING_CANCEL}
IN_DOUBT = {OrderState.SENDING, OrderState.UNKNOWN, OrderState.LOST_PRESUMED}


def reachable(start: OrderState) -> set[OrderState]:
    seen = {start}
    waiting = [start]
    while waiting:
        for follower in LEGAL_MOVES[waiting.pop()] - seen:
            seen.add(follower)
            waiting.append(follower)
    return seen


def test_the_table_is_closed_every_state_has_a_row() -> None:
    assert set(LEGAL_MOVES) == set(OrderState)
    assert set().union(*LEGAL_MOVES.values()) <= set(OrderState)


def test_every_state_is_reached_from_sending() -> None:
    assert reachable(OrderState.SENDING) == set(OrderState)


def test_nothing_goes_back_to_sending() -> None:
    assert all(OrderState.SENDING not in moves for moves in LEGAL_MOVES.values())


LIVE = {OrderState.ACCEPTED, OrderState.WORKING, OrderState.PENDING_CANCEL}


@pytest.mark.parametrize(
    ("state", "origins"),
    [
        # Nothing left this machine; or, of a lost order, the account proved that it never had an effect.
        (OrderState.NOT_SENT, {OrderState.SENDING, OrderState.LOST_PRESUMED}),
        (OrderState.REFUSED, {OrderState.SENDING}),
        # No answer to the submit; an answer about a live order that cannot be read; a lost one that is looked for anew.
        (OrderState.UNKNOWN, {OrderState.SENDING, OrderState.LOST_PRESUMED} | LIVE),
        # Not found; or replaced by others while it lived.
        (OrderState.LOST_PRESUMED, {OrderState.SENDING, OrderState.UNKNOWN} | LIVE),
    ],
)
def test_doubt_and_refusal_come_only_from_where_they_can(state: OrderState, origins: set[OrderState]) -> None:
    assert {before for before, moves in LEGAL_MOVES.items() if state in moves} == origins


def test_ended_is_all_but_what_is_in_doubt_and_what_is_live() -> None:
    assert set(OrderState) - IN_DOUBT - LIVE == ENDED


@pytest.mark.parametrize("state", sorted(ENDED))
def test_an_ended_state_ends_except_for_the_late_fill(state: OrderState) -> None:
    assert LEGAL_MOVES[state] == ({OrderState.FILLED} if state in LATE_FILLED else set())


@pytest.mark.parametrize("state", sorted(LIVE | IN_DOUBT))
def test_an_order_live_or_in_doubt_can_still_end_in_every_way_of_the_broker(state: OrderState) -> None:
    assert {OrderState(name) for name in BROKER_TERMINAL} <= LEGAL_MOVES[state]


def test_a_cancel_can_lose_the_race_or_fail() -> None:
    after = LEGAL_MOVES[OrderState.PENDING_CANCEL]
    assert {OrderState.FILLED, OrderState.WORKING, OrderState.CANCELED} <= after


def test_all_21_statuses_of_the_broker_are_mapped_and_no_other() -> None:
    assert len(BROKER_STATUSES) == 21
    assert set(BROKER_STATUS) == set(BROKER_STATUSES)


@pytest.mark.parametrize("status", BROKER_STATUSES)
def test_a_status_has_ended_for_us_exactly_where_it_has_for_the_broker(status: str) -> None:
    state = state_of(status)
    if status in BROKER_TERMINAL:
        assert state == OrderState(status)
        assert state in ENDED
    else:
        assert state in LIVE


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("WORKING", OrderState.WORKING),
        ("PENDING_CANCEL", OrderState.PENDING_CANCEL),
        ("AWAITING_UR_OUT", OrderState.PENDING_CANCEL),
        ("PENDING_ACKNOWLEDGEMENT", OrderState.ACCEPTED),
        ("QUEUED", OrderState.ACCEPTED),
        ("NEW", OrderState.ACCEPTED),
        ("PENDING_REPLACE", OrderState.WORKING),
    ],
)
def test_a_live_status_is_named_by_what_it_means_for_us(status: str, state: OrderState) -> None:
    assert state_of(status) is state


@pytest.mark.parametrize("status", ["PARTIALLY_FILLED", "BRAND_NEW_STATUS", "", "filled", "SENDING", "NOT_SENT"])
def test_a_status_that_is_not_in_the_table_counts_as_live(status: str) -> None:
    assert state_of(status) in LIVE


@pytest.mark.parametrize(
    ("instruction", "sign", "opens"),
    [
        (Instruction.BUY, 1, True),
        (Instruction.SELL, -1, False),
        (Instruction.SELL_SHORT, -1, True),
        (Instruction.BUY_TO_COVER, 1, False),
    ],
)
def test_an_instruction_has_a_sign_and_opens_or_closes(instruction: Instruction, sign: int, opens: bool) -> None:
    assert (instruction.sign, instruction.opens) == (sign, opens)


def limit_order(instruction: Instruction, limit: int, qty: int = 100) -> Order:
    return Order("F", instruction, qty, OrderType.LIMIT, limit)


@pytest.mark.parametrize(
    ("instruction", "limit", "touch", "stepped"),
    [
        (Instruction.BUY, 131_400, 131_300, 131_300),
        (Instruction.SELL, 131_100, 131_200, 131_200),
        (Instruction.SELL_SHORT, 131_100, 131_300, 131_200),
        (Instruction.BUY_TO_COVER, 10_000, 9_998, 9_999),  # below a dollar the increment is finer
        (Instruction.SELL, 9_999, 10_100, 10_000),
    ],
)
def test_an_order_that_equals_an_open_one_steps_its_limit_towards_the_touch(
    instruction: Instruction, limit: int, touch: int, stepped: int
) -> None:
    """F23: without a client order id two equal orders could not be told apart once an answer is lost."""
    order = limit_order(instruction, limit)
    others = [limit_order(instruction, limit), limit_order(instruction, limit, qty=50)]
    assert distinct(order, others, touch) == limit_order(instruction, stepped)
    assert distinct(order, others[1:], touch) == order


def test_an_order_that_cannot_step_without_leaving_the_touch_is_denied() -> None:
    """F23: at the touch there is no other price that would trade, and a market order has none."""
    taken = [limit_order(Instruction.BUY, limit) for limit in (131_400, 131_300)]
    assert distinct(taken[0], taken, 131_300) is None
    assert distinct(taken[0], taken, None) is None
    market = Order("F", Instruction.SELL, 100, OrderType.MARKET)
    assert distinct(market, [market], 131_200) is None
    assert distinct(market, [], 131_200) == market
