"""Owns the replay verb: files in, lines out.

Never touches the network.
Comes from `cli`; goes to `replay`.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from leadline.app.terms import entries_of, rule_of
from leadline.core.errors import TapeError
from leadline.core.units import ns_of_s
from leadline.replay import Result, Setup, alert_line, count_line, replay
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
    _keep_inputs(alerts, tape, listing)
    frames = read_tape(tape)
    try:
        with ExitStack() as stack:
            out: BinaryIO = sys.stdout.buffer if alerts is None else stack.enter_context(alerts.open("wb"))
            result = replay(frames, setup, lambda alert: _write_line(out, alert_line(alert)))
        _write_line(sys.stdout.buffer, count_line(result))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise  # whoever read our output has seen enough: not a fault
    except OSError as error:
        raise TapeError(
            f"the lines cannot be written ({error.strerror})",
            which=str(alerts or "standard output"),
            expected="a file in a directory that can be written, on a disk with room",
            do="correct --alerts, or free the disk",
        ) from error
    for remark in _remarks(result, settings.symbols):
        print(f"{tape}: {remark}", file=sys.stderr)


def _keep_inputs(alerts: Path | None, *inputs: Path | None) -> None:
    """Refuse to write over what is read."""
    for path in inputs:
        if alerts is not None and path is not None and alerts.exists() and path.exists() and alerts.samefile(path):
            raise TapeError(
                "the alert lines would be written over a file that is read",
                which=f"--alerts {alerts}",
                expected="another file",
                do="correct --alerts; nothing was written",
            )


def _remarks(result: Result, symbols: tuple[str, ...]) -> Iterator[str]:
    """Say what a reader of the counts alone would not see."""
    if result.unlisted:
        names = ", ".join(result.unlisted)
        yield f"no listing for {names}: judged on the first book service seen (see --listing)"
    if result.counts.unsubscribed:
        yield f"{result.counts.unsubscribed} snapshots of other symbols were left out (SYMBOLS={','.join(symbols)})"
    if not result.counts.books:
        yield f"no snapshot was judged: of {result.counts.frames} frames none holds a book that was asked for"


def _write_line(out: BinaryIO, line: bytes) -> None:
    out.write(line + b"\n")
