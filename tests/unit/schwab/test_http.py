"""The HTTP client: "not sent" is only what cannot have been sent; nothing is retried, followed or given away."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from leadline.core.errors import ConfigurationError
from leadline.schwab.http import AnswerLostError, Http, NotSentError, name_of
from support.scripted_broker import HASH
from support.scripted_server import Fault, Reply, ScriptedServer, Seen, serving

PATH = f"/trader/v1/accounts/{HASH}/orders?x=1"


@asynccontextmanager
async def asking(*answers: Reply | Fault, timeout_s: float = 0.8) -> AsyncIterator[tuple[Http, ScriptedServer]]:
    left = list(answers)

    async def answer(_: Seen) -> Reply | Fault:
        return left.pop(0) if len(left) > 1 else left[0]

    async with serving(answer) as server, Http(server.url, timeout_s) as http:
        yield http, server


async def test_an_answer_is_given_whatever_its_status() -> None:
    headers = {"Location": "https://elsewhere/1", "Schwab-Client-CorrelId": "c-1"}
    async with asking(Reply(418, b"tea", "text/x-tea", headers)) as (http, server):
        answer = await http.send("POST", PATH, {"X-Mine": "1"}, b"body")
    assert (answer.status, answer.body, answer.content_type) == (418, b"tea", "text/x-tea")
    assert (answer.location, answer.correlation_id) == ("https://elsewhere/1", "c-1")
    [seen] = server.seen
    assert (seen.method, seen.path, seen.body, seen.headers["x-mine"]) == ("POST", PATH, b"body", "1")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_redirect_is_an_answer_and_is_not_followed(method: str, status: int) -> None:
    async with asking(Reply(status, headers={"Location": "/elsewhere"})) as (http, server):
        assert (await http.send(method, PATH, {})).status == status
        assert len(server.seen) == 1


@pytest.mark.parametrize("fault", list(Fault))
async def test_once_the_request_was_read_no_fault_is_not_sent(fault: Fault) -> None:
    async with asking(fault) as (http, server):
        with pytest.raises(AnswerLostError) as caught:
            await http.send("POST", PATH, {}, b"{}")
        assert len(server.seen) == 1
    assert "POST /trader/v1/accounts/****/orders got no whole answer" in str(caught.value)
    assert HASH not in str(caught.value)


async def test_a_connection_closed_unread_is_not_known_to_be_not_sent() -> None:
    async with asking(Reply()) as (http, server):
        server.drops_unread = 1
        with pytest.raises(AnswerLostError):
            await http.send("POST", PATH, {}, b"{}")
        assert (server.connections, len(server.seen)) == (1, 0)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_what_changes_something_goes_once_over_a_reused_connection_that_dies(method: str) -> None:
    """aiohttp would send a DELETE again by itself when a kept-alive connection dies (reliability 3.9)."""
    async with asking(Reply(), Fault.CLOSE, Reply()) as (http, server):
        await http.send("GET", PATH, {})
        with pytest.raises(AnswerLostError):
            await http.send(method, PATH, {}, b"{}" if method == "POST" else None)
        assert len(server.of(method)) == 1
        assert server.of(method)[0].connection == 1


async def test_a_question_is_asked_once_more_over_a_new_connection() -> None:
    async with asking(Reply(), Fault.CLOSE, Reply()) as (http, server):
        await http.send("GET", PATH, {})
        assert (await http.send("GET", PATH, {})).status == 200
        assert [seen.connection for seen in server.seen] == [1, 1, 2]
    async with asking(Reply(), Fault.CLOSE, Fault.CLOSE, Reply()) as (http, server):
        await http.send("GET", PATH, {})
        with pytest.raises(AnswerLostError):
            await http.send("GET", PATH, {})
        assert len(server.seen) == 3


async def test_a_post_after_the_server_closed_an_idle_connection_goes_over_a_new_one() -> None:
    async with asking(Reply(closes=True)) as (http, server):
        await http.send("GET", PATH, {})
        await asyncio.sleep(0.05)
        assert (await http.send("POST", PATH, {}, b"{}")).status == 200
        assert [seen.connection for seen in server.seen] == [1, 2]


async def test_requests_share_a_warm_connection() -> None:
    async with asking(Reply()) as (http, server):
        for _ in range(5):
            await http.send("GET", PATH, {})
        assert server.connections == 1


async def test_a_closed_port_is_not_sent_and_says_where() -> None:
    async with asking(Reply()) as (http, server):
        await server.stop()
        with pytest.raises(NotSentError) as caught:
            await http.send("POST", PATH, {}, b"{}")
    assert str(caught.value).startswith(f"{server.url}: no connection (")
    assert "SCHWAB_BASE_URL" in str(caught.value)


async def test_a_connection_that_never_comes_is_not_sent_before_the_time_is_over() -> None:
    """TLS that hangs stands for a packet filter that drops: the connection is not made, so nothing has left."""
    async with asking(Reply()) as (_, server):  # speaks no TLS: it waits for a request that never comes
        async with Http(f"https://127.0.0.1:{server.port}", 1.0) as http:
            with pytest.raises(NotSentError) as caught:
                await http.send("POST", PATH, {}, b"{}")
        assert HASH not in str(caught.value)
        assert not server.seen


async def test_a_tls_handshake_that_breaks_is_not_sent() -> None:
    async with asking(Reply()) as (_, server):
        server.drops_unread = 1
        async with Http(f"https://127.0.0.1:{server.port}", 1.0) as http:
            with pytest.raises(NotSentError):
                await http.send("POST", PATH, {}, b"{}")


async def test_a_slow_answer_is_lost_when_the_time_is_over() -> None:
    async with asking(Fault.STALL, timeout_s=0.2) as (http, _):
        begun_s = time.monotonic()
        with pytest.raises(AnswerLostError):
            await http.send("POST", PATH, {}, b"{}")
        assert time.monotonic() - begun_s >= 0.18


@pytest.mark.parametrize("url", ["", "api.schwabapi.com", "ftp://x", "http://", "https://"])
def test_what_is_no_address_is_a_usage_error(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SCHWAB_BASE_URL"):
        Http(url, 1)


def test_a_slash_at_the_end_of_the_address_is_harmless() -> None:
    assert Http("https://api.schwabapi.com/", 1).base_url == "https://api.schwabapi.com"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (f"/trader/v1/accounts/{HASH}/orders/12?a=b", "/trader/v1/accounts/****/orders/12"),
        (f"/trader/v1/accounts/{HASH}?fields=positions", "/trader/v1/accounts/****"),
        ("/trader/v1/accounts/accountNumbers", "/trader/v1/accounts/accountNumbers"),
        ("/marketdata/v1/quotes?symbols=F", "/marketdata/v1/quotes"),
    ],
)
def test_a_path_is_named_without_the_hash(path: str, name: str) -> None:
    assert name_of(path) == name
