"""A week of 3,000 symbols in one process: what grok remembers of them stops growing on the first day."""

import gc
import sys
from pathlib import Path

import pytest

from leadline.app.report import Judging
from leadline.core.alerts import EntryFilter
from leadline.core.detector import Detector, Outcome
from leadline.core.imbalance import Rule
from leadline.core.market import Market, Service
from leadline.core.nearness import NearMiss
from leadline.grok import Grok
from leadline.schwab.wire import BookItem, Entry, Level, LevelOneItem
from leadline.store.spill import Statement

S = 1_000_000_000
MINUTE_NS = 60 * S
SYMBOLS = 3_000
DAYS, MINUTES = 5, 390
OPEN_NS = 1_794_839_400 * S
"""Monday, 2026-11-16, 9:30 in New York."""

NYSE = Service.NYSE_BOOK
RULE = Rule(min_duration_ns=2 * MINUTE_NS, gap_max_ns=2 * MINUTE_NS, throttle_ns=10 * MINUTE_NS)
SIZES = ((900, 100), (900, 100), (900, 100), (900, 100), (160, 100), (100, 900), (100, 900), (100, 100))


class Nowhere:
    """A writer whose rows are gone at once: the process must not keep what it handed over."""

    def put_state(self, name: str, statement: Statement) -> None:
        """Drop it."""

    def put(self, statement: Statement) -> None:
        """Drop it."""


class Week:
    def __init__(self) -> None:
        self.names = [f"S{number:04}" for number in range(SYMBOLS)]
        self.alerts = self.near_misses = 0
        self.grok = Grok(
            Detector(RULE, dict.fromkeys(self.names, NYSE)),
            EntryFilter(),
            Market(MINUTE_NS),
            symbols=frozenset(self.names),
            on_alert=self.count_alert,
            on_near_miss=self.count_near_miss,
        )
        self.judging = Judging(OPEN_NS, self.names, Nowhere())  # type: ignore[arg-type]

    def count_alert(self, alert: object) -> None:
        self.alerts += 1

    def count_near_miss(self, miss: NearMiss) -> None:
        self.near_misses += 1

    def day(self, day: int) -> None:
        """A book a minute and symbol, a trade with every second; foreign symbols; reports; a lost connection."""
        for minute in range(MINUTES):
            t_ns = OPEN_NS + day * 86_400 * S + minute * MINUTE_NS
            heavy, light = SIZES[(minute // 2 + day) % len(SIZES)]
            bid = round(13.12 + minute % 7 / 100, 2)
            sides: list[list[Level | None]] = [
                [Level(price, [Entry(f"V{number}", size, 36_000_000) for number in range(5)])]
                for price, size in ((bid, heavy), (round(bid + 0.01, 2), light))
            ]
            for place, name in enumerate(self.names):
                book_ms = t_ns // 1_000_000 - (60_040 if (minute + place) % 29 == 0 else 40)
                self.grok._on_book(BookItem(name, book_ms, sides[0], sides[1]), NYSE, t_ns, t_ns)
                if (minute + place) % 2:
                    volume = minute * 1_000 + place
                    self.grok._on_level_one(LevelOneItem(name, 13.12, volume, "Normal", t_ns // 1_000_000), t_ns)
            foreign = f"X{day}-{minute}"
            self.grok._on_book(BookItem(foreign, t_ns // 1_000_000, sides[0], sides[1]), NYSE, t_ns, t_ns)
            self.grok._on_level_one(LevelOneItem(foreign, 13.12, minute), t_ns)
            if minute % 30 == 0:
                self.judging.report(self.grok, t_ns)
            if minute == MINUTES // 2:
                self.grok.on_connection_lost()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: resident memory is read from /proc")
def test_a_week_takes_no_more_memory_than_its_second_day() -> None:
    week = Week()
    blocks, resident = [], []
    for day in range(DAYS):
        week.day(day)
        gc.collect()
        blocks.append(sys.getallocatedblocks())
        resident.append(resident_bytes())
    totals = week.grok.counts.totals()
    assert week.grok.counts.books == DAYS * MINUTES * SYMBOLS == sum(totals.values())
    assert week.grok.counts.unsubscribed == DAYS * MINUTES
    assert week.alerts > SYMBOLS * DAYS
    assert week.near_misses > SYMBOLS * DAYS
    assert min(totals[outcome] for outcome in (Outcome.REPEAT, Outcome.RATIO, Outcome.THROTTLED)) > 0
    print(f"\nblocks {blocks}, resident MB {[round(size / 1e6) for size in resident]}")
    # A counter that grows beyond 256 becomes an object of its own, once; a leak of one object a symbol and day would
    # be 9,000 more.
    assert blocks[-1] - blocks[1] < 3 * SYMBOLS
    assert resident[-1] - resident[1] < 8_000_000
