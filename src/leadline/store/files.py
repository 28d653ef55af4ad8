"""Owns how a file comes to its name whole or not at all, and whether a path lies on a disk or in memory.

Never writes over a file that is there; never leaves half of one under its final name.
Comes from backups and exports; goes to the file system.
"""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leadline.core.errors import StoreError

MOUNTS = Path("/proc/self/mounts")
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})


def read_mounts() -> str:
    """Give the table of mounted file systems; empty where the system has none, as on macOS."""
    try:
        return MOUNTS.read_text(errors="surrogateescape")
    except OSError:
        return ""


def is_in_memory(path: Path, mounts: str) -> bool:
    """Tell whether what lies at `path` is lost with the power.

    Raises:
        StoreError: its links lead round in a circle.

    Source: proc_pid_mounts(5), fstab(5): device, place, kind; blanks and such in a place are written as octal escapes.
    """
    place = _place_of(path)
    kind, longest = "", -1
    for line in mounts.splitlines():
        words = line.split(" ")
        if len(words) < 3:
            continue
        mounted = Path(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), words[1]))
        # Of two at one place the later one lies on top.
        if place.is_relative_to(mounted) and len(mounted.parts) >= longest:
            kind, longest = words[2], len(mounted.parts)
    return kind in _IN_MEMORY


def _place_of(path: Path) -> Path:
    try:
        path.stat()
    except OSError as error:
        # Only this is refused here: a path that is not there yet has a place too. `resolve` knows circles up to 3.12.
        if error.errno == errno.ELOOP:
            raise StoreError(
                "the links at this path lead round in a circle",
                which=str(path),
                expected="a file, or a link that leads to one",
                do="remove the link, or choose another path",
            ) from error
    return path.resolve()


def part_of(target: Path) -> Path:
    """Give the name under which a file is written until it is whole."""
    return target.with_name(f"{target.name}.part")


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Give a new empty file, for this user alone, and its name `target` once it is written and on disk.

    Raises:
        StoreError: there is such a file already, half of one, or no room for it.
    """
    part = part_of(target)
    try:
        _refuse_there(target)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            yield part
            _sync(part, os.O_RDWR)
            # Whoever else writes this file holds the part; only a stranger could have taken the name meanwhile.
            _refuse_there(target)
            os.rename(part, target)  # noqa: PTH104 - pairs with the calls of os around it
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        sync_directory(target.parent)
    except FileExistsError as error:
        raise StoreError(
            "this file is being written, or a kill left half of it",
            which=str(part),
            expected="no such file",
            do="wait for whoever writes it; if nobody does, remove it",
        ) from error
    except OSError as error:
        raise unwritable(target, error.strerror or str(error)) from error


def unwritable(target: Path, why: str) -> StoreError:
    """Say that a file cannot be written."""
    return StoreError(
        f"this file cannot be written ({why})",
        which=str(target),
        expected="a directory that exists and can be written, on a disk with room",
        do="free the disk, or choose another place; nothing else was changed",
    )


def make_directory(directory: Path) -> None:
    """Make a directory for this user alone, if it is not there.

    Raises:
        StoreError: it cannot be made.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreError(
            f"this directory cannot be made ({error.strerror})",
            which=str(directory),
            expected="a path in a directory that can be written",
            do="correct its permissions, or choose another place",
        ) from error


def size_of(path: Path) -> int:
    """Give a file's size in bytes; 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def free_bytes(directory: Path) -> int:
    """Give what the file system of a directory has left for this user."""
    return shutil.disk_usage(directory).free


def sync_directory(directory: Path) -> None:
    """Put the names in a directory on disk."""
    _sync(directory, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    fd = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _refuse_there(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise StoreError(
            "there is a file of this name already",
            which=str(target),
            expected="a name that is free",
            do="choose another name; it was left as it is",
        )
