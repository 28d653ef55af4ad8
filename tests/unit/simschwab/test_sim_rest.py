"""REST by plain calls: shapes, refusals and what an account shows when."""

import msgspec
import pytest

from simschwab.core.answers import Request, Response
from simschwab.core.settings import Settings
from simschwab.core.times import NS_PER_S
from simschwab.virtual import START_NS, Virtual

DAY = {"fromEnteredTime": "2026-11-24T00:00:00.000Z", "toEnteredTime": "2026-11-25T00:00:00.000Z"}


def order(instruction: str = "BUY", quantity: object = 100, symbol: str = "F", **over: object) -> dict[str, object]:
    body: dict[str, object] = {
        "orderType": "LIMIT",
        "session": "NORMAL",
        "duration": "DAY",
        "orderStrategyType": "SINGLE",
        "price": "20.00",
        "orderLegCollection": [
            {
                "instruction": instruction,
                "quantity": quantity,
                "instrument": {"symbol": symbol, "assetType": "EQUITY"},
            }
        ],
    }
    return {name: value for name, value in (body | over).items() if value is not None}


def json(response: Response) -> object:
    return msgspec.json.decode(response.body)


def place(virtual: Virtual, body: dict[str, object]) -> str:
    answer = virtual.http("POST", virtual.orders_path, body=body)
    assert (answer.status, answer.body) == (201, b"")
    return answer.headers["Location"].removeprefix(virtual.exchange.settings.base_url)


