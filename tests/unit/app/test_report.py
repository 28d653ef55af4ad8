"""What grok says of itself once a second: its row, and the touches that are new."""

from pathlib import Path
from typing import Any

import msgspec

from leadline.app.account import Account
from leadline.app.report import Reporter
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
