"""Owns what a table is: its columns, each with how its cells are had and how they look.

Never draws.
Comes from rows; goes to `ui`, which draws them.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

from leadline.views.rows import Booked
from leadline.views.words import plain

Cell = str | int | float | None

Row = TypeVar("Row")

Row_contra = TypeVar("Row_contra", contravariant=True)


class Column(NamedTuple, Generic[Row_contra]):
    """One column of a table: how a row's cell is had (with the moment that it is looked at), and how it looks."""

    label: str
    value: Callable[[Row_contra, int], Cell]
    form: str | None = None
    """A printf form for numbers, which stand right; None for text."""
    width_px: int | None = None
    help: str | None = None
    signed: bool = False
    """Whether it is money that can be won or lost."""


def cells(columns: Sequence[Column[Row]], rows: Iterable[Row], now_ns: int) -> list[list[Cell]]:
    """Give each column's cells, as the table at `now_ns` shows them."""
    shown = list(rows)
    return [[column.value(row, now_ns) for row in shown] for column in columns]


def book_name(row: Booked) -> str:
    """Write whose a row is: the mode, and the trader where it differs."""
    return plain(row.mode).upper() if row.trader == row.mode else f"{plain(row.mode).upper()} {plain(row.trader)}"


QTY, PRICE, MONEY = "%,d", "%.4f", "%+,.2f"
