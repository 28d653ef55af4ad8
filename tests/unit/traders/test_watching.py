"""Exits without an alert: the same lane, risk, journal and executor; tried three times and then said, never a loop."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from leadline.core.exits import ExitRule
from leadline.core.imbalance import Direction
from leadline.core.intent import Cause, Intent, Purpose
from leadline.core.market import Touch
from leadline.core.orders import Instruction, OrderState, OrderType
from leadline.core.ports import OrderNews
from leadline.core.states import SymbolState, TradingState
from leadline.core.units import NS_PER_S
from leadline.store.alerts import Origin
from leadline.store.journal import Journal
from leadline.traders.ledger import Ledger
from leadline.traders.legs import Terms
from leadline.traders.paper import PaperExecutor, PaperTrader
from support.trading import LIMITS, POLICY, Bench

BUY, SHORT = Direction.BID_HEAVY, Direction.ASK_HEAVY
EXITS = ExitRule(stop_bps=100, take_profit_bps=200, time_stop_ns=60 * NS_PER_S)
ENTRY_E6 = 13_130_000
STOPPED = (129_900, 130_000)
"""A touch at which a long of 13.13 has lost more than 1 percent."""
CALM = (131_200, 131_300)


def bench_with(home: Path, exits: ExitRule = EXITS, **policy: Any) -> Bench:
    bench = Bench(home, msgspec.structs.replace(POLICY, exits=exits, **policy))
    bench.alert(BUY)
    bench.executor.fill(ENTRY_E6)
    return bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return bench_with(tmp_path)


def exits_of(bench: Bench) -> list[Intent]:
    return [intent for intent, _ in bench.executor.sent if intent.cause is not Cause.ALERT]


def test_a_stop_closes_by_a_recorded_intent_that_has_no_alert(bench: Bench) -> None:
    bench.touch(*CALM)
    assert not exits_of(bench)
    bench.touch(*STOPPED)
    [intent] = exits_of(bench)
    assert (intent.key, intent.alert_id, intent.alert, intent.cause) == ("live-1-stop1-1-1", 0, None, Cause.STOP)
    assert (intent.purpose, intent.order.instruction, intent.order.qty) == (Purpose.CLOSE, Instruction.SELL, 100)
    assert intent.order.limit == 129_900
    assert Journal(bench.journal.path, size_bytes=1 << 20).intents[-1] == intent
    bench.executor.fill(12_990_000)
    assert bench.position() == 0
    assert sorted(bench.dispositions()) == [1], "an exit without an alert has no disposition"


def test_a_gain_and_a_time_close_too(bench: Bench, tmp_path: Path) -> None:
    bench.touch(134_000, 134_100)
    assert [intent.cause for intent in exits_of(bench)] == [Cause.TAKE_PROFIT]
    other = bench_with(tmp_path / "other")
    other.clock.pass_s(59.9)
    other.touch(*CALM)
    assert not exits_of(other)
    other.clock.pass_s(0.1)
    other.touch(*CALM)
    assert [intent.cause for intent in exits_of(other)] == [Cause.TIME_STOP]


def test_a_short_is_stopped_at_the_ask(tmp_path: Path) -> None:
    bench = Bench(tmp_path, msgspec.structs.replace(POLICY, exits=EXITS))
    bench.alert(SHORT)
    bench.executor.fill(13_120_000)
    bench.touch(132_500, 132_600)
    [intent] = exits_of(bench)
    assert (intent.order.instruction, intent.order.limit) == (Instruction.BUY_TO_COVER, 132_600)


def test_with_nothing_set_nothing_is_watched(tmp_path: Path) -> None:
    bench = bench_with(tmp_path, ExitRule())
    bench.clock.pass_s(10**6)
    bench.touch(1_000, 1_100)
    bench.trader.watching.look()
    assert not exits_of(bench)
    assert not bench.trader.watching.held


@pytest.mark.parametrize("seen", [(129_900, 129_900), (130_000, 129_000)])
def test_a_crossed_book_stops_nothing(bench: Bench, seen: tuple[int, int]) -> None:
    bench.touch(*seen)
    assert not exits_of(bench)


def test_an_old_book_stops_nothing(bench: Bench) -> None:
    bench.quote("F", *STOPPED)
    bench.clock.pass_s(3.1)
    bench.trader.watching.look()
    assert not exits_of(bench)


def test_on_a_quiet_feed_time_closes_at_the_market(bench: Bench) -> None:
    """Lesson 41: no touch comes, and the position is closed all the same."""
    bench.clock.pass_s(60)
    bench.trader.watching.look()
    [intent] = exits_of(bench)
    assert (intent.cause, intent.order.order_type) == (Cause.TIME_STOP, OrderType.MARKET)


def test_the_timer_asks_for_nothing_where_nothing_can_be_due(bench: Bench, tmp_path: Path) -> None:
    """The engine's timer calls `look`: on a position it closes, without a rule it leaves it alone."""
    bench.clock.pass_s(60)
    bench.trader.look()
    assert [intent.cause for intent in exits_of(bench)] == [Cause.TIME_STOP]
    off = bench_with(tmp_path / "off", ExitRule())
    off.alert()
    off.executor.fill(13_130_000)
    off.clock.pass_s(600)
    off.trader.look()
    assert not exits_of(off)


