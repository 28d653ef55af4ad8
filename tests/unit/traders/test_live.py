"""The trader's lanes, the flip, and exactly one disposition an alert (design section 5)."""

from pathlib import Path

import msgspec
import pytest

from leadline.core.imbalance import Direction
from leadline.core.intent import Intent, Purpose
from leadline.core.orders import Instruction, OrderState, OrderType
from leadline.core.ports import OrderNews, Told
from leadline.core.states import SymbolState, TradingState
from leadline.store.journal import Journal
from leadline.traders.reconcile import compare
from support.trading import LIMITS, POLICY, Bench, HandExecutor, make_alert

BUY, SHORT = Direction.BID_HEAVY, Direction.ASK_HEAVY


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def long_position(bench: Bench) -> None:
    bench.alert(BUY)
    bench.executor.fill(13_130_000)
    assert bench.position() == 100


def test_an_entry_is_a_marketable_limit_at_the_touch_and_is_on_record_before_it_is_sent(bench: Bench) -> None:
    alert_id = bench.alert(BUY)
    [(intent, _)] = bench.executor.sent
    assert (intent.order.instruction, intent.order.qty, intent.order.order_type) == (
        Instruction.BUY,
        100,
        OrderType.LIMIT,
    )
    assert intent.order.limit == 131_300
    assert intent.purpose is Purpose.OPEN
    assert [known.key for known in Journal(bench.journal.path, size_bytes=1 << 20).intents] == [intent.key]
    assert bench.disposition(alert_id) == "traded"


def test_an_ask_heavy_alert_opens_short(bench: Bench) -> None:
    bench.alert(SHORT)
    [(intent, _)] = bench.executor.sent
    assert (intent.order.instruction, intent.order.limit) == (Instruction.SELL_SHORT, 131_200)


def test_an_alert_in_the_direction_of_the_position_is_held(bench: Bench) -> None:
    long_position(bench)
    again = bench.alert(BUY)
    assert len(bench.executor.sent) == 1
    assert bench.disposition(again) == "held"


def test_a_flip_closes_sees_the_fill_and_then_opens(bench: Bench) -> None:
    long_position(bench)
    flip = bench.alert(SHORT)
    close = bench.executor.sent[1][0]
    assert (close.order.instruction, close.order.qty, close.purpose) == (Instruction.SELL, 100, Purpose.CLOSE)
    assert flip not in bench.dispositions(), "nothing is settled before the last leg is decided"
    bench.executor.tell(OrderState.WORKING)
    assert len(bench.executor.sent) == 2, "no opening before the close is filled"
    bench.executor.fill(13_120_000)
    opening = bench.executor.sent[2][0]
    assert (opening.order.instruction, opening.order.qty) == (Instruction.SELL_SHORT, 100)
    assert bench.disposition(flip) == "traded"
    bench.executor.fill(13_120_000)
    assert bench.position() == -100


def test_the_opening_leg_is_priced_on_the_book_after_the_close(bench: Bench) -> None:
    long_position(bench)
    bench.alert(SHORT)
    bench.clock.pass_s(1)
    bench.quote(bid=130_900, ask=131_000)
    bench.executor.fill(13_120_000)
    assert bench.executor.sent[2][0].order.limit == 130_900


def test_a_close_that_fills_in_part_closes_the_rest_at_market(bench: Bench) -> None:
    long_position(bench)
    flip = bench.alert(SHORT)
    bench.executor.fill(13_120_000, qty=40, state="CANCELED")
    rest = bench.executor.sent[2][0].order
    assert (rest.instruction, rest.qty, rest.order_type) == (Instruction.SELL, 60, OrderType.MARKET)
    bench.executor.fill(13_110_000)
    assert bench.executor.sent[3][0].order.instruction is Instruction.SELL_SHORT
    assert bench.disposition(flip) == "traded"


def test_a_close_that_never_fills_opens_nothing(bench: Bench) -> None:
    long_position(bench)
    flip = bench.alert(SHORT)
    bench.executor.tell(OrderState.CANCELED)
    bench.executor.tell(OrderState.CANCELED)
    assert len(bench.executor.sent) == 3
    assert bench.disposition(flip) == "closed_only"
    assert bench.position() == 100


