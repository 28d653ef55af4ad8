"""Owns two processes that contend for one database and give alert ids, while a third kills whoever holds it.

Never counts a kill of one that only waited.
Comes from tests/chaos/test_chaos_ids.py; goes to the witness: who held the database, and each id that was given.
"""

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from random import Random

import msgspec

from leadline.core.alerts import Alert
from leadline.core.errors import ExitCode, LockHeldError
from leadline.dispatch import Dispatch
from leadline.grok import HandOver
from leadline.store.alerts import BLOCK_SIZE, AlertIds, Origin
from leadline.store.journal import Journal
from leadline.store.locks import FileLock
from leadline.store.orders import Book
from leadline.store.writer import Writer
from leadline.traders.recovery import begin_run, end_run, recover
from support.intents import an_alert, an_intent
from support.killing import Fuse, Seam, Witness, forked, is_killed, product_files

KILLS_A_FILE = 100
"""After so many a new file begins: it is then killed while its tables are made, too."""

CONTENDERS = 2
BOOKS = (Book("paper", "paper", "test"), Book("live", "sim", "test"))
ORIGIN = Origin("boot", "c0ffee", "0.1.0")
COUNTS = (40, 600, 1_500, 3_500)
"""How many ids a run gives before it ends in order: few, or more than the two blocks that may be reserved."""

SLOW_COUNT_MAX = 150

INTENT_EVERY = 200

LIFE_S = 0.03
"""The mean time from one kill to the next, where it is drawn as a time."""

LINES = (1, 1, 5, 30, 200, 3_000)
"""How many lines the witness may gain until the next kill, where that is drawn: however slow this machine is, some runs
are killed at their first ids and some behind the blocks that they had reserved.
"""

LINE_BYTES = 46


class NotingTrader:
    """A trader that notes what it is given, at once, and records every so many-th as an intent."""

    name = "noting"

    def __init__(self, witness: Witness, journal: Journal) -> None:
        self._witness = witness
        self._journal = journal

    def process_alert(self, alert_id: int, alert: Alert) -> None:
        """Note that this id was given."""
        self._witness.note("given", os.getpid(), alert_id, alert.recv_ns)
        if alert_id % INTENT_EVERY == 0:
            intent = an_intent(alert_id, key=f"noting-{alert_id}-{alert.recv_ns}")
            self._journal.append(msgspec.structs.replace(intent, alert=alert))

    def close_entries(self, reason: str) -> None:
        """A trader that failed is a fault of this test."""
        raise SystemExit(f"the noting trader failed: {reason}")


def contend(home: Path, seed: int) -> int:
    """Try for the database as a start of grok does; who gets it gives ids, who does not says so by its exit code."""
    dice = Random(seed)
    for _ in range(dice.randint(1, 20)):
        try:
            lock = FileLock(home / "x.db.lock", "the right to write alerts")
        except LockHeldError:
            time.sleep(dice.random() * 0.003)
            continue
        give(home, dice)
        lock.release()
        return ExitCode.OK
    return ExitCode.LOCK_HELD


def give(home: Path, dice: Random) -> None:
    """Start as `app` does, give ids, and end in order."""
    witness = Witness(home)
    book, writes_rows, is_burst = dice.choice(BOOKS), dice.random() < 0.6, dice.random() < 0.6
    witness.note("held", os.getpid(), book.mode, "rows" if writes_rows else "inline", "burst" if is_burst else "slow")
    writer = Writer(home / "x.db", time.time_ns())
    journal = Journal(home / f"{book.mode}.journal", size_bytes=1 << 20, reserve_bytes=1 << 16)
    recover(writer, journal.intents, book, time.time_ns(), writes_rows=writes_rows)
    ids = AlertIds(writer)
    begin_run(writer, book, ids.last + 1)
    writer.start()
    trader = NotingTrader(witness, journal)
    hand_over = HandOver(ids, Dispatch(trader), writer.put, ORIGIN, writes_rows=writes_rows)
    count = dice.choice(COUNTS) if is_burst else min(dice.choice(COUNTS), SLOW_COUNT_MAX)
    while hand_over.alerts < count:
        lost = hand_over.unnumbered
        hand_over.take(an_alert(recv_ns=time.time_ns()))
        if hand_over.unnumbered > lost:
            time.sleep(0.001)  # the block is used up and the next is not on disk
        elif not is_burst:
            time.sleep(dice.random() * 0.002)
    end_run(writer, book)
    writer.close()
    journal.close()


