"""The recorder: what is received is on the tape in its order, and neither a slow nor a full disk reaches the loop."""

import asyncio
import logging
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from leadline.tape import recorder as module
from leadline.tape.masking import Mask
from leadline.tape.reader import Recorded
from leadline.tape.recorder import RECORD_BYTES, Recorder
from leadline.tape.records import Conflated, End, Event, Frame, Gap, Header, Record
from leadline.tape.writer import SegmentWriter
from support.machine import fill_up, small_disk, wait_until
from support.taping import START_NS, header, items_on, records_on


class HeldWriter:
    """A disk that takes what it is given when a test says so."""

    bytes_written = 0
    frames_lost = 0

    def __init__(self) -> None:
        self.batches: list[Sequence[Record]] = []
        self.may_write = threading.Event()
        self.error: Exception | None = None
        self.allowed = 10**9

    def begin(self) -> None:
        pass

    def put(self, records: Sequence[Record]) -> None:
        self.may_write.wait(30)
        wait_until(lambda: len(self.batches) < self.allowed, timeout_s=30)
        if self.error is not None:
            raise self.error
        self.batches.append(records)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    @property
    def frames_written(self) -> int:
        return sum(isinstance(record, Frame) for record in self.records)

    @property
    def records(self) -> list[Record]:
        return [record for batch in self.batches for record in batch]


@pytest.fixture
def held() -> HeldWriter:
    return HeldWriter()


def recorder_to(writer: object, *, bytes_max: int = 10**9, secrets: Sequence[str] = ()) -> Recorder:
    return Recorder(writer, Mask(secrets), waiting_bytes_max=bytes_max)  # type: ignore[arg-type]


def real(directory: Path, **options: int) -> Recorder:
    return recorder_to(SegmentWriter(directory, header(), 10**9), **options)  # type: ignore[arg-type]


def test_what_is_received_is_on_the_tape_in_its_order(tmp_path: Path) -> None:
    recorder = real(tmp_path / "tape")
    recorder.event(START_NS, "connected", "wss://somewhere")
    for number in range(100):
        recorder.frame(START_NS + number, number, b'{"data":[%d]}' % number)
        if number % 10 == 9:
            recorder.event(START_NS + number, "lost", f"after {number}")
        if number % 7 == 6:
            recorder.hand_over()
    recorder.close()
    kept = records_on(tmp_path / "tape")
    assert isinstance(kept[0], Header)
    assert kept[-1] == End("closed")
    frames = [record for record in kept if isinstance(record, Frame)]
    assert frames == [Frame(START_NS + n, n, b'{"data":[%d]}' % n) for n in range(100)]
    places = [kept.index(Event(START_NS + n, "lost", f"after {n}")) - kept.index(frames[n]) for n in range(9, 100, 10)]
    assert places == [1] * 10
    assert recorder.state.frames == 100
    assert recorder.state.waiting_bytes == 0


def test_a_frame_is_written_one_hand_over_after_the_next(held: HeldWriter) -> None:
    held.may_write.set()
    recorder = recorder_to(held)
    recorder.frame(1, 1, b"a")
    recorder.hand_over()
    recorder.frame(2, 2, b"b")
    recorder.hand_over()
    wait_until(lambda: held.records == [Frame(1, 1, b"a")])
    recorder.close()
    assert held.records == [Frame(1, 1, b"a"), Frame(2, 2, b"b")]


@pytest.mark.parametrize("hand_overs", [0, 1])
def test_a_mark_is_in_the_block_of_its_frame_though_it_comes_a_drain_later(held: HeldWriter, hand_overs: int) -> None:
    """A kill between two blocks must not part them: the frame alone would be judged in a replay."""
    held.may_write.set()
    recorder = recorder_to(held)
    for number in range(3):
        recorder.frame(number, number, b"x")
    for _ in range(hand_overs):
        recorder.hand_over()
    recorder.frame(3, 3, b"x")
    recorder.conflated(1, "F", "NYSE_BOOK")
    recorder.conflated(3, "F", "NYSE_BOOK")
    for _ in range(2):
        recorder.hand_over()
    recorder.close()
    for batch in held.batches:
        numbers = {record.recv_ns for record in batch if isinstance(record, Frame)}
        assert {record.frame_no for record in batch if isinstance(record, Conflated)} <= numbers
    assert sum(isinstance(record, Conflated) for record in held.records) == 2


