"""Resting limits: a queue estimate served by traded volume, compared with a model of single shares; latencies."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simschwab.core.book import Book, Entry, levels_of
from simschwab.core.choices import Shape
from simschwab.core.dice import dice
from simschwab.core.latency import Latency
from simschwab.core.listing import Service
from simschwab.core.orders import Order, Status
from simschwab.core.resting import join, served
from simschwab.core.settings import Settings
from simschwab.core.throttle import Throttle
from simschwab.core.ticket import Duration, Instruction, OrderType, Ticket
from simschwab.core.times import NS_PER_MS, NS_PER_S
from simschwab.virtual import Virtual

LIMIT_E4 = 131_000
TICKET = Ticket("F", Instruction.BUY, OrderType.LIMIT, 100, LIMIT_E4, Duration.DAY, "NORMAL", on_increment=True)


def book(shown: int, *, buying: bool = True) -> Book:
    levels = levels_of([(LIMIT_E4, Entry("NYSE", shown, 0))] if shown else [], bids=buying)
    return Book("F", Service.NYSE_BOOK, 1, levels if buying else (), () if buying else levels)


def resting(shown: int, instruction: Instruction = Instruction.BUY) -> Order:
    order = Order(1, replace(TICKET, instruction=instruction), "TA_1", 0, Status.WORKING)
    join(order, book(shown, buying=instruction.buying))
    return order


def test_volume_at_the_price_serves_the_queue_first() -> None:
    order = resting(250)
    assert [served(order, LIMIT_E4, 100) for _ in range(4)] == [0, 0, 50, 100]


def test_volume_through_the_price_clears_the_queue() -> None:
    order = resting(1_000)
    assert served(order, LIMIT_E4 - 100, 30) == 30
    assert order.ahead == 0


def test_volume_on_the_other_side_of_the_limit_is_not_ours() -> None:
    assert served(resting(0), LIMIT_E4 + 100, 1_000) == 0
    assert served(resting(0, Instruction.SELL), LIMIT_E4 - 100, 1_000) == 0
    assert served(resting(0, Instruction.SELL), LIMIT_E4 + 100, 1_000) == 100


def test_a_smaller_level_shortens_the_wait_and_a_larger_one_does_not_lengthen_it() -> None:
    order = resting(500)
    join(order, book(900))
    assert order.ahead == 500
    join(order, book(120))
    assert order.ahead == 120


@given(st.integers(0, 300), st.lists(st.tuples(st.sampled_from([-1, 0, 1]), st.integers(1, 120)), max_size=12))
def test_the_queue_agrees_with_single_shares(shown: int, trades: list[tuple[int, int]]) -> None:
    order = resting(shown)
    queue = ["other"] * shown + ["ours"] * 100
    got = model = 0
    for ticks, volume in trades:
        shares = served(order, LIMIT_E4 + ticks * 100, volume)
        if ticks < 0:
            queue = [owner for owner in queue if owner == "ours"]
        if ticks <= 0:
            model += queue[:volume].count("ours")
            del queue[:volume]
        # The model's order shrinks by itself; here the broker would book the fill.
        order.ticket = replace(order.ticket, quantity=order.ticket.quantity - shares)
        got += shares
        assert got == model


def test_a_limit_that_rests_at_the_bid_is_filled_from_volume_at_its_price_and_later_than_one_ahead_of_it() -> None:
    virtual = Virtual(Settings(cash_dollars=10**8))
    stream = virtual.connect()
    stream.login()
    stream.send("NYSE_BOOK", "SUBS", keys="F", fields="0,1,2,3")
    virtual.run_ms(100)
    liquidity = virtual.exchange.board.liquidity("F")
    assert liquidity is not None
    bid_e4 = liquidity.book.bids[0].price_e4
    leg = {"instruction": "BUY", "quantity": 300, "instrument": {"symbol": "F", "assetType": "EQUITY"}}
    body = {
        "orderType": "LIMIT",
        "session": "NORMAL",
        "duration": "DAY",
        "orderStrategyType": "SINGLE",
        "price": f"{bid_e4 / 10_000:.2f}",
        "orderLegCollection": [leg],
    }
    for _ in range(2):
        assert virtual.http("POST", virtual.orders_path, body=body).status == 201
    virtual.run_ms(50)
    first, second = virtual.exchange.broker.orders.values()
    assert first.ahead is not None
    assert first.ahead > 0
    assert first.filled == 0
    virtual.run_ms(600_000)
    assert (first.status, second.status) == (Status.FILLED, Status.FILLED)
    assert first.fills[0].filled_ns <= second.fills[0].filled_ns
    assert all(fill.price_e4 <= bid_e4 for fill in [*first.fills, *second.fills])
    assert any(fill.price_e4 == bid_e4 for fill in first.fills)


@pytest.mark.parametrize("shape", list(Shape))
def test_latencies_keep_their_bounds_and_their_shape(shape: Shape) -> None:
    settings = Settings(order_latency_low_ms=10, order_latency_high_ms=110, order_latency_shape=shape)
    draws_ms = [Latency(settings, dice(seed, "x")).draw_ns() / NS_PER_MS for seed in range(4_000)]
    assert min(draws_ms) >= 10
    within = sum(draw_ms <= 110 for draw_ms in draws_ms) / len(draws_ms)
    assert within == 1 if shape is Shape.UNIFORM else 0.93 < within < 0.97
    median_ms = sorted(draws_ms)[len(draws_ms) // 2]
    expected_ms = {Shape.UNIFORM: 60, Shape.EXPONENTIAL: 33, Shape.LOGNORMAL: 35}[shape]
    assert abs(median_ms - expected_ms) < 4


@given(st.lists(st.integers(0, 40), max_size=80), st.integers(0, 6))
def test_a_throttle_serves_no_more_than_its_limit_in_any_minute(gaps_s: list[int], limit: int) -> None:
    throttle = Throttle(limit)
    now_s = 0
    served_s: list[int] = []
    for gap_s in gaps_s:
        now_s += gap_s
        recent = [moment_s for moment_s in served_s if moment_s > now_s - 60]
        admitted = throttle.admits(now_s * NS_PER_S)
        assert admitted == (limit == 0 or len(recent) < limit)
        if admitted:
            served_s.append(now_s)


def test_a_day_has_its_own_limit() -> None:
    throttle = Throttle(0, 3)
    assert [throttle.admits(n * 3600 * NS_PER_S) for n in (0, 1, 2, 3, 23, 24)] == [
        True,
        True,
        True,
        False,
        False,
        True,
    ]