def view(virtual: Virtual, path: str) -> dict[str, object]:
    answer = virtual.http("GET", path)
    assert answer.status == 200
    return msgspec.json.decode(answer.body, type=dict[str, object])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/trader/v1/userPreference"),
        ("GET", "/trader/v1/accounts"),
        ("GET", "/marketdata/v1/quotes"),
        ("POST", "/trader/v1/accounts/x/orders"),
        ("GET", "/nowhere"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer no"}, {"authorization": "Basic eDp5"}])
def test_nothing_is_answered_without_a_valid_token(method: str, path: str, headers: dict[str, str]) -> None:
    virtual = Virtual()
    answer = virtual.exchange.http(Request(method, path, {}, headers), virtual.now_ns)
    assert answer.status == 401
    assert "Schwab-Client-CorrelId" in answer.headers


def test_user_preference_leads_the_stream_here() -> None:
    virtual = Virtual(Settings(stream_url="ws://127.0.0.1:7/ws"))
    preference = msgspec.convert(json(virtual.http("GET", "/trader/v1/userPreference")), dict)
    assert set(preference) == {"accounts", "streamerInfo", "offers"}
    (streamer,) = preference["streamerInfo"]
    assert streamer["streamerSocketUrl"] == "ws://127.0.0.1:7/ws"
    assert len(streamer["schwabClientCustomerId"]) == 64
    assert (streamer["schwabClientChannel"], streamer["schwabClientFunctionId"]) == ("N9", "APIAPP")
    assert preference["offers"] == [{"level2Permissions": True, "mktDataPermission": "NP"}]


def test_account_numbers_and_an_unknown_hash() -> None:
    virtual = Virtual()
    (pair,) = msgspec.convert(json(virtual.http("GET", "/trader/v1/accounts/accountNumbers")), list[dict[str, str]])
    assert pair["accountNumber"] == "12345678"
    assert virtual.http("GET", f"/trader/v1/accounts/{pair['hashValue']}").status == 200
    for path in ("/trader/v1/accounts/ABC", "/trader/v1/accounts/ABC/orders"):
        answer = virtual.http("GET", path)
        assert answer.status == 404
        assert set(msgspec.convert(json(answer), dict)) == {"message", "errors"}


def test_quotes_give_listing_and_invalid_symbols() -> None:
    virtual = Virtual()
    query = {"symbols": "F,SOFI,SPY,ZZZZ", "fields": "reference"}
    body = msgspec.convert(json(virtual.http("GET", "/marketdata/v1/quotes", query)), dict)
    letters = {name: body[name]["reference"]["exchange"] for name in ("F", "SOFI", "SPY")}
    assert letters == {"F": "N", "SOFI": "Q", "SPY": "P"}
    assert body["errors"] == {"invalidSymbols": ["ZZZZ"]}
    assert "quote" not in body["F"]
    whole = msgspec.convert(json(virtual.http("GET", "/marketdata/v1/quotes", {"symbols": "F"})), dict)["F"]
    wanted = {
        "bidPrice",
        "askPrice",
        "lastPrice",
        "bidSize",
        "askSize",
        "totalVolume",
        "quoteTime",
        "tradeTime",
        "securityStatus",
    }
    assert wanted <= set(whole["quote"])
    assert whole["quote"]["bidPrice"] < whole["quote"]["askPrice"]


def test_more_than_500_symbols_are_refused_as_market_data_refuses() -> None:
    many = ",".join(f"S{n}" for n in range(501))
    answer = Virtual().http("GET", "/marketdata/v1/quotes", {"symbols": many})
    assert answer.status == 400
    (error,) = msgspec.convert(json(answer), dict)["errors"]
    assert error["detail"] == "Search combination should not exceed 500"


@pytest.mark.parametrize(
    "body",
    [
        order(tag="mine"),
        order(requestedDestination="INET"),
        order(duration="IMMEDIATE_OR_CANCEL"),
        order(quantity=1.5),
        order(quantity=0),
        order(quantity=-5),
        order(quantity="10"),
        order(quantity=True),
        order(price=None),
        order(price="abc"),
        order(price="NaN"),
        order(price=0),
        order(orderType="MARKET"),
        order(orderType="STOP"),
        order(orderType=["LIMIT"]),
        order(session="NIGHT"),
        order(instruction="BUY_TO_OPEN"),
        order(symbol="ZZZZ"),
        order(orderLegCollection=[]),
        order(orderLegCollection=None),
        order(orderStrategyType="OCO"),
    ],
)
def test_bad_orders_are_refused_with_400_and_leave_nothing(body: dict[str, object]) -> None:
    virtual = Virtual()
    answer = virtual.http("POST", virtual.orders_path, body=body)
    assert answer.status == 400
    error = msgspec.convert(json(answer), dict)
    assert set(error) == {"message", "errors"}
    assert error["errors"]
    assert json(virtual.http("GET", virtual.orders_path, DAY)) == []


def test_a_body_that_is_no_json_is_refused() -> None:
    virtual = Virtual()
    headers = {"authorization": f"Bearer {virtual.access}"}
    for content in (b"{", b"", b"\xff", b"[]", b"3"):
        request = Request("POST", virtual.orders_path, {}, headers, content)
        assert virtual.exchange.http(request, virtual.now_ns).status == 400


def test_an_order_is_first_pending_then_filled() -> None:
    virtual = Virtual()
    path = place(virtual, order(quantity=100))
    first = view(virtual, path)
    assert (first["status"], first["filledQuantity"], first["cancelable"]) == ("PENDING_ACTIVATION", 0.0, True)
    assert "orderActivityCollection" not in first
    virtual.run_ms(30)
    last = view(virtual, path)
    assert (last["status"], last["filledQuantity"], last["remainingQuantity"]) == ("FILLED", 100.0, 0.0)
    assert (last["price"], last["tag"], last["cancelable"]) == (20.0, "TA_12345678", False)
    assert (last["enteredTime"], last["closeTime"]) == ("2026-11-24T14:30:00+0000",) * 2
    assert last["orderId"] == int(path.rsplit("/", 1)[1])
    (activity,) = msgspec.convert(last["orderActivityCollection"], list[dict[str, object]])
    assert (activity["activityType"], activity["executionType"]) == ("EXECUTION", "FILL")
    (leg,) = msgspec.convert(activity["executionLegs"], list[dict[str, object]])
    assert set(leg) == {"legId", "quantity", "mismarkedQuantity", "price", "time", "instrumentId"}
    assert (leg["quantity"], leg["price"]) == (100.0, 13.12)


def test_a_resting_order_is_cancelled_with_the_documented_trap() -> None:
    virtual = Virtual()
    path = place(virtual, order(price="5.00"))
    virtual.run_ms(50)
    assert view(virtual, path)["status"] == "WORKING"
    answer = virtual.http("DELETE", path)
    assert (answer.status, answer.body) == (200, b"")
    assert view(virtual, path)["status"] == "PENDING_CANCEL"
    assert virtual.http("DELETE", path).status == 200
    virtual.run_ms(50)
    last = view(virtual, path)
    assert (last["status"], last["filledQuantity"]) == ("CANCELED", 0.0)
    (activity,) = msgspec.convert(last["orderActivityCollection"], list[dict[str, object]])
    assert (activity["activityType"], activity["executionType"]) == ("EXECUTION", "CANCELED")
    (leg,) = msgspec.convert(activity["executionLegs"], list[dict[str, object]])
    assert leg["quantity"] == 100.0
    again = virtual.http("DELETE", path)
    assert again.status == 400
    assert set(msgspec.convert(json(again), dict)) == {"message", "errors"}


def test_a_cancel_loses_the_race_to_a_fill_already_on_its_way() -> None:
    virtual = Virtual()
    path = place(virtual, order())
    assert virtual.http("DELETE", path).status == 200
    virtual.run_ms(100)
    assert view(virtual, path)["status"] == "FILLED"


def test_unknown_orders_are_404() -> None:
    virtual = Virtual()
    for method in ("GET", "DELETE"):
        for name in ("1", "x", "-1", "1005609024296"):
            assert virtual.http(method, f"{virtual.orders_path}/{name}").status == 404


@pytest.mark.parametrize(
    ("price", "status"),
    [("13.115", "REJECTED"), (13.1, "WORKING"), ("13.1", "WORKING"), (13.100000000000001, "REJECTED")],
)
def test_wrong_decimals_are_accepted_and_then_rejected(price: object, status: str) -> None:
    virtual = Virtual()
    path = place(virtual, order(price=price))
    virtual.run_ms(50)
    last = view(virtual, path)
    assert last["status"] == status
    assert ("Sim_Price_Increment" in str(last.get("statusDescription"))) == (status == "REJECTED")


@pytest.mark.parametrize(("price", "status"), [("0.1234", "WORKING"), ("0.12345", "REJECTED")])
def test_below_one_dollar_four_decimals_are_allowed(price: str, status: str) -> None:
    virtual = Virtual()
    path = place(virtual, order(price=price))
    virtual.run_ms(50)
    assert view(virtual, path)["status"] == status


def test_lists_need_both_times_and_come_newest_first() -> None:
    virtual = Virtual()
    paths = []
    for _ in range(4):
        paths.append(place(virtual, order(price="5.00")))
        virtual.run_ms(1000)
    virtual.http("DELETE", paths[0])
    virtual.run_ms(100)
    ids = [int(path.rsplit("/", 1)[1]) for path in paths]

    def listed(path: str = virtual.orders_path, **query: str) -> list[object]:
        rows = json(virtual.http("GET", path, DAY | query))
        return [row["orderId"] for row in msgspec.convert(rows, list[dict[str, object]])]

    assert listed() == ids[::-1]
    assert listed("/trader/v1/orders") == ids[::-1]
    assert listed(status="WORKING") == ids[:0:-1]
    assert listed(status="CANCELED") == ids[:1]
    assert listed(maxResults="2") == ids[:1:-1]
    assert listed(fromEnteredTime="2026-11-24T14:30:01.500Z") == ids[:1:-1]
    assert listed(toEnteredTime="2026-11-24T14:30:01.000Z") == ids[1::-1]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"fromEnteredTime": DAY["fromEnteredTime"]},
        DAY | {"toEnteredTime": "2026-11-25"},
        DAY | {"toEnteredTime": "2026-11-25T00:00:00Z"},
        DAY | {"toEnteredTime": "2026-11-23T00:00:00.000Z"},
        DAY | {"toEnteredTime": "2027-11-26T00:00:00.000Z"},
        DAY | {"status": "PARTIALLY_FILLED"},
        DAY | {"maxResults": "x"},
    ],
)
def test_bad_lists_are_refused(query: dict[str, str]) -> None:
    virtual = Virtual()
    assert virtual.http("GET", virtual.orders_path, query).status == 400


