"""REST: typed answers, and for each way to fail an error that says which and why; never something empty instead."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from leadline.clock import SystemClock
from leadline.core.errors import BrokerAnswerError, ConfigurationError, UnreachableError
from leadline.core.market import Service
from leadline.schwab.auth import Login
from leadline.schwab.http import Answer, Http
from leadline.schwab.rest import Rest, message_of
from support.scripted_broker import APP_SECRET, CLIENT_ID, HASH, Broker, Step, broker_serving, token_file
from support.scripted_server import Fault, Reply, ScriptedServer, reply

AKAMAI = (
    b"<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\n \n"
    b"You don't have permission to access this server.<P>\nReference&#32;&#35;18&#46;0\n</BODY>\n</HTML>\n"
)
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@dataclass
class Rig:
    broker: Broker
    server: ScriptedServer
    rest: Rest


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with broker_serving() as (broker, server), Http(server.url, 0.8) as http:
        clock = SystemClock()
        yield Rig(broker, server, Rest(http, Login(http, token_file(tmp_path / "t"), CLIENT_ID, APP_SECRET, clock)))


def position(symbol: str, long: float = 0, short: float = 0) -> dict[str, Any]:
    return {
        "longQuantity": long,
        "shortQuantity": short,
        "averagePrice": 13.8,
        "instrument": {"assetType": "EQUITY", "cusip": "345370860", "symbol": symbol},
    }


# --- error bodies


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("application/json", '{"message":"Bad.","errors":["a is wrong","b too"]}', "Bad.; a is wrong; b too"),
        ("application/json", '{"message":"Bad."}', "Bad."),
        (
            "application/json",
            '{"errors":[{"id":"6-f","status":"400","title":"Bad Request","detail":"Too many symbols","source":{}}]}',
            "Too many symbols",
        ),
        (
            "application/json",
            '{"errors":[{"status":401,"title":"Unauthorized","detail":"Client not authorized"}]}',
            "Client not authorized",
        ),
        ("application/json", '{"errors":[{"status":401,"title":"Unauthorized"}]}', "Unauthorized"),
        (
            "application/json",
            '{"fault":{"faultstring":"Body buffer overflow","detail":{"errorcode":"protocol.http.TooBigBody"}}}',
            "Body buffer overflow",
        ),
        ("text/html", AKAMAI.decode(), "a body of text/html, not the broker's own"),
        ("application/json", "{", "an unreadable body"),
        ("application/json", "[]", "an unexpected body"),
        ("application/json", "{}", "no reason given"),
        ("application/json", '{"errors":[]}', "no reason given"),
        ("application/json", '{"errors":"odd"}', "no reason given"),
        ("application/json", f'{{"message":"no account {HASH} here"}}', "no account **** here"),
        ("application/problem+json", '{"message":"x"}', "x"),
    ],
)
def test_every_shape_of_error_body_gives_its_reason(content_type: str, body: str, text: str) -> None:
    assert message_of(Answer(400, body.encode(), content_type, None, None)) == text


def test_a_long_reason_is_cut() -> None:
    assert len(message_of(Answer(400, b'{"message":"%s"}' % (b"x " * 5_000), "application/json", None, None))) == 300


def test_a_gateway_fault_with_detail_says_its_fault_string() -> None:
    body = b'{"fault":{"faultstring":"Spike arrest violation","detail":{"errorcode":"policies.ratelimit"}}}'
    assert message_of(Answer(429, body, "application/json", None, None)) == "Spike arrest violation"


async def test_an_error_names_the_question_the_status_and_the_correlation_but_not_the_account(rig: Rig) -> None:
    headers = {"Schwab-Client-CorrelId": "corr-7"}
    rig.broker.plan("ORDER", Step(Reply(503, b'{"message":"Later."}', headers=headers)))
    with pytest.raises(BrokerAnswerError) as caught:
        await rig.rest.order(HASH, "12")
    assert str(caught.value) == "/trader/v1/accounts/****/orders/12: HTTP 503: Later. (correlation id corr-7)"
    assert caught.value.status == 503


# --- positions


async def test_positions_are_long_minus_short(rig: Rig) -> None:
    rig.broker.positions = [position("F", long=100), position("GM", short=40), position("T", 7, 7)]
    assert await rig.rest.positions(HASH) == {"F": 100, "GM": -40, "T": 0}
    assert rig.server.of("GET")[0].path == f"/trader/v1/accounts/{HASH}?fields=positions"


async def test_two_lines_of_a_symbol_are_added_up(rig: Rig) -> None:
    rig.broker.positions = [position("F", long=100), position("F", short=30)]
    assert await rig.rest.positions(HASH) == {"F": 70}


async def test_an_account_without_positions_is_flat(rig: Rig) -> None:
    assert await rig.rest.positions(HASH) == {}


@pytest.mark.parametrize(
    "answer",
    [
        Reply(500),
        Reply(503, b'{"message":"x"}'),
        Reply(403, AKAMAI, "text/html"),
        Reply(404, b'{"message":"Account not found."}'),
        Reply(302, headers={"Location": "/login"}),
        Reply(200),
        Reply(204),
        Reply(200, AKAMAI, "text/html"),
        reply({}),
        reply([]),
        reply(None),
        reply({"securitiesAccount": {}}),
        reply({"securitiesAccount": {"positions": []}}),
        reply({"securitiesAccount": {"accountNumber": "1", "positions": None}}),
        reply({"securitiesAccount": {"accountNumber": "1", "positions": [{"longQuantity": 5}]}}),
        reply({"securitiesAccount": {"accountNumber": "1", "positions": [position("F", long="5")]}}),  # type: ignore[arg-type]
        Fault.MID_BODY,
        Fault.STALL,
        Fault.BAD_GZIP,
    ],
    ids=str,
)
async def test_a_read_that_failed_is_never_a_flat_account(rig: Rig, answer: Reply | Fault) -> None:
    rig.broker.plan("ACCOUNT", Step(answer))
    with pytest.raises((BrokerAnswerError, UnreachableError)) as caught:
        await rig.rest.positions(HASH)
    assert HASH not in str(caught.value)


# --- orders


async def test_orders_are_listed_over_a_window_of_both_times(rig: Rig) -> None:
    assert await rig.rest.orders(HASH, 1_770_829_200_123_456_789, 1_770_829_201_000_000_000) == []
    path = rig.server.of("GET")[0].path
    assert path.endswith("orders?fromEnteredTime=2026-02-11T17:00:00.123Z&toEnteredTime=2026-02-11T17:00:01.000Z")
    assert re.search(f"fromEnteredTime={TIME}&toEnteredTime={TIME}$", path)


@pytest.mark.parametrize("answer", [Reply(500), reply({}), reply({"message": "x"}), Reply(200, AKAMAI, "text/html")])
async def test_a_list_that_failed_is_never_an_empty_one(rig: Rig, answer: Reply) -> None:
    rig.broker.plan("LIST", Step(answer))
    with pytest.raises(BrokerAnswerError):
        await rig.rest.orders(HASH, 0, 1)


async def test_an_order_that_says_nothing_but_its_id_is_read_as_unknown(rig: Rig) -> None:
    rig.broker.plan("ORDER", Step(reply({"orderId": 12})))
    order = await rig.rest.order(HASH, "12")
    assert (order.status, order.filled_quantity, order.order_leg_collection) == ("UNKNOWN", 0, [])


# --- listings


def quotes(**letters: str) -> Reply:
    answer: dict[str, Any] = {
        symbol: {
            "assetMainType": "EQUITY",
            "assetSubType": "COE",
            "quoteType": "NBBO",
            "realtime": True,
            "ssid": 1,
            "reference": {"exchange": letter, "exchangeName": "x", "isShortable": True, "isHardToBorrow": False},
        }
        for symbol, letter in letters.items()
    }
    return reply(answer)


async def test_the_letter_in_either_case_decides_the_book_service(rig: Rig) -> None:
    rig.broker.plan("QUOTES", Step(quotes(AMD="Q", SOFI="q", F="N", SPY="P", X="a", Y="Z")))
    listings = await rig.rest.listings(["AMD", "SOFI", "F", "SPY", "X", "Y"])
    nasdaq = {symbol for symbol, listing in listings.items() if listing.service is Service.NASDAQ_BOOK}
    assert nasdaq == {"AMD", "SOFI"}
    assert (listings["F"].is_shortable, listings["F"].is_hard_to_borrow, listings["F"].asset_type) == (
        True,
        False,
        "EQUITY",
    )


async def test_what_the_reference_does_not_say_of_shorting_is_unknown(rig: Rig) -> None:
    entry = {"assetMainType": "EQUITY", "reference": {"exchange": "N", "isShortable": None, "isHardToBorrow": "no"}}
    rig.broker.plan("QUOTES", Step(reply({"F": entry})))
    listing = (await rig.rest.listings(["F"]))["F"]
    assert (listing.is_shortable, listing.is_hard_to_borrow) == (None, None)


async def test_unknown_symbols_are_named(rig: Rig) -> None:
    answer = {
        "F": {"reference": {"exchange": "N"}},
        "HALF": {"assetMainType": "EQUITY"},
        "ODD": {"reference": {"exchange": 7}},
        "errors": {"invalidSymbols": ["NOPE"]},
    }
    rig.broker.plan("QUOTES", Step(reply(answer)))
    with pytest.raises(ConfigurationError) as caught:
        await rig.rest.listings(["F", "NOPE", "HALF", "ODD"])
    assert str(caught.value).startswith("SYMBOLS: the broker does not know NOPE, HALF, ODD;")


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (500, [500]), (501, [500, 1]), (1_200, [500, 500, 200])])
async def test_symbols_are_asked_for_500_at_a_time(rig: Rig, count: int, sizes: list[int]) -> None:
    symbols = [f"S{number}" for number in range(count)]
    assert list(await rig.rest.listings(symbols)) == symbols
    asked = [seen.path.partition("symbols=")[2].partition("&")[0].split(",") for seen in rig.server.of("GET")]
    assert [len(chunk) for chunk in asked] == sizes
    assert [symbol for chunk in asked for symbol in chunk] == symbols
    assert all("fields=reference" in seen.path for seen in rig.server.of("GET"))


async def test_a_failed_chunk_fails_the_whole(rig: Rig) -> None:
    rig.broker.plan("QUOTES", Step(), Step(Reply(403, AKAMAI, "text/html")))
    with pytest.raises(BrokerAnswerError, match="HTTP 403: a body of text/html"):
        await rig.rest.listings([f"S{number}" for number in range(501)])


# --- the streamer


async def test_the_streamer_and_the_permission_are_read(rig: Rig) -> None:
    rig.broker.has_level2 = False
    preference = await rig.rest.user_preference()
    assert preference.streamer_info[0].streamer_socket_url == rig.broker.ws_url
    assert preference.streamer_info[0].schwab_client_channel == "N9"
    assert preference.offers[0].has_level2 is False


async def test_a_login_without_a_streamer_is_said(rig: Rig) -> None:
    rig.broker.plan("PREFERENCE", Step(reply({"accounts": [], "streamerInfo": [], "offers": []})))
    with pytest.raises(BrokerAnswerError, match="no streamer is offered"):
        await rig.rest.user_preference()
