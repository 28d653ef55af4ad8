"""Owns the states in which trading as a whole and one symbol can be.

Never changes one: who may cause what stands where it is caused.
Comes from `app` and the traders; goes to `risk` and the pages.
"""

from enum import StrEnum


class TradingState(StrEnum):
    """Whether this process may open positions (design section 6)."""

    DISABLED = "DISABLED"
    ARMED = "ARMED"
    REDUCING = "REDUCING"
    KILLED = "KILLED"


class SymbolState(StrEnum):
    """Whether a symbol may be opened. LOCKED: its position is in doubt. EVICTED: the broker refuses entries today."""

    OPEN = "OPEN"
    STALE = "STALE"
    LOCKED = "LOCKED"
    EVICTED = "EVICTED"
