"""Ages by symbol and service, and which books are STALE: once per episode, by a limit that is itself fresh."""

from leadline.core.freshness import Freshness, Turns

S = 1_000_000_000
PARTS = {"NYSE_BOOK": ["F", "G"], "LEVELONE_EQUITIES": ["F", "G"]}


def make() -> Freshness:
    freshness = Freshness(PARTS, {"NYSE_BOOK"}, 5 * S)
    freshness.begin(100 * S)
    return freshness


def test_an_age_is_that_of_the_last_data_and_before_it_of_the_wait() -> None:
    freshness = make()
    assert freshness.age_ns("NYSE_BOOK", "F", 103 * S) == 3 * S
    freshness.hear("NYSE_BOOK", ["F"], 104 * S)
    assert freshness.age_ns("NYSE_BOOK", "F", 105 * S) == 1 * S
    assert freshness.age_ns("LEVELONE_EQUITIES", "F", 105 * S) == 5 * S
    assert freshness.last_ns == 104 * S


def test_what_was_not_expected_is_passed_over_and_not_remembered() -> None:
    freshness = make()
    freshness.hear("NYSE_BOOK", ["X"], 104 * S)
    freshness.hear("NASDAQ_BOOK", ["F"], 104 * S)
    assert freshness.last_ns == 100 * S
    assert freshness.symbols == PARTS


def test_a_part_turns_stale_once_and_comes_back_once() -> None:
    freshness = make()
    freshness.hear("NYSE_BOOK", ["G"], 104 * S)
    assert freshness.judge(105 * S) == Turns([], {})  # exactly the limit
    assert freshness.judge(105 * S + 1) == Turns([("NYSE_BOOK", "F")], {})
    assert freshness.judge(106 * S) == Turns([], {})
    assert dict(freshness.stale) == {("NYSE_BOOK", "F"): 100 * S}
    freshness.hear("NYSE_BOOK", ["F"], 107 * S)
    assert freshness.judge(107 * S) == Turns([], {("NYSE_BOOK", "F"): 100 * S})
    assert not freshness.stale


def test_level_one_tells_changes_only_and_is_never_stale() -> None:
    freshness = make()
    freshness.hear("NYSE_BOOK", ["F", "G"], 200 * S)
    assert freshness.judge(200 * S) == Turns([], {})
    assert freshness.silent("LEVELONE_EQUITIES", 0, 200 * S, 30 * S) == ["F", "G"]


def test_a_new_beginning_forgets_what_was_stale() -> None:
    freshness = make()
    assert len(freshness.judge(110 * S).stale) == 2
    freshness.begin(120 * S)
    assert not freshness.stale
    assert freshness.judge(125 * S) == Turns([], {})
    assert len(freshness.judge(125 * S + 1).stale) == 2


def test_silence_is_counted_from_the_connection_at_the_earliest() -> None:
    freshness = make()
    freshness.hear("NYSE_BOOK", ["F"], 105 * S)
    assert freshness.silent("NYSE_BOOK", 120 * S, 149 * S, 30 * S) == []
    assert freshness.silent("NYSE_BOOK", 120 * S, 150 * S, 30 * S) == ["F", "G"]
    freshness.hear("NYSE_BOOK", ["F"], 130 * S)
    assert freshness.silent("NYSE_BOOK", 120 * S, 150 * S, 30 * S) == ["G"]
    assert freshness.size("NYSE_BOOK") == 2
