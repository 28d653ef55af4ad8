"""An order from its one POST to its end, over real sockets, in every way the broker can fail (reliability 4, 8)."""

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from leadline.clock import SystemClock
from leadline.core.alerts import Alert
from leadline.core.fills import Fill
from leadline.core.imbalance import Direction
from leadline.core.intent import Intent, Purpose
from leadline.core.market import Listing, Market, Service
from leadline.core.orders import ENDED, LEGAL_MOVES, Instruction, Order, OrderState, OrderType
from leadline.core.ports import OrderNews
from leadline.schwab.auth import Login
from leadline.schwab.executor import SchwabOrderExecutor, Timing
from leadline.schwab.http import Http
from leadline.schwab.rest import Rest
from support.scripted_broker import (
    ACCESS,
    APP_SECRET,
    CLIENT_ID,
    HASH,
    LOCATION,
    REFRESH,
    Broker,
    Step,
    ago,
    broker_serving,
    fill,
    token_file,
)
from support.scripted_server import Fault, Reply, ScriptedServer, reply

S = OrderState
FAST = Timing(
    fill_timeout_s=0.25,
    poll_first_s=0.01,
    poll_max_s=0.03,
    cancel_again_s=0.05,
    cancel_again_max_s=0.1,
    unconfirmed_s=0.1,
    search_waits_s=(0.02, 0.02, 0.02),
    lost_wait_s=0.03,
    too_many_s=0.05,
    too_many_max_s=0.1,
)
TIMEOUT_S = 0.8
CLOCK = SystemClock()
ALERT = Alert(
    "F", Direction.BID_HEAVY, 9, 3, 5, 6, 1_382_500, 138_200, 138_300, 1, None, 1, None, Service.NYSE_BOOK, 1, 1
)


def order(
    instruction: Instruction = Instruction.BUY, qty: int = 100, limit: int | None = 138_300, symbol: str = "F"
) -> Order:
    return Order(symbol, instruction, qty, OrderType.MARKET if limit is None else OrderType.LIMIT, limit)


def intent(wanted: Order | None = None, key: str = "live-1-1-1", purpose: Purpose = Purpose.OPEN) -> Intent:
    return Intent(key, 1, "live", 1, ALERT, 1, purpose, wanted or order(), CLOCK.wall_ns(), "c0ffee", "0.1.0")


@dataclass
class Rig:
    """An executor over a scripted broker, and all that it told, by intent."""

    broker: Broker
    server: ScriptedServer
    rest: Rest
    executor: SchwabOrderExecutor
    market: Market
    told: dict[str, list[OrderNews]] = field(default_factory=dict)
    on_news: Callable[[OrderNews], None] = lambda news: None

    def tell(self, key: str) -> Callable[[OrderNews], None]:
        news_of_it = self.told.setdefault(key, [])

        def told(news: OrderNews) -> None:
            news_of_it.append(news)
            self.on_news(news)

        return told

    def send(self, wanted: Intent | None = None) -> Intent:
        wanted = wanted or intent()
        self.executor.execute(wanted, self.tell(wanted.key))
        return wanted

    async def until(self, state: OrderState, key: str = "live-1-1-1", within_s: float = 8) -> OrderNews:
        end_s = time.monotonic() + within_s
        while True:
            for news in self.told.get(key, []):
                if news.state is state:
                    return news
            assert time.monotonic() < end_s, f"{state} was not told, only {self.states(key)}"
            await asyncio.sleep(0.005)

    async def finished(self, within_s: float = 8) -> None:
        end_s = time.monotonic() + within_s
        while self.executor.unfinished:
            assert time.monotonic() < end_s, f"still at it: {self.told}"
            await asyncio.sleep(0.005)

    def states(self, key: str = "live-1-1-1") -> list[OrderState]:
        return [news.state for news in self.told.get(key, [])]

    def fills(self, key: str = "live-1-1-1") -> dict[str, Fill]:
        """Book as the ledger does: once by key."""
        return {fill.key: fill for news in self.told[key] for fill in news.fills}

    @property
    def posts(self) -> int:
        return len(self.server.of("POST", "/orders"))

    def check(self) -> None:
        """What holds in every story: one POST an intent, never a PUT, and only legal moves told."""
        assert self.posts == len({key for key, news in self.told.items() if S.NOT_SENT not in self.states(key)})
        assert not self.server.of("PUT")
        for news in self.told.values():
            state = S.SENDING
            for one in news:
                assert one.state is state or one.state in LEGAL_MOVES[state], [n.state for n in news]
                state = one.state


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with broker_serving() as (broker, server), Http(server.url, TIMEOUT_S) as http:
        rest = Rest(http, Login(http, token_file(tmp_path / "token.json"), CLIENT_ID, APP_SECRET, CLOCK, retry_s=0.01))
        market = Market(60_000_000_000)
        rig = Rig(broker, server, rest, SchwabOrderExecutor(rest, HASH, market, CLOCK, FAST), market)
        yield rig
        await rig.executor.settle(0)


