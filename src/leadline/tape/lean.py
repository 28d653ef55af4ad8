"""Owns the reading of LEAN's equity tick files: best quotes and trades of one symbol and day, as level one.

Never makes a book of them: they hold the best quote only, not one a venue.
Comes from a zip whose one file is `YYYYMMDD_symbol_Quote_Tick.csv` or `..._Trade_Tick.csv`; goes to a tape.

Rows: milliseconds since midnight New York, then bid, size, ask, size (a quote) or price, size (a trade), prices in
0.0001 dollars, then venue, condition, suspicious.
"""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from leadline.core.errors import TapeError
from leadline.core.session import NEW_YORK
from leadline.core.units import NS_PER_MS
from leadline.tape.lines import Received
from leadline.tape.wire import (
    ASK,
    ASK_ID,
    ASK_SIZE,
    BID,
    BID_ID,
    BID_SIZE,
    LAST,
    LAST_ID,
    LAST_SIZE,
    QUOTE_MS,
    TRADE_MS,
    VOLUME,
    conflated,
    number,
)

_NAME = re.compile(r"(\d{8})_([A-Za-z.\-]+)_(Quote|Trade)_Tick\.csv", re.IGNORECASE)
Change = tuple[int, dict[str, Any]]


def is_lean(path: Path) -> bool:
    """Tell such a file."""
    return path.suffix == ".zip"


def read_lean(path: Path) -> Iterator[Received]:
    """Give its frames, one a second.

    Raises:
        TapeError: it is no such file, or a row cannot be read; it is named by its number.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            [name] = archive.namelist()
            match = _NAME.fullmatch(name)
            if match is None:
                raise ValueError(f"it holds {name}")
            day = datetime.strptime(match.group(1), "%Y%m%d").replace(tzinfo=NEW_YORK)
            read = _quote if match.group(3).lower() == "quote" else _Trades().change
            with archive.open(name) as file:
                rows = csv.reader(io.TextIOWrapper(file, "ascii"))
                changes = _changes(rows, f"{path}, {name}", int(day.timestamp()) * 1_000, read)
                yield from conflated(match.group(2).upper(), changes)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise TapeError(
            f"this is no LEAN tick file ({error})",
            which=str(path),
            expected="a zip with one file such as 20131007_bac_Quote_Tick.csv",
            do="correct the path",
        ) from error


def _changes(
    rows: Iterator[list[str]], where: str, midnight_ms: int, read: Callable[[list[str], int], dict[str, Any]]
) -> Iterator[Change]:
    for line, row in enumerate(rows, start=1):
        try:
            t_ms = midnight_ms + int(row[0])
            fields = read(row, t_ms) if row[-1] == "0" else None  # the others are marked as suspicious
        except (ValueError, IndexError) as error:
            raise TapeError(
                f"this row cannot be read ({error})",
                which=f"{where}, line {line}",
                expected="a row of a LEAN tick file",
                do="mend the file",
            ) from error
        if fields is not None:
            yield t_ms * NS_PER_MS, fields


def _quote(row: list[str], t_ms: int) -> dict[str, Any]:
    bid, bid_size, ask, ask_size = map(int, row[1:5])
    fields: dict[str, Any] = {QUOTE_MS: t_ms}
    if bid:  # a row tells one side, the other is zero
        fields |= {BID: number(bid), BID_SIZE: bid_size, BID_ID: row[5]}
    if ask:
        fields |= {ASK: number(ask), ASK_SIZE: ask_size, ASK_ID: row[5]}
    return fields


class _Trades:
    """Adds up the day's volume."""

    def __init__(self) -> None:
        self._volume = 0

    def change(self, row: list[str], t_ms: int) -> dict[str, Any]:
        """Give what a trade changes."""
        price, size = int(row[1]), int(row[2])
        self._volume += size
        return {LAST: number(price), LAST_SIZE: size, LAST_ID: row[3], VOLUME: self._volume, TRADE_MS: t_ms}
