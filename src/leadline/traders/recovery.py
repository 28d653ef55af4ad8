"""Owns the start after any end: intents become rows, fills become positions, open orders are taken up again.

Never sends an order.
Comes from the journal and the store, before the writer's thread runs; goes to the ledger and the executor.
"""

from collections.abc import Iterable

import msgspec

from leadline.core.alerts import Disposition
from leadline.core.intent import Intent, Purpose
from leadline.core.orders import ENDED, OrderState
from leadline.core.units import NS_PER_S
from leadline.store.alerts import Origin, insert_alert
from leadline.store.baselines import Restored, restore
from leadline.store.orders import Book, insert_disposition, insert_order
from leadline.store.writer import Writer

_RUNNING = "trading_since:"
"""Counter that holds the first alert id of a run of a trader, until that run ends in order."""


IDS_BACK_NS = 7 * 86_400 * NS_PER_S
"""How far back orders are known by their ids: far longer than a list of the day reaches."""


class OpenOrder(msgspec.Struct, frozen=True):
    """An order of an earlier run of which no end is known; `intent` is None if the journal has lost it."""

    intent_key: str
    symbol: str
    order_id: str | None
    intent: Intent | None


class Recovered(msgspec.Struct, frozen=True):
    """What an earlier run left behind."""

    known: Restored
    open_orders: list[OpenOrder]
    interrupted: int
    order_ids: list[tuple[str, str]] = []
    """Broker's id and intent of each order of the last days."""
    rejected: list[tuple[str, str, int]] = []
    """Symbol, reason and time (UTC) of each entry that the broker has rejected in the last day."""


def recover(writer: Writer, intents: Iterable[Intent], book: Book, now_ns: int, *, writes_rows: bool) -> Recovered:
    """Bring the store up to the journal, and read what is open. The writer must not be started yet."""
    by_key = {intent.key: intent for intent in intents}
    for intent in by_key.values():
        if writes_rows and intent.alert is not None:
            origin = Origin(intent.boot_id, intent.config_hash, intent.version)
            writer.execute_now(*insert_alert(intent.alert_id, intent.alert, origin))
        writer.execute_now(*insert_order(intent, book))
    interrupted = interrupt(writer, now_ns) + _interrupt_intents(writer, by_key.values(), book, now_ns)
    known = restore(writer.execute_now, book)
    return Recovered(
        known,
        _not_adopted(_open_orders(writer, book, by_key), known),
        interrupted,
        _order_ids(writer, book, now_ns),
        _rejected(writer, book, now_ns),
    )


def begin_run(writer: Writer, book: Book, first_alert_id: int) -> None:
    """Note that a trader of grok runs, from which alert on; the writer must not be started yet."""
    writer.execute_now("INSERT OR REPLACE INTO counters VALUES (?, ?)", (_RUNNING + book.trader, first_alert_id))


def end_run(writer: Writer, book: Book) -> None:
    """Note that a trader ended in order: every alert has its disposition."""
    writer.put(("DELETE FROM counters WHERE name = ?", (_RUNNING + book.trader,)))


def _order_ids(writer: Writer, book: Book, now_ns: int) -> list[tuple[str, str]]:
    """Give each id under which the broker has an order of ours; fills tell those of a chain that was replaced."""
    rows = writer.execute_now(
        "SELECT order_id, intent_key FROM orders WHERE (trader, mode, account) = (?,?,?) AND decide_ns >= ?"
        " AND order_id IS NOT NULL UNION SELECT order_id, intent_key FROM fills"
        " WHERE (trader, mode, account) = (?,?,?) AND booked_ns >= ?",
        (*msgspec.structs.astuple(book), now_ns - IDS_BACK_NS) * 2,
    )
    return msgspec.convert(rows, list[tuple[str, str]])


def _rejected(writer: Writer, book: Book, now_ns: int) -> list[tuple[str, str, int]]:
    rows = writer.execute_now(
        "SELECT symbol, coalesce(reason, 'the broker rejected an entry'), ended_ns FROM orders"
        " WHERE (trader, mode, account) = (?,?,?) AND decide_ns >= ? AND purpose = ? AND state = ?"
        " AND ended_ns IS NOT NULL ORDER BY ended_ns",
        (
            *msgspec.structs.astuple(book),
            now_ns - 86_400 * NS_PER_S,
            Purpose.OPEN.value,
            OrderState.REJECTED.value,
        ),
    )
    return msgspec.convert(rows, list[tuple[str, str, int]])


def _not_adopted(orders: list[tuple[OpenOrder, int]], known: Restored) -> list[OpenOrder]:
    """Leave out what the journal has lost and a person has answered since: nobody could follow it."""
    said_ns = {b.position.symbol: b.taken_ns for b in known.baselines if not b.is_first_contact}
    return [order for order, sent_ns in orders if order.intent is not None or sent_ns > said_ns.get(order.symbol, 0)]


def _open_orders(writer: Writer, book: Book, by_key: dict[str, Intent]) -> list[tuple[OpenOrder, int]]:
    rows = writer.execute_now(
        "SELECT intent_key, symbol, order_id, decide_ns FROM orders WHERE trader = ? AND mode = ? AND account = ?"
        " AND state NOT IN (SELECT value FROM json_each(?)) ORDER BY decide_ns",
        (*msgspec.structs.astuple(book), msgspec.json.encode(sorted(ENDED)).decode()),
    )
    told = msgspec.convert(rows, list[tuple[str, str, str | None, int]])
    return [(OpenOrder(key, symbol, order_id, by_key.get(key)), ns) for key, symbol, order_id, ns in told]


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
    for alert_id in {intent.alert_id for intent in intents if intent.alert is not None}:
        statement = insert_disposition(
            alert_id, book.trader, Disposition.INTERRUPTED, "the process ended before it was decided", now_ns
        )
        writer.execute_now(*statement)
        left += msgspec.convert(writer.execute_now("SELECT changes()")[0][0], int)
    return left