def only_order(rig: Rig) -> dict[str, Any]:
    assert len(rig.broker.orders) == 1
    return next(iter(rig.broker.orders.values()))


# --- the request


async def test_the_post_is_the_minimal_equity_order_with_the_price_as_a_text(rig: Rig) -> None:
    rig.broker.fills_new_at = 13.82
    rig.send(intent(order(Instruction.SELL_SHORT, 40, 138_300)))
    await rig.finished()
    post = rig.server.of("POST")[0]
    assert post.path == f"/trader/v1/accounts/{HASH}/orders"
    assert post.headers["authorization"] == f"Bearer {ACCESS}"
    assert post.headers["content-type"] == "application/json"
    assert post.json == {
        "orderType": "LIMIT",
        "session": "NORMAL",
        "duration": "DAY",
        "orderStrategyType": "SINGLE",
        "price": "13.83",
        "orderLegCollection": [
            {"instruction": "SELL_SHORT", "quantity": 40, "instrument": {"symbol": "F", "assetType": "EQUITY"}}
        ],
    }
    rig.check()


async def test_a_market_order_has_no_price_and_the_listing_s_asset_type(rig: Rig) -> None:
    rig.broker.fills_new_at = 13.82
    rig.market.listings["SPY"] = Listing("SPY", "P", Service.NYSE_BOOK, asset_type="COLLECTIVE_INVESTMENT")
    rig.send(intent(order(limit=None, symbol="SPY")))
    await rig.finished()
    body = rig.server.of("POST")[0].json
    assert "price" not in body
    assert body["orderType"] == "MARKET"
    assert body["orderLegCollection"][0]["instrument"] == {"symbol": "SPY", "assetType": "COLLECTIVE_INVESTMENT"}


async def test_a_filled_order_is_told_with_its_times_id_and_price(rig: Rig) -> None:
    rig.broker.fills_new_at = 13.825
    before_ns = CLOCK.wall_ns()
    rig.send()
    await rig.finished()
    answered, *_, ended = rig.told["live-1-1-1"]
    order_id = str(only_order(rig)["orderId"])
    assert (answered.state, answered.http_status, answered.order_id) == (S.SENDING, 201, order_id)
    assert answered.sent_ns is not None
    assert answered.ack_ns is not None
    assert before_ns <= answered.sent_ns <= answered.ack_ns <= CLOCK.wall_ns()
    assert (ended.state, ended.order_id, ended.broker_status) == (S.FILLED, order_id, "FILLED")
    [one] = rig.fills().values()
    assert (one.qty, one.price_e6, one.order_id) == (100, 13_825_000, order_id)
    assert rig.executor.budget.last_minute(CLOCK.boot_ns()) == 1
    rig.check()


async def test_an_order_that_cannot_be_written_is_not_sent(rig: Rig) -> None:
    rig.send(intent(order(limit=138_350)))  # half a cent above one dollar
    await rig.finished()
    assert rig.states() == [S.NOT_SENT]
    assert rig.posts == 0


# --- what an answer proves

LOST_ANSWERS = [
    *Fault,
    *(Reply(status) for status in (200, 202, 204, 408, 409, 500, 502, 503, 504)),
    Reply(301, headers={"Location": f"{LOCATION}/1"}),
    Reply(307, headers={"Location": f"{LOCATION}/1"}),
    Reply(200, b"<HTML><H1>Access Denied</H1></HTML>", "text/html"),
    Reply(201),
    Reply(201, headers={"Location": f"{LOCATION}/"}),
    Reply(201, headers={"Location": f"{LOCATION}/not-a-number"}),
    Reply(201, headers={"Location": f"{LOCATION}/١٢"}),
    Reply(500, b'{"message":"Internal","errors":[]}'),
]


def named(answer: object) -> str:
    if isinstance(answer, Reply):
        return f"{answer.status}-{answer.content_type[-4:]}-{answer.headers.get('Location', '')[-3:]}"
    return str(getattr(answer, "name", answer))


@pytest.mark.parametrize("answer", LOST_ANSWERS, ids=named)
async def test_an_accepted_order_without_an_answer_is_found_and_followed(rig: Rig, answer: Reply | Fault) -> None:
    rig.broker.plan("PLACE", Step(answer))
    rig.broker.fills_new_at = 13.82
    rig.send()
    await rig.finished()
    assert rig.states() == [S.UNKNOWN, S.FILLED]
    assert sum(one.qty for one in rig.fills().values()) == 100
    rig.check()


@pytest.mark.parametrize("answer", LOST_ANSWERS, ids=named)
async def test_a_lost_order_without_an_answer_is_presumed_lost_and_never_sent_again(
    rig: Rig, answer: Reply | Fault
) -> None:
    rig.broker.plan("PLACE", Step(answer, works=False))
    rig.send()
    await rig.until(S.LOST_PRESUMED)
    await asyncio.sleep(0.1)
    assert rig.states() == [S.UNKNOWN, S.LOST_PRESUMED]
    assert len(rig.server.of("GET", "/orders?")) >= len(FAST.search_waits_s)
    rig.check()


