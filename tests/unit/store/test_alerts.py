"""Alert rows and ids: written once, and an id on disk before it is used."""

from pathlib import Path

import apsw
import msgspec
import pytest

from leadline.core.features import Features
from leadline.core.imbalance import Direction
from leadline.store import writer as writer_module
from leadline.store.alerts import BLOCK_SIZE, AlertIds, Origin, insert_alert
from leadline.store.mark import MarkKeeper, mark_path, read_mark
from leadline.store.orders import Book, insert_order
from leadline.store.writer import Writer
from support.intents import RECV_NS, an_alert, an_intent
from support.machine import child, said, wait_until

ORIGIN = Origin("boot", "c0ffee", "0.1.0")

HOLD = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
connection.set_busy_timeout(10_000)
connection.execute("BEGIN IMMEDIATE")
print("held")
sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


def rows(path: Path) -> list[dict[str, object]]:
    connection = apsw.Connection(str(path))
    cursor = connection.execute("SELECT * FROM alerts ORDER BY id")
    found = [dict(zip([column[0] for column in cursor.description], row, strict=True)) for row in cursor]
    connection.close()
    return found


def run(path: Path, count: int) -> list[int]:
    """Draw ids in a run that ends in order."""
    writer = Writer(path, 1)
    ids = AlertIds(writer)
    writer.start()
    drawn = []
    for _ in range(count):
        number = ids.next()
        if number is None:
            assert writer.flush(10)
            number = ids.next()
        assert number is not None
        drawn.append(number)
    writer.close()
    return drawn


def test_an_alert_row_holds_what_the_design_lists_in_dollars_and_seconds(path: Path) -> None:
    writer = Writer(path, 1)
    writer.execute_now(*insert_alert(7, an_alert(), ORIGIN))
    writer.close()
    assert rows(path) == [
        {
            "id": 7,
            "timestamp": RECV_NS / 1e9,
            "symbol": "F",
            "direction": "bid-heavy",
            "ratio": 18_400 / 6_100,
            "total_bids": 18_400,
            "total_asks": 6_100,
            "heavy_venues": 6,
            "valid_venues": 9,
            "price": 13.82505,
            "bid": 13.82,
            "ask": 13.83,
            "imbalance_duration": 12.4,
            "vol_per_min": None,
            "streak_id": 3,
            "entry_blocked_by": None,
            "service": "NYSE_BOOK",
            "book_ns": RECV_NS - 40_000_000,
            "recv_ns": RECV_NS,
            "boot_ns": 77,
            "boot_id": "boot",
            "features": "{}",
            "config_hash": "c0ffee",
            "version": "0.1.0",
        }
    ]


def test_an_alert_is_written_once(path: Path) -> None:
    writer = Writer(path, 1)
    writer.execute_now(*insert_alert(7, an_alert("F"), ORIGIN))
    writer.execute_now(*insert_alert(7, an_alert("G", Direction.ASK_HEAVY), ORIGIN))
    writer.close()
    assert [row["symbol"] for row in rows(path)] == ["F"]


