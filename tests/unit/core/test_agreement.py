"""Whether a number of the broker is ours and not ours; the whole story is in tests/property/test_ownership_model.py."""

import pytest

from leadline.core.agreement import Known, Verdict, judge, same_side, why_not_adopt

S = 1_000_000_000
HELD = Known(ours=100, external=50)


def judged(net: float, known: Known = HELD, *, is_list_empty: bool = False) -> Verdict:
    return judge(net, known, begun_ns=100 * S, lag_ns=30 * S, is_list_empty=is_list_empty)


@pytest.mark.parametrize(
    ("net", "verdict"),
    [(150.0, Verdict.AGREES), (150.4, Verdict.DIFFERS), (149, Verdict.DIFFERS), (-150, Verdict.DIFFERS)],
)
def test_the_broker_must_hold_ours_and_what_is_not_ours(net: float, verdict: Verdict) -> None:
    assert judged(net) is verdict


def test_fractions_that_are_not_ours_are_counted_to_the_millionth() -> None:
    assert judged(110.1, Known(ours=100, external=10.1)) is Verdict.AGREES
    assert judged(0.1 + 0.2, Known(ours=0, external=0.3)) is Verdict.AGREES
    assert judged(110.1, Known(ours=100, external=10.2)) is Verdict.DIFFERS


@pytest.mark.parametrize(("age_s", "verdict"), [(29.9, Verdict.SETTLING), (30.0, Verdict.DIFFERS)])
def test_a_read_begun_too_soon_after_our_fill_says_nothing(age_s: float, verdict: Verdict) -> None:
    known = Known(ours=100, external=0, filled_ns=100 * S - round(age_s * S))
    assert judged(0.5, known) is verdict
    assert judged(100, known) is (Verdict.AGREES if verdict is Verdict.DIFFERS else Verdict.SETTLING)


def test_an_order_that_may_be_filling_makes_every_number_possible() -> None:
    assert judged(7, Known(ours=100, external=0, is_settling=True)) is Verdict.SETTLING


def test_a_trade_by_hand_that_explains_the_number_needs_no_wait() -> None:
    """F35: the user closes our position; the account's list is empty, and that is what must be."""
    closed = Known(ours=100, external=0, hand_net=-100, hand_after=-100, hand_ns=99 * S)
    assert judged(0, closed, is_list_empty=True) is Verdict.DIFFERS
    assert judged(100, closed) is Verdict.SETTLING, "the account may not show it yet: that is no agreement"


def test_an_empty_list_is_no_proof_of_being_flat() -> None:
    """F37."""
    assert judged(0, is_list_empty=True) is Verdict.EMPTY
    assert judged(0, is_list_empty=False) is Verdict.DIFFERS
    assert judged(0, Known(ours=0, external=0), is_list_empty=True) is Verdict.AGREES


@pytest.mark.parametrize(
    ("ours", "net", "qty"), [(100, 60, 60), (100, 99.9, 99), (100, -5, 0), (-100, -30.5, -30), (-100, 30, 0), (0, 9, 0)]
)
def test_what_the_broker_can_hold_of_ours(ours: int, net: float, qty: int) -> None:
    assert same_side(ours, net) == qty


@pytest.mark.parametrize(
    ("ours", "net", "fits"), [(0, -7, True), (100, 100, True), (101, 100.5, False), (-1, 100, False)]
)
def test_no_more_can_be_adopted_than_the_broker_holds_on_that_side(ours: int, net: float, fits: bool) -> None:
    assert (why_not_adopt(ours, net) is None) is fits
