"""A tape is played as it is: only times move, all by the same whole number of milliseconds."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simschwab.core.listing import Service
from simschwab.core.playback import BookTimes, TapeMarket, shifted
from simschwab.core.tape import TapeError, read_tape
from simschwab.core.times import MS_PER_DAY, NS_PER_MS
from simschwab.virtual import START_NS, Virtual

RECORDED = Path(__file__).parents[4] / "shared/data/schwab_frames"
T0_MS = 1_765_306_323_315


def book_line(n: int, symbol: str = "F", service: str = "NYSE_BOOK", lag_ms: int = 966) -> bytes:
    timestamp = T0_MS + n * 1010
    entry = {"0": "NYSE", "1": 8800, "2": MS_PER_DAY - 5}
    item = {
        "key": symbol,
        "1": timestamp - lag_ms,
        "2": [{"0": 13.12, "1": 8800, "2": 1, "3": [entry]}, {"0": 13, "1": 7, "2": 0, "3": []}],
        "3": [{"0": 13.13, "1": 300, "2": 1, "3": [{"0": "weird", "1": 300, "2": 49_904_606}]}],
        "new": {"unknown": [1, 2.50]},
    }
    frame = {"data": [{"service": service, "timestamp": timestamp, "command": "SUBS", "content": [item]}]}
    return json.dumps({"recv_ns": timestamp * NS_PER_MS + 123_456, "frame": frame}).encode()


def wire_of(payload: bytes) -> dict[str, object]:
    decoded = msgspec.json.decode(payload)
    assert isinstance(decoded, dict)
    return decoded


def test_times_move_by_one_delta_and_nothing_else_changes() -> None:
    tape = read_tape([book_line(0)], None, None)
    delta_ms = 987_654
    (entries,) = shifted(tape.frames[0], delta_ms, BookTimes()).entries
    sent = wire_of(entries.books[0].payload)
    recorded = json.loads(book_line(0))["frame"]["data"][0]["content"][0]
    assert entries.timestamp_ms == T0_MS + delta_ms
    assert sent["1"] == recorded["1"] + delta_ms
    for side in ("2", "3"):
        for level in recorded[side]:
            for entry in level["3"]:
                entry["2"] = (entry["2"] + delta_ms) % MS_PER_DAY
    recorded["1"] += delta_ms
    assert sent == recorded
    assert json.dumps(sent) == json.dumps(recorded)


def test_the_pace_is_the_tapes_divided_by_speed() -> None:
    for speed in (1.0, 4.0):
        market = TapeMarket(read_tape([book_line(n) for n in range(4)], None, None), speed)
        assert market.next_due_ns() is None
        market.begin(START_NS)
        for n in range(4):
            due_ns = market.next_due_ns()
            assert due_ns == START_NS + int(n * 1010 * NS_PER_MS / speed)
            (burst,) = market.step(due_ns)
            (entries,) = burst.entries
            # The lag of 966 ms survives exactly, and the envelope is what it was after its receive time.
            assert entries.timestamp_ms - entries.books[0].book.book_ms == 966
            assert 0 <= due_ns // NS_PER_MS - entries.timestamp_ms <= 1
        assert market.finished
        assert market.next_due_ns() is None


def test_level_one_times_move_and_other_fields_stand() -> None:
    item = {"key": "F", "1": 13.1, "8": 5, "34": T0_MS - 7, "35": T0_MS - 9, "delayed": False}
    frame = {"data": [{"service": "LEVELONE_EQUITIES", "timestamp": T0_MS, "content": [item]}]}
    tape = read_tape([json.dumps(frame).encode()], None, None)
    (entries,) = shifted(tape.frames[0], 1000, BookTimes()).entries
    moved = item | {"34": T0_MS + 993, "35": T0_MS + 991}
    assert {"key": entries.quotes[0].symbol} | entries.quotes[0].changes == moved


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (b"{oops", "not JSON"),
        (b"[1]", "found list"),
        (b'{"recv_ns": 1, "frame": 3}', "frame is int"),
        (b'{"hello": 1}', "no data"),
        (b'{"recv_ns": "x", "frame": {"data": [{"timestamp": 1, "content": []}]}}', "no integer"),
    ],
)
def test_a_broken_line_is_named_with_what_was_expected(line: bytes, word: str) -> None:
    with pytest.raises(TapeError) as caught:
        read_tape([book_line(0), line], None, None)
    assert "line 2" in str(caught.value)
    assert word in str(caught.value)
    assert "expected" in str(caught.value)


def test_an_empty_tape_is_refused() -> None:
    with pytest.raises(TapeError):
        read_tape([b"\n", b'{"notify":[{"heartbeat":"1"}]}'], None, None)


def test_limit_and_skipped_lines() -> None:
    lines = [b'{"notify":[{"heartbeat":"1"}]}', *(book_line(n) for n in range(9))]
    tape = read_tape(lines, None, 4)
    assert (len(tape.frames), tape.skipped) == (4, 1)


def test_listings_come_from_the_services_seen() -> None:
    lines = [book_line(0, "AAA"), book_line(1, "BBB", "NASDAQ_BOOK"), book_line(2, "SPY", "NASDAQ_BOOK")]
    lines += [book_line(3, "CCC"), book_line(4, "CCC", "NASDAQ_BOOK"), book_line(5, "F", "NASDAQ_BOOK")]
    letters = {name: listing.letter for name, listing in read_tape(lines, None, None).listings.items()}
    assert letters == {"AAA": "N", "BBB": "Q", "SPY": "Q", "CCC": "N", "F": "Q"}


def test_a_client_gets_only_what_it_subscribed_and_the_link_outlives_the_tape() -> None:
    lines = [book_line(n, symbol) for n in range(3) for symbol in ("F", "T")]
    virtual = Virtual(market=TapeMarket(read_tape(lines, None, None), 1.0))
    stream = virtual.connect()
    stream.login()
    stream.send("NYSE_BOOK", "SUBS", keys="F", fields="0,1,2,3")
    virtual.run_ms(25_000)
    frames = stream.take()
    names = [book.symbol for frame in frames for book in frame.books]
    assert names == ["F", "F", "F"]
    assert sum(frame.kind == "heartbeat" for frame in frames) == 2
    assert virtual.exchange.market.finished


def test_orders_trade_with_the_taped_book() -> None:
    virtual = Virtual(market=TapeMarket(read_tape([book_line(0)], None, None), 1.0))
    assert virtual.exchange.board.liquidity("F") is None
    virtual.exchange.market.begin(virtual.now_ns)
    virtual.run_ms(1)
    liquidity = virtual.exchange.board.liquidity("F")
    assert liquidity is not None
    assert [(fill.price_e4, fill.quantity) for fill in liquidity.take(500, buying=True, limit_e4=None)] == [
        (131_300, 300)
    ]


def test_a_real_recording_keeps_its_lags_to_the_millisecond() -> None:
    path = RECORDED / "nasdaq_book_TSLA_2026-09-25_150_snapshots.jsonl"
    if not path.exists():
        pytest.skip(f"the real recording is not here: {path.name}")
    lines = path.read_bytes().splitlines()
    market = TapeMarket(read_tape(lines, None, None), 1.0)
    assert {name: listing.service for name, listing in market.listings.items()} == {"TSLA": Service.NASDAQ_BOOK}
    market.begin(START_NS)
    for line in lines:
        recorded = json.loads(line)
        due_ns = market.next_due_ns()
        assert due_ns is not None
        (burst,) = market.step(due_ns)
        (entries,) = burst.entries
        (entry,) = recorded["frame"]["data"]
        assert entries.timestamp_ms - entries.books[0].book.book_ms == (entry["timestamp"] - entry["content"][0]["1"])
        sent = wire_of(entries.books[0].payload)
        assert (
            json.dumps(sent["2"])[:200].split('"3"')[0] == (json.dumps(entry["content"][0]["2"])[:200].split('"3"')[0])
        )


@given(
    books=st.lists(st.tuples(st.integers(1, 5_000), st.integers(0, 2_000)), min_size=2, max_size=30),
    speed=st.sampled_from([1, 7, 40, 1_000]),
)
def test_book_times_keep_their_order_at_any_speed_and_their_lag_at_their_own(
    books: list[tuple[int, int]], speed: int
) -> None:
    times, recv_ms, told = BookTimes(), 0, list[tuple[int, int]]()
    for pause_ms, lag_ms in books:
        recv_ms += pause_ms
        played_ms = 1_000_000 + recv_ms // speed
        moved_ms = times.moved(Service.NYSE_BOOK, "F", recv_ms - lag_ms, played_ms - recv_ms)
        told.append((recv_ms - lag_ms, moved_ms))
        if speed == 1:
            assert played_ms - moved_ms == lag_ms
    latest, latest_moved = told[0]
    for book_ms, moved_ms in told[1:]:
        assert (moved_ms > latest_moved, moved_ms == latest_moved) == (book_ms > latest, book_ms == latest)
        if book_ms > latest:
            latest, latest_moved = book_ms, moved_ms


def steady_tape(frames: int) -> TapeMarket:
    lines = []
    for n in range(frames):
        item = {"key": "XYZ", "1": 1_000_000 + n * 1000, "2": [], "3": []}
        data = {"service": "NASDAQ_BOOK", "timestamp": 1_000_250 + n * 1000, "command": "SUBS", "content": [item]}
        lines.append(json.dumps({"recv_ns": (1_000_300 + n * 1000) * 1_000_000, "frame": {"data": [data]}}).encode())
    return TapeMarket(read_tape(lines, None, None), 1.0)


def dues_s(market: TapeMarket, count: int) -> list[float]:
    dues = []
    for _ in range(count):
        due_ns = market.next_due_ns()
        assert due_ns is not None
        dues.append(due_ns / 1e9)
        market.step(due_ns)
    return dues


def test_a_tape_moves_with_the_clock() -> None:
    market = steady_tape(6)
    market.begin(10_000_000_000)
    assert dues_s(market, 3) == [10, 11, 12]
    market.shift(3_600_000_000_000)
    assert dues_s(market, 2) == [3613, 3614]
    market.shift(-3_600_000_000_000)
    assert dues_s(market, 1) == [15]


def test_a_tape_runs_faster_from_where_it_is_and_then_at_its_own_pace_again() -> None:
    market = steady_tape(9)
    market.begin(10_000_000_000)
    assert dues_s(market, 3) == [10, 11, 12]
    market.pace(10.0)
    fast = dues_s(market, 3)
    assert [round(due_s - 12, 3) for due_s in fast] == [0.1, 0.2, 0.3]
    market.pace(1.0)
    assert [round(due_s - 12.3, 3) for due_s in dues_s(market, 3)] == [1, 2, 3]
