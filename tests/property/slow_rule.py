"""The alert rule once more, slowly: design section 4 in the order of its sentences, not in that of the code.

It imports nothing of leadline and remembers nothing but the whole past: each question ("what was remembered last",
"how old is the streak", "when was the last alert") is answered by searching it. Prices are exact fractions of a dollar.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

OUTCOMES = (
    "malformed",
    "other_service",
    "no_book_time",
    "future",
    "repeat",
    "backward",
    "stale",
    "one_sided",
    "crossed",
    "no_valid_venue",
    "few_venues",
    "margin",
    "ratio",
    "duration",
    "throttled",
    "alerted",
)
EVALUABLE = frozenset(OUTCOMES[OUTCOMES.index("no_valid_venue") :])
BOOKS = ("NASDAQ_BOOK", "NYSE_BOOK")
NS = 1_000_000_000
NEW_YORK = ZoneInfo("America/New_York")

type_of_json = {dict: "object", list: "list", str: "text", int: "integer", float: "decimal", bool: "bool"}


@dataclass(frozen=True)
class Settings:
    """The settings by their names in the design, in its units."""

    max_range_cents: Fraction = Fraction(1)
    max_quote_age_sec: Fraction | None = None
    min_bid_heavy: int = 4
    min_ask_heavy: int = 4
    min_venue_margin: int = 2
    min_imbalance_ratio: Fraction = Fraction(2)
    max_book_age_sec: Fraction = Fraction(10)
    max_imbalance_gap_sec: Fraction = Fraction(3)
    min_imbalance_duration_sec: Fraction = Fraction(10)
    alert_throttle_sec: Fraction = Fraction(60)
    listing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Received:
    """One frame and when it came, in nanoseconds; a frame of None is a lost connection."""

    t_ns: int
    frame: bytes | None


@dataclass(frozen=True)
class Signal:
    """What an alert says: `first` is the place in the past at which its streak began."""

    direction: str
    total_bids: int
    total_asks: int
    bid_heavy: int
    ask_heavy: int
    valid_venues: int
    duration_ns: int
    first: int


@dataclass(frozen=True)
class Said:
    """What the rule said of one snapshot: best prices in dollars and sizes where both sides had entries."""

    outcome: str
    symbol: str = ""
    touch: tuple[Fraction, int, Fraction, int] | None = None
    signal: Signal | None = None


@dataclass(frozen=True)
class Past:
    """One snapshot of one symbol, as it stays in the past. An outcome of "" is a lost connection."""

    t_ns: int
    outcome: str
    service: str = ""
    remembered_ms: int | None = None
    direction: str | None = None


@dataclass(frozen=True)
class Entry:
    venue: str
    price: Fraction
    size: int
    time: object


@dataclass(frozen=True)
class Quote:
    price: Fraction
    size: int
    times: tuple[object, ...]


@dataclass
class SlowRule:
    """Say the outcome of every snapshot in a tape, and count what was dropped."""

    settings: Settings
    dropped: Counter[str] = field(default_factory=Counter)
    pasts: dict[str, list[Past]] = field(default_factory=dict)

    def tell(self, tape: Iterable[Received]) -> list[Said]:
        said: list[Said] = []
        for received in tape:
            if received.frame is None:
                for past in self.pasts.values():
                    past.append(Past(received.t_ns, ""))
            else:
                said += self.frame(received.frame, received.t_ns)
        return said

    def frame(self, raw: bytes, t_ns: int) -> list[Said]:
        """1. malformed, counted as one snapshot."""
        items = snapshots_in(raw)
        if items is None:
            return [Said("malformed")]
        return [self.snapshot(service, item, t_ns) for service, item in items]

    def snapshot(self, service: str, item: dict[str, Any], t_ns: int) -> Said:
        symbol = item["key"]
        past = self.pasts.setdefault(symbol, [])
        said, remembered_ms, direction = self.judge(past, service, item, t_ns)
        past.append(Past(t_ns, said.outcome, service, remembered_ms, direction))
        return said

    def judge(
        self, past: list[Past], service: str, item: dict[str, Any], t_ns: int
    ) -> tuple[Said, int | None, str | None]:
        symbol: str = item["key"]
        told: Any = item.get("1")
        unfit = self.time_fault(past, service, symbol, told, t_ns)
        if unfit is not None and unfit != "stale":
            return Said(unfit, symbol), None, None
        book_ms = int(told)  # it is one: `no_book_time` else
        if unfit is not None:
            return Said(unfit, symbol), book_ms, None
        # 6. and 7.
        bids, asks = self.cleaned(item.get("2")), self.cleaned(item.get("3"))
        if not bids or not asks:
            return Said("one_sided", symbol), book_ms, None
        bid, ask = max(entry.price for entry in bids), min(entry.price for entry in asks)
        best_bids, best_asks = quotes(bids, max), quotes(asks, min)
        touch = (bid, size_at(best_bids, bid), ask, size_at(best_asks, ask))
        if bid >= ask:
            return Said("crossed", symbol, touch), book_ms, None
        # 8. to 11.
        outcome, signal, direction = self.evaluate(past, best_bids, best_asks, book_ms, t_ns)
        return Said(outcome, symbol, touch, signal), book_ms, direction

    def time_fault(self, past: list[Past], service: str, symbol: str, told: object, t_ns: int) -> str | None:
        """2. to 5.: the listing or the first service seen, BOOK_TIME, the future, repeats, and what is stale."""
        seen = [one.service for one in past if one.outcome != ""]
        judged_on = self.settings.listing.get(symbol, seen[0] if seen else service)
        if service != judged_on:
            return "other_service"
        if kind(told) != "integer":
            return "no_book_time"
        assert isinstance(told, int)
        ahead = Fraction(told, 1_000) - Fraction(t_ns, NS)
        if ahead > 2:
            return "future"
        remembered = [one.remembered_ms for one in past if one.remembered_ms is not None]
        if remembered and told == remembered[-1]:
            return "repeat"
        if remembered and told < remembered[-1]:
            return "backward"
        return "stale" if -ahead > self.settings.max_book_age_sec else None

    def cleaned(self, levels: object) -> list[Entry]:
        """6. Entries are cleaned; a fault costs only the side, level or entry (1.)."""
        kept = []
        for level in levels if isinstance(levels, list) else []:
            if not isinstance(level, dict) or not isinstance(level.get("3"), list):
                self.dropped["level"] += 1
                continue
            for entry in level["3"]:
                fields: dict[str, Any] = entry if isinstance(entry, dict) else {}
                venue: Any = fields.get("0")
                price, size = price_in(level.get("0")), size_in(fields.get("1"))
                if not is_text(venue) or venue == "":
                    self.dropped["venue"] += 1
                elif price is None:
                    self.dropped["price"] += 1
                elif size is None:
                    self.dropped["size"] += 1
                else:
                    kept.append(Entry(venue.upper(), price, size, fields.get("2")))
        return kept

    def evaluate(
        self, past: list[Past], bids: dict[str, Quote], asks: dict[str, Quote], book_ms: int, t_ns: int
    ) -> tuple[str, Signal | None, str | None]:
        s = self.settings
        valid = [venue for venue in bids if venue in asks and self.is_valid(bids[venue], asks[venue], book_ms)]
        total_bids = sum(bids[venue].size for venue in valid)
        total_asks = sum(asks[venue].size for venue in valid)
        bid_heavy = sum(bids[venue].size > asks[venue].size for venue in valid)
        ask_heavy = sum(bids[venue].size < asks[venue].size for venue in valid)
        bid_fails = first_failing(s, s.min_bid_heavy, bid_heavy, ask_heavy, total_bids, total_asks)
        ask_fails = first_failing(s, s.min_ask_heavy, ask_heavy, bid_heavy, total_asks, total_bids)
        direction = None
        if valid and bid_fails is None:
            direction = "bid-heavy"
        elif valid and ask_fails is None:
            direction = "ask-heavy"
        if direction is None:
            bid_side = (bid_heavy, total_bids) >= (ask_heavy, total_asks)
            reason = bid_fails if bid_side else ask_fails
            return ("no_valid_venue" if not valid else str(reason)), None, None
        # 9. The streak: how far back does the run of this direction go?
        first, first_ns = self.first_of_streak(past, direction, t_ns)
        duration_ns = t_ns - first_ns
        if Fraction(duration_ns, NS) < s.min_imbalance_duration_sec:
            return "duration", None, direction
        # 10. The last alert, of either direction.
        alerts = [one for one in past if one.outcome == "alerted"]
        if alerts and alerts[-1].direction == direction:
            since = Fraction(t_ns - alerts[-1].t_ns, NS)
            if since < s.alert_throttle_sec:
                return "throttled", None, direction
        signal = Signal(direction, total_bids, total_asks, bid_heavy, ask_heavy, len(valid), duration_ns, first)
        return "alerted", signal, direction

    def first_of_streak(self, past: list[Past], direction: str, t_ns: int) -> tuple[int, int]:
        """Walk back over evaluable snapshots while they agree and follow closely enough; a lost connection ends it."""
        first, first_ns = len(past), t_ns
        for place in range(len(past) - 1, -1, -1):
            one = past[place]
            if one.outcome == "":
                break
            if one.outcome not in EVALUABLE:
                continue
            if one.direction != direction or Fraction(first_ns - one.t_ns, NS) > self.settings.max_imbalance_gap_sec:
                break
            first, first_ns = place, one.t_ns
        return first, first_ns

    def is_valid(self, bid: Quote, ask: Quote, book_ms: int) -> bool:
        """8. Both sides within the range; with a quote age set, every time present, not after BOOK_TIME and young."""
        if ask.price - bid.price > self.settings.max_range_cents / 100:
            return False
        limit = self.settings.max_quote_age_sec
        if limit is None:
            return True
        day_ms = milliseconds_of_the_day(book_ms)
        for time in bid.times + ask.times:
            if kind(time) != "integer":
                return False
            assert isinstance(time, int)
            if time > day_ms or Fraction(day_ms - time, 1_000) > limit:
                return False
        return True


def first_failing(s: Settings, minimum: int, heavy: int, light: int, heavy_total: int, light_total: int) -> str | None:
    """Name the first test of a direction that fails, in the design's order, or None."""
    if heavy < minimum:
        return "few_venues"
    if heavy < light + s.min_venue_margin:
        return "margin"
    if light_total == 0 or Fraction(heavy_total, light_total) < s.min_imbalance_ratio:
        return "ratio"
    return None