def test_marks_come_back_with_their_frame(tmp_path: Path) -> None:
    recorder = real(tmp_path / "tape")
    for number in range(6):
        recorder.frame(START_NS + number, number, b"x")
        recorder.hand_over()
    recorder.conflated(0, "F", "NYSE_BOOK")  # so late that its frame's block was handed over long ago
    recorder.conflated(4, "T", "NASDAQ_BOOK")
    recorder.conflated(4, "F", "NYSE_BOOK")
    recorder.conflated(4, "F", "NYSE_BOOK")
    recorder.close()
    marks = [item.superseded for item in items_on(tmp_path / "tape") if isinstance(item, Recorded)]
    assert marks[4] == {("NASDAQ_BOOK", "T"), ("NYSE_BOOK", "F")}
    assert all(not marks[number] for number in (1, 2, 3, 5))


def test_at_the_bound_frames_are_left_out_counted_and_marked_where_they_are_missing(
    held: HeldWriter, caplog: pytest.LogCaptureFixture
) -> None:
    size = 1_000 + RECORD_BYTES
    recorder = recorder_to(held, bytes_max=4 * size)
    for number in range(10):
        recorder.frame(number, number, b"x" * 1_000)
        recorder.hand_over()
    assert recorder.state.dropped_frames == 6
    assert recorder.state.waiting_bytes == 4 * size
    held.may_write.set()
    wait_until(lambda: recorder.state.waiting_bytes == 0)
    recorder.frame(10, 10, b"y" * 1_000)
    recorder.close()
    frames = [record for record in held.records if isinstance(record, Frame)]
    assert [frame.recv_ns for frame in frames] == [0, 1, 2, 3, 10]
    [gap] = [record for record in held.records if isinstance(record, Gap)]
    assert held.records.index(gap) == 4
    assert (gap.frames, gap.frame_bytes, gap.recv_ns, gap.last_ns, gap.others) == (6, 6_000, 4, 9, 0)
    told = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(told) == 2, "once when it begins, once when it is over"


def test_a_gap_at_the_end_of_a_run_is_marked_too(held: HeldWriter) -> None:
    recorder = recorder_to(held, bytes_max=10)
    recorder.frame(1, 1, b"x" * 100)
    held.may_write.set()
    recorder.close()
    assert held.records == [Gap(1, 1, 1, 100, 0, "the disk is too slow")]


def test_half_of_the_memory_is_free_before_frames_are_kept_again(held: HeldWriter) -> None:
    """One long gap, not one every few frames for as long as the disk is slow."""
    size = 10 + RECORD_BYTES
    recorder = recorder_to(held, bytes_max=100 * size)
    held.allowed = 0
    for number in range(100):
        recorder.frame(number, number, b"x" * 10)
        recorder.hand_over()
    recorder.hand_over()
    held.may_write.set()
    for written in range(1, 100):
        held.allowed = written
        wait_until(lambda written=written: recorder.state.waiting_bytes == (100 - written) * size)  # type: ignore[misc]
        recorder.frame(0, 0, b"x" * 20)  # too large for what is free at first
        if recorder.state.dropped_frames < written:
            break
    assert recorder.state.waiting_bytes <= 51 * size + 2 * RECORD_BYTES
    held.allowed = 10**9
    recorder.close()
    assert sum(isinstance(record, Gap) for record in held.records) == 1


def test_a_mark_for_a_frame_that_was_left_out_is_left_out(held: HeldWriter) -> None:
    recorder = recorder_to(held, bytes_max=100 + RECORD_BYTES)
    recorder.frame(0, 0, b"x" * 100)
    recorder.frame(1, 1, b"x" * 100)
    recorder.conflated(1, "F", "NYSE_BOOK")
    recorder.conflated(0, "F", "NYSE_BOOK")
    held.may_write.set()
    recorder.close()
    assert [r for r in held.records if isinstance(r, Conflated)] == [Conflated(0, "F", "NYSE_BOOK")]


def test_events_have_room_when_frames_have_none_but_not_without_end(held: HeldWriter) -> None:
    recorder = recorder_to(held, bytes_max=1_000)
    recorder.frame(0, 0, b"x" * 2_000)
    for number in range(100):
        recorder.event(number, "degraded", "again")
    held.may_write.set()
    recorder.close()
    gaps = [record for record in held.records if isinstance(record, Gap)]
    events = [record for record in held.records if isinstance(record, Event)]
    assert (sum(gap.frames for gap in gaps), sum(gap.others for gap in gaps) + len(events)) == (1, 100)
    assert len(events) * RECORD_BYTES <= 2 * 1_000


