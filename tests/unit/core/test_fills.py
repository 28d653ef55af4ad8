"""A fill is shares that changed hands, with the sign of its instruction."""

import msgspec
import pytest

from leadline.core.fills import Fill
from leadline.core.orders import Instruction


def fill(instruction: Instruction, qty: int = 7) -> Fill:
    return Fill("key", "1", "F", instruction, qty, 13_100_000, 5)


@pytest.mark.parametrize(
    ("instruction", "signed"),
    [
        (Instruction.BUY, 7),
        (Instruction.BUY_TO_COVER, 7),
        (Instruction.SELL, -7),
        (Instruction.SELL_SHORT, -7),
    ],
)
def test_what_is_bought_adds_and_what_is_sold_takes_away(instruction: Instruction, signed: int) -> None:
    assert fill(instruction).signed_qty == signed


def test_every_instruction_has_a_sign() -> None:
    assert {fill(instruction, 1).signed_qty for instruction in Instruction} == {1, -1}


def test_a_fill_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        fill(Instruction.BUY).qty = 8  # type: ignore[misc]


def test_equal_fills_are_equal_and_serve_as_keys() -> None:
    assert {fill(Instruction.BUY), fill(Instruction.BUY)} == {msgspec.structs.replace(fill(Instruction.BUY))}
