"""The intent journal: what was appended is there after anything, what was not is not, and closes always have room."""

import contextlib
import errno
import logging
import os
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from time import sleep
from typing import Any

import pytest

from leadline.core.errors import JournalError, JournalFullError
from leadline.core.intent import Intent
from leadline.store import journal as journal_module
from leadline.store.journal import MAGIC, RESERVE_BYTES, SIZE_BYTES, Journal
from support.intents import an_intent
from support.machine import child, fill_up, killed, said, small_disk

KB = 1_024

APPEND_FOR_EVER = """
import itertools, sys
from pathlib import Path
from leadline.store import journal as journal_module
from leadline.store.journal import Journal
from support.intents import an_intent
journal = Journal(Path(sys.argv[1]))
for number in itertools.count(len(journal.intents) + 1):
    journal.append(an_intent(number))
    print(number)
"""


def keys(intents: list[Intent]) -> list[str]:
    return [intent.key for intent in intents]


def small(path: Path, *, size_kb: int = 64, reserve_kb: int = 8) -> Journal:
    return Journal(path, size_bytes=size_kb * KB, reserve_bytes=reserve_kb * KB)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "account" / "intents.journal"


def fill(journal: Journal, *, closes: bool = False) -> int:
    """Append until one is refused for want of room, and give how many there was room for."""
    for number in range(100_000):
        try:
            journal.append(an_intent(number, closes=closes))
        except JournalError:
            return number
    raise AssertionError("the journal never fills")


def test_what_was_appended_comes_back_whole_and_in_order(path: Path) -> None:
    intents = [an_intent(number, closes=number % 3 == 0) for number in (5, 3, 9, 1)]
    journal = Journal(path)
    assert journal.intents == []
    for intent in intents:
        journal.append(intent)
    journal.close()
    again = Journal(path)
    assert again.intents == intents
    again.append(an_intent(77))
    again.close()
    assert keys(Journal(path).intents) == [*keys(intents), "live-1-77-1"]


def test_an_intent_is_on_record_before_append_returns(path: Path) -> None:
    """Nothing is buffered: another reader of the file sees it at once."""
    journal = Journal(path)
    journal.append(an_intent())
    assert keys(Journal(path).intents) == ["live-1-1-1"]


