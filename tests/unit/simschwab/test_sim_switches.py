"""Switches for what nobody has established: both answers can be had."""

import msgspec
import pytest

from simschwab.core.answers import Request, Response
from simschwab.core.choices import NoLevelTwo, RefreshError, Refusal, SecondLogin, SuccessCode
from simschwab.core.settings import NAMES, SettingError, Settings, changed
from simschwab.virtual import Virtual, VirtualStream

Json = dict[str, object]
FIELDS = "0,1,2,3"


def order(instruction: str = "BUY", price: str | None = "5.00", symbol: str = "F", **over: object) -> Json:
    leg = {"instruction": instruction, "quantity": 100, "instrument": {"symbol": symbol, "assetType": "EQUITY"}}
    body: Json = {
        "orderType": "MARKET" if price is None else "LIMIT",
        "session": "NORMAL",
        "duration": "DAY",
        "orderStrategyType": "SINGLE",
        "orderLegCollection": [leg],
    }
    return body | ({} if price is None else {"price": price}) | over


def place(virtual: Virtual, body: Json) -> str:
    answer = virtual.http("POST", virtual.orders_path, body=body)
    assert answer.status == 201, answer.body
    return answer.headers["Location"].removeprefix(virtual.exchange.settings.base_url)


def view(virtual: Virtual, path: str) -> Json:
    return msgspec.json.decode(virtual.http("GET", path).body, type=dict[str, object])


def told(virtual: Virtual, path: str, wait_ms: int = 100) -> tuple[object, object]:
    virtual.run_ms(wait_ms)
    shown = view(virtual, path)
    return shown["status"], shown.get("statusDescription")


def logged_in(virtual: Virtual) -> VirtualStream:
    stream = virtual.connect()
    stream.login()
    return stream


def answers(stream: VirtualStream) -> list[tuple[int, str]]:
    frames = [msgspec.json.decode(frame.payload) for frame in stream.take() if not frame.is_close]
    contents = [entry["content"] for frame in frames for entry in frame.get("response", [])]
    return [(content["code"], content["msg"]) for content in contents]


@pytest.mark.parametrize(
    ("settings", "body", "reason"),
    [
        (Settings(broker_placed="F"), order(), "Opening transactions for this security must be placed with a broker."),
        (Settings(hard_to_borrow="F"), order("SELL_SHORT"), "hard to borrow"),
        (Settings(not_shortable="T,F"), order("SELL_SHORT"), "cannot be sold short"),
        (
            Settings(far_limit_percent=20),
            order(),
            "Your limit price is significantly away from the current market price",
        ),
        (Settings(cash_dollars=100), order(), "buying power"),
        (Settings(), order("SELL"), "oversold"),
        (Settings(), order("BUY_TO_COVER"), "overbought"),
        (Settings(unknown_symbol=Refusal.REJECTED), order(symbol="ZZZZ"), "not known"),
    ],
)
def test_rejects_after_the_201_carry_rule_and_text(settings: Settings, body: Json, reason: str) -> None:
    virtual = Virtual(settings)
    preview = virtual.http("POST", virtual.orders_path.removesuffix("orders") + "previewOrder", body=body)
    [reject] = msgspec.json.decode(preview.body)["orderValidationResult"]["rejects"]
    assert reason in reject["activityMessage"]
    assert virtual.exchange.broker.orders == {}
    status, description = told(virtual, place(virtual, body))
    assert status == "REJECTED"
    assert reason in str(description)
    assert ": " in str(description)


def test_a_limit_within_the_percent_may_rest() -> None:
    virtual = Virtual(Settings(far_limit_percent=20))
    assert told(virtual, place(virtual, order(price="11.00")))[0] == "WORKING"


def test_a_preview_of_a_good_order_places_nothing_and_ioc_is_refused_there_too() -> None:
    virtual = Virtual()
    path = virtual.orders_path.removesuffix("orders") + "previewOrder"
    body = msgspec.json.decode(virtual.http("POST", path, body=order()).body)
    assert (body["orderId"], body["orderStrategy"]["status"]) == (0, "ACCEPTED")
    assert body["orderValidationResult"]["rejects"] == []
    assert virtual.http("POST", path, body=order(duration="IMMEDIATE_OR_CANCEL")).status == 400
    assert virtual.exchange.broker.orders == {}


