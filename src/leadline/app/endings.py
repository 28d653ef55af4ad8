"""Owns the ways in which a run is asked to end: a signal, or the loss of the process that started it.

Never ends anything itself: it raises `Ended` in a task group, which then ends in order.
Comes from the operating system; goes to `run`.
"""

import asyncio
import logging
import os
import signal

from leadline.core.errors import ExitCode

log = logging.getLogger(__name__)

PARENT_LOOK_S = 1.0


class Ended(Exception):  # noqa: N818 - not an error: it ends the task group
    """A person or the parent process asked for the end."""


class StopRequest:
    """Take SIGTERM and SIGINT from now on: the first asks for the end, the second ends the process at once."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ask)

    async def wait(self) -> None:
        """Wait until the end is asked for."""
        await self._asked.wait()
        raise Ended

    def _ask(self) -> None:
        if self._asked.is_set():
            os._exit(ExitCode.FAULT)
        self._asked.set()


async def until_orphaned(parent_pid: int) -> None:
    """Wait until the process that started this one is gone."""
    # The kernel tells nobody portably that a parent died; its pid changing is what shows.
    while os.getppid() == parent_pid:  # noqa: ASYNC110
        await asyncio.sleep(PARENT_LOOK_S)
    log.error("the process that started this one is gone")
    raise Ended
