"""A tape made by hand: F leans to the bid, then to the ask; T leans to the bid below a dollar, seen on both services.

Comes from nothing but arithmetic, so that what must follow from it can be worked out on paper (test_replay.py does).
"""

import json
from typing import Any

START_S = 1_772_807_400
"""2026-03-06 09:30:00 in New York."""

LAG_MS = 400
F_VENUES = ("ARCX", "nyse", "iexg", "BATX", "nsdq")
T_HEAVY = ("arcx", "nsdq", "memx", "edgx")
T_EVEN = ("bosx", "cinn")
ASK_HEAVY_FROM_S, F_ENDS_S, T_ENDS_S = 76, 90, 12

LISTING = {"F": "N", "T": "Q"}


def level(price: float, sizes: dict[str, int]) -> dict[str, Any]:
    """One level as the wire says it."""
    entries = [{"0": venue, "1": size, "2": 34_200_000} for venue, size in sizes.items()]
    return {"0": price, "1": sum(sizes.values()), "2": len(sizes), "3": entries}


def book(key: str, second: int, bids: list[dict[str, Any]], asks: list[dict[str, Any]]) -> dict[str, Any]:
    """One symbol's book as the wire says it."""
    return {"key": key, "1": (START_S + second) * 1_000 - LAG_MS, "2": bids, "3": asks}


def f_book(second: int) -> dict[str, Any]:
    """Five venues at a cent: 300 to 100 shares each, later 100 to 250; one far stub a side, once an empty entry."""
    bid, ask = (300, 100) if second < ASK_HEAVY_FROM_S else (100, 250)
    nothing = {"phlx": 0} if second == 30 else {}
    return book(
        "F",
        second,
        [level(13.82, dict.fromkeys(F_VENUES, bid) | nothing), level(13.5, {"MIAX": 9_000})],
        [level(13.83, dict.fromkeys(F_VENUES, ask)), level(14.2, {"MIAX": 70})],
    )


def t_book(second: int) -> dict[str, Any]:
    """Four venues 500 to 200 shares, two 100 to 100, at a hundredth of a cent."""
    even = dict.fromkeys(T_EVEN, 100)
    return book(
        "T",
        second,
        [level(0.9871, dict.fromkeys(T_HEAVY, 500) | even)],
        [level(0.9872, dict.fromkeys(T_HEAVY, 200) | even)],
    )


def block(service: str, second: int, items: list[dict[str, Any]]) -> dict[str, Any]:
    """One element of a frame's data."""
    return {"service": service, "timestamp": (START_S + second) * 1_000, "command": "SUBS", "content": items}


def line(second: int, frame: str) -> bytes:
    """One line of the tape."""
    return b'{"recv_ns":%d,"frame":%b}\n' % ((START_S + second) * 1_000_000_000, frame.encode())


def level_one(second: int, volume: int, **fields: Any) -> bytes:
    """A change of F's level one."""
    item = {"key": "F", "8": volume, **fields}
    return line(second, json.dumps({"data": [block("LEVELONE_EQUITIES", second, [item])]}))


def lean_tape() -> bytes:
    """Give the tape: 91 frames of books, two of level one, one that is malformed, one heartbeat."""
    lines = []
    for second in range(F_ENDS_S + 1):
        if second == 5:
            lines.append(level_one(second, 1_000_000))
        if second == 20:
            lines.append(line(second, '{"data":[{"service":"NYSE_BOOK","content":[{"key":"F","1":NaN}]}]}'))
        if second == 69:
            lines.append(level_one(second, 1_090_000, **{"3": 13.83, "35": (START_S + 68) * 1_000}))
        nyse, nasdaq = [f_book(second)], []
        if second <= T_ENDS_S:
            nyse.append(t_book(second))
            nasdaq.append(t_book(second))
        blocks = [block("NYSE_BOOK", second, nyse), *([block("NASDAQ_BOOK", second, nasdaq)] if nasdaq else [])]
        lines.append(line(second, json.dumps({"data": blocks})))
    return b"".join([*lines, line(F_ENDS_S, '{"notify":[{"heartbeat":"1772807490000"}]}')])