def test_each_intent_is_one_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(path)
    calls = []
    pwrite = os.pwrite

    def counted(fd: int, data: bytes, offset: int) -> int:
        calls.append(len(data))
        return pwrite(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", counted)
    journal.append(an_intent(1))
    journal.append(an_intent(2, closes=True))
    assert len(calls) == 2


def test_only_its_owner_may_read_it(path: Path) -> None:
    Journal(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


# room


def test_its_whole_size_is_taken_at_once(path: Path) -> None:
    Journal(path).close()
    assert path.stat().st_size == SIZE_BYTES
    assert path.stat().st_blocks * 512 >= SIZE_BYTES


def test_a_disk_that_is_full_later_refuses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 256) as disk:
        journal = small(disk / "intents.journal")
        fill_up(disk)
        with pytest.raises(OSError, match="No space"):
            (disk / "other").write_bytes(bytes(KB))
        openings = fill(journal)
        journal.append(an_intent(1_000_000, closes=True))
        journal.close()
        assert openings > 50
        assert len(small(disk / "intents.journal").intents) == openings + 1


def test_a_disk_without_room_for_it_is_said_at_the_start(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 256) as disk:
        ballast = fill_up(disk)
        with pytest.raises(JournalError, match=r"cannot be made \(No space left.*expected 64 kB of free disk"):
            small(disk / "intents.journal")
        ballast.unlink()
        small(disk / "intents.journal").append(an_intent())


def test_the_last_part_is_for_closes_only(path: Path) -> None:
    journal = small(path)
    openings = fill(journal)
    for _ in range(2):
        with pytest.raises(JournalError, match=r"no room for open live-1-5-1.*kept for closing"):
            journal.append(an_intent(5))
    closes = fill(journal, closes=True)
    with pytest.raises(JournalError, match="no room for close"):
        journal.append(an_intent(6, closes=True))
    record_bytes = (64 - 8) * KB / openings
    assert closes == pytest.approx(8 * KB / record_bytes, abs=2)
    journal.close()
    assert len(small(path).intents) == openings + closes
    assert path.stat().st_size == 64 * KB, "no record goes beyond what was taken"


def test_the_reserve_holds_hundreds_of_closes(path: Path) -> None:
    journal = Journal(path)
    journal.append(an_intent(closes=True))
    record_bytes = journal._offset - len(MAGIC)
    assert RESERVE_BYTES / record_bytes > 500


def test_half_full_is_told_in_time(path: Path) -> None:
    journal = small(path)
    assert not journal.is_half_full
    fill(journal)
    assert journal.is_half_full


def test_an_intent_that_is_too_large_is_refused_and_the_others_go_on(path: Path) -> None:
    journal = Journal(path)
    with pytest.raises(JournalError):
        journal.append(an_intent(1, symbol="X" * 100_000))
    journal.append(an_intent(2))
    assert keys(Journal(path).intents) == ["live-1-2-1"]


# faults


def test_an_input_output_error_is_said_and_the_next_intent_takes_the_place(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path)

    def fail(fd: int, data: bytes, offset: int) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", fail)
        with pytest.raises(JournalError, match=r"intents\.journal: intent live-1-1-1 was not recorded \(Input/output"):
            journal.append(an_intent(1))
    journal.append(an_intent(2))
    assert keys(Journal(path).intents) == ["live-1-2-1"]


def test_with_sync_each_record_is_on_disk_before_append_returns(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    pwrite = os.pwrite
    monkeypatch.setattr(journal_module, "_sync", lambda fd: calls.append("sync"))

    def noted(fd: int, data: bytes, offset: int) -> int:
        calls.append("write")
        return pwrite(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", noted)
    journal = Journal(path, is_synced=True)
    calls.clear()
    journal.append(an_intent(1))
    assert calls == ["write", "sync"]
    unsynced = Journal(path)
    calls.clear()
    unsynced.append(an_intent(2))
    assert calls == ["write"]


def test_a_record_whose_sync_failed_is_no_record_now_and_after_a_restart(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F62: its bytes may be in the file, but nothing was sent for them."""
    journal = Journal(path, is_synced=True)
    journal.append(an_intent(1))

    def fail(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(journal_module, "_sync", fail)
        with pytest.raises(JournalError, match=r"live-1-2-1 was not recorded \(Input/output"):
            journal.append(an_intent(2))
    assert keys(Journal(path).intents) == ["live-1-1-1"]
    journal.append(an_intent(3))
    assert keys(Journal(path).intents) == ["live-1-1-1", "live-1-3-1"]


@pytest.mark.parametrize("how", ["removed", "moved", "replaced"])
def test_a_journal_that_is_no_longer_at_its_path_records_nothing(path: Path, how: str) -> None:
    """F68: the next start would not replay it."""
    journal = Journal(path)
    journal.append(an_intent(1))
    path.rename(path.with_name("elsewhere"))
    if how == "removed":
        path.with_name("elsewhere").unlink()
    if how == "replaced":
        path.write_bytes(MAGIC)
    for closes in (False, True):
        with pytest.raises(JournalError, match=r"was not recorded \((No such file|the file was replaced)") as told:
            journal.append(an_intent(2, closes=closes))
        assert not isinstance(told.value, JournalFullError)


@pytest.mark.parametrize("written", [0, 1, 7, 8, 9, 100])
def test_a_short_write_is_no_record(path: Path, monkeypatch: pytest.MonkeyPatch, written: int) -> None:
    journal = Journal(path)
    journal.append(an_intent(1))
    pwrite = os.pwrite
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda fd, data, offset: pwrite(fd, data[:written], offset))
        with pytest.raises(JournalError, match="live-1-2-1 was recorded in part"):
            journal.append(an_intent(2))
    assert keys(Journal(path).intents) == ["live-1-1-1"]
    journal = Journal(path)
    journal.append(an_intent(3))
    assert keys(Journal(path).intents) == ["live-1-1-1", "live-1-3-1"]


def test_after_the_end_an_intent_is_refused_and_goes_into_no_other_file(path: Path, tmp_path: Path) -> None:
    """The number of the closed file is given to the next file that is opened: a socket, or the database."""
    journal = Journal(path)
    journal.close()
    with (tmp_path / "other").open("w+b") as other:
        with pytest.raises(JournalError, match="was not recorded"):
            journal.append(an_intent())
        journal.close()
        other.seek(0)
        assert other.read() == b""


@pytest.mark.parametrize("place", ["a_file/x.journal", "a_directory"])
def test_a_place_that_cannot_hold_it_is_said(tmp_path: Path, place: str) -> None:
    (tmp_path / "a_file").write_text("")
    (tmp_path / "a_directory").mkdir()
    with pytest.raises(
        JournalError, match=r"the intent journal cannot be made .*do: free the disk or correct STATE_DIR"
    ):
        Journal(tmp_path / place)


@pytest.mark.parametrize("content", [b"a shopping list", b"leadline intents 2\n", b"\0\0\0x", b"l\0e"])
def test_a_file_that_is_no_journal_is_named_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"no intent journal.*move it away"):
        Journal(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", MAGIC[:7], MAGIC, bytes(4_096)])
def test_a_start_that_was_cut_off_is_taken_up(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    journal = Journal(path)
    assert journal.intents == []
    journal.append(an_intent())
    assert keys(Journal(path).intents) == ["live-1-1-1"]


def test_an_intent_of_another_version_is_said_and_left_as_it_is(path: Path) -> None:
    journal = Journal(path)
    journal.append(an_intent())
    journal.close()
    before = path.read_bytes()
    changed = before.replace(b"purpose", b"porpose")
    changed = _with_new_checksum(changed)
    path.write_bytes(changed)
    with pytest.raises(JournalError, match=r"an intent in this journal cannot be read \(.*purpose.*move it away"):
        Journal(path)
    assert path.read_bytes() == changed


def _with_new_checksum(content: bytes) -> bytes:
    at = len(MAGIC)
    (length,) = struct.unpack_from("<I", content, at)
    checksum = struct.pack("<I", zlib.crc32(content[at + 8 : at + 8 + length]))
    return content[: at + 4] + checksum + content[at + 8 :]


def test_a_torn_tail_is_said_once_and_cleared(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(path)
    journal.append(an_intent(1))
    end = journal._offset
    journal.append(an_intent(2))
    journal.close()
    content = bytearray(path.read_bytes())
    content[end + 40] ^= 1
    path.write_bytes(content)
    Journal(path).close()
    assert "its last record is torn" in caplog.text
    assert not path.read_bytes()[end:].strip(b"\0")
    caplog.clear()
    assert keys(Journal(path).intents) == ["live-1-1-1"]
    assert not caplog.text


def test_damage_in_the_middle_costs_one_intent_and_is_said(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(path)
    ends = []
    for number in range(1, 6):
        journal.append(an_intent(number))
        ends.append(journal._offset)
    journal.close()
    content = bytearray(path.read_bytes())
    content[ends[1] + 50] ^= 1
    path.write_bytes(content)
    again = Journal(path)
    assert keys(again.intents) == [f"live-1-{number}-1" for number in (1, 2, 4, 5)]
    assert re.search(rf"{ends[2] - ends[1]} bytes before an intent are damaged", caplog.text)
    again.append(an_intent(6))
    assert keys(Journal(path).intents)[-2:] == ["live-1-5-1", "live-1-6-1"]


def test_a_journal_that_an_earlier_version_made_larger_keeps_its_room(path: Path) -> None:
    journal = small(path, size_kb=128)
    openings = fill(journal)
    journal.close()
    smaller = small(path, size_kb=16, reserve_kb=8)
    assert len(smaller.intents) == openings
    smaller.append(an_intent(7, closes=True))


# trimming


def test_trimming_keeps_what_is_open_and_the_old_file_under_another_name(path: Path) -> None:
    journal = small(path)
    count = fill(journal)
    journal = small(path)
    kept = path.with_name("old.journal")
    wanted = {an_intent(3).key, an_intent(count - 1).key}
    trimmed = journal.trimmed(kept, wanted)
    assert keys(trimmed.intents) == [an_intent(3).key, an_intent(count - 1).key]
    assert not trimmed.is_half_full
    assert fill(trimmed) == count - 2
    assert len(small(kept).intents) == count
    with pytest.raises(JournalError):
        journal.append(an_intent())


def test_what_is_put_aside_takes_no_more_room_than_its_records(path: Path) -> None:
    journal = Journal(path)
    journal.append(an_intent(1))
    journal = Journal(path)
    kept = path.with_name("old.journal")
    journal.trimmed(kept, ())
    assert kept.stat().st_size < 2 * KB
    assert path.stat().st_size == SIZE_BYTES


def test_trimming_writes_over_nothing(path: Path) -> None:
    journal = small(path)
    journal.append(an_intent(1))
    kept = path.with_name("old.journal")
    kept.write_text("precious")
    with pytest.raises(JournalError, match=r"old\.journal: .*cannot be put aside \(File exists\)"):
        journal.trimmed(kept, ())
    assert kept.read_text() == "precious"
    journal.append(an_intent(2))
    assert keys(small(path).intents) == ["live-1-1-1", "live-1-2-1"]


@pytest.mark.parametrize("step", range(12))
def test_trimming_that_is_killed_leaves_the_old_journal_or_the_new_one(
    path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever call to the system is the last one: both hold all that is open."""
    small(path).append(an_intent(1))
    journal = small(path)
    journal.append(an_intent(2))
    journal = small(path)
    left = iter(range(step))

    class Killed(BaseException):
        pass

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def dying(*args: Any, **kwargs: Any) -> Any:
            if next(left, None) is None:
                raise Killed
            return call(*args, **kwargs)

        return dying

    with monkeypatch.context() as patch:
        for name in ("open", "pwrite", "posix_fallocate", "fsync", "link", "replace", "ftruncate", "unlink"):
            patch.setattr(os, name, counted(getattr(os, name)))
        with contextlib.suppress(Killed):
            journal.trimmed(path.with_name("old.journal"), {an_intent(2).key})
    assert keys(small(path).intents)[-1:] == [an_intent(2).key]
    again = small(path).trimmed(path.with_name("older.journal"), {an_intent(2).key})
    assert keys(again.intents) == [an_intent(2).key]


# kills


def test_a_kill_at_any_moment_loses_no_intent_whose_append_returned(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    dice = Random(3)
    known = 0
    for _ in range(8):
        with child(APPEND_FOR_EVER, path) as process:
            assert said(process) == str(known + 1)
            sleep(dice.random() * 0.03)
            lines = killed(process)
        # Every line was said after its append; the last intent may have been appended and not said.
        last = int(lines[-1]) if lines else known + 1
        intents = Journal(path).intents
        assert keys(intents) == [f"live-1-{number}-1" for number in range(1, len(intents) + 1)]
        assert last <= len(intents) <= last + 1
        known = len(intents)