def test_a_flip_that_takes_too_long_only_closes(bench: Bench) -> None:
    long_position(bench)
    flip = bench.alert(SHORT)
    bench.clock.pass_s(10.001)
    bench.quote()
    bench.executor.fill(13_120_000)
    assert bench.disposition(flip) == "closed_only"
    assert bench.position() == 0


def test_with_shorting_off_an_opposite_alert_only_closes(tmp_path: Path) -> None:
    bench = Bench(tmp_path, msgspec.structs.replace(POLICY, shorting=False))
    long_position(bench)
    flip = bench.alert(SHORT)
    bench.executor.fill(13_120_000)
    assert bench.disposition(flip) == "closed_only"
    entry = bench.alert(SHORT)
    assert bench.disposition(entry) == "refused"


def test_a_blocked_entry_is_refused_and_a_blocked_flip_still_closes(bench: Bench) -> None:
    refused = bench.alert(BUY, entry_blocked_by="min_volume")
    assert bench.dispositions()[refused] == [("refused", "min_volume")]
    long_position(bench)
    flip = bench.alert(SHORT, entry_blocked_by="min_volume")
    assert bench.executor.sent[-1][0].purpose is Purpose.CLOSE
    bench.executor.fill(13_120_000)
    assert bench.disposition(flip) == "closed_only"


def test_one_alert_runs_one_waits_and_a_newer_one_takes_its_place(bench: Bench) -> None:
    running, waiting, newest = bench.alert(BUY), bench.alert(SHORT), bench.alert(BUY)
    assert bench.dispositions()[waiting] == [("superseded", f"by alert {newest}")]
    assert newest not in bench.dispositions()
    bench.executor.fill(13_130_000)
    assert (bench.disposition(running), bench.disposition(newest)) == ("traded", "held")


def test_symbols_do_not_wait_for_each_other(bench: Bench) -> None:
    bench.alert(BUY, "F")
    bench.alert(BUY, "SOFI")
    assert [intent.order.symbol for intent, _ in bench.executor.sent] == ["F", "SOFI"]


@pytest.mark.parametrize(("age_s", "expected"), [(2.0, "traded"), (2.001, "expired")])
def test_an_alert_past_its_time_to_live_opens_nothing(bench: Bench, age_s: float, expected: str) -> None:
    aged = bench.alert(BUY, boot_ns=bench.clock.boot_ns() - round(age_s * 1e9))
    assert bench.disposition(aged) == expected


def test_an_old_alert_that_waited_closes_and_only_closes(bench: Bench) -> None:
    bench.alert(BUY)
    waited = bench.alert(SHORT)
    bench.clock.pass_s(5)
    bench.quote()
    bench.executor.fill(13_130_000)
    assert bench.executor.sent[-1][0].purpose is Purpose.CLOSE
    bench.executor.fill(13_120_000)
    assert bench.disposition(waited) == "closed_only"
    assert bench.position() == 0


def test_an_old_alert_that_did_not_wait_does_nothing(bench: Bench) -> None:
    long_position(bench)
    aged = bench.alert(SHORT, boot_ns=bench.clock.boot_ns() - 3_000_000_000)
    assert len(bench.executor.sent) == 1
    assert bench.disposition(aged) == "expired"


def test_an_alert_that_waited_beyond_the_flip_time_expires(bench: Bench) -> None:
    bench.alert(BUY)
    waited = bench.alert(SHORT)
    bench.clock.pass_s(10.5)
    bench.quote()
    bench.executor.fill(13_130_000)
    assert bench.disposition(waited) == "expired"


def test_what_the_journal_refuses_is_not_sent(tmp_path: Path) -> None:
    bench = Bench(tmp_path, size_bytes=1 << 12, reserve_bytes=1 << 12)
    refused = bench.alert(BUY)
    assert bench.executor.sent == []
    [(disposition, reason)] = bench.dispositions()[refused]
    assert (disposition, reason is not None and reason.startswith("not recorded")) == ("refused", True)


