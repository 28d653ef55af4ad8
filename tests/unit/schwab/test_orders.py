"""What an answer says of an order of ours: its fills once each, its end only when all of it is there."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.alerts import Alert
from leadline.core.imbalance import Direction
from leadline.core.intent import Intent, Purpose
from leadline.core.market import Service
from leadline.core.orders import Instruction, Order, OrderState, OrderType
from leadline.schwab.orders import fills_of, is_older, is_ours, may_come_from, news_of, order_body, time_ns_of
from leadline.schwab.rest import BrokerOrder
from support.scripted_broker import fill

S = 1_000_000_000
NOON_S = 1_770_829_200
NOON = "2026-02-11T17:00:00+0000"
ALERT = Alert(
    "F", Direction.BID_HEAVY, 9, 3, 5, 6, 1_382_500, 138_200, 138_300, 1, None, 1, None, Service.NYSE_BOOK, 1, 1
)


def intent(qty: int = 100, limit: int | None = 138_300) -> Intent:
    kind = OrderType.MARKET if limit is None else OrderType.LIMIT
    order = Order("F", Instruction.BUY, qty, kind, limit)
    return Intent("live-1-1-1", 1, "live", 1, ALERT, 1, Purpose.OPEN, order, NOON_S * S, "c0ffee", "0.1.0")


def answer(*activities: dict[str, Any], **changes: object) -> BrokerOrder:
    body: dict[str, object] = {
        "orderId": 12,
        "status": "WORKING",
        "orderType": "LIMIT",
        "price": 13.83,
        "quantity": 100.0,
        "filledQuantity": float(sum(one["quantity"] for one in activities if one["executionType"] == "FILL")),
        "enteredTime": NOON,
        "orderLegCollection": [
            {"legId": 1, "instruction": "BUY", "quantity": 100.0, "instrument": {"symbol": "F", "assetType": "EQUITY"}}
        ],
        "orderActivityCollection": list(activities),
    }
    return msgspec.convert({name: v for name, v in (body | changes).items() if v is not ...}, BrokerOrder)


# --- the body


@pytest.mark.parametrize(
    ("limit", "text"), [(138_300, "13.83"), (10_000, "1.00"), (9_999, "0.9999"), (1, "0.0001"), (12_345_600, "1234.56")]
)
def test_the_price_is_a_text_of_two_decimals_from_a_dollar_up_and_four_below(limit: int, text: str) -> None:
    assert msgspec.json.decode(order_body(intent(limit=limit), "EQUITY"))["price"] == text


def test_every_cent_price_is_written_exactly() -> None:
    for cents in range(100, 60_000):
        body = order_body(intent(limit=cents * 100), "EQUITY")
        assert f'"price":"{cents // 100}.{cents % 100:02d}"'.encode() in body


# --- whose it is


@pytest.mark.parametrize("price", [13.83, "13.83", "13.830", 13.8300000001])
def test_ours_is_ours_however_the_price_is_told(price: object) -> None:
    assert is_ours(answer(price=price), intent())


@pytest.mark.parametrize(
    "changes",
    [
        {"price": 13.84},
        {"price": None},
        {"price": "abc"},
        {"orderType": "MARKET"},
        {"orderType": "STOP_LIMIT"},
        {"orderLegCollection": []},
        {"orderLegCollection": [{"instruction": "BUY", "quantity": 100, "instrument": {"symbol": "GM"}}]},
        {"orderLegCollection": [{"instruction": "SELL", "quantity": 100, "instrument": {"symbol": "F"}}]},
        {"orderLegCollection": [{"instruction": "BUY", "quantity": 99, "instrument": {"symbol": "F"}}]},
        {"orderLegCollection": [{"instruction": "BUY", "quantity": 100, "instrument": {"symbol": "F"}}] * 2},
    ],
    ids=str,
)
def test_one_field_that_differs_makes_it_another_s(changes: dict[str, object]) -> None:
    assert not is_ours(answer(**changes), intent())


@pytest.mark.parametrize(
    ("sent_after_s", "may"), [(-60, True), (-59, True), (0, True), (1.9, True), (2.1, False), (60, False), (-61, False)]
)
def test_an_order_without_an_answer_was_entered_from_2_s_before_to_60_s_after_its_send(
    sent_after_s: float, may: bool
) -> None:
    assert may_come_from(answer(), int((NOON_S + sent_after_s) * S)) is may


@pytest.mark.parametrize(("tag", "may"), [(None, True), ("TA_x", True), ("API_TOS:IPHONE", False), ("API_TOS:", False)])
def test_a_known_foreign_tag_excludes_a_missing_one_never(tag: str | None, may: bool) -> None:
    assert may_come_from(answer(tag=tag), NOON_S * S) is may


def test_without_a_time_an_order_is_neither_taken_for_ours_nor_surely_older() -> None:
    for text in ("", "soon", "2026-02-11T17:00:00"):
        assert not may_come_from(answer(enteredTime=text), NOON_S * S)
        assert not is_older(answer(enteredTime=text), NOON_S * S)
    assert is_older(answer(), (NOON_S + 61) * S)
    assert not is_older(answer(), (NOON_S + 5) * S)  # a clock may be wrong by seconds


# --- fills


def test_a_cancel_s_execution_is_no_fill() -> None:
    cancel = fill(60, 13.83, executionType="CANCELED")
    news = news_of(answer(fill(40, 13.82), cancel, status="CANCELED"), intent())
    assert (news.state, [one.qty for one in news.fills]) == (OrderState.CANCELED, [40])


def test_a_cancel_s_execution_may_lack_its_price_and_time() -> None:
    cancel = {
        "activityType": "EXECUTION",
        "executionType": "CANCELED",
        "quantity": 100,
        "executionLegs": [{"legId": 1}],
    }
    assert news_of(answer(cancel, status="CANCELED"), intent()).state is OrderState.CANCELED


@pytest.mark.parametrize("kind", [{"activityType": "ORDER_ACTION"}, {"executionType": "UROUT"}, {"executionType": ""}])
def test_only_an_execution_of_type_fill_is_one(kind: dict[str, str]) -> None:
    assert fills_of(answer({**fill(40, 13.82), **kind}), intent()) == ()


def test_a_fill_carries_its_price_time_and_order() -> None:
    [one] = fills_of(answer(fill(40, 13.8251, NOON)), intent())
    assert (one.qty, one.price_e6, one.fill_ns, one.order_id, one.symbol) == (40, 13_825_100, NOON_S * S, "12", "F")
    assert one.instruction is Instruction.BUY


def test_a_fill_far_from_the_limit_is_booked_as_reported() -> None:
    [one] = fills_of(answer(fill(100, 1_383.0)), intent())
    assert one.price_e6 == 1_383_000_000


@pytest.mark.parametrize("execution", [fill(10.5, 13.82), fill(10, 0), fill(0, 13.82), fill(-5, 13.82), fill(10, -1)])
def test_an_execution_that_cannot_be_booked_is_said_not_skipped(execution: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"order 12: execution of .* cannot be booked"):
        news_of(answer(execution), intent())


@given(
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from([13.81, 13.82]), st.sampled_from(["a", "b"])), max_size=8),
    st.booleans(),
    st.data(),
)
def test_reading_again_in_any_order_books_each_fill_once(
    prints: list[tuple[int, float, str]], has_ids: bool, data: st.DataObject
) -> None:
    """Two prints may be alike in everything; without activity ids only their number can tell them apart."""
    activities = []
    for number, (qty, price, at) in enumerate(prints):
        activity = fill(qty, price, at)
        activity["activityId"] = 1_000 + number
        if not has_ids:
            del activity["activityId"]
        activities.append(activity)
    booked: dict[str, int] = {}
    for seen in range(len(activities) + 1):  # the broker shows one more each time, in whatever order
        shown = data.draw(st.permutations(activities[:seen]))
        booked |= {one.key: one.qty for one in fills_of(answer(*shown), intent())}
        assert sum(booked.values()) == sum(qty for qty, _, _ in prints[:seen])


# --- the end


@pytest.mark.parametrize("status", ["CANCELED", "EXPIRED", "REPLACED", "REJECTED"])
def test_an_end_waits_for_its_executions(status: str) -> None:
    assert news_of(answer(status=status, filledQuantity=40.0), intent()).state is OrderState.WORKING
    assert news_of(answer(fill(40, 13.82), status=status), intent()).state is OrderState[status]


@pytest.mark.parametrize(
    ("activities", "filled", "state"),
    [
        ([fill(100, 13.82)], 100.0, OrderState.FILLED),
        ([fill(60, 13.82), fill(40, 13.81)], 100.0, OrderState.FILLED),
        ([fill(60, 13.82)], 100.0, OrderState.WORKING),
        ([fill(60, 13.82)], 60.0, OrderState.WORKING),
        ([], ..., OrderState.WORKING),
        (
            [fill(60, 13.82), fill(60, 13.81)],
            120.0,
            OrderState.FILLED,
        ),  # more than asked for: it has ended all the same
    ],
)
def test_filled_is_believed_when_the_executions_add_up_to_the_order(
    activities: list[dict[str, Any]], filled: object, state: OrderState
) -> None:
    assert news_of(answer(*activities, status="FILLED", filledQuantity=filled), intent()).state is state


@pytest.mark.parametrize("status", ["NEW", "WORKING", "PENDING_CANCEL", "PENDING_FOO"])
def test_an_order_whose_executions_add_up_is_filled_under_whatever_status(status: str) -> None:
    """Nothing of it is left to work; a status that never changes must not keep its symbol for ever."""
    whole, part = [fill(60, 13.82), fill(40, 13.81)], [fill(60, 13.82)]
    assert news_of(answer(*whole, status=status), intent()).state is OrderState.FILLED
    assert news_of(answer(*whole, status=status, filledQuantity=60.0), intent()).state is not OrderState.FILLED
    assert news_of(answer(*part, status=status), intent()).state is not OrderState.FILLED


def test_a_status_nobody_knows_is_live_and_told_as_it_came() -> None:
    news = news_of(answer(status="PENDING_FOO", statusDescription="hm"), intent())
    assert (news.state, news.broker_status, news.reason) == (OrderState.WORKING, "PENDING_FOO", "hm")


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-02-11T17:00:00+0000", NOON_S * S),
        ("2026-02-11T17:00:00.250+0000", NOON_S * S + 250_000_000),
        ("2026-02-11T17:00:00Z", NOON_S * S),
        ("2026-02-11T12:00:00-0500", NOON_S * S),
        ("2026-02-11T17:00:00", None),
        ("", None),
        ("17:00", None),
    ],
)
def test_times_are_read_as_utc_or_not_at_all(text: str, ns: int | None) -> None:
    assert time_ns_of(text) == ns