def quotes(entries: Sequence[Entry], best: Any) -> dict[str, Quote]:
    """6. A venue more than once on a side counts with its best price and the sizes at it."""
    by_venue: dict[str, list[Entry]] = {}
    for entry in entries:
        by_venue.setdefault(entry.venue, []).append(entry)
    result = {}
    for venue, own in by_venue.items():
        price = best(entry.price for entry in own)
        at_best = [entry for entry in own if entry.price == price]
        result[venue] = Quote(price, sum(entry.size for entry in at_best), tuple(entry.time for entry in at_best))
    return result


def size_at(side: dict[str, Quote], price: Fraction) -> int:
    return sum(quote.size for quote in side.values() if quote.price == price)


def snapshots_in(raw: bytes) -> list[tuple[str, dict[str, Any]]] | None:
    """1. Standard JSON whose data[].content[] are objects with a text `key`; None else."""
    try:
        frame = json.loads(raw.decode("utf-8"), parse_constant=no_such_number, parse_int=integer_in)
    except (ValueError, RecursionError):
        return None
    if kind(frame) != "object":
        return None
    items = []
    data = frame.get("data", [])
    if kind(data) != "list":
        return None
    for block in data:
        if kind(block) != "object" or kind(block.get("content")) != "list":
            return None
        for item in block["content"]:
            if kind(item) != "object" or not is_text(item.get("key")):
                return None
            if block.get("service") in BOOKS:
                items.append((str(block["service"]), item))
    return items


