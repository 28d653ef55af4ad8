"""Tapes of any records come back as they were written, and give the alerts that judging live gave."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from leadline.core.alerts import Alert, EntryFilter
from leadline.core.conflation import Part
from leadline.core.detector import Detector
from leadline.core.market import Market, Service
from leadline.grok import Grok
from leadline.replay import AlertLines, Setup, replay
from leadline.schwab.wire import BOOK_SERVICES, decode
from leadline.tape.blocks import Block
from leadline.tape.making import making
from leadline.tape.masking import Mask
from leadline.tape.reader import Played, Recorded, RunReader, runs_in
from leadline.tape.recorder import Recorder
from leadline.tape.records import LOST, Conflated, Event, Frame, Gap, Record
from leadline.tape.segments import blocks_of, segments_in
from leadline.tape.writer import SegmentWriter
from property.slow_rule import Received
from property.tapes import Tape, tapes
from property.test_detector_rule import rule_of
from support.taping import header, items_on, records_on, write

QUIET = settings(
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
FEW = settings(QUIET, max_examples=25)
"""Each example here replays a tape several times."""

WINDOW_NS = 60_000_000_000

LATEST_NS = 2**63 - 1
"""A segment that was begun then is followed by no other."""

times = st.integers(0, 2**63 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
some_records: st.SearchStrategy[Record] = st.one_of(
    st.builds(Frame, times, times, st.binary(max_size=200)),
    st.builds(Event, times, texts, texts),
    st.builds(Conflated, st.integers(0, 50), texts, texts),
    st.builds(Gap, times, times, st.integers(0, 9), times, times, texts),
)


@contextmanager
def directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp())
    try:
        yield path
    finally:
        shutil.rmtree(path)


@QUIET
@given(
    batches=st.lists(st.lists(some_records, min_size=1, max_size=8), max_size=8),
    size_max=st.sampled_from([1, 300, 10**9]),
)
def test_any_records_come_back_as_they_were_written(batches: list[list[Record]], size_max: int) -> None:
    with directory() as home:
        tape = write(home / "tape", batches, size_max=size_max)
        written = [record for batch in batches for record in batch]
        kinds = (Frame, Event, Conflated, Gap)
        assert [record for record in records_on(tape) if isinstance(record, kinds)] == written
        [run] = runs_in(tape)[0]
        reader = RunReader(run)
        items = list(reader.items())
        assert reader.faults == []
        assert reader.is_ended
        assert len(items) == sum(not isinstance(record, Conflated) for record in written)


@QUIET
@given(st.lists(st.lists(some_records, min_size=1, max_size=6), min_size=1, max_size=6), st.data())
def test_a_segment_cut_off_anywhere_gives_what_was_whole(batches: list[list[Record]], data: st.DataObject) -> None:
    with directory() as home:
        [path] = segments_in(write(home / "tape", batches, start_ns=LATEST_NS))
        whole = path.read_bytes()
        ends = [block.offset + block.size for block in blocks_of(path) if isinstance(block, Block)]
        length = data.draw(st.integers(0, len(whole)))
        path.write_bytes(whole[:length])
        kept = max(sum(end <= length for end in ends) - 1, 0)
        plain = [record for batch in batches[:kept] for record in batch]
        assert [record for record in records_on(path) if isinstance(record, (Frame, Event, Conflated, Gap))] == plain
        for run in runs_in(home / "tape")[0]:
            reader = RunReader(run)
            assert len(list(reader.items())) == sum(not isinstance(record, Conflated) for record in plain)
            assert all(fault.is_torn for fault in reader.faults)


# the replay of what a recorder kept


class Live:
    """A run that judges drains of frames, as the stream hands them over, with a recorder beside it."""

    def __init__(self, tape: Tape, recorder: Recorder, die: Random) -> None:
        self.alerts: list[Alert] = []
        self.grok = grok_of(tape, self.alerts.append)
        self.recorder = recorder
        self.die = die
        self.waiting: list[tuple[int, Received, bytes]] = []
        self.seq = 0

    def run(self, received: tuple[Received, ...]) -> None:
        for one in received:
            if one.frame is None:
                self.flush()
                self.recorder.event(one.t_ns, LOST, "by the test")
                self.grok.on_connection_lost()
            else:
                self.recorder.frame(one.t_ns, self.seq, one.frame)
                self.waiting.append((self.seq, one, one.frame))
                self.seq += 1
            if self.die.random() < 0.5:
                self.flush()
            if self.die.random() < 0.3:
                self.recorder.hand_over()  # also in the middle of a drain
        self.flush()

    def flush(self) -> None:
        """Judge what waits; of some parts that come again later in it, only the last."""
        waiting, self.waiting = self.waiting, []
        for place, (seq, one, frame) in enumerate(waiting):
            later = {part for _, _, other in waiting[place + 1 :] for part in parts_in(other)}
            superseded = frozenset(part for part in sorted(parts_in(frame) & later) if self.die.random() < 0.8)
            for service, symbol in sorted(superseded):
                self.recorder.conflated(seq, symbol, service)
            self.grok.on_conflated(frame, one.t_ns, seq, superseded)


def parts_in(frame: bytes) -> set[Part]:
    message = decode(frame)
    if message is None:
        return set()
    return {
        (block.service, item.key) for block in message.data if block.service in BOOK_SERVICES for item in block.items
    }


def grok_of(tape: Tape, on_alert: Callable[[Alert], None]) -> Grok:
    listing = {symbol: Service(service) for symbol, service in tape.settings.listing.items()}
    detector = Detector(rule_of(tape.settings), listing)
    return Grok(detector, EntryFilter(), Market(WINDOW_NS), symbols=None, on_alert=on_alert)


def setup_of(tape: Tape) -> Setup:
    letters = {symbol: "Q" if service == "NASDAQ_BOOK" else "N" for symbol, service in tape.settings.listing.items()}
    return Setup(rule_of(tape.settings), EntryFilter(), WINDOW_NS, None, letters, blocks_unlisted=True)


def lines_of(items: list[Played], tape: Tape) -> list[bytes]:
    lines = AlertLines()
    told: list[bytes] = []
    replay(items, setup_of(tape), lambda alert: told.append(lines.line(alert)))
    return told


@FEW
@given(tapes(), st.integers(0, 2**32 - 1))
def test_a_replay_gives_the_alerts_of_the_run_whatever_was_conflated_and_whenever_blocks_ended(
    tape: Tape, seed: int
) -> None:
    die = Random(seed)
    with directory() as home:
        writer = SegmentWriter(home / "tape", header(), die.choice([2_000, 10**9, 10**9]))
        recorder = Recorder(writer, Mask())
        live = Live(tape, recorder, die)
        live.run(tape.received)
        recorder.close()
        lines = AlertLines()
        told = [lines.line(alert) for alert in live.alerts]
        assert lines_of(items_on(home / "tape"), tape) == told
        assert lines_of(items_on(home / "tape"), tape) == told, "each time the same"


@FEW
@given(tapes(), st.integers(0, 2**32 - 1))
def test_killed_anywhere_a_tape_gives_a_beginning_of_the_alerts_of_the_run(tape: Tape, seed: int) -> None:
    """Whatever block was the last one that was written: no frame is judged whose mark was lost with the next."""
    die = Random(seed)
    with directory() as home:
        recorder = Recorder(SegmentWriter(home / "tape", header(start_ns=LATEST_NS), 10**9), Mask())
        live = Live(tape, recorder, die)
        live.run(tape.received)
        recorder.close()
        told = [AlertLines().line(alert) for alert in live.alerts]
        [path] = segments_in(home / "tape")
        content = path.read_bytes()
        for length in sorted({die.randrange(len(content) + 1) for _ in range(4)}):
            path.write_bytes(content[:length])
            items = items_on(home / "tape")
            got = lines_of(items, tape)
            assert got == told[: len(got)]


@FEW
@given(tapes(), st.integers(0, 2**32 - 1))
def test_cut_anywhere_the_alerts_before_the_cut_do_not_change(tape: Tape, seed: int) -> None:
    """Look-ahead: nothing that comes later may be known before."""
    die = Random(seed)
    with directory() as home:
        recorder = Recorder(SegmentWriter(home / "tape", header(start_ns=LATEST_NS), 10**9), Mask())
        Live(tape, recorder, die).run(tape.received)
        recorder.close()
        items = items_on(home / "tape")
        whole = lines_of(items, tape)
        for place in sorted({die.randrange(len(items) + 1) for _ in range(3)}):
            with making(home / f"cut-{place}", 10**9) as copy:
                copy(header(), items[:place])
            got = lines_of(items_on(home / f"cut-{place}"), tape)
            assert got == whole[: len(got)]
            frames = [item.recv_ns for item in items[place:] if isinstance(item, Recorded)]
            assert all(any(b'"recv_ns":%d,' % t in line for t in frames) for line in whole[len(got) :])