def test_a_full_journal_refuses_openings_and_never_a_close(tmp_path: Path) -> None:
    bench = Bench(tmp_path, size_bytes=1 << 13, reserve_bytes=(1 << 13) - 900)
    long_position(bench)
    flip = bench.alert(SHORT)
    assert bench.executor.sent[-1][0].purpose is Purpose.CLOSE
    bench.executor.fill(13_120_000)
    assert bench.disposition(flip) == "closed_only"
    assert bench.position() == 0


def test_an_order_without_an_answer_locks_the_symbol_until_its_fate_is_known(bench: Bench) -> None:
    bench.alert(BUY)
    bench.executor.tell(OrderState.UNKNOWN, reason="timed out")
    assert bench.ledger.holding("F").state is SymbolState.LOCKED
    waiting = bench.alert(SHORT)
    assert len(bench.executor.sent) == 1
    bench.executor.fill(13_130_000)
    assert bench.ledger.holding("F").state is SymbolState.OPEN
    assert bench.executor.sent[-1][0].purpose is Purpose.CLOSE
    assert waiting not in bench.dispositions()


def test_an_order_that_is_presumed_lost_keeps_the_symbol_locked(bench: Bench) -> None:
    bench.alert(BUY)
    bench.executor.tell(OrderState.UNKNOWN)
    bench.executor.tell(OrderState.LOST_PRESUMED, reason="not found")
    refused = bench.alert(BUY)
    assert bench.disposition(refused) == "refused"
    assert len(bench.executor.sent) == 1


def test_a_lost_close_opens_nothing_whatever_its_late_news_say(bench: Bench) -> None:
    long_position(bench)
    bench.alert(SHORT)
    bench.executor.tell(OrderState.UNKNOWN)
    bench.executor.tell(OrderState.LOST_PRESUMED)
    bench.executor.fill(13_120_000)
    assert bench.position() == 0
    assert len(bench.executor.sent) == 2


def test_a_lost_close_forbids_exits_only_until_the_account_shows_that_it_had_no_effect(bench: Bench) -> None:
    long_position(bench)
    bench.alert(SHORT)
    bench.executor.tell(OrderState.LOST_PRESUMED)
    assert bench.disposition(bench.alert(SHORT)) == "refused"
    bench.clock.pass_s(29.9)
    look(bench, 100)
    assert bench.disposition(bench.alert(SHORT)) == "refused"
    bench.clock.pass_s(0.1)
    look(bench, 100)
    bench.alert(SHORT)
    assert [intent.purpose for intent, _ in bench.executor.sent] == [Purpose.OPEN, Purpose.CLOSE, Purpose.CLOSE]


def test_a_lost_opening_keeps_its_symbol_closed_for_this_run(bench: Bench) -> None:
    bench.alert(BUY)
    bench.executor.tell(OrderState.LOST_PRESUMED)
    bench.clock.pass_s(3_600)
    look(bench, 0)
    assert bench.disposition(bench.alert(BUY)) == "refused"


def look(bench: Bench, broker_qty: int) -> None:
    compare(bench.ledger, {"F": broker_qty}, ["F"], bench.clock.boot_ns(), bench.clock.wall_ns())


def test_a_close_sells_no_more_than_a_settled_account_read_shows(bench: Bench) -> None:
    long_position(bench)
    bench.clock.pass_s(30)
    look(bench, 60)
    bench.alert(SHORT)
    assert bench.executor.sent[-1][0].order.qty == 60
    bench.executor.fill(13_120_000)
    look(bench, 0)
    refused = bench.alert(SHORT)
    assert bench.dispositions()[refused] == [("refused", "the account shows none of our shares to close")]


def test_a_rejected_close_is_final(bench: Bench) -> None:
    long_position(bench)
    flip = bench.alert(SHORT)
    bench.executor.tell(OrderState.REJECTED, reason="oversold")
    assert len(bench.executor.sent) == 2
    assert bench.dispositions()[flip] == [("closed_only", "the broker rejected the close: oversold")]


