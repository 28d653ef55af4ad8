"""Waiting in asynchronous tests: generously, for these machines are shared and noisy."""

import asyncio
import time
from collections.abc import Callable

WAIT_S = 20.0


async def until(true: Callable[[], object], what: str = "it", within_s: float = WAIT_S) -> None:
    """Wait until something holds; fail if it does not by then."""
    end_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end_s, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(0.005)
