"""What grok says of itself once a second: its row, and the touches that are new."""

from pathlib import Path
from typing import Any

import msgspec

from leadline.app.account import Account
from leadline.app.report import Judging, Reporter
from leadline.core.alerts import Alert, EntryFilter
from leadline.core.detector import Detector
from leadline.core.imbalance import Rule
from leadline.core.market import Market, Service
from leadline.grok import Grok, HandOver
from leadline.schwab.link import Hooks, LinkState, Patience
from leadline.schwab.requests import Subscriptions
from leadline.schwab.watch import Watch
from leadline.settings import load
from leadline.store.alerts import AlertIds, Origin
from leadline.store.spill import Statement
from leadline.store.writer import Writer
from support.frames import T_NS, book_frame
from support.trading import HandClock


class Stream:
    """As much of a stream as is reported."""

    state = LinkState(connection="streaming", reconnects=2)
    watch = Watch(Subscriptions({Service.NYSE_BOOK: ["F"]}, ["F"]), Patience(), Hooks(), HandClock())


def reported(tmp_path: Path, frames: list[bytes]) -> tuple[Writer, Reporter, Any]:
    writer = Writer(tmp_path / "l.db", 0)
    ids = AlertIds(writer)
    writer.start()
    clock, market = HandClock(), Market(60_000_000_000)
    detector = Detector(Rule(), {"F": Service.NYSE_BOOK})
    taken: list[Alert] = []
    grok = Grok(detector, EntryFilter(), market, symbols=None, on_alert=taken.append)
    account = Account("hash", "...678", "print", "sim")
    reporter = Reporter(load(use_environment=False), account, "the lock is held", clock=clock, writer=writer)
    hand_over = HandOver(ids, None, writer.put, Origin("b", "h", "0"), writes_rows=True)

    def report() -> None:
        for number, frame in enumerate(frames):
            grok.on_frame(frame, T_NS + number * 1_000_000_000, 1)
        reporter.report(grok, hand_over, detector, Stream(), market)  # type: ignore[arg-type]
        assert writer.flush(5)

    return writer, reporter, report


def test_the_row_says_who_runs_and_how_it_is(tmp_path: Path) -> None:
    frames = [book_frame(), b"{", book_frame(t_ns=T_NS + 2_000_000_000)]
    writer, reporter, report = reported(tmp_path, frames)
    report()
    reporter.stopped()
    writer.close()
    again = Writer(writer.path, 0)
    [(role, mode, account, state)] = again.execute_now("SELECT role, mode, account, state FROM processes")
    assert (role, mode, account, state) == ("grok", "sim", "...678", "STOPPED")
    assert again.execute_now("SELECT symbol, bid, ask, bid_size FROM touches") == [("F", 13.12, 13.13, 5_400)]


def test_counts_age_and_the_reason_why_nothing_is_traded_are_told(tmp_path: Path) -> None:
    writer, _, report = reported(tmp_path, [book_frame(), b"{", book_frame(t_ns=T_NS + 2_000_000_000)])
    report()
    writer.close()
    [(detail, state)] = Writer(writer.path, 0).execute_now("SELECT detail, state FROM processes")
    told = msgspec.json.decode(str(detail))
    assert state == "DISABLED"
    assert told["trader"] == "disabled: the lock is held"
    assert (told["connection"], told["reconnects"], told["malformed"], told["books"]) == ("streaming", 2, 1, 3)
    assert sum(told["outcomes"].values()) == told["books"]
    recv_ns = T_NS + 2_000_000_000
    assert told["symbols"]["F"] == {"service": "NYSE_BOOK", "recv_ns": recv_ns, "lag_ms": 300, "state": "OPEN"}
    assert (told["alarms"], told["coverage"], told["tape"]) == ([], 0, None)


def rows(writer: Writer, sql: str) -> list[tuple[object, ...]]:
    return Writer(writer.path, 0).execute_now(sql)


def test_counts_of_each_symbol_sum_to_its_snapshots_and_malformed_frames_stand_under_no_symbol(tmp_path: Path) -> None:
    second_ns = 1_000_000_000
    frames = [book_frame(), b"{", book_frame(t_ns=T_NS + 2 * second_ns), book_frame("G", T_NS + 3 * second_ns)]
    writer, _, report = reported(tmp_path, frames)
    report()
    writer.close()
    counts = rows(writer, "SELECT symbol, snapshots, duration, malformed, other_service FROM outcomes ORDER BY symbol")
    assert counts == [("", 1, 0, 1, 0), ("F", 2, 2, 0, 0), ("G", 1, 1, 0, 0)]
    assert rows(writer, "SELECT symbol, outcome, recv_ns FROM judgements ORDER BY symbol") == [
        ("F", "duration", T_NS + 2 * second_ns),
        ("G", "duration", T_NS + 3 * second_ns),
    ]


def test_only_symbols_with_a_new_snapshot_are_written_again_and_the_end_writes_what_is_left() -> None:
    put: list[str] = []

    class Puts:
        def put_state(self, name: str, statement: Statement) -> None:
            put.append(name)

        def put(self, statement: Statement) -> None:
            put.append("trim")

    detector = Detector(Rule(), {"F": Service.NYSE_BOOK})
    grok = Grok(detector, EntryFilter(), Market(60_000_000_000), symbols=None, on_alert=lambda _: None)
    judging = Judging(7, ("F", "G"), Puts())  # type: ignore[arg-type]
    judging.report(grok, 8)
    assert sorted(put) == ["outcomes ", "outcomes F", "outcomes G", "trim"], "every symbol has a row from the start"
    put.clear()
    judging.report(grok, 9)
    assert put == []
    grok.on_frame(book_frame(), T_NS)
    judging.report(grok, 10)
    assert put == ["outcomes F", "judgement F"]
    put.clear()
    grok.on_conflated(book_frame(), T_NS, 0, frozenset({("NYSE_BOOK", "F")}))
    judging.report_again(11)
    assert put == ["outcomes F", "judgement F"]


def test_the_last_rows_of_a_run_hold_its_last_snapshots(tmp_path: Path) -> None:
    writer, reporter, report = reported(tmp_path, [book_frame()])
    report()
    assert reporter._judging._grok is not None
    reporter._judging._grok.on_frame(b"{", T_NS)
    reporter.stopped()
    writer.close()
    assert rows(writer, "SELECT malformed FROM outcomes WHERE symbol = ''") == [(1,)]
