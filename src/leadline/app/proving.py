"""Owns the proof that a tape replays to what its run did: alert lines of both, compared to the byte.

Never writes to the database.
Comes from `cli`; goes to `replay` and the `alerts` table.
"""

from itertools import zip_longest
from pathlib import Path

import msgspec

from leadline.app.replaying import Source
from leadline.app.taping import as_recorded
from leadline.core.alerts import Alert
from leadline.core.errors import LeadlineError, TapeError
from leadline.replay import AlertLines, alert_line
from leadline.store.queries import alerts_of_run, reading
from leadline.tape.reader import Recorded, RunReader, runs_in
from leadline.tape.records import LIVE
from leadline.tape.segments import Run


class DifferenceError(LeadlineError):
    """A replay does not give what the run gave."""


class Proof(msgspec.Struct, frozen=True):
    """One run whose replay gave the alerts that it wrote."""

    run: str
    alerts: int
    sha256: str


def prove(tape: Path, db_path: Path) -> list[Proof]:
    """Replay a tape under the rule it was recorded with, and compare with the rows that its runs wrote.

    Raises:
        DifferenceError: an alert differs, is missing or is one too many; the first is shown.
        TapeError: the tape is damaged, or was not recorded by grok from the run's beginning.
        StoreError: the database cannot be read.
    """
    proofs = []
    for run in runs_in(tape)[0]:
        if run.header.source != LIVE or run.header.first_frame:
            raise TapeError(
                f"this is no whole run of grok (source {run.header.source}, first frame {run.header.first_frame})",
                which=str(tape),
                expected="the tape that grok recorded, from its first segment on",
                do="give the whole directory",
            )
        replayed: list[Alert] = []
        Source(tape, as_recorded(run.header), None, recorded_rule=True).judge_run(run, replayed.append)
        lines = [alert_line(alert) for alert in replayed]
        first_ns, last_ns = _span(run)
        with reading(db_path) as connection:
            written = alerts_of_run(
                connection, run.header.boot_id, run.header.config_hash, first_boot_ns=first_ns, last_boot_ns=last_ns
            )
            rows = [msgspec.json.encode(msgspec.structs.asdict(row)) for row in written]
        proofs.append(_compared(run, lines, rows))
    return proofs


def _span(run: Run) -> tuple[int, int]:
    """Give the boot times of a run's first and last frame: alerts of other runs of this boot are not its own."""
    frames = (item.boot_ns for item in RunReader(run).items() if isinstance(item, Recorded))
    first_ns = next(frames, 0)
    return first_ns, max(frames, default=first_ns)


def _compared(run: Run, replayed: list[bytes], rows: list[bytes]) -> Proof:
    for number, (ours, theirs) in enumerate(zip_longest(replayed, rows), start=1):
        if ours != theirs:
            raise DifferenceError(
                f"alert {number} differs: the replay gives {_text(ours)}, the database holds {_text(theirs)}",
                which=f"run {run.header.run}",
                expected=f"the same {len(rows)} alerts in the same order",
            )
    lines = AlertLines()
    for line in replayed:
        lines.add(line)
    return Proof(run.header.run, lines.count, lines.sha256)


def _text(line: bytes | None) -> str:
    return "nothing" if line is None else line.decode()
