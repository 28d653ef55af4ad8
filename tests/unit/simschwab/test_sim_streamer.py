"""The streamer by plain calls in virtual time: who may do what when, and how a link ends."""

from dataclasses import replace

import msgspec
import pytest

from simschwab.core.settings import Settings
from simschwab.virtual import Virtual, VirtualStream

FIELDS = "0,1,2,3"


def taken(stream: VirtualStream) -> list[dict[str, list[dict[str, object]]]]:
    return [msgspec.json.decode(frame.payload) for frame in stream.take()]


def codes(stream: VirtualStream) -> list[object]:
    answers = [entry for frame in taken(stream) for entry in frame.get("response", [])]
    return [msgspec.convert(entry["content"], dict)["code"] for entry in answers]


def logged_in(virtual: Virtual) -> VirtualStream:
    stream = virtual.connect()
    stream.login()
    assert codes(stream) == [0]
    return stream


def test_login_is_answered_as_recorded() -> None:
    virtual = Virtual()
    stream = virtual.connect()
    stream.login()
    (frame,) = taken(stream)
    (answer,) = frame["response"]
    assert list(answer) == [
        "service",
        "command",
        "requestid",
        "SchwabClientCorrelId",
        "timestamp",
        "content",
    ]
    assert answer["requestid"] == "1"
    assert answer["SchwabClientCorrelId"] == virtual.exchange.identity.correl_id
    assert answer["timestamp"] == virtual.now_ns // 1_000_000
    assert answer["content"] == {"code": 0, "msg": "server=simschwab-1;status=NP"}


def test_a_wrong_token_is_denied_and_the_link_closed() -> None:
    virtual = Virtual()
    stream = virtual.connect()
    stream.login("wrong")
    (frame,) = stream.take()
    assert b'"code":3,"msg":"Login Denied.: token is invalid or has expired."' in frame.payload
    assert frame.close_code == 3
    assert virtual.exchange.streamer.connections == ()


def test_an_expired_token_is_denied_but_a_link_outlives_its_token() -> None:
    virtual = Virtual(Settings(access_token_s=60))
    stream = logged_in(virtual)
    stream.send("NYSE_BOOK", "SUBS", keys="F", fields=FIELDS)
    virtual.run_ms(61_000)
    assert len(stream.take()) > 50
    late = virtual.connect()
    late.login()
    assert codes(late) == [3]


def test_subs_before_the_login_is_answered_gets_code_20() -> None:
    virtual = Virtual()
    stream = virtual.connect()
    stream.send("ADMIN", "LOGIN", Authorization=virtual.access)
    stream.send("NYSE_BOOK", "SUBS", request_id=7, keys="F", fields=FIELDS)
    assert codes(stream) == [20]
    virtual.run_ms(100)
    assert codes(stream) == [0]


@pytest.mark.parametrize(
    ("service", "command", "code"),
    [
        ("TIMESALE_EQUITY", "SUBS", 11),
        ("FUTURES_BOOK", "ADD", 11),
        ("NYSE_BOOK", "SUBSCRIBE", 21),
        ("", "SUBS", 21),
        ("ACCT_ACTIVITY", "ADD", 24),
    ],
)
def test_refusals(service: str, command: str, code: int) -> None:
    stream = logged_in(Virtual())
    stream.send(service, command, keys="F", fields=FIELDS)
    assert codes(stream) == [code]


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"requests":[7]}', '{"requests":"x"}', ""])
def test_what_cannot_be_read_gets_code_21_and_the_link_lives(text: str) -> None:
    stream = logged_in(Virtual())
    stream.send_text(text)
    assert codes(stream) == [21]
    stream.send("NYSE_BOOK", "SUBS", keys="F", fields=FIELDS)
    assert codes(stream) == [0]


def test_ids_may_be_numbers_and_a_single_request_unwrapped() -> None:
    virtual = Virtual()
    stream = virtual.connect()
    request = {
        "requestid": 5,
        "service": "ADMIN",
        "command": "LOGIN",
        "SchwabClientCustomerId": virtual.exchange.identity.customer_id,
        "SchwabClientCorrelId": 12,
        "parameters": {"Authorization": virtual.access},
    }
    stream.send_text(msgspec.json.encode(request).decode())
    virtual.run_ms(100)
    (frame,) = taken(stream)
    assert (frame["response"][0]["requestid"], frame["response"][0]["SchwabClientCorrelId"]) == ("5", "12")


def test_a_second_login_ends_the_first_link_with_code_12() -> None:
    virtual = Virtual()
    first, second = logged_in(virtual), logged_in(virtual)
    (frame,) = first.take()
    assert frame.close_code == 12
    assert msgspec.json.decode(frame.payload)["notify"][0]["content"]["code"] == 12
    assert [connection.number for connection in virtual.exchange.streamer.connections] == [second.number]


