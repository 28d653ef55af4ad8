"""An alert's features are what was known then: nothing that comes later changes them, and a slow model agrees."""

from collections.abc import Sequence
from random import Random

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadline.core.alerts import Alert, EntryFilter
from leadline.core.detector import Detector
from leadline.core.imbalance import Rule
from leadline.core.market import Market, Service
from leadline.grok import Grok
from support.frames import T_NS, frame_of

S = 1_000_000_000
MS = 1_000_000
RULE = Rule(min_duration_ns=2 * S, throttle_ns=5 * S)
LISTING = {"F": Service.NYSE_BOOK, "G": Service.NYSE_BOOK}
QUIET = settings(deadline=None, suppress_health_check=list(HealthCheck))

Step = tuple[int, bytes | None, dict[str, int]]
"""Receive time, frame (None: a lost connection), and the best bids in it by symbol, in 0.0001 dollars."""


def tape_of(die: Random) -> list[Step]:
    """Some minutes of books whose price walks, with level one, gaps and lost connections between them."""
    steps: list[Step] = []
    t_ns, bid, volume = T_NS, 131_200, 0
    for _ in range(die.randint(60, 140)):
        t_ns += die.choice((S, S, S, S, S // 2, 2 * S, 4 * S))
        chance = die.random()
        if chance < 0.01:
            steps.append((t_ns, None, {}))
            continue
        if chance < 0.1:
            volume += die.randint(0, 500)
            steps.append((t_ns, frame_of("LEVELONE_EQUITIES", {"key": "F", "8": volume}), {}))
            continue
        bid += die.choice((0, 0, 0, 100, -100))
        heavy = 900 if die.random() < 0.9 else 100
        items = [book(symbol, t_ns, bid, heavy, die) for symbol in die.sample("FG", die.randint(1, 2))]
        steps.append((t_ns, frame_of("NYSE_BOOK", *items), {str(item["key"]): bid for item in items}))
    return steps


def book(symbol: str, t_ns: int, bid: int, heavy: int, die: Random) -> dict[str, object]:
    def side(price: int, size: int) -> list[dict[str, object]]:
        entries = [{"0": f"V{n}", "1": size, "2": die.choice((36_000_000, 20_000_000))} for n in range(6)]
        return [{"0": price / 10_000, "1": 6 * size, "2": 6, "3": entries}]

    return {"key": symbol, "1": t_ns // MS - die.randint(0, 400), "2": side(bid, heavy), "3": side(bid + 100, 100)}


def alerts_of(steps: Sequence[Step]) -> list[Alert]:
    alerts: list[Alert] = []
    grok = Grok(Detector(RULE, dict(LISTING)), EntryFilter(), Market(60 * S), symbols=None, on_alert=alerts.append)
    for t_ns, frame, _ in steps:
        if frame is None:
            grok.on_connection_lost()
        else:
            grok.on_frame(frame, t_ns)
    return alerts


@QUIET
@given(st.integers(0, 2**32))
def test_cutting_the_tape_after_an_alert_changes_nothing_of_it(seed: int) -> None:
    steps = tape_of(Random(seed))
    whole = alerts_of(steps)
    for alert in whole:
        cut = alerts_of([step for step in steps if step[0] <= alert.recv_ns])
        assert [one for one in cut if one.recv_ns == alert.recv_ns and one.symbol == alert.symbol] == [alert]


@QUIET
@given(st.integers(0, 2**32))
def test_drift_and_range_are_those_of_the_tape_read_from_its_beginning(seed: int) -> None:
    steps = tape_of(Random(seed))
    for alert in alerts_of(steps):
        features = alert.features
        assert features is not None
        past = [step for step in steps if step[0] <= alert.recv_ns]
        lost = max((place for place, step in enumerate(past) if step[1] is None), default=-1)
        # Every book of this tape can be judged: BOOK_TIMEs grow, since books are further apart than their lag.
        mids = [(t_ns, books[alert.symbol] + 50) for t_ns, _, books in past[lost + 1 :] if alert.symbol in books]
        then = [mid for t_ns, mid in mids if t_ns <= alert.recv_ns - 60 * S]
        if not then:
            assert (features.drift_60s_e4, features.drift_60s_bps, features.range_60s_e4) == (None, None, None)
            continue
        within = [then[-1], *(mid for t_ns, mid in mids if t_ns > alert.recv_ns - 60 * S)]
        assert features.drift_60s_e4 == mids[-1][1] - then[-1]
        assert features.drift_60s_bps == (2 * mids[-1][1] - 2 * then[-1]) / (2 * then[-1]) * 10_000
        assert features.range_60s_e4 == max(within) - min(within)
        assert features.recv_lag_ns == alert.recv_ns - alert.book_ns


def test_the_tapes_have_alerts_with_and_without_a_minute_behind_them() -> None:
    found = [alert for seed in range(20) for alert in alerts_of(tape_of(Random(seed)))]
    known = [alert for alert in found if alert.features is not None and alert.features.drift_60s_e4 is not None]
    assert len(known) >= 20
    assert len(found) - len(known) >= 20
    assert len({msgspec.json.encode(alert.features) for alert in known}) > 15
