"""Owns the tables of alerts, orders and fills.

Never judges them.
Comes from their rows; goes to `ui`.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from leadline.core.imbalance import Direction
from leadline.core.orders import Instruction
from leadline.core.units import NS_PER_MS
from leadline.views.columns import MONEY, PRICE, QTY, Column, book_name
from leadline.views.rows import AlertRow, FillRow, OrderRow
from leadline.views.words import E6, moment_text, plain, spaced


def by_alert(rows: Iterable[AlertRow]) -> list[list[AlertRow]]:
    """Put the rows of one alert together: one a trader that judged it."""
    return [list(same) for _, same in groupby(rows, key=lambda row: row.alert_id)]


_ARROWS = {Direction.BID_HEAVY.value: "▲ ", Direction.ASK_HEAVY.value: "▼ "}


def _named(same: Sequence[AlertRow], text: Callable[[AlertRow], str | None]) -> str:
    """Write what each trader said, by name where there are several."""
    said = [(row.trader, plain(text(row))) for row in same if text(row)]
    is_one = len({row.trader for row in same}) == 1
    return " · ".join(words if is_one else f"{plain(trader)}: {words}" for trader, words in said)


def _ack_ms(row: OrderRow) -> float | None:
    return None if row.sent_ns is None or row.ack_ns is None else (row.ack_ns - row.sent_ns) / NS_PER_MS


def _why(row: OrderRow) -> str:
    """Give the reason; where there is none the broker's status stands in for it, if it says more than the state."""
    return plain(row.reason) or ("" if row.broker_status in {None, row.state} else spaced(row.broker_status))


def _cash(row: FillRow) -> float | None:
    if row.instruction not in set(Instruction):
        return None
    return -Instruction(row.instruction).sign * row.qty * row.price_e6 / E6


ALERTS: tuple[Column[Sequence[AlertRow]], ...] = (
    Column("Alert", lambda same, _: same[0].alert_id, "%d", 68),
    Column("Time", lambda same, now_ns: moment_text(same[0].recv_ns, now_ns), None, 104, "New York"),
    Column("Symbol", lambda same, _: plain(same[0].symbol), None, 72),
    Column("Direction", lambda same, _: _ARROWS.get(same[0].direction, "") + plain(same[0].direction), None, 104),
    Column("Ratio", lambda same, _: same[0].ratio, "%.2f", 60, "Heavy side over light side"),
    Column("Heavy", lambda same, _: same[0].heavy_venues, "%d", 58, "Venues that lean this way"),
    Column("Valid", lambda same, _: same[0].valid_venues, "%d", 54, "Venues that quote both sides closely"),
    Column("Bids", lambda same, _: same[0].total_bids, QTY, 74, "Shares bid over valid venues"),
    Column("Asks", lambda same, _: same[0].total_asks, QTY, 74, "Shares asked over valid venues"),
    Column("Price", lambda same, _: same[0].price, PRICE, 82, "Last trade, or the mid of bid and ask"),
    Column("Duration s", lambda same, _: same[0].duration_s, "%.1f", 84, "How long the imbalance had lasted"),
    Column("Disposition", lambda same, _: _named(same, lambda row: row.disposition) or "undecided", None, 104),
    Column("Reason", lambda same, _: _named(same, lambda row: row.reason), None, 230),
    Column("Blocked by", lambda same, _: plain(same[0].entry_blocked_by).replace(",", ", "), None, 120),
)

ORDERS: tuple[Column[OrderRow], ...] = (
    Column("Time", lambda row, now_ns: moment_text(row.decide_ns, now_ns), None, 104, "Decided, New York"),
    Column("Symbol", lambda row, _: plain(row.symbol), None, 72),
    Column("Mode", lambda row, _: book_name(row), None, 72, "Whose: the mode, and the trader where it differs"),
    Column("Instruction", lambda row, _: spaced(row.instruction), None, 112),
    Column("Qty", lambda row, _: row.qty, QTY, 60),
    Column("Type", lambda row, _: spaced(row.order_type), None, 64),
    Column("Limit", lambda row, _: row.limit_price, PRICE, 82),
    Column("State", lambda row, _: spaced(row.state), None, 92),
    Column("Filled", lambda row, _: row.filled_qty, QTY, 60),
    Column("Average", lambda row, _: row.average_price, PRICE, 82),
    Column("Answer ms", lambda row, _: _ack_ms(row), "%.1f", 82, "From sent to the broker's answer"),
    Column("Reason", lambda row, _: _why(row), None, 210),
    Column("Purpose", lambda row, _: plain(row.purpose), None, 72),
    Column("Alert", lambda row, _: row.alert_id, "%d", 68),
    Column("Order", lambda row, _: plain(row.order_id), None, 104, "The broker's number"),
)

FILLS: tuple[Column[FillRow], ...] = (
    Column("Time", lambda row, now_ns: moment_text(row.fill_ns, now_ns), None, 104, "New York"),
    Column("Symbol", lambda row, _: plain(row.symbol), None, 72),
    Column("Mode", lambda row, _: book_name(row), None, 72, "Whose: the mode, and the trader where it differs"),
    Column("Instruction", lambda row, _: spaced(row.instruction), None, 112),
    Column("Qty", lambda row, _: row.qty, QTY, 60),
    Column("Price", lambda row, _: row.price_e6 / E6, PRICE, 82),
    Column("Cash", lambda row, _: _cash(row), MONEY, 104, "Dollars in (+) or out (-)"),
    Column("Order", lambda row, _: plain(row.order_id), None, 104, "The broker's number"),
)
