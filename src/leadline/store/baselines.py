"""Owns the rows of baselines and of locks that outlive a run: written as statements, read back at the start.

Never changes a baseline that is there: the newest one of a symbol holds, the others say how it came about.
Comes from `traders`; goes to the writer, and at the start back to `recovery`.
"""

from collections.abc import Callable

import msgspec

from leadline.core.agreement import Baseline
from leadline.core.fills import Fill
from leadline.core.orders import Instruction
from leadline.core.position import Position
from leadline.store.orders import Book
from leadline.store.spill import Statement, Value

Execute = Callable[[str, tuple[Value, ...]], list[tuple[object, ...]]]
"""Runs one statement and gives its rows."""

# `after_fill` is taken where the row is written: in the writer's order every fill before it has its row, none after it.
_INSERT_BASELINE = """INSERT INTO baselines (trader, mode, account, symbol, ours_qty, cost_e6, realised_e6,
    external_qty, broker_qty, taken_ns, taken_by, reason, after_fill)
    VALUES (?,?,?,?,?,?,?,?,?,?,?,?, (SELECT coalesce(max(rowid), 0) FROM fills))"""

_UPSERT_LOCK = """INSERT INTO locks (trader, mode, account, symbol, name, reason, since_ns) VALUES (?,?,?,?,?,?,?)
    ON CONFLICT (trader, mode, account, symbol, name) DO UPDATE SET reason = excluded.reason,
    since_ns = excluded.since_ns, lifted_ns = NULL"""

_LIFT_LOCK = """UPDATE locks SET lifted_ns = ? WHERE (trader, mode, account, symbol, name) = (?,?,?,?,?)"""

_NEWEST = """SELECT symbol, ours_qty, cost_e6, realised_e6, external_qty, broker_qty, taken_ns, taken_by, reason
    FROM baselines WHERE baseline_id IN
        (SELECT max(baseline_id) FROM baselines WHERE (trader, mode, account) = (?,?,?) GROUP BY symbol)"""

_FILLS = """SELECT fill_key, order_id, symbol, instruction, qty, price_e6, fill_ns,
    f.rowid > coalesce((SELECT after_fill FROM baselines b WHERE (b.trader, b.mode, b.account, b.symbol)
        = (f.trader, f.mode, f.account, f.symbol) ORDER BY baseline_id DESC LIMIT 1), 0)
    FROM fills f WHERE (trader, mode, account) = (?,?,?) ORDER BY f.rowid"""

_LOCKS = "SELECT symbol, name, reason FROM locks WHERE (trader, mode, account) = (?,?,?) AND lifted_ns IS NULL"


class Restored(msgspec.Struct, frozen=True):
    """What rows say is ours: baselines, the fills that are added to them, and the keys of those that are in them."""

    baselines: tuple[Baseline, ...] = ()
    fills: tuple[Fill, ...] = ()
    keys: frozenset[str] = frozenset()
    locks: tuple[tuple[str, str, str], ...] = ()
    """Symbol, name and reason of each lock that still holds."""


def insert_baseline(book: Book, baseline: Baseline) -> Statement:
    """Give the statement that adds a baseline, on top of all fills that were put before it."""
    position = baseline.position
    return _INSERT_BASELINE, (
        *msgspec.structs.astuple(book),
        position.symbol,
        position.qty,
        position.cost_e6,
        position.realised_e6,
        baseline.external_qty,
        baseline.broker_qty,
        baseline.taken_ns,
        baseline.by,
        baseline.reason,
    )


def upsert_lock(book: Book, symbol: str, name: str, reason: str, since_ns: int) -> Statement:
    """Give the statement that writes a lock which holds from now on."""
    return _UPSERT_LOCK, (*msgspec.structs.astuple(book), symbol, name, reason, since_ns)


def lift_lock(book: Book, symbol: str, name: str, now_ns: int) -> Statement:
    """Give the statement that says when a lock was lifted."""
    return _LIFT_LOCK, (now_ns, *msgspec.structs.astuple(book), symbol, name)


def restore(execute: Execute, book: Book) -> Restored:
    """Read what is ours as the rows have it; the writer must not be started yet."""
    whose = msgspec.structs.astuple(book)
    fills: list[Fill] = []
    keys: list[str] = []
    for *columns, is_after in execute(_FILLS, whose):
        fill = Fill(*msgspec.convert(columns, tuple[str, str, str, Instruction, int, int, int]))
        if is_after:
            fills.append(fill)
        else:
            keys.append(fill.key)
    return Restored(
        tuple(_baseline(row) for row in execute(_NEWEST, whose)),
        tuple(fills),
        frozenset(keys),
        tuple(msgspec.convert(execute(_LOCKS, whose), list[tuple[str, str, str]])),
    )


def _baseline(row: tuple[object, ...]) -> Baseline:
    symbol, qty, cost_e6, realised_e6, *rest = row
    position = Position(*msgspec.convert((symbol, qty, cost_e6, realised_e6), tuple[str, int, int, int]))
    return Baseline(position, *msgspec.convert(rest, tuple[float, float, int, str, str]))
