"""Frames become counts, touches and alerts; alerts become an id, a dispatch and a row, in this order."""

from pathlib import Path

import pytest

from leadline.core.alerts import Alert, EntryFilter
from leadline.core.detector import Detector, Outcome
from leadline.core.imbalance import Direction, Rule
from leadline.core.market import Market, Service
from leadline.dispatch import Dispatch
from leadline.grok import Grok, HandOver
from leadline.store.alerts import AlertIds, Origin
from leadline.store.spill import Statement
from leadline.store.writer import Writer
from support.frames import T_NS, book_frame, frame_of
from support.trading import HandClock, make_alert

EAGER = Rule(min_duration_ns=0, throttle_ns=0)


class Rig:
    def __init__(self, *, symbols: frozenset[str] | None = None, listed: bool = True, rule: Rule = EAGER) -> None:
        self.alerts: list[Alert] = []
        self.market = Market(60_000_000_000)
        services = {"F": Service.NYSE_BOOK} if listed else {}
        self.grok = Grok(
            Detector(rule, services), EntryFilter(), self.market, symbols=symbols, on_alert=self.alerts.append
        )


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