async def test_a_connection_closed_before_reading_counts_as_unknown_and_is_not_tried_again(rig: Rig) -> None:
    rig.server.drops_unread = 1
    rig.send()
    await rig.until(S.LOST_PRESUMED)
    assert rig.states() == [S.UNKNOWN, S.LOST_PRESUMED]
    assert rig.posts == 0  # it was dropped unread, and there was no second one


async def test_a_post_on_a_dead_kept_alive_connection_is_not_retried_by_the_library(rig: Rig) -> None:
    await rig.rest.account_numbers()  # warms the connection that the POST will use
    rig.broker.plan("PLACE", Step(Fault.CLOSE))
    rig.broker.fills_new_at = 13.82
    rig.send()
    await rig.finished()
    assert rig.server.of("POST")[0].connection == rig.server.of("GET")[0].connection
    assert rig.states() == [S.UNKNOWN, S.FILLED]
    rig.check()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_a_refusal_is_final_and_says_why(rig: Rig, status: int) -> None:
    rig.broker.plan("PLACE", Step(reply({"message": "No.", "errors": ["too small"]}, status), works=False))
    rig.send()
    await rig.finished()
    [news] = rig.told["live-1-1-1"]
    assert (news.state, news.http_status, news.reason) == (S.REFUSED, status, "No.; too small")
    assert not rig.server.of("GET")
    rig.check()


async def test_a_401_refreshes_the_login_once_for_the_next_order_and_sends_nothing_again(rig: Rig) -> None:
    rig.broker.plan("PLACE", Step(reply({"errors": [{"status": 401, "title": "Unauthorized"}]}, 401), works=False))
    rig.broker.fills_new_at = 13.82
    rig.send()
    await rig.until(S.REFUSED)
    rig.send(intent(key="live-1-2-1"))
    await rig.finished()
    assert rig.broker.tokens == 1
    tokens = [seen.headers["authorization"] for seen in rig.server.of("POST", "/orders")]
    assert tokens == [f"Bearer {ACCESS}", "Bearer canary-access-1"]
    rig.check()


async def test_too_many_requests_is_a_refusal_once_a_list_shows_nothing(rig: Rig) -> None:
    rig.broker.plan("PLACE", Step(Reply(429), works=False))
    rig.send()
    await rig.finished()
    assert rig.states() == [S.REFUSED]
    assert len(rig.server.of("GET", "/orders?")) == 1
    rig.check()


async def test_too_many_requests_is_unknown_where_the_order_or_no_list_shows(rig: Rig) -> None:
    rig.broker.fills_new_at = 13.82
    rig.broker.plan("PLACE", Step(Reply(429)))
    rig.send()
    await rig.finished()
    assert rig.states() == [S.UNKNOWN, S.FILLED]
    await asyncio.sleep(FAST.too_many_max_s)  # until the broker is asked for orders again
    rig.broker.plan("PLACE", Step(Reply(429)))
    rig.broker.plan("LIST", Step(Reply(429)))
    rig.send(intent(key="live-1-2-1"))
    await rig.finished()
    assert rig.states("live-1-2-1") == [S.UNKNOWN, S.FILLED]
    rig.check()


async def test_nothing_leaves_without_a_connection(rig: Rig) -> None:
    await rig.server.stop()
    rig.send()
    await rig.finished()
    [news] = rig.told["live-1-1-1"]
    assert news.state is S.NOT_SENT
    assert news.reason is not None
    assert "no connection" in news.reason


@pytest.mark.parametrize("breaks", [True, False])
async def test_a_tls_handshake_that_breaks_or_hangs_is_not_sent(rig: Rig, breaks: bool) -> None:
    rig.server.drops_unread = int(breaks)  # it speaks no TLS: unless it hangs up it waits for a request
    async with Http(f"https://127.0.0.1:{rig.server.port}", TIMEOUT_S) as http:
        executor = SchwabOrderExecutor(Rest(http, rig.rest.login), HASH, rig.market, CLOCK, FAST)
        wanted = intent()
        executor.execute(wanted, rig.tell(wanted.key))
        await rig.until(S.NOT_SENT)
        assert rig.states() == [S.NOT_SENT]


