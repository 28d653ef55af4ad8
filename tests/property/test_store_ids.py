"""Alert ids over crashes: never twice, never smaller, whatever was on its way to the disk."""

import itertools
import tempfile
from pathlib import Path
from random import Random
from time import sleep

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.store.alerts import BLOCK_SIZE, AlertIds, Origin, insert_alert
from leadline.store.writer import Writer
from support.intents import an_alert
from support.machine import child, killed, said

ORIGIN = Origin("boot", "c0ffee", "0.1.0")

DRAW_FOR_EVER = """
import sys
from pathlib import Path
from leadline.store.alerts import AlertIds, Origin, insert_alert
from leadline.store.writer import Writer
from support.intents import an_alert
writer = Writer(Path(sys.argv[1]), 1)
ids = AlertIds(writer)
writer.start()
print("ready")
while True:
    number = ids.next()
    if number is not None:
        print(number)
        if sys.argv[2] == "rows":
            writer.put(insert_alert(number, an_alert(), Origin("boot", "c0ffee", "0.1.0")))
"""


class Abandoned:
    """A run whose writer's thread never runs by itself: it commits only where a test says so, and is then left."""

    def __init__(self, path: Path) -> None:
        self._writer = Writer(path, 1)
        self._ids = AlertIds(self._writer)

    def draw(self, count: int, *, writes_rows: bool) -> list[int]:
        """Draw ids, as many as there are."""
        drawn = []
        for number in itertools.takewhile(lambda n: n is not None, (self._ids.next() for _ in range(count))):
            assert number is not None
            drawn.append(number)
            if writes_rows:
                self._writer.put(insert_alert(number, an_alert(), ORIGIN))
        return drawn

    def commit(self) -> None:
        """Let the thread's work happen once."""
        self._writer._commit_group()

    def crash(self) -> None:
        """Leave everything that is not on disk."""
        self._writer._database.close()


seams = st.lists(
    st.tuples(st.integers(0, 1_300), st.booleans(), st.booleans()), min_size=1, max_size=4
)  # ids drawn, whether they leave rows, whether a commit happens then


@settings(max_examples=25, deadline=None)
@given(st.lists(seams, min_size=2, max_size=6))
def test_ids_are_never_given_twice_and_never_smaller_over_crashes(runs: list[list[tuple[int, bool, bool]]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        last = 0
        for steps in runs:
            run = Abandoned(Path(directory) / "x.db")
            for count, writes_rows, commits in steps:
                drawn = run.draw(count, writes_rows=writes_rows)
                assert all(later > earlier for earlier, later in itertools.pairwise([last, *drawn]))
                last = drawn[-1] if drawn else last
                if commits:
                    run.commit()
            run.crash()
        after = Abandoned(Path(directory) / "x.db")
        [following] = after.draw(1, writes_rows=False)
        assert last < following <= last + 2 * BLOCK_SIZE * (len(runs) + 1), "a crash skips at most two blocks"
        after.crash()


@pytest.mark.parametrize("mode", ["rows", "no rows"])
def test_ids_are_never_given_twice_and_never_smaller_over_kills(tmp_path: Path, mode: str) -> None:
    """Ten real kills at random moments, in one file; with and without alert rows."""
    dice = Random(mode)
    last = 0
    for _ in range(10):
        with child(DRAW_FOR_EVER, tmp_path / "x.db", mode) as process:
            assert said(process) == "ready"
            sleep(dice.random() * 0.12)
            drawn = [int(line) for line in killed(process)]
        if drawn:
            assert drawn[0] > last
            assert drawn == list(range(drawn[0], drawn[-1] + 1))
            last = drawn[-1]
    assert last > 5 * BLOCK_SIZE
