"""The demo's figures come from the simulator's ledger: each order against the very book that its alert stands on."""

import pytest

from leadline.demo.tally import BookRef, Event, Ledger, LedgerPage
from leadline.store.rows import Cause


def frame(mono_ns: int, symbol: str, book_ms: int, kind: str = "data") -> Event:
    return Event("frame_out", mono_ns, frame=kind, books=[BookRef(symbol, book_ms)])


def order(mono_ns: int, order_id: int, method: str = "POST") -> Event:
    return Event("request_in", mono_ns, method=method, order_id=order_id)


def test_an_order_is_timed_from_the_book_of_its_alert_and_not_from_a_later_one() -> None:
    ledger = Ledger()
    ledger.take(LedgerPage(4, [frame(1_000_000, "F", 10), frame(1_500_000, "F", 11), order(3_000_000, 7)]))
    latency = ledger.latency([Cause("7", "F", 10)])
    assert (latency.p50, latency.p99) == (2_000, 2_000)


def test_what_no_frame_caused_is_not_timed() -> None:
    ledger = Ledger()
    ledger.take(LedgerPage(3, [frame(1, "F", 10), order(2, 7), order(3, 8, "DELETE")]))
    assert ledger.latency([Cause("7", "T", 10), Cause("8", "F", 10), Cause("9", "F", 10)]).p50 is None


def test_only_data_is_counted_as_frames() -> None:
    ledger = Ledger()
    ledger.take(LedgerPage(3, [frame(1, "F", 10), frame(2, "F", 10, "response"), frame(3, "F", 10, "heartbeat")]))
    assert (ledger.frames, ledger.books, ledger.next) == (1, 1, 3)


@pytest.mark.parametrize(("count", "p50", "p99"), [(1, 1, 1), (2, 2, 2), (100, 51, 100), (200, 101, 199)])
def test_percentiles_are_those_of_the_sorted_times(count: int, p50: float, p99: float) -> None:
    ledger = Ledger()
    for number in range(1, count + 1):
        sent_ns = number * 1_000_000
        ledger.take(LedgerPage(0, [frame(sent_ns, "F", number), order(sent_ns + number * 1_000, number)]))
    latency = ledger.latency([Cause(str(number), "F", number) for number in range(count, 0, -1)])
    assert (latency.p50, latency.p99) == (p50, p99)
