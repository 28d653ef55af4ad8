"""The mark beside the database: whole or told as torn, never going back, never in the way."""

import errno
import logging
import os
import threading
from pathlib import Path

import pytest

from leadline.store.mark import SIZE_BYTES, Mark, MarkKeeper, mark_path, read_mark, write_mark


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return mark_path(tmp_path / "x.db")


def test_a_mark_lies_beside_its_database(tmp_path: Path) -> None:
    assert mark_path(tmp_path / "x.db") == tmp_path / "x.db.mark"


def test_what_was_noted_is_read_and_the_file_is_its_owners_alone(path: Path) -> None:
    keeper = MarkKeeper(path, Mark(3, 1_000))
    keeper.committed(4)
    assert keeper.reserve(2_000)
    keeper.committed(5)
    keeper.close()
    assert read_mark(path) == Mark(5, 2_000)
    assert path.stat().st_mode & 0o777 == 0o600


def test_ids_never_go_back(path: Path) -> None:
    keeper = MarkKeeper(path, Mark(1, 9_000))
    assert keeper.reserve(2_000)
    keeper.close()
    assert read_mark(path) == Mark(1, 9_000)


def test_none_is_none(path: Path) -> None:
    assert read_mark(path) is None


@pytest.mark.parametrize("byte", range(SIZE_BYTES))
def test_one_wrong_byte_costs_one_number_at_most_and_is_told(
    path: Path, byte: int, caplog: pytest.LogCaptureFixture
) -> None:
    write_mark(path, Mark(7, 8))
    content = bytearray(path.read_bytes())
    content[byte] ^= 0x40
    path.write_bytes(content)
    assert read_mark(path) in (Mark(7, 8), Mark(0, 8), Mark(7, 0))
    assert ("torn" in caplog.text) == (read_mark(path) != Mark(7, 8))


@pytest.mark.parametrize("size_bytes", range(SIZE_BYTES))
def test_a_mark_that_was_cut_is_told_as_torn(path: Path, size_bytes: int, caplog: pytest.LogCaptureFixture) -> None:
    write_mark(path, Mark(7, 8))
    path.write_bytes(path.read_bytes()[:size_bytes])
    assert read_mark(path) in (None, Mark(7, 0), Mark(7, 8))
    assert ("torn" in caplog.text) == (read_mark(path) != Mark(7, 8))


def test_two_threads_never_undo_each_others_numbers(path: Path) -> None:
    keeper = MarkKeeper(path, Mark())

    def commit() -> None:
        for number in range(3_000):
            keeper.committed(number)

    def reserve(first: int) -> None:
        for number in range(first, 3_000, 2):
            assert keeper.reserve(number)

    threads = [threading.Thread(target=commit), *(threading.Thread(target=reserve, args=(n,)) for n in (0, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keeper.close()
    assert read_mark(path) == Mark(2_999, 2_999)


def test_a_disk_that_says_no_is_told_once_and_nothing_stops(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = MarkKeeper(path, Mark(0, 0))

    def fail(fd: int, data: bytes, offset: int) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", fail)
        keeper.committed(1)
        assert not keeper.reserve(1_000)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    keeper.committed(2)
    keeper.close()
    assert read_mark(path) == Mark(2, 0), "a block that is not on record is not reserved"
