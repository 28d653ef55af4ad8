"""Whatever way a run ended: alerts that were acted on are there, fills count once, open orders are known again."""

from pathlib import Path

import msgspec
import pytest

from leadline.core.agreement import FIRST_CONTACT, Baseline
from leadline.core.alerts import Alert, Disposition
from leadline.core.fills import Fill
from leadline.core.imbalance import Direction
from leadline.core.intent import Intent
from leadline.core.orders import Instruction, OrderState
from leadline.core.position import Position
from leadline.store.alerts import Origin, insert_alert
from leadline.store.baselines import insert_baseline
from leadline.store.orders import Book, OrderUpdate, insert_disposition, insert_fill, insert_order, update_order
from leadline.store.writer import Writer
from leadline.traders.recovery import Recovered, begin_run, end_run, interrupt, recover
from support.trading import Bench

BOOK = Book("live", "sim", "test")
ORIGIN = Origin("boot", "hash", "0")


@pytest.fixture
def intents(tmp_path: Path) -> list[Intent]:
    bench = Bench(tmp_path)
    bench.alert(Direction.BID_HEAVY, "F")
    bench.alert(Direction.BID_HEAVY, "T")
    return [intent for intent, _ in bench.executor.sent]


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path / "l.db", 0)


def alert_of(intents: list[Intent]) -> Alert:
    alert = intents[0].alert
    assert alert is not None
    return alert


def recovered(writer: Writer, intents: list[Intent], *, writes_rows: bool = True) -> Recovered:
    return recover(writer, intents, BOOK, 7, writes_rows=writes_rows)


def test_alerts_and_orders_are_taken_from_the_journal_once(writer: Writer, intents: list[Intent]) -> None:
    recovered(writer, intents)
    left = recovered(writer, intents)
    rows = writer.execute_now("SELECT id, symbol, boot_id, config_hash, version FROM alerts ORDER BY id")
    assert rows == [(1, "F", "boot", "hash", "0"), (2, "T", "boot", "hash", "0")], "of the run that made them"
    assert writer.execute_now("SELECT count(*) FROM orders") == [(2,)]
    assert [(o.intent_key, o.order_id, o.intent) for o in left.open_orders] == [(i.key, None, i) for i in intents]


def test_under_inline_only_no_alert_row_is_written(writer: Writer, intents: list[Intent]) -> None:
    recovered(writer, intents, writes_rows=False)
    assert writer.execute_now("SELECT count(*) FROM alerts") == [(0,)]
    assert writer.execute_now("SELECT count(*) FROM orders") == [(2,)]


def test_ended_orders_stay_ended_and_open_ones_keep_their_id(writer: Writer, intents: list[Intent]) -> None:
    for intent, state in zip(intents, (OrderState.FILLED, OrderState.WORKING), strict=True):
        writer.execute_now(*insert_order(intent, BOOK))
        writer.execute_now(*update_order(intent.key, OrderUpdate(state=state, order_id="77")))
    left = recovered(writer, intents)
    assert [(order.symbol, order.order_id) for order in left.open_orders] == [("T", "77")]


def test_an_order_whose_intent_is_gone_is_named(writer: Writer, intents: list[Intent]) -> None:
    writer.execute_now(*insert_order(intents[0], BOOK))
    [order] = recovered(writer, []).open_orders
    assert (order.intent_key, order.intent) == (intents[0].key, None)


def test_fills_of_this_account_and_mode_only(writer: Writer, intents: list[Intent], tmp_path: Path) -> None:
    fill = Bench(tmp_path / "b").executor.fill_of(intents[0], 13_130_000)
    writer.execute_now(*insert_fill(fill, intents[0], BOOK, 0))
    other = Bench(tmp_path / "c").executor.fill_of(intents[1], 13_130_000)
    writer.execute_now(*insert_fill(other, intents[1], Book("live", "sim", "another account"), 0))
    assert recovered(writer, []).known.fills == (fill,)


def test_alerts_that_a_killed_run_left_undecided_are_interrupted(writer: Writer, intents: list[Intent]) -> None:
    begin_run(writer, BOOK, 2)
    for alert_id in (1, 2, 3):
        writer.execute_now(*insert_alert(alert_id, alert_of(intents), ORIGIN))
    writer.execute_now(*insert_disposition(3, "live", Disposition.HELD, None, 0))
    assert recovered(writer, []).interrupted == 1
    assert writer.execute_now("SELECT alert_id, disposition FROM dispositions ORDER BY 1") == [
        (2, "interrupted"),
        (3, "held"),
    ]


