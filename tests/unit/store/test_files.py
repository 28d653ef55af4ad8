"""A file has its name whole or not at all; what lies in memory is known for it."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from leadline.core.errors import StoreError
from leadline.store.files import is_in_memory, read_mounts, whole_file
from support.filled_db import names

MOUNTS = r"""/dev/vda / ext4 rw 0 0
tmpfs /dev/shm tmpfs rw 0 0
tmpfs /a\040b tmpfs rw 0 0
/dev/vdb /dev/shm/disk ext4 rw 0 0
ramfs /ram ramfs rw 0 0
/dev/vdc /twice ext4 rw 0 0
tmpfs /twice tmpfs rw 0 0
half a line
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/x.db", False),
        ("/dev/shm/x.db", True),
        ("/dev/shmx/x.db", False),
        ("/dev/shm/disk/x.db", False),
        ("/a b/x.db", True),
        ("/ram/deep/er/x.db", True),
        ("/twice/x.db", True),
    ],
)
def test_the_longest_and_last_mount_tells_where_a_path_lies(path: str, expected: bool) -> None:
    assert is_in_memory(Path(path), MOUNTS) is expected


def test_where_there_is_no_table_of_mounts_nothing_lies_in_memory() -> None:
    assert not is_in_memory(Path("/dev/shm/x.db"), "")


def test_a_link_is_followed_to_where_the_file_is(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/dev/shm")
    assert is_in_memory(link / "x.db", MOUNTS)


@pytest.mark.parametrize("below", ["", "x.db"])
def test_links_that_lead_round_in_a_circle_are_said(tmp_path: Path, below: str) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    path = tmp_path / "a" / below
    with pytest.raises(StoreError, match="circle") as caught:
        is_in_memory(path, MOUNTS)
    assert str(path) in str(caught.value)


def test_a_link_to_what_is_not_there_yet_is_no_circle(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/shm/not/there/yet.db")
    assert is_in_memory(tmp_path / "link", MOUNTS)


def test_this_machines_memory_is_known() -> None:
    if "/dev/shm tmpfs" not in read_mounts():
        pytest.skip("NOT TESTED: /dev/shm is no tmpfs here")
    assert is_in_memory(Path("/dev/shm/x.db"), read_mounts())


def test_a_file_gets_its_name_when_it_is_whole_and_is_for_this_user_alone(tmp_path: Path) -> None:
    target = tmp_path / "x"
    with whole_file(target) as part:
        part.write_text("whole")
        assert not target.exists()
        assert stat.S_IMODE(part.stat().st_mode) == 0o600
    assert target.read_text() == "whole"
    assert names(tmp_path) == ["x"]


def written(target: Path, content: str, then: Callable[[], None] = lambda: None) -> None:
    with whole_file(target) as part:
        part.write_text(content)
        then()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_fails_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(error):
        written(tmp_path / "x", "half", fail)
    assert names(tmp_path) == []


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    written(tmp_path / "x", "old")
    with pytest.raises(StoreError, match=r"x: there is a file of this name already.*left as it is"):
        written(tmp_path / "x", "new", lambda: pytest.fail("nothing is to be written"))
    assert (tmp_path / "x").read_text() == "old"


def test_a_name_that_is_taken_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="already"):
        written(tmp_path / "x", "new", lambda: print((tmp_path / "x").write_text("a stranger's")))
    assert (tmp_path / "x").read_text() == "a stranger's"
    assert names(tmp_path) == ["x"]


def test_two_do_not_write_the_same_file(tmp_path: Path) -> None:
    def second() -> None:
        with pytest.raises(StoreError, match=r"x\.part: this file is being written, or a kill left half"):
            written(tmp_path / "x", "second")

    written(tmp_path / "x", "first", second)
    assert (tmp_path / "x").read_text() == "first"


@pytest.mark.parametrize("place", ["nowhere/x", "a_file/x"])
def test_a_place_that_is_none_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "a_file").write_text("")
    with pytest.raises(StoreError, match=rf"{place}: this file cannot be written"):
        written(tmp_path / place, "new")
