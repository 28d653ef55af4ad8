"""Rights that one process holds: never two, freed by death alone, and an epoch that only grows."""

import os
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from leadline.core.errors import ExitCode, LockHeldError, StoreError
from leadline.store.locks import FileLock, next_epoch
from support.machine import child, fill_up, said, small_disk

TAKE = """
import sys
from pathlib import Path
from leadline.core.errors import LockHeldError
from leadline.store.locks import FileLock, next_epoch
path = Path(sys.argv[1])
print("ready")
sys.stdin.readline()
try:
    lock = FileLock(path, "the right to test")
    print("held", next_epoch(path.with_name("epoch")))
except LockHeldError as error:
    print("refused", error)
sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "x.lock"


def go(*processes: object) -> None:
    for process in processes:
        process.stdin.write("go\n")  # type: ignore[attr-defined]
        process.stdin.flush()  # type: ignore[attr-defined]


def test_of_two_processes_at_once_exactly_one_holds_and_its_epoch_is_new(path: Path) -> None:
    epochs = []
    with ExitStack() as stack:
        pairs = [[stack.enter_context(child(TAKE, path)) for _ in range(2)] for _ in range(20)]
        for pair in pairs:
            assert [said(process) for process in pair] == ["ready", "ready"]
            go(*pair)
            answers = [said(process) for process in pair]
            held = [answer for answer in answers if answer.startswith("held")]
            assert len(held) == 1, answers
            epochs.append(int(held[0].split()[1]))
            for process in pair:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
    assert epochs == list(range(1, 21))


def test_the_one_who_is_refused_learns_who_holds_it(path: Path) -> None:
    with child(TAKE, path) as holder:
        assert said(holder) == "ready"
        go(holder)
        assert said(holder) == "held 1"
        expected = rf"x\.lock: another process \(pid {holder.pid}\) holds the right to test; .*do: stop that process"
        with pytest.raises(LockHeldError, match=expected) as told:
            FileLock(path, "the right to test")
    assert told.value.exit_code is ExitCode.LOCK_HELD
    assert ExitCode.LOCK_HELD.value == 3


def test_death_frees_it_at_once(path: Path) -> None:
    with child(TAKE, path) as holder:
        said(holder)
        go(holder)
        assert said(holder) == "held 1"
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        FileLock(path, "the right to test").release()


def test_a_stopped_holder_keeps_it(path: Path) -> None:
    with child(TAKE, path) as holder:
        said(holder)
        go(holder)
        assert said(holder) == "held 1"
        os.kill(holder.pid, signal.SIGSTOP)
        with pytest.raises(LockHeldError):
            FileLock(path, "the right to test")
        os.kill(holder.pid, signal.SIGCONT)


def test_one_process_cannot_take_it_twice(path: Path) -> None:
    lock = FileLock(path, "the right to test")
    with pytest.raises(LockHeldError, match=rf"pid {os.getpid()}"):
        FileLock(path, "the right to test")
    lock.release()
    FileLock(path, "the right to test").release()


def test_a_program_that_the_holder_starts_does_not_inherit_it(path: Path) -> None:
    lock = FileLock(path, "the right to test")
    with child("import sys; print('up'); sys.stdin.readline()") as process:
        assert said(process) == "up"
        lock.release()
        FileLock(path, "the right to test").release()


def test_releasing_twice_closes_no_other_file(path: Path, tmp_path: Path) -> None:
    lock = FileLock(path, "the right to test")
    lock.release()
    with (tmp_path / "other").open("w") as other:
        lock.release()
        other.write("still open")
    assert (tmp_path / "other").read_text() == "still open"


@pytest.mark.parametrize("written", ["", "12345 of old", "\udcff"])
def test_what_is_written_in_the_file_gives_no_right(path: Path, written: str) -> None:
    path.parent.mkdir()
    path.write_text(written, errors="surrogateescape")
    FileLock(path, "the right to test").release()
    assert path.read_text().strip() == str(os.getpid())


@pytest.mark.parametrize("place", ["a_file/x.lock", "a_directory"])
def test_a_place_that_cannot_hold_a_lock_is_said(tmp_path: Path, place: str) -> None:
    (tmp_path / "a_file").write_text("")
    (tmp_path / "a_directory").mkdir()
    with pytest.raises(
        StoreError, match=r"the lock for the right to test cannot be made .*do: correct its permissions"
    ):
        FileLock(tmp_path / place, "the right to test")


def test_a_full_disk_does_not_keep_a_holder_from_its_right(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64) as disk:
        FileLock(disk / "x.lock", "the right to test").release()
        fill_up(disk)
        lock = FileLock(disk / "x.lock", "the right to test")
        with pytest.raises(LockHeldError):
            FileLock(disk / "x.lock", "the right to test")
        lock.release()


# the epoch


def test_an_epoch_only_grows(tmp_path: Path) -> None:
    path = tmp_path / "epoch"
    assert [next_epoch(path) for _ in range(5)] == [1, 2, 3, 4, 5]
    path.write_text(" 41 \n")
    assert next_epoch(path) == 42
    assert path.read_text() == "42\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["epoch"]


@pytest.mark.parametrize("content", [b"", b"seven", b"-3", b"1.5", b"\xff\xfe", b"9" * 19, b"9" * 5_000, "٣".encode()])
def test_an_epoch_that_cannot_be_read_is_said_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "epoch"
    path.write_bytes(content)
    with pytest.raises(
        StoreError, match=r"epoch: the epoch of the trader lock cannot be read.*a number larger than any"
    ):
        next_epoch(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("place", ["a_file/epoch", "nowhere/epoch", "a_directory"])
def test_a_place_that_cannot_hold_an_epoch_is_said(tmp_path: Path, place: str) -> None:
    (tmp_path / "a_file").write_text("")
    (tmp_path / "a_directory").mkdir()
    with pytest.raises(StoreError, match="the epoch of the trader lock cannot be written"):
        next_epoch(tmp_path / place)


def test_a_full_disk_leaves_the_epoch_as_it_was(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64) as disk:
        path = disk / "epoch"
        assert next_epoch(path) == 1
        ballast = fill_up(disk)
        with pytest.raises(StoreError, match="No space left"):
            next_epoch(path)
        ballast.unlink()
        assert next_epoch(path) == 2