def positions(virtual: Virtual) -> list[tuple[object, object, object]]:
    body = json(virtual.http("GET", "/trader/v1/accounts", {"fields": "positions"}))
    (account,) = msgspec.convert(body, list[dict[str, dict[str, object]]])
    rows = msgspec.convert(account["securitiesAccount"].get("positions", []), list[dict[str, object]])
    return [(row["longQuantity"], row["shortQuantity"], row["averagePrice"]) for row in rows]


def test_the_account_shows_a_fill_only_after_its_lag() -> None:
    virtual = Virtual(Settings(order_latency_low_ms=10, order_latency_high_ms=10))
    place(virtual, order(quantity=100))
    virtual.run_ms(1009)
    assert virtual.exchange.broker.account.quantity("F") == 100
    assert positions(virtual) == []
    virtual.run_ms(1)
    assert positions(virtual) == [(100.0, 0.0, 13.12)]


def filled(virtual: Virtual, instruction: str, quantity: int) -> str:
    path = place(virtual, order(instruction, quantity, orderType="MARKET", price=None))
    virtual.run_ms(50)
    return path


def status_of(virtual: Virtual, path: str) -> tuple[object, bool]:
    last = view(virtual, path)
    return last["status"], "Position_Sys_0001" in str(last.get("statusDescription", ""))


