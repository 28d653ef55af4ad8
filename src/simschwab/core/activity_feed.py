"""Owns ACCT_ACTIVITY on the stream: who hears it, under which seq, and the notice of every night.

Never tells a message to who has not subscribed; whether seq goes on over connections is a switch.
Comes from the broker's messages and subscriptions, goes to frames.
"""

from collections import deque

from simschwab.core.activity.scene import Activity, subscribed
from simschwab.core.connection import Connection
from simschwab.core.feed import activity_frame
from simschwab.core.frames import Frame
from simschwab.core.settings import Settings
from simschwab.core.times import NS_PER_S

NOTICE = "Feature not supported"
_NOTICE_S = 4 * 3600 + 30 * 60  # 04:30 UTC (schwab-api.md 1.5)
_DAY_S = 86_400


class ActivityFeed:
    """Number and frame messages."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._next_seq = 0
        self._told: deque[tuple[int, Activity]] = deque(maxlen=settings.activity_replay)

    def begin(self, connection: Connection, key: str, now_ns: int) -> list[Frame]:
        """Let a connection hear; gives SUBSCRIBED, and what is told again."""
        connection.activity_key = key
        connection.activity_seq = self._next_seq if self._settings.activity_seq_continues else 0
        connection.notice_due_ns = next_notice_ns(now_ns) if self._settings.nightly_notice else None
        again = list(self._told)
        frames = self.frames(connection, [subscribed()], now_ns)
        if again:
            frames.append(activity_frame(again, self._settings.account_number, key, now_ns))
        return frames

    def end(self, connection: Connection) -> None:
        """Let a connection hear no more."""
        connection.activity_key = None
        connection.notice_due_ns = None

    def frames(self, connection: Connection, messages: list[Activity], now_ns: int) -> list[Frame]:
        """Give the frame of new messages for a connection that hears; none for one that does not."""
        if connection.activity_key is None or not messages:
            return []
        numbered = list(enumerate(messages, start=connection.activity_seq))
        connection.activity_seq += len(messages)
        self._next_seq = max(self._next_seq, connection.activity_seq)
        self._told.extend(pair for pair in numbered if pair[1].data)
        return [activity_frame(numbered, self._settings.account_number, connection.activity_key, now_ns)]

    def notice(self, connection: Connection, text: str, now_ns: int) -> list[Frame]:
        """Give a plain text as it comes at night: no type, no JSON."""
        if connection.notice_due_ns is not None and connection.notice_due_ns <= now_ns:
            connection.notice_due_ns = next_notice_ns(now_ns)
        return self.frames(connection, [Activity("", text)], now_ns)


def next_notice_ns(now_ns: int) -> int:
    """Give the next 04:30 UTC after a moment."""
    now_s = now_ns // NS_PER_S
    start_s = now_s - now_s % _DAY_S + _NOTICE_S
    return (start_s if start_s > now_s else start_s + _DAY_S) * NS_PER_S
