"""Owns the joining of a run and its tape: what the header says of the run, and whether there is a tape at all.

Never judges a frame, and never puts a secret into a header.
Comes from settings and the broker's reference data; goes to the recorder, and back from a header as settings.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from leadline import __version__
from leadline.clock import boot_id
from leadline.core.market import Listing
from leadline.core.ports import Clock
from leadline.schwab.rest import AccountNumber
from leadline.settings import Loaded, Settings, load
from leadline.tape.masking import Mask
from leadline.tape.recorder import Recorder
from leadline.tape.records import FORMAT, LIVE, Header
from leadline.tape.writer import SegmentWriter

MEGABYTE = 1_000_000

RULE_SETTINGS = (
    "max_book_age_sec",
    "max_range_cents",
    "max_quote_age_sec",
    "min_bid_heavy",
    "min_ask_heavy",
    "min_venue_margin",
    "min_imbalance_ratio",
    "min_imbalance_duration_sec",
    "max_imbalance_gap_sec",
    "alert_throttle_sec",
    "min_volume",
    "window_seconds",
    "disable_bid_heavy",
    "disable_ask_heavy",
)
"""What decides which alerts a tape gives, and how their lines read."""


def rule_texts(settings: Settings) -> dict[str, str]:
    """Give the settings that decide, as texts by name; one that is unset is left out."""
    values = {name: getattr(settings, name) for name in RULE_SETTINGS}
    return {name.upper(): str(value) for name, value in values.items() if value is not None}


def as_recorded(header: Header) -> Settings:
    """Give the settings under which a tape was recorded: those of its header, and the default for what it lacks."""
    overrides = {name.lower(): text for name, text in header.settings.items() if name.lower() in RULE_SETTINGS}
    return load(overrides, use_environment=False).settings


def tape_dir_of(settings: Settings) -> Path:
    """Give where `record` keeps its tape: TAPE_DIR, or a directory beside the database."""
    return settings.tape_dir if settings.tape_dir is not None else settings.db_path.parent / "tape"


def secrets_of(accounts: Sequence[AccountNumber], loaded: Loaded) -> list[str]:
    """Give what may stand on no tape: the login's accounts and their hashes, and every secret of the settings."""
    return [*loaded.secrets(), *(text for one in accounts for text in (one.account_number, one.hash_value))]


def recorder_of(
    loaded: Loaded, listings: dict[str, Listing], secrets: Iterable[str], clock: Clock, *, source: str = LIVE
) -> Recorder | None:
    """Begin the tape of a run; None where grok is to keep none (TAPE_DIR unset). `secrets` are never written.

    A run that trades starts whatever its disk does: positions must not be left alone for want of a tape. The recorder
    says so, tries again and counts what is left out.

    Raises:
        TapeDiskError: it cannot be begun, and a tape is all that the run is for.
    """
    settings = loaded.settings
    if source == LIVE and settings.tape_dir is None:
        return None
    start_ns = clock.wall_ns()
    header = Header(
        format=FORMAT,
        version=__version__,
        config_hash=loaded.config_hash,
        boot_id=boot_id(),
        run=f"{start_ns}-{os.getpid()}",
        segment=0,
        first_frame=0,
        start_ns=start_ns,
        source=source,
        symbols=list(settings.symbols),
        listing={symbol: listing.exchange for symbol, listing in listings.items()},
        settings=rule_texts(settings),
    )
    segment_bytes_max = settings.tape_segment_mb * MEGABYTE
    writer = SegmentWriter(tape_dir_of(settings), header, segment_bytes_max, begins_now=source != LIVE)
    return Recorder(writer, Mask(secrets))
