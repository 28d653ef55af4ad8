"""The table of a comparison: one row a combination, and parts below each other on a narrow terminal."""

from leadline.app.compared import Comparison, Row
from leadline.cli.comparison_lines import LEGEND, comparison_lines
from leadline.core.detector import Outcome


def row(venues: str, alerts: int, median_s: float | None = 10.04) -> Row:
    return Row(
        settings={"MIN_BID_HEAVY": venues},
        snapshots=100,
        alerts=alerts,
        bid_heavy=alerts - 1,
        ask_heavy=1,
        blocked=2,
        outcomes={outcome.value: number for number, outcome in enumerate(Outcome)},
        median_imbalance_duration_s=median_s,
        chatter=7,
        sha256="",
    )


TOLD = Comparison([row("4", 123), row("5", 9, None)], [])


def cells(lines: list[str]) -> list[list[str]]:
    return [line.split() for line in lines]


def test_on_a_wide_terminal_it_is_one_table_with_the_plain_settings_first() -> None:
    head, plain, first, blank, *legend = comparison_lines(TOLD, None)
    outcomes = [outcome.value for outcome in Outcome]
    numbers = [str(number) for number in range(len(outcomes))]
    assert cells([head, plain, first]) == [
        ["MIN_BID_HEAVY", "alerts", "bid_heavy", "ask_heavy", "blocked", *outcomes, "median_s", "chatter"],
        ["plain", "4", "123", "122", "1", "2", *numbers, "10.0", "7"],
        ["1", "5", "9", "8", "1", "2", *numbers, "-", "7"],
    ]
    assert len({len(head), len(plain), len(first)}) == 1, "columns stand below each other"
    assert (blank, " ".join(legend)) == ("", LEGEND)


def test_on_a_narrow_terminal_it_goes_on_below_with_the_rows_named_again() -> None:
    for width in (40, 80, 120):
        lines = comparison_lines(TOLD, width)
        assert max(map(len, lines)) <= width
        table = lines[: len(lines) - 1 - next(n for n, line in enumerate(reversed(lines)) if not line)]
        parts: list[list[str]] = [[]]
        for line in table:
            parts = [*parts, []] if not line else [*parts[:-1], [*parts[-1], line]]
        assert all(len(part) == 3 and part[1].split()[0] == "plain" and part[2].split()[0] == "1" for part in parts)
        heads = [name for part in parts for name in part[0].split()]
        plains = [cell for part in parts for cell in part[1].split()[1:]]
        wide = cells(comparison_lines(TOLD, None))
        assert (heads, plains) == (wide[0], wide[1][1:])


def test_a_terminal_too_narrow_for_a_column_still_shows_it() -> None:
    lines = comparison_lines(TOLD, 5)
    assert any("MIN_BID_HEAVY" in line for line in lines)
