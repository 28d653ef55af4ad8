"""Owns how the tests of the alert rule read: each value beside its threshold, the one that decided marked.

Never judges: what failed was said by the rule.
Comes from `core.evidence`; goes to `why`.
"""

from collections.abc import Sequence

from leadline.core.detector import Outcome
from leadline.core.evidence import Check
from leadline.core.imbalance import Direction

SETTINGS = {
    Outcome.STALE: "MAX_BOOK_AGE_SEC",
    Outcome.NO_VALID_VENUE: "MAX_RANGE_CENTS",
    Outcome.MARGIN: "MIN_VENUE_MARGIN",
    Outcome.RATIO: "MIN_IMBALANCE_RATIO",
    Outcome.DURATION: "MIN_IMBALANCE_DURATION_SEC",
    Outcome.THROTTLED: "ALERT_THROTTLE_SEC",
}
"""The setting behind a test; few venues have one a direction."""


def check_lines(checks: Sequence[Check]) -> list[str]:
    """Write a line a test: its value, what it is held to, and a mark at the one that fails first."""
    lines = []
    for check in checks:
        mark = ">>" if check.is_decisive else "  "
        wanted = f"{check.bound} {check.threshold:.12g} {check.unit}".rstrip()
        value, setting = value_text(check), _setting_of(check)
        text = (
            f"    {mark} {check.name.ljust(16)} {value:>10}   {wanted.ljust(30)} {_word_of(check).ljust(9)}  {setting}"
        )
        lines.append(text.rstrip())
    return lines


def _setting_of(check: Check) -> str:
    """Name the setting that a test can be changed by."""
    if check.outcome is Outcome.FEW_VENUES:
        return "MIN_BID_HEAVY" if check.name.startswith(Direction.BID_HEAVY) else "MIN_ASK_HEAVY"
    return SETTINGS.get(check.outcome, "")


def _word_of(check: Check) -> str:
    if check.outcome is Outcome.THROTTLED and not check.is_met:
        # The only value that is of now, not of the book: it may have run out since, or begun with the book's own alert.
        return "over now" if not check.measured else "FAILS" if check.is_decisive else "mutes now"
    if check.is_met is None:
        return ""
    return "ok" if check.is_met else "FAILS" if check.is_decisive else "fails too"


def value_text(check: Check) -> str:
    """Write a measured value; one that fails never reads as its threshold: 1.99996 is not 2."""
    value = check.measured
    if value is None:
        return "-"
    shown = round(value, 2 if check.unit == "s" else 4)
    is_blurred = check.is_met is False and shown == check.threshold != value
    return f"{value:.12g}" if is_blurred else f"{shown:,.12g}"
