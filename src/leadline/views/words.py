"""Owns what every part of a page is written in: times, ages, money, foreign text, and how a word is meant.

Never is about one table.
Comes from core's integers; goes to the other views.
"""

import math
from datetime import UTC, datetime, time
from enum import StrEnum

import msgspec

from leadline.core.errors import LeadlineError
from leadline.core.session import NEW_YORK
from leadline.core.units import NS_PER_MS, NS_PER_S

E6 = 1_000_000

TEXT_MAX = 400
"""Characters of a foreign text that a cell shows."""


class Tone(StrEnum):
    """How a word is meant, apart from what it says."""

    CALM = "calm"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class Figure(msgspec.Struct, frozen=True):
    """One number of the title bar, already in words."""

    label: str
    value: str
    note: str = ""
    tone: Tone = Tone.CALM


def midnight_ns(now_ns: int) -> int:
    """Give the start of the New York day that `now_ns` is in."""
    local = new_york(now_ns)
    start = datetime.combine(local.date(), time(), NEW_YORK)
    return int(start.timestamp()) * NS_PER_S


def clock_text(ns: int, now_ns: int) -> str:
    """Write a moment as HH:MM:SS in New York, with its day if that is not today."""
    local = new_york(ns)
    return f"{local:%H:%M:%S}" if local.date() == new_york(now_ns).date() else f"{local:%m-%d %H:%M:%S}"


def moment_text(ns: int, now_ns: int) -> str:
    """Write a moment as `clock_text` does, to the millisecond."""
    return f"{clock_text(ns, now_ns)}.{ns // NS_PER_MS % 1_000:03d}"


def age_text(age_ns: int) -> str:
    """Write an age in the unit that a person would use.

    >>> [age_text(s * NS_PER_S) for s in (-3, 4, 150, 7_500, 200_000)]
    ['0 s', '4 s', '2 min', '2.1 h', '2 d']
    """
    seconds = max(age_ns, 0) // NS_PER_S
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3_600:
        return f"{seconds // 60} min"
    return f"{seconds / 3_600:.1f} h" if seconds < 86_400 else f"{seconds // 86_400} d"


def money_text(amount_e6: int | None) -> str:
    """Write dollars with a sign and two decimals; what is not known is a dash."""
    if amount_e6 is None:
        return "–"
    text = f"{abs(amount_e6) / E6:,.2f}"
    return text if text == "0.00" else f"{'+' if amount_e6 > 0 else '−'}{text}"


def plain(text: str | None) -> str:
    """Make foreign text fit for a cell: one line, bounded, and no formula in an exported sheet (reliability F117)."""
    if text is None:
        return ""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    line = f"{line[:TEXT_MAX]}…" if len(line) > TEXT_MAX else line
    return f"'{line}" if line[:1] in set("=+-@") else line


def trouble(error: LeadlineError) -> list[str]:
    """Say in lines why there is nothing to show, and what to do."""
    lines = [error.what[:1].upper() + error.what[1:] + ".", error.which]
    lines += [f"Expected: {error.expected}." if error.expected else "", f"To do: {error.do}." if error.do else ""]
    return [line.replace("`", "'") for line in lines if line]


def new_york(ns: int) -> datetime:
    """Give a moment as New York's clocks show it."""
    return datetime.fromtimestamp(ns // NS_PER_S, UTC).astimezone(NEW_YORK)


def dollars_of(amount_e6: int | None) -> float | None:
    """Give dollars of 0.000001 dollars; None stays None."""
    return over(amount_e6, E6)


def over(amount: int | None, scale: int) -> float | None:
    """Give an amount in a larger unit; None stays None."""
    return None if amount is None else amount / scale


def age_of(ns: int | None, now_ns: int) -> str:
    """Write the age of a moment; nothing where there is none."""
    return "" if ns is None else age_text(now_ns - ns)


def count_text(count: int | None) -> str:
    """Write a count; what is not known is a dash."""
    return "–" if count is None else f"{count:,}"


def percent_text(share: float | None) -> str:
    """Write a share of 0 to 1 in percent, rounded down: only what is whole is 100 %."""
    return "–" if share is None else f"{math.floor(100 * share)} %"


def micros_text(value: float | None) -> str:
    """Write microseconds; what is not known is a dash."""
    return "–" if value is None else f"{value:,.0f} µs"


def spaced(name: str | None) -> str:
    """Write a code's words apart."""
    return plain(name).replace("_", " ")


def money_tone(amount_e6: int | None) -> Tone:
    """Tell whether money was won or lost."""
    return Tone.CALM if not amount_e6 else Tone.GOOD if amount_e6 > 0 else Tone.BAD