def test_a_disk_that_refuses_is_said_once_and_tried_again(
    held: HeldWriter, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    held.error = OSError(28, "No space left on device")
    held.may_write.set()
    recorder = recorder_to(held)
    recorder.frame(1, 1, b"x")
    recorder.hand_over()
    recorder.hand_over()
    wait_until(lambda: recorder.state.error == "No space left on device")
    threading.Event().wait(0.1)  # several tries
    held.error = None
    wait_until(lambda: recorder.state.error is None)
    recorder.close()
    assert held.records == [Frame(1, 1, b"x")]
    told = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert told == [
        "the tape cannot be written (No space left on device); trying again",
        "the tape can be written again",
    ]


def test_a_disk_that_refuses_to_the_end_does_not_hold_the_end_up(
    held: HeldWriter, caplog: pytest.LogCaptureFixture
) -> None:
    held.error = OSError(28, "No space left on device")
    held.may_write.set()
    recorder = recorder_to(held)
    recorder.frame(1, 1, b"x")
    recorder.close()
    assert any("ends early" in record.message for record in caplog.records)
    assert recorder.state.dropped_frames == 1


def test_what_a_slow_disk_has_not_written_when_the_wait_ends_is_left_out(held: HeldWriter) -> None:
    recorder = recorder_to(held)
    for number in range(3):
        recorder.frame(number, number, b"x")
    assert recorder.state.dropped_frames == 0
    recorder.close(wait_s=0.05)
    assert recorder.state.dropped_frames == 3
    held.may_write.set()
    recorder.close()
    assert recorder.state.dropped_frames == 0, "the disk took them after all"


def test_an_error_that_nobody_thought_of_is_said_counted_and_marked_and_the_thread_lives(
    held: HeldWriter, caplog: pytest.LogCaptureFixture
) -> None:
    held.may_write.set()
    held.error = MemoryError("no room")
    recorder = recorder_to(held)
    for number in range(4):
        recorder.frame(number, number, b"x" * 10)
        recorder.hand_over()
    wait_until(lambda: recorder.state.dropped_frames == 3)
    assert recorder.state.error == "MemoryError: no room"
    held.error = None
    recorder.close()
    assert held.records == [Gap(0, 2, 3, 30, 0, "MemoryError: no room"), Frame(3, 3, b"x" * 10)]
    assert (recorder.state.dropped_frames, recorder.state.waiting_bytes) == (3, 0)
    [told] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert told.exc_info is not None
    assert told.exc_info[0] is MemoryError


def test_a_mask_that_fails_writes_nothing_unmasked_and_the_numbers_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide = Mask.frame

    def fails_once(mask: Mask, frame: bytes) -> bytes:
        if frame == b"1":
            raise ValueError("a frame that it does not stand")
        return hide(mask, frame)

    monkeypatch.setattr(Mask, "frame", fails_once)
    recorder = real(tmp_path / "tape")
    for number in range(3):
        recorder.frame(START_NS + number, number, b"%d" % number)
        recorder.hand_over()
    recorder.close()
    items = items_on(tmp_path / "tape")
    assert [(item.frame_no, item.frame) for item in items if isinstance(item, Recorded)] == [(0, b"0"), (2, b"2")]
    assert [item.frames for item in items if isinstance(item, Gap)] == [1]
    assert recorder.state.dropped_frames == 1


def test_what_fails_to_the_end_is_marked_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(mask: Mask, frame: bytes) -> bytes:
        raise ValueError(f"{mask} {frame!r}")

    monkeypatch.setattr(Mask, "frame", fails)
    recorder = real(tmp_path / "tape")
    recorder.frame(START_NS, 1, b"x")
    recorder.close()
    kept = records_on(tmp_path / "tape")
    assert [record.frames for record in kept if isinstance(record, Gap)] == [1]
    assert kept[-1] == End("closed")
    assert recorder.state.dropped_frames == 1


def test_a_tape_that_cannot_be_begun_is_begun_when_it_can_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    (tmp_path / "tape").write_text("in the way")
    recorder = recorder_to(SegmentWriter(tmp_path / "tape", header(), 10**9, begins_now=False), bytes_max=1_000)
    wait_until(lambda: recorder.state.error is not None)
    for number in range(20):
        recorder.frame(START_NS + number, number, b"x" * 100)
        recorder.hand_over()
    assert recorder.state.dropped_frames == 14
    (tmp_path / "tape").unlink()
    wait_until(lambda: recorder.state.waiting_bytes == 0 or recorder.state.error is None)
    recorder.close()
    assert recorder.state.dropped_frames == 14
    frames = [item.frame_no for item in items_on(tmp_path / "tape") if isinstance(item, Recorded)]
    assert frames == list(range(6))
    assert sum("cannot be written" in record.message for record in caplog.records) == 1


def test_a_tape_that_never_could_be_begun_leaves_all_out(tmp_path: Path) -> None:
    (tmp_path / "tape").write_text("in the way")
    recorder = recorder_to(SegmentWriter(tmp_path / "tape", header(), 10**9, begins_now=False))
    for number in range(3):
        recorder.frame(START_NS + number, number, b"x")
        recorder.hand_over()
    recorder.close()
    assert recorder.state.dropped_frames == 3
    assert recorder.state.error is not None


def test_frames_of_a_segment_that_was_removed_count_as_left_out(tmp_path: Path) -> None:
    recorder = real(tmp_path / "tape")
    for number in range(3):
        recorder.frame(START_NS + number, number, b"%d" % number)
    recorder.hand_over()
    recorder.hand_over()
    wait_until(lambda: recorder.state.waiting_bytes == 0)
    shutil.rmtree(tmp_path / "tape")
    recorder.frame(START_NS + 3, 3, b"3")
    recorder.hand_over()
    recorder.hand_over()
    wait_until(lambda: recorder.state.waiting_bytes == 0)
    assert recorder.state.dropped_frames == 3
    recorder.close()
    assert recorder.state.dropped_frames == 3
    items = items_on(tmp_path / "tape")
    assert [(item.frame_no, item.frame) for item in items if isinstance(item, Recorded)] == [(3, b"3")]


def test_a_real_disk_that_is_full_for_a_while_costs_what_did_not_fit_and_the_tape_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.02)
    with small_disk(tmp_path / "disk", 512) as disk:
        recorder = real(disk / "tape", bytes_max=200_000)
        ballast = fill_up(disk)
        for number in range(100):
            recorder.frame(START_NS + number, number, os.urandom(5_000))
            recorder.hand_over()
        wait_until(lambda: recorder.state.error is not None)
        assert recorder.state.dropped_frames > 0
        ballast.unlink()
        wait_until(lambda: recorder.state.waiting_bytes == 0 or recorder.state.error is None)
        wait_until(lambda: recorder.state.waiting_bytes < 10_000)
        recorder.frame(START_NS + 100, 100, b"after")
        recorder.close()
        items = items_on(disk / "tape")
    frames = [item for item in items if isinstance(item, Recorded)]
    missing = sum(item.frames for item in items if isinstance(item, Gap))
    assert frames[-1].frame == b"after"
    assert missing > 0
    assert len(frames) + missing == 101
    assert [item.frame_no for item in frames] == [item.boot_ns for item in frames], "numbers go on over the gap"


