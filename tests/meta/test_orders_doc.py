"""docs/orders.md names a test for every case of orders at the broker, and each test that it names is there."""

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
PAGE = (TESTS.parent / "docs" / "orders.md").read_text(encoding="utf-8")
CASES = dict(re.findall(r"^\| F(\d+) \|(.*)\|$", PAGE, re.MULTILINE))


def test_every_case_of_submit_and_order_life_has_a_row() -> None:
    """Cases 1 to 40 of the catalogue (groups A and B), none missing, none twice."""
    numbers = [int(number) for number in re.findall(r"^\| F(\d+) \|", PAGE, re.MULTILINE)]
    assert numbers == list(range(1, 41))


def test_every_row_names_tests_that_are_there() -> None:
    """A test that was renamed or deleted takes its row with it."""
    written = "\n".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    there = set(re.findall(r"^(?:async )?def (test_\w+)|^    (?:async )?def (test_\w+)", written, re.MULTILINE))
    names = {name for pair in there for name in pair if name}
    for case, row in CASES.items():
        named = re.findall(r"`(test_\w+)`", row)
        assert named, f"F{case} names no test"
        assert set(named) <= names, f"F{case}: {sorted(set(named) - names)} are not there"
