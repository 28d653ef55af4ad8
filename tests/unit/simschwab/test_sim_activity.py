"""ACCT_ACTIVITY bodies have the keys of the recording of 2025-12 and tell an order's life in its order."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from simschwab.core.settings import Settings
from simschwab.virtual import Virtual, VirtualStream

RECORDED = Path(__file__).parents[4] / "shared/data/schwab_frames/acct_activity_order_lifecycle_2025-12.json"
Json = dict[str, Any]
Event = tuple[str, Json]

ROUTED = {
    "EventType",
    "RouteSequenceNumber",
    "RouteInfo.RouteName",
    "RouteInfo.RouteSequenceNumber",
    "RouteInfo.RoutedExecutionTimestamp.DateTimeString",
    "RouteInfo.RouteRequestedType",
    "RouteInfo.RoutedQuantity.lo",
    "RouteInfo.RoutedQuantity.signScale",
    "RouteInfo.RoutedPrice.lo",
    "RouteInfo.RoutedPrice.signScale",
    "RouteInfo.RouteStatus",
    "RouteInfo.ClientOrderID",
    "RouteInfo.RoutedTime.DateTimeString",
    "RouteInfo.RouteTimeInForce",
    "RouteInfo.RouteAcknowledgmentTimeStamp",
    "RouteRequestedBy",
    "LegId",
}


def started(settings: Settings | None = None) -> tuple[Virtual, VirtualStream]:
    virtual = Virtual(settings)
    stream = virtual.connect()
    stream.login()
    stream.send("ACCT_ACTIVITY", "SUBS", keys="Account Activity", fields="0,1,2,3")
    stream.take()
    return virtual, stream


def place(virtual: Virtual, instruction: str, quantity: int, price: str) -> str:
    body = {
        "orderType": "LIMIT",
        "session": "NORMAL",
        "duration": "DAY",
        "orderStrategyType": "SINGLE",
        "price": price,
        "orderLegCollection": [
            {"instruction": instruction, "quantity": quantity, "instrument": {"symbol": "F", "assetType": "EQUITY"}}
        ],
    }
    answer = virtual.http("POST", virtual.orders_path, body=body)
    assert answer.status == 201
    return answer.headers["Location"].removeprefix(virtual.exchange.settings.base_url)


def items_of(stream: VirtualStream) -> list[Json]:
    entries = [entry for frame in stream.take() for entry in json.loads(frame.payload).get("data", [])]
    return [item for entry in entries if entry["service"] == "ACCT_ACTIVITY" for item in entry["content"]]


def events_of(items: list[Json]) -> list[Event]:
    return [(str(item["2"]), json.loads(str(item["3"]))) for item in items]


def paths(value: object, prefix: str = "") -> set[str]:
    """Give the dotted paths of all leaves; the members of a list count as one."""
    if isinstance(value, dict) and value:
        return {path for name, inner in value.items() for path in paths(inner, f"{prefix}.{name}")}
    if isinstance(value, list) and value:
        return {path for inner in value for path in paths(inner, f"{prefix}[]")}
    return {prefix.lstrip(".")}


def decimal(value: Json) -> float:
    scale = int(str(value.get("signScale", 0)))
    return int(str(value.get("lo", 0))) / float(10 ** (scale >> 1)) * (-1 if scale & 1 else 1)


def detail(event: Event) -> Json:
    base = event[1]["BaseEvent"]
    assert isinstance(base, dict)
    assert base["EventType"] == event[0]
    (key,) = base.keys() - {"EventType"}
    inner = base[key]
    assert isinstance(inner, dict)
    return inner


def life_of_a_cancelled_order() -> list[Event]:
    virtual, stream = started()
    path = place(virtual, "BUY", 1, "5.00")
    virtual.run_ms(50)
    virtual.http("DELETE", path)
    virtual.run_ms(50)
    return events_of(items_of(stream))


def life_of_a_filled_order() -> list[Event]:
    virtual, stream = started()
    place(virtual, "BUY", 1, "14.00")
    virtual.run_ms(50)
    return events_of(items_of(stream))


def test_place_and_cancel_are_told_in_the_recorded_sequence() -> None:
    assert [kind for kind, _ in life_of_a_cancelled_order()] == [
        "OrderCreated",
        "OrderAccepted",
        "ExecutionRequested",
        "ExecutionRequestCreated",
        "ExecutionRequestCompleted",
        "CancelAccepted",
        "ExecutionRequested",
        "ExecutionRequestCompleted",
        "ExecutionCreated",
        "OrderUROutCompleted",
    ]


def test_a_fill_ends_with_order_fill_completed() -> None:
    *_, last = life_of_a_filled_order()
    assert last[0] == "OrderFillCompleted"
    inner = detail(last)
    assert decimal(inner["QuantityInfo"]["CumulativeQuantity"]) == 1
    assert inner["QuantityInfo"]["LeavesQuantity"] == {"signScale": 12}
    assert decimal(inner["ExecutionInfo"]["ExecutionPrice"]) == 13.12
    assert inner["LegSubStatus"] == "LegSubStatusFilled"
    assert "PrincipalAmmount" in inner["ExecutionInfo"]


def test_envelope_items_carry_seq_key_account_type_and_text() -> None:
    virtual, stream = started()
    place(virtual, "BUY", 1, "14.00")
    virtual.run_ms(50)
    items = items_of(stream)
    assert [set(item) for item in items] == [{"seq", "key", "1", "2", "3"}] * 6
    assert [item["seq"] for item in items] == [1, 2, 3, 4, 5, 6]
    assert all(item["key"] == "Account Activity" and item["1"] == "12345678" for item in items)
    for _, body in events_of(items):
        assert set(body) == {"SchwabOrderID", "AccountNumber", "BaseEvent"}
        assert isinstance(body["SchwabOrderID"], str)


def test_the_route_has_the_recorded_keys() -> None:
    routes = [event for event in life_of_a_cancelled_order() if event[0] == "ExecutionRequested"]
    for event in routes:
        assert {path for path in paths(detail(event)) if ".Quote." not in path} == ROUTED
    assert [detail(event)["RouteInfo"]["RouteRequestedType"] for event in routes] == ["New", "Cancel"]


def test_partial_fills_count_up_and_leave_less() -> None:
    virtual, stream = started(Settings(cash_dollars=10_000_000))
    stream.send("NYSE_BOOK", "SUBS", keys="F", fields="0,1,2,3")
    place(virtual, "BUY", 200_000, "20.00")
    virtual.run_ms(20_000)
    fills = [detail(event) for event in events_of(items_of(stream)) if event[0] == "OrderFillCompleted"]
    assert len(fills) > 5
    cumulative = leaves = 0.0
    for fill in fills:
        cumulative += decimal(fill["ExecutionInfo"]["ExecutionQuantity"])
        leaves = 200_000 - cumulative
        assert decimal(fill["QuantityInfo"]["CumulativeQuantity"]) == cumulative
        assert decimal(fill["QuantityInfo"]["LeavesQuantity"]) == leaves
        assert (fill["LegSubStatus"], fill["LegStatus"]) == (
            ("LegSubStatusPartiallyFilled", "LegOpen") if leaves else ("LegSubStatusFilled", "LegClosed")
        )
    ids = Counter(str(fill["ExecutionInfo"]["ExecutionId"]) for fill in fills)
    assert set(ids.values()) == {1}


def test_a_rejection_is_a_system_reject_with_its_rule() -> None:
    virtual, stream = started()
    place(virtual, "SELL", 1, "10.00")
    virtual.run_ms(50)
    events = events_of(items_of(stream))
    assert [kind for kind, _ in events] == ["OrderCreated", "OrderUROutCompleted"]
    inner = detail(events[1])
    assert inner["OutCancelType"] == "SystemReject"
    (reason,) = inner["ValidationDetail"]
    assert set(reason) == {"NgOMSRuleName", "NgOMSRuleDescription"}
    assert reason["NgOMSRuleName"] == "Position_Sys_0001"


def test_money_that_leaves_is_negative_in_dotnet_decimals() -> None:
    (created, *_) = life_of_a_cancelled_order()
    text = json.dumps(created[1])
    assert '"EstimatedNetAmount": {"lo": "5000000", "signScale": 13}' in text
    assert '"LimitPrice": {"lo": "5000000", "signScale": 12}' in text


def test_seq_starts_anew_on_a_new_connection() -> None:
    virtual, stream = started()
    place(virtual, "BUY", 1, "14.00")
    virtual.run_ms(50)
    assert items_of(stream)[-1]["seq"] == 6
    again = virtual.connect()
    again.login()
    again.send("ACCT_ACTIVITY", "SUBS", keys="Account Activity", fields="0,1,2,3")
    assert [item["seq"] for item in items_of(again)] == [0]


def recorded_events() -> list[Event]:
    if not RECORDED.exists():
        pytest.skip(f"the real recording is not here: {RECORDED.name}")
    steps = [step["frame"] for step in json.loads(RECORDED.read_text())]
    entries = [entry for frame in steps for entry in frame.get("data", [frame])]
    return events_of([item for entry in entries for item in entry["content"]])


def test_every_body_has_exactly_the_leaves_of_the_real_recording() -> None:
    recorded = recorded_events()
    ours = [*life_of_a_cancelled_order(), life_of_a_filled_order()[-1]]
    fill = [event for event in recorded if event[0] == "OrderFillCompleted"]
    others = [event for event in recorded if event[0] != "OrderFillCompleted"]
    for real, simulated in zip([*others, *fill], ours, strict=True):
        assert real[0] == simulated[0]
        assert paths(simulated[1]) == paths(real[1]), real[0]