def test_ioc_can_be_accepted_and_leaves_nothing_working() -> None:
    virtual = Virtual(Settings(ioc_accepted=True))
    low, high = (place(virtual, order(price=price, duration="IMMEDIATE_OR_CANCEL")) for price in ("5.00", "20.00"))
    assert (told(virtual, low)[0], told(virtual, high)[0]) == ("CANCELED", "FILLED")


def test_a_wrong_increment_or_symbol_can_be_refused_at_once_or_later() -> None:
    for settings, body in (
        (Settings(wrong_increment=Refusal.REFUSED), order(price="13.115")),
        (Settings(unknown_symbol=Refusal.REFUSED), order(symbol="ZZZZ")),
    ):
        virtual = Virtual(settings)
        assert virtual.http("POST", virtual.orders_path, body=body).status == 400


def test_a_late_cancel_can_be_answered_200() -> None:
    for status in (200, 400):
        virtual = Virtual(Settings(late_cancel_status=status))
        path = place(virtual, order(price="20.00"))
        virtual.run_ms(100)
        assert virtual.http("DELETE", path).status == status
        assert view(virtual, path)["status"] == "FILLED"


def test_a_cancel_can_wait_for_its_ur_out() -> None:
    virtual = Virtual(Settings(cancel_by_ur_out=True, order_latency_low_ms=20, order_latency_high_ms=20))
    path = place(virtual, order())
    virtual.run_ms(100)
    virtual.http("DELETE", path)
    seen = []
    for _ in range(3):
        seen.append(view(virtual, path)["status"])
        assert virtual.http("DELETE", path).status == (400 if seen[-1] == "CANCELED" else 200)
        virtual.run_ms(10)
    assert seen == ["PENDING_CANCEL", "AWAITING_UR_OUT", "CANCELED"]


def test_put_makes_one_replaced_and_another_work() -> None:
    virtual = Virtual()
    old = place(virtual, order())
    virtual.run_ms(100)
    answer = virtual.http("PUT", old, body=order(price="6.00"))
    assert (answer.status, answer.body) == (201, b"")
    new = answer.headers["Location"].removeprefix(virtual.exchange.settings.base_url)
    assert new != old
    assert view(virtual, old)["status"] == "PENDING_REPLACE"
    assert virtual.http("DELETE", old).status == 400
    virtual.run_ms(100)
    replaced, works = view(virtual, old), view(virtual, new)
    assert (replaced["status"], works["status"], works["price"]) == ("REPLACED", "WORKING", 6.0)
    assert replaced["replacingOrderCollection"] == [{"orderId": works["orderId"]}]
    assert virtual.http("PUT", old, body=order(price="6.00")).status == 400
    assert virtual.http("PUT", new, body=order("SELL")).status == 400
    assert virtual.http("PUT", new, body={}).status == 400
    assert virtual.http("PUT", f"{virtual.orders_path}/7", body=order()).status == 404


def test_a_replacement_that_loses_to_the_fill_is_rejected() -> None:
    virtual = Virtual()
    old = place(virtual, order(price="20.00"))
    answer = virtual.http("PUT", old, body=order(price="5.00"))
    new = answer.headers["Location"].removeprefix(virtual.exchange.settings.base_url)
    virtual.run_ms(200)
    assert view(virtual, old)["status"] == "FILLED"
    assert view(virtual, new)["status"] == "REJECTED"
    assert virtual.exchange.broker.account.quantity("F") == 100


def test_buying_power_counts_positions_and_open_orders_and_comes_back() -> None:
    virtual = Virtual(Settings(cash_dollars=2_000, account_lag_ms=0))
    path = virtual.orders_path.removesuffix("/orders")

    def power() -> float:
        account = msgspec.json.decode(virtual.http("GET", path).body)["securitiesAccount"]
        return float(account["currentBalances"]["buyingPower"])

    assert power() == 4_000
    resting = place(virtual, order(price="10.00"))
    virtual.run_ms(100)
    assert power() == 3_000
    assert told(virtual, place(virtual, order(price="20.00", symbol="F") | {"price": "30.01"}))[0] == "REJECTED"
    virtual.http("DELETE", resting)
    virtual.run_ms(100)
    assert power() == 4_000
    place(virtual, order(price=None))
    virtual.run_ms(100)
    # Equity stays about 2000 while 1312 dollars are held.
    assert 2_600 < power() < 2_800


