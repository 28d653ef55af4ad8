"""What is read of a file that the real writer wrote, while it writes, and what is said of files that are none."""

from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from leadline.core.alerts import Disposition
from leadline.core.errors import SchemaError, StoreError
from leadline.core.orders import Instruction
from leadline.core.units import NS_PER_S
from leadline.store import queries
from leadline.store.alerts import insert_alert
from leadline.store.orders import insert_disposition, insert_order
from leadline.store.rows import Counts, Summary
from leadline.store.schema import VERSION
from leadline.store.spill import Statement
from leadline.store.status import upsert_process
from leadline.store.writer import Writer
from support.ui_store import (
    BOOK,
    MARKET,
    NOON_NS,
    ORIGIN,
    PICTURE,
    a_process,
    an_alert,
    an_intent,
    fill_store,
    write,
)

MIDNIGHT_NS = NOON_NS - 12 * 3_600 * NS_PER_S
DAY_NS = 86_400 * NS_PER_S
SQL_TEXT = "F'; DROP TABLE alerts; --"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "leadline.db"
    fill_store(path)
    return path


@pytest.fixture
def connection(path: Path) -> Iterator[apsw.Connection]:
    with queries.reading(path) as connection:
        yield connection


# Rows


def test_alerts_come_newest_first_with_their_disposition(connection: apsw.Connection) -> None:
    rows = queries.last_alerts(connection)
    assert [row.alert_id for row in rows] == list(range(40, 0, -1))
    newest = rows[0]
    assert (newest.symbol, newest.direction, newest.valid_venues, newest.price) == ("AAL", "bid-heavy", 9, 13.455)
    assert newest.ratio == newest.total_bids / newest.total_asks
    assert {(row.disposition, row.reason) for row in rows if row.entry_blocked_by} == {
        ("refused", "entry blocked: min_volume")
    }


def test_the_limit_counts_alerts_not_their_dispositions(tmp_path: Path) -> None:
    path = tmp_path / "two.db"
    judged = [insert_disposition(2, trader, Disposition.HELD, None, NOON_NS) for trader in ("paper", "live")]
    alerts = [insert_alert(alert_id, an_alert(), ORIGIN) for alert_id in (1, 2)]
    write(path, NOON_NS, [*alerts, *judged])
    with queries.reading(path) as connection:
        rows = queries.last_alerts(connection, 2)
    assert [(row.alert_id, row.trader) for row in rows] == [(2, "live"), (2, "paper"), (1, None)]


def test_orders_and_fills_come_newest_first(connection: apsw.Connection) -> None:
    orders, fills = queries.last_orders(connection), queries.last_fills(connection)
    assert orders == sorted(orders, key=lambda row: -row.decide_ns)
    assert fills == sorted(fills, key=lambda row: -row.fill_ns)
    assert len(queries.last_orders(connection, 3)) == len(queries.last_fills(connection, 3)) == 3
    assert {row.state for row in orders} == {"FILLED", "REJECTED", "WORKING"}
    assert all(PICTURE in (row.reason or "") for row in orders if row.state == "REJECTED")


def test_positions_carry_their_mark_and_what_the_day_did(connection: apsw.Connection) -> None:
    rows = queries.positions(connection, MIDNIGHT_NS)
    assert rows[0].state == "LOCKED"
    assert [row.ours_qty == 0 for row in rows[1:]] == sorted(row.ours_qty == 0 for row in rows[1:])
    fills = queries.last_fills(connection)
    for row in rows:
        own = [fill for fill in fills if fill.symbol == row.symbol]
        signs = [1 if fill.instruction.startswith("BUY") else -1 for fill in own]
        assert row.day_qty == sum(sign * fill.qty for sign, fill in zip(signs, own, strict=True)) == row.ours_qty
        assert row.day_cash_e6 == -sum(s * fill.qty * fill.price_e6 for s, fill in zip(signs, own, strict=True))
        assert row.day_cash_e6 + row.cost_e6 == row.realised_e6
        assert row.bid == MARKET[row.symbol][0] / 10_000


def test_the_day_begins_where_it_is_said_to(connection: apsw.Connection) -> None:
    assert {row.day_qty for row in queries.positions(connection, NOON_NS + NS_PER_S)} == {0}


