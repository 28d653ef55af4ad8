"""Owns one process of grok: locks, login, files and the engine between them, and the closing of all that.

Never decides about markets or orders.
Comes from `cli` with loaded settings; goes on until a signal, a fault, or a login that only a person can renew.
"""

import asyncio
import logging
from pathlib import Path

import uvloop

from leadline.app.account import check_mode, find_account, lock_stream
from leadline.app.backups import keep_backups, last_backup, plan_of, refuse_lost
from leadline.app.closing import Step, close_all
from leadline.app.credentials import login_parts_of
from leadline.app.endings import StopRequest
from leadline.app.engine import Engine
from leadline.app.taping import recorder_of, secrets_of
from leadline.clock import SystemClock
from leadline.core.errors import ExitCode, LeadlineError, StoreError
from leadline.logs import hide
from leadline.schwab.auth import Login
from leadline.schwab.http import Http
from leadline.schwab.listing import Listings
from leadline.schwab.rest import Rest
from leadline.settings import Loaded
from leadline.store.locks import FileLock
from leadline.store.writer import Writer

log = logging.getLogger(__name__)

CLOSE_S = 30.0
"""What each step of the end may take: a disk that does not answer must not keep the process."""


def run_grok(loaded: Loaded, *, with_parent: bool = False) -> ExitCode:
    """Run grok until it is stopped, and give the exit code."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(loaded, with_parent=with_parent))


async def _run(loaded: Loaded, *, with_parent: bool) -> ExitCode:
    settings = loaded.settings
    login_parts = login_parts_of(settings)
    check_mode(settings)
    clock, stop = SystemClock(), StopRequest()
    _make_directory(settings.db_path)
    db_lock = FileLock(Path(f"{settings.db_path}.lock"), f"the right to write alerts to {settings.db_path}")
    backups = plan_of(settings)
    refuse_lost(backups)
    writer = Writer(settings.db_path, clock.wall_ns())
    async with Http(settings.schwab_base_url, settings.order_timeout_sec) as http:
        login = Login(http, *login_parts, clock, hide=hide)
        await login.ensure()
        rest = Rest(http, login)
        accounts = await rest.account_numbers()
        account = find_account(accounts, settings)
        stream_lock = lock_stream(accounts, settings)
        listings = Listings(settings.state_dir / "listings.json", rest.listings, clock)
        listed = await listings.at_start(list(settings.symbols))
        tape = recorder_of(loaded, listed, secrets_of(accounts, loaded), clock)
        engine = Engine(loaded, account, listed, rest=rest, writer=writer, clock=clock, tape=tape)
        code, fault = await engine.go(
            stop.wait, lambda: [keep_backups(backups, clock), engine.keep_listings(listings)], with_parent=with_parent
        )
        # Whatever ended the run, all that it knows is written before the process says so and goes.
        steps = [
            Step("writing rows", writer.close, CLOSE_S),
            Step("copying the database", lambda: last_backup(backups, clock), CLOSE_S),
        ]
        if tape is not None:
            steps.insert(0, Step("writing the tape", tape.close, CLOSE_S))
        errors = await close_all(steps)
        stream_lock.release()
        db_lock.release()
    return _worst(code, fault, errors)


def _worst(code: ExitCode, fault: LeadlineError | None, errors: list[LeadlineError]) -> ExitCode:
    """Give the exit code, or raise what a person must read; an order in doubt is worse than any fault."""
    told = [error for error in (fault, *errors) if error is not None]
    if told and code is ExitCode.OK:
        raise told[0]
    for error in told:
        log.error("%s", error)
    return code


def _make_directory(db_path: Path) -> None:
    try:
        db_path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the database's directory cannot be made ({error.strerror})",
            which=f"DB_PATH={db_path}",
            expected="a path in a directory that exists or can be made",
            do="correct DB_PATH",
        ) from error
