"""Owns what pages and the status line read: SQL with bound parameters, one snapshot of the file, rows as structs.

Never writes, never holds a transaction open between reads, never gives a table without a limit.
Comes from the database file through `open_reader`; goes to `ui` (by way of `views`) and `cli`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import apsw
import msgspec

from leadline.core.errors import SchemaError, StoreError
from leadline.store.connection import explained, open_reader
from leadline.store.rows import (
    AlertLineRow,
    AlertRow,
    Cause,
    Counts,
    FillRow,
    OrderRow,
    PositionRow,
    ProcessRow,
    Summary,
    TouchRow,
)
from leadline.store.schema import VERSION

ROWS_MAX = 100
"""Alerts, orders and fills that a page asks for."""

SYMBOLS_MAX = 1_000
"""Positions, touches and processes: bounded by what is watched, cut here in any case."""

_TABLES = frozenset({"alerts", "dispositions", "fills", "orders", "positions", "processes", "touches"})

Row = TypeVar("Row", bound=msgspec.Struct)


_ALERTS = """SELECT a.id, a.recv_ns, a.symbol, a.direction, a.ratio, a.heavy_venues, a.valid_venues, a.total_bids,
    a.total_asks, a.price, a.imbalance_duration, a.entry_blocked_by, d.trader, d.disposition, d.reason
    FROM (SELECT * FROM alerts ORDER BY id DESC LIMIT ?) a LEFT JOIN dispositions d ON d.alert_id = a.id
    ORDER BY a.id DESC, d.trader"""


_ALERTS_OF_RUN = """SELECT recv_ns, symbol, direction, ratio, total_bids, total_asks, heavy_venues, valid_venues, price,
    imbalance_duration, bid, ask, vol_per_min, streak_id, entry_blocked_by, service, book_ns
    FROM alerts WHERE boot_id = ? AND config_hash = ? AND boot_ns BETWEEN ? AND ? ORDER BY id"""


_ORDERS = """SELECT trader, mode, account, alert_id, purpose, symbol, instruction, qty, order_type, limit_price,
    order_id, state, broker_status, reason, filled_qty, average_price, decide_ns, sent_ns, ack_ns
    FROM orders ORDER BY decide_ns DESC LIMIT ?"""


_FILLS = """SELECT trader, mode, account, order_id, symbol, instruction, qty, price_e6, fill_ns
    FROM fills ORDER BY fill_ns DESC LIMIT ?"""


_POSITIONS = """SELECT p.trader, p.mode, p.account, p.symbol, p.ours_qty, p.cost_e6, p.realised_e6, p.updated_ns,
    p.external_qty, p.broker_qty, p.broker_ns, p.state, p.reason, t.bid, t.ask, t.recv_ns, coalesce(f.day_qty, 0),
    coalesce(f.day_cash_e6, 0)
    FROM positions p LEFT JOIN touches t ON t.symbol = p.symbol
    LEFT JOIN (SELECT trader, mode, account, symbol,
            sum(CASE WHEN instruction IN ('BUY', 'BUY_TO_COVER') THEN qty ELSE -qty END) AS day_qty,
            sum(CASE WHEN instruction IN ('BUY', 'BUY_TO_COVER') THEN -qty ELSE qty END * price_e6) AS day_cash_e6
        FROM fills WHERE fill_ns >= ? GROUP BY trader, mode, account, symbol) f
    ON (f.trader, f.mode, f.account, f.symbol) = (p.trader, p.mode, p.account, p.symbol)
    ORDER BY p.state = 'OPEN', p.ours_qty = 0, p.symbol, p.trader, p.mode, p.account LIMIT ?"""


_TOUCHES = "SELECT symbol, bid, ask, bid_size, ask_size, last, status, recv_ns FROM touches ORDER BY symbol LIMIT ?"


_PROCESSES = """SELECT role, pid, started_ns, heartbeat_ns, mode, account, broker, state, detail, config_hash, version
    FROM processes ORDER BY role LIMIT ?"""


_ORDERS_SINCE = "SELECT count(*) FROM orders WHERE decide_ns >= ?1 AND (?2 IS NULL OR mode = ?2)"
_FILLS_SINCE = "SELECT count(*) FROM fills WHERE fill_ns >= ?1 AND (?2 IS NULL OR mode = ?2)"


class NothingYetError(StoreError):
    """Nothing was written here yet: a first run, not a fault."""


@contextmanager
def reading(path: Path) -> Iterator[apsw.Connection]:
    """Open the file, give one snapshot of it, close it.

    Opening costs 0.14 ms and is done anew each time: a replaced file is seen, and no two threads share a connection.

    Raises:
        NothingYetError: the file is not there, or empty.
        SchemaError: another version of leadline wrote the file.
        StoreError: the file is damaged, busy or not leadline's.
    """
    if not path.exists():
        raise _nothing_yet(path, "there is no database here yet")
    connection = open_reader(path)
    try:
        with explained(path):
            connection.execute("BEGIN")
            _check(connection, path)
            yield connection
    except msgspec.ValidationError as error:
        raise _unreadable(path, f"a row does not hold what it should: {error}") from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, "a row holds text that is no UTF-8") from error
    except apsw.Error as error:
        raise _unreadable(path, str(error)) from error
    finally:
        connection.close()


def processes(connection: apsw.Connection) -> list[ProcessRow]:
    """Give the row of each role."""
    return _rows(connection, ProcessRow, _PROCESSES, SYMBOLS_MAX)


def last_alerts(connection: apsw.Connection, limit: int = ROWS_MAX) -> list[AlertRow]:
    """Give the last `limit` alerts, newest first, each with its dispositions."""
    return _rows(connection, AlertRow, _ALERTS, limit)


def last_orders(connection: apsw.Connection, limit: int = ROWS_MAX) -> list[OrderRow]:
    """Give the last `limit` orders, newest decision first."""
    return _rows(connection, OrderRow, _ORDERS, limit)


def last_fills(connection: apsw.Connection, limit: int = ROWS_MAX) -> list[FillRow]:
    """Give the last `limit` fills, newest first."""
    return _rows(connection, FillRow, _FILLS, limit)


def positions(connection: apsw.Connection, day_start_ns: int) -> list[PositionRow]:
    """Give each symbol's position with what the fills since `day_start_ns` did: doubtful ones first, flat ones last."""
    return _rows(connection, PositionRow, _POSITIONS, day_start_ns, SYMBOLS_MAX)


