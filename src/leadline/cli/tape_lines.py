"""Owns how facts of tapes read in a terminal.

Never computes a fact.
Comes from `app`; goes to standard output as lines.
"""

from datetime import UTC, datetime

from msgspec.structs import asdict

from leadline.app.proving import Proof
from leadline.app.tapes import Written
from leadline.core.session import NEW_YORK
from leadline.core.units import NS_PER_S
from leadline.tape.records import Header
from leadline.tape.survey import SegmentFacts, Survey

SYMBOLS_SHOWN = 20


def survey_object(found: Survey) -> dict[str, object]:
    """Give a survey as one JSON object; on a tape headers are arrays, here their fields have names."""
    segments = [{**asdict(facts), "header": _named(facts.header)} for facts in found.segments]
    faults = [asdict(fault) for fault in found.faults]
    return {**asdict(found), "runs": [_named(header) for header in found.runs], "segments": segments, "faults": faults}


def _named(header: Header | None) -> dict[str, object] | None:
    return None if header is None else asdict(header)


def info_lines(found: Survey) -> list[str]:
    """Say what a tape holds."""
    lines = []
    for header in found.runs:
        symbols = ",".join(header.symbols[:SYMBOLS_SHOWN]) or "all symbols"
        more = len(header.symbols) - SYMBOLS_SHOWN
        lines.append(f"run {header.run}: {header.source}, leadline {header.version or '?'}, {symbols}{_and_more(more)}")
    lines += [_segment_line(facts) for facts in found.segments]
    size = sum(facts.size for facts in found.segments)
    raw = sum(facts.raw_size for facts in found.segments)
    frames = sum(facts.frames for facts in found.segments)
    lines.append(f"{frames} frames in {size:,} bytes, unpacked {raw:,} ({raw / size if size else 0:.1f} to 1)")
    firsts = [facts.first_ns for facts in found.segments if facts.first_ns is not None]
    lasts = [facts.last_ns for facts in found.segments if facts.last_ns is not None]
    if firsts and lasts:
        lines.append(f"from {_moment(min(firsts))} to {_moment(max(lasts))}")
    books = found.books.most_common(SYMBOLS_SHOWN)
    named = ", ".join(f"{symbol} {count}" for symbol, count in books)
    lines.append(f"{sum(found.books.values())} books: {named}{_and_more(len(found.books) - len(books))}")
    events = ", ".join(f"{kind} {count}" for kind, count in sorted(found.events.items())) or "none"
    lines.append(f"events: {events}")
    lines.append(
        f"{found.conflated} superseded unjudged, {found.gaps} gaps with {found.missing_frames} frames left out, "
        f"{found.malformed} malformed"
    )
    return [*lines, *_remarks(found)]


def verify_lines(found: Survey) -> list[str]:
    """Say whether a tape is as it was written."""
    blocks = sum(facts.blocks for facts in found.segments)
    return [f"{len(found.segments)} segments, {blocks} blocks read", *_remarks(found)]


def proof_lines(proofs: list[Proof]) -> list[str]:
    """Say that replay and database agree."""
    return [f"run {proof.run}: {proof.alerts} alerts, equal, sha256 {proof.sha256}" for proof in proofs]


def written_lines(written: Written) -> list[str]:
    """Say what was made."""
    made = written.made
    span = (
        ""
        if made.first_ns is None or made.last_ns is None
        else f", {_moment(made.first_ns)} to {_moment(made.last_ns)}"
    )
    return [f"{written.path}: {made.frames} frames{span}", *(f"passed over: {fault}" for fault in written.faults)]


def _segment_line(facts: SegmentFacts) -> str:
    ending = "being written" if facts.is_being_written else facts.ending or "not ended in order"
    start = "" if facts.first_ns is None else f", from {_moment(facts.first_ns)}"
    return f"{facts.path.name}: {facts.frames} frames, {facts.size:,} bytes, {ending}{start}"


def _remarks(found: Survey) -> list[str]:
    lines = [f"{'torn end' if fault.is_torn else 'DAMAGED'}: {fault}" for fault in found.faults]
    back = sum(facts.backward_times for facts in found.segments)
    if back:
        lines.append(f"the clock was set back: {back} times a frame has an earlier receive time than the one before")
    return lines


def _and_more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def _moment(t_ns: int) -> str:
    utc = datetime.fromtimestamp(t_ns // NS_PER_S, UTC)
    ms = t_ns % NS_PER_S // 1_000_000
    local = utc.astimezone(NEW_YORK)
    return f"{local:%Y-%m-%d %H:%M:%S}.{ms:03d} New York ({utc:%H:%M:%S} UTC)"
