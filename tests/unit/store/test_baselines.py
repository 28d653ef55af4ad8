"""What is ours comes back from rows: the newest baseline of each symbol, the fills after it, and locks that hold."""

from pathlib import Path

import pytest

from leadline.core.agreement import Baseline
from leadline.core.fills import Fill
from leadline.core.orders import Instruction
from leadline.core.position import Position
from leadline.store.baselines import insert_baseline, lift_lock, restore, upsert_lock
from leadline.store.orders import Book, insert_fill
from leadline.store.writer import Writer
from support.intents import an_intent

BOOK = Book("live", "sim", "a")
OTHER = Book("live", "sim", "b")


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path / "l.db", 0)


def baseline(symbol: str, ours: int, by: str = "anna") -> Baseline:
    return Baseline(Position(symbol, ours, ours * 13_000_000, 5), 10.5, ours + 10.5, 7, by, "a test")


def fill(writer: Writer, key: str, symbol: str = "F", book: Book = BOOK) -> Fill:
    made = Fill(key, "1", symbol, Instruction.BUY, 100, 13_000_000, 8)
    writer.execute_now(*insert_fill(made, an_intent(symbol=symbol), book, 9))
    return made


def test_the_newest_baseline_of_a_symbol_holds_with_the_fills_after_it(writer: Writer) -> None:
    before = fill(writer, "1")
    writer.execute_now(*insert_baseline(BOOK, baseline("F", 1)))
    between = fill(writer, "2")
    writer.execute_now(*insert_baseline(BOOK, baseline("F", 2)))
    after = fill(writer, "3")
    other = fill(writer, "4", "T")
    known = restore(writer.execute_now, BOOK)
    assert known.baselines == (baseline("F", 2),)
    assert known.fills == (after, other)
    assert known.keys == {before.key, between.key}


def test_each_account_has_its_own(writer: Writer) -> None:
    writer.execute_now(*insert_baseline(OTHER, baseline("F", 1)))
    mine = fill(writer, "1")
    fill(writer, "2", book=OTHER)
    writer.execute_now(*upsert_lock(OTHER, "F", "k/fills", "too many", 1))
    known = restore(writer.execute_now, BOOK)
    assert (known.baselines, known.fills, known.locks) == ((), (mine,), ())


def test_a_baseline_is_never_changed(writer: Writer) -> None:
    for ours in (1, 2):
        writer.execute_now(*insert_baseline(BOOK, baseline("F", ours)))
    assert writer.execute_now("SELECT ours_qty, taken_by FROM baselines") == [(1, "anna"), (2, "anna")]


def test_a_lock_holds_until_it_is_lifted_and_can_come_again(writer: Writer) -> None:
    writer.execute_now(*upsert_lock(BOOK, "F", "k/fills", "too many", 1))
    assert restore(writer.execute_now, BOOK).locks == (("F", "k/fills", "too many"),)
    writer.execute_now(*lift_lock(BOOK, "F", "k/fills", 2))
    assert restore(writer.execute_now, BOOK).locks == ()
    assert writer.execute_now("SELECT since_ns, lifted_ns FROM locks") == [(1, 2)]
    writer.execute_now(*upsert_lock(BOOK, "F", "k/fills", "again", 3))
    assert restore(writer.execute_now, BOOK).locks == (("F", "k/fills", "again"),)
