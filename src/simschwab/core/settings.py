"""Owns everything about a simulator that its user can choose.

Never has a default that a client could mistake for the real broker's address.
Comes from the command line or a test, goes to every part of the core.
"""

from dataclasses import dataclass
from typing import Final

DEMO_CLIENT_ID: Final = "simschwab-demo-client"
DEMO_APP_KEY: Final = "simschwab-demo-key"
DEMO_ACCOUNT: Final = "12345678"


@dataclass(frozen=True, slots=True)
class Settings:
    """Choose a simulator; values marked [?] stand for facts about Schwab that nobody has established."""

    seed: int = 1
    base_url: str = "http://127.0.0.1:8765"
    stream_url: str = "ws://127.0.0.1:8765/ws"

    client_id: str = DEMO_CLIENT_ID
    app_secret: str = DEMO_APP_KEY
    access_token_s: int = 1800
    refresh_token_s: int = 7 * 86_400
    code_s: int = 30

    account_number: str = DEMO_ACCOUNT
    cash_dollars: int = 100_000
    account_lag_ms: int = 1000
    order_latency_low_ms: int = 5
    order_latency_high_ms: int = 30

    flush_ms: int = 1010
    books_per_frame: int = 0
    """Most books in one frame; 0 sends all of a service in one."""

    heartbeat_s: int = 10
    """[?] The interval is undocumented; one note says about 20 s."""
    login_ms: int = 40
    """How long a LOGIN waits for its answer: long enough that a SUBS sent at once meets code 20."""
    idle_stream_s: int = 30
    """A connection without any subscription is stopped after this."""
    stream_symbols_max: int = 3000
    """[?] Most symbols of one service; the book services' real limit is unknown."""
    stream_backlog_max: int = 10_000
    """Frames that may wait for a slow reader before the stream is stopped with code 30."""