def test_no_limit_is_priced_from_a_crossed_or_stale_book(bench: Bench) -> None:
    long_position(bench)
    bench.alert(SHORT, symbol="F")
    bench.executor.tell(OrderState.CANCELED)
    assert bench.executor.sent[-1][0].order.order_type is OrderType.MARKET
    bench.executor.fill(13_120_000)
    bench.quote(bid=140_000, ask=100_000)
    alert_id = 99
    bench.trader.process_alert(alert_id, make_alert(bench.clock, BUY))
    assert bench.position() == 0


def test_one_burst_stays_within_gross_and_within_the_requests_that_exits_need(tmp_path: Path) -> None:
    limits = msgspec.structs.replace(LIMITS, gross_notional_max=2_700 * 10_000)
    bench = Bench(tmp_path / "gross", limits=limits)
    for number in range(10):
        bench.alert(BUY, f"S{number}")
    assert len(bench.executor.sent) == 2, "2 x 1,313 dollars fit into 2,700"
    wide = Bench(tmp_path / "budget", limits=msgspec.structs.replace(LIMITS, gross_notional_max=10**12))
    for number in range(150):
        wide.alert(BUY, f"S{number}")
    # Each opening takes one request, and keeps one to cancel it and one to close what it filled.
    assert len(wide.executor.sent) == 40


