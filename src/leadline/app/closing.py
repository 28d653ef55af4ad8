"""Owns the end of a run: every step is taken, whatever became of the one before, and none holds up the rest for ever.

Never blocks the event loop: a second signal must still be able to end the process at once.
Comes from `run` with what must be closed; goes back as what went wrong.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple

from leadline.core.errors import LeadlineError, StoreError

log = logging.getLogger(__name__)

SAY_S = 2.0
"""A step that takes longer is named, so that nobody wonders what the process waits for."""


class Step(NamedTuple):
    """One thing to close, in words that follow "stopping:", and how long it may take."""

    what: str
    work: Callable[[], object]
    limit_s: float


async def close_all(steps: Iterable[Step]) -> list[LeadlineError]:
    """Take every step in its order, each on a thread of its own; give what went wrong, which was also said."""
    errors: list[LeadlineError] = []
    for step in steps:
        try:
            await _take(step)
        except LeadlineError as error:
            log.error("stopping: %s failed: %s", step.what, error)
            errors.append(error)
        except Exception as error:
            log.exception("stopping: %s failed", step.what)
            errors.append(LeadlineError(f"{step.what} failed: {error!r}", do="see the log above"))
    return errors


async def _take(step: Step) -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            step.work()
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            failed.append(error)
        with contextlib.suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(done.set)

    # A daemon: a disk that never answers must not keep the process from its end.
    threading.Thread(target=run, name="closing", daemon=True).start()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(done.wait(), min(SAY_S, step.limit_s))
    if not done.is_set():
        log.warning("stopping: still %s", step.what)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), step.limit_s)
    if not done.is_set():
        raise StoreError(
            f"{step.what} did not end within {step.limit_s:g} s",
            expected="a disk that answers",
            do="look at the disk; orders and fills are taken from the broker at the next start",
        )
    if failed:
        raise failed[0]