async def test_a_tls_fault_after_the_request_left_is_never_not_sent(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ssl.SSLError is an OSError that can come while the answer is read: it must not read as "nothing left"."""

    def fail(*_: object) -> None:
        raise ssl.SSLError("record layer failure")

    monkeypatch.setattr(aiohttp.ClientResponse, "read", fail)
    rig.send()
    await rig.until(S.UNKNOWN)
    assert S.NOT_SENT not in rig.states()
    rig.check()


# --- the search


async def test_two_orders_that_match_are_never_adopted_nor_touched(rig: Rig) -> None:
    rig.broker.plan("PLACE", Step(Fault.CLOSE, then=lambda: rig.broker.add(dict(rig.server.of("POST")[0].json))))
    rig.send()
    news = await rig.until(S.LOST_PRESUMED)
    await asyncio.sleep(FAST.fill_timeout_s * 1.5)
    assert news.reason == "2 orders at the broker match it"
    assert [order["status"] for order in rig.broker.orders.values()] == ["WORKING", "WORKING"]
    assert not rig.server.of("DELETE")
    rig.check()


async def test_a_known_hand_trade_drops_out_of_the_match(rig: Rig) -> None:
    def by_hand() -> None:
        order_id = rig.broker.add(rig.server.of("POST")[0].json)
        rig.broker.orders[order_id]["tag"] = "API_TOS:IPHONE"

    rig.broker.fills_new_at = 13.82
    rig.broker.plan("PLACE", Step(Fault.CLOSE, then=by_hand))
    rig.send()
    await rig.finished()
    assert rig.states() == [S.UNKNOWN, S.FILLED]
    assert rig.told["live-1-1-1"][-1].order_id == str(next(iter(rig.broker.orders)))


async def test_a_missing_tag_never_excludes(rig: Rig) -> None:
    rig.broker.plan("PLACE", Step(Fault.CLOSE, then=lambda: only_order(rig).pop("tag")))
    rig.broker.fills_new_at = 13.82
    rig.send()
    await rig.finished()
    assert rig.states() == [S.UNKNOWN, S.FILLED]


@pytest.mark.parametrize(
    ("change", "entered_s"),
    [
        ({"price": "13.84"}, 0),
        ({"price": None}, 0),
        ({"orderType": "MARKET"}, 0),
        ({"instruction": "SELL"}, 0),
        ({"quantity": 99}, 0),
        ({"symbol": "GM"}, 0),
        ({"legs": 2}, 0),
        ({}, -10),  # entered before our send
        ({}, 120),  # entered by someone long after it
    ],
    ids=str,
)
async def test_an_order_that_differs_in_a_field_or_in_time_is_not_adopted(
    rig: Rig, change: dict[str, Any], entered_s: float
) -> None:
    body: dict[str, Any] = {
        "orderType": change.get("orderType", "LIMIT"),
        "price": change.get("price", "13.83"),
        "orderLegCollection": [
            {
                "instruction": change.get("instruction", "BUY"),
                "quantity": change.get("quantity", 100),
                "instrument": {"symbol": change.get("symbol", "F"), "assetType": "EQUITY"},
            }
        ]
        * change.get("legs", 1),
    }
    if body["price"] is None:
        del body["price"]
    rig.broker.add(body, entered=ago(-entered_s))
    rig.broker.plan("PLACE", Step(Fault.CLOSE, works=False))
    rig.send()
    await rig.until(S.LOST_PRESUMED)
    assert rig.states() == [S.UNKNOWN, S.LOST_PRESUMED]


async def test_a_list_with_strange_orders_does_not_hide_ours(rig: Rig) -> None:
    rig.broker.plan("PLACE", Step(Fault.CLOSE))
    rig.broker.orders[1] = {"orderId": 1, "orderStrategyType": "OCO", "childOrderStrategies": [{"orderId": 2}]}
    rig.broker.orders[3] = {
        "orderId": 3,
        "status": "WORKING",
        "orderLegCollection": [{"instrument": {"assetType": "FIXED_INCOME", "cusip": "912797"}}],
        "orderActivityCollection": [{"activityType": "EXECUTION", "executionLegs": [{"legId": 1, "quantity": 5.5}]}],
    }
    rig.broker.listed.update({1: 0, 3: 0})
    rig.broker.fills_new_at = 13.82
    rig.send()
    await rig.finished()
    assert rig.states() == [S.UNKNOWN, S.FILLED]


async def test_a_failed_list_is_never_not_found(rig: Rig) -> None:
    faults: list[Reply | Fault] = [
        Reply(500),
        Reply(200, b"<HTML/>", "text/html"),
        reply({"message": "no list"}),
        Fault.CLOSE,
        Fault.CLOSE,  # asked again by the library: a GET may be
        Fault.MID_BODY,
    ]
    rig.broker.plan("PLACE", Step(Fault.CLOSE))
    rig.broker.plan("LIST", *(Step(fault) for fault in faults))
    rig.broker.fills_new_at = 13.82
    rig.send()
    await rig.finished()
    assert rig.states() == [S.UNKNOWN, S.FILLED]
    rig.check()


async def test_an_order_listed_late_is_adopted_then_cancelled_and_never_sent_again(rig: Rig) -> None:
    rig.broker.listed_after_s = 0.4
    rig.broker.plan("PLACE", Step(Fault.CLOSE))
    rig.send()
    await rig.until(S.LOST_PRESUMED)
    await rig.until(S.CANCELED)
    await rig.finished()
    assert rig.states() == [S.UNKNOWN, S.LOST_PRESUMED, S.WORKING, S.CANCELED]
    rig.check()


async def test_an_owned_order_is_no_match_for_another_intent(rig: Rig) -> None:
    """Two equal intents, the second lost: the first one's order must not be taken for it."""
    rig.send()
    await rig.until(S.WORKING)
    rig.broker.plan("PLACE", Step(Fault.CLOSE, works=False))
    rig.send(intent(key="live-1-2-1"))
    await rig.until(S.LOST_PRESUMED, "live-1-2-1")
    assert rig.states("live-1-2-1") == [S.UNKNOWN, S.LOST_PRESUMED]
    rig.check()


# --- a Location that lies


async def test_a_location_that_names_a_foreign_order_is_not_believed_and_that_order_not_touched(rig: Rig) -> None:
    foreign = rig.broker.add(
        {
            "orderType": "LIMIT",
            "price": "250.00",
            "orderLegCollection": [
                {"instruction": "BUY", "quantity": 3, "instrument": {"symbol": "AAPL", "assetType": "EQUITY"}}
            ],
        }
    )
    rig.broker.plan("PLACE", Step(Reply(201, headers={"Location": f"{LOCATION}/{foreign}"})))
    rig.send()
    await rig.until(S.CANCELED)
    await rig.finished()
    assert rig.states() == [S.SENDING, S.UNKNOWN, S.WORKING, S.CANCELED]
    assert rig.broker.orders[foreign]["status"] == "WORKING"
    assert not rig.server.of("DELETE", str(foreign))
    rig.check()


async def test_a_foreign_order_is_not_cancelled_while_its_id_cannot_be_checked(rig: Rig) -> None:
    foreign = rig.broker.add(
        {
            "orderType": "LIMIT",
            "price": "250.00",
            "orderLegCollection": [
                {"instruction": "BUY", "quantity": 3, "instrument": {"symbol": "AAPL", "assetType": "EQUITY"}}
            ],
        }
    )
    rig.broker.plan("PLACE", Step(Reply(201, headers={"Location": f"{LOCATION}/{foreign}"})))
    rig.broker.plan("ORDER", *[Step(Reply(503))] * 12)
    rig.send()
    await rig.until(S.CANCELED)
    assert rig.broker.orders[foreign]["status"] == "WORKING"
    assert not rig.server.of("DELETE", str(foreign))


async def test_a_location_that_names_an_equal_order_of_ours_is_not_believed(rig: Rig) -> None:
    rig.broker.fills_new_at = 13.82
    rig.send()
    await rig.finished()
    first = only_order(rig)["orderId"]
    rig.broker.plan("PLACE", Step(Reply(201, headers={"Location": f"{LOCATION}/{first}"})))
    rig.send(intent(key="live-1-2-1"))
    await rig.finished()
    assert rig.states("live-1-2-1") == [S.UNKNOWN, S.FILLED]
    assert not rig.fills().keys() & rig.fills("live-1-2-1").keys()
    rig.check()


async def test_a_location_that_names_an_old_equal_order_is_not_believed(rig: Rig) -> None:
    old = rig.broker.add(
        {
            "orderType": "LIMIT",
            "price": "13.83",
            "orderLegCollection": [
                {"instruction": "BUY", "quantity": 100, "instrument": {"symbol": "F", "assetType": "EQUITY"}}
            ],
        },
        entered=ago(3_600),
    )
    rig.broker.plan("PLACE", Step(Reply(201, headers={"Location": f"{LOCATION}/{old}"})))
    rig.broker.fills_new_at = 13.82
    rig.send()
    await rig.finished()
    assert rig.states() == [S.SENDING, S.UNKNOWN, S.FILLED]
    assert rig.told["live-1-1-1"][-1].order_id != str(old)


async def test_a_location_that_names_no_order_is_given_up_and_the_right_one_found(rig: Rig) -> None:
    rig.broker.plan("PLACE", Step(Reply(201, headers={"Location": f"{LOCATION}/999"})))
    rig.broker.fills_new_at = 13.82
    rig.send()
    await rig.finished()
    assert rig.states() == [S.SENDING, S.UNKNOWN, S.FILLED]
    assert not rig.server.of("DELETE")
    rig.check()


async def test_an_order_that_its_get_shows_late_is_still_ours(rig: Rig) -> None:
    rig.broker.plan("ORDER", *[Step(reply({"message": "Order not found."}, 404))] * 2)
    rig.broker.fills_new_at = 13.82
    rig.send()
    await rig.finished()
    assert rig.states() == [S.SENDING, S.FILLED]
    rig.check()


# --- following


async def test_fills_at_several_prices_are_told_as_they_come_and_booked_once(rig: Rig) -> None:
    rig.send(intent(order(limit=None)))
    await rig.until(S.WORKING)
    order_id = next(iter(rig.broker.orders))
    rig.broker.fill(order_id, fill(30, 13.80, "2026-11-24T15:00:01+0000"))
    await asyncio.sleep(0.1)
    assert [one.qty for one in rig.fills().values()] == [30]
    rig.broker.fill(
        order_id, fill(30, 13.81, "2026-11-24T15:00:01+0000"), fill(40, 13.8199, "2026-11-24T15:00:02+0000")
    )
    await rig.finished()
    booked = rig.fills().values()
    assert sorted((one.qty, one.price_e6) for one in booked) == [(30, 13_800_000), (30, 13_810_000), (40, 13_819_900)]
    assert rig.states()[-1] is S.FILLED
    rig.check()


async def test_a_late_limit_is_cancelled_and_the_cancel_s_execution_is_no_fill(rig: Rig) -> None:
    rig.send()
    await rig.until(S.WORKING)
    rig.broker.fill(next(iter(rig.broker.orders)), fill(25, 13.82))
    await rig.finished()
    news = rig.told["live-1-1-1"][-1]
    assert (news.state, [one.qty for one in news.fills]) == (S.CANCELED, [25])
    assert len(only_order(rig)["orderActivityCollection"]) == 2
    [delete] = rig.server.of("DELETE")
    waited_s = delete.at_s - rig.server.of("POST")[0].at_s
    assert FAST.fill_timeout_s <= waited_s < FAST.fill_timeout_s + 0.5
    assert rig.executor.budget.last_minute(CLOCK.boot_ns()) == 2
    rig.check()


async def test_a_market_order_is_never_cancelled(rig: Rig) -> None:
    rig.send(intent(order(limit=None)))
    await rig.until(S.WORKING)
    await asyncio.sleep(FAST.fill_timeout_s * 2)
    assert not rig.server.of("DELETE")


@pytest.mark.parametrize("answer", [Reply(200), reply({"message": "Order cannot be canceled."}, 400), Fault.STALL])
async def test_a_cancel_that_loses_the_race_is_a_fill(rig: Rig, answer: Reply | Fault) -> None:
    def filled_first() -> None:
        rig.broker.fill(next(iter(rig.broker.orders)), fill(100, 13.82))

    rig.broker.plan("CANCEL", Step(answer, works=False, then=filled_first))
    rig.send()
    await rig.finished()
    assert rig.states()[-1] is S.FILLED
    assert sum(one.qty for one in rig.fills().values()) == 100
    assert len(rig.server.of("DELETE")) == 1
    rig.check()


@pytest.mark.parametrize(
    "answer",
    [Fault.STALL, Fault.CLOSE, Fault.RESET, Reply(500), Reply(403, b"<HTML/>", "text/html"), Reply(400), Reply(429)],
    ids=named,
)
async def test_a_cancel_without_effect_is_asked_again_without_haste(rig: Rig, answer: Reply | Fault) -> None:
    twice = [Step(answer, works=False)] * (2 if answer in [Fault.CLOSE, Fault.RESET] else 1)
    rig.broker.plan("CANCEL", *twice)  # the library may repeat a DELETE by itself
    rig.send()
    await rig.finished()
    assert rig.states()[-1] is S.CANCELED
    assert 2 <= len(rig.server.of("DELETE")) <= 3
    rig.check()


async def test_a_cancel_that_is_always_refused_does_not_burn_the_budget(rig: Rig) -> None:
    rig.broker.plan("CANCEL", *[Step(Reply(429), works=False)] * 99)
    rig.send()
    await asyncio.sleep(FAST.fill_timeout_s + 0.5)
    deletes = rig.server.of("DELETE")
    assert 2 <= len(deletes) <= 7  # at 0, 0.05, then every 0.1 s
    assert len(rig.server.of("GET", "/orders/")) <= 50
    assert rig.executor.budget.last_minute(CLOCK.boot_ns()) == 1 + len(deletes)


async def test_a_cancel_with_a_dead_token_refreshes_it_and_is_asked_again(rig: Rig) -> None:
    rig.broker.plan("CANCEL", Step(Reply(401), works=False))
    rig.send()
    await rig.finished()
    assert rig.states()[-1] is S.CANCELED
    assert rig.broker.tokens == 1


async def test_a_pending_cancel_is_not_cancelled_again(rig: Rig) -> None:
    rig.broker.plan(
        "CANCEL", Step(Reply(200), works=False, then=lambda: only_order(rig).update(status="PENDING_CANCEL"))
    )
    rig.send()
    await rig.until(S.PENDING_CANCEL)
    await asyncio.sleep(0.25)
    assert len(rig.server.of("DELETE")) == 1
    only_order(rig)["status"] = "WORKING"  # the cancel was refused: back to working, so it is asked again
    await rig.finished()
    assert rig.states()[-1] is S.CANCELED


@pytest.mark.parametrize("status", ["PENDING_FOO", "UNKNOWN", "PENDING_ACKNOWLEDGEMENT", "AWAITING_RELEASE_TIME"])
async def test_a_status_that_does_not_end_an_order_counts_as_live(rig: Rig, status: str) -> None:
    rig.broker.status_of_new = status
    rig.send()
    await rig.finished()
    assert rig.states()[-1] is S.CANCELED
    assert len(rig.server.of("DELETE")) == 1
    rig.check()


async def test_a_rejection_after_the_201_is_told_with_the_broker_s_reason(rig: Rig) -> None:
    text = "Opening transactions for this security must be placed with a broker"
    rig.broker.plan("PLACE", Step(then=lambda: only_order(rig).update(status="REJECTED", statusDescription=text)))
    rig.send()
    await rig.finished()
    news = rig.told["live-1-1-1"][-1]
    assert (news.state, news.reason, news.fills) == (S.REJECTED, text, ())


async def test_an_end_is_not_believed_before_its_executions_are_there(rig: Rig) -> None:
    rig.send()
    await rig.until(S.WORKING)
    mine = only_order(rig)
    mine.update(status="FILLED", filledQuantity=100.0, remainingQuantity=0.0)
    await asyncio.sleep(0.3)
    assert not ENDED & set(rig.states())
    assert not rig.server.of("DELETE")  # by its own status there is nothing to cancel
    mine["orderActivityCollection"] = [fill(100, 13.82)]
    await rig.finished()
    assert rig.states()[-1] is S.FILLED


async def test_filled_without_quantities_is_not_believed(rig: Rig) -> None:
    rig.send()
    await rig.until(S.WORKING)
    mine = only_order(rig)
    mine["status"] = "FILLED"
    del mine["filledQuantity"]
    await asyncio.sleep(0.1)
    assert S.FILLED not in rig.states()


async def test_an_order_replaced_by_someone_keeps_its_fills_and_is_in_doubt(rig: Rig) -> None:
    """Its successor may fill (reliability 3.4): an end would let the trader send the rest again."""
    rig.send(intent(order(limit=None)))
    await rig.until(S.WORKING)
    rig.broker.fill(next(iter(rig.broker.orders)), fill(30, 13.82))
    only_order(rig)["status"] = "REPLACED"
    news = await rig.until(S.LOST_PRESUMED)
    assert [one.qty for one in news.fills] == [30]
    assert news.reason is not None
    assert "replaced at the broker" in news.reason
    assert not rig.server.of("DELETE")


async def test_an_order_that_vanishes_after_it_was_seen_is_asked_for_again(rig: Rig) -> None:
    rig.send(intent(order(limit=None)))
    await rig.until(S.WORKING)
    rig.broker.plan("ORDER", *[Step(reply({"message": "Order not found."}, 404))] * 8, *[Step(Reply(500))] * 3)
    await asyncio.sleep(0.2)
    rig.broker.fill(next(iter(rig.broker.orders)), fill(100, 13.82))
    await rig.finished()
    assert rig.states() == [S.SENDING, S.WORKING, S.FILLED]


async def test_an_execution_that_cannot_be_booked_puts_the_order_in_doubt_but_it_is_followed_on(rig: Rig) -> None:
    rig.broker.status_of_new = "WORKING"
    rig.send()
    rig.broker.plan("PLACE", Step(then=lambda: rig.broker.fill(next(iter(rig.broker.orders)), fill(10.5, 13.82))))
    news = await rig.until(S.UNKNOWN)
    assert news.reason is not None
    assert "10.5" in news.reason
    only_order(rig).update(orderActivityCollection=[], filledQuantity=0.0, remainingQuantity=100.0)
    await rig.until(S.CANCELED)


async def test_activity_makes_it_ask_at_once(rig: Rig) -> None:
    slow = Timing(fill_timeout_s=30, poll_first_s=30, poll_max_s=30)
    executor = SchwabOrderExecutor(rig.rest, HASH, rig.market, CLOCK, slow)
    rig.broker.fills_new_at = 13.82
    wanted = intent(order(limit=None))
    executor.execute(wanted, rig.tell(wanted.key))
    answered = await rig.until(S.SENDING)
    executor.wake("no such order")
    assert not rig.server.of("GET")
    assert answered.order_id is not None
    woken_s = time.monotonic()
    executor.wake(answered.order_id)
    await rig.until(S.FILLED)
    assert time.monotonic() - woken_s < 20, "it waited for its next turn, which is 30 s away"
    await executor.settle(0)


# --- the end of a run, and the start of the next


async def test_settling_leaves_exits_working_and_names_them(rig: Rig) -> None:
    wanted = rig.send(intent(order(Instruction.SELL, limit=None), purpose=Purpose.CLOSE))
    await rig.until(S.WORKING)
    begun_s = time.monotonic()
    assert await rig.executor.settle(0.1) == [wanted]
    assert time.monotonic() - begun_s >= 0.1
    assert only_order(rig)["status"] == "WORKING"
    assert not rig.server.of("DELETE")
    assert rig.executor.unfinished == []


@pytest.mark.parametrize("timeout_s", [0, 5])
async def test_settling_cancels_an_opening_whatever_time_it_had_left(rig: Rig, timeout_s: float) -> None:
    patient = msgspec.structs.replace(FAST, fill_timeout_s=300)
    executor = SchwabOrderExecutor(rig.rest, HASH, rig.market, CLOCK, patient)
    wanted = intent()
    executor.execute(wanted, rig.tell(wanted.key))
    await rig.until(S.WORKING)
    assert await executor.settle(timeout_s) == []
    assert only_order(rig)["status"] == "CANCELED"


async def test_requests_count_when_they_are_decided_not_when_they_are_sent(rig: Rig) -> None:
    """The alerts of one burst are all decided before the first order's task runs."""
    for number in range(3):
        rig.send(intent(order(qty=number + 1), key=f"live-1-{number}-1"))
        assert rig.executor.budget.last_minute(CLOCK.boot_ns()) == number + 1
    await rig.finished()


async def test_a_fill_after_the_end_is_told_when_activity_or_a_doubt_asks(rig: Rig) -> None:
    rig.send()
    await rig.finished()
    assert rig.states()[-1] is S.CANCELED
    late = only_order(rig)
    late["orderActivityCollection"] = [fill(100, 13.82)]
    late["filledQuantity"], late["status"] = 100.0, "FILLED"
    rig.executor.doubt("another symbol")
    await rig.finished()
    assert not rig.fills()
    rig.executor.wake(str(late["orderId"]))
    await rig.until(S.FILLED)
    assert [booked.qty for booked in rig.fills().values()] == [100]
    rig.check()


async def test_an_opening_that_was_decided_long_ago_is_not_sent_and_an_exit_is(rig: Rig) -> None:
    ago_ns = CLOCK.wall_ns() - 2_000_000_000
    rig.send(msgspec.structs.replace(intent(), decide_ns=ago_ns))
    await rig.until(S.NOT_SENT)
    exit_wanted = intent(order(Instruction.SELL), key="live-1-1-2", purpose=Purpose.CLOSE)
    rig.send(msgspec.structs.replace(exit_wanted, decide_ns=ago_ns))
    await rig.finished()
    assert rig.posts == 1


async def test_settling_waits_for_the_next_leg_that_an_end_begins(rig: Rig) -> None:
    """A late exit is cancelled, then goes to market: its POST must not be cut off by the end of the first."""

    def then_to_market(news: OrderNews) -> None:
        if news.state is S.CANCELED:
            rig.broker.fills_new_at = 13.80
            rig.send(intent(order(Instruction.SELL, limit=None), key="live-1-1-2"))

    rig.on_news = then_to_market
    rig.send(intent(order(Instruction.SELL)))
    assert await rig.executor.settle(2) == []
    assert rig.states("live-1-1-2")[-1] is S.FILLED
    rig.check()


async def test_settling_does_not_wait_for_what_is_presumed_lost(rig: Rig) -> None:
    rig.broker.plan("PLACE", Step(Fault.CLOSE, works=False))
    rig.send()
    await rig.until(S.LOST_PRESUMED)
    begun_s = time.monotonic()
    assert await rig.executor.settle(60) == []
    assert time.monotonic() - begun_s < 30


async def test_an_order_of_an_earlier_run_is_followed_by_its_id(rig: Rig) -> None:
    wanted = intent()
    order_id = rig.broker.add(
        {
            "orderType": "LIMIT",
            "price": "13.83",
            "orderLegCollection": [
                {"instruction": "BUY", "quantity": 100, "instrument": {"symbol": "F", "assetType": "EQUITY"}}
            ],
        }
    )
    rig.broker.fill(order_id, fill(100, 13.82))
    rig.executor.resume(wanted, str(order_id), rig.tell(wanted.key))
    await rig.finished()
    assert rig.states() == [S.FILLED]
    assert rig.posts == 0


async def test_an_order_of_an_earlier_run_without_an_id_is_in_doubt_at_once_and_searched(rig: Rig) -> None:
    wanted = intent()
    rig.executor.resume(wanted, None, rig.tell(wanted.key))
    await rig.until(S.UNKNOWN)
    await rig.until(S.LOST_PRESUMED)
    assert rig.posts == 0


async def test_an_unexpected_fault_ends_as_news_not_in_silence(rig: Rig) -> None:
    def break_once(news: OrderNews) -> None:
        if news.state is S.WORKING:
            raise RuntimeError("a bug of ours")

    rig.on_news = break_once
    rig.send()
    news = await rig.until(S.LOST_PRESUMED)
    assert news.reason is not None
    assert "look at the broker" in news.reason
    assert rig.executor.unfinished == []


# --- secrets


async def test_no_log_line_and_no_news_holds_a_token_a_secret_or_the_account_hash(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    echo = reply({"message": f"account {HASH} may not do this"}, 400)
    rig.broker.plan(
        "PLACE", Step(), Step(echo, works=False), *(Step(fault) for fault in Fault), Step(Reply(401), works=False)
    )
    rig.broker.plan("ORDER", Step(Reply(500)), Step(Reply(401)), Step(Fault.GARBAGE))
    rig.broker.plan("LIST", Step(Reply(503)), Step(Fault.STALL))
    rig.broker.plan("CANCEL", Step(Fault.STALL), Step(Fault.GARBAGE))
    for number in range(len(Fault) + 3):
        rig.send(intent(order(qty=100 + number), key=f"live-1-{number}-1"))
        await asyncio.sleep(0.02)
    await rig.finished(within_s=6)
    await rig.server.stop()
    rig.send(intent(key="live-1-99-1"))
    await rig.finished()
    text = caplog.text + repr(rig.told)
    assert "HTTP 201, Location https://api.schwabapi.com/trader/v1/accounts/****/orders/1005609024296" in text
    assert "corr-1" in text
    for secret in (HASH, ACCESS, REFRESH, APP_SECRET, "canary-access", "Bearer", "Basic"):
        assert secret not in text, secret
