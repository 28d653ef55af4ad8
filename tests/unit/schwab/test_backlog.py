"""Frames are judged at once while judging keeps pace; in a backlog the socket is read empty first, then conflated."""

import socket
import struct
import time
from collections import deque
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.conflation import NOTHING, Contents, Part
from leadline.schwab.backlog import (
    DRAIN_NS,
    PAUSE_NS,
    WAITING_BYTES_MAX,
    Arrival,
    Backlog,
    contents_of,
    is_closed_in_kernel,
)
from leadline.schwab.wire import BOOK_SERVICES, decode
from property.test_wire_fuzz import FRAMES, edited
from support.frames import book_frame, frame_of

MS = 1_000_000
BEHIND_NS = 20 * MS


class Rig:
    """A socket, a loop and a judge in the test's hands: judging a frame takes `judge_ns`."""

    def __init__(self, judge_ns: int = 0) -> None:
        self.now_ns = 1_000_000 * MS
        self.judge_ns = judge_ns
        self.kernel: deque[list[bytes]] = deque()
        """Reads that the kernel still holds."""
        self.soon: deque[Callable[[], None]] = deque()
        self.taken: list[tuple[int, frozenset[Part]]] = []
        self.ages_ns: list[int] = []
        self._seq = 0
        self.backlog = Backlog(
            self._take,
            boot_ns=lambda: self.now_ns,
            kernel_bytes=lambda: sum(map(len, self.kernel)),
            call_soon=self.soon.append,
            behind_ns=BEHIND_NS,
        )

    def _take(self, arrival: Arrival, superseded: frozenset[Part]) -> None:
        self.taken.append((arrival.seq, superseded))
        self.ages_ns.append(self.now_ns - arrival.boot_ns)
        self.now_ns += self.judge_ns

    def read(self) -> None:
        """What the loop does when the socket is readable."""
        for frame in self.kernel.popleft():
            self.backlog.add(Arrival(self._seq, frame, 0, self.now_ns))
            self._seq += 1
        self.backlog.turn()

    def loop(self) -> None:
        """One pass of the loop: what was to be called soon, then what can be read."""
        for _ in range(len(self.soon)):
            self.soon.popleft()()
        if self.kernel:
            self.read()


def one(symbol: str = "F") -> bytes:
    return frame_of("NYSE_BOOK", {"key": symbol})


NYSE_F = frozenset({("NYSE_BOOK", "F")})


def test_without_a_backlog_a_frame_is_judged_in_the_callback_that_brought_it() -> None:
    rig = Rig(judge_ns=MS)
    for _ in range(3):
        rig.kernel.append([one(), one("G")])
        rig.read()
        rig.now_ns += 1_000 * MS
    assert rig.taken == [(number, NOTHING) for number in range(6)]
    assert not rig.soon


def test_a_burst_in_one_read_is_judged_whole_while_that_is_quick() -> None:
    rig = Rig(judge_ns=MS)
    rig.kernel.append([one() for _ in range(10)])  # the last has waited 9 ms
    rig.read()
    assert rig.taken == [(number, NOTHING) for number in range(10)]


def test_what_has_waited_too_long_within_one_read_is_conflated() -> None:
    rig = Rig(judge_ns=15 * MS)
    rig.kernel.append([one(), one(), one(), one("G"), one()])
    rig.read()
    assert rig.taken == [(0, NOTHING), (1, NOTHING), (2, NYSE_F), (3, NOTHING), (4, NOTHING)]


def test_behind_all_that_the_kernel_holds_is_read_before_anything_more_is_judged() -> None:
    rig = Rig(judge_ns=25 * MS)
    rig.kernel.extend([[one()], [one()], [one()], [one("G")], [one()]])
    rig.read()
    assert rig.taken == [(0, NOTHING)]  # the first has not waited for anything
    while rig.kernel or rig.soon:
        rig.loop()
    assert rig.taken[1:] == [(1, NYSE_F), (2, NYSE_F), (3, NOTHING), (4, NOTHING)]


def test_frames_that_come_quickly_but_are_read_empty_are_never_held_back() -> None:
    rig = Rig(judge_ns=0)
    for _ in range(1_000):
        rig.kernel.append([one()])
        rig.read()
        rig.now_ns += MS
    assert rig.taken == [(number, NOTHING) for number in range(1_000)]
    assert not rig.soon


def test_a_pause_ends_the_suspicion_of_a_backlog() -> None:
    rig = Rig(judge_ns=25 * MS)
    rig.kernel.append([one()])
    rig.read()
    rig.now_ns += PAUSE_NS + 1
    rig.kernel.extend([[one()], [one()]])
    rig.read()
    assert rig.taken[1] == (1, NOTHING)


