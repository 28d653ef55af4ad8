"""Owns processes that are forked to be killed: the witness that outlives them, and the fuse that ends them at a line.

Never opens a database in the parent, which a fork must not inherit; a fork that ends in no expected way fails the test.
Comes from `killing_ids` and `killing_desk`; goes to tests/chaos, which judge what the witness holds.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, NoReturn

import leadline

TESTS = Path(__file__).parents[1]
PRODUCT = Path(leadline.__file__).parent

CRASHED = 70
"""Exit code of a fork that raised: its traceback is in the log."""

HANGS_S = 60
"""A fork that takes longer stands still, and is ended by its own alarm, which no test expects."""


class Witness:
    """A file to which forks append, a line a write: what stands in it has happened, and in this order."""

    def __init__(self, home: Path) -> None:
        self._fd = os.open(home / "witness", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, *words: Any) -> None:
        """Append one line. A kill can tear a write where it crosses a page: each line begins anew for that."""
        os.write(self._fd, b"\n" + json.dumps(words).encode() + b"\n")


def witnessed(home: Path) -> list[list[Any]]:
    """Give the whole lines of the witness, oldest first; the first word says of what kind a line is."""
    path = home / "witness"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith(b"]")]


class Seam(NamedTuple):
    """Where a fuse burns through: the n-th line executed at a place, which is a phase in a thread, or a function."""

    place: tuple[str, str]
    line: int


class Fuse:
    """Count the lines of the product that this process executes at each place, and kill it at one of them."""

    def __init__(self, witness: Witness, seam: Seam | None, watched: frozenset[str]) -> None:
        self._witness = witness
        self._seam = seam
        self._watched = watched
        self._phase = "outside"
        self.counts: Counter[tuple[str, str]] = Counter()

    def light(self) -> None:
        """Count from now on, in this thread and in those that begin later."""
        threading.settrace(self._tracer("writer"))
        sys.settrace(self._tracer("loop"))

    def enter(self, phase: str) -> None:
        """Begin a phase; its lines are counted from 1."""
        self._phase = phase

    def _tracer(self, thread: str) -> Callable[[FrameType, str, Any], Any]:
        def on_line(frame: FrameType, event: str, argument: Any) -> Any:
            if event in {"line", "return"}:
                self._pass((self._phase, thread), frame)
            return on_line

        def on_call(frame: FrameType, event: str, argument: Any) -> Any:
            return on_line if frame.f_code.co_filename in self._watched else None

        return on_call

    def _pass(self, phase: tuple[str, str], frame: FrameType) -> None:
        code = frame.f_code
        file = Path(code.co_filename).name
        for place in (phase, (file, code.co_qualname)):
            self.counts[place] += 1
            if self._seam == (place, self.counts[place]):
                self._witness.note("fuse", *phase, file, code.co_qualname, frame.f_lineno)
                os.kill(os.getpid(), signal.SIGKILL)


def product_files(*patterns: str) -> frozenset[str]:
    """Give the names, as tracebacks have them, of the product's files that match."""
    return frozenset(str(path) for pattern in patterns for path in PRODUCT.glob(pattern))


def forked(work: Callable[[], int]) -> int:
    """Do work in a fork, whose exit code it gives, and give the fork's pid."""
    pid = os.fork()
    if pid == 0:
        _become(work)
    return pid


def _become(work: Callable[[], int]) -> NoReturn:
    code = CRASHED
    try:
        signal.alarm(HANGS_S)
        code = work()
    finally:
        if code == CRASHED:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)


def is_killed(pid: int, status: int, expected: tuple[int, ...] = (0,)) -> bool:
    """Tell whether a fork was killed; one that ended in a way that is not expected ends the parent."""
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGKILL:
        return True
    if code not in expected:
        raise SystemExit(f"fork {pid} ended with {code}, expected one of {expected} or a kill")
    return False


def seed_for(name: str) -> str:
    """Give the seed of a test; KILL_SEED in the environment adds to it, to see other moments."""
    return name + os.environ.get("KILL_SEED", "")


def parent(module: str, home: Path, seed: str, *args: object, entry: str = "main") -> dict[str, Any]:
    """Run a function of a support module in a fresh process of one thread, and give its report.

    A pytest process is no such parent: it has threads and open databases.
    """
    code = f"from support.{module} import {entry}; {entry}()"
    command = [sys.executable, "-c", code, str(home), seed, *map(str, args)]
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(TESTS))))
    log_path = home / "log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env={**os.environ, "PYTHONPATH": path})
        try:
            said, _ = process.communicate()
        finally:
            process.kill()
    tail = log_path.read_text(errors="replace")[-6_000:]
    assert process.returncode == 0, f"seed {seed!r}: the parent ended with {process.returncode}\n{tail}"
    report: dict[str, Any] = json.loads(said)
    return report
