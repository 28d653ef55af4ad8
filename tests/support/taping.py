"""Tapes for tests: headers, writers with a fixed name of the run, and everything that stands on a tape, read back."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from leadline.tape.blocks import Block
from leadline.tape.reader import Played, RunReader, runs_in
from leadline.tape.records import FORMAT, Header, Record
from leadline.tape.segments import blocks_of, segments_in
from leadline.tape.writer import SegmentWriter

S = 1_000_000_000
START_NS = 1_772_807_400 * S
"""2026-03-06 09:30:00 in New York."""

MIDNIGHT_NS = 1_772_859_600 * S
"""The midnight after it, in New York."""


def header(**changes: object) -> Header:
    values: dict[str, object] = {
        "format": FORMAT,
        "version": "0.1.0",
        "config_hash": "c0ffee",
        "boot_id": "boot",
        "run": "run-1",
        "segment": 0,
        "first_frame": 0,
        "start_ns": START_NS,
        "source": "live",
        "symbols": ["F"],
        "listing": {"F": "N"},
        "settings": {},
        **changes,
    }
    return Header(**values)  # type: ignore[arg-type]


def write(directory: Path, batches: Iterable[Sequence[Record]], *, size_max: int = 10**9, **changes: object) -> Path:
    """Write batches of records, each as one block, and end in order."""
    writer = SegmentWriter(directory, header(**changes), size_max)
    for batch in batches:
        writer.put(batch)
        writer.flush()
    writer.close()
    return directory


def records_on(path: Path) -> list[Record]:
    """Every record of a tape, in the order of its segments, damage left out."""
    return [
        record
        for segment in (segments_in(path) if path.is_dir() else [path])
        for block in blocks_of(segment)
        if isinstance(block, Block)
        for record in block.records
    ]


def items_on(path: Path, *, passes_damage: bool = False) -> list[Played]:
    """What a replay is given of a tape."""
    return [item for run in runs_in(path)[0] for item in RunReader(run, passes_damage=passes_damage).items()]
