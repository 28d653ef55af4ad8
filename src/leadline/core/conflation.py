"""Owns what is judged when frames wait: of a symbol's books of one service only those of the newest frame.

Never drops anything but books that a newer one supersedes, and never changes the order of what is judged.
Comes from the connection with what waiting frames hold; goes back as the order in which to take them, and what to skip.
"""

from collections.abc import Sequence

import msgspec

Part = tuple[str, str]
"""A service and a symbol: what one stream of data is about."""

NOTHING: frozenset[Part] = frozenset()


class Contents(msgspec.Struct, frozen=True):
    """What one waiting frame holds: whose books, and whether anything in it can be judged at all.

    `is_urgent`: neither books nor level one, but answers, notices or account activity, which wait for nobody.
    """

    books: frozenset[Part] = NOTHING
    is_urgent: bool = False


class Turn(msgspec.Struct, frozen=True):
    """One frame's turn, by its place among those that waited, and the books in it that are superseded."""

    place: int
    superseded: frozenset[Part] = NOTHING


def conflate(waiting: Sequence[Contents]) -> list[Turn]:
    """Give the turns of waiting frames: urgent ones first, then the rest as they came; each frame has one turn."""
    newer: set[Part] = set()
    turns: list[Turn] = []
    for place in range(len(waiting) - 1, -1, -1):
        books = waiting[place].books
        turns.append(Turn(place, books & newer if newer else NOTHING))
        newer |= books
    turns.reverse()
    return sorted(turns, key=lambda turn: not waiting[turn.place].is_urgent)
