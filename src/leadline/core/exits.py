"""Owns when the engine closes a position by itself: a loss, a gain, or a time held, each off unless it is set.

Never prices an order and never tries: it says what is due.
Comes from a position, a touch and an age; goes to the trader as a cause.
"""

from collections.abc import Iterable, Mapping

import msgspec

from leadline.core.fills import Fill
from leadline.core.intent import Cause
from leadline.core.market import Touch
from leadline.core.position import Position
from leadline.core.units import E6_PER_PRICE


class ExitRule(msgspec.Struct, frozen=True):
    """When a position is closed without an alert: 0.01 percent of its cost, ns since it is held; None = never."""

    stop_bps: int | None = None
    take_profit_bps: int | None = None
    time_stop_ns: int | None = None

    @property
    def is_on(self) -> bool:
        """Tell whether anything can ever be due."""
        return self != ExitRule()


def due(rule: ExitRule, position: Position, touch: Touch | None, held_ns: int) -> Cause | None:
    """Give why a position is to be closed now, None if it is not; exactly at a limit it is.

    A long is worth the bid and a short the ask: what closing it would bring. `touch` is None where none is fresh and
    uncrossed: then only time counts.
    """
    if touch is not None:
        mark_e6 = (touch.bid if position.qty > 0 else touch.ask) * E6_PER_PRICE
        gain_e6, cost_e6 = position.unrealised_e6(mark_e6), abs(position.cost_e6)
        # In whole numbers: a rounded average would be due a step too early or too late.
        if rule.stop_bps is not None and gain_e6 * 10_000 <= -rule.stop_bps * cost_e6:
            return Cause.STOP
        if rule.take_profit_bps is not None and gain_e6 * 10_000 >= rule.take_profit_bps * cost_e6:
            return Cause.TAKE_PROFIT
    is_over = rule.time_stop_ns is not None and held_ns >= rule.time_stop_ns
    return Cause.TIME_STOP if is_over else None


def held_since(positions: Mapping[str, tuple[int, int]], fills: Iterable[Fill]) -> dict[str, tuple[int, int]]:
    """Give of each symbol that is held its side (+1, -1) and since when (UTC).

    `positions` are shares with the time from which they count (UTC), `fills` all that came after, oldest first.
    """
    ours = {symbol: qty for symbol, (qty, _) in positions.items()}
    since = {symbol: (1 if qty > 0 else -1, at_ns) for symbol, (qty, at_ns) in positions.items() if qty}
    for fill in fills:
        before = ours.get(fill.symbol, 0)
        after = ours[fill.symbol] = before + fill.signed_qty
        if after == 0:
            since.pop(fill.symbol, None)
        elif before * after <= 0:
            since[fill.symbol] = (1 if after > 0 else -1, fill.fill_ns)
    return since
