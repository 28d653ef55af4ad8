"""Owns how the database's health and its exchange read on a terminal: one line a thing, units beside the numbers.

Never judges: what is a problem was said by `app`.
Comes from `app` as structs; goes to standard output by way of `db`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from leadline.app.database import Health
from leadline.core.units import NS_PER_S
from leadline.store.check import Contents
from leadline.store.restore import Restored

MIB = 2**20
TOLD_TABLES = ("alerts", "orders", "fills")


def health_lines(health: Health) -> Iterator[str]:
    """Give the lines of `leadline db check`."""
    place = "in memory" if health.is_in_memory else "on disk"
    yield f"database   {health.path} ({place}, {_mib(health.size_bytes)}; WAL {_mib(health.wal_bytes)})"
    yield f"library    SQLite {health.sqlite}"
    contents = health.contents
    if contents is not None:
        yield f"schema     {contents.schema} of {health.schema_known}"
        marked = "no mark" if health.marked_commits is None else f"its mark says {health.marked_commits}"
        yield f"commits    {contents.commits} ({marked})"
        for table, rows in contents.rows.items():
            newest = contents.newest_ns.get(table)
            yield f"  {table.ljust(14)} {rows:>12} rows{f', newest {_moment(newest)}' if newest else ''}"
    yield f"free       {_mib(health.free_bytes)}"
    if health.backup is not None and health.backup_age_s is not None:
        yield f"backup     {health.backup} ({_age(health.backup_age_s)} old)"
    yield from (f"look       {remark}" for remark in health.remarks)
    yield from (f"DAMAGED    {problem}" for problem in health.problems)
    if not health.problems:
        yield "ok         every page, table, index and reference was read and is sound"


def restored_lines(restored: Restored, path: str) -> Iterator[str]:
    """Give the lines of `leadline db restore`: what was there beside what is there now, and what comes next."""
    before, now = restored.replaced, restored.restored
    yield f"{path} is restored"
    yield f"  {''.ljust(8)} {'before'.ljust(40)} now"
    for table in TOLD_TABLES:
        was = restored.unreadable or "" if before is None else _rows(before, table)
        yield f"  {table.ljust(8)} {was.ljust(40)} {_rows(now, table)}"
    if restored.aside:
        yield "what was there before was put aside, nothing was deleted:"
        yield from (f"  {name}" for name in restored.aside)
    yield "next: start `leadline grok`. It replays the intent journal and compares every position with the broker;"
    yield "symbols that differ are locked until they agree."


def _rows(contents: Contents, table: str) -> str:
    rows = contents.rows.get(table, 0)
    newest = contents.newest_ns.get(table)
    return f"{rows}, newest {_moment(newest)}" if newest else str(rows)


def _moment(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // NS_PER_S, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _age(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / MIB:.1f} MiB"