def test_a_row_that_lacks_something_is_said_and_not_passed_over(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """`INSERT OR IGNORE` would drop it in silence."""
    writer = Writer(path, 1)
    writer.start()
    writer.put(insert_alert(1, msgspec.structs.replace(an_alert(), symbol=None), ORIGIN))
    writer.close()
    assert "row refused" in caplog.text
    assert "alerts.symbol" in caplog.text


# ids


def test_ids_grow_by_one_within_a_run_over_many_blocks(path: Path) -> None:
    drawn = run(path, 3 * BLOCK_SIZE)
    assert drawn == list(range(1, 3 * BLOCK_SIZE + 1))


def test_ids_of_a_later_run_are_larger(path: Path) -> None:
    first, second, third = run(path, 3), run(path, 1), run(path, 700)
    assert first[-1] < second[0]
    assert second[-1] < third[0]


def test_last_is_the_last_id_of_any_run(path: Path) -> None:
    writer = Writer(path, 1)
    ids = AlertIds(writer)
    assert ids.last == 0
    assert ids.next() == ids.last == 1
    writer.close()
    second = Writer(path, 1)
    assert AlertIds(second).last == BLOCK_SIZE
    second.close()


def test_ids_stay_ahead_of_rows_and_orders_that_the_counter_does_not_know(path: Path) -> None:
    """As after a restore of a backup, or a row that recovery took from the journal."""
    writer = Writer(path, 1)
    writer.execute_now(*insert_alert(5_000, an_alert(), ORIGIN))
    assert AlertIds(writer).next() == 5_001
    writer.execute_now(*insert_order(an_intent(90_000), Book("live", "sim", "abc")))
    assert AlertIds(writer).next() == 90_001
    writer.execute_now("UPDATE counters SET value = 3 WHERE name = 'alert_id'")
    writer.execute_now("DELETE FROM orders")
    assert AlertIds(writer).next() == 91_001, "the mark beside the file knows what the file has forgotten"
    writer.close()


def test_ids_go_on_without_alert_rows(path: Path) -> None:
    """With INLINE_DISPATCH_ONLY=1 no row is written, and the counter alone keeps them apart."""
    assert run(path, 10) == list(range(1, 11))
    assert rows(path) == []
    assert run(path, 1) == [BLOCK_SIZE + 1]


def test_a_lock_on_the_database_or_a_burst_costs_no_alert_its_id(path: Path) -> None:
    """Nobody commits meanwhile: the mark beside the file is the record."""
    writer = Writer(path, 1)
    ids = AlertIds(writer)
    assert [ids.next() for _ in range(10_000)] == list(range(1, 10_001))
    mark = read_mark(mark_path(path))
    assert mark is not None
    assert mark.alert_id >= 10_000, "on record before the first of them was given"
    writer._database.close()
    assert run(path, 1)[0] > 10_000


def test_no_id_is_given_that_is_on_no_record(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the database nor its mark can be written."""
    monkeypatch.setattr(MarkKeeper, "reserve", lambda keeper, alert_id: False)
    writer = Writer(path, 1)
    ids = AlertIds(writer)
    writer.start()
    with child(HOLD, path) as holder:
        assert said(holder) == "held"
        drawn = [ids.next() for _ in range(BLOCK_SIZE + 3)]
        assert drawn == [*range(1, BLOCK_SIZE + 1), None, None, None]
    wait_until(lambda: writer.waiting_count == 0)
    assert ids.next() == BLOCK_SIZE + 1
    writer.close()


def test_a_writer_that_takes_no_more_rows_still_reserves_ids(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Else the ids would end for good when a disk was full for long, even after it is not."""
    monkeypatch.setattr(writer_module, "QUEUE_MAX", 0)
    assert len(run(path, 3 * BLOCK_SIZE)) == 3 * BLOCK_SIZE


def test_features_stand_in_their_column_under_names_that_tell_their_units(path: Path) -> None:
    features = Features(-1.5, -0.75, 3.0, None, 100, 9, 8, 9, 8, 7, 3, 12.5, 40, 5_000_000)
    writer = Writer(path, 1)
    writer.execute_now(*insert_alert(1, msgspec.structs.replace(an_alert(), features=features), ORIGIN))
    writer.execute_now(*insert_alert(2, an_alert(), ORIGIN))
    writer.close()
    with_them, without = rows(path)
    assert msgspec.json.decode(str(with_them["features"])) == {
        "drift_60s_e4": -1.5,
        "drift_60s_bps": -0.75,
        "range_60s_e4": 3.0,
        "vol_per_min": None,
        "spread_e4": 100,
        "bid_entries": 9,
        "ask_entries": 8,
        "bid_venues": 9,
        "ask_venues": 8,
        "valid_venues": 7,
        "streak_id": 3,
        "quote_age_median_ms": 12.5,
        "quote_age_max_ms": 40,
        "recv_lag_ns": 5_000_000,
    }
    assert without["features"] == "{}", "an intent of an earlier version had none"
