"""Owns virtual time: an event loop in which waiting costs nothing and the same run happens again in the same way."""

import asyncio
import selectors
from collections.abc import Callable, Mapping
from typing import Any

NS_PER_S = 1_000_000_000


class StuckError(Exception):
    """Nothing is due and nothing can happen any more: something waits for ever."""


class _NoSelector(selectors.BaseSelector):
    """Stands where the sockets would be: instead of waiting, time moves on."""

    def __init__(self) -> None:
        self.pass_s: Callable[[float], None] = lambda _: None
        self._keys: dict[int, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Remember a file that never becomes ready: the loop's own wake-up pipe."""
        fd = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        key = self._keys[fd] = selectors.SelectorKey(fileobj, fd, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Forget a file."""
        return self._keys.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the time pass that a real selector would wait."""
        if timeout is None:
            raise StuckError
        if timeout > 0:
            self.pass_s(timeout)
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """Give the files by descriptor."""
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock moves only when every task waits."""

    def __init__(self) -> None:
        selector = _NoSelector()
        selector.pass_s = self._pass
        self._now_s = 0.0
        super().__init__(selector)

    def time(self) -> float:
        """Give seconds since the loop was made."""
        return self._now_s

    def _pass(self, seconds: float) -> None:
        self._now_s += seconds

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Do the work here and now: a thread would run in another time."""
        del executor
        done: asyncio.Future[Any] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            done.set_exception(error)
        return done


class VirtualClock:
    """The clock of leadline in virtual time: UTC from a fixed morning on, the boot clock from the loop."""

    def __init__(self, loop: VirtualLoop, start_ns: int) -> None:
        self._loop = loop
        self._start_ns = start_ns
        self.step_ns = 0
        """By how much the wall clock was set off."""

    def boot_ns(self) -> int:
        """Give nanoseconds since the loop was made, and a little more: 0 means never in places."""
        return round(self._loop.time() * NS_PER_S) + NS_PER_S

    def wall_ns(self) -> int:
        """Give UTC."""
        return self._start_ns + round(self._loop.time() * NS_PER_S) + self.step_ns
