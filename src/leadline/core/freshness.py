"""Owns how old the data of each symbol and service is, which symbols are STALE, and what a gap and an alarm are.

Never reads a clock and never acts: who is told of a turn decides.
Comes from the feed with every item; goes back as ages and turns.
"""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from leadline.core.conflation import Part


class Gap(msgspec.Struct, frozen=True):
    """A span without data, times UTC; no symbols means all of them."""

    start_ns: int
    end_ns: int
    reason: str
    symbols: tuple[str, ...] = ()
    service: str | None = None


class Alarm(msgspec.Struct, frozen=True):
    """Something that a person must see now: what kind, in words, and since when (UTC)."""

    kind: str
    text: str
    since_ns: int


class Turns(msgspec.Struct, frozen=True):
    """What has changed: parts that went stale, and parts that are back with the boot time of their last data before."""

    stale: list[Part]
    back: dict[Part, int]


class Freshness:
    """Remember when each part was last heard of, and judge the books among them by one limit."""

    def __init__(self, parts: Mapping[str, Iterable[str]], judged: Collection[str], stale_ns: int) -> None:
        self._heard: dict[str, dict[str, int]] = {service: dict.fromkeys(names, 0) for service, names in parts.items()}
        self._judged = judged
        self._stale_ns = stale_ns
        self._begun_ns = 0
        self._stale: dict[Part, int] = {}

    def begin(self, now_ns: int) -> None:
        """Count ages from now on: what was not expected before cannot be late."""
        self._begun_ns = now_ns
        self._stale.clear()

    def hear(self, service: str, symbols: Iterable[str], boot_ns: int) -> None:
        """Note that a service sent data of these symbols; others than the expected ones are passed over."""
        heard = self._heard.get(service)
        if heard is not None:
            for symbol in symbols:
                if symbol in heard:
                    heard[symbol] = boot_ns

    def age_ns(self, service: str, symbol: str, now_ns: int) -> int:
        """Give how old the last data is; before the first, how long it has been waited for."""
        return now_ns - max(self._heard[service][symbol], self._begun_ns)

    def silent(self, service: str, since_ns: int, now_ns: int, limit_ns: int) -> list[str]:
        """Give the symbols of a service without data for a limit, counted from `since_ns` at the earliest."""
        heard = self._heard[service]
        begun_ns = max(since_ns, self._begun_ns)
        return [symbol for symbol, at_ns in heard.items() if now_ns - max(at_ns, begun_ns) >= limit_ns]

    def size(self, service: str) -> int:
        """Give how many symbols of a service are expected."""
        return len(self._heard[service])

    @property
    def symbols(self) -> dict[str, list[str]]:
        """Give the expected symbols by service."""
        return {service: list(heard) for service, heard in self._heard.items()}

    @property
    def last_ns(self) -> int:
        """Give when anything at all was last heard, or else from when on it was expected."""
        newest_ns = max((at_ns for heard in self._heard.values() for at_ns in heard.values()), default=0)
        return max(newest_ns, self._begun_ns)

    def judge(self, now_ns: int) -> Turns:
        """Judge all by the limit, and give what has turned since the last time; exactly the limit is fresh."""
        stale: list[Part] = []
        back: dict[Part, int] = {}
        for service in self._judged:
            for symbol, at_ns in self._heard.get(service, {}).items():
                part = (service, symbol)
                last_ns = max(at_ns, self._begun_ns)
                if now_ns - last_ns > self._stale_ns:
                    if part not in self._stale:
                        self._stale[part] = last_ns
                        stale.append(part)
                elif part in self._stale:
                    back[part] = self._stale.pop(part)
        return Turns(stale, back)

    @property
    def stale(self) -> Mapping[Part, int]:
        """Give what is stale, with the boot time of its last data."""
        return self._stale
