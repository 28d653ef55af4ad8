"""Rows that wait in a file: in order, once each, whatever kills the process meanwhile."""

import errno
import os
from pathlib import Path

import pytest

from leadline.store.records import record_of
from leadline.store.spill import Spill, Statement


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db.spill"


def insert(number: object) -> Statement:
    return "INSERT INTO t VALUES (?)", (number,)  # type: ignore[return-value]


def all_of(spill: Spill, size: int = 4) -> list[object]:
    given: list[object] = []
    while spill.count:
        given.extend(values[0] for _, values in spill.next_group(size))
        spill.taken()
    return given


def test_rows_come_back_in_their_order_and_the_file_goes_with_the_last(path: Path) -> None:
    spill = Spill(path)
    values = [1, -(2**63), 1.5, "text", b"\x00bytes", None, 7]
    spill.add(map(insert, values))
    assert path.stat().st_mode & 0o777 == 0o600
    assert spill.count == 7
    assert all_of(spill) == values
    assert not path.exists()


def test_a_group_is_given_again_until_it_is_taken(path: Path) -> None:
    spill = Spill(path)
    spill.add(map(insert, range(6)))
    assert spill.next_group(4) == spill.next_group(4) == [insert(n) for n in range(4)]
    spill.taken()
    assert spill.next_group(4) == [insert(4), insert(5)]


def test_rows_that_are_added_while_others_are_given_come_behind_them(path: Path) -> None:
    spill = Spill(path)
    spill.add(map(insert, range(5)))
    given = [values[0] for _, values in spill.next_group(3)]
    spill.add(map(insert, range(5, 9)))
    spill.taken()
    assert [*given, *all_of(spill, 2)] == list(range(9))
    spill.add([insert(99)])
    assert all_of(spill) == [99], "and it begins anew when it was empty"


def test_the_next_process_takes_up_what_is_left(path: Path) -> None:
    spill = Spill(path)
    spill.add(map(insert, range(10)))
    spill.next_group(4)
    spill.taken()
    later = Spill(path)
    assert later.count == 10, "rows that were written before the end are written again, which changes nothing"
    assert all_of(later) == list(range(10))


def test_a_torn_tail_costs_the_row_that_was_never_whole(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Spill(path).add(map(insert, range(3)))
    os.truncate(path, path.stat().st_size - 1)
    assert all_of(Spill(path)) == [0, 1]
    assert "damaged and lost" in caplog.text


def test_damage_in_the_middle_costs_one_row(path: Path) -> None:
    Spill(path).add(map(insert, range(5)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert all_of(Spill(path)) == [0, 1, 3, 4]


def test_a_row_that_no_file_can_hold_is_said_and_costs_no_other(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spill = Spill(path)
    spill.add([insert(1), insert("\ud800"), insert("x" * 70_000), insert(2)])
    assert all_of(spill) == [1, 2]
    assert caplog.text.count("row refused") == 2


def test_a_disk_that_fills_up_half_way_keeps_none_of_them(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spill = Spill(path)
    spill.add([insert(0)])
    write, calls = os.write, iter(range(9))

    def fill_up(fd: int, data: bytes) -> int:
        if next(calls):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data[:10])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fill_up)
        with pytest.raises(OSError, match="No space"):
            spill.add(map(insert, range(1, 4)))
    spill.add([insert(9)])
    assert all_of(spill) == [0, 9]


def test_rows_whose_file_was_removed_are_said_and_later_ones_come_through(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spill = Spill(path)
    spill.add(map(insert, range(5)))
    path.unlink()
    spill.add(map(insert, range(5, 9)))
    assert list(dict.fromkeys(all_of(spill))) == [5, 6, 7, 8]
    assert "was removed or changed while rows waited there" in caplog.text
    assert spill.count == 0


def test_a_record_that_is_no_row_is_said_and_passed_over(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(record_of(b"\x01"))
    spill = Spill(path)
    spill.add([insert(1)])
    assert all_of(spill) == [1]
    assert "is no row" in caplog.text
