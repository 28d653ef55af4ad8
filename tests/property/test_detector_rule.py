"""The product says what the slow rule says, snapshot by snapshot, over adversarial tapes (design section 4)."""

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings

from leadline.core.book import BookSnapshot
from leadline.core.detector import Detector, Judgement, Signal
from leadline.core.imbalance import Rule
from leadline.core.market import Service
from leadline.schwab.wire import BOOK_SERVICES, BookItem, decode
from property import slow_rule
from property.slow_rule import OUTCOMES, Received, Said, Settings, SlowRule
from property.tapes import Tape, tapes

QUIET = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def rule_of(told: Settings) -> Rule:
    """Say the same settings in the product's units."""
    return Rule(
        max_range=whole(told.max_range_cents * 100),
        quote_age_max_ms=None if told.max_quote_age_sec is None else whole(told.max_quote_age_sec * 1_000),
        min_bid_heavy=told.min_bid_heavy,
        min_ask_heavy=told.min_ask_heavy,
        min_venue_margin=told.min_venue_margin,
        min_ratio=told.min_imbalance_ratio,
        book_age_max_ns=whole(told.max_book_age_sec * slow_rule.NS),
        gap_max_ns=whole(told.max_imbalance_gap_sec * slow_rule.NS),
        min_duration_ns=whole(told.min_imbalance_duration_sec * slow_rule.NS),
        throttle_ns=whole(told.alert_throttle_sec * slow_rule.NS),
    )


def whole(value: Fraction) -> int:
    assert value.denominator == 1
    return value.numerator


class Product:
    """The join of the product: decode a frame, step the detector through its books."""

    def __init__(self, told: Settings) -> None:
        listing = {symbol: Service(service) for symbol, service in told.listing.items()}
        self.detector = Detector(rule_of(told), listing)

    def tell(self, tape: Iterable[Received]) -> list[tuple[str, Judgement | None]]:
        """Give symbol and judgement of each snapshot; None is malformed."""
        said: list[tuple[str, Judgement | None]] = []
        for received in tape:
            if received.frame is None:
                self.detector.end_streaks()
                continue
            message = decode(received.frame)
            if message is None:
                said.append(("", None))
                continue
            for block in message.data:
                if block.service in BOOK_SERVICES:
                    said += [self.step(block.service, item, received.t_ns) for item in block.items]
        return said

    def step(self, service: str, item: BookItem, t_ns: int) -> tuple[str, Judgement]:
        snapshot = BookSnapshot(
            symbol=item.key, service=Service(service), book_ms=item.book_ms, bids=item.bids, asks=item.asks
        )
        return item.key, self.detector.step(snapshot, t_ns)


Line = tuple[object, ...]


def line_of_product(symbol: str, judgement: Judgement | None) -> Line:
    if judgement is None:
        return ("malformed",)
    touch = (judgement.bid, judgement.bid_size, judgement.ask, judgement.ask_size)
    return (str(judgement.outcome), symbol, touch, signal_of_product(judgement.signal))


def signal_of_product(signal: Signal | None) -> Line | None:
    if signal is None:
        return None
    totals = signal.totals
    return (
        str(signal.direction),
        (totals.total_bids, totals.total_asks, totals.bid_heavy, totals.ask_heavy, totals.valid_venues),
        signal.duration_ns,
    )


def line_of_slow_rule(said: Said) -> Line:
    if said.outcome == "malformed":
        return ("malformed",)
    touch = (0, 0, 0, 0)
    if said.touch is not None:
        bid, bid_size, ask, ask_size = said.touch
        touch = (whole(bid * 10_000), bid_size, whole(ask * 10_000), ask_size)
    signal = None
    if said.signal is not None:
        one = said.signal
        sums = (one.total_bids, one.total_asks, one.bid_heavy, one.ask_heavy, one.valid_venues)
        signal = (one.direction, sums, one.duration_ns)
    return (said.outcome, said.symbol, touch, signal)


def check(tape: Tape) -> Counter[str]:
    """Compare both, and give how often each outcome came."""
    slow, product = SlowRule(tape.settings), Product(tape.settings)
    said, judged = slow.tell(tape.received), product.tell(tape.received)
    for number, (one, (symbol, judgement)) in enumerate(zip(said, judged, strict=True)):
        assert line_of_product(symbol, judgement) == line_of_slow_rule(one), number
    assert product.detector.dropped == slow.dropped
    check_streaks(said, judged)
    return Counter(one.outcome for one in said)


def check_streaks(said: list[Said], judged: list[tuple[str, Judgement | None]]) -> None:
    """Alerts share a streak id exactly where they share a streak."""
    pairs = {
        (one.symbol, one.signal.first, judgement.signal.streak_id)
        for one, (_, judgement) in zip(said, judged, strict=True)
        if one.signal is not None and judgement is not None and judgement.signal is not None
    }
    assert len(pairs) == len({pair[:2] for pair in pairs}) == len({(pair[0], pair[2]) for pair in pairs})


@settings(QUIET, max_examples=500)
@given(tapes())
def test_every_snapshot_of_a_tape_has_the_outcome_and_the_signal_of_the_slow_rule(tape: Tape) -> None:
    check(tape)


@pytest.mark.slow
def test_the_tapes_reach_every_outcome_and_every_reason_for_a_drop() -> None:
    seen: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    directions: Counter[str] = Counter()

    @settings(QUIET, max_examples=250)
    @given(tapes())
    def tell(tape: Tape) -> None:
        slow = SlowRule(tape.settings)
        for said in slow.tell(tape.received):
            seen[said.outcome] += 1
            if said.signal is not None:
                directions[said.signal.direction] += 1
        dropped.update(slow.dropped)

    tell()
    assert set(seen) == set(OUTCOMES)
    assert min(seen.values()) >= 5, seen
    assert set(dropped) == {"venue", "price", "size", "level"}
    assert min(directions["bid-heavy"], directions["ask-heavy"]) >= 10
