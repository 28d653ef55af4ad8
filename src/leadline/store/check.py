"""Owns whether a database is sound, and what is in it, in a few numbers.

Never writes, never stays in one snapshot: each question is a read of its own, so that the WAL can be cut in between.
Comes from an open connection; goes to the start-up check, backups and `leadline db`.
"""

from collections.abc import Callable

import apsw
import msgspec

Progress = Callable[[str, int, int], None]
"""Told what is worked on, how much of it is done, and how much there is; 0 where that is not known."""

PROBLEMS_MAX = 20
"""Problems that are listed: with more of them the file is no better."""

TIME_COLUMNS = {
    "alerts": "recv_ns",
    "baselines": "taken_ns",
    "commands": "asked_ns",
    "dispositions": "decided_ns",
    "external_orders": "listed_ns",
    "feed_gaps": "start_ns",
    "fills": "fill_ns",
    "judgements": "recv_ns",
    "locks": "since_ns",
    "migrations": "ran_ns",
    "near_misses": "recv_ns",
    "orders": "decide_ns",
    "outcomes": "updated_ns",
    "positions": "updated_ns",
    "processes": "heartbeat_ns",
    "touches": "recv_ns",
}
"""The column that says when a row's event was, UTC."""

STEPS_PER_TICK = 100_000
"""SQLite instructions between two calls of the progress function; a check runs millions a second."""


class Contents(msgspec.Struct, frozen=True):
    """What a database holds: schema, grouped commits, highest alert id reserved or used, rows and newest time a table.

    Times are UTC nanoseconds.
    """

    schema: int
    commits: int
    alert_id: int
    rows: dict[str, int]
    newest_ns: dict[str, int]


def quick_check(connection: apsw.Connection) -> list[str]:
    """Give what SQLite finds wrong with the file without comparing indexes with tables; nothing if it is sound."""
    return _problems(connection, f"PRAGMA quick_check({PROBLEMS_MAX})")


def full_check(connection: apsw.Connection, on_progress: Progress) -> list[str]:
    """Give all that SQLite finds wrong: pages, then each table with its indexes, then references between tables."""
    problems: list[str] = []
    try:
        _tell_while_running(connection, on_progress, "pages", 0, 0)
        problems += quick_check(connection)
        if problems:
            return problems
        tables = table_names(connection)
        for done, table in enumerate(tables):
            _tell_while_running(connection, on_progress, table, done, len(tables))
            problems += _problems(connection, f"PRAGMA integrity_check({quoted(table)})")
        problems += [
            f"row {row} of {table} refers to a row that {parent} does not have"
            for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check")
        ]
        on_progress("tables", len(tables), len(tables))
    except (apsw.CorruptError, apsw.NotADBError) as error:
        problems.append(str(error))
    finally:
        connection.set_progress_handler(None)
    return problems


def _problems(connection: apsw.Connection, pragma: str) -> list[str]:
    try:
        found = [str(text) for (text,) in connection.execute(pragma)]
    except (apsw.CorruptError, apsw.NotADBError) as error:
        return [str(error)]
    return [] if found == ["ok"] else found


def _tell_while_running(connection: apsw.Connection, on_progress: Progress, what: str, done: int, total: int) -> None:
    def tick() -> bool:
        on_progress(what, done, total)
        return False

    tick()
    connection.set_progress_handler(tick, STEPS_PER_TICK)


def table_names(connection: apsw.Connection) -> list[str]:
    """Give the names of the tables, SQLite's own left out."""
    sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' ORDER BY name"
    return [str(name) for (name,) in connection.execute(sql)]


def quoted(name: str) -> str:
    """Write a name as SQL wants it. Only names that the schema itself gave come here."""
    return '"' + name.replace('"', '""') + '"'


def contents_of(connection: apsw.Connection) -> Contents:
    """Count what a sound database holds, of this version or any other."""
    tables = table_names(connection)
    newest = {
        table: moment
        for table, column in TIME_COLUMNS.items()
        if table in tables and (moment := _integer(connection, f"SELECT max({column}) FROM {table}"))  # noqa: S608
    }
    ids = [
        _integer(connection, sql)
        for table, sql in (
            ("alerts", "SELECT max(id) FROM alerts"),
            ("counters", "SELECT value FROM counters WHERE name = 'alert_id'"),
            ("orders", "SELECT max(alert_id) FROM orders"),
        )
        if table in tables
    ]
    commits = "SELECT value FROM counters WHERE name = 'commits'"
    return Contents(
        schema=_integer(connection, "PRAGMA user_version"),
        commits=_integer(connection, commits) if "counters" in tables else 0,
        alert_id=max(ids, default=0),
        rows={table: _integer(connection, f"SELECT count(*) FROM {quoted(table)}") for table in tables},  # noqa: S608
        newest_ns=newest,
    )


def _integer(connection: apsw.Connection, sql: str) -> int:
    found = connection.execute(sql).get
    return found if isinstance(found, int) else 0
