"""Owns everything about a simulator that its user can choose, and how a choice is read.

Never has a default that a client could mistake for the real broker's address.
Comes from the command line, a scenario or a test; goes to every part of the core.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Final

import msgspec

from simschwab.core.choices import (
    Hours,
    NoLevelTwo,
    RefreshError,
    Refusal,
    SecondLogin,
    Shape,
    SuccessCode,
    Untimely,
)

DEMO_CLIENT_ID: Final = "simschwab-demo-client"
DEMO_APP_KEY: Final = "simschwab-demo-key"
DEMO_ACCOUNT: Final = "12345678"

Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]

FIXED: Final = frozenset({"base_url", "stream_url"})
"""Follow from where the server listens; nobody chooses them."""


class SettingError(Exception):
    """Say which setting is wrong and what was expected."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Choose a simulator; values marked [?] stand for facts about Schwab that nobody has established."""

    seed: int = 1
    base_url: str = "http://127.0.0.1:8765"
    stream_url: str = "ws://127.0.0.1:8765/ws"

    client_id: str = DEMO_CLIENT_ID
    app_secret: str = DEMO_APP_KEY
    access_token_s: Positive = 1800
    refresh_token_s: Positive = 7 * 86_400
    code_s: Positive = 30
    refresh_error: RefreshError = RefreshError.BY_REASON
    """[?] Which of the two nested shapes a refused refresh has."""

    account_number: str = DEMO_ACCOUNT
    cash_dollars: Count = 100_000
    account_lag_ms: Count = 1000
    listing_lag_ms: Count = 0
    """[?] How late a new order appears in lists; GET of the order itself knows it at once."""
    order_latency_low_ms: Count = 5
    order_latency_high_ms: Count = 30
    """From the 201 to the market; cancels take as long. 19 of 20 draws end by here unless uniform, where all do."""
    order_latency_shape: Shape = Shape.UNIFORM

    buying_power: bool = True
    """Whether openings beyond the buying power are rejected."""
    margin_multiple: Positive = 2
    far_limit_percent: Count = 0
    """[?] A limit this far beyond the market on either side is rejected; 0 allows any."""
    hard_to_borrow: str = ""
    """Symbols whose short sales are rejected as hard to borrow, with commas."""
    not_shortable: str = ""
    broker_placed: str = ""
    """Symbols whose openings "must be placed with a broker"."""
    ioc_accepted: bool = False
    """[?] IMMEDIATE_OR_CANCEL is in Schwab's enum and yet refused."""
    wrong_increment: Refusal = Refusal.REJECTED
    """[?] When a price with too many decimals is told."""
    unknown_symbol: Refusal = Refusal.REFUSED
    """[?] When a symbol that does not exist is told."""
    cancel_by_ur_out: bool = False
    """[?] Whether an accepted cancel shows AWAITING_UR_OUT until the rest is back."""
    late_cancel_status: Positive = 400
    """[?] What DELETE of an order that has ended is answered."""

    market_hours: Hours = Hours.ALWAYS
    clock_at: str = ""
    """The simulator's time at its start, like 2026-11-27T12:59:58-05:00; empty is the real time."""
    closed_days: str = ""
    """More closed days, as 2026-11-24 with commas; the exchange's holidays are known."""
    half_days: str = ""
    """More days that close at 13:00 New York."""
    untimely: Untimely = Untimely.QUEUED

    order_limit_per_min: Count = 120
    """POST, PUT and DELETE of orders; 0 is no limit, for benches."""
    order_limit_per_day: Count = 4000
    read_limit_per_min: Count = 0
    """[?] GETs; the documents name no number."""
    retry_after_s: Count = 0
    """[?] The Retry-After of a 429; 0 sends none."""

    flush_ms: Positive = 1010
    books_per_frame: Count = 0
    """Most books in one frame; 0 sends all of a service in one."""
    arca_on_nasdaq_book: bool = True
    """Whether NASDAQ_BOOK answers for Arca's symbols too, with NSDQ and market makers only."""
    level2: bool = True
    """Whether the account may see books (level2Permissions)."""
    level2_off: NoLevelTwo = NoLevelTwo.SILENT
    """[?] What a book subscription gets without that permission."""
    delayed_quotes: bool = False
    """Quotes 15 minutes old and marked so, as without an entitlement."""

    heartbeat_s: Positive = 10
    """[?] The interval is undocumented; one note says about 20 s."""
    login_ms: Count = 40
    """How long a LOGIN waits for its answer: long enough that a SUBS sent at once meets code 20."""
    second_login: SecondLogin = SecondLogin.EVICTS
    success_code: SuccessCode = SuccessCode.ZERO
    idle_stream_s: Positive = 30
    """A connection without any subscription is stopped after this."""
    stream_symbols_max: Positive = 3000
    """[?] Most symbols of one service."""
    stream_book_symbols_max: Count = 0
    """[?] Most symbols of a book service, whose real limit is unknown; 0 is as many as of any."""
    stream_backlog_max: Positive = 10_000
    """Frames that may wait for a slow reader before the stream is stopped with code 30."""
    stream_compress: bool = False
    """[?] Whether the server agrees to permessage-deflate."""
    activity_seq_continues: bool = False
    """[?] Whether seq of ACCT_ACTIVITY goes on over connections instead of starting at 0."""
    activity_replay: Count = 0
    """[?] How many of the last messages a new subscription is told again, with their old seq."""
    nightly_notice: bool = True
    """Whether ACCT_ACTIVITY tells "Feature not supported" at 04:30 UTC."""


NAMES: Final = tuple(each.name for each in fields(Settings) if each.name not in FIXED)


def changed(settings: Settings, values: Mapping[str, object], *, texts: bool = False) -> Settings:
    """Give settings with some values changed; `texts` reads numbers and truth from text, as a command line gives them.

    Raises:
        SettingError: a name is unknown or a value does not fit.
    """
    for name in values:
        if name not in NAMES:
            raise SettingError(f"{name}: expected one of {', '.join(NAMES)}")
    try:
        return msgspec.convert(asdict(settings) | dict(values), Settings, strict=not texts)
    except msgspec.ValidationError as error:
        told, _, place = str(error).partition(" - at `$.")
        raise SettingError(f"{place.rstrip('`')}: {told[0].lower()}{told[1:]}") from None


def symbols_in(text: str) -> frozenset[str]:
    """Read a setting that names symbols with commas."""
    return frozenset(name.strip().upper() for name in text.split(",") if name.strip())
