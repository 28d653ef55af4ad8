"""Owns how a comparison of settings reads: one row a combination, in as many parts as the terminal is wide.

Never replays.
Comes from `app.compared`; goes to the terminal.
"""

from textwrap import wrap

from leadline.app.compared import CHATTER_NS, Comparison, Row
from leadline.core.units import NS_PER_S

LEGEND = (
    "blocked: alerts that open nothing; median_s: seconds that venues had leaned at an alert; "
    f"chatter: alerts against the symbol's one before, within {CHATTER_NS // NS_PER_S} s"
)
LEGEND_WIDTH = 120
GAP = "  "


def comparison_lines(comparison: Comparison, width: int | None) -> list[str]:
    """Give the table's lines; wider than `width` (None: any), it goes on below, each part with the rows' numbers."""
    rows = comparison.rows
    key, *columns = _columns(rows)
    lines: list[str] = []
    part = [key]
    for column in columns:
        if width is not None and len(part) > 1 and len(_joined([*part, column])[0]) > width:
            lines += [*_joined(part), ""]
            part = [key]
        part.append(column)
    return [*lines, *_joined(part), "", *wrap(LEGEND, width or LEGEND_WIDTH)]


def _columns(rows: list[Row]) -> list[list[str]]:
    """Give the table by columns: a head, then one text a row, all of one width."""
    columns = [["", "plain", *map(str, range(1, len(rows)))]]
    columns += [[name, *(row.settings[name] for row in rows)] for name in rows[0].settings]
    for name in ("alerts", "bid_heavy", "ask_heavy", "blocked"):
        columns.append([name, *(str(getattr(row, name)) for row in rows)])
    columns += [[outcome, *(str(row.outcomes[outcome]) for row in rows)] for outcome in rows[0].outcomes]
    columns.append(["median_s", *(_seconds(row.median_imbalance_duration_s) for row in rows)])
    columns.append(["chatter", *(str(row.chatter) for row in rows)])
    return [[text.rjust(max(map(len, column))) for text in column] for column in columns]


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f}"


def _joined(columns: list[list[str]]) -> list[str]:
    return [GAP.join(texts) for texts in zip(*columns, strict=True)]
