"""Owns the words of the connection to the streamer: its waits, its state for pages, and what it calls outside.

Never waits and never calls.
Comes from `app`; goes to `stream` and `watch`, and as a state to pages.
"""

from collections.abc import Callable
from random import Random

import msgspec

from leadline.core.freshness import Gap
from leadline.core.ports import CatchUp, Hold, Tape
from leadline.core.session import is_regular_hours


class Patience(msgspec.Struct, frozen=True):
    """Every wait of the connection, in seconds."""

    connect_s: float = 10.0
    answer_s: float = 10.0
    silence_s: float = 45.0
    """Without any frame, heartbeats included, a connection is over."""
    retry_first_s: float = 0.5
    retry_max_s: float = 30.0
    evicted_s: float = 60.0
    evictions_forgotten_s: float = 3_600.0
    """Streaming for so long makes the next eviction a first one."""
    steady_s: float = 10.0
    """A connection that streamed for less had not recovered: waits go on growing, and entries wait for a steady one."""
    stale_s: float = 5.0
    """Without a book for longer a symbol is STALE."""
    stalled_s: float = 30.0
    """Without data for so long a symbol or service is asked for again; after as long once more, a new connection."""
    stalls_forgotten_s: float = 3_600.0
    """For one symbol or service the connection is replaced no more than once in this time."""
    catch_up_s: float = 5.0
    """Between two tries to catch up."""
    watch_s: float = 1.0
    """Between two looks at the ages."""
    silent_again_s: float = 60.0
    """Between two alarms of one silence of the whole feed."""
    behind_s: float = 0.02
    """After frames have come for so long without a pause, judging may be behind, and a backlog is looked for."""


class LinkState(msgspec.Struct):
    """What pages show of the connection."""

    connection: str = "connecting"
    connected_ns: int | None = None
    reconnects: int = 0
    last_frame_ns: int | None = None
    last_data_ns: int | None = None
    """When data last came, heartbeats and answers aside."""
    degraded: str | None = None
    coverage: float = 0.0
    """The share of what was asked for that has shown data on this connection, 0 to 1."""
    entries_held_by: str | None = None
    """Why nothing may be opened because of the feed; None where it may."""
    gaps: int = 0


class Hooks(msgspec.Struct, frozen=True):
    """What the stream calls outside, each None where nobody listens, and what it is given instead of guessing."""

    catch_up: CatchUp | None = None
    """Called after the feed is back, before entries are let go."""
    hold: Hold | None = None
    """Told why entries are held, under the source "feed", and None when they are let go."""
    on_gap: Callable[[Gap], None] | None = None
    """Called when data is back after a gap."""
    tape: Tape | None = None
    is_open: Callable[[int], bool] = is_regular_hours
    """Whether the market is open, by UTC milliseconds: outside of it silence is no fault."""
    is_halted: Callable[[str], bool] = lambda _: False
    """Whether a symbol is halted: then its silence is no fault."""
    random: Random | None = None
    """Spreads reconnects; None: seeded by the system."""
