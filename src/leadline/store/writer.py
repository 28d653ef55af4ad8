"""Owns the one thread of this process that writes to the database, in grouped commits.

Never makes its caller wait, and never forgets a statement because the disk or a lock said no: it keeps and tries again.
Comes from the event loop as statements; goes to the file within COMMIT_INTERVAL_S.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import apsw

from leadline.core.errors import LeadlineError, StoreError
from leadline.store.connection import explained, open_writer
from leadline.store.schema import migrate

log = logging.getLogger(__name__)

Value = int | float | str | bytes | None
"""What SQLite keeps."""

Statement = tuple[str, tuple[Value, ...]]
"""SQL with question marks, and what stands for them."""

COMMIT_INTERVAL_S = 0.05
"""The longest that a statement waits for its commit (design section 5)."""

RETRY_S = 0.5
QUEUE_MAX = 500_000
"""Statements kept while nothing can be written; at the limit new ones are refused, counted and said.

One whose commit somebody waits for (`on_commit`) is always taken: those are few, and whoever waits would wait for ever.
"""

GROUP_MAX = 5_000

UNWRITABLE = (
    apsw.ConstraintError,
    apsw.SQLError,
    apsw.MismatchError,
    apsw.BindingsError,
    apsw.TooBigError,
    TypeError,  # a value of no SQL type
    ValueError,  # half a surrogate pair
    OverflowError,  # an integer beyond 64 bits
)
"""What SQLite says of a row that no later attempt could write."""

LAST_TRY_S = 5.0
"""How long a closing writer's thread may still be inside SQLite after its time ran out."""


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
        try:
            migrate(self._connection, path, now_ns)
        except LeadlineError:
            self._connection.close()
            raise
        self._queue: deque[tuple[Statement, Callable[[], None] | None]] = deque()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._giving_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self.error: str | None = None
        """Why the last commit failed; None while all is well."""
        self.refused_count = 0
        """Statements that were not taken, because too many waited or the writer was closed."""

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
            return [tuple(row) for row in self._connection.execute(sql, values)]

    def put(self, statement: Statement, on_commit: Callable[[], None] | None = None) -> None:
        """Queue a statement. `on_commit` is called on the writer's thread once it is on disk."""
        if self._giving_up.is_set() or (on_commit is None and len(self._queue) >= QUEUE_MAX):
            self._refuse(statement)
            return
        self._queue.append((statement, on_commit))
        self._wake.set()

    def _refuse(self, statement: Statement) -> None:
        if self.refused_count == 0:
            why = "the writer is closed" if self._giving_up.is_set() else f"{QUEUE_MAX} wait and no more fit"
            log.error("store: rows for %s are lost, %s; the first: %s %r", self.path, why, *statement)
        self.refused_count += 1

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
        """Write what waits, trying again until `timeout_s` has passed, then end the thread and close the file.

        Raises:
            StoreError: statements could not be written in time.
        """
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
            self._giving_up.set()
            self._thread.join(LAST_TRY_S)
        self._giving_up.set()
        if not self._thread.is_alive():
            self._connection.close()
        if self._queue:
            raise StoreError(
                f"{len(self._queue)} rows could not be written ({self.error or 'time ran out'})",
                which=f"DB_PATH={self.path}",
                do="free the disk or the lock; orders and fills are taken from the broker at the next start",
            )

    def _run(self) -> None:
        while not self._giving_up.is_set():
            self._wake.wait()
            self._wake.clear()
            self._stopping.wait(COMMIT_INTERVAL_S)
            while self._queue:
                if not self._commit_group() and self._giving_up.wait(RETRY_S):
                    return
            if self._stopping.is_set():
                return

    def _commit_group(self) -> bool:
        """Commit the oldest statements together; keep them all if that fails."""
        group = [self._queue[i] for i in range(min(len(self._queue), GROUP_MAX))]
        try:
            with self._connection:
                for (sql, values), _ in group:
                    self._apply(sql, values)
        except apsw.Error as error:
            if self.error is None:
                log.error("store: commit to %s failed, kept and tried again: %s", self.path, error)
            self.error = str(error)
            return False
        if self.error is not None:
            log.warning("store: commits to %s work again", self.path)
        self.error = None
        for _ in group:
            self._queue.popleft()
        for _, on_commit in group:
            if on_commit is not None:
                self._tell(on_commit)
        return True

    def _apply(self, sql: str, values: tuple[Value, ...]) -> None:
        try:
            self._connection.execute(sql, values)
        except UNWRITABLE as error:
            # A row that the schema refuses will be refused for ever: say it whole, and let the others through.
            log.error("store: row refused (%s): %s %r", error, sql, values)

    def _tell(self, on_commit: Callable[[], None]) -> None:
        try:
            on_commit()
        except Exception:
            log.exception("store: whoever waited for a commit failed; rows are written on")
