"""The catalogue's cases F1 to F40 as far as one order goes, each by its shipped scenario and with the real waits."""

from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from leadline.core.orders import Instruction, OrderState
from leadline.schwab.executor import Timing
from simschwab.core.orders import Status
from support.case_desk import FAR, KEY, NEAR, case_desk

S = OrderState
SELL = Instruction.SELL


# --- A. submit


def test_f01_without_a_connection_nothing_is_sent_and_a_new_attempt_may_be_decided(tmp_path: Path) -> None:
    with case_desk(tmp_path) as desk:
        desk.client.refuses = True
        desk.send()
        news = desk.until(S.NOT_SENT)
        assert news.may_be_sent_again
        desk.run(120)
        assert desk.states() == [S.NOT_SENT]
        assert desk.orders == []


def test_f02_dropped_before_acceptance_is_looked_for_a_minute_then_presumed_lost(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f002-dropped-before-acceptance") as desk:
        desk.send()
        desk.run(55)
        assert desk.states() == [S.UNKNOWN]
        desk.run(60)
        assert desk.states() == [S.UNKNOWN, S.LOST_PRESUMED]
        assert not any(news.may_be_sent_again for news in desk.told[KEY])


def test_f03_accepted_then_dropped_is_adopted(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f003-accepted-then-dropped") as desk:
        desk.send(limit=FAR)
        desk.run(20)
        assert desk.states()[0] is S.UNKNOWN
        assert desk.states()[-1] is S.CANCELED
        assert len(desk.orders) == 1


def test_f04_accepted_filled_and_dropped_is_booked_once(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f004-accepted-and-filled-then-dropped") as desk:
        desk.send()
        desk.run(20)
        assert (desk.states(), desk.qty()) == ([S.UNKNOWN, S.FILLED], 100)


def test_f05_a_listing_that_lags_20_s_is_one_order(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f005-listing-lag-20s") as desk:
        desk.send(limit=FAR)
        desk.run(60)
        assert S.LOST_PRESUMED not in desk.states()
        assert desk.states()[-1] is S.CANCELED
        assert len(desk.orders) == 1


def test_f06_a_listing_that_lags_90_s_is_late_and_cancelled_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with case_desk(tmp_path, "f006-listing-lag-90s") as desk:
        desk.send(limit=FAR)
        desk.run(130)
        states = desk.states()
        assert states[:2] == [S.UNKNOWN, S.LOST_PRESUMED]
        assert states[-1] is S.CANCELED
        assert "LATE" in (desk.told[KEY][-1].reason or "")
        assert "LATE" in caplog.text
        assert len(desk.orders) == 1


def test_f06_a_late_exit_is_not_cancelled_for_being_late(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f006-listing-lag-90s", order_latency_high_ms=5) as desk:
        desk.by_hand("BUY", 100, None, "API_TOS:SIM")
        desk.run(1)
        desk.send(SELL, limit=None)
        desk.run(130)
        assert (desk.states(), desk.qty()) == ([S.UNKNOWN, S.LOST_PRESUMED, S.FILLED], 100)
        assert desk.count("DELETE") == 0


def test_f07_a_201_without_location_is_adopted(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f007-no-location") as desk:
        desk.send()
        desk.run(20)
        assert (desk.states(), desk.qty()) == ([S.UNKNOWN, S.FILLED], 100)


def test_f08_another_order_s_id_is_never_cancelled(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f008-wrong-location") as desk:
        foreign = desk.by_hand("BUY", 7, "1.00", "API_TOS:IPHONE")
        desk.send(limit=FAR)
        desk.run(60)
        assert S.UNKNOWN in desk.states()
        assert desk.states()[-1] is S.CANCELED
        assert desk.count("DELETE", str(foreign)) == 0
        assert [order.status for order in desk.orders if order.tag.startswith("API_TOS")] == [Status.WORKING] * 2


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("when", ["before", "after"])
def test_f09_every_5xx_is_unknown_whether_it_was_accepted_or_not(tmp_path: Path, status: int, when: str) -> None:
    with case_desk(tmp_path) as desk:
        desk.fault("orders.place", "status", status=status, when=when, nth=1)
        desk.send()
        desk.run(90)
        last = S.FILLED if when == "after" else S.LOST_PRESUMED
        assert desk.states() == [S.UNKNOWN, last]
        assert len(desk.orders) == (1 if when == "after" else 0)


@pytest.mark.parametrize(
    ("do", "words"),
    [
        ("reset", {}),
        ("status", {"status": 301, "when": "after", "location": "http://127.0.0.1:1/elsewhere"}),
        ("status", {"status": 307, "when": "after", "location": "http://127.0.0.1:1/elsewhere"}),
        ("body", {"text": "<HTML>OK</HTML>", "type": "text/html"}),
    ],
)
def test_f10_a_broken_answer_is_unknown_and_no_redirect_is_followed(
    tmp_path: Path, do: str, words: dict[str, object]
) -> None:
    with case_desk(tmp_path) as desk:
        desk.fault("orders.place", do, nth=1, **words)
        desk.send()
        desk.run(20)
        assert desk.states()[-1] is S.FILLED
        assert len(desk.orders) == 1


def test_f11_twins_are_never_touched(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f011-twins") as desk:
        desk.send(limit=FAR)
        desk.run(120)
        assert desk.states() == [S.UNKNOWN, S.LOST_PRESUMED]
        assert "2 orders" in (desk.told[KEY][-1].reason or "")
        assert desk.count("DELETE") == 0
        assert {order.status for order in desk.orders} == {Status.WORKING}


def test_f12_a_list_that_fails_is_never_not_found_and_is_asked_more_slowly(tmp_path: Path) -> None:
    with case_desk(tmp_path) as desk:
        desk.fault("orders.place", "drop", when="after", nth=1)
        desk.fault("orders.list", "status", status=500, times=12)
        desk.send(limit=FAR)
        desk.run(160)
        assert S.LOST_PRESUMED not in desk.states()
        lists = [at_s for at_s, method, path in desk.requests if method == "GET" and "/orders?" in path]
        gaps = [round(later - earlier) for earlier, later in pairwise(lists)]
        assert gaps == sorted(gaps)
        assert gaps[-1] > 20
        desk.run(120)
        assert desk.states()[-1] is S.CANCELED


def test_f13_a_400_is_final_with_its_words_and_the_next_order_is_not_touched(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f013-400-with-message") as desk:
        desk.send()
        news = desk.until(S.REFUSED)
        assert (news.http_status, bool(news.reason), news.may_be_sent_again) == (400, True, False)
        desk.send(key="live-1-2-1")
        desk.run(5)
        assert desk.states("live-1-2-1")[-1] is S.FILLED


def test_f14_a_401_may_be_tried_again_once_the_login_is_new(tmp_path: Path) -> None:
    with case_desk(tmp_path) as desk:
        desk.fault("time", "revoke", token="access")
        desk.send()
        news = desk.until(S.REFUSED)
        assert (news.http_status, news.may_be_sent_again) == (401, True)
        desk.send(key="live-1-1-1-2")
        desk.run(5)
        assert desk.states("live-1-1-1-2")[-1] is S.FILLED


def test_f14_a_401_that_no_refresh_cures_may_not(tmp_path: Path) -> None:
    with case_desk(tmp_path) as desk:
        desk.fault("time", "revoke", token="access")
        desk.fault("time", "revoke", token="refresh")
        desk.send()
        news = desk.until(S.REFUSED)
        assert (news.http_status, news.may_be_sent_again) == (401, False)


@pytest.mark.parametrize("status", [403, 404, 422])
def test_f15_f16_refusals_about_the_account_are_final(tmp_path: Path, status: int) -> None:
    with case_desk(tmp_path) as desk:
        desk.fault("orders.place", "status", status=status, nth=1)
        desk.send()
        news = desk.until(S.REFUSED)
        desk.run(60)
        assert (desk.states(), news.http_status, news.may_be_sent_again) == ([S.REFUSED], status, False)
        assert desk.count("GET") == 0


def test_f16_a_404_on_our_own_order_is_not_its_end(tmp_path: Path) -> None:
    with case_desk(tmp_path) as desk:
        desk.send(SELL, limit=NEAR, qty=1)  # rejected at once: nothing is held
        desk.run(5)
        desk.send(limit=None, key="live-1-2-1")
        desk.fault("orders.show", "status", status=404, times=4)
        desk.run(20)
        assert desk.states("live-1-2-1")[-1] is S.FILLED


def test_f17_a_409_is_unknown(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f017-409") as desk:
        desk.send()
        desk.run(90)
        assert desk.states()[0] is S.UNKNOWN
        assert desk.states()[-1] in {S.FILLED, S.LOST_PRESUMED}


def test_f18_a_storm_of_429_opens_nothing_until_it_is_over_and_exits_wait_for_it(tmp_path: Path) -> None:
    with case_desk(tmp_path) as desk:
        desk.by_hand("BUY", 100, None, "API_TOS:SIM")
        desk.run(1)
        desk.fault("orders.place", "status", status=429, nth=1)
        desk.send()
        desk.until(S.REFUSED)
        desk.send(key="live-1-2-1")
        news = desk.until(S.NOT_SENT, "live-1-2-1")
        assert "limit" in (news.reason or "")
        assert not news.may_be_sent_again
        begun_s = desk.loop.time()
        desk.send(SELL, limit=None, key="live-1-3-1")
        desk.until(S.FILLED, "live-1-3-1", 60)
        assert 1 < desk.loop.time() - begun_s <= 60
        desk.send(key="live-1-4-1")
        desk.until(S.FILLED, "live-1-4-1")


def test_f18_the_reserve_is_for_exits_and_cancels_only(tmp_path: Path) -> None:
    with case_desk(tmp_path) as desk:
        desk.start(requests_per_minute=12)
        for number in range(9):
            desk.send(limit=None, qty=1 + number, key=f"live-1-{number}-1")
        desk.run(5)
        ends = [desk.states(f"live-1-{number}-1")[-1] for number in range(9)]
        assert ends == [S.FILLED] * 6 + [S.NOT_SENT] * 3
        for number in range(8):
            desk.send(SELL, limit=None, qty=1, key=f"live-2-{number}-1")
        desk.run(5)
        told = [desk.states(f"live-2-{number}-1")[-1:] for number in range(8)]
        assert told == [[S.FILLED]] * 6 + [[]] * 2  # the last two wait for the minute to pass
        desk.run(60)
        assert [desk.states(f"live-2-{number}-1")[-1] for number in range(8)] == [S.FILLED] * 8


def test_f18_under_the_broker_s_own_throttle_every_cancel_comes_through(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f018-order-throttle") as desk:
        for number in range(4):
            desk.send(limit=FAR, qty=1 + number, key=f"live-1-{number}-1")
            desk.run(0.1)
        desk.run(400)
        ends = [desk.states(f"live-1-{number}-1")[-1] for number in range(4)]
        assert ends == [S.CANCELED, S.CANCELED, S.CANCELED, S.REFUSED]
        assert all(order.status is Status.CANCELED for order in desk.orders)


@pytest.mark.parametrize("name", ["f019-rejected-after-201", "f019-rejected-after-acceptance"])
def test_f19_a_rejection_after_the_201_is_told_with_its_words(tmp_path: Path, name: str) -> None:
    with case_desk(tmp_path, name) as desk:
        desk.send(limit=FAR)
        desk.run(10)
        assert desk.told[KEY][-1].state is S.REJECTED
        assert desk.told[KEY][-1].reason
        assert desk.qty() == 0


def test_f22_a_delete_is_repeated_a_post_never(tmp_path: Path) -> None:
    with case_desk(tmp_path) as desk:
        desk.fault("orders.place", "drop", when="before", nth=1)
        desk.fault("orders.cancel", "drop", when="before", times=3)
        desk.send()
        desk.send(limit=FAR, qty=7, key="live-1-2-1")
        desk.run(120)
        assert desk.count("DELETE") == 4
        assert desk.states("live-1-2-1")[-1] is S.CANCELED  # and the desk counts POSTs and PUTs


# --- B. order life


def test_f24_three_prints_at_two_prices_are_exact(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f024-fill-in-three-prints") as desk:
        desk.send()
        desk.run(10)
        theirs = [(e.quantity, round(e.price * 1e6)) for e in desk.brokers_fills()]
        assert len(theirs) == 3
        assert sorted(theirs) == sorted((fill.qty, fill.price_e6) for fill in desk.fills().values())
        assert desk.states()[-1] is S.FILLED


def test_f25_partial_then_cancel_keeps_the_fill(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f025-partial-then-cancel") as desk:
        desk.send()
        desk.run(20)
        assert desk.states()[-1] is S.CANCELED
        assert 0 < desk.qty() < 100
        assert desk.qty() == desk.orders[0].filled


def test_f26_a_fill_after_the_cancel_is_booked_when_the_account_differs(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f026-fill-after-cancel") as desk:
        desk.send(limit=FAR)
        desk.until(S.CANCELED)
        desk.run(5)
        desk.call(lambda: desk.executor.doubt("F"))
        desk.run(2)
        assert desk.states()[-1] is S.FILLED
        assert desk.qty() == desk.orders[0].filled == 100


@pytest.mark.parametrize("late_status", [200, 400])
def test_f27_a_cancel_that_races_a_fill_is_told_by_the_order_alone(tmp_path: Path, late_status: int) -> None:
    with case_desk(tmp_path, "f027-cancel-races-fill", late_cancel_status=late_status) as desk:
        desk.send(limit=FAR)
        desk.run(30)
        assert (desk.states()[-1], desk.qty()) == (S.FILLED, 100)


def test_f28_a_delete_without_an_answer_is_asked_again(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f028-delete-lost") as desk:
        desk.send(limit=FAR)
        desk.run(60)
        assert desk.states()[-1] is S.CANCELED
        assert desk.count("DELETE") >= 1


def test_f29_replaced_unasked_is_followed_to_its_successor_s_end(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f029-replaced-unasked") as desk:
        desk.send()
        desk.run(20)
        old, new = desk.orders
        last = desk.told[KEY][-1]
        assert (old.status, new.status) == (Status.REPLACED, Status.FILLED)
        assert (last.state, last.order_id, desk.qty()) == (S.FILLED, str(new.order_id), 100)
        assert f"replaced at the broker, not by us, by order {new.order_id}" in (last.reason or "")


@pytest.mark.parametrize("known", ["old", "new"])
def test_f29_a_restart_finds_the_chain_again_by_either_id(tmp_path: Path, known: str) -> None:
    with case_desk(tmp_path) as desk:
        desk.fault("order.enter", "partial", quantity=30, nth=1)
        desk.fault("order.enter", "replace", ms=500, tag="API_TOS:DESK", nth=1)
        wanted = desk.send()
        desk.run(0.3)
        desk.kill()
        desk.run(20)
        old, new = desk.orders
        assert (old.status, old.filled) == (Status.REPLACED, 30)
        desk.start()
        desk.resume(wanted, str((old if known == "old" else new).order_id))
        desk.run(20)
        last = desk.told[KEY][-1]
        assert (last.order_id, sum(fill.qty for fill in last.fills)) == (str(new.order_id), old.filled + new.filled)
        assert desk.qty() == old.filled + new.filled
        assert len(desk.told[KEY]) <= 3


def test_f30_an_unknown_status_is_live_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with case_desk(tmp_path, "f030-unknown-status") as desk:
        for number in range(3):
            desk.send(limit=FAR, qty=10 + number, key=f"live-1-{number}-1")
        desk.run(30)
        said = [record for record in caplog.records if "is not known: it counts as live" in record.getMessage()]
        assert len(said) == len({order.shown_status for order in desk.orders if order.shown_status})


def test_f31_a_fill_that_no_frame_tells_is_known_within_5_s_however_many_orders_are_open(tmp_path: Path) -> None:
    with case_desk(tmp_path) as desk:
        desk.start(Timing(fill_timeout_s=600))
        desk.fault("order.enter", "rest", times=25)
        for number in range(25):
            desk.send(limit=NEAR, qty=10 + number, key=f"live-1-{number}-1")
        desk.run(30)
        asked = [(at_s, path) for at_s, method, path in desk.requests if method == "GET" and at_s > 10]
        for path in {path for _, path in asked}:
            times = [at_s for at_s, one in asked if one == path]
            assert max(later - earlier for earlier, later in pairwise(times)) <= 5
        assert len(asked) < 20 * 60  # and not a question a second for each


@pytest.mark.parametrize("seed", range(12))
def test_f32_activity_in_any_order_twice_or_never_ends_in_the_same(tmp_path: Path, seed: int) -> None:
    """What wakes us is never believed: any sequence of wake-ups, also of orders that are not ours, changes nothing."""
    rng = Random(seed)
    with case_desk(tmp_path, "f024-fill-in-three-prints") as desk:
        desk.send()
        for _ in range(rng.randint(0, 12)):
            desk.run(rng.uniform(0, 1.5))
            known = [str(order.order_id) for order in desk.orders]
            desk.call(partial(desk.executor.wake, rng.choice([*known, "4711"])))
        desk.run(30)
        assert (desk.states()[-1], desk.qty()) == (S.FILLED, 100)
        assert desk.states().count(S.FILLED) == 1


def test_f33_more_fills_than_ordered_are_told_raw(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f033-overfill") as desk:
        desk.send()
        desk.run(60)
        assert desk.qty() == desk.orders[0].filled > 100


def test_f34_an_absurd_price_is_told_as_reported(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f034-absurd-fill-price") as desk:
        desk.send()
        desk.run(20)
        [fill] = desk.fills().values()
        [theirs] = desk.brokers_fills()
        assert fill.price_e6 == round(theirs.price * 1e6)


def test_f35_a_hand_trade_is_never_asked_about_nor_touched(tmp_path: Path) -> None:
    with case_desk(tmp_path) as desk:
        hand = desk.by_hand("BUY", 100, "1.00", "API_TOS:IPHONE")
        desk.send(limit=FAR)
        desk.run(30)
        assert desk.count("GET", str(hand)) == desk.count("DELETE", str(hand)) == 0
        assert not desk.executor.owns(str(hand))
        assert desk.executor.owns(str(desk.orders[1].order_id))


def test_f38_a_day_order_that_expires_is_told_so(tmp_path: Path) -> None:
    with case_desk(tmp_path) as desk:
        desk.start(Timing(fill_timeout_s=600))
        desk.fault("order.enter", "expire", ms=2_000, nth=1)
        desk.send(limit=FAR)
        desk.run(30)
        assert desk.states()[-1] is S.EXPIRED


def test_f38_an_overnight_leftover_is_taken_up_and_ends(tmp_path: Path) -> None:
    with case_desk(tmp_path, market_hours="calendar") as desk:
        wanted = desk.send(limit=FAR)
        desk.run(1)
        desk.kill()
        desk.run(9 * 3600)
        desk.start()
        desk.resume(wanted, str(desk.orders[0].order_id))
        desk.run(5)
        assert desk.states() == [S.EXPIRED]


@pytest.mark.parametrize("limit", [NEAR, None])
def test_f39_an_order_at_the_last_moment_is_never_kept_for_the_next_day(tmp_path: Path, limit: int | None) -> None:
    """At 15:59:59.9: the first is filled before the close, the second the broker would keep until tomorrow."""
    with case_desk(tmp_path, "f039-at-the-last-moment") as desk:
        desk.clock.step_ns = desk.broker.exchange.offset_ns
        desk.send(limit=limit)
        desk.run(0.15)
        desk.send(limit=limit, qty=200, key="live-1-2-1")
        desk.run(30)
        assert desk.states()[-1] is S.FILLED
        assert desk.states("live-1-2-1")[-1] is S.CANCELED
        assert not any(order.live for order in desk.orders)


def test_f39_an_order_that_is_too_late_is_rejected_or_never_works(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f039-rejected-when-closed") as desk:
        desk.clock.step_ns = desk.broker.exchange.offset_ns
        desk.send(limit=NEAR)
        desk.run(10)
        assert desk.states()[-1] is S.REJECTED


def test_a_market_exit_that_waits_in_a_halt_is_not_taken_away(tmp_path: Path) -> None:
    """In regular hours what is queued is to be done as soon as trading resumes."""
    with case_desk(tmp_path) as desk:
        desk.fault("order.enter", "via", statuses="QUEUED", ms=20_000)
        desk.send(limit=None)
        desk.run(60)
        assert desk.count("DELETE") == 0
        assert desk.states()[-1] is S.FILLED


def test_f40_an_order_that_is_not_filled_leaves_nothing_working(tmp_path: Path) -> None:
    with case_desk(tmp_path, "f040-emulated-ioc") as desk:
        for number in range(3):
            desk.send(limit=NEAR, qty=100 + number, key=f"live-1-{number}-1")
            desk.run(20)
        assert all(desk.states(f"live-1-{number}-1")[-1] in {S.FILLED, S.CANCELED} for number in range(3))
        assert not any(order.live for order in desk.orders)
        assert sum(desk.qty(f"live-1-{number}-1") for number in range(3)) == sum(order.filled for order in desk.orders)


def test_a_cancel_by_the_broker_is_not_said_to_be_ours(tmp_path: Path) -> None:
    with case_desk(tmp_path) as desk:
        desk.fault("order.enter", "admin_cancel", ms=500, nth=1)
        desk.send(limit=FAR)
        desk.run(10)
        assert desk.states()[-1] is S.CANCELED
        assert "not by us" in (desk.told[KEY][-1].reason or "")
        assert desk.count("DELETE") == 0
