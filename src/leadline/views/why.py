"""Owns the words of `leadline why`: what became of a symbol's books, which test fails, and what blocks entries now.

Never shows old numbers as new ones, and never judges: which test failed is in the rows.
Comes from rows and `core.evidence`; goes to `cli`.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from leadline.core.detector import Judgement, Outcome
from leadline.core.evidence import Seen, checks_of, direction_of, last_alert
from leadline.core.imbalance import Direction
from leadline.core.units import NS_PER_MS, NS_PER_S, dollars
from leadline.views.checks import check_lines, value_text
from leadline.views.processes import BOOK_AGE_MAX_NS, STOPPED, detail_of, is_alive
from leadline.views.rows import ProcessRow
from leadline.views.words import age_text, clock_text, moment_text, plain, spaced

MEANINGS = {
    Outcome.OTHER_SERVICE: "it came on the service that does not judge this symbol",
    Outcome.NO_BOOK_TIME: "it has no BOOK_TIME",
    Outcome.FUTURE: "its BOOK_TIME is more than 2 s ahead: check this machine's clock",
    Outcome.REPEAT: "the same BOOK_TIME again: a quiet symbol repeats its book",
    Outcome.BACKWARD: "its BOOK_TIME went back",
    Outcome.STALE: "it was too old when it came",
    Outcome.ONE_SIDED: "a side has no usable entry",
    Outcome.CROSSED: "best bid at or above best ask",
    Outcome.NO_VALID_VENUE: "no venue quotes both sides closely enough",
    Outcome.FEW_VENUES: "too few venues lean this way",
    Outcome.MARGIN: "too few more venues lean this way than the other",
    Outcome.RATIO: "the heavy side is not heavy enough",
    Outcome.DURATION: "it leans, but not for long enough yet",
    Outcome.THROTTLED: "it leans, but alerted this way a short while ago",
    Outcome.ALERTED: "an alert",
}
"""What each outcome of a symbol's snapshot means, in a few words (docs/alert-rule.md)."""


class Counted(Protocol):
    """What is needed of a symbol's counts."""

    snapshots: int
    conflated: int
    outcomes: dict[str, int]


class Alerted(Protocol):
    """What is needed of a symbol's last alert with one trader's disposition of it."""

    alert_id: int
    recv_ns: int
    direction: str
    ratio: float
    price: float
    entry_blocked_by: str | None
    trader: str | None
    disposition: str | None
    reason: str | None


class Symbol(msgspec.Struct, frozen=True):
    """All that is known of one symbol: its counts, what was seen last, its last alert (a row a trader)."""

    name: str
    counts: Counted
    seen: Seen | None
    alerts: Sequence[Alerted]


def grok_line(process: ProcessRow, now_ns: int) -> str:
    """Say whether grok runs, and how old the numbers are."""
    at = clock_text(process.heartbeat_ns, now_ns)
    if is_alive(process, now_ns):
        age_s = max(0.0, (now_ns - process.heartbeat_ns) / NS_PER_S)
        since = clock_text(process.started_ns, now_ns)
        return f"grok is running since {since} New York, its numbers are {age_s:.1f} s old"
    if process.state == STOPPED:
        return f"grok stopped {at} New York, these are its last"
    age = age_text(abs(now_ns - process.heartbeat_ns))
    if process.heartbeat_ns > now_ns:
        return f"grok's last word is of {at} New York, {age} in the future: check this machine's clock"
    return f"GROK IS NOT RUNNING: killed or hanging since {at} New York, {age} ago; these are its last numbers"


def trading_lines(process: ProcessRow, now_ns: int) -> list[str]:
    """Say what the trader of this process does, and what holds all entries."""
    detail = detail_of(process)
    lines = [f"trading: {plain(process.state)}, {plain(detail.trader) or 'unknown'}"]
    if is_alive(process, now_ns):
        lines += [f"ALARM: {plain(alarm)}" for alarm in detail.alarms]
    return lines


def symbol_lines(symbol: Symbol, process: ProcessRow, now_ns: int) -> list[str]:
    """Say all of one symbol: counts, the last book, each test with its threshold, the last alert, what blocks."""
    moment_ns = now_ns if is_alive(process, now_ns) else process.heartbeat_ns
    lines = [symbol.name, *_count_lines(symbol.counts)]
    if symbol.seen is None:
        return [*lines, "  no book yet: nothing could be judged", *_alert_lines(symbol, now_ns)]
    last = symbol.seen.last
    age = age_text(now_ns - last.recv_ns)
    if is_alive(process, now_ns) and now_ns - last.recv_ns > BOOK_AGE_MAX_NS:
        lines.append(f"  NO BOOK FOR {age}")
    lines.append(
        f"  last book {moment_text(last.recv_ns, now_ns)} New York, {age} ago:"
        f" {spaced(last.outcome).upper()}, {MEANINGS.get(last.outcome, '')}"
    )
    judged = symbol.seen.judged
    if judged is None or not last.is_evaluable:
        lines += check_lines(checks_of(last, moment_ns))
    if judged is None:
        lines.append("  no book could be judged yet")
    elif judged is not last:
        age = age_text(now_ns - judged.recv_ns)
        lines.append(
            f"  the last one that could be judged, {moment_text(judged.recv_ns, now_ns)}, {age} ago:"
            f" {spaced(judged.outcome).upper()}, {MEANINGS.get(judged.outcome, '')}"
        )
    if judged is not None:
        lines += check_lines(checks_of(judged, moment_ns))
    return [*lines, *_alert_lines(symbol, now_ns), _block_line(symbol.seen.blocked)]


