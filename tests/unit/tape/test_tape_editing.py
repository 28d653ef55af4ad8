"""Cut and merge: one piece of a run with its numbers and marks, several runs in the order of receipt."""

from collections.abc import Iterable
from itertools import permutations
from pathlib import Path

import pytest

from leadline.core.errors import TapeError
from leadline.tape.editing import merged, merged_header, part_of
from leadline.tape.making import making
from leadline.tape.reader import Played, Recorded, RunReader, runs_in
from leadline.tape.records import LOST, Conflated, Event, Frame, Gap, Record
from support.machine import fill_up, small_disk
from support.taping import START_NS, S, header, items_on, write


def at(second: int) -> int:
    return START_NS + second * S


def frame(second: int, text: bytes = b"") -> Frame:
    return Frame(at(second), second, text or b"frame %d" % second)


def tape_of(tmp_path: Path, name: str, records: Iterable[Record], **changes: object) -> Path:
    return write(tmp_path / name, [[record] for record in records], **changes)  # type: ignore[arg-type]


def cut(tmp_path: Path, source: Path, start: int, end: int, name: str = "cut") -> Path:
    with making(tmp_path / name, 10**9) as copy:
        for run in runs_in(source)[0]:
            part = part_of(RunReader(run, passes_damage=True), at(start), at(end))
            if part is not None:
                copy(*part)
    return tmp_path / name


def merge(tmp_path: Path, *sources: Path, name: str = "merged") -> Path:
    runs = [run for source in sources for run in runs_in(source)[0]]
    with making(tmp_path / name, 10**9) as copy:
        copy(merged_header([run.header for run in runs]), merged([RunReader(run) for run in runs]))
    return tmp_path / name


def texts(items: Iterable[Played]) -> list[bytes]:
    return [item.frame for item in items if isinstance(item, Recorded)]


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    records: list[Record] = [frame(n) for n in range(10)]
    records.insert(5, Conflated(4, "F", "NYSE_BOOK"))
    records.insert(7, Event(at(5), LOST, "x"))
    return tape_of(tmp_path, "tape", records)


def test_a_cut_is_what_was_received_from_one_time_to_before_another(tmp_path: Path, tape: Path) -> None:
    items = items_on(cut(tmp_path, tape, 3, 7))
    assert [item.recv_ns for item in items] == [at(3), at(4), at(5), at(5), at(6)]
    assert items == items_on(tape)[3:8], "bytes, times, numbers and marks stay"


def test_all_of_a_tape_can_be_cut_out(tmp_path: Path, tape: Path) -> None:
    assert items_on(cut(tmp_path, tape, 0, 100)) == items_on(tape)


def test_a_cut_says_in_its_header_what_it_is(tmp_path: Path, tape: Path) -> None:
    told = runs_in(cut(tmp_path, tape, 3, 7))[0][0].header
    assert (told.run, told.source, told.first_frame, told.start_ns) == ("run-1", "cut of run-1 (live)", 3, at(3))
    assert told.listing == {"F": "N"}


def test_a_cut_over_a_clock_that_was_set_back_is_one_piece(tmp_path: Path) -> None:
    source = tape_of(tmp_path, "tape", [frame(n) for n in (0, 5, 3, 4, 8, 6, 9)])
    assert texts(items_on(cut(tmp_path, source, 5, 8))) == [b"frame 5", b"frame 3", b"frame 4"]


def test_a_cut_counts_gaps_before_it(tmp_path: Path) -> None:
    gap = Gap(at(1), at(1), 10, 5, 0, "disk")
    source = tape_of(tmp_path, "tape", [frame(0), gap, frame(2), Conflated(11, "F", "NYSE_BOOK")])
    [item] = items_on(cut(tmp_path, source, 2, 3))
    assert isinstance(item, Recorded)
    assert (item.frame_no, set(item.superseded)) == (11, {("NYSE_BOOK", "F")})


def test_nothing_is_written_over_and_nothing_half_made_is_left(tmp_path: Path, tape: Path) -> None:
    before = {path: path.read_bytes() for path in tape.iterdir()}
    with pytest.raises(TapeError, match="something here already"):
        cut(tmp_path, tape, 0, 5, "tape")
    assert {path: path.read_bytes() for path in tape.iterdir()} == before
    (tmp_path / "new.part").mkdir()
    with pytest.raises(TapeError, match="something here already"):
        cut(tmp_path, tape, 0, 5, "new")
    assert (tmp_path / "new.part").is_dir()


