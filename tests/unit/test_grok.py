"""Frames become counts, touches and alerts; alerts become an id, a dispatch and a row, in this order."""

from collections.abc import Sized
from pathlib import Path

import pytest

from leadline.core.alerts import Alert, EntryFilter
from leadline.core.detector import Detector, Outcome
from leadline.core.imbalance import Direction, Rule
from leadline.core.market import Market, Service
from leadline.core.nearness import NearMiss
from leadline.dispatch import Dispatch
from leadline.grok import Grok, HandOver
from leadline.store.alerts import AlertIds, Origin
from leadline.store.spill import Statement
from leadline.store.writer import Writer
from support.frames import T_NS, book_frame, frame_of
from support.trading import HandClock, make_alert

S = 1_000_000_000
EAGER = Rule(min_duration_ns=0, throttle_ns=0)


class Rig:
    def __init__(
        self,
        *,
        symbols: frozenset[str] | None = None,
        listed: bool = True,
        rule: Rule = EAGER,
        entries: EntryFilter | None = None,
        near: bool = False,
    ) -> None:
        self.alerts: list[Alert] = []
        self.near_misses: list[NearMiss] = []
        self.market = Market(60 * S)
        services = {"F": Service.NYSE_BOOK} if listed else {}
        self.grok = Grok(
            Detector(rule, services),
            entries or EntryFilter(),
            self.market,
            symbols=symbols,
            on_alert=self.alerts.append,
            on_near_miss=self.near_misses.append if near else None,
        )

    def book(self, second: float, *, heavy: int = 900, light: int = 100, symbol: str = "F") -> None:
        t_ns = T_NS + round(second * S)
        self.grok.on_frame(book_frame(symbol, t_ns, heavy=heavy, light=light), t_ns)


def test_an_alert_carries_what_the_book_said() -> None:
    rig = Rig()
    rig.grok.on_frame(book_frame(), T_NS, 5)
    [alert] = rig.alerts
    assert (alert.direction, alert.total_bids, alert.total_asks, alert.ratio) == (Direction.BID_HEAVY, 5_400, 600, 9.0)
    assert (alert.heavy_venues, alert.valid_venues, alert.bid, alert.ask) == (6, 6, 131_200, 131_300)
    assert (alert.price, alert.recv_ns, alert.boot_ns, alert.book_ns) == (13.125, T_NS, 5, T_NS - 300_000_000)
    assert alert.entry_blocked_by is None


