"""`leadline why` reads the database only: while grok writes, after it ended, and says what is missing in one line."""

import json
from pathlib import Path

import msgspec
import pytest

from leadline.app.report import Judging
from leadline.clock import SystemClock
from leadline.core.alerts import Alert, Disposition, EntryFilter
from leadline.core.detector import Detector
from leadline.core.imbalance import Rule
from leadline.core.market import Market, Service
from leadline.grok import Grok, HandOver
from leadline.store.alerts import AlertIds, Origin
from leadline.store.orders import insert_disposition
from leadline.store.status import upsert_process
from leadline.store.writer import Writer
from support.frames import book_frame
from support.machine import leadline, wait_until
from support.ui_store import a_process

S = 1_000_000_000
NAMES = ("F", "G", "NIO")


class Run:
    """A run of grok that wrote its rows, whose writer is still open."""

    def __init__(self, path: Path) -> None:
        self.now_ns = SystemClock().wall_ns()
        self.started_ns = self.now_ns - 40 * S
        self.writer = Writer(path, 0)
        ids = AlertIds(self.writer)
        self.writer.start()
        hand_over = HandOver(ids, None, self.writer.put, Origin("b", "h", "0"), writes_rows=True)
        detector = Detector(Rule(), dict.fromkeys(NAMES, Service.NYSE_BOOK))
        self.alerts: list[Alert] = []
        self.grok = Grok(
            detector,
            EntryFilter(disable_ask_heavy=True),
            Market(60 * S),
            symbols=frozenset(NAMES),
            on_alert=hand_over.take,
        )
        for second in range(40):
            t_ns = self.started_ns + second * S
            self.grok.on_frame(book_frame("F", t_ns, heavy=900 if second < 20 else 160), t_ns)
            self.grok.on_frame(book_frame("G", t_ns, heavy=100), t_ns)
        self.writer.put(insert_disposition(1, "paper", Disposition.REFUSED, "the market is closed", self.now_ns))
        self.say("ARMED", self.now_ns)

    def say(self, state: str, heartbeat_ns: int) -> None:
        row = msgspec.structs.replace(
            a_process(self.now_ns), started_ns=self.started_ns, heartbeat_ns=heartbeat_ns, state=state
        )
        self.writer.put_state("grok", upsert_process(row))
        Judging(self.started_ns, NAMES, self.writer).report(self.grok, self.now_ns)
        assert self.writer.flush(60)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "x.db")


def why(run: Run, *words: str) -> str:
    ended = leadline("why", *words, "--db", run.writer.path, cwd=run.writer.path.parent)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def test_a_symbol_is_told_while_grok_writes_and_after_it_ended(run: Run) -> None:
    live = ""

    def is_told_as_running() -> bool:
        nonlocal live
        run.say("ARMED", SystemClock().wall_ns())
        live = why(run, "f")
        return live.startswith("grok is running since ")

    # A heartbeat is believed for 5 s, and this machine may take longer to start a program.
    wait_until(is_told_as_running, timeout_s=60)
    assert ">> ratio" in live
    assert "paper: refused, the market is closed" in live
    assert "BLOCKED ask-heavy by ask_heavy_disabled" in live
    run.say("STOPPED", run.now_ns)
    run.writer.close()
    ended = why(run, "F")
    assert ended.splitlines()[0].startswith("grok stopped ")
    assert ended.splitlines()[0].endswith(" New York, these are its last")
    assert ">> ratio" in ended


def test_several_symbols_are_told_whole_and_all_of_them_a_line_each(run: Run) -> None:
    several = why(run, "F,G")
    assert [line for line in several.splitlines() if line in NAMES] == ["F", "G"]
    every = why(run)
    assert [line.split()[0] for line in every.splitlines()[2:]] == ["F", "G", "NIO"]
    assert "NIO      no book yet" in every
    run.writer.close()


def test_machines_get_one_object_whose_outcomes_sum(run: Run) -> None:
    told = json.loads(why(run, "--json"))
    run.writer.close()
    assert told["grok"]["run_ns"] == run.started_ns
    sums = {one["symbol"]: sum(one["outcomes"].values()) for one in told["symbols"]}
    assert sums == {"F": 40, "G": 40, "NIO": 0}
    assert {one["symbol"]: one["snapshots"] for one in told["symbols"]} == sums


def test_a_symbol_that_is_not_streamed_is_one_line_that_names_those_that_are(run: Run) -> None:
    run.writer.close()
    ended = leadline("why", "F", "FORD", "--db", run.writer.path, cwd=run.writer.path.parent)
    assert (ended.returncode, ended.stdout) == (2, "")
    [line] = ended.stderr.splitlines()
    assert "FORD" in line
    assert "F, G, NIO" in line


def test_the_counts_of_an_earlier_run_are_not_those_of_this_one(run: Run) -> None:
    run.started_ns = run.now_ns
    run.grok = Grok(Detector(Rule(), {}), EntryFilter(), Market(60 * S), symbols=frozenset(NAMES), on_alert=print)
    run.say("ARMED", run.now_ns)
    run.writer.close()
    told = why(run, "F")
    assert "no book yet: nothing could be judged" in told
    assert "last alert: 1, bid-heavy" in told, "alerts are of every run"


def test_without_a_database_or_a_run_nothing_is_made_up(tmp_path: Path) -> None:
    ended = leadline("why", "--db", tmp_path / "none.db", cwd=tmp_path)
    assert ended.returncode == 1
    assert "there is no database here yet" in ended.stderr
    Writer(tmp_path / "new.db", 1).close()
    ended = leadline("why", "--db", tmp_path / "new.db", cwd=tmp_path)
    assert ended.returncode == 1
    assert "grok has not run on this database yet" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
