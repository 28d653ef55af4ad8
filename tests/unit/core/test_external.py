"""Orders of the account that are not ours: which side, what is open, who entered them."""

import pytest

from leadline.core.external import ExternalOrder, HandFill, kind_of


def order(instruction: str, status: str, filled: float = 0) -> ExternalOrder:
    return ExternalOrder("1", "F", instruction, 100, filled, 13.1, status, None, None)


@pytest.mark.parametrize(
    ("instruction", "status", "filled", "leaves"),
    [
        ("BUY", "WORKING", 0, 100),
        ("BUY_TO_COVER", "QUEUED", 40, 60),
        ("SELL", "WORKING", 40, -60),
        ("SELL_SHORT_EXEMPT", "A_NEW_STATUS", 0, -100),
        ("SELL", "CANCELED", 40, 0),
        ("BUY", "FILLED", 100, 0),
    ],
)
def test_what_may_still_be_filled_is_signed(instruction: str, status: str, filled: float, leaves: float) -> None:
    assert order(instruction, status, filled).signed_leaves == leaves


@pytest.mark.parametrize(
    ("tag", "said"), [("API_TOS:IPHONE", "by hand"), ("TA_8", "another app"), (None, "no tag"), ("X", "X")]
)
def test_the_tag_says_who(tag: str | None, said: str) -> None:
    assert said in kind_of(tag)


def test_a_fill_says_who_did_what() -> None:
    fill = HandFill("k", "77", "F", "SELL", 50, 13.12, "API_TOS:IPHONE", 0)
    assert fill.text == "order 77 SELL 50 at 13.12 (by hand, API_TOS:IPHONE)"
    assert fill.signed_qty == -50