def _count_lines(counts: Counted) -> list[str]:
    apart = f", and {counts.conflated:,} superseded before they were judged" if counts.conflated else ""
    lines = [f"  {counts.snapshots:,} books since start{apart}"]
    for outcome in Outcome:
        count = counts.outcomes.get(outcome.value, 0)
        if count:
            lines.append(f"    {spaced(outcome).ljust(16)} {count:>10,} {100 * count / counts.snapshots:5.1f} %")
    return lines


def _alert_lines(symbol: Symbol, now_ns: int) -> list[str]:
    if not symbol.alerts:
        known = None if symbol.seen is None or symbol.seen.judged is None else last_alert(symbol.seen.judged)
        if known is None:
            return ["  last alert: none"]
        return [f"  last alert: {known[0]} {clock_text(known[1], now_ns)} New York (no row of it is in this database)"]
    one = symbol.alerts[0]
    when = f"{clock_text(one.recv_ns, now_ns)} New York ({age_text(now_ns - one.recv_ns)} ago)"
    what = f"{one.alert_id}, {plain(one.direction)} {when}, ratio {one.ratio:.2f}, price {one.price:.4f}"
    lines = [f"  last alert: {what}"]
    if one.entry_blocked_by:
        lines.append(f"    its entry was blocked by {_named(one.entry_blocked_by)}")
    for row in symbol.alerts:
        became = "undecided" if row.disposition is None else f"{plain(row.trader)}: {spaced(row.disposition)}"
        lines.append(f"    {became}{f', {plain(row.reason)}' if row.reason else ''}")
    return lines


def _block_line(blocked: Mapping[Direction, str]) -> str:
    if not blocked:
        return "  entries: nothing blocks an alert's entry (entry_blocked_by)"
    return f"  entries: BLOCKED {_block_text(blocked)}"


def _block_text(blocked: Mapping[Direction, str]) -> str:
    if len(blocked) == len(Direction) and len(set(blocked.values())) == 1:
        return f"both ways by {_named(next(iter(blocked.values())))}"
    return "; ".join(f"{direction} by {_named(names)}" for direction, names in blocked.items())


def _named(names: str) -> str:
    return plain(names).replace(",", ", ")


def short_line(symbol: Symbol, process: ProcessRow, now_ns: int) -> str:
    """Say one symbol in one line: where it stands, how old that is, what is nearest to an alert, what blocks."""
    moment_ns = now_ns if is_alive(process, now_ns) else process.heartbeat_ns
    head = symbol.name.ljust(8)
    if symbol.seen is None:
        return f"{head} no book yet"
    seen = symbol.seen
    judged = seen.judged or seen.last
    failing = [check for check in checks_of(judged, moment_ns) if check.is_decisive]
    figures = "".join(f" ({value_text(check)}, {check.bound} {check.threshold:.12g})" for check in failing)
    direction = direction_of(judged)
    alerts = symbol.counts.outcomes.get(Outcome.ALERTED.value, 0)
    parts = [
        f"{spaced(judged.outcome)}{figures}",
        f"{age_text(now_ns - judged.recv_ns)} ago",
        "" if direction is None else str(direction),
        f"alerts {alerts:,}",
        f"BLOCKED {_block_text(seen.blocked)}" if seen.blocked else "",
    ]
    return f"{head} {', '.join(part for part in parts if part)}"


def facts(symbol: Symbol, process: ProcessRow, now_ns: int) -> dict[str, object]:
    """Give all of one symbol for machines: seconds, dollars, UTC nanoseconds, names as in the tables."""
    moment_ns = now_ns if is_alive(process, now_ns) else process.heartbeat_ns
    seen = symbol.seen
    return {
        "symbol": symbol.name,
        "snapshots": symbol.counts.snapshots,
        "conflated": symbol.counts.conflated,
        "outcomes": symbol.counts.outcomes,
        "last": None if seen is None else _judgement_facts(seen.last, moment_ns),
        "last_evaluable": None if seen is None or seen.judged is None else _judgement_facts(seen.judged, moment_ns),
        "last_alert": [_alert_facts(row) for row in symbol.alerts],
        "entry_blocked_by": {} if seen is None else seen.blocked,
    }


def grok_facts(process: ProcessRow, now_ns: int) -> dict[str, object]:
    """Give for machines whether grok runs and how old its numbers are."""
    return {
        "is_running": is_alive(process, now_ns),
        "state": process.state,
        "run_ns": process.started_ns,
        "written_ns": process.heartbeat_ns,
        "age_s": (now_ns - process.heartbeat_ns) / NS_PER_S,
        "config_hash": process.config_hash,
        "version": process.version,
    }


def _judgement_facts(judged: Judgement, moment_ns: int) -> dict[str, object]:
    return {
        "outcome": judged.outcome,
        "recv_ns": judged.recv_ns,
        "book_ns": None if judged.book_ms is None else judged.book_ms * NS_PER_MS,
        "bid": dollars(judged.bid) if judged.bid else None,
        "ask": dollars(judged.ask) if judged.ask else None,
        "direction": judged.direction,
        "totals": judged.totals,
        "checks": checks_of(judged, moment_ns),
    }


def _alert_facts(row: Alerted) -> dict[str, object]:
    return {
        "alert_id": row.alert_id,
        "recv_ns": row.recv_ns,
        "direction": row.direction,
        "ratio": row.ratio,
        "price": row.price,
        "entry_blocked_by": row.entry_blocked_by,
        "trader": row.trader,
        "disposition": row.disposition,
        "reason": row.reason,
    }
