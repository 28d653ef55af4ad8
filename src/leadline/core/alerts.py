"""Owns the alert: a numbered signal with the market around it, and what may become of it.

Never carries a price that is no integer.
Comes from `grok`; goes to the traders, the journal and the `alerts` table.
"""

from enum import StrEnum

import msgspec

from leadline.core.features import Features
from leadline.core.imbalance import Direction
from leadline.core.market import Service
from leadline.core.units import E5_PER_PRICE, NS_PER_S, PRICE_SCALE


class Alert(msgspec.Struct, frozen=True):
    """One alert. Prices in 0.0001 dollars, `price_e5` in 0.00001 (a mid is exact in it), sizes in shares.

    `recv_ns` and `book_ns` are UTC; `boot_ns` is the receive time by the boot clock, 0 where the alert was replayed.
    `features` is None in intents that were journalled before there were any.
    """

    symbol: str
    direction: Direction
    total_bids: int
    total_asks: int
    heavy_venues: int
    valid_venues: int
    price_e5: int
    bid: int
    ask: int
    imbalance_duration_ns: int
    vol_per_min: float | None
    streak_id: int
    entry_blocked_by: str | None
    service: Service
    book_ns: int
    recv_ns: int
    boot_ns: int = 0
    features: Features | None = None

    @property
    def ratio(self) -> float:
        """Give heavy side over light side."""
        if self.direction is Direction.BID_HEAVY:
            return self.total_bids / self.total_asks
        return self.total_asks / self.total_bids

    @property
    def price(self) -> float:
        """Give the price in dollars."""
        return self.price_e5 / (PRICE_SCALE * E5_PER_PRICE)

    @property
    def imbalance_duration(self) -> float:
        """Give the streak's age in seconds."""
        return self.imbalance_duration_ns / NS_PER_S


class Disposition(StrEnum):
    """What a trader made of an alert: exactly one each (design section 5)."""

    TRADED = "traded"
    CLOSED_ONLY = "closed_only"
    HELD = "held"
    REFUSED = "refused"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    DUPLICATE = "duplicate"
    INTERRUPTED = "interrupted"


class Block(StrEnum):
    """What forbids an entry while the alert itself stands (design section 4, last part)."""

    MIN_VOLUME = "min_volume"
    BID_HEAVY_DISABLED = "bid_heavy_disabled"
    ASK_HEAVY_DISABLED = "ask_heavy_disabled"
    UNRESOLVED_LISTING = "unresolved_listing"


class EntryFilter(msgspec.Struct, frozen=True):
    """The settings that forbid entries: shares a minute (0 = off) and directions."""

    min_volume: float = 0
    disable_bid_heavy: bool = False
    disable_ask_heavy: bool = False

    def blocked_by(self, direction: Direction, vol_per_min: float | None, *, is_listed: bool) -> str | None:
        """Name what forbids an entry, separated by commas, or None; unknown volume counts as below."""
        blocks = []
        if self.min_volume > 0 and (vol_per_min is None or vol_per_min < self.min_volume):
            blocks.append(Block.MIN_VOLUME)
        if self.disable_bid_heavy and direction is Direction.BID_HEAVY:
            blocks.append(Block.BID_HEAVY_DISABLED)
        if self.disable_ask_heavy and direction is Direction.ASK_HEAVY:
            blocks.append(Block.ASK_HEAVY_DISABLED)
        if not is_listed:
            blocks.append(Block.UNRESOLVED_LISTING)
        return ",".join(blocks) or None
