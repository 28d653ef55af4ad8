"""Listings: asked at the start and each New York day, kept in a file that helps when the broker cannot be asked."""

import asyncio
import json
import logging
import os
from pathlib import Path

import pytest

from leadline.core.errors import AuthenticationError, BrokerAnswerError, ConfigurationError, UnreachableError
from leadline.core.market import Listing, Market, Service
from leadline.schwab.listing import Listings, renew
from support.trading import HandClock
from support.waiting import until

DAY_S = 86_400


def listing(symbol: str, exchange: str = "N", *, shortable: bool | None = True) -> Listing:
    service = Service.NASDAQ_BOOK if exchange == "Q" else Service.NYSE_BOOK
    return Listing(symbol, exchange, service, is_shortable=shortable, is_hard_to_borrow=False)


class Rig:
    def __init__(self, path: Path) -> None:
        self.path = path / "state" / "listings.json"
        self.clock = HandClock()
        self.answer: dict[str, Listing] | Exception = {"F": listing("F"), "AMD": listing("AMD", "Q")}
        self.asked: list[list[str]] = []

    async def ask(self, symbols: list[str]) -> dict[str, Listing]:
        self.asked.append(symbols)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def make(self) -> Listings:
        return Listings(self.path, self.ask, self.clock)

    async def start(self) -> dict[str, Listing]:
        return await self.make().at_start(["F", "AMD"])


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


DOWN = UnreachableError("no route")


async def test_the_broker_is_asked_at_every_start_and_the_file_is_not_believed_before_it(rig: Rig) -> None:
    await rig.start()
    rig.answer = {"F": listing("F", shortable=False), "AMD": listing("AMD", "Q")}
    assert (await rig.start())["F"].is_shortable is False
    assert len(rig.asked) == 2


@pytest.mark.parametrize("error", [DOWN, BrokerAnswerError("HTTP 503", status=503)])
async def test_a_file_of_today_serves_whole_when_the_broker_cannot_be_asked(
    rig: Rig, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    fresh = await rig.start()
    rig.answer = error
    assert await rig.start() == fresh
    assert "listings cannot be asked for" in caplog.text


async def test_an_older_file_serves_without_shortability(rig: Rig) -> None:
    await rig.start()
    rig.answer = DOWN
    rig.clock.pass_s(7 * DAY_S)
    kept = await rig.start()
    assert kept["AMD"].service is Service.NASDAQ_BOOK
    assert [(one.is_shortable, one.is_hard_to_borrow) for one in kept.values()] == [(None, None)] * 2


@pytest.mark.parametrize("days", [8, -1])
async def test_a_file_that_is_too_old_or_of_tomorrow_is_not_used(rig: Rig, days: int) -> None:
    await rig.start()
    rig.answer = DOWN
    rig.clock.pass_s(days * DAY_S)
    with pytest.raises(UnreachableError):
        await rig.start()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"format":1,"day":"x","listings":[]}', b'{"format":2,"day":"2026-11-17"}', None]
)
async def test_a_file_that_cannot_be_used_leaves_the_broker_s_error(rig: Rig, content: bytes | None) -> None:
    if content is not None:
        rig.path.parent.mkdir()
        rig.path.write_bytes(content)
    rig.answer = DOWN
    with pytest.raises(UnreachableError):
        await rig.start()


async def test_a_file_without_a_symbol_is_not_used(rig: Rig) -> None:
    await rig.start()
    rig.answer = DOWN
    with pytest.raises(UnreachableError):
        await rig.make().at_start(["F", "SOFI"])


@pytest.mark.parametrize("error", [ConfigurationError("unknown symbol"), AuthenticationError("no")])
async def test_what_the_broker_says_of_symbols_and_login_is_never_papered_over(rig: Rig, error: Exception) -> None:
    await rig.start()
    rig.answer = error
    with pytest.raises(type(error)):
        await rig.start()


async def test_a_file_that_cannot_be_written_costs_a_warning_and_leaves_the_old_one(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await rig.start()
    before = rig.path.read_bytes()

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    rig.answer = {"F": listing("F", "Q"), "AMD": listing("AMD", "Q")}
    assert (await rig.start())["F"].exchange == "Q"
    assert "No space left" in caplog.text
    assert rig.path.read_bytes() == before
    assert list(rig.path.parent.iterdir()) == [rig.path]


async def test_the_file_names_its_day(rig: Rig) -> None:
    await rig.start()
    assert json.loads(rig.path.read_bytes())["day"] == "2026-11-18"


# --- each day


async def test_they_are_asked_again_on_the_next_day_and_put_into_the_market(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    listings, market = rig.make(), Market(1)
    moved: list[list[str]] = []
    market.listings.update(await listings.at_start(["F", "AMD"]))
    task = asyncio.create_task(listings.keep_fresh(["F", "AMD"], market, 0.01, moved.append))
    await asyncio.sleep(0.1)
    assert len(rig.asked) == 1
    rig.answer = DOWN
    rig.clock.pass_s(DAY_S)
    await until(lambda: len(rig.asked) >= 3)  # it goes on asking
    assert market.listings["F"].is_shortable is True
    rig.answer = {"F": listing("F", shortable=False), "AMD": listing("AMD", "N")}
    await until(lambda: market.listings["F"].is_shortable is False)
    asked = len(rig.asked)
    await asyncio.sleep(0.1)
    assert len(rig.asked) == asked
    assert moved == [["AMD"]]
    assert "listing of F: exchange N, cannot be shorted" in caplog.text
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_symbol_that_moved_stays_on_its_old_service_and_cannot_be_shorted(caplog: pytest.LogCaptureFixture) -> None:
    market = Market(1)
    market.listings["AMD"] = listing("AMD", "Q")
    assert renew(market, {"AMD": listing("AMD", "N"), "F": listing("F")}) == ["AMD"]
    assert market.listings["AMD"].service is Service.NASDAQ_BOOK
    assert market.listings["AMD"].is_shortable is None
    assert market.listings["F"] == listing("F")
    assert "AMD has moved from NASDAQ_BOOK to NYSE_BOOK" in caplog.text
