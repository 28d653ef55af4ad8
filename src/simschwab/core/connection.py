"""Owns one websocket of the streamer: its login, subscriptions, timers and the frames that wait for it.

Never sends by itself: frames wait in the outbox until the server or a test takes them.
Comes from the streamer, goes to the server through its outbox.
"""

from collections import deque
from dataclasses import dataclass, field

from simschwab.core.frames import Frame, notice
from simschwab.core.protocol import Code, StreamRequest
from simschwab.core.subscriptions import Subscriptions

_SLOW = "Stop streaming due to slowness"


@dataclass(slots=True)
class Connection:
    """Hold one websocket: `login` waits for its answer, `idle_since_ns` is set while nothing is subscribed."""

    number: int
    subscriptions: Subscriptions
    backlog_max: int
    idle_stop_ns: int
    heartbeat_due_ns: int
    idle_since_ns: int | None
    logged_in: bool = False
    login: tuple[int, StreamRequest] | None = None
    activity_key: str | None = None
    activity_seq: int = 0
    notice_due_ns: int | None = None
    outbox: deque[Frame] = field(default_factory=deque)
    close_code: int | None = None

    @property
    def closing(self) -> bool:
        """Whether its last frame is in the outbox."""
        return self.close_code is not None

    @property
    def idle_due_ns(self) -> int | None:
        """When it is stopped for having no subscription."""
        return None if self.idle_since_ns is None else self.idle_since_ns + self.idle_stop_ns

    def next_due_ns(self) -> int:
        """Give when something is due: a login's answer, a heartbeat, the idle stop."""
        dues = [self.heartbeat_due_ns]
        if self.idle_due_ns is not None:
            dues.append(self.idle_due_ns)
        if self.login is not None:
            dues.append(self.login[0])
        if self.notice_due_ns is not None:
            dues.append(self.notice_due_ns)
        return min(dues)

    def put(self, frame: Frame, now_ns: int) -> None:
        """Let a frame wait for the reader; one that is too slow is stopped, as Schwab does (code 30)."""
        if self.closing:
            return
        if len(self.outbox) >= self.backlog_max and frame.close_code is None:
            self.outbox.clear()
            frame = notice(Code.STOP_STREAMING, _SLOW, now_ns)
        self.outbox.append(frame)
        self.close_code = frame.close_code

    def shift(self, delta_ns: int) -> None:
        """Move its timers, when the clock is set; the nightly notice stays with the night."""
        self.heartbeat_due_ns += delta_ns
        if self.idle_since_ns is not None:
            self.idle_since_ns += delta_ns
        if self.login is not None:
            self.login = self.login[0] + delta_ns, self.login[1]

    def note_idle(self, now_ns: int) -> None:
        """Start or stop the wait for a first subscription."""
        if self.subscriptions or self.activity_key is not None:
            self.idle_since_ns = None
        elif self.idle_since_ns is None:
            self.idle_since_ns = now_ns
