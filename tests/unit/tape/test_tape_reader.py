"""Runs read back: in order, with their marks, and with every kind of damage either refused by name or marked."""

from pathlib import Path

import pytest

from leadline.core.errors import TapeError
from leadline.tape.blocks import Block
from leadline.tape.reader import Played, Recorded, RunReader, runs_in
from leadline.tape.records import Conflated, Event, Frame, Gap, Record
from leadline.tape.segments import blocks_of, is_tape, segments_in
from leadline.tape.survey import Survey, survey
from support.taping import START_NS, items_on, write


def frame(number: int) -> Frame:
    return Frame(START_NS + number, number, b"frame %d" % number)


BATCHES: list[list[Record]] = [
    [frame(0), frame(1)],
    [frame(2), Event(START_NS + 2, "lost", "x")],
    [frame(3)],
    [frame(4)],
]


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """Five segments: the first holds the header alone, each of the others one batch."""
    return write(tmp_path / "tape", BATCHES, size_max=1)


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """One segment with all batches."""
    [path] = segments_in(write(tmp_path / "tape", BATCHES))
    return path


def numbers(path: Path, *, passes_damage: bool = False) -> list[int]:
    items = items_on(path, passes_damage=passes_damage)
    found = [item for item in items if isinstance(item, Recorded)]
    assert all(item.frame_no == item.boot_ns for item in found), (
        "a frame keeps its number whatever is missing before it"
    )
    return [item.frame_no for item in found]


def told(path: Path) -> Survey:
    return survey(path, lambda frame: [frame.decode()], lambda _: None)


def whats(path: Path, *, torn: bool = False) -> list[str]:
    return [fault.what for fault in told(path).faults if fault.is_torn is torn]


def blocks_in(path: Path) -> list[Block]:
    return [block for block in blocks_of(path) if isinstance(block, Block)]


def spoil(path: Path, block: Block) -> None:
    content = bytearray(path.read_bytes())
    content[block.offset + block.size - 1] ^= 1
    path.write_bytes(content)


def test_a_run_is_read_over_its_segments(tape: Path) -> None:
    assert numbers(tape) == [0, 1, 2, 3, 4]
    assert items_on(tape)[3] == Event(START_NS + 2, "lost", "x")
    assert told(tape).faults == []


def test_one_segment_of_many_can_be_read_alone(tape: Path) -> None:
    assert [numbers(path) for path in segments_in(tape)] == [[], [0, 1], [2], [3], [4]]


def test_progress_adds_up_to_the_bytes_of_the_tape(tape: Path) -> None:
    sizes: list[int] = []
    list(RunReader(runs_in(tape)[0][0], on_bytes=sizes.append).items())
    assert sum(sizes) == sum(path.stat().st_size for path in segments_in(tape))


def test_whether_a_run_was_ended_in_order_is_known(one: Path) -> None:
    for is_whole in (True, False):
        reader = RunReader(runs_in(one)[0][0])
        list(reader.items())
        assert reader.is_ended is is_whole
        one.write_bytes(one.read_bytes()[: blocks_in(one)[-1].offset])


def test_a_mark_is_honoured_if_it_stands_in_the_next_block(tmp_path: Path) -> None:
    batches: list[list[Record]] = [
        [frame(0), frame(1)],
        [Conflated(1, "F", "NYSE_BOOK"), frame(2)],
        [Conflated(2, "T", "NYSE_BOOK"), Conflated(2, "F", "NASDAQ_BOOK"), frame(3)],
    ]
    for size_max in (1, 10**9):
        tape = write(tmp_path / str(size_max), batches, size_max=size_max)
        marks = [item.superseded for item in items_on(tape) if isinstance(item, Recorded)]
        assert marks == [set(), {("NYSE_BOOK", "F")}, {("NYSE_BOOK", "T"), ("NASDAQ_BOOK", "F")}, set()]


def test_a_torn_end_is_passed_over_and_told(one: Path) -> None:
    last = blocks_in(one)[-2]
    one.write_bytes(one.read_bytes()[: last.offset + last.size - 1])
    assert numbers(one) == [0, 1, 2, 3]
    assert whats(one) == []
    [what] = whats(one, torn=True)
    assert "cut off within a block" in what


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_damaged_block_ends_a_strict_reading_with_its_place_and_costs_a_lenient_one_its_frames(
    one: Path, number: int
) -> None:
    block = blocks_in(one)[number]
    spoil(one, block)
    with pytest.raises(TapeError) as error:
        items_on(one)
    assert error.value.which == str(one)
    assert f"byte {block.offset} " in str(error.value)
    lost = {record.boot_ns for record in block.records if isinstance(record, Frame)}
    assert numbers(one, passes_damage=True) == [n for n in range(5) if n not in lost]
    gaps = [item for item in items_on(one, passes_damage=True) if isinstance(item, Gap)]
    assert [gap.frames for gap in gaps] == [len(lost)]
    assert any(f"{block.size} bytes" in what for what in whats(one))