def test_without_subscriptions_the_link_is_stopped_after_30_s() -> None:
    virtual = Virtual(Settings(heartbeat_s=100))
    stream = logged_in(virtual)
    virtual.run_ms(29_999)
    assert stream.take() == []
    virtual.run_ms(1)
    (frame,) = stream.take()
    assert frame.close_code == 30
    (notice,) = msgspec.json.decode(frame.payload)["notify"]
    assert notice["content"] == {"code": 30, "msg": "Stop streaming due to empty subscription"}
    assert notice["service"] == "ADMIN"


def test_unsubscribing_all_starts_the_30_s_anew() -> None:
    virtual = Virtual(Settings(heartbeat_s=1000))
    stream = logged_in(virtual)
    stream.send("LEVELONE_EQUITIES", "SUBS", keys="F", fields="0,1,2")
    virtual.run_ms(40_000)
    stream.send("LEVELONE_EQUITIES", "UNSUBS", keys="F")
    virtual.run_ms(29_000)
    assert all(frame.close_code is None for frame in stream.take())
    virtual.run_ms(1_001)
    assert [frame.close_code for frame in stream.take()] == [30]


def test_logout_is_answered_then_closed() -> None:
    stream = logged_in(Virtual())
    stream.send("ADMIN", "LOGOUT")
    (frame,) = stream.take()
    assert b'"content":{"code":0,"msg":"SUCCESS"}' in frame.payload
    assert frame.close_code is not None


def test_heartbeats_come_every_10_s_with_their_time_as_text() -> None:
    virtual = Virtual()
    stream = logged_in(virtual)
    stream.send("ACCT_ACTIVITY", "SUBS", keys="k", fields=FIELDS)
    stream.take()
    start_ms = virtual.now_ns // 1_000_000
    virtual.run_ms(35_000)
    beats = [int(str(frame["notify"][0]["heartbeat"])) for frame in taken(stream)]
    assert [b - beats[0] for b in beats] == [0, 10_000, 20_000]
    assert 0 < beats[0] - start_ms <= 10_000


def book_names(stream: VirtualStream) -> list[list[str]]:
    return [[book.symbol for book in frame.books] for frame in stream.take() if frame.books]


def test_the_market_begins_with_the_first_book_subscription() -> None:
    virtual = Virtual()
    stream = logged_in(virtual)
    virtual.run_ms(5_000)
    assert not virtual.exchange.begun
    stream.send("NYSE_BOOK", "SUBS", keys="F,T", fields=FIELDS)
    assert book_names(stream) == [["F", "T"]]
    virtual.run_ms(1_009)
    assert book_names(stream) == []
    virtual.run_ms(1)
    assert book_names(stream) == [["F", "T"]]


def test_the_last_known_book_comes_at_once_on_adding() -> None:
    virtual = Virtual()
    stream = logged_in(virtual)
    stream.send("NYSE_BOOK", "SUBS", keys="F", fields=FIELDS)
    virtual.run_ms(500)
    stream.take()
    stream.send("NYSE_BOOK", "ADD", keys="T, bac", fields=FIELDS)
    assert book_names(stream) == [["T", "BAC"]]
    virtual.run_ms(510)
    assert book_names(stream) == [["F", "BAC", "T"]]


def test_subs_replaces_and_unsubs_removes() -> None:
    virtual = Virtual()
    stream = logged_in(virtual)
    stream.send("NYSE_BOOK", "SUBS", keys="F,T,BAC", fields=FIELDS)
    stream.send("NASDAQ_BOOK", "ADD", keys="SOFI", fields=FIELDS)
    stream.send("NYSE_BOOK", "SUBS", keys="PFE,T", fields=FIELDS)
    stream.send("NYSE_BOOK", "UNSUBS", keys="T")
    stream.take()
    virtual.run_ms(1_010)
    assert book_names(stream) == [["SOFI"], ["PFE"]]


@pytest.mark.parametrize(("service", "symbol"), [("NASDAQ_BOOK", "F"), ("NYSE_BOOK", "AMD"), ("NYSE_BOOK", "ZZZZ")])
def test_the_wrong_service_accepts_and_sends_nothing(service: str, symbol: str) -> None:
    virtual = Virtual()
    stream = logged_in(virtual)
    stream.send(service, "SUBS", keys=symbol, fields=FIELDS)
    assert codes(stream) == [0]
    virtual.run_ms(9_000)
    assert book_names(stream) == []


def test_spy_of_arca_is_on_nyse_book() -> None:
    virtual = Virtual()
    stream = logged_in(virtual)
    stream.send("NYSE_BOOK", "SUBS", keys="SPY", fields=FIELDS)
    assert book_names(stream) == [["SPY"]]