def test_lists_can_lag_while_the_order_itself_is_known() -> None:
    virtual = Virtual(Settings(listing_lag_ms=5_000))
    path = place(virtual, order())
    window = {"fromEnteredTime": "2026-11-24T00:00:00.000Z", "toEnteredTime": "2026-11-25T00:00:00.000Z"}
    for wait_ms, rows in ((4_999, 0), (1, 1)):
        virtual.run_ms(wait_ms)
        assert len(msgspec.json.decode(virtual.http("GET", virtual.orders_path, window).body)) == rows
        assert virtual.http("GET", path).status == 200


def statuses(virtual: Virtual, method: str, path: str, count: int) -> list[int]:
    return [virtual.http(method, path).status for _ in range(count)]


def test_reads_have_a_limit_of_their_own() -> None:
    virtual = Virtual(Settings(read_limit_per_min=2, order_limit_per_min=2))
    assert statuses(virtual, "GET", "/trader/v1/accounts", 3) == [200, 200, 429]
    assert statuses(virtual, "DELETE", f"{virtual.orders_path}/1", 3) == [404, 404, 429]
    assert "Retry-After" not in virtual.http("GET", "/trader/v1/accounts").headers
    virtual.run_ms(60_000)
    assert statuses(virtual, "GET", "/trader/v1/accounts", 1) == [200]


def test_no_order_limit_for_benches() -> None:
    virtual = Virtual(Settings(order_limit_per_min=0, order_limit_per_day=0))
    assert set(statuses(virtual, "DELETE", f"{virtual.orders_path}/1", 500)) == {404}


@pytest.mark.parametrize(
    ("chosen", "unknown", "expired"),
    [
        (RefreshError.BY_REASON, "refresh_token_authentication_error", "invalid_grant"),
        (RefreshError.FORM_2024, "refresh_token_authentication_error", "refresh_token_authentication_error"),
        (RefreshError.FORM_2026, "invalid_grant", "invalid_grant"),
    ],
)
def test_refresh_errors_in_both_shapes(chosen: RefreshError, unknown: str, expired: str) -> None:
    virtual = Virtual(Settings(refresh_error=chosen))

    def refused(token: str) -> str:
        form = f"grant_type=refresh_token&refresh_token={token}".encode()
        request = Request("POST", "/v1/oauth/token", {}, {"authorization": virtual.basic}, form)
        answer: Response = virtual.exchange.http(request, virtual.now_ns)
        body = msgspec.json.decode(answer.body)
        assert (answer.status, body["error"]) == (400, "unsupported_token_type")
        inner = body["error_description"].removeprefix('400 Bad Request: "').removesuffix('"')
        return str(msgspec.json.decode(inner)["error"])

    assert refused("nonsense") == unknown
    virtual.exchange.set_clock(7 * 86_400_000, virtual.now_ns)
    assert refused(virtual.refresh) == expired


def test_without_level_2_books_are_silent_or_unavailable() -> None:
    for choice, code in ((NoLevelTwo.SILENT, 0), (NoLevelTwo.UNAVAILABLE, 11)):
        virtual = Virtual(Settings(level2=False, level2_off=choice))
        offers = msgspec.json.decode(virtual.http("GET", "/trader/v1/userPreference").body)["offers"]
        assert offers[0]["level2Permissions"] is False
        stream = logged_in(virtual)
        stream.take()
        stream.send("NYSE_BOOK", "SUBS", keys="F", fields=FIELDS)
        assert [each[0] for each in answers(stream)] == [code]
        stream.send("LEVELONE_EQUITIES", "SUBS", keys="F", fields=FIELDS)
        virtual.run_ms(5_000)
        assert not any(frame.books for frame in stream.take())


def test_delayed_quotes_say_so_and_are_15_minutes_old() -> None:
    virtual = Virtual(Settings(delayed_quotes=True))
    stream = logged_in(virtual)
    stream.send("LEVELONE_EQUITIES", "SUBS", keys="F", fields="0,1,34,35")
    frames = [msgspec.json.decode(frame.payload) for frame in stream.take()]
    [item] = [item for frame in frames for entry in frame.get("data", []) for item in entry["content"]]
    assert item["delayed"] is True
    assert 15 * 60_000 <= virtual.now_ns // 1_000_000 - item["34"] < 15 * 60_000 + 2_000
    [quote] = [msgspec.json.decode(virtual.http("GET", "/marketdata/v1/quotes", {"symbols": "F"}).body)["F"]]
    assert (quote["quoteType"], quote["realtime"]) == ("NFL", False)


