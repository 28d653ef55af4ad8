"""Drift and range over 60 s: exact, bounded, and None where nobody knows."""

import random
from itertools import pairwise

import msgspec
import pytest

from leadline.core.features import LOOK_BACK_NS, MIDS_MAX, Features, Mids, no_mids

S = 1_000_000_000
T0 = 1_795_000_000 * S


def fed(*touches: tuple[float, int, int]) -> Mids:
    mids = no_mids()
    for second, bid, ask in touches:
        mids.add(T0 + round(second * S), bid, ask)
    return mids


def test_nothing_is_known_before_a_minute_has_passed() -> None:
    mids = fed((0, 100, 200), (59.999999999, 100, 202))
    assert mids.window(T0 + 60 * S - 1) is None
    assert no_mids().window(T0) is None


def test_exactly_a_minute_is_enough() -> None:
    mids = fed((0, 100, 200), (60, 100, 206))
    assert mids.window(T0 + 60 * S) == (300, 300, 306)


def test_what_stood_at_the_windows_start_is_that_of_the_last_book_before_it() -> None:
    mids = fed((0, 100, 200), (5, 90, 190), (10, 110, 210), (70, 120, 220))
    assert mids.window(T0 + 69 * S) == (280, 280, 340)
    assert mids.window(T0 + 70 * S) == (320, 320, 340)


def test_what_is_older_than_the_window_has_no_part_in_the_range() -> None:
    mids = fed((0, 100, 9_000), (1, 100, 200), (62, 100, 202))
    assert mids.window(T0 + 62 * S) == (300, 300, 302)


def test_a_quiet_symbol_needs_no_room() -> None:
    mids = fed(*((second, 100, 200) for second in range(10_000)))
    assert mids.count == 1
    assert mids.window(T0 + 9_999 * S) == (300, 300, 300)


def test_a_lost_connection_and_a_clock_that_was_set_back_begin_anew() -> None:
    mids = fed((0, 100, 200), (100, 100, 202))
    mids.forget()
    assert mids.window(T0 + 100 * S) is None
    mids.add(T0 + 101 * S, 100, 200)
    assert mids.window(T0 + 160 * S) is None
    assert mids.window(T0 + 161 * S) == (300, 300, 300)
    back = fed((0, 100, 200), (100, 100, 202), (50, 100, 204))
    assert back.window(T0 + 100 * S) is None
    assert back.window(T0 + 110 * S) == (304, 304, 304)


def test_more_changes_in_a_minute_than_are_kept_are_not_made_up() -> None:
    mids = fed(*((number / 10, 100, 200 + number) for number in range(10 * MIDS_MAX)))
    assert mids.window(T0 + 10 * MIDS_MAX * S // 10) is None
    assert len(mids.times_ns) == len(mids.sums) == MIDS_MAX


@pytest.mark.parametrize("seed", range(20))
def test_it_is_what_a_whole_history_says(seed: int) -> None:
    """A list of all books, searched from the beginning, is the slow model."""
    chance = random.Random(seed)
    history: list[tuple[int, int]] = []
    mids, t_ns, known = no_mids(), T0, 0
    for _ in range(600):
        t_ns += chance.choice((1, S // 3, S, S, S, 7 * S))
        history.append((t_ns, chance.choice((300, 300, 302, 305))))
        mids.add(t_ns, 100, history[-1][1] - 100)
        start_ns = t_ns - LOOK_BACK_NS
        before = [both for at_ns, both in history if at_ns <= start_ns]
        window = mids.window(t_ns)
        if window is not None:
            known += 1
            within = [both for at_ns, both in history if at_ns > start_ns]
            assert window == (before[-1], min(before[-1], *within), max(before[-1], *within))
        elif before:
            changes = sum(now[1] != was[1] for was, now in pairwise(history))
            assert changes >= MIDS_MAX, "room was left, and yet it was forgotten"
    assert known > 100


def test_features_survive_the_journal() -> None:
    one = Features(None, None, None, None, 100, 9, 8, 9, 8, 7, 3, 12.5, 40, 5)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=Features) == one
