"""Judging in a backlog gives the alerts that the rule gives on the conflated input, fed to a fresh judge one by one."""

import json
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadline.core.alerts import Alert, EntryFilter
from leadline.core.conflation import conflate
from leadline.core.detector import Detector
from leadline.core.imbalance import Rule
from leadline.core.market import Market, Service
from leadline.grok import Grok
from leadline.schwab.backlog import contents_of
from support.frames import T_NS, book_frame, frame_of

S = 1_000_000_000
RULE = Rule(min_duration_ns=2 * S, throttle_ns=5 * S)
LISTING = {"F": Service.NYSE_BOOK, "G": Service.NYSE_BOOK, "H": Service.NASDAQ_BOOK}


class Judge:
    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.market = Market(60 * S)
        detector = Detector(RULE, dict(LISTING))
        symbols = frozenset(LISTING)
        self.grok = Grok(detector, EntryFilter(), self.market, symbols=symbols, on_alert=self.alerts.append)


def frame_at(second: int, die: Random) -> bytes:
    """A frame as the feed sends it: books of some symbols, level one of some, or what nobody can read."""
    t_ns = T_NS + second * S
    if die.random() < 0.1:
        return die.choice([b"{", b"{}", b'{"notify":[{"heartbeat":"1"}]}', frame_of("ACCT_ACTIVITY", {"key": "x"})])
    if die.random() < 0.2:
        volume = {"key": die.choice("FGH"), "3": 13.12, "8": second * 1_000, "35": t_ns // 1_000_000}
        return frame_of("LEVELONE_EQUITIES", volume)
    blocks = []
    for symbol in die.sample("FGHX", die.randint(1, 4)):
        heavy = die.random() < 0.85
        raw = book_frame(symbol, t_ns, heavy=900 if heavy else 100, light=100)
        service = die.choice(["NASDAQ_BOOK", "NYSE_BOOK"]) if die.random() < 0.2 else LISTING.get(symbol, "NYSE_BOOK")
        blocks.append(raw[len(b'{"data":[') : -2].replace(b"NYSE_BOOK", str(service).encode()))
    return b'{"data":[' + b",".join(blocks) + b"]}"


def without(frame: bytes, superseded: frozenset[tuple[str, str]]) -> bytes:
    """The same frame without some books, made by hand on its own: an independent conflation."""
    tree = json.loads(frame)
    for block in tree["data"]:
        block["content"] = [item for item in block["content"] if (block["service"], item["key"]) not in superseded]
    return json.dumps(tree).encode()


def newest_only(frames: list[bytes]) -> list[bytes]:
    """Leave out, frame by frame, each book for which a later frame of the backlog holds a newer one."""
    kept = []
    for place, frame in enumerate(frames):
        later = {part for after in frames[place + 1 :] for part in contents_of(after).books}
        mine = contents_of(frame).books & later
        kept.append(without(frame, frozenset(mine)) if mine else frame)
    return kept


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False), st.lists(st.integers(1, 6), min_size=5, max_size=30))
def test_alerts_are_those_of_the_conflated_input(die: Random, backlogs: list[int]) -> None:
    live, model = Judge(), Judge()
    second = 0
    sent = 0
    for size in backlogs:
        frames = []
        for _ in range(size):
            second += die.choice([0, 1])
            frames.append(frame_at(second, die))
        recv_ns = T_NS + second * S
        sent += sum(len(contents_of(frame).books) for frame in frames)
        for turn in conflate([contents_of(frame) for frame in frames]):
            live.grok.on_conflated(frames[turn.place], recv_ns, 0, turn.superseded)
        for frame in newest_only(frames):
            model.grok.on_frame(frame, recv_ns)
    assert live.alerts == model.alerts
    assert live.market.touches == model.market.touches
    counts = live.grok.counts
    assert counts.outcomes == model.grok.counts.outcomes
    assert sum(counts.conflated.values()) + counts.books - counts.malformed + counts.unsubscribed == sent


def test_the_stories_do_alert_and_do_conflate() -> None:
    """The property above would hold of nothing at all."""
    alerts = conflated = 0
    for seed in range(20):
        die, live = Random(seed), Judge()
        for second in range(0, 60, 2):
            frames = [frame_at(second + step, die) for step in range(3)]
            for turn in conflate([contents_of(frame) for frame in frames]):
                live.grok.on_conflated(frames[turn.place], T_NS + (second + 2) * S, 0, turn.superseded)
        alerts += len(live.alerts)
        conflated += sum(live.grok.counts.conflated.values())
    assert alerts > 20
    assert conflated > 500
