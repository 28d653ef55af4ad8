"""Segments: whose they are, when they end, and what a disk that refuses to write does to them."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from leadline.core.errors import ExitCode
from leadline.tape.reader import Recorded, RunReader, runs_in
from leadline.tape.records import End, Event, Frame, Gap, Header, Record
from leadline.tape.segments import is_being_written, segments_in
from leadline.tape.writer import SegmentWriter, TapeDiskError
from support.machine import fill_up, small_disk
from support.taping import MIDNIGHT_NS, START_NS, S, header, items_on, records_on, write


def names(directory: Path) -> list[str]:
    return [path.name for path in segments_in(directory)]


def frames(*times: int) -> list[Frame]:
    return [Frame(t, 0, os.urandom(1_000)) for t in times]


def put_and_flush(writer: SegmentWriter, record: Record) -> None:
    writer.put([record])
    writer.flush()


def test_files_are_0600_and_the_directory_0700(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        [path] = write(tmp_path / "tape", [frames(START_NS)]).iterdir()
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_segments_are_named_after_the_new_york_day(tmp_path: Path) -> None:
    """At midnight UTC the trading day has long not ended."""
    times = [START_NS, MIDNIGHT_NS - 5 * 3_600 * S, MIDNIGHT_NS - 1, MIDNIGHT_NS, MIDNIGHT_NS + S]
    write(tmp_path / "tape", [[frame] for frame in frames(*times)])
    assert names(tmp_path / "tape") == ["2026-03-06-0001.tape", "2026-03-07-0001.tape"]
    first, second = (records_on(path) for path in segments_in(tmp_path / "tape"))
    assert [r.recv_ns for r in first if isinstance(r, Frame)] == times[:3]
    assert first[-1] == End("rotated")
    assert [r.recv_ns for r in second if isinstance(r, Frame)] == times[3:]
    assert second[-1] == End("closed")


def test_a_clock_that_goes_back_over_midnight_begins_nothing(tmp_path: Path) -> None:
    write(tmp_path / "tape", [[f] for f in frames(MIDNIGHT_NS, MIDNIGHT_NS - 1, MIDNIGHT_NS + 1)])
    assert names(tmp_path / "tape") == ["2026-03-06-0001.tape", "2026-03-07-0001.tape"]


def test_a_batch_stays_whole_over_midnight(tmp_path: Path) -> None:
    write(tmp_path / "tape", [frames(MIDNIGHT_NS - 1, MIDNIGHT_NS), frames(MIDNIGHT_NS + 1)])
    assert [len([r for r in records_on(p) if isinstance(r, Frame)]) for p in segments_in(tmp_path / "tape")] == [2, 1]


def test_a_segment_ends_when_it_is_as_large_as_it_may_be(tmp_path: Path) -> None:
    batches = [frames(*range(START_NS, START_NS + 10)) for _ in range(20)]
    directory = write(tmp_path / "tape", batches, size_max=25_000)
    sizes = [path.stat().st_size for path in segments_in(directory)]
    assert len(sizes) == 7
    assert all(25_000 <= size < 25_000 + 11_000 for size in sizes[:-1])
    assert items_on(directory) == items_on(write(tmp_path / "one", batches))


def test_each_segment_says_by_itself_what_its_frames_are(tmp_path: Path) -> None:
    gap = Gap(START_NS, START_NS, 5, 0, 0, "")
    batches: list[list[Record]] = [[*frames(START_NS), gap], [*frames(START_NS + 1)], [*frames(START_NS + 2)]]
    directory = write(tmp_path / "tape", batches, size_max=1)
    heads = [records_on(path)[0] for path in segments_in(directory)]
    told = [(h.run, h.segment, h.first_frame, h.listing) for h in heads if isinstance(h, Header)]
    assert told == [("run-1", number, first, {"F": "N"}) for number, first in enumerate([0, 0, 6, 7])]


def test_segments_of_two_writers_never_meet(tmp_path: Path) -> None:
    """Eight at once, each with twenty segments."""

    def run(number: int) -> None:
        write(tmp_path / "tape", [frames(START_NS + n) for n in range(20)], size_max=1, run=f"run-{number}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(run, range(8)))
    for path in segments_in(tmp_path / "tape"):
        heads = [record for record in records_on(path) if isinstance(record, Header)]
        assert len(heads) == 1, "one header a file: nobody wrote into another's"
    assert len(items_on(tmp_path / "tape")) == 8 * 20


def test_a_new_writer_leaves_old_segments_alone(tmp_path: Path) -> None:
    [path] = segments_in(write(tmp_path / "tape", [frames(START_NS)]))
    before = path.read_bytes()
    write(tmp_path / "tape", [frames(START_NS)], run="run-2")
    assert path.read_bytes() == before
    assert names(tmp_path / "tape") == ["2026-03-06-0001.tape", "2026-03-06-0002.tape"]


def test_a_segment_that_is_being_written_can_be_told(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "tape", header(), 10**9)
    assert is_being_written(writer.path)
    writer.close()
    assert not is_being_written(writer.path)


@pytest.mark.parametrize("kind", ["file", "under a file"])
def test_a_place_where_no_tape_can_be_is_told(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_text("")
    directory = tmp_path / "file" if kind == "file" else tmp_path / "file" / "tape"
    with pytest.raises(TapeDiskError, match="no tape can be written here") as refused:
        SegmentWriter(directory, header(), 10**9)
    assert refused.value.exit_code == ExitCode.FAULT, "a disk is no wrong setting"


def test_a_tape_may_be_begun_later(tmp_path: Path) -> None:
    (tmp_path / "tape").write_text("in the way")
    writer = SegmentWriter(tmp_path / "tape", header(), 10**9, begins_now=False)
    [frame] = frames(START_NS)
    for _ in range(3):
        with pytest.raises(OSError, match="File exists"):
            writer.begin()
        with pytest.raises(OSError, match="File exists"):
            writer.put([frame])
    (tmp_path / "tape").unlink()
    writer.put([frame])
    writer.close()
    assert [r for r in records_on(tmp_path / "tape") if isinstance(r, Frame)] == [frame]
    assert names(tmp_path / "tape") == ["2026-03-06-0001.tape"]


@pytest.mark.parametrize("gone", ["segment", "directory"])
def test_a_segment_that_is_removed_is_said_counted_and_marked_and_a_new_one_begun(
    tmp_path: Path, gone: str, caplog: pytest.LogCaptureFixture
) -> None:
    writer = SegmentWriter(tmp_path / "tape", header(), 10**9)
    batches = [frames(START_NS + n, START_NS + n + 1) for n in range(0, 8, 2)]
    event = Event(START_NS + 1, "lost", "")
    for batch in batches[:2]:
        writer.put([*batch, event])
        writer.flush()
    assert (writer.frames_written, writer.frames_lost) == (4, 0)
    if gone == "segment":
        writer.path.unlink()
    else:
        shutil.rmtree(tmp_path / "tape")
    for batch in batches[2:]:
        writer.put(batch)
        writer.flush()
    writer.close()
    assert (writer.frames_written, writer.frames_lost) == (4, 4)
    [told] = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert "was removed or moved away while it was written: its 4 frames may be lost" in told
    gap, *kept = items_on(tmp_path / "tape")
    assert isinstance(gap, Gap)
    assert (gap.frames, gap.frame_bytes, gap.others) == (4, 4_000, 2)
    assert [item.frame_no for item in kept if isinstance(item, Recorded)] == [4, 5, 6, 7]
    assert [item.frame for item in kept if isinstance(item, Recorded)] == [f.frame for b in batches[2:] for f in b]


def test_a_removed_segment_between_two_others_is_a_gap_and_no_damage(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "tape", header(), 1)
    for number in range(2):
        writer.put(frames(START_NS + number))
        writer.flush()
    writer.path.unlink()
    for number in range(2, 4):
        writer.put(frames(START_NS + number))
        writer.flush()
    writer.close()
    [run] = runs_in(tmp_path / "tape")[0]
    reader = RunReader(run)
    items = list(reader.items())
    assert reader.faults == []
    assert [item.frame_no for item in items if isinstance(item, Recorded)] == [0, 2, 3]
    assert [item.frames for item in items if isinstance(item, Gap)] == [1]


def test_a_segment_that_is_moved_away_is_said_and_can_be_put_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = SegmentWriter(tmp_path / "tape", header(), 10**9)
    batches = [frames(START_NS), frames(START_NS + 1)]
    writer.put(batches[0])
    writer.flush()
    (tmp_path / "tape").rename(tmp_path / "old")
    writer.put(batches[1])
    writer.close()
    assert "may be lost" in caplog.text
    assert writer.frames_lost == 1
    (tmp_path / "old" / "2026-03-06-0001.tape").rename(tmp_path / "tape" / "2026-03-06-0000.tape")
    told = [(item.frame_no, item.frame) for item in items_on(tmp_path / "tape") if isinstance(item, Recorded)]
    assert told == [(n, batch[0].frame) for n, batch in enumerate(batches)]


def test_another_file_under_the_name_of_the_segment_is_left_alone(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "tape", header(), 10**9)
    path = writer.path
    path.unlink()
    path.write_text("of another")
    writer.put(frames(START_NS))
    writer.close()
    assert path.read_text() == "of another"
    assert names(tmp_path / "tape") == ["2026-03-06-0001.tape", "2026-03-06-0002.tape"]


def test_a_removed_segment_is_told_at_the_end_at_the_latest(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = SegmentWriter(tmp_path / "tape", header(), 10**9)
    writer.put(frames(START_NS))
    writer.flush()
    shutil.rmtree(tmp_path / "tape")
    writer.close()
    assert (writer.frames_written, writer.frames_lost) == (0, 1)
    assert "may be lost" in caplog.text
    assert [item.frames for item in items_on(tmp_path / "tape") if isinstance(item, Gap)] == [1]


def test_a_rotation_into_a_removed_directory_makes_it_again(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "tape", header(), 1)
    shutil.rmtree(tmp_path / "tape")
    [frame] = frames(MIDNIGHT_NS + S)
    writer.put([frame])
    writer.close()
    assert [r for r in records_on(tmp_path / "tape") if isinstance(r, Frame)] == [frame]
    assert names(tmp_path / "tape") == ["2026-03-07-0001.tape"]


def test_a_segment_that_was_half_written_when_it_went_is_written_whole_in_the_next(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 256) as disk:
        writer = SegmentWriter(disk / "tape", header(), 10**9)
        ballast = fill_up(disk)
        batch = frames(*range(START_NS, START_NS + 40))
        writer.put(batch)
        with pytest.raises(OSError, match="No space left"):
            writer.flush()
        shutil.rmtree(disk / "tape")
        ballast.unlink()
        writer.flush()
        writer.close()
        assert [r for r in records_on(disk / "tape") if isinstance(r, Frame)] == batch
        assert (writer.frames_written, writer.frames_lost) == (40, 0)


def test_a_full_disk_stops_a_write_in_the_middle_and_it_goes_on_there(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 256) as disk:
        writer = SegmentWriter(disk / "tape", header(), 10**9)
        ballast = fill_up(disk)
        batches = [frames(*range(START_NS, START_NS + 40)), frames(START_NS + 50)]
        writer.put(batches[0])
        for _ in range(3):
            with pytest.raises(OSError, match="No space left"):
                writer.flush()
            with pytest.raises(OSError, match="No space left"):
                writer.put(batches[1])
        ballast.unlink()
        writer.flush()
        writer.put(batches[1])
        writer.close()
        assert [r for r in records_on(disk / "tape") if isinstance(r, Frame)] == [*batches[0], *batches[1]]


def test_a_disk_that_is_full_when_a_segment_must_end_loses_nothing_either(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 256) as disk:
        writer = SegmentWriter(disk / "tape", header(), 1)
        ballast = fill_up(disk)
        event = Event(START_NS, "lost", "")
        for _ in range(3):
            with pytest.raises(OSError, match="No space left"):
                put_and_flush(writer, event)
        ballast.unlink()
        writer.put([event])
        writer.flush()
        writer.close()
        assert event in records_on(disk / "tape")
        assert sum(isinstance(record, End) for record in records_on(disk / "tape")) == len(names(disk / "tape"))


def test_closing_twice_changes_nothing(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "tape", header(), 10**9)
    writer.close()
    size = writer.path.stat().st_size
    writer.close()
    assert writer.path.stat().st_size == size
