"""Owns positions beside the broker's numbers, and what today came to.

Never adds paper money to money, or guesses a price.
Comes from rows of `positions`; goes to the title bar and `ui`.
"""

from collections.abc import Iterable, Sequence

import msgspec

from leadline.core.position import POSITION_LAG_NS, Position
from leadline.core.states import SymbolState
from leadline.views.columns import MONEY, PRICE, QTY, Column, book_name
from leadline.views.processes import BOOK_AGE_MAX_NS
from leadline.views.rows import PositionRow, ProcessRow
from leadline.views.words import E6, age_of, age_text, dollars_of, plain


class Pnl(msgspec.Struct, frozen=True):
    """Profit since midnight of what was flat then; None where an open position has no price."""

    realised_e6: int
    open_e6: int | None
    carried: tuple[str, ...]
    unpriced: tuple[str, ...]
    mark_age_ns: int

    @property
    def today_e6(self) -> int | None:
        """Give realised and open together."""
        return None if self.open_e6 is None else self.realised_e6 + self.open_e6


def of_mode(process: ProcessRow | None, positions: Iterable[PositionRow]) -> list[PositionRow]:
    """Keep the positions of the mode that a process runs in: paper money and money are never added."""
    return [row for row in positions if process is None or row.mode == process.mode]


def mine_first(process: ProcessRow | None, positions: Sequence[PositionRow]) -> list[PositionRow]:
    """Put the positions of the process's mode before those of another, which the file still holds."""
    return sorted(positions, key=lambda row: process is not None and row.mode != process.mode)


def pnl(positions: Iterable[PositionRow], now_ns: int) -> Pnl:
    """Add up today's profit. A position carried over midnight is left out and named: its price then is not known."""
    realised_e6 = open_e6 = mark_age_ns = 0
    carried, unpriced = [], []
    for row in positions:
        today_e6 = _realised_today_e6(row)
        if today_e6 is None:
            carried.append(row.symbol)
            continue
        realised_e6 += today_e6
        unrealised_e6 = _unrealised_e6(row)
        if row.ours_qty and (unrealised_e6 is None or row.touch_ns is None):
            unpriced.append(row.symbol)
        elif row.ours_qty and unrealised_e6 is not None and row.touch_ns is not None:
            open_e6 += unrealised_e6
            mark_age_ns = max(mark_age_ns, now_ns - row.touch_ns)
    return Pnl(realised_e6, None if unpriced else open_e6, tuple(carried), tuple(unpriced), mark_age_ns)


def _position(row: PositionRow) -> Position:
    return Position(row.symbol, row.ours_qty, row.cost_e6, row.realised_e6)


def _mark(row: PositionRow) -> float | None:
    """Give the price at which the position could be closed now: a long at the bid, a short at the ask."""
    return None if row.ours_qty == 0 else row.bid if row.ours_qty > 0 else row.ask


def _mark_age(row: PositionRow, now_ns: int) -> str:
    if row.ours_qty == 0 or row.touch_ns is None:
        return "no price" if row.ours_qty else ""
    age_ns = now_ns - row.touch_ns
    return f"{'stale ' if age_ns > BOOK_AGE_MAX_NS else ''}{age_text(age_ns)}"


def _unrealised_e6(row: PositionRow) -> int | None:
    mark = _mark(row)
    return None if mark is None else _position(row).unrealised_e6(round(mark * E6))


def _realised_today_e6(row: PositionRow) -> int | None:
    """Give today's realised profit; None where shares were held over midnight.

    From flat, what came in equals realised less cost, so realised is cash plus the cost of what is still held.
    """
    return row.day_cash_e6 + row.cost_e6 if row.ours_qty == row.day_qty else None


def agreement(row: PositionRow) -> str:
    """Say whether the broker's number is ours and what is not ours."""
    if row.broker_qty is None or row.broker_ns is None:
        return "? not read"
    difference = row.broker_qty - row.external_qty - row.ours_qty
    if difference == 0:
        return "✓ agree"
    # The lag is a setting, which a page does not know: whoever does has locked the symbol.
    is_settled = row.state == SymbolState.LOCKED or row.broker_ns - row.updated_ns >= POSITION_LAG_NS
    return f"✕ differ {difference:+,}" if is_settled else f"… {difference:+,} settling"


POSITIONS: tuple[Column[PositionRow], ...] = (
    Column("Symbol", lambda row, _: plain(row.symbol), None, 72),
    Column("Mode", lambda row, _: book_name(row), None, 72, "Whose: the mode, and the trader where it differs"),
    Column("Ours", lambda row, _: row.ours_qty, QTY, 62, "Shares; sold short is negative"),
    Column("Broker", lambda row, _: row.broker_qty, QTY, 64, "The broker's number, with what is not ours"),
    Column("Agree", lambda row, _: agreement(row), None, 104, "Broker = ours + not ours"),
    Column("Not ours", lambda row, _: row.external_qty, QTY, 72, "Shares that leadline never trades"),
    Column("Read", lambda row, now_ns: age_of(row.broker_ns, now_ns), None, 60, "Age of the broker's number"),
    Column("Average", lambda row, _: dollars_of(_position(row).average_e6), PRICE, 80),
    Column("Mark", lambda row, _: _mark(row), PRICE, 80, "A long at the bid, a short at the ask"),
    Column("Mark age", _mark_age, None, 84),
    Column("Unrealised", lambda row, _: dollars_of(_unrealised_e6(row)), MONEY, 88, "If closed at the mark", True),
    Column("Realised today", lambda row, _: dollars_of(_realised_today_e6(row)), MONEY, 108, "Since midnight", True),
    Column("Realised", lambda row, _: row.realised_e6 / E6, MONEY, 84, "Since the first fill in this file", True),
    Column("State", lambda row, _: plain(row.state), None, 76),
    Column("Reason", lambda row, _: plain(row.reason), None, 200),
)
