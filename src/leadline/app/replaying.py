"""Owns the replay verb: files in, lines out.

Never touches the network.
Comes from `cli`; goes to `replay`.
"""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from leadline.app.terms import entries_of, rule_of
from leadline.core.errors import TapeError
from leadline.core.units import ns_of_s
from leadline.replay import Setup, alert_line, count_line, replay
from leadline.settings import Settings
from leadline.tape.lines import read_listing, read_tape


def run_replay(settings: Settings, tape: Path, listing: Path | None, alerts: Path | None) -> None:
    """Replay a tape; alert lines go to `alerts` or standard output, the counts to standard output.

    Raises:
        TapeError: a file cannot be read or written.
    """
    setup = Setup(
        rule=rule_of(settings),
        entries=entries_of(settings),
        window_ns=ns_of_s(settings.window_seconds),
        symbols=frozenset(settings.symbols) if settings.symbols else None,
        listing=read_listing(listing) if listing is not None else {},
    )
    with ExitStack() as stack:
        out: BinaryIO = sys.stdout.buffer if alerts is None else stack.enter_context(_create(alerts))
        result = replay(read_tape(tape), setup, lambda alert: _write_line(out, alert_line(alert)))
    if result.unlisted:
        names = ", ".join(result.unlisted)
        print(f"no listing for {names}: judged on the first book service seen (see --listing)", file=sys.stderr)
    _write_line(sys.stdout.buffer, count_line(result))
    sys.stdout.buffer.flush()


def _write_line(out: BinaryIO, line: bytes) -> None:
    out.write(line + b"\n")


def _create(path: Path) -> BinaryIO:
    try:
        return path.open("wb")
    except OSError as error:
        raise TapeError(
            f"the alert lines cannot be written ({error.strerror})",
            which=str(path),
            expected="a file in a directory that can be written",
            do="correct --alerts",
        ) from error
