"""A position is opened, enlarged, reduced, closed and flipped, and no money is lost on the way."""

import pytest

from leadline.core.fills import Fill
from leadline.core.orders import Instruction
from leadline.core.position import Position

DOLLAR = 1_000_000


def after(*trades: tuple[int, float]) -> Position:
    """Book trades of (signed qty, dollars) on a flat position."""
    position = Position("F")
    for number, (qty, price) in enumerate(trades):
        side = Instruction.BUY if qty > 0 else Instruction.SELL
        position = position.after(Fill(str(number), "1", "F", side, abs(qty), round(price * DOLLAR), number))
    return position


def state(position: Position) -> tuple[int, float, float]:
    return position.qty, position.cost_e6 / DOLLAR, position.realised_e6 / DOLLAR


def test_a_new_position_is_flat() -> None:
    assert Position("F") == Position("F", 0, 0, 0)
    assert Position("F").average_e6 is None


@pytest.mark.parametrize(
    ("trades", "expected"),
    [
        ([(100, 13)], (100, 1300, 0)),  # opened long
        ([(-100, 13)], (-100, -1300, 0)),  # opened short
        ([(100, 13), (50, 14)], (150, 2000, 0)),  # enlarged
        ([(-100, 13), (-50, 14)], (-150, -2000, 0)),
        ([(100, 13), (-40, 14)], (60, 780, 40)),  # reduced with a gain
        ([(100, 13), (-40, 12)], (60, 780, -40)),
        ([(-100, 13), (40, 12)], (-60, -780, 40)),
        ([(-100, 13), (40, 14)], (-60, -780, -40)),
        ([(100, 13), (-100, 13.5)], (0, 0, 50)),  # closed
        ([(-100, 13), (100, 13.5)], (0, 0, -50)),
        ([(100, 13), (-150, 14)], (-50, -700, 100)),  # flipped
        ([(-100, 13), (150, 12)], (50, 600, 100)),
        ([(100, 13), (-150, 14), (50, 13)], (0, 0, 150)),
        ([(100, 10), (100, 20), (-100, 20)], (100, 1500, 500)),  # the average, not the first lot
    ],
)
def test_fills_move_shares_cost_and_profit(trades: list[tuple[int, float]], expected: tuple[int, float, float]) -> None:
    assert state(after(*trades)) == expected


def test_what_does_not_divide_stays_in_the_cost_and_comes_out_at_the_end() -> None:
    three = after((1, 0.000001), (1, 0.000001), (1, 0.000002))
    assert (three.qty, three.cost_e6) == (3, 4)
    one_left = three.after(Fill("4", "1", "F", Instruction.SELL, 2, 5, 4))
    assert (one_left.cost_e6, one_left.realised_e6) == (2, 10 - 2)  # two of three cost 2.67: 2 are taken, 2 stay
    flat = one_left.after(Fill("5", "1", "F", Instruction.SELL, 1, 5, 5))
    assert (flat.qty, flat.cost_e6, flat.realised_e6) == (0, 0, 15 - 4)


def test_the_average_is_rounded_down_and_positive_on_both_sides() -> None:
    assert after((1, 0.000001), (2, 0.000002)).average_e6 == 1
    assert after((-100, 13)).average_e6 == 13 * DOLLAR


@pytest.mark.parametrize(("qty", "profit"), [(100, 50), (-100, -50)])
def test_open_profit_is_the_mark_against_the_cost(qty: int, profit: int) -> None:
    assert after((qty, 13)).unrealised_e6(13_500_000) == profit * DOLLAR


def test_a_flat_position_has_no_open_profit_and_keeps_what_it_earned() -> None:
    flat = after((100, 13), (-100, 14))
    assert flat.unrealised_e6(99 * DOLLAR) == 0
    assert flat.realised_e6 == 100 * DOLLAR


def test_a_fill_leaves_the_old_position_as_it_was() -> None:
    before = after((100, 13))
    before.after(Fill("9", "1", "F", Instruction.SELL, 10, 14 * DOLLAR, 9))
    assert before == Position("F", 100, 1300 * DOLLAR, 0)


def test_the_symbol_stays() -> None:
    assert after((100, 13), (-150, 14)).symbol == "F"


@pytest.mark.parametrize(
    ("qty", "cost_e6"),
    [
        (0, 0),
        (100, 100 * 13_000_000),
        (40, 40 * 13_000_000),
        (150, 100 * 13_000_000 + 50 * 14_000_000),
        (-30, -30 * 14_000_000),
    ],
)
def test_adopted_shares_keep_their_cost_and_new_ones_count_from_the_mark(qty: int, cost_e6: int) -> None:
    held = Position("F", 100, 100 * 13_000_000, 77)
    assert held.adopted(qty, 14_000_000) == Position("F", qty, cost_e6, 77)


def test_without_a_mark_only_shares_that_were_ours_can_be_adopted() -> None:
    short = Position("F", -100, -100 * 13_000_000)
    assert short.adopted(-40, None) == Position("F", -40, -40 * 13_000_000)
    assert short.adopted(-101, None) is None
    assert short.adopted(1, None) is None