class Contest:
    """The contenders for one file, of which there are always CONTENDERS."""

    def __init__(self, home: Path, dice: Random, tally: Counter[str]) -> None:
        home.mkdir()
        self._home = home
        self._dice = dice
        self._tally = tally
        self._living: set[int] = set()

    def wait(self) -> None:
        """Let a time pass, or ids be given, until the next kill; whoever ended meanwhile is followed by another."""
        end_s, end_bytes = self._until()
        while True:
            for pid in list(self._living):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    self._ended(pid, status)
            while len(self._living) < CONTENDERS:
                self._living.add(forked(partial(contend, self._home, self._dice.getrandbits(32))))
            if time.monotonic() >= end_s and self._witness_bytes() >= end_bytes:
                return
            time.sleep(0.001)

    def _until(self) -> tuple[float, int]:
        """Draw the next kill: not before this time, and not before the witness is so long."""
        if self._dice.random() < 0.7:
            return time.monotonic() + self._dice.expovariate(1 / LIFE_S), 0
        return 0, self._witness_bytes() + self._dice.choice(LINES) * LINE_BYTES

    def _witness_bytes(self) -> int:
        path = self._home / "witness"
        return path.stat().st_size if path.exists() else 0

    def kill(self) -> bool:
        """Kill whoever holds the file, now and then who waits for it; tell whether it was the holder."""
        holder = self._holder()
        waits = sorted(self._living - {holder})
        victim = holder if waits == [] or self._dice.random() < 0.9 else self._dice.choice(waits)
        if victim not in self._living:
            return False  # it is between two holders
        os.kill(victim, signal.SIGKILL)
        return self._ended(victim, os.waitpid(victim, 0)[1]) and victim == holder

    def end(self) -> None:
        """Kill all who are left, holder or not."""
        for pid in list(self._living):
            os.kill(pid, signal.SIGKILL)
            self._ended(pid, os.waitpid(pid, 0)[1])

    def _holder(self) -> int | None:
        try:
            return int((self._home / "x.db.lock").read_text() or 0)
        except FileNotFoundError:
            return None

    def _ended(self, pid: int, status: int) -> bool:
        self._living.discard(pid)
        killed = is_killed(pid, status, (ExitCode.OK, ExitCode.LOCK_HELD))
        self._tally["killed" if killed else ExitCode(os.waitstatus_to_exitcode(status)).name] += 1
        return killed


def main() -> None:
    """Kill so many holders, in so many files as that takes, and report."""
    home, seed, wanted = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    dice, tally, kills = Random(seed), Counter[str](), 0
    for number in range(-(-wanted // KILLS_A_FILE)):
        contest = Contest(home / f"file-{number}", dice, tally)
        of_file = 0
        while of_file < KILLS_A_FILE:
            contest.wait()
            of_file += contest.kill()
        contest.end()
        kills += of_file
    print(json.dumps({"holders_killed": kills, **tally}))


def overtake(home: Path) -> int:
    """Give more ids than the database knows of, because its writer never comes to run, and end as a kill ends."""
    ids = AlertIds(Writer(home / "x.db", time.time_ns()))
    first = last = ids.next()
    for _ in range(BLOCK_SIZE + BLOCK_SIZE // 5):
        last = ids.next() or last
    Witness(home).note("gave", first, last)
    return ExitCode.OK


def start(home: Path, seam: Seam | None) -> int:
    """Start up to where ids can be given, unless killed on the way; say how many lines that takes."""
    fuse = Fuse(Witness(home), seam, product_files("store/*.py"))
    fuse.light()
    fuse.enter("start")
    AlertIds(Writer(home / "x.db", time.time_ns()))
    fuse.enter("outside")
    (home / "lines").write_text(str(fuse.counts["start", "loop"]))
    return ExitCode.OK


def kill_at_each_line() -> None:
    """Kill a start at each line that it executes, each time behind a run that had given what only the mark knows."""
    home, kills = Path(sys.argv[1]), 0
    _lived(partial(overtake, home))
    _lived(partial(start, home, None))
    for line in count(1):
        _lived(partial(overtake, home))
        if _lived(partial(start, home, Seam(("start", "loop"), line))):
            break
        kills += 1
    _lived(partial(overtake, home))
    print(json.dumps({"kills": kills, "lines": int((home / "lines").read_text())}))


def _lived(work: Callable[[], int]) -> bool:
    pid = forked(work)
    return not is_killed(pid, os.waitpid(pid, 0)[1])
