"""Owns when entries may be opened as far as the feed goes: covered, steady, and caught up with the broker.

Never opens anything: it holds entries and lets them go.
Comes from `stream` with each connection; goes to whoever holds entries, and to the catch-up.
"""

import asyncio
import logging

from leadline.core.errors import LeadlineError
from leadline.schwab.link import Hooks, LinkState, Patience

log = logging.getLogger(__name__)

CONNECTING = "the feed is connecting"
COVERING = "the feed has not shown every symbol again"
UNSTEADY = "the feed was lost again and again: it must hold first"
CATCHING_UP = "the feed is catching up with the broker"


class Gate:
    """Hold entries from the loss of a connection until everything that was missed is known."""

    def __init__(self, patience: Patience, hooks: Hooks, state: LinkState) -> None:
        self._patience = patience
        self._hooks = hooks
        self._state = state
        self._opening: asyncio.Task[None] | None = None
        self._covered = asyncio.Event()
        self._short_lives = 0
        self._hold(CONNECTING)

    @property
    def is_open(self) -> bool:
        """Tell whether entries may be opened."""
        return self._state.entries_held_by is None

    def begin(self) -> None:
        """Begin to open: a connection streams."""
        self._covered.clear()
        self._opening = asyncio.get_running_loop().create_task(self._open())

    def covered(self) -> None:
        """Go on: every part has shown data, or is known not to."""
        self._covered.set()

    def close(self, streamed_s: float | None) -> None:
        """Hold entries: the connection is lost, after it streamed so long (None: never)."""
        self.end()
        if streamed_s is not None:
            self._short_lives = self._short_lives + 1 if streamed_s < self._patience.steady_s else 0
        self._hold(CONNECTING)

    def end(self) -> None:
        """Open nothing any more: the process ends, and whoever trades has been told by others."""
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None

    async def _open(self) -> None:
        self._hold(COVERING)
        await self._covered.wait()
        if self._short_lives > 1:
            self._hold(UNSTEADY)
            await asyncio.sleep(self._patience.steady_s)
        self._hold(CATCHING_UP)
        await self._until_caught_up()
        self._hold(None)

    async def _until_caught_up(self) -> None:
        is_done = False
        while not is_done:
            is_done = await self._catch_up()
            if not is_done:
                await asyncio.sleep(self._patience.catch_up_s)

    async def _catch_up(self) -> bool:
        """Try once; whatever goes wrong keeps entries held."""
        if self._hooks.catch_up is None:
            return True
        try:
            return await self._hooks.catch_up()
        except LeadlineError as error:
            log.warning("the feed cannot catch up with the broker yet: %s", error)
        except Exception:
            log.exception("a fault in leadline while catching up: entries stay held")
        return False

    def _hold(self, reason: str | None) -> None:
        self._state.entries_held_by = reason
        if self._hooks.hold is not None:
            self._hooks.hold("feed", reason)
