"""Nothing a client sends can break the simulator, and whatever it trades the books stay balanced."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simschwab.core.accounts import Position
from simschwab.core.answers import Request
from simschwab.core.orders import Status
from simschwab.core.ticket import Instruction
from simschwab.virtual import Virtual

scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8)
words = st.sampled_from(["SUBS", "ADD", "LOGIN", "LOGOUT", "NYSE_BOOK", "ADMIN", "ACCT_ACTIVITY", "F,T", "0,1", "BUY"])
names = st.sampled_from(
    ["requests", "service", "command", "parameters", "keys", "fields", "requestid", "price", "orderType"]
)
trees = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(trees, min_size=1, max_size=4))
def test_any_stream_text_is_answered_or_ends_the_link(values: list[object]) -> None:
    virtual = Virtual()
    stream = virtual.connect()
    stream.login()
    stream.take()
    for value in values:
        stream.send_text(msgspec.json.encode(value).decode())
        virtual.run_ms(1)
        alive = bool(virtual.exchange.streamer.connections)
        assert alive
        for frame in stream.take():
            assert msgspec.json.decode(frame.payload)
            if frame.close_code is not None:
                return


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(names | st.just("orderLegCollection"), trees, max_size=5),
    st.dictionaries(st.sampled_from(["instruction", "quantity", "instrument"]), trees, max_size=3),
)
def test_any_order_body_gets_400(body: dict[str, object], leg: dict[str, object]) -> None:
    virtual = Virtual()
    for legs in ({}, {"orderLegCollection": [leg]}):
        answer = virtual.http("POST", virtual.orders_path, body=body | legs)
        assert answer.status == 400
        assert msgspec.json.decode(answer.body)["errors"]


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"price":1e400}', b"\xff\xfe", b'{"a":NaN}'])
def test_hostile_json_is_refused_everywhere(content: bytes) -> None:
    virtual = Virtual()
    headers = {"authorization": f"Bearer {virtual.access}"}
    answer = virtual.exchange.http(Request("POST", virtual.orders_path, {}, headers, content), virtual.now_ns)
    assert answer.status == 400
    stream = virtual.connect()
    stream.send_text(content.decode(errors="replace"))
    (frame,) = stream.take()
    assert b'"code":21' in frame.payload


@pytest.mark.parametrize("name", ["9" * 6000, "٣", "1" * 20, "0x1", " 1"])
def test_odd_order_numbers_are_404(name: str) -> None:
    virtual = Virtual()
    assert virtual.http("GET", f"{virtual.orders_path}/{name}").status == 404
    assert virtual.http("GET", virtual.orders_path, {"maxResults": name}).status == 400


@pytest.mark.parametrize("price", ["1e999999", "1e-999999", "1000001", "-1", "Infinity", "1e-5"])
def test_odd_prices_never_work(price: str) -> None:
    virtual = Virtual()
    leg = {"instruction": "BUY", "quantity": 1, "instrument": {"symbol": "F", "assetType": "EQUITY"}}
    body = {
        "orderType": "LIMIT",
        "session": "NORMAL",
        "duration": "DAY",
        "orderStrategyType": "SINGLE",
        "price": price,
        "orderLegCollection": [leg],
    }
    answer = virtual.http("POST", virtual.orders_path, body=body)
    virtual.run_ms(50)
    statuses = [order.status for order in virtual.exchange.broker.orders.values()]
    assert (answer.status, statuses) in ((400, []), (201, [Status.REJECTED]))


deals = st.tuples(
    st.sampled_from(Instruction),
    st.integers(1, 9000),
    st.integers(1250, 1380),
    st.sampled_from(["F", "T"]),
    st.booleans(),
    st.integers(0, 700),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(deals, max_size=12), st.integers(1, 10_000))
def test_positions_are_the_sum_of_fills_and_never_boxed(
    orders: list[tuple[Instruction, int, int, str, bool, int]], seed: int
) -> None:
    virtual = Virtual()
    stream = virtual.connect()
    stream.login()
    stream.send("NYSE_BOOK", "SUBS", keys="F,T", fields="0,1,2,3")
    for instruction, quantity, cents, symbol, cancel, wait_ms in orders:
        leg = {
            "instruction": instruction,
            "quantity": quantity,
            "instrument": {"symbol": symbol, "assetType": "EQUITY"},
        }
        body = {
            "orderType": "LIMIT",
            "session": "NORMAL",
            "duration": "DAY",
            "orderStrategyType": "SINGLE",
            "price": f"{cents / 100 * (1 if symbol == 'F' else 2):.2f}",
            "orderLegCollection": [leg],
        }
        answer = virtual.http("POST", virtual.orders_path, body=body)
        assert answer.status == 201
        if cancel:
            virtual.run_ms(seed % 40)
            path = answer.headers["Location"].removeprefix(virtual.exchange.settings.base_url)
            assert virtual.http("DELETE", path).status in (200, 400)
        virtual.run_ms(wait_ms)
    virtual.run_ms(3000)
    held = dict.fromkeys(("F", "T"), 0)
    for order in virtual.exchange.broker.orders.values():
        buying = order.ticket.instruction.buying
        limit_e4 = order.ticket.limit_e4
        assert limit_e4 is not None
        for fill in order.fills:
            held[order.ticket.symbol] += fill.quantity if buying else -fill.quantity
            assert fill.price_e4 <= limit_e4 if buying else fill.price_e4 >= limit_e4
        assert order.filled + order.open_quantity + order.canceled_quantity == order.ticket.quantity or (
            order.status is Status.REJECTED and not order.fills
        )
    for symbol, shares in held.items():
        assert virtual.exchange.broker.account.quantity(symbol) == shares
    check_sides(virtual)


def check_sides(virtual: Virtual) -> None:
    """Walk the ledger's fills: an instruction only ever moves a position on its own side of zero."""
    held = dict.fromkeys(("F", "T"), 0)
    for event in virtual.ledger.since(0, "fill"):
        fill = msgspec.to_builtins(event)
        instruction = Instruction(fill["instruction"])
        held[fill["symbol"]] += fill["quantity"] if instruction.buying else -fill["quantity"]
        long_side = instruction in (Instruction.BUY, Instruction.SELL)
        assert held[fill["symbol"]] >= 0 if long_side else held[fill["symbol"]] <= 0


@given(st.lists(st.tuples(st.integers(-50, 50).filter(bool), st.integers(1, 500)), max_size=20))
def test_a_position_costs_what_its_open_shares_cost_on_average(deals: list[tuple[int, int]]) -> None:
    position = Position()
    for shares, price_e4 in deals:
        before = position
        position = before.after(shares, price_e4)
        assert position.quantity == before.quantity + shares
        if before.quantity * shares >= 0:
            assert position.cost_e4 == before.cost_e4 + abs(shares) * price_e4
        elif before.quantity * position.quantity > 0:
            # Closing keeps the average, but for less than 0.0001 dollars of rounding in the whole.
            assert abs(position.average_e4 - before.average_e4) <= 1
        else:
            assert position.cost_e4 == abs(position.quantity) * price_e4