def test_excess_symbols_are_discarded_with_code_19() -> None:
    virtual = Virtual(Settings(stream_symbols_max=2))
    stream = logged_in(virtual)
    stream.send("NYSE_BOOK", "SUBS", keys="F,T,BAC,PFE,NIO", fields=FIELDS)
    answer, books = stream.take()
    assert b"allowed.  (NYSE_BOOK=2, DISCARDED=3)" in answer.payload
    assert [book.symbol for book in books.books] == ["F", "T"]


def test_books_per_frame_splits_a_burst() -> None:
    virtual = Virtual(Settings(books_per_frame=2))
    stream = logged_in(virtual)
    stream.send("NYSE_BOOK", "SUBS", keys="F,T,BAC,PFE,NIO", fields=FIELDS)
    assert [len(names) for names in book_names(stream)] == [2, 2, 1]


def test_a_slow_reader_is_stopped_with_code_30() -> None:
    virtual = Virtual(Settings(stream_backlog_max=5))
    stream = logged_in(virtual)
    stream.send("NYSE_BOOK", "SUBS", keys="F", fields=FIELDS)
    virtual.run_ms(20_000)
    (frame,) = stream.take()
    assert frame.close_code == 30
    assert b"slowness" in frame.payload


def test_level_one_comes_whole_first_then_only_changes_of_asked_fields() -> None:
    virtual = Virtual()
    stream = logged_in(virtual)
    stream.send("LEVELONE_EQUITIES", "SUBS", keys="F,AMD", fields="0,1,2,3,8,34,35")
    stream.send("NASDAQ_BOOK", "SUBS", keys="AMD", fields=FIELDS)
    frames = [frame["data"][0] for frame in taken(stream) if "data" in frame]
    first = next(frame for frame in frames if frame["service"] == "LEVELONE_EQUITIES")
    items = msgspec.convert(first["content"], list[dict[str, object]])
    unnumbered = {"delayed", "assetMainType", "assetSubType", "cusip"}
    assert [set(item) for item in items] == [{"key", "1", "2", "3", "8", "34", "35"} | unnumbered] * 2
    known = {str(item["key"]): item for item in items}
    virtual.run_ms(30_000)
    later = [frame["data"][0] for frame in taken(stream) if "data" in frame]
    for frame in later:
        if frame["service"] == "LEVELONE_EQUITIES":
            for item in msgspec.convert(frame["content"], list[dict[str, object]]):
                changed = set(item) - {"key"}
                assert changed
                assert changed <= {"1", "2", "3", "8", "34", "35"}
                known[str(item["key"])] |= item
    quote = virtual.exchange.board.quote("AMD")
    assert {name: quote[name] for name in ("1", "2", "3", "8", "34", "35")}.items() <= known["AMD"].items()


def test_acct_activity_confirms_with_an_empty_subscribed() -> None:
    virtual = Virtual()
    stream = logged_in(virtual)
    stream.send("ACCT_ACTIVITY", "SUBS", keys="Account Activity", fields=FIELDS)
    answer, data = taken(stream)
    assert msgspec.convert(answer["response"][0]["content"], dict)["code"] == 0
    (entry,) = data["data"]
    assert entry["content"] == [{"seq": 0, "key": "Account Activity", "1": "12345678", "2": "SUBSCRIBED", "3": ""}]


def run_script(settings: Settings) -> list[bytes]:
    virtual = Virtual(settings)
    stream = logged_in(virtual)
    stream.send("ACCT_ACTIVITY", "SUBS", keys="k", fields=FIELDS)
    stream.send("LEVELONE_EQUITIES", "SUBS", keys="F,AMD", fields="0,1,2,3,8")
    stream.send("NASDAQ_BOOK", "SUBS", keys="AMD", fields=FIELDS)
    virtual.run_ms(3_000)
    body = {
        "orderType": "MARKET",
        "session": "NORMAL",
        "duration": "DAY",
        "orderStrategyType": "SINGLE",
        "orderLegCollection": [
            {"instruction": "BUY", "quantity": 3000, "instrument": {"symbol": "F", "assetType": "EQUITY"}}
        ],
    }
    virtual.http("POST", virtual.orders_path, body=body)
    virtual.run_ms(20_000)
    return [frame.payload for frame in stream.take()]


def test_same_seed_and_same_requests_give_the_same_bytes() -> None:
    first = run_script(Settings(seed=9))
    assert len(first) > 40
    assert first == run_script(Settings(seed=9))
    assert first != run_script(replace(Settings(), seed=10))


def test_a_coarse_clock_gives_the_same_bytes_as_a_fine_one() -> None:
    def payloads(step_ms: int) -> list[bytes]:
        virtual = Virtual()
        stream = logged_in(virtual)
        stream.send("NYSE_BOOK", "SUBS", keys="F", fields=FIELDS)
        for _ in range(12_000 // step_ms):
            virtual.now_ns += step_ms * 1_000_000
            virtual.exchange.advance(virtual.now_ns)
        return [frame.payload for frame in stream.take()]

    assert payloads(1) == payloads(12_000)