def test_what_a_limit_did_not_close_goes_to_the_market_once_the_limit_is_confirmed_cancelled(bench: Bench) -> None:
    bench.touch(*STOPPED)
    for state in (OrderState.WORKING, OrderState.PENDING_CANCEL, OrderState.UNKNOWN):
        bench.executor.tell(state)
        bench.touch(*STOPPED)
        assert len(exits_of(bench)) == 1, state
    bench.executor.fill(12_990_000, qty=30, state="CANCELED")
    rest = exits_of(bench)[-1]
    assert (rest.key, rest.order.order_type, rest.order.qty) == ("live-1-stop1-2-1", OrderType.MARKET, 70)


def test_by_policy_no_exit_goes_to_the_market(tmp_path: Path) -> None:
    bench = bench_with(tmp_path, exit_to_market=False)
    bench.touch(*STOPPED)
    bench.executor.tell(OrderState.CANCELED)
    assert [intent.order.order_type for intent in exits_of(bench)] == [OrderType.LIMIT]


def test_three_tries_with_growing_waits_and_then_not_flat_is_said(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Lesson 31: a close that fails again and again must not become a stream of orders."""
    times: list[float] = []
    begun_ns = bench.clock.now_ns
    for _ in range(1_000):
        bench.touch(*STOPPED)
        if (bench.executor.sent[-1][0].key in bench.ledger.open_orders) and exits_of(bench):
            times.append((bench.clock.now_ns - begun_ns) / NS_PER_S)
            bench.executor.tell(OrderState.CANCELED)
            bench.executor.tell(OrderState.CANCELED)
        bench.clock.pass_s(0.1)
    assert times == [0, 2, 10]
    assert len(exits_of(bench)) == 6
    assert "NOT FLAT: F 100 shares are not closed by the stop" in caplog.text
    holding = bench.ledger.holding("F")
    assert holding.state is SymbolState.LOCKED
    assert "NOT FLAT: 100 shares" in (holding.reason or "")


def give_up(bench: Bench) -> None:
    for _ in range(3):
        bench.touch(*STOPPED)
        bench.executor.tell(OrderState.CANCELED)
        bench.executor.tell(OrderState.CANCELED)
        bench.clock.pass_s(9)
    bench.touch(*STOPPED)
    assert len(exits_of(bench)) == 6


def test_an_alert_lets_tries_count_anew(bench: Bench) -> None:
    give_up(bench)
    assert bench.disposition(bench.alert(BUY)) == "held"
    bench.touch(*STOPPED)
    assert len(exits_of(bench)) == 7


def test_once_flat_the_symbol_is_open_again_and_a_new_position_has_its_own_tries(bench: Bench) -> None:
    give_up(bench)
    bench.alert(SHORT)
    bench.executor.fill(13_120_000)
    bench.executor.tell(OrderState.CANCELED)
    assert bench.ledger.holding("F").state is SymbolState.OPEN
    bench.clock.pass_s(60)
    bench.alert(BUY)
    bench.executor.fill(ENTRY_E6)
    bench.touch(*STOPPED)
    assert len(exits_of(bench)) == 7


def test_a_rejected_exit_is_final_until_its_cause_has_gone_and_come_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.touch(*STOPPED)
    bench.executor.tell(OrderState.REJECTED, reason="oversold")
    assert "NOT FLAT: F 100 shares are not closed by the stop: the broker rejected the close: oversold" in caplog.text
    for _ in range(50):
        bench.clock.pass_s(1)
        bench.touch(*STOPPED)
    assert len(exits_of(bench)) == 1
    bench.touch(*CALM)
    bench.touch(*STOPPED)
    assert len(exits_of(bench)) == 2


def test_a_rejected_close_of_an_alert_is_final_for_the_engine_too(bench: Bench) -> None:
    bench.touch(*CALM)
    bench.alert(SHORT)
    bench.executor.tell(OrderState.REJECTED, reason="boxed")
    bench.touch(*STOPPED)
    assert not exits_of(bench)
    bench.touch(*CALM)
    bench.touch(*STOPPED)
    assert len(exits_of(bench)) == 1


def test_a_lost_exit_is_not_sent_again(bench: Bench) -> None:
    bench.touch(*STOPPED)
    bench.executor.tell(OrderState.LOST_PRESUMED, reason="not found")
    for _ in range(100):
        bench.clock.pass_s(1)
        bench.touch(*STOPPED)
    assert len(exits_of(bench)) == 1
    bench.executor.tell(OrderState.NOT_SENT, reason="it never arrived")
    bench.touch(*STOPPED)
    assert len(exits_of(bench)) == 2


def test_an_exit_that_cannot_be_recorded_is_said(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.journal.path.unlink()
    bench.touch(*STOPPED)
    assert not exits_of(bench)
    assert "NOT FLAT: F 100 shares, and their close was not sent" in caplog.text
    assert bench.trader.state is TradingState.REDUCING


def test_exits_pass_whatever_closes_entries(bench: Bench) -> None:
    bench.trader.close_entries("a test")
    bench.trader.hold_entries("feed", "a test")
    bench.market.stale = frozenset({"F"})
    bench.market.level_one("F").update(0, status="Halted")
    bench.touch(*STOPPED)
    assert len(exits_of(bench)) == 1


def test_nothing_is_closed_by_the_engine_once_it_stops(bench: Bench) -> None:
    bench.trader.stop()
    bench.touch(*STOPPED)
    assert not exits_of(bench)


# lanes


def partly_entered(home: Path) -> Bench:
    bench = Bench(home, msgspec.structs.replace(POLICY, exits=EXITS))
    bench.alert(BUY)
    bench.executor.fill(ENTRY_E6, qty=40, state="WORKING")
    return bench


def test_a_running_alert_goes_first_and_what_was_due_follows_whatever_the_touch_is_then(tmp_path: Path) -> None:
    bench = partly_entered(tmp_path)
    bench.touch(*STOPPED)
    assert not exits_of(bench)
    bench.touch(*CALM)
    bench.executor.tell(OrderState.CANCELED)
    [intent] = exits_of(bench)
    assert (intent.cause, intent.order.qty, intent.order.limit) == (Cause.STOP, 40, 131_200)


@pytest.mark.parametrize("direction", [BUY, SHORT])
def test_a_waiting_exit_is_not_superseded_by_a_waiting_alert(tmp_path: Path, direction: Direction) -> None:
    bench = partly_entered(tmp_path)
    bench.touch(*STOPPED)
    waiting = bench.alert(direction)
    bench.executor.tell(OrderState.CANCELED)
    assert [intent.cause for intent in exits_of(bench)] == [Cause.STOP]
    assert waiting not in bench.dispositions()
    bench.executor.fill(13_120_000)
    assert bench.disposition(waiting) == "traded", "flat: the alert opens, as it would have"
    assert bench.executor.sent[-1][0].purpose is Purpose.OPEN


def test_an_alert_waits_for_a_running_exit(bench: Bench) -> None:
    bench.touch(*STOPPED)
    waiting, newer = bench.alert(SHORT), bench.alert(SHORT)
    assert bench.disposition(waiting) == "superseded"
    bench.executor.fill(12_990_000)
    assert bench.disposition(newer) == "traded"
    assert bench.executor.sent[-1][0].order.instruction is Instruction.SELL_SHORT


def test_what_waits_is_dropped_once_the_alert_has_closed_it(bench: Bench) -> None:
    bench.touch(*CALM)
    bench.alert(SHORT)
    bench.touch(*STOPPED)
    bench.executor.fill(12_990_000)
    bench.executor.fill(12_990_000)
    assert (bench.position(), exits_of(bench)) == (-100, [])


def test_an_exit_that_never_came_to_the_broker_is_attempted_once_more(bench: Bench) -> None:
    bench.touch(*STOPPED)
    bench.executor.tell(OrderState.NOT_SENT, may_be_sent_again=True)
    bench.executor.tell(OrderState.NOT_SENT, may_be_sent_again=True)
    keys = [intent.key for intent in exits_of(bench)]
    assert keys[:2] == ["live-1-stop1-1-1", "live-1-stop1-1-2"]
    assert [intent.order.order_type for intent in exits_of(bench)] == [
        OrderType.LIMIT,
        OrderType.LIMIT,
        OrderType.MARKET,
    ]


# restarts


def test_after_a_restart_a_position_is_held_since_its_first_fill(tmp_path: Path) -> None:
    bench = Bench(tmp_path, msgspec.structs.replace(POLICY, exits=EXITS))
    bench.alert(BUY)
    fills = [bench.executor.fill_of(bench.executor.sent[0][0], ENTRY_E6, 40)]
    bench.executor.tell(OrderState.WORKING, fills=tuple(fills))
    bench.clock.pass_s(30)
    fills.append(bench.executor.fill_of(bench.executor.sent[0][0], ENTRY_E6, 60))
    bench.executor.tell(OrderState.FILLED, fills=tuple(fills))
    bench.restart()
    bench.clock.pass_s(29.9)
    bench.touch(*CALM)
    assert not exits_of(bench)
    bench.clock.pass_s(0.1)
    bench.touch(*CALM)
    assert [intent.key for intent in exits_of(bench)] == ["live-2-time_stop1-1-1"]


def test_an_exit_of_an_earlier_run_is_followed_and_no_second_one_sent(bench: Bench) -> None:
    bench.touch(*STOPPED)
    bench.restart()
    [(intent, _, told)] = bench.executor.resumed
    assert (intent.cause, intent.alert) == (Cause.STOP, None)
    rows = bench.store().execute_now("SELECT alert_id, purpose FROM orders ORDER BY alert_id DESC")
    assert rows == [(1, "open"), (0, "close")]
    bench.touch(*STOPPED)
    assert not exits_of(bench)
    told(OrderNews(OrderState.CANCELED, "o"))
    bench.clock.pass_s(2)
    bench.touch(*STOPPED)
    assert [again.key for again in exits_of(bench)] == ["live-2-stop1-1-1"]


# paper


async def test_a_paper_exit_is_not_filled_by_the_book_that_called_for_it(bench: Bench, tmp_path: Path) -> None:
    executor = PaperExecutor(bench.clock, latency_ms=0, fill_timeout_s=60, prefix="paper-1")
    ledger = Ledger(bench.ledger.book_of, bench.statements.append, bench.clock)
    trader = PaperTrader(
        Terms(1, bench.policy, LIMITS, Origin("boot", "hash", "0")),
        executor=executor,
        journal=Journal(tmp_path / "paper.journal", size_bytes=1 << 20, reserve_bytes=1 << 18),
        ledger=ledger,
        market=bench.market,
        put=bench.statements.append,
        clock=bench.clock,
    )
    trader.state = TradingState.ARMED
    bench.trader = trader
    bench.touch(*CALM)
    bench.alert(BUY)

    def see(bid: int, ask: int) -> int:
        bench.clock.pass_s(1)
        bench.market.touches["F"] = Touch(bid, ask, 500, 500, bench.clock.wall_ns(), bench.clock.boot_ns())
        trader.on_touch("F", bench.market.touches["F"])
        return ledger.holding("F").position.qty

    assert see(*CALM) == 100
    assert see(*STOPPED) == 100
    assert see(*STOPPED) == 0
