"""Owns states that wait to be written: how something is now, of which only the newest is worth a write.

Never grows: one name, one state.
Comes from the event loop; goes to the writer's thread, and back if it could not write them.
"""

from time import monotonic

from leadline.store.database import WAL_LONG_BYTES, WalState
from leadline.store.spill import Statement

SLOW_STATE_S = 4.0
"""How often states are written while a reader keeps the WAL long (WAL_LONG_BYTES): pages believe a state for 5 s."""

WAL_NO_STATE_BYTES = 8 * WAL_LONG_BYTES
"""With a WAL of this length states are no longer written: what is left to grow it are records."""


class States:
    """Keep the newest state under each name. The loop puts, one thread takes."""

    def __init__(self) -> None:
        self._waiting: dict[str, Statement] = {}
        self._written_s = 0.0

    def put(self, name: str, statement: Statement) -> None:
        """Keep a state in place of what still waits under the same name."""
        self._waiting[name] = statement

    def are_due(self, wal: WalState, *, is_last: bool) -> bool:
        """Tell whether states are to be written now: they are what grows a WAL that a reader keeps."""
        if not self._waiting:
            return False
        if not wal.is_pinned or is_last:
            return True
        return wal.size_bytes < WAL_NO_STATE_BYTES and monotonic() - self._written_s >= SLOW_STATE_S

    def take(self) -> dict[str, Statement]:
        """Take the states one by one: new ones may be put meanwhile."""
        self._written_s = monotonic()
        return {name: self._waiting.pop(name) for name in list(self._waiting)}

    def give_back(self, taken: dict[str, Statement]) -> None:
        """Keep what could not be written, unless a newer one was put meanwhile."""
        for name, statement in taken.items():
            self._waiting.setdefault(name, statement)
