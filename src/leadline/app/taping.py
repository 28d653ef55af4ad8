"""Owns the joining of a run and its tape: what the header says of the run, and whether there is a tape at all.

Never judges a frame, and never puts a secret into a header.
Comes from settings and the broker's reference data; goes to the recorder, and back from a header as settings.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from leadline import __version__
from leadline.clock import boot_id
from leadline.core.market import Listing
from leadline.core.ports import Clock
from leadline.schwab.rest import AccountNumber
from leadline.settings import VARYING, Loaded, Settings, load, raw_of, texts_of, variations_of
from leadline.tape.masking import Mask
from leadline.tape.recorder import Recorder
from leadline.tape.records import FORMAT, LIVE, Header
from leadline.tape.writer import SegmentWriter

MEGABYTE = 1_000_000
NO_CHANGES: Mapping[str, str] = {}

RULE_SETTINGS = (*VARYING, "window_seconds")
"""What decides which alerts a tape gives, and how their lines read."""


def rule_texts(loaded: Loaded) -> dict[str, str]:
    """Give the settings that decide as texts by name, and what differs by symbol and time; no unset one."""
    values = {name: getattr(loaded.settings, name) for name in RULE_SETTINGS}
    plain = {name.upper(): str(value) for name, value in values.items() if value is not None}
    return plain | texts_of(loaded.variations)


def as_recorded(header: Header, changes: Mapping[str, str] = NO_CHANGES) -> Loaded:
    """Give the settings under which a tape was recorded: those of its header, and the default for what it lacks.

    `changes` are plain settings that hold instead of the recorded ones, by name.

    Raises:
        ConfigurationError: what the header holds is no setting that this leadline knows.
    """
    recorded = {name.lower(): text for name, text in header.settings.items() if name.lower() in RULE_SETTINGS}
    loaded = load({**recorded, **changes}, use_environment=False)
    variations = variations_of(raw_of(header.settings), f"the tape's header (run {header.run})")
    return Loaded(loaded.settings, loaded.sources, variations)


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
        settings=rule_texts(loaded),
    )
    segment_bytes_max = settings.tape_segment_mb * MEGABYTE
    writer = SegmentWriter(tape_dir_of(settings), header, segment_bytes_max, begins_now=source != LIVE)
    return Recorder(writer, Mask(secrets))
