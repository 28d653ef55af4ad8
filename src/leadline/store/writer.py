"""Owns the one thread of this process that writes to the database, in grouped commits.

Never makes its caller wait, and never forgets a row because the disk or a lock said no: it keeps it and tries again,
in memory up to a bound, then in a file beside the database, which the next start reads.
Comes from the event loop as statements; goes to the file within COMMIT_INTERVAL_S.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic

import apsw

from leadline.core.errors import LeadlineError, StoreError
from leadline.store.connection import explained
from leadline.store.database import Database, WalState
from leadline.store.mark import MarkKeeper
from leadline.store.spill import Spill, Statement, Value, spill_path
from leadline.store.states import States

log = logging.getLogger(__name__)

COMMIT_INTERVAL_S = 0.05
"""The longest that a statement waits for its commit (design section 5)."""

RETRY_S = 0.5
GROUP_MAX = 5_000

MEMORY_MAX = 50_000
"""Statements kept in memory while nothing can be written; beyond it the oldest wait in the spill file."""

QUEUE_MAX = 500_000
"""Statements kept in memory where the spill file cannot be written either; beyond it new ones are refused and said.

One whose commit somebody waits for (`on_commit`) is always taken: those are few, and whoever waits would wait for ever.
"""

LAST_TRY_S = 5.0
"""How long a closing writer's thread may still be inside SQLite after its time ran out."""