def touches(connection: apsw.Connection) -> list[TouchRow]:
    """Give the last touch of each symbol."""
    return _rows(connection, TouchRow, _TOUCHES, SYMBOLS_MAX)


def counts_since(connection: apsw.Connection, since_ns: int, mode: str | None) -> Counts:
    """Count alerts since a moment, and orders and fills of one mode (None: of all)."""
    return Counts(
        _number(connection, "SELECT count(*) FROM alerts WHERE id >= ?", _first_alert_since(connection, since_ns)),
        _number(connection, _ORDERS_SINCE, since_ns, mode),
        _number(connection, _FILLS_SINCE, since_ns, mode),
    )


def summary(connection: apsw.Connection) -> Summary:
    """Count what the whole file holds, for a status line."""
    kinds = connection.execute("SELECT disposition, count(*) FROM dispositions GROUP BY disposition").fetchall()
    dispositions = dict(msgspec.convert(kinds, list[tuple[str, int]]))
    return Summary(
        _number(connection, "SELECT count(*) FROM alerts"),
        _number(connection, "SELECT count(*) FROM orders"),
        _number(connection, "SELECT count(*) FROM fills"),
        dispositions,
        _number(connection, "SELECT count(*) FROM positions WHERE ours_qty <> 0"),
    )


def _first_alert_since(connection: apsw.Connection, since_ns: int) -> int:
    """Give the smallest id received at or after a moment. Ids grow with time, so halving finds it without an index."""
    low, high = 0, _number(connection, "SELECT coalesce(max(id), 0) FROM alerts") + 1
    while low < high:
        middle = (low + high) // 2
        found = connection.execute("SELECT id, recv_ns FROM alerts WHERE id >= ? ORDER BY id LIMIT 1", (middle,)).get
        if found is None or found[1] >= since_ns:
            high = middle
        else:
            low = found[0] + 1
    return low


