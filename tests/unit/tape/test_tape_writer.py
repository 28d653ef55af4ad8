"""Segments: whose they are, when they end, and what a disk that refuses to write does to them."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from leadline.core.errors import TapeError
from leadline.tape.records import End, Event, Frame, Gap, Header, Record
from leadline.tape.segments import is_being_written, segments_in
from leadline.tape.writer import SegmentWriter
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
    with pytest.raises(TapeError, match="no tape can be written here"):
        SegmentWriter(directory, header(), 10**9)


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
