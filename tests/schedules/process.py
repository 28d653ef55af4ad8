"""Owns one life of leadline's process: the real engine over the virtual wire, a store on a real file, and its end."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leadline.app.account import find_account
from leadline.app.desk import Desk
from leadline.app.endings import Ended
from leadline.app.engine import Engine
from leadline.core.errors import LeadlineError
from leadline.schwab.auth import Login
from leadline.schwab.rest import Rest
from leadline.settings import Loaded
from leadline.store.spill import Statement
from leadline.store.writer import COMMIT_INTERVAL_S, Writer
from schedules.loop import VirtualClock, VirtualLoop
from schedules.wire import Client


class LoopWriter(Writer):
    """The writer without its thread: it commits as often, in the loop's time, so that a run can be repeated."""

    def __init__(self, path: Path, now_ns: int, loop: VirtualLoop) -> None:
        super().__init__(path, now_ns)
        self._loop = loop
        self._is_due = False
        self._is_dead = False

    def start(self) -> None:
        """Begin to commit."""

    def put(self, statement: Statement, on_commit: Callable[[], None] | None = None) -> None:
        """Queue a record."""
        if not self._is_dead:
            super().put(statement, on_commit)
            self._come_due()

    def put_state(self, name: str, statement: Statement) -> None:
        """Queue a state."""
        if not self._is_dead:
            super().put_state(name, statement)
            self._come_due()

    def _come_due(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._loop.call_later(COMMIT_INTERVAL_S, self._commit)

    def _commit(self) -> None:
        self._is_due = False
        while not self._is_dead and (self._queue or self._states_are_due()):
            assert self._commit_group(), self._error

    def commit_now(self) -> None:
        """Commit what waits."""
        self._commit()

    def die(self) -> None:
        """Lose what is not committed, as `kill -9` does."""
        self._is_dead = True
        self._queue.clear()
        self._database.close()

    def close(self, timeout_s: float = 10.0) -> None:
        """Write what waits and close."""
        if not self._is_dead:
            self._commit()
            super().close(timeout_s)


class Request:
    """A request to end, made by the schedule in place of a signal."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Ask for the end."""
        self._asked.set()

    async def wait(self) -> None:
        """Wait until the end is asked for."""
        await self._asked.wait()
        raise Ended


class Process:
    """One life, from start to an orderly end or a kill."""

    def __init__(self, loaded: Loaded, client: Client, clock: VirtualClock, loop: VirtualLoop) -> None:
        self._loaded = loaded
        self._clock = clock
        self._loop = loop
        self.client = client
        self.stop = Request()
        self.engine: Engine | None = None
        self.writer: LoopWriter | None = None

    async def run(self) -> None:
        """Start, trade, and end in order.

        Raises:
            LeadlineError: it could not start, or a fault ended it.
        """
        settings = self._loaded.settings
        assert settings.schwab_token_path is not None
        login = Login(
            self.client, settings.schwab_token_path, "simschwab-demo-client", "simschwab-demo-key", self._clock
        )
        await login.ensure()
        rest = Rest(self.client, login)
        account = find_account(await rest.account_numbers(), settings)
        listings = await rest.listings(list(settings.symbols))
        self.writer = LoopWriter(settings.db_path, self._clock.wall_ns(), self._loop)
        self.engine = Engine(
            self._loaded,
            account,
            listings,
            rest=rest,
            writer=self.writer,
            clock=self._clock,
            tape=None,
            connect=self.client.connect,
        )
        _, fault = await self.engine.go(self.stop.wait, list, with_parent=False)
        self.writer.close()
        if fault is not None:
            raise fault

    @property
    def desk(self) -> Desk | None:
        """Give the trader with all it holds, once there is one."""
        desk = None if self.engine is None else self.engine.desk
        return desk if isinstance(desk, Desk) else None

    def die(self) -> None:
        """Be dead from this moment: nothing more is sent, written or known; the kernel frees the locks."""
        self.client.die()
        if self.writer is not None:
            self.writer.die()
        if self.desk is not None:
            self.desk._journal.close()
            self.desk._lock.release()


async def until_dead(task: asyncio.Task[Any]) -> LeadlineError | None:
    """Wait for a process's end, and give what ended it if that was no order."""
    await asyncio.wait([task])
    if task.cancelled():
        return None
    error = task.exception()
    if error is None or isinstance(error, LeadlineError):
        return error
    raise error
