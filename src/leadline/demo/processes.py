"""Owns the demo's child processes: apart from the user's own settings, stopped in order, gone with their parent.

Never passes the user's environment, `.env`, token or database on.
Comes from `run`; goes to the operating system.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

from leadline.core.errors import LeadlineError, UnreachableError

PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TERM", "VIRTUAL_ENV")
"""What a child needs of the environment, and all it gets."""

_PR_SET_PDEATHSIG = 1
"""prctl(2): send a signal to this process when its parent dies."""


class Child:
    """One child process with its output in a file."""

    def __init__(self, name: str, words: list[str], home: Path, settings: dict[str, str]) -> None:
        self.name = name
        self.log_path = home / f"{name}.log"
        environment = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
        with self.log_path.open("wb") as log:
            self._process = _start(words, environment | {"HOME": str(home), **settings}, home, log)

    def wait_for(self, path: Path, timeout_s: float) -> None:
        """Wait until the child has written a file.

        Raises:
            UnreachableError: it ended, or was not ready in time.
        """
        end_s = time.monotonic() + timeout_s
        while not path.exists():
            self.check()
            if time.monotonic() > end_s:
                raise UnreachableError(
                    f"{self.name} was not ready within {timeout_s:.0f} s", which=str(self.log_path), do="read its log"
                )
            time.sleep(0.05)

    def check(self) -> None:
        """Raise LeadlineError if the child has ended by itself."""
        code = self._process.poll()
        if code is not None:
            lines = self.log_path.read_text(errors="replace").strip().splitlines()
            raise LeadlineError(
                f"{self.name} ended by itself with {code}: {lines[-1] if lines else 'it said nothing'}",
                which=str(self.log_path),
                do="read its log",
            )

    def stop(self, timeout_s: float) -> int:
        """Ask the child to end, insist when it does not, and give its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()


def _start(words: list[str], environment: dict[str, str], home: Path, log: BinaryIO) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own command lines
        words,
        env=environment,
        cwd=home,  # no `.env` of the user's lies here
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is the parent's to handle
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - no threads run yet
    )


def _end_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