def test_a_fault_costs_one_alert_and_leaves_the_lane_free(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    long_position(bench)
    with monkeypatch.context() as broken:
        broken.setattr("leadline.traders.legs.view_of", lambda *_, **__: 1 / 0)
        failed = bench.alert(SHORT)
    assert bench.disposition(failed) == "refused"
    assert bench.trader.state is TradingState.REDUCING
    bench.alert(SHORT)
    assert bench.executor.sent[-1][0].purpose is Purpose.CLOSE


def test_an_executor_that_fails_leaves_the_order_in_doubt(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(bench.executor, "execute", lambda *_: 1 / 0)
        bench.alert(BUY)
    assert bench.ledger.holding("F").state is SymbolState.LOCKED
    assert bench.disposition(bench.alert(BUY)) == "refused"


def test_a_refused_order_is_over(bench: Bench) -> None:
    bench.alert(BUY)
    bench.executor.tell(OrderState.REFUSED, http_status=400, reason="bad")
    bench.alert(BUY)
    assert len(bench.executor.sent) == 2


def test_a_halted_symbol_is_not_opened(bench: Bench) -> None:
    bench.market.level_one("F").update(0, status="Halted")
    alert_id = bench.alert(BUY)
    assert bench.dispositions()[alert_id] == [("refused", "the symbol is halted")]


def test_a_price_correction_told_as_another_fill_locks_the_symbol(bench: Bench) -> None:
    bench.alert(BUY)
    bench.executor.fill(13_130_000, qty=100, state="WORKING")
    bench.executor.fill(13_129_000, qty=100)
    assert bench.ledger.holding("F").state is SymbolState.LOCKED


def test_late_news_of_a_lost_order_are_booked_and_decide_nothing(bench: Bench) -> None:
    bench.alert(BUY)
    bench.executor.tell(OrderState.LOST_PRESUMED)
    bench.executor.fill(13_130_000, number=0)
    assert bench.position() == 100
    assert len(bench.executor.sent) == 1


def test_a_rejected_entry_evicts_the_symbol(bench: Bench) -> None:
    bench.alert(BUY)
    bench.executor.tell(OrderState.REJECTED, reason="must be placed with a broker")
    refused = bench.alert(BUY)
    assert bench.dispositions()[refused] == [("refused", "the symbol is EVICTED")]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_of_the_account_closes_entries(bench: Bench, status: int) -> None:
    bench.alert(BUY)
    bench.executor.tell(OrderState.REFUSED, http_status=status, reason="no")
    assert bench.trader.state is TradingState.REDUCING
    assert bench.disposition(bench.alert(BUY, "SOFI")) == "refused"


def test_exits_pass_when_entries_are_closed(bench: Bench) -> None:
    long_position(bench)
    bench.trader.close_entries("a test")
    bench.alert(SHORT)
    assert bench.executor.sent[-1][0].purpose is Purpose.CLOSE


def test_a_stop_takes_no_more_alerts_and_settles_all(bench: Bench) -> None:
    long_position(bench)
    flip, waiting = bench.alert(SHORT), bench.alert(BUY)
    bench.trader.stop()
    late = bench.alert(BUY)
    bench.executor.fill(13_120_000)
    bench.trader.abandon()
    assert bench.disposition(flip) == "closed_only"
    assert bench.dispositions()[waiting] == bench.dispositions()[late] == [("refused", "shutting down")]


def test_what_is_cut_off_by_the_end_is_interrupted(bench: Bench) -> None:
    long_position(bench)
    flip = bench.alert(SHORT)
    bench.trader.stop()
    bench.trader.abandon()
    assert bench.disposition(flip) == "interrupted"


def test_the_same_fill_told_twice_is_booked_once(bench: Bench) -> None:
    bench.alert(BUY)
    fill = bench.executor.fill_of(bench.executor.sent[0][0], 13_130_000, 60)
    bench.executor.tell(OrderState.WORKING, fills=(fill,))
    bench.executor.tell(OrderState.WORKING, fills=(fill,))
    assert bench.position() == 60


def test_more_shares_than_ordered_lock_the_symbol(bench: Bench) -> None:
    bench.alert(BUY)
    bench.executor.fill(13_130_000, qty=101)
    assert bench.ledger.holding("F").state is SymbolState.LOCKED


def test_limits_hold(tmp_path: Path) -> None:
    bench = Bench(tmp_path, limits=msgspec.structs.replace(LIMITS, order_qty_max=99))
    alert_id = bench.alert(BUY)
    assert bench.dispositions()[alert_id] == [("refused", "above RISK_ORDER_QTY_MAX")]


# the record


def test_a_close_that_cannot_be_recorded_is_said_as_not_flat_and_nothing_is_opened_any_more(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """F61, F62: without a record there is no order, and a person must know which shares are left."""
    long_position(bench)
    bench.journal.path.unlink()
    flip = bench.alert(SHORT)
    assert len(bench.executor.sent) == 1
    assert bench.disposition(flip) == "refused"
    assert "NOT FLAT: F 100 shares, and their close was not sent" in caplog.text
    assert bench.trader.state is TradingState.REDUCING
    other = bench.alert(BUY, "T")
    assert bench.disposition(other) == "refused"


# holds


def test_a_hold_refuses_openings_with_its_reason_and_no_close(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    long_position(bench)
    bench.trader.hold_entries("store", "the database cannot be written")
    bench.trader.hold_entries("store", "the database cannot be written")
    assert caplog.text.count("entries are held by the store") == 1, "said once"
    refused = bench.alert(BUY, "T")
    assert bench.dispositions()[refused] == [("refused", "the database cannot be written")]
    flip = bench.alert(SHORT)
    bench.executor.fill(13_120_000)
    assert bench.position() == 0
    assert bench.disposition(flip) == "closed_only"


def test_holds_end_one_by_one(bench: Bench) -> None:
    bench.trader.hold_entries("store", "one")
    bench.trader.hold_entries("feed", "two")
    bench.trader.hold_entries("store", None)
    bench.trader.hold_entries("store", None)
    refused = bench.alert(BUY)
    assert bench.dispositions()[refused] == [("refused", "two")]
    bench.trader.hold_entries("feed", None)
    assert bench.disposition(bench.alert(BUY, "T")) == "traded"


def test_on_a_stale_symbol_nothing_is_opened_and_a_position_can_be_closed(bench: Bench) -> None:
    long_position(bench)
    bench.market.stale = frozenset({"F"})
    flip = bench.alert(SHORT)
    assert bench.executor.sent[-1][0].purpose is Purpose.CLOSE
    bench.executor.fill(13_120_000)
    assert bench.position() == 0
    assert bench.dispositions()[flip] == [("closed_only", "the symbol is STALE")]


# attempts (F1, F14) and alerts that come again (F20)


def test_an_opening_that_never_came_to_the_broker_is_decided_anew_once_as_another_attempt(bench: Bench) -> None:
    alert_id = bench.alert(BUY)
    bench.clock.pass_s(1)
    bench.quote(bid=131_500, ask=131_600)
    bench.executor.tell(OrderState.NOT_SENT, may_be_sent_again=True)
    [first, second] = [intent for intent, _ in bench.executor.sent]
    assert (first.key, second.key) == (f"live-1-{alert_id}-1-1", f"live-1-{alert_id}-1-2")
    assert (second.leg, second.attempt, second.order.limit) == (1, 2, 131_600)
    assert [known.key for known in Journal(bench.journal.path, size_bytes=1 << 20).intents] == [first.key, second.key]
    bench.executor.tell(OrderState.NOT_SENT, may_be_sent_again=True)
    assert len(bench.executor.sent) == 2
    assert bench.disposition(alert_id) == "traded"
    bench.alert(BUY)
    assert len(bench.executor.sent) == 3, "the lane is free"


def test_without_its_word_a_refused_order_is_not_attempted_again(bench: Bench) -> None:
    bench.alert(BUY)
    bench.executor.tell(OrderState.NOT_SENT)
    assert len(bench.executor.sent) == 1


def test_a_new_attempt_passes_the_risk_check_again(bench: Bench) -> None:
    alert_id = bench.alert(BUY)
    bench.trader.hold_entries("feed", "a test")
    bench.executor.tell(OrderState.NOT_SENT, may_be_sent_again=True)
    assert len(bench.executor.sent) == 1
    assert bench.disposition(alert_id) == "traded", "written once, when its leg was on record"


def test_an_alert_past_its_time_to_live_is_not_attempted_again(bench: Bench) -> None:
    bench.alert(BUY)
    bench.clock.pass_s(2.001)
    bench.quote()
    bench.executor.tell(OrderState.NOT_SENT, may_be_sent_again=True)
    assert len(bench.executor.sent) == 1


def test_a_close_is_attempted_again_within_the_flip_time_and_then_opens(bench: Bench) -> None:
    long_position(bench)
    flip = bench.alert(SHORT)
    bench.clock.pass_s(5)
    bench.quote()
    bench.executor.tell(OrderState.NOT_SENT, may_be_sent_again=True)
    assert bench.executor.sent[-1][0].key == f"live-1-{flip}-1-2"
    assert bench.executor.sent[-1][0].order.order_type is OrderType.LIMIT
    bench.executor.fill(13_120_000)
    opening = bench.executor.sent[-1][0]
    assert (opening.key, opening.order.instruction) == (f"live-1-{flip}-2-1", Instruction.SELL_SHORT)
    assert bench.disposition(flip) == "traded"


def test_a_close_that_comes_to_nothing_twice_goes_to_the_market_and_is_closed_only(bench: Bench) -> None:
    long_position(bench)
    flip = bench.alert(SHORT)
    for _ in range(4):
        bench.executor.tell(OrderState.NOT_SENT, may_be_sent_again=True)
    keys = [intent.key for intent, _ in bench.executor.sent[1:]]
    assert keys == [f"live-1-{flip}-{leg}-{attempt}" for leg in (1, 2) for attempt in (1, 2)]
    assert bench.disposition(flip) == "closed_only"


def test_a_login_that_was_refreshed_does_not_close_entries_and_one_that_fails_again_does(bench: Bench) -> None:
    """F14: at most one new attempt; the second 401 is for a person to look at."""
    bench.alert(BUY)
    bench.executor.tell(OrderState.REFUSED, http_status=401, may_be_sent_again=True)
    assert bench.trader.state_reason is None
    assert bench.executor.sent[-1][0].attempt == 2
    bench.executor.tell(OrderState.REFUSED, http_status=401, may_be_sent_again=True)
    assert bench.trader.state is TradingState.REDUCING
    assert len(bench.executor.sent) == 2


def test_late_news_of_a_first_attempt_decide_nothing(bench: Bench) -> None:
    long_position(bench)
    bench.alert(SHORT)
    bench.executor.tell(OrderState.NOT_SENT, may_be_sent_again=True)
    bench.executor.tell(OrderState.NOT_SENT, number=1, may_be_sent_again=True)
    assert [intent.attempt for intent, _ in bench.executor.sent] == [1, 1, 2]


def test_an_alert_that_comes_again_is_not_traded_again(bench: Bench) -> None:
    """F20: the second time it is a duplicate, and the store keeps what was made of the first."""
    long_position(bench)
    flip = bench.alert(SHORT)
    again = make_alert(bench.clock, SHORT)
    bench.trader.process_alert(flip, again)
    bench.executor.fill(13_120_000)
    bench.trader.process_alert(flip, again)
    bench.trader.process_alert(1, again)
    assert len(bench.executor.sent) == 3
    rows = bench.store().execute_now("SELECT alert_id, disposition FROM dispositions ORDER BY alert_id")
    assert rows == [(1, "traded"), (flip, "traded")]


def test_a_duplicate_of_an_alert_without_a_disposition_is_one(bench: Bench) -> None:
    bench.alert(BUY)
    bench.trader.process_alert(7, make_alert(bench.clock, BUY, "T"))
    bench.trader.process_alert(5, make_alert(bench.clock, BUY, "T"))
    assert bench.dispositions()[5] == [("duplicate", "it came before")]


# faults


def test_an_order_that_ended_before_its_executor_failed_is_not_in_doubt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(intent: Intent, told: Told) -> None:
        told(OrderNews(OrderState.FILLED, "1", (bench.executor.fill_of(intent, 13_130_000),)))
        raise ValueError("a test")

    with monkeypatch.context() as broken:
        broken.setattr(bench.executor, "execute", fail)
        bench.alert(BUY)
    assert bench.position() == 100
    assert bench.ledger.holding("F").state is SymbolState.OPEN
    assert bench.trader.state is TradingState.REDUCING


def test_a_fault_in_booking_news_reaches_no_executor_and_frees_the_lane(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_position(bench)
    flip = bench.alert(SHORT)
    with monkeypatch.context() as broken:
        broken.setattr(bench.ledger, "take", lambda *_: 1 / 0)
        bench.executor.tell(OrderState.WORKING)
    assert bench.disposition(flip) == "closed_only"
    bench.executor.fill(13_120_000)
    assert len(bench.executor.sent) == 2, "after a fault a flip opens nothing"
    assert bench.disposition(bench.alert(BUY)) == "refused", "its lane is free, and entries are closed"


def test_an_order_that_cannot_be_taken_up_is_in_doubt(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.alert(BUY)
    monkeypatch.setattr(HandExecutor, "resume", lambda *_: 1 / 0)
    bench.restart()
    assert bench.ledger.holding("F").state is SymbolState.LOCKED
    assert bench.disposition(bench.alert(BUY)) == "refused"


def test_an_alert_that_waits_behind_an_order_without_end_expires(bench: Bench) -> None:
    """A close that rests for ever at the broker must not keep alerts undecided (design section 5, ALERT_FLIP_SEC)."""
    bench.alert(Direction.BID_HEAVY)
    bench.executor.fill(13_130_000)
    running = bench.alert(Direction.ASK_HEAVY)
    waiting = bench.alert(Direction.BID_HEAVY)
    bench.clock.pass_s(10)
    bench.trader.look()
    assert running not in bench.dispositions()
    assert waiting not in bench.dispositions()
    bench.clock.pass_s(0.1)
    bench.trader.look()
    bench.trader.look()
    assert bench.disposition(running) == "closed_only"
    assert bench.disposition(waiting) == "expired"
    bench.executor.fill(13_120_000)
    assert bench.position() == 0
    assert bench.disposition(running) == "closed_only"
    assert len(bench.executor.sent) == 2
