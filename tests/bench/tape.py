"""What the tape costs the hot path: the same frames judged without a tape, and kept for one first."""

from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.table import Step, measured, table
from leadline.core.alerts import EntryFilter
from leadline.core.detector import Detector
from leadline.core.imbalance import Rule
from leadline.core.market import Market, Service
from leadline.core.units import NS_PER_S
from leadline.grok import Grok
from leadline.tape.masking import Mask
from leadline.tape.recorder import Recorder
from leadline.tape.writer import SegmentWriter
from support.flooding import BY_SERVICE, template
from support.taping import header

ROUNDS = 200
PAUSE_S = (0.01, 0.03)
FRAME = template("NYSE_BOOK", 0)
"""One burst of 250 books."""


def run() -> str:
    """Give the table: one frame of 250 books, judged; and one append to the tape beside it."""
    with TemporaryDirectory(dir=Path.cwd()) as home:
        recorder = Recorder(SegmentWriter(Path(home), header(), 10**9), Mask(["12345678", "HASHOFTHEACCOUNT"]))
        try:
            times = measured(_ways(recorder), ROUNDS, PAUSE_S)
        finally:
            recorder.close()
    return table("one frame of 250 books", times)


def _ways(recorder: Recorder) -> dict[str, Step]:
    plain, taped, numbers = _grok(), _grok(), count(1)

    def keep_and_judge() -> None:
        recv_ns = next(numbers) * NS_PER_S
        recorder.frame(recv_ns, recv_ns, FRAME)
        recorder.hand_over()
        taped.on_frame(FRAME, recv_ns, recv_ns)

    return {
        "judged": lambda: plain.on_frame(FRAME, next(numbers) * NS_PER_S),
        "kept for the tape and judged": keep_and_judge,
        "kept for the tape alone": lambda: recorder.frame(1, 1, FRAME),
    }


def _grok() -> Grok:
    services = dict.fromkeys(BY_SERVICE["NYSE_BOOK"], Service.NYSE_BOOK)
    market = Market(60 * NS_PER_S)
    return Grok(Detector(Rule(), services), EntryFilter(), market, symbols=None, on_alert=lambda _: None)