def test_success_codes_of_the_guide() -> None:
    stream = logged_in(Virtual(Settings(success_code=SuccessCode.GUIDE)))
    for command in ("SUBS", "ADD", "VIEW", "UNSUBS"):
        stream.send("NYSE_BOOK", command, keys="F", fields=FIELDS)
    assert [code for code, _ in answers(stream)] == [0, 26, 28, 29, 27]


def test_a_second_login_can_be_denied() -> None:
    virtual = Virtual(Settings(second_login=SecondLogin.DENIED))
    first, second = logged_in(virtual), logged_in(virtual)
    assert [code for code, _ in answers(first)] == [0]
    assert [code for code, _ in answers(second)] == [12]
    assert len(virtual.exchange.streamer.connections) == 1


def activity(stream: VirtualStream) -> list[tuple[int, str, object]]:
    frames = [msgspec.json.decode(frame.payload) for frame in stream.take()]
    items = [item for frame in frames for entry in frame.get("data", []) for item in entry["content"]]
    return [(item["seq"], item["2"], item["3"]) for item in items]


def test_the_nightly_notice_comes_once_a_night_at_0430_utc() -> None:
    virtual = Virtual()
    stream = logged_in(virtual)
    stream.send("ACCT_ACTIVITY", "SUBS", keys="x", fields=FIELDS)
    stream.take()
    for day in (25, 26):
        virtual.run_ms(14 * 3_600_000 - 1_000 if day == 25 else 86_398_000)
        assert activity(stream) == []
        virtual.run_ms(2_000)
        assert [each[1:] for each in activity(stream)] == [("", "Feature not supported")], day


def test_seq_can_go_on_over_connections_and_messages_can_be_told_again() -> None:
    virtual = Virtual(Settings(activity_seq_continues=True, activity_replay=2))
    stream = logged_in(virtual)
    stream.send("ACCT_ACTIVITY", "SUBS", keys="x", fields=FIELDS)
    place(virtual, order(price="20.00"))
    virtual.run_ms(100)
    first = activity(stream)
    again = logged_in(virtual)
    again.send("ACCT_ACTIVITY", "SUBS", keys="x", fields=FIELDS)
    second = activity(again)
    assert second[0][:2] == (first[-1][0] + 1, "SUBSCRIBED")
    assert second[1:] == first[-2:]


def test_arcas_symbols_are_on_nasdaq_book_too_with_nsdq_and_market_makers_only() -> None:
    for on in (True, False):
        virtual = Virtual(Settings(arca_on_nasdaq_book=on))
        stream = logged_in(virtual)
        stream.send("NASDAQ_BOOK", "SUBS", keys="SPY,F", fields=FIELDS)
        virtual.run_ms(5_000)
        frames = [msgspec.json.decode(frame.payload) for frame in stream.take()]
        items = [item for frame in frames for entry in frame.get("data", []) for item in entry["content"]]
        assert {item["key"] for item in items} == ({"SPY"} if on else set())
        venues = {entry["0"] for item in items for side in "23" for level in item[side] for entry in level["3"]}
        assert venues == ({"NSDQ", "ETMM", "GSCO", "VIRT"} if on else set())


def test_settings_are_read_from_words_and_refused_with_a_reason() -> None:
    chosen = changed(Settings(), {"cash_dollars": "5", "level2": "false", "second_login": "denied"}, texts=True)
    assert (chosen.cash_dollars, chosen.level2, chosen.second_login) == (5, False, SecondLogin.DENIED)
    assert {"base_url", "stream_url"}.isdisjoint(NAMES)
    for name, value in (("base_url", "x"), ("flush_ms", 0), ("seed", "1"), ("level2", 1)):
        with pytest.raises(SettingError, match=name):
            changed(Settings(), {name: value})


def test_text_that_is_no_utf8_is_refused_not_a_traceback() -> None:
    virtual = Virtual()
    headers = {"authorization": f"Bearer {virtual.access}"}
    for content in (b'"\xff"', b'{"price":"\xff\xfe"}'):
        for method, path in (("POST", virtual.orders_path), ("POST", virtual.orders_path[:-6] + "previewOrder")):
            assert virtual.exchange.http(Request(method, path, {}, headers, content), virtual.now_ns).status == 400
