"""Owns how the venues of one symbol quote around the touch: who is there, how large, since when.

Never shows a venue twice on a side; sizes are round lots, but for odd lots on NSDQ.
Comes from the seed, the touch and the phase; goes to the generator as price levels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from random import Random

from simschwab.core.book import Entry, Level, levels_of
from simschwab.core.listing import Listing
from simschwab.core.phases import Phase
from simschwab.core.prices import CENT_E4, E4_PER_DOLLAR
from simschwab.core.times import MS_PER_DAY
from simschwab.core.venues import ODD_LOT_VENUE, roster

TOUCH_VENUES = (6, 12)
TOUCH_VENUES_ONE_SIDED = (8, 12)
HEAVY_FACTOR = (3.0, 10.0)
_ODD_SHARES = (0, 0, 3, 7, 70)
_LADDER_TICKS = (0, 1, 1, 2, 3)
_SCALE_DECAY = 0.8
_STUB_MARGIN = 0.06

Sides = tuple[tuple[Level, ...], tuple[Level, ...]]
_Quote = tuple[str, int, int]  # venue, price_e4, size


class _Side(Enum):
    """Name a side; the value is the direction in which a better price lies."""

    BID = 1
    ASK = -1


@dataclass(frozen=True, slots=True)
class _Plan:
    """Hold how one side is quoted: venues nearest first, how many are at the touch, their lots."""

    order: list[str]
    touch_count: int
    lots: dict[str, int]
    odd: bool


class Quoting:
    """Quote one symbol; asks and bids are rebuilt whole, the time of an unchanged price is kept."""

    def __init__(self, listing: Listing, rng: Random) -> None:
        self._rng = rng
        self._lot = listing.round_lot
        self._roster = roster(listing.service, rng)
        self._scale = {
            venue: max(3.0, _touch_lots(listing.start_e4) * _SCALE_DECAY**rank)
            for rank, venue in enumerate(self._roster.exchanges)
        }
        self._stubs: dict[_Side, list[int]] = {side: [] for side in _Side}
        self._since: dict[_Side, dict[str, tuple[int, int]]] = {side: {} for side in _Side}

    def sides(self, bid_e4: int, ask_e4: int, phase: Phase, ms_of_day: int) -> Sides:
        """Give (bids, asks) for this touch; `ms_of_day` is the book's time since midnight in New York."""
        bid_plan, ask_plan = self._neutral_plans() if phase is Phase.NEUTRAL else self._one_sided_plans(phase)
        tick = ask_e4 - bid_e4
        bids = self._quotes(_Side.BID, bid_e4, bid_plan, tick)
        asks = self._quotes(_Side.ASK, ask_e4, ask_plan, tick)
        return (
            levels_of(self._timed(_Side.BID, bids, ms_of_day), bids=True),
            levels_of(self._timed(_Side.ASK, asks, ms_of_day), bids=False),
        )

    def _neutral_plans(self) -> tuple[_Plan, _Plan]:
        return self._neutral_plan(), self._neutral_plan()

    def _neutral_plan(self) -> _Plan:
        lots = {venue: self._neutral_lots(venue) for venue in self._roster.exchanges}
        return _Plan(self._order(), self._rng.randint(*TOUCH_VENUES), lots, odd=True)

    def _one_sided_plans(self, phase: Phase) -> tuple[_Plan, _Plan]:
        # The same venues share both sides of the touch, or no venue would quote both within a cent.
        order, count = self._order(), self._rng.randint(*TOUCH_VENUES_ONE_SIDED)
        light = {venue: max(1, self._neutral_lots(venue) // 2) for venue in self._roster.exchanges}
        heavy = {venue: round(lots * self._rng.uniform(*HEAVY_FACTOR)) for venue, lots in light.items()}
        for venue in self._rng.sample(order[:count], self._rng.randint(0, 2)):
            heavy[venue] = light[venue]
        # Odd lots only where they cannot hide the factor.
        plans = _Plan(order, count, heavy, odd=True), _Plan(order, count, light, odd=False)
        return plans if phase is Phase.BID_HEAVY else (plans[1], plans[0])

    def _order(self) -> list[str]:
        # Large venues are nearer to the front, but any venue can step away from the touch.
        ranked = enumerate(self._roster.exchanges)
        return [venue for _, venue in sorted((rank + self._rng.uniform(0, 8), venue) for rank, venue in ranked)]

    def _neutral_lots(self, venue: str) -> int:
        return max(1, round(self._scale[venue] * self._rng.uniform(0.7, 1.3)))

    def _quotes(self, side: _Side, touch_e4: int, plan: _Plan, tick: int) -> list[_Quote]:
        quotes = []
        away = 0
        for rank, venue in enumerate(plan.order):
            if rank >= plan.touch_count:
                away += 1 if away == 0 else self._rng.choice(_LADDER_TICKS)
            size = plan.lots[venue] * self._lot
            if plan.odd and venue == ODD_LOT_VENUE:
                size += self._rng.choice(_ODD_SHARES)
            quotes.append((venue, touch_e4 - side.value * away * tick, size))
        stubs = self._roster.bid_stubs if side is _Side.BID else self._roster.ask_stubs
        prices_e4 = self._stub_prices(side, touch_e4)
        quotes += [(venue, price_e4, self._lot) for venue, price_e4 in zip(stubs, prices_e4, strict=True)]
        return quotes

    def _timed(self, side: _Side, quotes: list[_Quote], ms_of_day: int) -> Iterator[tuple[int, Entry]]:
        # The time tells when the price was set: sizes change under an unchanged time (design 1.3).
        since = self._since[side]
        for venue, price_e4, size in quotes:
            known = since.get(venue)
            if known is None or known[0] != price_e4:
                known = price_e4, (ms_of_day - self._rng.randint(0, 900)) % MS_PER_DAY
                since[venue] = known
            yield price_e4, Entry(venue, size, known[1])

    def _stub_prices(self, side: _Side, touch_e4: int) -> list[int]:
        # Drawn once: 10 to 45 per cent behind the touch, drawn anew only if the walk comes close.
        stubs, sign = self._stubs[side], side.value
        near_e4 = int(touch_e4 * (1 - sign * _STUB_MARGIN))
        if not stubs or any((near_e4 - stub) * sign < 0 for stub in stubs):
            behind = (self._rng.uniform(0.10, 0.45) for _ in self._roster.bid_stubs)
            stubs[:] = [int(touch_e4 * (1 - sign * share)) // CENT_E4 * CENT_E4 for share in behind]
        return stubs


def _touch_lots(start_e4: int) -> int:
    # Cheap names show thousands of shares a venue, dear ones a few lots (recorded books of F and AMD).
    dollars = start_e4 // E4_PER_DOLLAR
    return 60 if dollars < 20 else 20 if dollars < 60 else 5