def test_a_recent_trade_prices_the_alert_and_an_old_one_does_not() -> None:
    rig = Rig()
    rig.grok.on_frame(frame_of("LEVELONE_EQUITIES", {"key": "F", "3": 13.1, "35": T_NS // 1_000_000 - 5_000}), T_NS)
    rig.grok.on_frame(book_frame(), T_NS)
    rig.grok.on_frame(book_frame(t_ns=T_NS + 1_000_000_000), T_NS + 1_000_000_000)
    assert [alert.price for alert in rig.alerts] == [13.1, 13.125]


def test_an_unresolved_listing_blocks_entries_and_not_the_alert() -> None:
    rig = Rig(listed=False)
    rig.grok.on_frame(book_frame(), T_NS)
    assert [alert.entry_blocked_by for alert in rig.alerts] == ["unresolved_listing"]


def test_outcomes_and_malformed_frames_sum_to_the_books() -> None:
    rig = Rig()
    frames = [book_frame(), book_frame(), b'{"data":[{]}', frame_of("NASDAQ_BOOK", {"key": "F"}), b"{}"]
    for frame in frames:
        rig.grok.on_frame(frame, T_NS)
    totals = rig.grok.counts.totals()
    assert {outcome: count for outcome, count in totals.items() if count} == {
        Outcome.ALERTED: 1,
        Outcome.REPEAT: 1,
        Outcome.MALFORMED: 1,
        Outcome.OTHER_SERVICE: 1,
    }
    assert sum(totals.values()) == rig.grok.counts.books == 4
    assert rig.grok.counts.frames == 5


def test_symbols_that_were_not_asked_for_are_passed_over_and_counted() -> None:
    rig = Rig(symbols=frozenset({"F"}))
    rig.grok.on_frame(book_frame("XX"), T_NS)
    assert (rig.grok.counts.books, rig.grok.counts.unsubscribed, rig.alerts) == (0, 1, [])


def test_a_lost_connection_ends_the_streak() -> None:
    rig = Rig(rule=Rule(min_duration_ns=2_000_000_000, throttle_ns=0))
    for second in range(2):
        rig.grok.on_frame(book_frame(t_ns=T_NS + second * 1_000_000_000), T_NS + second * 1_000_000_000)
    rig.grok.on_connection_lost()
    rig.grok.on_frame(book_frame(t_ns=T_NS + 2_000_000_000), T_NS + 2_000_000_000)
    assert rig.alerts == []


def test_no_order_can_be_priced_from_before_a_lost_connection() -> None:
    rig = Rig()
    rig.grok.on_frame(book_frame(), T_NS)
    assert rig.market.touches
    rig.grok.on_connection_lost()
    assert not rig.market.touches


def test_superseded_books_are_counted_by_symbol_and_not_judged() -> None:
    rig = Rig(symbols=frozenset({"F", "G"}))
    frame = frame_of("NYSE_BOOK", *({"key": key} for key in ("F", "F", "G", "XX")))
    superseded = frozenset({("NYSE_BOOK", "F"), ("NYSE_BOOK", "XX"), ("NASDAQ_BOOK", "G")})
    rig.grok.on_conflated(frame, T_NS, 0, superseded)
    assert rig.grok.counts.conflated == {"F": 2}
    assert (rig.grok.counts.books, rig.grok.counts.unsubscribed, rig.grok.counts.frames) == (1, 1, 1)
    assert rig.grok.counts.outcomes.keys() == {"G"}


@pytest.mark.parametrize("writes_rows", [True, False])
def test_an_alert_is_dispatched_before_its_row_and_under_inline_only_has_none(
    tmp_path: Path, writes_rows: bool
) -> None:
    order: list[str] = []

    class Taker:
        name = "taker"

        def process_alert(self, alert_id: int, alert: Alert) -> None:
            order.append(f"dispatch {alert_id} {alert.symbol}")

        def close_entries(self, reason: str) -> None:
            raise AssertionError(reason)

    def put(statement: Statement) -> None:
        order.append(f"row {statement[1][0]!r}")

    writer = Writer(tmp_path / "l.db", 0)
    ids = AlertIds(writer)
    hand_over = HandOver(ids, Dispatch(Taker()), put, Origin("b", "h", "0"), writes_rows=writes_rows)
    hand_over.take(make_alert(HandClock(), Direction.BID_HEAVY))
    hand_over.take(make_alert(HandClock(), Direction.ASK_HEAVY))
    rows = ["row 1", "row 2"] if writes_rows else []
    assert [line for line in order if line.startswith("row")] == rows
    assert order[0] == "dispatch 1 F"
    assert hand_over.alerts == 2


def test_a_near_miss_is_counted_and_has_a_row_where_alerts_have_one(tmp_path: Path) -> None:
    rig = Rig(near=True)
    rig.book(0, heavy=160)
    [miss] = rig.near_misses
    writer = Writer(tmp_path / "l.db", 0)
    for writes_rows in (True, False):
        put: list[Statement] = []
        hand_over = HandOver(AlertIds(writer), None, put.append, Origin("b", "h", "0"), writes_rows=writes_rows)
        hand_over.take_near_miss(miss)
        assert hand_over.near_misses == 1
        assert [statement[1][:4] for statement in put] == ([(T_NS, "F", "bid-heavy", "ratio")] if writes_rows else [])


# what is known of a symbol


def test_an_alert_carries_the_features_of_its_moment() -> None:
    rig = Rig(rule=Rule(throttle_ns=0, min_duration_ns=61 * S))
    for second in range(62):
        rig.grok.on_frame(frame_of("LEVELONE_EQUITIES", {"key": "F", "8": second * 10}), T_NS + second * S)
        rig.book(second)
    [alert] = rig.alerts
    features = alert.features
    assert features is not None
    assert (features.drift_60s_e4, features.drift_60s_bps, features.range_60s_e4) == (0.0, 0.0, 0.0)
    assert (features.vol_per_min, alert.vol_per_min) == (600.0, 600.0)
    assert (features.spread_e4, features.valid_venues, features.streak_id) == (100, 6, 1)
    assert (features.bid_entries, features.ask_entries, features.bid_venues, features.ask_venues) == (6, 6, 6, 6)
    assert features.recv_lag_ns == 300_000_000
    assert features.quote_age_median_ms == features.quote_age_max_ms


def test_after_a_lost_connection_a_minute_must_pass_before_drift_is_known() -> None:
    rig = Rig()
    for second in range(62):
        rig.book(second)
    rig.grok.on_connection_lost()
    for second in range(62, 125):
        rig.book(second)
    known = [alert.features is not None and alert.features.drift_60s_e4 is not None for alert in rig.alerts]
    assert known == [False] * 60 + [True] * 2 + [False] * 60 + [True] * 3


def test_the_last_judgement_and_the_last_evaluable_one_are_kept_with_what_blocks_now() -> None:
    rig = Rig(entries=EntryFilter(min_volume=1, disable_ask_heavy=True))
    assert rig.grok.seen("F", T_NS) is None
    rig.book(0)
    rig.grok.on_frame(book_frame(), T_NS + S)
    seen = rig.grok.seen("F", T_NS + S)
    assert seen is not None
    assert (seen.last.outcome, seen.last.recv_ns) == (Outcome.REPEAT, T_NS + S)
    assert seen.judged is not None
    assert (seen.judged.outcome, seen.judged.recv_ns) == (Outcome.ALERTED, T_NS)
    assert seen.blocked == {
        Direction.BID_HEAVY: "min_volume",
        Direction.ASK_HEAVY: "min_volume,ask_heavy_disabled",
    }


@pytest.mark.parametrize("first_is_bid", [True, False])
def test_an_opposite_alert_is_never_muted_by_the_throttle_nor_by_all_that_forbids_entries(first_is_bid: bool) -> None:
    every = EntryFilter(min_volume=1, disable_bid_heavy=True, disable_ask_heavy=True)
    rig = Rig(listed=False, entries=every, rule=Rule(min_duration_ns=2 * S))
    sizes = [(900, 100), (100, 900)]
    if not first_is_bid:
        sizes.reverse()
    for second in range(9):
        heavy, light = sizes[second // 3 % 2]
        rig.book(second, heavy=heavy, light=light)
    directions = [Direction.BID_HEAVY, Direction.ASK_HEAVY, Direction.BID_HEAVY]
    if not first_is_bid:
        directions = [Direction.ASK_HEAVY, Direction.BID_HEAVY, Direction.ASK_HEAVY]
    assert [(alert.direction, alert.recv_ns - T_NS) for alert in rig.alerts] == [
        (direction, second * S) for direction, second in zip(directions, (2, 5, 8), strict=True)
    ]
    names = {
        Direction.BID_HEAVY: "min_volume,bid_heavy_disabled,unresolved_listing",
        Direction.ASK_HEAVY: "min_volume,ask_heavy_disabled,unresolved_listing",
    }
    assert [alert.entry_blocked_by for alert in rig.alerts] == [names[direction] for direction in directions]


def test_near_misses_are_found_only_where_they_are_asked_for_and_a_lost_connection_ends_streaks() -> None:
    asked, silent = Rig(near=True, rule=Rule()), Rig(rule=Rule())
    for rig in (asked, silent):
        for second in range(9):
            rig.book(second)
        rig.grok.on_connection_lost()
    assert [(miss.outcome, miss.measured) for miss in asked.near_misses] == [(Outcome.DURATION, 8.0)]
    assert silent.near_misses == []
    assert silent.grok.counts.outcomes == asked.grok.counts.outcomes


def test_symbols_that_nobody_asked_for_leave_nothing_behind() -> None:
    """The feed's misspelt or foreign symbols must not make a week-long process grow."""
    rig = Rig(symbols=frozenset({"F"}), near=True)
    for number in range(200):
        rig.book(number, symbol=f"X{number}")
        t_ns = T_NS + number * S
        rig.grok.on_frame(frame_of("LEVELONE_EQUITIES", {"key": f"X{number}", "8": 5}), t_ns)
        rig.grok.on_conflated(book_frame(f"Y{number}", t_ns), t_ns, 0, frozenset({("NYSE_BOOK", f"Y{number}")}))
    grok, market = rig.grok, rig.market
    kept: list[Sized] = [grok.counts.outcomes, grok.counts.conflated, market.touches, market._level_ones]
    kept += [grok._detector._states, grok._mids, grok._last, grok._evaluable]
    assert [len(one) for one in kept] == [0] * 8
    assert rig.grok.counts.unsubscribed == 400