def no_such_number(name: str) -> NoReturn:
    raise ValueError(name)


def integer_in(text: str) -> int:
    """Python refuses to read very long integers; to the rule all of those are alike."""
    return int(text[:1_000])


def kind(value: object) -> str:
    return type_of_json.get(type(value), "null")


def is_text(value: Any) -> bool:
    """Half a surrogate pair is no text."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def price_in(number: Any) -> Fraction | None:
    """A finite number > 0 and <= 1,000,000 on the grid of 0.0001 dollars, in dollars.

    JSON's numbers are doubles: on the grid is the double that a multiple of 0.0001 is read as.
    """
    if kind(number) not in {"integer", "decimal"} or not 0 < number <= 1_000_000:
        return None
    nearest = Fraction(round(Fraction(number) * 10_000), 10_000)
    return nearest if nearest > 0 and float(nearest) == float(number) else None


def size_in(number: Any) -> int | None:
    """A number of integral value, 1 to 1e9."""
    if kind(number) not in {"integer", "decimal"} or not 1 <= number <= 10**9:
        return None
    exact = Fraction(number)
    return exact.numerator if exact.denominator == 1 else None


def milliseconds_of_the_day(epoch_ms: int) -> int:
    """The wall clock of New York at a moment, in milliseconds since its midnight."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=epoch_ms)
    wall = moment.astimezone(NEW_YORK).replace(tzinfo=None)
    return (wall - wall.replace(hour=0, minute=0, second=0, microsecond=0)) // timedelta(milliseconds=1)
