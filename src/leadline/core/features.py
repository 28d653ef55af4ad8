"""Owns the features beside an alert: what was known at its moment, for whoever asks later which alerts were good.

Never looks ahead, never makes up a number: what is not known is None.
Comes from the detector's judgement and the mids that `grok` keeps; goes into the alert, its row and its intent.
"""

from array import array
from typing import TYPE_CHECKING

import msgspec

from leadline.core.units import NS_PER_MS, NS_PER_S

if TYPE_CHECKING:  # the detector's thresholds know alerts, which carry features
    from leadline.core.detector import Judgement, Signal

LOOK_BACK_NS = 60 * NS_PER_S

MIDS_MAX = 128
"""Changes of the mid that are kept of a symbol, 2 kB; where more fall into 60 s, drift and range are not known."""


class Features(msgspec.Struct, frozen=True):
    """What stood around an alert. `_e4`: 0.0001 dollars, mids in halves of them; sizes of windows stand in the names.

    `*_entries` are entries as sent, `*_venues` the venues with a usable one. A quote's age is BOOK_TIME less the time
    at which its price was set; it is counted on both sides of all valid venues, None where one of them has no time.
    """

    drift_60s_e4: float | None
    drift_60s_bps: float | None
    range_60s_e4: float | None
    vol_per_min: float | None
    spread_e4: int
    bid_entries: int
    ask_entries: int
    bid_venues: int
    ask_venues: int
    valid_venues: int
    streak_id: int
    quote_age_median_ms: float | None
    quote_age_max_ms: int | None
    recv_lag_ns: int


class Mids(msgspec.Struct, gc=False):
    """The changes of one symbol's mid, newest last in a ring; `sums` are bid plus ask, so that a half is whole."""

    times_ns: "array[int]"
    sums: "array[int]"
    since_ns: int = 0
    last_ns: int = 0
    newest: int = -1
    count: int = 0

    def add(self, t_ns: int, bid: int, ask: int) -> None:
        """Take the touch (0.0001 dollars) of a book received at `t_ns`. A clock that was set back begins anew."""
        if t_ns < self.last_ns or not self.count:
            self.count, self.since_ns = 0, t_ns
        self.last_ns = t_ns
        both = bid + ask
        if self.count and self.sums[self.newest] == both:
            return
        self.newest = (self.newest + 1) % MIDS_MAX
        if self.count < MIDS_MAX:
            self.count += 1
        else:  # the oldest change is written over: what was before the one behind it is not known any more
            self.since_ns = self.times_ns[(self.newest + 1) % MIDS_MAX]
        self.times_ns[self.newest], self.sums[self.newest] = t_ns, both

    def forget(self) -> None:
        """Forget all: after a lost connection nobody knows what the mid was meanwhile."""
        self.count = 0

    def window(self, t_ns: int) -> tuple[int, int, int] | None:
        """Give the sums of bid and ask that stood 60 s before `t_ns`, the lowest and the highest since; or None."""
        start_ns = t_ns - LOOK_BACK_NS
        if not self.count or self.since_ns > start_ns:
            return None
        low = high = then = self.sums[self.newest]
        for back in range(self.count):
            place = (self.newest - back) % MIDS_MAX
            then = self.sums[place]
            low, high = min(low, then), max(high, then)
            if self.times_ns[place] <= start_ns:
                break
        return then, low, high


def no_mids() -> Mids:
    """Give room for one symbol's mids."""
    return Mids(array("q", bytes(8 * MIDS_MAX)), array("q", bytes(8 * MIDS_MAX)))


def features_of(mids: Mids, judged: "Judgement", signal: "Signal", vol_per_min: float | None) -> Features:
    """Give the features of an alert from its own book, its symbol's mids up to it, and the volume (shares a minute)."""
    quotes, window = signal.quotes, mids.window(judged.recv_ns)
    drift_e4 = drift_bps = range_e4 = None
    if window is not None:
        then, low, high = window
        now = judged.bid + judged.ask
        drift_e4, drift_bps, range_e4 = (now - then) / 2, (now - then) / then * 10_000, (high - low) / 2
    return Features(
        drift_60s_e4=drift_e4,
        drift_60s_bps=drift_bps,
        range_60s_e4=range_e4,
        vol_per_min=vol_per_min,
        spread_e4=judged.ask - judged.bid,
        bid_entries=quotes.bid_entries,
        ask_entries=quotes.ask_entries,
        bid_venues=judged.bid_venues,
        ask_venues=judged.ask_venues,
        valid_venues=signal.totals.valid_venues,
        streak_id=signal.streak_id,
        quote_age_median_ms=quotes.age_median_ms,
        quote_age_max_ms=quotes.age_max_ms,
        recv_lag_ns=judged.recv_ns - (judged.book_ms or 0) * NS_PER_MS,
    )