def test_a_fault_in_the_middle_leaves_no_tape(tmp_path: Path) -> None:
    def broken() -> Iterable[Played]:
        yield Recorded(0, START_NS, 0, b"x" * 300_000)
        raise TapeError("damaged")

    with pytest.raises(TapeError, match="damaged"), making(tmp_path / "new", 10**9) as copy:
        copy(header(), broken())
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_tape_and_is_told(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64) as disk:
        (disk / "there").mkdir()
        fill_up(disk)
        items = [Recorded(n, START_NS, 0, bytes([n]) * 300_000) for n in range(3)]
        with pytest.raises(TapeError), making(disk / "new", 10**9) as copy:
            copy(header(), items)
        assert {path.name for path in disk.iterdir()} == {"there", "ballast"}


# merge


def test_two_runs_become_one_in_the_order_of_receipt(tmp_path: Path) -> None:
    one = tape_of(tmp_path, "one", [frame(1), frame(3), Conflated(1, "F", "NYSE_BOOK"), frame(5)])
    two = tape_of(tmp_path, "two", [frame(2), frame(4)], run="run-2", symbols=["T"], listing={"T": "N"})
    whole = merge(tmp_path, one, two)
    frames = [item for item in items_on(whole) if isinstance(item, Recorded)]
    assert [item.boot_ns for item in frames] == [1, 2, 3, 4, 5]
    assert [item.frame_no for item in frames] == [0, 1, 2, 3, 4]
    assert [item.superseded for item in frames] == [set(), set(), {("NYSE_BOOK", "F")}, set(), set()]
    told = runs_in(whole)[0][0].header
    assert (told.run, told.symbols, told.listing) == ("run-1+run-2", ["F", "T"], {"F": "N", "T": "N"})


def test_equal_times_stay_in_the_order_of_the_tapes_and_of_each_tape(tmp_path: Path) -> None:
    one = tape_of(tmp_path, "one", [frame(1, b"a"), frame(1, b"b")])
    two = tape_of(tmp_path, "two", [frame(1, b"c"), frame(1, b"d")], run="run-2")
    assert texts(items_on(merge(tmp_path, one, two))) == [b"a", b"b", b"c", b"d"]


def test_a_clock_that_was_set_back_does_not_change_a_runs_own_order(tmp_path: Path) -> None:
    one = tape_of(tmp_path, "one", [frame(n) for n in (1, 9, 3, 4, 10)])
    two = tape_of(tmp_path, "two", [frame(n) for n in (2, 5, 11)], run="run-2")
    order = [item.boot_ns for item in items_on(merge(tmp_path, one, two)) if isinstance(item, Recorded)]
    assert [n for n in order if n in {1, 9, 3, 4, 10}] == [1, 9, 3, 4, 10]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_cuts_of_one_run_that_overlap_give_the_run_back(tmp_path: Path, tape: Path, order: tuple[int, ...]) -> None:
    cuts = [cut(tmp_path, tape, *span, name=f"cut-{n}") for n, span in enumerate([(0, 5), (3, 7), (5, 20)])]
    assert items_on(merge(tmp_path, *(cuts[n] for n in order))) == items_on(tape)


def test_a_hole_between_two_cuts_ends_streaks(tmp_path: Path, tape: Path) -> None:
    one, two = cut(tmp_path, tape, 0, 3, "one"), cut(tmp_path, tape, 8, 20, "two")
    items = items_on(merge(tmp_path, one, two))
    kinds = [item.kind if isinstance(item, Event) else item.recv_ns for item in items]
    assert kinds == [at(0), at(1), at(2), LOST, at(8), at(9)]


def test_the_end_of_a_run_ends_streaks_while_another_goes_on(tmp_path: Path) -> None:
    one = tape_of(tmp_path, "one", [frame(1), frame(2)])
    two = tape_of(tmp_path, "two", [frame(5), frame(6)], run="run-2")
    items = items_on(merge(tmp_path, one, two))
    assert [isinstance(item, Event) and item.kind == LOST for item in items] == [False, False, True, False, False]


def test_the_same_symbol_listed_in_two_places_is_refused(tmp_path: Path) -> None:
    one = tape_of(tmp_path, "one", [frame(1)])
    two = tape_of(tmp_path, "two", [frame(2)], run="run-2", listing={"F": "Q"})
    with pytest.raises(TapeError, match=r"disagree on where F is listed \(N and Q\)"):
        merge(tmp_path, one, two)


def test_a_merge_keeps_only_what_its_tapes_agree_on() -> None:
    headers = [header(settings={"A": "1"}), header(run="2", boot_id="other", settings={"A": "2"}, symbols=[])]
    told = merged_header(headers)
    assert (told.config_hash, told.boot_id, told.settings, told.symbols) == ("c0ffee", "", {}, [])
