"""Owns real disks that fill up and real second processes, for tests of what must survive both.

Never mocks: a test that cannot have the real thing skips and says so.
Comes from tests; goes with them.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest


@contextmanager
def small_disk(directory: Path, size_kb: int) -> Iterator[Path]:
    """Give a file system of its own that holds only so much."""
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "tmpfs", str(directory)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("NOT TESTED: a small disk can be mounted only by root")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def fill_up(directory: Path) -> Path:
    """Take all that is left of a disk, and give the file that holds it."""
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (4_096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return ballast


@contextmanager
def child(code: str, *args: object) -> Iterator[subprocess.Popen[str]]:
    """Run Python code in a process of its own, with text pipes; it is gone afterwards."""
    command = [sys.executable, "-u", "-c", code, *map(str, args)]
    here = str(Path(__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), here)))}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    """Wait for the next line that a child says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def killed(process: subprocess.Popen[str]) -> list[str]:
    """Kill a child on the spot, and give the whole lines that it said since."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    return process.stdout.read().split("\n")[:-1]


def leadline(*args: object, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a directory, with no settings but those given."""
    return subprocess.run(
        [sys.executable, "-m", "leadline", *map(str, args)],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "HOME": str(cwd), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def wait_until(holds: Callable[[], bool], timeout_s: float = 10) -> None:
    """Wait until something holds; fail if it does not by then."""
    end = monotonic() + timeout_s
    while not holds():
        assert monotonic() < end, "it did not happen in time"
        sleep(0.002)
