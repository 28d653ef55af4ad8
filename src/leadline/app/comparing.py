"""Owns the comparison of settings on one tape: it is replayed once for each combination, and each gives one row.

Never judges otherwise than a plain replay does: a row is what `leadline replay` under these settings counts.
Comes from `cli`; goes to `replaying`, in processes of its own where the tape is large, and back as rows.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from itertools import product
from pathlib import Path
from typing import NamedTuple

from leadline.app.compared import Comparison, Row, Tally
from leadline.app.replaying import Source, remarks_on
from leadline.app.taping import NO_CHANGES
from leadline.core.errors import ConfigurationError, LeadlineError, TapeError
from leadline.settings import VARYING, Loaded, Variation, value_text
from leadline.tape.lines import read_listing
from leadline.tape.segments import segments_in

COMBINATIONS_MAX = 32
LARGE_BYTES = 8_000_000
"""From this size on a replay takes longer than a second process takes to start."""
PROCESSES = 2

Progress = Callable[[str, int, int], None]


class Task(NamedTuple):
    """One combination to replay: the settings as loaded with it, and how its row shows them."""

    tape: Path
    loaded: Loaded
    letters: dict[str, str] | None
    is_recorded_rule: bool
    changes: Mapping[str, str]
    shown: dict[str, str]


def combinations_of(told: Sequence[str]) -> list[dict[str, str]]:
    """Read texts like MIN_BID_HEAVY=3,4 and give every combination of their values, the first name varying slowest.

    Raises:
        ConfigurationError: a text is none of these, names what may not be compared, or there are too many.
    """
    values: dict[str, list[str]] = {}
    for text in told:
        name, _, listed = text.partition("=")
        name = name.strip().lower()
        parts = [part.strip() for part in listed.split(",")]
        which = f"--set {text}"
        if not name or not all(parts):
            raise ConfigurationError("these are no values", which=which, expected="NAME=VALUE or NAME=VALUE,VALUE")
        if name not in VARYING:
            names = ", ".join(name.upper() for name in VARYING)
            raise ConfigurationError("this cannot be compared", which=which, expected=f"one of {names}")
        if name in values or len(set(parts)) < len(parts):
            raise ConfigurationError("it is given twice", which=which, expected="each name and each value once")
        values[name] = parts
    combinations = [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]
    if len(combinations) > COMBINATIONS_MAX:
        raise ConfigurationError(
            f"these are {len(combinations)} combinations",
            which=" ".join(f"--set {text}" for text in told),
            expected=f"at most {COMBINATIONS_MAX}",
            do="compare fewer values at a time",
        )
    return combinations


def compare(
    tape: Path,
    listing: Path | None,
    plain: Loaded,
    changed: Sequence[tuple[dict[str, str], Loaded]],
    on_progress: Progress,
    *,
    recorded_rule: bool = False,
    large_bytes: int = LARGE_BYTES,
) -> Comparison:
    """Replay a tape under the plain settings, then under each combination as loaded with it.

    Raises:
        TapeError: the tape or the listing cannot be read.
        LeadlineError: a process of the comparison died.
    """
    if tape.exists() and not (tape.is_file() or tape.is_dir()):
        raise TapeError(
            "this can be read only once", which=str(tape), expected="a file or directory", do="write it to a file first"
        )
    letters = read_listing(listing) if listing is not None else None
    names = list(dict.fromkeys(name for changes, _ in changed for name in changes))
    now = {name: "recorded" if recorded_rule else value_text(getattr(plain.settings, name)) for name in names}
    tasks = [
        Task(tape, loaded, letters, recorded_rule, changes, {name.upper(): text for name, text in shown.items()})
        for changes, loaded, shown in ((NO_CHANGES, plain, now), *((one, loaded, one) for one, loaded in changed))
    ]
    judged = list(_judged(tasks, on_progress, is_large=_bytes_of(tape) >= large_bytes))
    return Comparison([row for row, _ in judged], judged[0][1])


def judge(task: Task) -> tuple[Row, list[str]]:
    """Replay the tape for one combination; give its row, and what a plain replay would say beside the counts."""
    source = Source(task.tape, task.loaded, task.letters, recorded_rule=task.is_recorded_rule, changes=task.changes)
    tally = Tally()
    result = source.judge(tally.take)
    hidden = _hidden_by(source.variations(), task.shown)
    remarks = [*hidden, *source.remarks(), *remarks_on(result, task.loaded.settings.symbols)]
    return tally.row(task.shown, result), remarks


def _judged(tasks: list[Task], on_progress: Progress, *, is_large: bool) -> Iterator[tuple[Row, list[str]]]:
    """Give each task's outcome in the order of the tasks."""
    on_progress("replaying", 0, len(tasks))
    if is_large:
        yield from _in_processes(tasks, on_progress)
        return
    for done, task in enumerate(tasks, start=1):
        yield judge(task)
        on_progress("replaying", done, len(tasks))


def _in_processes(tasks: list[Task], on_progress: Progress) -> list[tuple[Row, list[str]]]:
    # Not forked: the thread of a progress bar would be forked with it.
    pool = ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn"), initializer=_die_at_ctrl_c)
    try:
        futures = [pool.submit(judge, task) for task in tasks]
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()
            on_progress("replaying", done, len(tasks))
        pool.shutdown()
        return [future.result() for future in futures]
    except BrokenExecutor as error:
        raise LeadlineError(
            "a process of the comparison died",
            which=str(tasks[0].tape),
            expected=f"memory for {PROCESSES} replays at a time",
            do="look at the system's log, or replay each combination by itself",
        ) from error
    finally:
        # Whatever ended it: a replay that still runs has nobody to tell.
        for child in multiprocessing.active_children():
            child.terminate()
        pool.shutdown(cancel_futures=True)


def _die_at_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _hidden_by(variations: Sequence[Variation], names: Iterable[str]) -> Iterator[str]:
    """Say where a compared setting changes nothing, because a table holds before it."""
    for variation in variations:
        given = [name for name in names if name.lower() in variation.values]
        if given:
            yield f"{variation.table} gives {', '.join(given)}: where it holds, --set changes nothing"


def _bytes_of(tape: Path) -> int:
    """Give a tape's size; what is not there has none, and whoever reads it says so."""
    paths = segments_in(tape) if tape.is_dir() else [tape] if tape.exists() else []
    return sum(path.stat().st_size for path in paths)