@pytest.mark.parametrize("limit", ["time", "bytes"])
def test_a_drain_that_brings_more_and_more_ends_at_its_limit(limit: str) -> None:
    rig = Rig(judge_ns=25 * MS)
    padding = WAITING_BYTES_MAX // 4 if limit == "bytes" else 0
    frame = frame_of("NYSE_BOOK", {"key": "F", "x": "y" * padding})
    rig.kernel.extend([[frame]] * 2)
    rig.read()
    passes = 0
    while len(rig.taken) < 2:
        rig.kernel.append([frame])
        rig.loop()
        rig.now_ns += MS
        passes += 1
        assert passes <= (6 if limit == "bytes" else DRAIN_NS // MS + 2)
    assert passes >= (4 if limit == "bytes" else DRAIN_NS // MS - 2)


def test_flush_judges_what_waits_and_leaves_nothing_to_the_loop() -> None:
    rig = Rig(judge_ns=25 * MS)
    rig.kernel.extend([[one()], [one()], [one()]])
    rig.read()
    rig.read()
    assert len(rig.taken) == 1
    rig.backlog.flush()
    assert [seq for seq, _ in rig.taken] == [0, 1]
    rig.soon.popleft()()  # the drain that was to follow
    assert len(rig.taken) == 2


def test_urgent_frames_are_judged_before_older_books_and_never_left_out() -> None:
    rig = Rig(judge_ns=25 * MS)
    activity = frame_of("ACCT_ACTIVITY", {"key": "leadline"})
    answer = b'{"response":[{"service":"ADMIN","requestid":"1","content":{"code":0}}]}'
    rig.kernel.extend([[one()], [one(), one()], [activity, answer], [one()]])
    while rig.kernel or rig.soon:
        rig.loop()
    assert [seq for seq, _ in rig.taken] == [0, 3, 4, 1, 2, 5]


def test_a_judge_that_takes_50_ms_a_frame_is_never_far_behind_and_only_superseded_books_are_left_out() -> None:
    """The catalogue's slow consumer: 40 frames a second come, 20 can be judged; before, the lag grew without end."""
    rig = Rig()
    judged: list[int] = []

    def judge(arrival: Arrival, superseded: frozenset[Part]) -> None:
        if not superseded:
            judged.append(arrival.boot_ns)
            rig.ages_ns.append(rig.now_ns - arrival.boot_ns)
            rig.now_ns += 50 * MS

    rig.backlog = Backlog(
        judge,
        boot_ns=lambda: rig.now_ns,
        kernel_bytes=lambda: sum(map(len, rig.kernel)),
        call_soon=rig.soon.append,
        behind_ns=BEHIND_NS,
    )
    sent = 0
    begun_ns = rig.now_ns
    while sent < 800:
        while sent < 800 and begun_ns + sent * 25 * MS <= rig.now_ns:
            rig.kernel.append([one("FG"[sent % 2])])
            sent += 1
        if not rig.kernel and not rig.soon:
            rig.now_ns += MS
        rig.loop()
    assert 300 <= len(judged) <= 420
    assert max(rig.ages_ns) <= 200 * MS


@pytest.mark.parametrize(
    ("frame", "contents"),
    [
        (book_frame("F"), Contents(NYSE_F)),
        (frame_of("NASDAQ_BOOK", {"key": "A"}, {"key": "A"}), Contents(frozenset({("NASDAQ_BOOK", "A")}))),
        (frame_of("LEVELONE_EQUITIES", {"key": "F"}), Contents()),
        (frame_of("ACCT_ACTIVITY", {"key": "x"}), Contents(is_urgent=True)),
        (b'{"notify":[{"heartbeat":"1"}]}', Contents(is_urgent=True)),
        (b"{}", Contents()),
        (b"{", Contents()),
        (b'{"data":[{"service":"NYSE_BOOK","content":[{"key":"F","2":[NaN]}]}]}', Contents()),
        (b'{"data":[{"service":"NYSE_BOOK","content":[{"key":1}]}]}', Contents()),
        (b"[" * 100_000, Contents()),
        ('{"data":[{"service":"NYSE_BOOK","content":[{"key":"\xc9"}]}]}'.encode(), Contents()),
    ],
)
def test_contents_are_read_without_the_books(frame: bytes, contents: Contents) -> None:
    assert contents_of(frame) == contents


@given(st.sampled_from(FRAMES), st.randoms(use_true_random=False))
def test_whose_books_a_frame_holds_is_what_the_full_decode_says(frame: bytes, die: object) -> None:
    """Nothing may be superseded by what is judged malformed, or under another name."""
    raw = edited(frame, die)  # type: ignore[arg-type]
    contents = contents_of(raw)
    message = decode(raw)
    if contents.books or contents.is_urgent:
        assert message is not None
        held = {(b.service, item.key) for b in message.data if b.service in BOOK_SERVICES for item in b.items}
        assert contents.books == held
        assert not (contents.is_urgent and held)


def test_a_connection_that_the_kernel_has_closed_is_seen_without_the_loop() -> None:
    """On uvloop a reset is missed now and then: nothing is read here, and still it is known."""

    class Transport:
        def __init__(self, sock: socket.socket | None) -> None:
            self.underlying_transport = self
            self._sock = sock

        def get_extra_info(self, name: str) -> socket.socket | None:
            return self._sock

    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as ours:
        theirs, _ = server.accept()
        assert not is_closed_in_kernel(Transport(ours))  # type: ignore[arg-type]
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        theirs.close()  # a reset
        deadline_s = time.monotonic() + 10
        while not is_closed_in_kernel(Transport(ours)):  # type: ignore[arg-type]
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
    assert not is_closed_in_kernel(Transport(ours))  # type: ignore[arg-type]
    assert not is_closed_in_kernel(Transport(None))  # type: ignore[arg-type]
