"""Owns what differs by symbol and time as people read it: every table, and what holds at a moment.

Never reads a clock: the moment is told.
Comes from `Loaded`; goes to `config show`.
"""

from typing import Any

from leadline.core.exchange_days import DayKind, day_of, unknown_year
from leadline.core.session import new_york
from leadline.core.spans import clock_text
from leadline.core.units import NS_PER_MS
from leadline.settings.sources import Loaded
from leadline.settings.table import value_text
from leadline.settings.variations import Variation, empty_on_half_days

ANY_OTHER = "any other"


def difference_lines(loaded: Loaded, now_ns: int) -> list[str]:
    """Give a line for each setting of each table, and for each symbol with what holds for it at `now_ns` (UTC)."""
    if not loaded.variations:
        return []
    head = "What differs by symbol and time (a table further down wins; all of them win over the plain settings):"
    lines = ["", head]
    for variation in loaded.variations:
        lines += _table_lines(variation, loaded)
    return [*lines, "", *_lines_of_now(loaded, now_ns)]


def _table_lines(variation: Variation, loaded: Loaded) -> list[str]:
    symbols, span = variation.scope.symbols, variation.scope.span
    where = [] if span is None else [str(span), _names(symbols)]
    lines = ["  ".join((variation.table, *where))]
    unasked = (symbols or frozenset()).difference(loaded.settings.symbols) if loaded.settings.symbols else ()
    if unasked:
        lines.append(f"    not in SYMBOLS: {', '.join(sorted(unasked))}")
    if span is not None and (empty := empty_on_half_days(span)) is not None:
        lines.append(f"    {empty}")
    for name, value in variation.values.items():
        plain = getattr(loaded.settings, name)
        lines.append(f"    {name.upper().ljust(28)}  {value_text(value).ljust(12)}  plain: {value_text(plain)}")
    return lines


def _names(symbols: frozenset[str] | None) -> str:
    return "all symbols" if symbols is None else ", ".join(sorted(symbols))


def _lines_of_now(loaded: Loaded, now_ns: int) -> list[str]:
    now = new_york(now_ns // NS_PER_MS)
    day = day_of(now.date())
    hours = f": close {clock_text(day.close_min)}" if day.kind is not DayKind.CLOSED else ""
    lines = [f"At {now:%Y-%m-%d %H:%M} in New York, {day.kind} day{hours}:"]
    unknown = unknown_year(now.date())
    if unknown is not None:
        lines.insert(0, f"WARNING: {unknown}")
    minute = now.hour * 60 + now.minute
    held = {
        symbol: _held([one for one in loaded.variations if one.scope.covers(symbol) and one.scope.holds(day, minute)])
        for symbol in loaded.settings.symbols or _named(loaded)
    }
    width = max(map(len, held))
    lines += [f"  {symbol.ljust(width)}  {text}" for symbol, text in held.items() if text]
    if not all(held.values()):
        lines.append(f"  {'every other symbol' if any(held.values()) else 'every symbol'}: the plain settings")
    return lines


def _named(loaded: Loaded) -> list[str]:
    """Give the symbols that tables name, and one that stands for all others: no table can name it."""
    return [*sorted({symbol for one in loaded.variations for symbol in one.scope.symbols or ()}), ANY_OTHER]


def _held(variations: list[Variation]) -> str:
    held: dict[str, tuple[Any, str]] = {}
    for variation in variations:
        held |= {name: (value, variation.table) for name, value in variation.values.items()}
    return ", ".join(f"{name.upper()}={value_text(value)} ({table})" for name, (value, table) in sorted(held.items()))
