"""Owns how a book that is not true looks on the wire.

Never changes what orders trade with: the board keeps the true book.
Comes from a book's content item as values, goes back to the frame.
"""

from collections.abc import Callable
from typing import Final

from simschwab.core.faults.effect import BookLie

Item = dict[str, object]
Level = dict[str, object]

_BIDS: Final = "2"
_ASKS: Final = "3"
_TIME: Final = "1"
_HOUR_MS: Final = 3_600_000
_TEN_SECONDS_MS: Final = 10_000


def lied(item: Item, kind: BookLie) -> Item:
    """Give a book's item with one thing wrong; sides that are not there stay so."""
    copy: Item = dict(item)
    copy.update({side: _levels(item, side) for side in (_BIDS, _ASKS) if side in item})
    _LIES[kind](copy)
    return copy


def _levels(item: Item, side: str) -> list[Level]:
    levels = item.get(side)
    return [dict(level) for level in levels if isinstance(level, dict)] if isinstance(levels, list) else []


def _best(item: Item, side: str) -> Level:
    levels = item.get(side)
    return levels[0] if isinstance(levels, list) and levels else {}


def _price(level: Level) -> float:
    price = level.get("0")
    return float(price) if isinstance(price, (int, float)) else 0.0


def _raise_bid(item: Item, by: float) -> None:
    best = _best(item, _BIDS)
    best["0"] = round(_price(_best(item, _ASKS)) + by, 4)


def _set_best(name: str, value: object) -> Callable[[Item], None]:
    def lie(item: Item) -> None:
        _best(item, _BIDS)[name] = value

    return lie


def _scale_best(factor: float, plus: float = 0.0) -> Callable[[Item], None]:
    def lie(item: Item) -> None:
        best = _best(item, _ASKS)
        best["0"] = round(_price(best) * factor + plus, 6)

    return lie


def _move_time(by_ms: int) -> Callable[[Item], None]:
    def lie(item: Item) -> None:
        book_ms = item.get(_TIME)
        if isinstance(book_ms, int):
            item[_TIME] = book_ms + by_ms

    return lie


def _drop(*names: str) -> Callable[[Item], None]:
    def lie(item: Item) -> None:
        for name in names:
            item.pop(name, None)

    return lie


def _reverse(item: Item) -> None:
    for side in (_BIDS, _ASKS):
        if side in item:
            item[side] = _levels(item, side)[::-1]


def _repeat_levels(item: Item) -> None:
    for side in (_BIDS, _ASKS):
        if side in item:
            item[side] = [level for level in _levels(item, side) for _ in range(2)]


def _rename_venue(item: Item) -> None:
    entries = _best(item, _BIDS).get("3")
    if isinstance(entries, list) and entries:
        _best(item, _BIDS)["3"] = [{**entries[0], "0": "XNEW"}, *entries[1:]]


def _empty_sides(item: Item) -> None:
    item |= {_BIDS: [], _ASKS: []}


_LIES: Final[dict[BookLie, Callable[[Item], None]]] = {
    BookLie.CROSSED: lambda item: _raise_bid(item, 0.05),
    BookLie.LOCKED: lambda item: _raise_bid(item, 0.0),
    BookLie.ONE_SIDED: _drop(_ASKS),
    BookLie.EMPTY: _empty_sides,
    BookLie.DUPLICATE_LEVELS: _repeat_levels,
    BookLie.REVERSED: _reverse,
    BookLie.ZERO_PRICE: _set_best("0", 0),
    BookLie.NEGATIVE_PRICE: _set_best("0", -1.5),
    BookLie.HUGE_PRICE: _set_best("0", 1e9),
    BookLie.SHIFTED_PRICE: _scale_best(0.1),
    BookLie.HALF_CENT: _scale_best(1.0, 0.00005),
    BookLie.ZERO_SIZE: _set_best("1", 0),
    BookLie.NEGATIVE_SIZE: _set_best("1", -100),
    BookLie.HUGE_SIZE: _set_best("1", 2**63),
    BookLie.UNKNOWN_VENUE: _rename_venue,
    BookLie.NEW_FIELD: lambda item: item.update({"9": {"new": [1, 2]}}),
    BookLie.MISSING_FIELD: _drop(_BIDS),
    BookLie.OLD: _move_time(-_HOUR_MS),
    BookLie.FUTURE: _move_time(_TEN_SECONDS_MS),
    BookLie.NO_TIME: _drop(_TIME),
}
