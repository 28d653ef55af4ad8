"""Owns the backups that nobody asks for: how often, where, how many, and that trading never feels them.

Never runs on the event loop's thread or one of trading's; a backup that fails is said once and tried again.
Comes from `run` as one task, and once more at its end; goes to the directory of the backups.
"""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from leadline.core.errors import LeadlineError, StoreError
from leadline.core.ports import Clock
from leadline.core.units import NS_PER_S
from leadline.settings import Settings
from leadline.store.backup import backup_path, backups_of, copy_database, how_to_restore, rotate
from leadline.store.connection import open_reader
from leadline.store.files import is_in_memory, make_directory, read_mounts

log = logging.getLogger(__name__)

DAY_S = 86_400
IN_MEMORY_S = 60
RETRY_S = 60


class Plan(msgspec.Struct, frozen=True):
    """Which database is copied, where to, every how many seconds (0 = never), and how many copies are kept."""

    db_path: Path
    directory: Path
    every_s: int
    kept: int
    is_in_memory: bool


class _StoppedError(Exception):
    """The process ends: the copy is given up."""


def plan_of(settings: Settings, mounts: str | None = None) -> Plan:
    """Give the plan of the settings; what is unset follows from where the database lies."""
    db_path = settings.db_path
    in_memory = is_in_memory(db_path, read_mounts() if mounts is None else mounts)
    beside = Path(f"{db_path}.backups")
    if in_memory:
        # The whole path, so that two databases of one name do not share a directory.
        beside = settings.data_dir / "backups" / str(db_path.absolute()).lstrip("/")
    every_s = settings.db_backup_sec
    if every_s is None:
        every_s = IN_MEMORY_S if in_memory else DAY_S
    return Plan(db_path, settings.db_backup_dir or beside, every_s, settings.db_backups_kept, in_memory)


def refuse_lost(plan: Plan) -> None:
    """Refuse to begin an empty database where one was that has backups: memory forgets the file and its mark together.

    Raises:
        StoreError: there is no file, and there are backups of it.
    """
    rescued = plan.db_path.parent.glob(f"{plan.db_path.name}.rescued-*")
    if plan.db_path.exists() or any(rescued):
        return  # what was rescued holds more than any backup: the store names it
    if backups_of(plan.db_path, plan.directory):
        raise StoreError(
            "the database is gone, and there are backups of it",
            which=f"DB_PATH={plan.db_path}",
            expected="the file that was there",
            do=f"{how_to_restore(plan.db_path, plan.directory)}; to begin an empty one, move {plan.directory} away",
        )


async def keep_backups(plan: Plan, clock: Clock) -> None:
    """Make backups as planned until cancelled; where the database lies in memory, the first one now."""
    if plan.every_s == 0:
        log.info("no backups are made of %s (DB_BACKUP_SEC=0)", plan.db_path)
        return
    keeper = Keeper(plan, clock)
    executor = ThreadPoolExecutor(1, thread_name_prefix="backup")
    try:
        while True:  # noqa: ASYNC110 - nothing happens in between that could be waited for
            await asyncio.sleep(await asyncio.get_running_loop().run_in_executor(executor, keeper.turn))
    finally:
        keeper.stop()
        executor.shutdown(wait=False)


def last_backup(plan: Plan, clock: Clock) -> None:
    """Make one more backup at an orderly end, after the last row was written, if memory would forget it."""
    if plan.every_s and plan.is_in_memory:
        Keeper(plan, clock).turn()


class Keeper:
    """Make one backup a turn; all turns are on one thread, `stop` is on any."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self._stopped = threading.Event()
        self._is_first = True
        self._has_failed = False

    def turn(self) -> float:
        """Make a backup if one is due, and give the seconds until the next turn."""
        try:
            due_s = self._due_in_s() if self._is_first else 0.0
            self._is_first = False
            if due_s > 0:
                return due_s
            path = self._make()
        except _StoppedError:
            return self._plan.every_s
        except LeadlineError as error:
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - whatever is wrong here, trading goes on
            self._failed(repr(error))
        else:
            if self._has_failed:
                log.warning("backups of %s are made again", self._plan.db_path)
            log.debug("backup %s", path)
            self._has_failed = False
            return self._plan.every_s
        return min(RETRY_S, self._plan.every_s)

    def stop(self) -> None:
        """Give up the copy that is being made."""
        self._stopped.set()

    def _failed(self, why: str) -> None:
        """Say a failure once until a backup is made again."""
        if not self._has_failed:
            log.error("no backup of %s was made, it is tried again: %s", self._plan.db_path, why)
        self._has_failed = True

    def _due_in_s(self) -> float:
        """Give the seconds until a backup is due, by the newest one: a day is a day over restarts too."""
        if self._plan.is_in_memory:
            return 0.0
        newest_ns = [b.taken_ns for b in backups_of(self._plan.db_path, self._plan.directory) if b.is_automatic][:1]
        age_s = (self._clock.wall_ns() - newest_ns[0]) / NS_PER_S if newest_ns else self._plan.every_s
        return max(0.0, self._plan.every_s - age_s) if age_s >= 0 else 0.0

    def _make(self) -> Path:
        plan = self._plan
        make_directory(plan.directory)
        path = backup_path(plan.db_path, plan.directory, self._clock.wall_ns(), is_automatic=True)
        source = open_reader(plan.db_path)
        try:
            copy_database(source, path, self._tick)
        finally:
            source.close()
        rotate(plan.db_path, plan.directory, plan.kept)
        return path

    def _tick(self, done: int, total: int) -> None:
        del done, total
        if self._stopped.is_set():
            raise _StoppedError
