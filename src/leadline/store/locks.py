"""Owns the rights that one process at a time may hold: kernel locks on files, kept for the process's life.

Never trusts a pid written in a file: the kernel frees the lock the moment its holder dies.
Comes from `app` at start; goes with the process.
"""

import contextlib
import fcntl
import os
from pathlib import Path

from leadline.core.errors import LockHeldError, StoreError

EPOCH_DIGITS_MAX = 18
"""A longer number does not fit into the orders table."""


class FileLock:
    """Hold one exclusive right, named by a file."""

    def __init__(self, path: Path, right: str) -> None:
        """Take the lock.

        Raises:
            LockHeldError: another process holds it (exit 3).
            StoreError: the file cannot be made.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(
                f"the lock for {right} cannot be made ({error.strerror})",
                which=str(path),
                expected="a directory that can be written",
                do="correct its permissions",
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._fd, 32, 0).decode(errors="replace").strip()
            self.release()
            raise LockHeldError(
                f"another process{f' (pid {holder})' if holder else ''} holds {right}",
                which=str(path),
                expected="one holder at a time",
                do="stop that process first",
            ) from error
        except OSError as error:
            self.release()
            raise StoreError(
                f"the lock for {right} cannot be taken ({error.strerror})",
                which=str(path),
                expected="a file on a local disk",
                do="move the directory to one",
            ) from error
        # The pid only names the holder to others: a full disk must not keep a holder from its right.
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the right back; the file stays. Done twice it changes nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def next_epoch(path: Path) -> int:
    """Count one more holder of a right, on disk before it is used; call it only while holding the lock.

    Raises:
        StoreError: the file cannot be read as a number, or not be written.
    """
    try:
        epoch = _epoch_in(path) + 1
        temporary = path.with_suffix(".tmp")
        with temporary.open("w") as file:
            file.write(f"{epoch}\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StoreError(
            f"the epoch of the trader lock cannot be written ({error.strerror})",
            which=str(path),
            expected="a file in a directory that can be written",
            do="free the disk, or correct the directory's permissions",
        ) from error
    return epoch


def _epoch_in(path: Path) -> int:
    try:
        text = path.read_bytes().strip()
    except FileNotFoundError:
        return 0
    if not text.isdigit() or len(text) > EPOCH_DIGITS_MAX:
        raise StoreError(
            "the epoch of the trader lock cannot be read",
            which=str(path),
            expected="a whole number",
            do="write into it a number larger than any epoch in the orders table",
        )
    return int(text)