class Writer:
    """Write statements in the order in which they were put."""

    def __init__(self, path: Path, now_ns: int) -> None:
        """Open, check and migrate the file, and write what an earlier process could not.

        Raises:
            StoreError: the file cannot be used.
            SchemaError: a newer version wrote it.
        """
        self.path = path
        self._database = Database(path, now_ns)
        self._queue: deque[tuple[Statement, Callable[[], None] | None]] = deque()
        self._states = States()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._giving_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._error: str | None = None
        self._behind_since_s: float | None = None
        self._wal_error: str | None = None
        self.refused_count = 0
        """Statements that were not taken, because too many waited or the writer was closed."""
        try:
            self._spill = self._take_up()
        except BaseException:
            self._database.close()
            raise

    def _take_up(self) -> Spill:
        """Write the rows that an earlier process left in the spill file."""
        with explained(self.path):
            try:
                spill = Spill(spill_path(self.path))
                count = spill.count
                while spill.count:
                    self._database.commit(spill.next_group(GROUP_MAX))
                    spill.taken()
            except OSError as error:
                raise StoreError(
                    f"rows that wait for the database cannot be read ({error.strerror})",
                    which=str(spill_path(self.path)),
                    expected="a file that this user can read and remove",
                    do="correct its permissions",
                ) from error
        if count:
            log.warning("store: %s rows that an earlier run could not write are in %s now", count, self.path)
        return spill

    def start(self) -> None:
        """Start the thread; until then `execute_now` belongs to the caller."""
        self._thread.start()

    def execute_now(self, sql: str, values: tuple[Value, ...] = ()) -> list[tuple[object, ...]]:
        """Run one statement at once and give its rows; only before `start`.

        Raises:
            StoreError: the file is locked by another program, the disk is full, or the like.
        """
        assert not self._thread.is_alive(), "the connection belongs to the writer's thread"
        with explained(self.path):
            return [tuple(row) for row in self._database.connection.execute(sql, values)]

    def put(self, statement: Statement, on_commit: Callable[[], None] | None = None) -> None:
        """Queue a record. `on_commit` is called on the writer's thread once it is on disk."""
        if self._giving_up.is_set() or (on_commit is None and len(self._queue) >= QUEUE_MAX):
            self._refuse(statement)
            return
        self._queue.append((statement, on_commit))
        if self._behind_since_s is None:
            self._behind_since_s = monotonic()
        self._wake.set()

    def put_state(self, name: str, statement: Statement) -> None:
        """Queue how something is now, in place of what is still queued under the same name."""
        self._states.put(name, statement)
        self._wake.set()

    def _refuse(self, statement: Statement) -> None:
        if self.refused_count == 0:
            why = "the writer is closed" if self._giving_up.is_set() else f"{QUEUE_MAX} wait and no more fit"
            log.error("store: rows for %s are lost, %s; the first: %s %r", self.path, why, *statement)
        self.refused_count += 1

    @property
    def mark(self) -> MarkKeeper:
        """Give the mark beside the database."""
        return self._database.mark

    @property
    def wal(self) -> WalState:
        """Give how the WAL was at the last commit."""
        return self._database.wal

    @property
    def error(self) -> str | None:
        """Say why rows do not reach DB_PATH; None while all is well."""
        if self._thread.ident is not None and not self._thread.is_alive() and not self._stopping.is_set():
            return "the writer's thread has ended"
        return self._error or self._database.lost

    @property
    def behind_s(self) -> float:
        """Give for how long records have waited without any commit; 0 while none waits."""
        since_s = self._behind_since_s
        return 0.0 if since_s is None else monotonic() - since_s

    @property
    def waiting_count(self) -> int:
        """Give the number of records that are not committed."""
        return len(self._queue) + self._spill.count

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was put is on disk; False if it is not by then."""
        done = threading.Event()
        self.put(("SELECT 1", ()), done.set)
        return done.wait(timeout_s)

    def close(self, timeout_s: float = 10.0) -> None:
        """Write what waits, trying again until `timeout_s` has passed, then end the thread and close the file.

        What cannot be written by then goes to the spill file, for the next start.

        Raises:
            StoreError: it could not be written there either.
        """
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
            self._giving_up.set()
            self._thread.join(LAST_TRY_S)
        self._giving_up.set()
        if not self._thread.is_alive():
            self._database.close()
        if self.waiting_count:
            self._leave()

    def _leave(self) -> None:
        """Leave what waits to the next start."""
        try:
            self._to_spill(len(self._queue))
        except OSError as error:
            raise StoreError(
                f"{len(self._queue)} rows could not be written ({self.error or 'time ran out'}), nor kept in"
                f" {self._spill.path} ({error.strerror})",
                which=f"DB_PATH={self.path}",
                do="free the disk or the lock; orders and fills are taken from the broker at the next start",
            ) from error
        why = self.error or "time ran out"
        log.error("store: %s rows wait in %s for the next start (%s)", self._spill.count, self._spill.path, why)

    def _run(self) -> None:
        while not self._giving_up.is_set():
            self._wake.wait()
            self._wake.clear()
            self._stopping.wait(COMMIT_INTERVAL_S)
            while self._queue or self._spill.count or self._states_are_due():
                if not self._commit_group():
                    self._bound_memory()
                    if self._giving_up.wait(RETRY_S):
                        return
            if self._stopping.is_set():
                return

    def _states_are_due(self) -> bool:
        return self._states.are_due(self._database.wal, is_last=self._stopping.is_set())

    def _commit_group(self) -> bool:
        """Commit the oldest statements and the states together; keep them all if that fails."""
        states = self._states.take() if self._states_are_due() else {}
        try:
            self._database.keep_place()
            spilled = self._spill.next_group(GROUP_MAX) if self._spill.count else []
            group = [] if spilled else [self._queue[i] for i in range(min(len(self._queue), GROUP_MAX))]
            self._database.commit([*spilled, *(statement for statement, _ in group), *states.values()])
        except Exception as error:
            if not isinstance(error, apsw.Error | LeadlineError | OSError):
                log.exception("store: a fault while writing; rows are kept and tried again")
            self._states.give_back(states)
            if self._error is None:
                log.error("store: commit to %s failed, kept and tried again: %s", self.path, error)
            self._error = str(error)
            return False
        if self._error is not None:
            log.warning("store: commits to %s work again", self._database.path)
        self._error = None
        if spilled:
            self._spill.taken()
        self._tell(on_commit for _, on_commit in group if on_commit is not None)
        for _ in group:
            self._queue.popleft()
        # First None, then the look: a row that is put in between is seen by one of the two threads.
        self._behind_since_s = None
        if self._queue or self._spill.count:
            self._behind_since_s = monotonic()
        self._watch_wal()
        return True

    def _watch_wal(self) -> None:
        """Keep the WAL short; whatever is wrong with it, rows are written on."""
        try:
            self._database.watch_wal()
        except Exception as error:  # noqa: BLE001 - said, and looked at again after the next commit
            if self._wal_error is None:
                log.error("store: the WAL of %s cannot be cut: %s", self.path, error)
            self._wal_error = str(error)
        else:
            self._wal_error = None

    def _bound_memory(self) -> None:
        """Move the oldest rows to the spill file once too many wait in memory."""
        if len(self._queue) <= MEMORY_MAX:
            return
        try:
            self._to_spill(len(self._queue) - MEMORY_MAX // 2)
        except OSError as error:
            log.error("store: rows cannot wait in %s (%s), they wait in memory", self._spill.path, error.strerror)

    def _to_spill(self, count: int) -> None:
        """Move the oldest `count` rows; those whose commit somebody waits for stay in memory.

        Raises:
            OSError: the disk said no; they are all still in memory.
        """
        oldest = [self._queue[i] for i in range(count)]
        self._spill.add(statement for statement, on_commit in oldest if on_commit is None)
        for _ in oldest:
            self._queue.popleft()
        self._queue.extendleft(reversed([waited for waited in oldest if waited[1] is not None]))

    def _tell(self, waiting: Iterable[Callable[[], None]]) -> None:
        for on_commit in waiting:
            try:
                on_commit()
            except Exception:
                log.exception("store: whoever waited for a commit failed; rows are written on")