def test_what_comes_before_damage_is_given_before_the_error(one: Path) -> None:
    spoil(one, blocks_in(one)[3])
    seen: list[Played] = []
    with pytest.raises(TapeError):
        seen.extend(RunReader(runs_in(one)[0][0]).items())
    assert [item.frame_no for item in seen if isinstance(item, Recorded)] == [0, 1], "one block waits for its marks"


def test_a_damaged_last_block_is_no_torn_end(one: Path) -> None:
    spoil(one, blocks_in(one)[-1])
    with pytest.raises(TapeError, match="the checksum does not match"):
        items_on(one)
    assert whats(one) != []


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_segment_that_is_missing_in_the_middle_is_seen(tape: Path, number: int) -> None:
    segments_in(tape)[number].unlink()
    with pytest.raises(TapeError, match="are missing"):
        items_on(tape)
    assert any("is missing" in what for what in whats(tape))


def test_a_segment_that_was_cut_short_is_no_torn_end_when_the_run_goes_on(tape: Path) -> None:
    path = segments_in(tape)[2]
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(TapeError, match="damaged"):
        items_on(tape)
    assert any("cut off" in what for what in whats(tape))


def test_a_segment_that_ends_on_a_block_but_lacks_frames_is_seen(tape: Path) -> None:
    path = segments_in(tape)[2]
    path.write_bytes(path.read_bytes()[: blocks_in(path)[1].offset])
    with pytest.raises(TapeError, match="1 frames before this block are missing"):
        items_on(tape)
    assert any("1 frames before this block are missing" in what for what in whats(tape))


def test_a_segment_whose_header_is_damaged_is_named(tape: Path) -> None:
    path = segments_in(tape)[3]
    spoil(path, blocks_in(path)[0])
    _, [fault] = runs_in(tape)
    assert (fault.path, fault.is_torn) == (path, False)
    assert "header is damaged" in fault.what


@pytest.mark.parametrize("size", [0, 1, 39, 60])
def test_a_segment_that_was_only_just_begun_is_passed_over(tape: Path, size: int) -> None:
    new = tape / "2026-03-06-0009.tape"
    new.write_bytes(segments_in(tape)[0].read_bytes()[:size])
    _, [fault] = runs_in(tape)
    assert (fault.path, fault.is_torn) == (new, True)
    assert numbers(tape) == [0, 1, 2, 3, 4]


def test_runs_are_read_one_after_the_other_in_the_order_in_which_they_began(tmp_path: Path) -> None:
    tape = tmp_path / "tape"
    write(tape, [[frame(0)]], run="later", start_ns=START_NS + 9)
    write(tape, [[frame(0)], [frame(1)]], run="earlier", start_ns=START_NS, size_max=1)
    runs, _ = runs_in(tape)
    assert [(run.header.run, len(run.paths)) for run in runs] == [("earlier", 3), ("later", 1)]


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match=r"leadline 9\.0 wrote this tape in format 2"):
        runs_in(write(tmp_path / "tape", [], format=2, version="9.0"))


def test_other_files_in_the_directory_are_left_alone(tape: Path) -> None:
    (tape / "notes.txt").write_text("mine")
    (tape / "x.tape").write_text("mine")
    assert numbers(tape) == [0, 1, 2, 3, 4]


def test_a_tape_is_told_from_lines(tape: Path, tmp_path: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"data":[]}\n')
    renamed = tmp_path / "renamed"
    renamed.write_bytes(segments_in(tape)[1].read_bytes())
    assert [is_tape(path) for path in (tape, segments_in(tape)[0], renamed, lines)] == [True, True, True, False]


# the survey


def test_a_survey_counts_what_a_tape_holds(tmp_path: Path) -> None:
    batches: list[list[Record]] = [
        [frame(5), frame(3), Conflated(0, "F", "NYSE_BOOK"), Event(1, "lost", "")],
        [Gap(START_NS, START_NS, 7, 1, 2, "disk"), Frame(START_NS + 9, 20, b"frame 3")],
    ]
    found = told(write(tmp_path / "tape", batches, source="record"))
    [facts] = found.segments
    assert (facts.frames, facts.blocks, facts.first_ns, facts.last_ns) == (3, 4, START_NS + 5, START_NS + 9)
    assert (facts.ending, facts.backward_times, facts.size) == ("closed", 1, facts.path.stat().st_size)
    assert found.books == {"frame 5": 1, "frame 3": 2}
    assert (found.conflated, found.gaps, found.missing_frames, found.events) == (1, 1, 7, {"lost": 1})
    assert found.faults == []


def test_a_boot_clock_that_goes_back_within_a_run_is_a_fault(tmp_path: Path) -> None:
    batches: list[list[Record]] = [[Frame(START_NS, 5, b""), Frame(START_NS, 4, b"")]]
    assert "earlier boot time" in whats(write(tmp_path / "live", batches))[0]


def test_a_mark_for_a_frame_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    [what] = whats(write(tmp_path / "tape", [[frame(0), Conflated(1, "F", "NYSE_BOOK")]]))
    assert "a mark names frame 1" in what


def test_a_killed_run_has_no_ending(one: Path) -> None:
    one.write_bytes(one.read_bytes()[: blocks_in(one)[-1].offset])
    assert told(one).segments[0].ending is None