def test_touches_and_processes_are_read_whole(connection: apsw.Connection) -> None:
    assert [row.symbol for row in queries.touches(connection)] == sorted(MARKET)
    (row,) = queries.processes(connection)
    assert (row.role, row.mode, row.state, row.heartbeat_ns) == ("grok", "paper", "ARMED", NOON_NS - NS_PER_S * 2 // 5)


def test_the_summary_counts_the_whole_file(connection: apsw.Connection) -> None:
    summary = queries.summary(connection)
    dispositions = [row.disposition for row in queries.last_alerts(connection)]
    assert summary.dispositions == {kind: dispositions.count(kind) for kind in dispositions if kind}
    assert (summary.alerts, summary.orders) == (40, summary.dispositions["traded"])
    assert summary.positions == sum(row.ours_qty != 0 for row in queries.positions(connection, 0))


@pytest.mark.parametrize("alerts_before", [0, 1, 2, 17, 40])
def test_counts_since_a_moment_are_exact(connection: apsw.Connection, alerts_before: int) -> None:
    rows = queries.last_alerts(connection)[::-1]
    since_ns = rows[alerts_before].recv_ns if alerts_before < 40 else NOON_NS
    counts = queries.counts_since(connection, since_ns, "paper")
    assert counts.alerts == 40 - alerts_before
    assert counts.orders == sum(row.decide_ns >= since_ns for row in queries.last_orders(connection))
    assert counts.fills == sum(row.fill_ns >= since_ns for row in queries.last_fills(connection))


def test_counts_are_of_one_mode_or_of_all(connection: apsw.Connection) -> None:
    everything = queries.counts_since(connection, 0, None)
    assert (everything.orders, everything.fills) != (0, 0)
    assert queries.counts_since(connection, 0, "live") == Counts(everything.alerts, 0, 0)


def test_counts_hold_where_a_crash_skipped_ids(tmp_path: Path) -> None:
    path = tmp_path / "holes.db"
    ids = [3, 4, 1_001, 1_002, 5_000]
    write(path, NOON_NS, [insert_alert(i, an_alert(recv_ns=NOON_NS + i * NS_PER_S), ORIGIN) for i in ids])
    with queries.reading(path) as connection:
        counts = [queries.counts_since(connection, NOON_NS + s * NS_PER_S, None) for s in (3, 4, 5, 5_001)]
    assert [count.alerts for count in counts] == [5, 4, 3, 0]


def test_a_file_without_rows_gives_none(tmp_path: Path) -> None:
    write(tmp_path / "new.db", NOON_NS, [])
    with queries.reading(tmp_path / "new.db") as connection:
        assert queries.counts_since(connection, 0, None) == Counts(0, 0, 0)
        assert queries.summary(connection) == Summary(0, 0, 0, {}, 0)
        assert not [*queries.last_alerts(connection), *queries.positions(connection, 0), *queries.processes(connection)]


# Beside a writer


def test_one_reading_sees_one_moment_while_the_writer_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "busy.db"
    writer = Writer(path, NOON_NS)
    writer.start()
    writer.put(insert_alert(1, an_alert(), ORIGIN))
    assert writer.flush(5)
    with queries.reading(path) as connection:
        assert len(queries.last_alerts(connection)) == 1
        for alert_id in range(2, 200):
            writer.put(insert_alert(alert_id, an_alert(), ORIGIN))
        assert writer.flush(5), "a reader must not hold the writer up"
        assert [row.alert_id for row in queries.last_alerts(connection)] == [1]
    with queries.reading(path) as connection:
        assert queries.last_alerts(connection, 1)[0].alert_id == 199
    writer.close()


def test_a_replaced_file_is_seen_at_the_next_reading(tmp_path: Path) -> None:
    path, other = tmp_path / "a.db", tmp_path / "b.db"
    write(path, NOON_NS, [])
    write(other, NOON_NS, [insert_alert(1, an_alert(), ORIGIN)])
    with queries.reading(path) as connection:
        assert queries.last_alerts(connection) == []
    other.replace(path)
    with queries.reading(path) as connection:
        assert len(queries.last_alerts(connection)) == 1


def test_sql_in_a_symbol_is_a_symbol(tmp_path: Path) -> None:
    path = tmp_path / "sql.db"
    alert = an_alert(SQL_TEXT)
    order = insert_order(an_intent(1, alert, Instruction.BUY, 100), BOOK)
    write(path, NOON_NS, [insert_alert(1, alert, ORIGIN), order])
    with queries.reading(path) as connection:
        assert queries.last_alerts(connection)[0].symbol == queries.last_orders(connection)[0].symbol == SQL_TEXT
        assert queries.summary(connection).alerts == 1
        assert queries.counts_since(connection, 0, "' OR 1=1 --").orders == 0


def test_nothing_can_be_written(connection: apsw.Connection) -> None:
    with pytest.raises(apsw.ReadOnlyError):
        connection.execute("DELETE FROM alerts")


def test_a_page_costs_the_same_however_long_the_file_is(tmp_path: Path) -> None:
    costs = [_steps(tmp_path / f"{days}.db", days) for days in (2, 20)]
    for name, short in costs[0].items():
        assert costs[1][name] < short * 2, f"{name} reads more than it shows"


def _steps(path: Path, days: int) -> dict[str, int]:
    """Count the steps (in tens) that each of a page's queries takes on a file of so many days of 100 alerts."""
    rows: list[Statement] = []
    for alert_id in range(1, 100 * days + 1):
        alert = an_alert(recv_ns=MIDNIGHT_NS + (alert_id - 100 * days) * DAY_NS // 100)
        rows += [
            insert_alert(alert_id, alert, ORIGIN),
            insert_disposition(alert_id, "paper", Disposition.TRADED, None, alert.recv_ns),
            insert_order(an_intent(alert_id, alert, Instruction.BUY, 100), BOOK),
        ]
    write(path, NOON_NS, rows)
    day_ns = MIDNIGHT_NS - DAY_NS
    asked: dict[str, Callable[[apsw.Connection], object]] = {
        "last_alerts": lambda connection: queries.last_alerts(connection, 50),
        "last_orders": lambda connection: queries.last_orders(connection, 50),
        "last_fills": lambda connection: queries.last_fills(connection, 50),
        "positions": lambda connection: queries.positions(connection, day_ns),
        "counts_since": lambda connection: queries.counts_since(connection, day_ns, "paper"),
    }
    return {name: _steps_of(path, ask) for name, ask in asked.items()}


def _steps_of(path: Path, ask: Callable[[apsw.Connection], object]) -> int:
    steps = 1

    def count() -> bool:
        nonlocal steps
        steps += 1
        return False

    with queries.reading(path) as connection:
        connection.set_progress_handler(count, 10)
        ask(connection)
    return steps


# Files that cannot be shown


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    _refused(tmp_path / "none.db", queries.NothingYetError, "no database here yet")
    assert not (tmp_path / "none.db").exists()


def test_an_empty_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    _refused(path, queries.NothingYetError, "still empty")
    assert path.stat().st_size == 0


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("these are words\n" * 1_000)
    _refused(path, StoreError, "no readable database")


def test_a_directory_is_said(tmp_path: Path) -> None:
    _refused(tmp_path, StoreError, "cannot be opened")


def test_a_database_of_others_is_said(tmp_path: Path) -> None:
    for name, sql in (
        ("a", "CREATE TABLE places (id)"),
        ("b", f"CREATE TABLE places (id); PRAGMA user_version = {VERSION}"),
    ):
        other = apsw.Connection(str(tmp_path / name))
        other.execute(sql)
        other.close()
        _refused(tmp_path / name, StoreError, "not one of leadline's")


def test_a_newer_schema_is_said(tmp_path: Path) -> None:
    path = _with_version(tmp_path / "newer.db", VERSION + 1)
    _refused(path, SchemaError, f"has schema {VERSION + 1}")


def test_an_older_schema_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _with_version(tmp_path / "older.db", VERSION)
    monkeypatch.setattr("leadline.store.queries.VERSION", VERSION + 1)
    _refused(path, SchemaError, f"older schema {VERSION}")


def test_a_file_that_was_cut_is_said(tmp_path: Path) -> None:
    path = tmp_path / "cut.db"
    fill_store(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2 // 4_096 * 4_096])
    with pytest.raises(StoreError), queries.reading(path) as connection:
        _read_all(connection)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("UPDATE alerts SET symbol = x'ff'", "does not hold what it should"),
        ("UPDATE alerts SET symbol = CAST(x'ff' AS TEXT)", "no UTF-8"),
        ("ALTER TABLE alerts RENAME COLUMN ratio TO share", "no such column"),
    ],
)
def test_a_row_that_holds_something_else_is_said(tmp_path: Path, sql: str, why: str) -> None:
    path = tmp_path / "odd.db"
    write(path, NOON_NS, [insert_alert(1, an_alert(), ORIGIN)])
    other = apsw.Connection(str(path))
    other.execute(sql)
    other.close()
    with pytest.raises(StoreError, match=why), queries.reading(path) as connection:
        queries.last_alerts(connection)


def _read_all(connection: apsw.Connection) -> None:
    queries.last_alerts(connection)
    queries.last_orders(connection)
    queries.summary(connection)


def _with_version(path: Path, version: int) -> Path:
    write(path, NOON_NS, [upsert_process(a_process(NOON_NS))])
    other = apsw.Connection(str(path))
    other.pragma("user_version", version)
    other.close()
    return path


def _refused(path: Path, kind: type[StoreError | SchemaError], why: str) -> None:
    with pytest.raises(kind, match=why) as refused, queries.reading(path):
        pass
    assert str(path) in refused.value.which
    assert refused.value.expected
    assert refused.value.do