def test_secrets_are_replaced_before_anything_is_written(tmp_path: Path) -> None:
    recorder = recorder_to(SegmentWriter(tmp_path / "tape", header(), 10**9), secrets=["13572468"])
    recorder.frame(1, 1, b'{"data":[{"service":"ACCT_ACTIVITY","content":[{"key":"k","1":"13572468"}]}]}')
    recorder.event(1, "lost", "closed for 13572468")
    recorder.close()
    texts = [bytes(r.frame) if isinstance(r, Frame) else str(r).encode() for r in records_on(tmp_path / "tape")]
    assert not any(b"13572468" in text for text in texts)


def test_the_loop_opens_compresses_and_writes_nothing(held: HeldWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever touches a file on the calling thread fails here."""
    recorder = recorder_to(held)
    caller = threading.current_thread()

    def refuse(function: Callable[..., object]) -> Callable[..., object]:
        def guarded(*args: object, **options: object) -> object:
            assert threading.current_thread() is not caller
            return function(*args, **options)

        return guarded

    for name in ("open", "write", "fsync"):
        monkeypatch.setattr(os, name, refuse(getattr(os, name)))
    monkeypatch.setattr(Mask, "frame", refuse(Mask.frame))
    for number in range(1_000):
        recorder.frame(number, number, b"x" * 10_000)
    recorder.event(1, "lost", "")
    recorder.conflated(5, "F", "NYSE_BOOK")
    recorder.hand_over()
    recorder.hand_over()
    held.may_write.set()
    recorder.close()
    assert len(held.records) == 1_002


def test_closing_twice_changes_nothing(tmp_path: Path) -> None:
    recorder = real(tmp_path / "tape")
    recorder.frame(START_NS, 1, b"x")
    recorder.close()
    before = records_on(tmp_path / "tape")
    recorder.close()
    assert records_on(tmp_path / "tape") == before


async def test_it_hands_over_by_itself(held: HeldWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    held.may_write.set()
    monkeypatch.setattr(module, "HAND_OVER_S", 0.01)
    recorder = recorder_to(held)
    task = asyncio.ensure_future(recorder.keep_handing_over())
    recorder.frame(1, 1, b"x")
    async with asyncio.timeout(20):
        while not held.records:  # noqa: ASYNC110 - it comes from another thread
            await asyncio.sleep(0.01)
    task.cancel()
    recorder.close()
    assert held.records == [Frame(1, 1, b"x")]
