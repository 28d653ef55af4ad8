"""A command is asked by one process beside another that writes, and answered once."""

from pathlib import Path

import pytest

from leadline.core.errors import StoreError
from leadline.store import queries
from leadline.store.commands import Asked, CommandState, answer, answer_of, ask, asked_of
from leadline.store.orders import Book
from leadline.store.writer import Writer

BOOK = Book("live", "sim", "a")
ADOPT = Asked("adopt", "F", -100, -150.5, 7, "anna", "desk")


def test_what_is_asked_is_found_by_whose_it_is_until_it_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    writer = Writer(path, 0)
    writer.start()
    first, second = ask(path, BOOK, ADOPT), ask(path, BOOK, ADOPT)
    assert asked_of(path, BOOK) == [(first, ADOPT), (second, ADOPT)]
    assert asked_of(path, Book("live", "sim", "b")) == []
    writer.put(answer(first, CommandState.REFUSED, "no", 8))
    writer.put(answer(first, CommandState.APPLIED, "yes after all", 9))
    assert writer.flush(60)
    with queries.reading(path) as connection:
        assert answer_of(connection, first) == (CommandState.REFUSED, "no"), "the first answer is the answer"
        assert answer_of(connection, second) == (CommandState.ASKED, "")
        with pytest.raises(StoreError, match="is gone"):
            answer_of(connection, 99)
    assert asked_of(path, BOOK) == [(second, ADOPT)]
    writer.close()


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no database here yet"):
        ask(tmp_path / "no.db", BOOK, ADOPT)
    assert list(tmp_path.iterdir()) == []
