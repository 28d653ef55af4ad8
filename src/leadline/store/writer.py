"""Owns the one thread of this process that writes to the database, in grouped commits.

Never makes its caller wait, and never forgets a statement because the disk or a lock said no: it keeps and tries again.
Comes from the event loop as statements; goes to the file within COMMIT_INTERVAL_S.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import apsw

from leadline.core.errors import StoreError
from leadline.store.connection import open_writer
from leadline.store.schema import migrate

log = logging.getLogger(__name__)

Statement = tuple[str, tuple[object, ...]]
"""SQL with question marks, and what stands for them."""

COMMIT_INTERVAL_S = 0.05
"""The longest that a statement waits for its commit (design section 5)."""

RETRY_S = 0.5
QUEUE_MAX = 500_000
"""Statements kept while nothing can be written; at the limit new ones are refused, counted and said."""

GROUP_MAX = 5_000


class Writer:
    """Write statements in the order in which they were put."""

    def __init__(self, path: Path, now_ns: int) -> None:
        """Open and migrate the file.

        Raises:
            StoreError: the file cannot be used.
            SchemaError: a newer version wrote it.
        """
        self.path = path
        self._connection = open_writer(path)
        migrate(self._connection, path, now_ns)
        self._queue: deque[tuple[Statement, Callable[[], None] | None]] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self.error: str | None = None
        """Why the last commit failed; None while all is well."""
        self.refused_count = 0

    def start(self) -> None:
        """Start the thread; until then `read` and `execute_now` belong to the caller."""
        self._thread.start()

    def execute_now(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """Run one statement at once and give its rows; only before `start`."""
        assert not self._thread.is_alive(), "the connection belongs to the writer's thread"
        return [tuple(row) for row in self._connection.execute(sql, values)]

    def put(self, statement: Statement, on_commit: Callable[[], None] | None = None) -> None:
        """Queue a statement. `on_commit` is called on the writer's thread once it is on disk."""
        if len(self._queue) >= QUEUE_MAX:
            if self.refused_count == 0:
                log.error("store: %s statements wait for %s and no more fit: rows are lost", QUEUE_MAX, self.path)
            self.refused_count += 1
            return
        self._queue.append((statement, on_commit))
        self._wake.set()

    @property
    def waiting_count(self) -> int:
        """Give the number of statements that are not committed."""
        return len(self._queue)

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was put is on disk; False if it is not by then."""
        done = threading.Event()
        self.put(("SELECT 1", ()), done.set)
        return done.wait(timeout_s)

    def close(self, timeout_s: float = 10.0) -> None:
        """Write what waits, then end the thread.

        Raises:
            StoreError: statements could not be written in time.
        """
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._queue:
            raise StoreError(
                f"{len(self._queue)} rows could not be written ({self.error or 'time ran out'})",
                which=f"DB_PATH={self.path}",
                do="free the disk or the lock; orders and fills are taken from the broker at the next start",
            )
        self._connection.close()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if not self._stopping:
                time.sleep(COMMIT_INTERVAL_S)
            while self._queue:
                if not self._commit_group():
                    if self._stopping:
                        return
                    time.sleep(RETRY_S)
            if self._stopping:
                return

    def _commit_group(self) -> bool:
        """Commit the oldest statements together; keep them all if that fails."""
        group = [self._queue[i] for i in range(min(len(self._queue), GROUP_MAX))]
        try:
            with self._connection:
                for (sql, values), _ in group:
                    self._apply(sql, values)
        except (apsw.BusyError, apsw.FullError, apsw.IOError, apsw.ReadOnlyError, apsw.CantOpenError) as error:
            if self.error is None:
                log.error("store: commit to %s failed, kept and tried again: %s", self.path, error)
            self.error = str(error)
            return False
        if self.error is not None:
            log.warning("store: commits to %s work again", self.path)
        self.error = None
        for _, on_commit in group:
            self._queue.popleft()
            if on_commit is not None:
                on_commit()
        return True

    def _apply(self, sql: str, values: tuple[object, ...]) -> None:
        try:
            self._connection.execute(sql, values)
        except (apsw.ConstraintError, apsw.SQLError, apsw.MismatchError) as error:
            # A row that the schema refuses will be refused for ever: say it whole, and let the others through.
            log.error("store: row refused (%s): %s %r", error, sql, values)
