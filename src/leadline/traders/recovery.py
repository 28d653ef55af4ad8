"""Owns the start after any end: intents become rows, fills become positions, open orders are taken up again.

Never sends an order.
Comes from the journal and the store, before the writer's thread runs; goes to the ledger and the executor.
"""

from collections.abc import Iterable

import msgspec

from leadline.core.alerts import Disposition
from leadline.core.fills import Fill
from leadline.core.intent import Intent
from leadline.core.orders import ENDED, Instruction
from leadline.store.alerts import Origin, insert_alert
from leadline.store.orders import Book, insert_disposition, insert_order
from leadline.store.writer import Writer

_RUNNING = "trading_since:"
"""Counter that holds the first alert id of a run of a trader, until that run ends in order."""


class OpenOrder(msgspec.Struct, frozen=True):
    """An order of an earlier run of which no end is known; `intent` is None if the journal has lost it."""

    intent_key: str
    symbol: str
    order_id: str | None
    intent: Intent | None


class Recovered(msgspec.Struct, frozen=True):
    """What an earlier run left behind."""

    fills: list[Fill]
    open_orders: list[OpenOrder]
    interrupted: int


def recover(writer: Writer, intents: Iterable[Intent], book: Book, now_ns: int, *, writes_rows: bool) -> Recovered:
    """Bring the store up to the journal, and read what is open. The writer must not be started yet."""
    by_key = {intent.key: intent for intent in intents}
    for intent in by_key.values():
        if writes_rows:
            origin = Origin(intent.boot_id, intent.config_hash, intent.version)
            writer.execute_now(*insert_alert(intent.alert_id, intent.alert, origin))
        writer.execute_now(*insert_order(intent, book))
    interrupted = interrupt(writer, now_ns) + _interrupt_intents(writer, by_key.values(), book, now_ns)
    return Recovered(_fills(writer, book), _open_orders(writer, book, by_key), interrupted)


def begin_run(writer: Writer, book: Book, first_alert_id: int) -> None:
    """Note that a trader of grok runs, from which alert on; the writer must not be started yet."""
    writer.execute_now("INSERT OR REPLACE INTO counters VALUES (?, ?)", (_RUNNING + book.trader, first_alert_id))


def end_run(writer: Writer, book: Book) -> None:
    """Note that a trader ended in order: every alert has its disposition."""
    writer.put(("DELETE FROM counters WHERE name = ?", (_RUNNING + book.trader,)))


def _fills(writer: Writer, book: Book) -> list[Fill]:
    rows = writer.execute_now(
        "SELECT fill_key, order_id, symbol, instruction, qty, price_e6, fill_ns FROM fills"
        " WHERE trader = ? AND mode = ? AND account = ? ORDER BY rowid",
        msgspec.structs.astuple(book),
    )
    return [Fill(*msgspec.convert(row, tuple[str, str, str, Instruction, int, int, int])) for row in rows]


def _open_orders(writer: Writer, book: Book, by_key: dict[str, Intent]) -> list[OpenOrder]:
    rows = writer.execute_now(
        "SELECT intent_key, symbol, order_id FROM orders WHERE trader = ? AND mode = ? AND account = ?"
        " AND state NOT IN (SELECT value FROM json_each(?)) ORDER BY decide_ns",
        (*msgspec.structs.astuple(book), msgspec.json.encode(sorted(ENDED)).decode()),
    )
    return [OpenOrder(str(k), str(s), None if i is None else str(i), by_key.get(str(k))) for k, s, i in rows]


def interrupt(writer: Writer, now_ns: int) -> int:
    """Give each alert that an earlier run of grok left without a disposition the one that says so; give their number.

    At every start, whoever trades in it: alerts of later runs are not that trader's. The writer is not started yet.
    """
    runs = writer.execute_now(
        "SELECT name, value FROM counters WHERE substr(name, 1, ?) = ?", (len(_RUNNING), _RUNNING)
    )
    count = 0
    for name, value in runs:
        trader, first_id = str(name).removeprefix(_RUNNING), msgspec.convert(value, int)
        left = writer.execute_now(
            "INSERT OR IGNORE INTO dispositions SELECT id, ?, ?, 'the process ended before it was decided', ? FROM"
            " (SELECT id FROM alerts WHERE id >= ?"
            " UNION SELECT alert_id FROM orders WHERE alert_id >= ? AND trader = ?) WHERE true RETURNING alert_id",
            (trader, Disposition.INTERRUPTED.value, now_ns, first_id, first_id, trader),
        )
        count += len(left)
        writer.execute_now("DELETE FROM counters WHERE name = ?", (str(name),))
    return count


def _interrupt_intents(writer: Writer, intents: Iterable[Intent], book: Book, now_ns: int) -> int:
    """Do the same for alerts that only the journal knew: a run of another mode may have started in between."""
    left = 0
    for alert_id in {intent.alert_id for intent in intents}:
        statement = insert_disposition(
            alert_id, book.trader, Disposition.INTERRUPTED, "the process ended before it was decided", now_ns
        )
        writer.execute_now(*statement)
        left += msgspec.convert(writer.execute_now("SELECT changes()")[0][0], int)
    return left