def test_an_intent_without_a_disposition_is_interrupted_too(writer: Writer, intents: list[Intent]) -> None:
    begin_run(writer, BOOK, 1)
    assert recovered(writer, intents).interrupted == 2


def test_a_run_that_ended_in_order_leaves_nothing_to_interrupt(writer: Writer, intents: list[Intent]) -> None:
    begin_run(writer, BOOK, 1)
    writer.execute_now(*insert_alert(1, alert_of(intents), ORIGIN))
    writer.start()
    end_run(writer, BOOK)
    writer.close()
    again = Writer(writer.path, 0)
    assert recovered(again, []).interrupted == 0


def test_alerts_of_a_later_run_are_not_those_that_a_killed_trader_left(writer: Writer, intents: list[Intent]) -> None:
    """A paper run is killed; a live run decides its own alerts, and one that trades nothing has others."""
    paper = Book("paper", "paper", "test")
    begin_run(writer, paper, 1)
    writer.execute_now(*insert_alert(1, alert_of(intents), ORIGIN))
    assert recovered(writer, []).interrupted == 1
    begin_run(writer, BOOK, 2)
    writer.execute_now(*insert_alert(2, alert_of(intents), ORIGIN))
    writer.execute_now(*insert_disposition(2, "live", Disposition.HELD, None, 0))
    assert interrupt(writer, 8) == 0
    writer.execute_now(*insert_alert(3, alert_of(intents), ORIGIN))
    assert recover(writer, [], paper, 9, writes_rows=True).interrupted == 0
    rows = writer.execute_now("SELECT alert_id, trader, disposition FROM dispositions ORDER BY 1")
    assert rows == [(1, "paper", "interrupted"), (2, "live", "held")]


def test_an_intent_whose_run_was_closed_by_another_traders_start_is_interrupted(
    writer: Writer, intents: list[Intent]
) -> None:
    """Live is killed before its rows were written, paper starts next and cannot know them, then live again."""
    begin_run(writer, BOOK, 1)
    assert recover(writer, [], Book("paper", "paper", "test"), 8, writes_rows=True).interrupted == 0
    assert recovered(writer, intents).interrupted == 2
    rows = writer.execute_now("SELECT alert_id, trader, disposition FROM dispositions ORDER BY 1")
    assert rows == [(1, "live", "interrupted"), (2, "live", "interrupted")]
    assert recovered(writer, intents).interrupted == 0


def test_ids_of_our_orders_and_of_their_fills_are_known_again(writer: Writer, intents: list[Intent]) -> None:
    for intent in intents:
        writer.execute_now(*insert_order(intent, BOOK))
    writer.execute_now(*update_order(intents[0].key, OrderUpdate(state=OrderState.FILLED, order_id="78")))
    fill = Fill("k", "77", "F", Instruction.BUY, 100, 13_130_000, 0)
    writer.execute_now(*insert_fill(fill, intents[0], BOOK, intents[0].decide_ns))
    assert sorted(recovered(writer, intents).order_ids) == [("77", intents[0].key), ("78", intents[0].key)]


def test_entries_that_the_broker_rejected_today_are_known_again(writer: Writer, intents: list[Intent]) -> None:
    for intent, state in zip(intents, (OrderState.REJECTED, OrderState.CANCELED), strict=True):
        writer.execute_now(*insert_order(intent, BOOK))
        writer.execute_now(*update_order(intent.key, OrderUpdate(state=state, reason="a broker must", ended_ns=9)))
    assert recovered(writer, intents).rejected == [("F", "a broker must", 9)]


def test_an_order_that_the_journal_lost_is_over_once_a_person_has_said_what_is_ours(
    writer: Writer, intents: list[Intent]
) -> None:
    writer.execute_now(*insert_order(intents[0], BOOK))
    contact = Baseline(Position("F"), 0, 0, intents[0].decide_ns + 1, FIRST_CONTACT, "")
    writer.execute_now(*insert_baseline(BOOK, contact))
    assert [order.intent for order in recovered(writer, []).open_orders] == [None]
    writer.execute_now(*insert_baseline(BOOK, msgspec.structs.replace(contact, by="anna")))
    assert recovered(writer, []).open_orders == []
    assert len(recovered(writer, intents[:1]).open_orders) == 1, "one that can be followed is followed"