def test_a_flip_is_sell_then_sell_short_then_cover() -> None:
    virtual = Virtual()
    for instruction, quantity, held in (
        ("BUY", 300, 300),
        ("SELL", 300, 0),
        ("SELL_SHORT", 200, -200),
        ("BUY_TO_COVER", 150, -50),
    ):
        assert status_of(virtual, filled(virtual, instruction, quantity)) == ("FILLED", False)
        assert virtual.exchange.broker.account.quantity("F") == held
    virtual.run_ms(2000)
    ((long, short, _),) = positions(virtual)
    assert (long, short) == (0.0, 50.0)


@pytest.mark.parametrize(
    ("before", "instruction", "quantity"),
    [
        ([], "SELL", 1),
        ([("BUY", 100)], "SELL", 101),
        ([("BUY", 100)], "SELL_SHORT", 50),
        ([("BUY", 100)], "BUY_TO_COVER", 50),
        ([("SELL_SHORT", 100)], "BUY_TO_COVER", 101),
        ([("SELL_SHORT", 100)], "BUY", 10),
        ([("SELL_SHORT", 100)], "SELL", 10),
    ],
)
def test_orders_against_the_position_are_rejected_after_the_201(
    before: list[tuple[str, int]], instruction: str, quantity: int
) -> None:
    virtual = Virtual()
    for done, shares in before:
        filled(virtual, done, shares)
    held = virtual.exchange.broker.account.quantity("F")
    assert status_of(virtual, filled(virtual, instruction, quantity)) == ("REJECTED", True)
    assert virtual.exchange.broker.account.quantity("F") == held


def test_open_orders_count_and_the_first_of_two_sells_wins() -> None:
    virtual = Virtual()
    filled(virtual, "BUY", 100)
    first = place(virtual, order("SELL", 60, price="50.00"))
    second = place(virtual, order("SELL", 60, price="50.00"))
    third = place(virtual, order("SELL", 40, price="50.00"))
    virtual.run_ms(50)
    assert [status_of(virtual, path)[0] for path in (first, second, third)] == ["WORKING", "REJECTED", "WORKING"]
    virtual.http("DELETE", first)
    virtual.run_ms(50)
    assert status_of(virtual, filled(virtual, "SELL", 60)) == ("FILLED", False)


@pytest.mark.parametrize(
    ("resting", "price", "instruction"), [("BUY", "5.00", "SELL_SHORT"), ("SELL_SHORT", "50.00", "BUY")]
)
def test_an_open_order_of_the_other_direction_forbids_an_opening(resting: str, price: str, instruction: str) -> None:
    virtual = Virtual()
    path = place(virtual, order(resting, price=price))
    virtual.run_ms(50)
    assert status_of(virtual, path) == ("WORKING", False)
    assert status_of(virtual, filled(virtual, instruction, 10)) == ("REJECTED", True)


