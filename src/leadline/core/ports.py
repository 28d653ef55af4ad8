"""Owns the shapes of what is plugged in from outside: clock, executor, trader, tape, and what the feed calls.

Never carries behaviour.
Comes from `app`, which chooses; goes to everything that must not know the choice.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from leadline.core.alerts import Alert
from leadline.core.budget import RequestBudget
from leadline.core.fills import Fill
from leadline.core.intent import Intent
from leadline.core.orders import OrderState


class Clock(Protocol):
    """Two times: UTC for records, the boot clock for ages."""

    def wall_ns(self) -> int:
        """Give UTC in nanoseconds since 1970."""

    def boot_ns(self) -> int:
        """Give nanoseconds since boot, suspended time included; never goes back."""


class OrderNews(msgspec.Struct, frozen=True):
    """What an executor tells of an order: its state, all fills known so far, times UTC."""

    state: OrderState
    order_id: str | None = None
    fills: tuple[Fill, ...] = ()
    broker_status: str | None = None
    reason: str | None = None
    http_status: int | None = None
    sent_ns: int | None = None
    ack_ns: int | None = None
    may_be_sent_again: bool = False
    """Nothing of it is or can come to the broker, for a reason that may be over at once: a new attempt may be decided.

    Whoever decides makes it a new intent, at most once (reliability F1, F14); the executor sends each intent once.
    """


Told = Callable[[OrderNews], None]


class OrderExecutor(Protocol):
    """Whoever carries intents out: the broker's, or a simulated one."""

    budget: RequestBudget

    def execute(self, intent: Intent, told: Told) -> None:
        """Begin to send an intent that is on record and return at once; tell all news until the order has ended."""

    def resume(self, intent: Intent, order_id: str | None, told: Told) -> None:
        """Go on following an order of an earlier run; without an id, find it first."""


class Trader(Protocol):
    """Whoever takes alerts."""

    name: str

    def process_alert(self, alert_id: int, alert: Alert) -> None:
        """Take an alert and return at once."""

    def close_entries(self, reason: str) -> None:
        """Allow nothing but exits from now on."""


class CatchUp(Protocol):
    """Whoever compares with the broker after the feed has been away."""

    async def __call__(self) -> bool:
        """Compare; True when nothing that was missed can still be unknown. False is tried again."""


class Hold(Protocol):
    """Whoever can close entries for a while."""

    def __call__(self, source: str, reason: str | None) -> None:
        """Hold entries for a reason of this source, or with None let them go."""


class Tape(Protocol):
    """Whoever records the feed: every frame in order, what happened in between, and what was not judged."""

    def frame(self, recv_ns: int, boot_ns: int, frame: bytes) -> None:
        """Take one inbound frame as received; the calls are counted from 0 as frame numbers."""

    def event(self, recv_ns: int, kind: str, text: str) -> None:
        """Take what happened to the connection."""

    def conflated(self, frame_seq: int, symbol: str, service: str) -> None:
        """Take that this symbol's books of this service in this frame were superseded and are not judged."""