def _rows(connection: apsw.Connection, into: type[Row], sql: str, *values: int) -> list[Row]:
    return msgspec.convert(connection.execute(sql, values).fetchall(), list[into])  # type: ignore[valid-type]


def _number(connection: apsw.Connection, sql: str, *values: int | str | None) -> int:
    return msgspec.convert(connection.execute(sql, values).get, int)


def _check(connection: apsw.Connection, path: Path) -> None:
    """Raise unless this is a database that this version of leadline wrote."""
    found = _number(connection, "PRAGMA user_version")
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not tables and found == 0:
        raise _nothing_yet(path, "this database is still empty")
    if found > VERSION:
        raise SchemaError(
            f"the database has schema {found}, this leadline knows {VERSION}",
            which=f"DB_PATH={path}",
            expected="a database of this version",
            do="open it with the newer leadline that wrote it",
        )
    if 0 < found < VERSION:
        raise SchemaError(
            f"the database has the older schema {found}, this leadline reads {VERSION}",
            which=f"DB_PATH={path}",
            expected="a database of this version",
            do="start `leadline grok` of this version, which brings the file up to date",
        )
    if found == 0 or not tables >= _TABLES:
        raise StoreError(
            "this is a SQLite database, but not one of leadline's",
            which=f"DB_PATH={path}",
            expected="a database written by leadline",
            do="correct DB_PATH; the file was left as it is",
        )


def _nothing_yet(path: Path, what: str) -> NothingYetError:
    return NothingYetError(
        what,
        which=f"DB_PATH={path}",
        expected="a database that `leadline grok` writes",
        do="start `leadline grok`, or correct DB_PATH",
    )


def _unreadable(path: Path, why: str) -> StoreError:
    return StoreError(
        f"the database cannot be read ({why})",
        which=f"DB_PATH={path}",
        expected="a database that `leadline grok` writes",
        do="wait if it is being written or moved; if this stays, restore a backup",
    )


def causes(connection: apsw.Connection) -> list[Cause]:
    """Give the first legs of all alerts with their books, oldest first."""
    return _rows(
        connection,
        Cause,
        "SELECT o.order_id, o.symbol, a.book_ns / 1000000 FROM orders o JOIN alerts a ON a.id = o.alert_id"
        " WHERE o.leg = 1 AND o.order_id IS NOT NULL ORDER BY o.decide_ns",
    )


def alerts_of_run(
    connection: apsw.Connection, boot_id: str, config_hash: str, *, first_boot_ns: int, last_boot_ns: int
) -> list[AlertLineRow]:
    """Give the alerts of one run between two moments of the boot clock, in the order of their ids."""
    rows = connection.execute(_ALERTS_OF_RUN, (boot_id, config_hash, first_boot_ns, last_boot_ns)).fetchall()
    return msgspec.convert(rows, list[AlertLineRow])


def profit(connection: apsw.Connection) -> float:
    """Give realised and open profit over all positions in dollars, marked at what closing them now would bring."""
    [(realised, unrealised)] = connection.execute(
        "SELECT coalesce(sum(p.realised_e6), 0) / 1e6,"
        " coalesce(sum(p.ours_qty * iif(p.ours_qty > 0, t.bid, t.ask) - p.cost_e6 / 1e6), 0)"
        " FROM positions p LEFT JOIN touches t ON t.symbol = p.symbol"
    )
    return float(realised) + float(unrealised)