def test_fill_or_kill_takes_all_or_nothing() -> None:
    virtual = Virtual(Settings(cash_dollars=10**10))
    assert virtual.exchange.board.liquidity("F") is not None
    whole = place(virtual, order(quantity=100, duration="FILL_OR_KILL"))
    greedy = place(virtual, order(quantity=50_000_000, duration="FILL_OR_KILL"))
    virtual.run_ms(50)
    assert [status_of(virtual, path)[0] for path in (whole, greedy)] == ["FILLED", "CANCELED"]


def test_a_large_order_walks_the_book_and_rests_until_the_next_snapshot() -> None:
    virtual = Virtual(Settings(cash_dollars=10**10))
    stream = virtual.connect()
    stream.login()
    stream.send("NYSE_BOOK", "SUBS", keys="F", fields="0,1,2,3")
    liquidity = virtual.exchange.board.liquidity("F")
    assert liquidity is not None
    best_e4 = liquidity.book.asks[0].price_e4
    shown = liquidity.book.asks[0].size
    path = place(virtual, order(quantity=shown * 3, price=str(best_e4 / 10_000)))
    virtual.run_ms(50)
    assert view(virtual, path)["filledQuantity"] == shown
    assert view(virtual, path)["status"] == "WORKING"
    assert liquidity.available(buying=True, limit_e4=best_e4) == 0
    virtual.run_ms(120_000)
    last = view(virtual, path)
    assert float(str(last["filledQuantity"])) > shown
    fills = virtual.exchange.broker.orders[int(path.rsplit("/", 1)[1])].fills
    assert all(fill.price_e4 <= best_e4 for fill in fills)
    assert {(fill.filled_ns - fills[1].filled_ns) % (1010 * 1_000_000) for fill in fills[1:]} == {0}


def test_cash_positions_and_fills_agree_after_a_random_session() -> None:
    virtual = Virtual()
    stream = virtual.connect()
    stream.login()
    stream.send("NYSE_BOOK", "SUBS", keys="F,T,BAC", fields="0,1,2,3")
    for n in range(60):
        instruction = ("BUY", "SELL", "SELL_SHORT", "BUY_TO_COVER")[n * 7 % 4]
        symbol = ("F", "T", "BAC")[n % 3]
        place(virtual, order(instruction, 100 + 37 * n, symbol, orderType="MARKET", price=None))
        virtual.run_ms(173)
    virtual.run_ms(5000)
    events = virtual.ledger.since(0, "fill")
    cash_e4 = 100_000 * 10_000
    held: dict[str, int] = {}
    for order_ in virtual.exchange.broker.orders.values():
        for fill in order_.fills:
            shares = fill.quantity if order_.ticket.instruction.buying else -fill.quantity
            cash_e4 -= shares * fill.price_e4
            held[order_.ticket.symbol] = held.get(order_.ticket.symbol, 0) + shares
    true = virtual.exchange.broker.account.true
    assert len(events) == virtual.exchange.broker.fill_count > 10
    assert true.cash_e4 == cash_e4
    assert {name: held_.quantity for name, held_ in true.positions.items()} == {
        name: shares for name, shares in held.items() if shares
    }
    assert virtual.exchange.broker.account.seen(virtual.now_ns) == true


def test_the_ledger_tells_a_request_its_order_and_its_end_in_order() -> None:
    virtual = Virtual()
    path = place(virtual, order(quantity=100))
    virtual.run_ms(50)
    events = [msgspec.to_builtins(event) for event in virtual.ledger.since(0)]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [event["kind"] for event in events] == [
        "request_in",
        "order_state",
        "response_out",
        "order_state",
        "fill",
        "order_state",
    ]
    request, _, response = events[:3]
    wanted = {"symbol": "F", "instruction": "BUY", "quantity": 100, "price": 20.0, "method": "POST"}
    assert wanted.items() <= request.items()
    assert request["order_id"] == int(path.rsplit("/", 1)[1])
    assert (response["request_seq"], response["status"]) == (request["seq"], 201)
    assert [event["status"] for event in events if event["kind"] == "order_state"] == [
        "PENDING_ACTIVATION",
        "WORKING",
        "FILLED",
    ]
    assert request["wall_ns"] == START_NS
    assert events[-1]["wall_ns"] > START_NS
    assert virtual.now_ns < START_NS + NS_PER_S
    assert virtual.access not in str(events)
