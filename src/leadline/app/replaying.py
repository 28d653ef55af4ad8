"""Owns the replay verb: files in, lines out.

Never touches the network.
Comes from `cli`; goes to `replay`.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from leadline.app.taping import NO_CHANGES, as_recorded, rule_texts
from leadline.app.terms import changes_of, entries_of, rule_of
from leadline.core.alerts import Alert
from leadline.core.errors import TapeError
from leadline.core.nearness import NearMiss
from leadline.core.units import ns_of_s
from leadline.replay import AlertLines, Result, Setup, count_line, joined, near_miss_line, replay, symbol_lines
from leadline.settings import Loaded, Variation
from leadline.tape.lines import Received, read_listing, read_tape
from leadline.tape.reader import Fault, Played, RunReader, runs_in
from leadline.tape.records import Header
from leadline.tape.segments import Run, is_tape

OnAlert = Callable[[Alert], None]
OnNearMiss = Callable[[NearMiss], None]


def run_replay(
    loaded: Loaded,
    tape: Path,
    listing: Path | None,
    alerts: Path | None,
    *,
    near_misses: Path | None = None,
    recorded_rule: bool = False,
    by_symbol: bool = False,
) -> None:
    """Replay a tape; alert lines go to `alerts` or standard output, the counts to standard output, then each symbol's.

    Lines of near misses go to `near_misses`, if that is given.

    Raises:
        TapeError: a file cannot be read or written.
    """
    letters = read_listing(listing) if listing is not None else None
    _keep_inputs("--alerts", alerts, tape, listing)
    _keep_inputs("--near-misses", near_misses, tape, listing, alerts)
    source = Source(tape, loaded, letters, recorded_rule=recorded_rule)
    lines = AlertLines()
    try:
        with ExitStack() as stack:
            out: BinaryIO = sys.stdout.buffer if alerts is None else stack.enter_context(alerts.open("wb"))
            missed = stack.enter_context(near_misses.open("wb")) if near_misses is not None else None
            on_near_miss = None if missed is None else _near_miss_writer(missed)
            result = source.judge(lambda alert: _write(out, lines.line(alert)), on_near_miss)
        for line in (count_line(result, lines), *(symbol_lines(result) if by_symbol else ())):
            _write(sys.stdout.buffer, line + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise  # whoever read our output has seen enough: not a fault
    except OSError as error:
        raise TapeError(
            f"the lines cannot be written ({error.strerror})",
            which=f"{alerts or 'standard output'}{f' or {near_misses}' if near_misses is not None else ''}",
            expected="a file in a directory that can be written, on a disk with room",
            do="correct --alerts, or free the disk",
        ) from error
    for remark in (*source.remarks(), *remarks_on(result, loaded.settings.symbols)):
        print(f"{tape}: {remark}", file=sys.stderr)


class Source:
    """A tape that can be replayed: JSON lines, or segments with all that their header says of the run."""

    def __init__(
        self,
        tape: Path,
        loaded: Loaded,
        letters: dict[str, str] | None,
        *,
        recorded_rule: bool = False,
        changes: Mapping[str, str] = NO_CHANGES,
    ) -> None:
        """Open a tape; `changes` hold instead of plain settings that were recorded, where those judge.

        Raises:
            TapeError: it cannot be read, or has no header whose rule could be taken.
        """
        self._loaded = loaded
        self._changes = changes
        self._letters = letters
        self._recorded_rule = recorded_rule
        self._runs: list[Run] = []
        self._lines: Iterator[Received] | None = None
        self._faults: list[Fault] = []
        if _is_tape(tape):
            self._runs, self._faults = runs_in(tape)
            _refuse(self._faults)
        else:
            self._lines = read_tape(tape)
        if recorded_rule and not (self._runs and all(run.header.settings for run in self._runs)):
            raise TapeError(
                "no rule is recorded in this tape",
                which=str(tape),
                expected="a tape whose header holds settings, as grok and `leadline record` write it",
                do="leave --as-recorded away",
            )

    def judge(self, on_alert: OnAlert, on_near_miss: OnNearMiss | None = None) -> Result:
        """Replay it, each run anew as its process began.

        Raises:
            TapeError: it is damaged.
        """
        if self._lines is not None:
            return replay(self._lines, self._setup(None), on_alert, on_near_miss)
        return joined([self.judge_run(run, on_alert, on_near_miss) for run in self._runs])

    def remarks(self) -> Iterator[str]:
        """Say what the counts do not show of a tape that was replayed."""
        yield from map(str, self._faults)
        for header in (run.header for run in self._runs):
            if header.first_frame:
                yield f"it begins with frame {header.first_frame} of its run: earlier streaks and alerts are not known"
        if not self._recorded_rule:
            headers = [run.header for run in self._runs if run.header.settings]
            yield from dict.fromkeys(filter(None, (_differences(header, self._loaded) for header in headers)))

    def variations(self) -> list[Variation]:
        """Give what differs by symbol and time where the tape is judged, once for each run that says so itself."""
        if not self._recorded_rule:
            return list(self._loaded.variations)
        return [variation for run in self._runs for variation in as_recorded(run.header).variations]

    def judge_run(self, run: Run, on_alert: OnAlert, on_near_miss: OnNearMiss | None = None) -> Result:
        """Replay one run.

        Raises:
            TapeError: it is damaged.
        """
        reader = RunReader(run)
        items: Iterable[Played] = reader.items()
        result = replay(items, self._setup(run.header), on_alert, on_near_miss)
        self._faults += reader.faults
        return result

    def _setup(self, header: Header | None) -> Setup:
        judging = self._loaded
        if header is not None and self._recorded_rule:
            judging = as_recorded(header, self._changes)
        symbols = self._loaded.settings.symbols or (tuple(header.symbols) if header is not None else ())
        listing = self._letters
        if listing is None:
            listing = header.listing if header is not None else {}
        return Setup(
            rule=rule_of(judging.settings),
            entries=entries_of(judging.settings),
            changes=changes_of(judging),
            window_ns=ns_of_s(judging.settings.window_seconds),
            symbols=frozenset(symbols) if symbols else None,
            listing=listing,
            # As it was live; without the run's own listing nothing tells which symbols had none.
            blocks_unlisted=header is not None and bool(header.listing) and self._letters is None,
        )


def _is_tape(tape: Path) -> bool:
    try:
        return is_tape(tape)
    except OSError:
        return False  # whoever reads it says why it cannot be read


def _refuse(faults: list[Fault]) -> None:
    for fault in faults:
        if not fault.is_torn:
            raise TapeError(
                fault.what,
                which=str(fault.path),
                expected="a segment as it was written",
                do="look at it with `leadline tape verify`; move it away to replay the others",
            )


def _differences(header: Header, loaded: Loaded) -> str:
    """Say in one line how the rule of a replay is not the one of the run."""
    now = rule_texts(loaded)
    names = [name for name in {**header.settings, **now} if header.settings.get(name) != now.get(name)]
    if not names:
        return ""
    then, here = (
        ", ".join(f"{name}={texts.get(name, '(unset)')}" for name in names) for texts in (header.settings, now)
    )
    return f"recorded under {then}; replayed under {here} (--as-recorded takes the recorded ones)"


def _keep_inputs(option: str, written: Path | None, *others: Path | None) -> None:
    """Refuse to write over what is read, or over what is written beside it."""
    for path in others:
        if written is None or path is None:
            continue
        if written == path or (written.exists() and path.exists() and _is_of(written, path)):
            raise TapeError(
                "the lines would be written over a file that is read or written",
                which=f"{option} {written}",
                expected="another file",
                do=f"correct {option}; nothing was written",
            )


def _is_of(file: Path, read: Path) -> bool:
    return file.samefile(read) or (read.is_dir() and any(one.samefile(file) for one in read.iterdir() if one.exists()))


def remarks_on(result: Result, symbols: tuple[str, ...]) -> Iterator[str]:
    """Say what a reader of the counts alone would not see."""
    if result.unlisted:
        names = ", ".join(result.unlisted)
        yield f"no listing for {names}: judged on the first book service seen (see --listing)"
    if result.counts.unsubscribed:
        yield f"{result.counts.unsubscribed} snapshots of other symbols were left out (SYMBOLS={','.join(symbols)})"
    if result.missing_frames:
        yield f"{result.missing_frames} frames are missing where the recorder fell behind: alerts after that may differ"
    if not result.counts.books:
        yield f"no snapshot was judged: of {result.counts.frames} frames none holds a book that was asked for"


def _write(out: BinaryIO, line: bytes) -> None:
    out.write(line)


def _near_miss_writer(out: BinaryIO) -> OnNearMiss:
    def write(miss: NearMiss) -> None:
        _write(out, near_miss_line(miss) + b"\n")

    return write
