"""Owns the words of the market data: book services, listing, the touch, and what level one last said.

Never judges a book; never reads a clock.
Comes from the wire and the broker's reference data; goes to the detector, the traders and the pages.
"""

from collections import deque
from enum import StrEnum

import msgspec

from leadline.core.units import NS_PER_MS, NS_PER_S, price_of

LAST_TRADE_AGE_MAX_NS = 5 * NS_PER_S
"""A last trade further than this from the snapshot's time does not price an alert (design 4.11)."""

VOLUME_POINTS_MAX = 4_096
"""Kept volume points a symbol, some 60 a minute come; beyond it the oldest goes, and the volume counts as unknown."""

VOLUME_MAX = 2**63 - 1
"""The largest total volume that is believed; a larger one changes nothing."""

NASDAQ_LETTER = "Q"
"""`reference.exchange` of a Nasdaq listing (Schwab API facts 2.5); every other listing is on NYSE_BOOK."""


class Service(StrEnum):
    """The two equity book services of the streamer."""

    NASDAQ_BOOK = "NASDAQ_BOOK"
    NYSE_BOOK = "NYSE_BOOK"


def service_of(exchange_letter: str) -> Service:
    """Give the book service on which a listing is judged (design 4.2); letters come in both cases."""
    return Service.NASDAQ_BOOK if exchange_letter.upper() == NASDAQ_LETTER else Service.NYSE_BOOK


class Listing(msgspec.Struct, frozen=True):
    """What the broker's reference data says of one symbol."""

    symbol: str
    exchange: str
    service: Service
    is_shortable: bool | None = None
    is_hard_to_borrow: bool | None = None
    asset_type: str = "EQUITY"


class Touch(msgspec.Struct, frozen=True, gc=False):
    """Best bid and ask of the last two-sided book: prices in 0.0001 dollars, sizes in shares, age by the boot clock."""

    bid: int
    ask: int
    bid_size: int
    ask_size: int
    recv_ns: int
    boot_ns: int

    @property
    def is_crossed(self) -> bool:
        """Tell whether bid and ask are locked or crossed, which no order may be priced from."""
        return self.bid >= self.ask


class LevelOne:
    """What LEVELONE_EQUITIES last said of one symbol; a field that a change did not carry is unchanged."""

    __slots__ = ("_volumes", "_window_ns", "halted", "last", "trade_ns", "volume")

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._volumes: deque[tuple[int, int]] = deque(maxlen=VOLUME_POINTS_MAX)
        self.last: int | None = None
        self.trade_ns: int | None = None
        self.volume: int | None = None
        self.halted: bool | None = None

    def update(
        self,
        t_ns: int,
        last: object = None,
        trade_ms: object = None,
        volume: object = None,
        status: object = None,
    ) -> None:
        """Take the fields of one change at `t_ns`: dollars, epoch milliseconds, shares, security status."""
        if last is not None:
            self.last = price_of(last)
        if type(trade_ms) is int:
            self.trade_ns = trade_ms * NS_PER_MS
        if isinstance(status, str):
            self.halted = status != "Normal"
        if type(volume) is int and 0 <= volume <= VOLUME_MAX:
            self.volume = volume
            self._remember(t_ns, volume)

    def _remember(self, t_ns: int, volume: int) -> None:
        volumes = self._volumes
        if not volumes or volumes[-1][1] != volume:
            volumes.append((t_ns, volume))
        # One point at or before the window's start is needed, older ones are not.
        while len(volumes) > 1 and volumes[1][0] <= t_ns - self._window_ns:
            volumes.popleft()

    def trade_price(self, t_ns: int) -> int | None:
        """Give the last trade's price if it happened within 5 s of `t_ns`."""
        if self.last is None or self.trade_ns is None or abs(t_ns - self.trade_ns) > LAST_TRADE_AGE_MAX_NS:
            return None
        return self.last

    def volume_per_minute(self, t_ns: int) -> float | None:
        """Give traded shares a minute over the window that ends at `t_ns`; None if unknown or falling (design 4)."""
        if self.volume is None:
            return None
        start_ns = t_ns - self._window_ns
        base = None
        for at_ns, volume in self._volumes:
            if at_ns > start_ns:
                break
            base = volume
        if base is None or self.volume < base:
            return None
        return (self.volume - base) * 60 * NS_PER_S / self._window_ns


class Market:
    """What is known of the symbols now: `grok` writes it, traders read it."""

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self.touches: dict[str, Touch] = {}
        self.listings: dict[str, Listing] = {}
        self.stale: frozenset[str] = frozenset()
        """Symbols without a book for longer than their limit, in market hours."""
        self.moved: set[str] = set()
        """Symbols that the broker lists elsewhere than where they are streamed and judged."""
        self._level_ones: dict[str, LevelOne] = {}

    def forget(self) -> None:
        """Forget what a lost connection leaves uncertain: touches, and whether a symbol is halted."""
        self.touches.clear()
        for level_one in self._level_ones.values():
            level_one.halted = None

    def level_one(self, symbol: str) -> LevelOne:
        """Give a symbol's level one, made at its first mention."""
        known = self._level_ones.get(symbol)
        if known is None:
            known = self._level_ones[symbol] = LevelOne(self._window_ns)
        return known
