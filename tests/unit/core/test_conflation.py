"""Of a symbol's waiting books the newest stays; what is no book stays whole, and urgent frames go first."""

from hypothesis import given
from hypothesis import strategies as st

from leadline.core.conflation import NOTHING, Contents, Turn, conflate

F, G, F_NASDAQ = ("NYSE_BOOK", "F"), ("NYSE_BOOK", "G"), ("NASDAQ_BOOK", "F")


def books(*parts: tuple[str, str]) -> Contents:
    return Contents(frozenset(parts))


def test_the_newest_book_of_each_symbol_and_service_stays() -> None:
    assert conflate([books(F, G), books(F), books(F_NASDAQ), books(F)]) == [
        Turn(0, frozenset({F})),
        Turn(1, frozenset({F})),
        Turn(2),
        Turn(3),
    ]


def test_urgent_frames_go_first_in_their_order_and_the_rest_stays_in_its_own() -> None:
    urgent, level_one = Contents(is_urgent=True), Contents()
    turns = conflate([books(F), urgent, level_one, urgent, books(G)])
    assert [turn.place for turn in turns] == [1, 3, 0, 2, 4]
    assert all(turn.superseded == NOTHING for turn in turns)


def test_nothing_waiting_is_nothing_to_do() -> None:
    assert conflate([]) == []


PARTS = st.frozensets(st.sampled_from([F, G, F_NASDAQ]))


@given(st.lists(st.builds(Contents, PARTS, st.just(False)) | st.just(Contents(is_urgent=True)), max_size=12))
def test_each_frame_has_one_turn_and_each_part_is_judged_in_the_last_frame_that_holds_it(
    waiting: list[Contents],
) -> None:
    turns = conflate(waiting)
    assert sorted(turn.place for turn in turns) == list(range(len(waiting)))
    judged = [(turn.place, part) for turn in turns for part in waiting[turn.place].books - turn.superseded]
    last = {part: place for place, contents in enumerate(waiting) for part in contents.books}
    assert sorted(judged) == sorted((place, part) for part, place in last.items())
    assert [place for place, _ in judged] == sorted(place for place, _ in judged)
    assert all(turn.superseded <= waiting[turn.place].books for turn in turns)
