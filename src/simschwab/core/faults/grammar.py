"""Owns where each effect is legal and which words it takes: the language of scenarios as one table.

Never applies an effect.
Comes from the names of effects and places, goes to the reader of scenarios and to the documents.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from simschwab.core.faults.effect import BookLie, Broken, Effect, Replay, Revoked, When
from simschwab.core.faults.place import BOOKS, COMMANDS, FRAMES, REQUESTS, Place


@dataclass(frozen=True, slots=True)
class Word:
    """Describe one value: its type, the default (None: required) and the least number."""

    kind: type[int] | type[float] | type[str] | type[bool]
    default: int | float | str | bool | None = None
    least: float | None = None
    choices: type[StrEnum] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Say where an effect is legal and which words it takes."""

    places: frozenset[Place]
    words: dict[str, Word]
    about: str


_MS = Word(int, 1000, 0)
_WHEN = Word(str, "before", choices=When)
_WHEN_AFTER = Word(str, "after", choices=When)
_ENTER = frozenset({Place.ENTER})
_FILL = frozenset({Place.FILL})
_CANCEL = frozenset({Place.CANCEL})
_TIME = frozenset({Place.TIME})
_LISTS = frozenset({Place.LIST_ORDERS, Place.ALL_ORDERS, Place.ACCOUNT, Place.ACCOUNTS})
_FOR = Word(float, 10.0, 0)

RULES: Final[dict[Effect, Rule]] = {
    Effect.DROP: Rule(
        REQUESTS | FRAMES,
        {"when": _WHEN},
        "request: the connection ends without an answer, `before` or `after` the broker did the work. frame: lost; "
        "with a symbol only that symbol's items",
    ),
    Effect.HOLD: Rule(REQUESTS, {"when": _WHEN}, "open but silent: no answer ever comes"),
    Effect.DELAY: Rule(
        REQUESTS | COMMANDS | FRAMES | _ENTER | _CANCEL,
        {"ms": _MS, "ms_max": Word(int, 0, 0)},
        "later by `ms`, or drawn up to `ms_max`; order.*: the market sees it later",
    ),
    Effect.RESET: Rule(REQUESTS, {"when": _WHEN_AFTER}, "the connection is reset in the middle of the headers"),
    Effect.TRUNCATE: Rule(
        REQUESTS | FRAMES, {"when": _WHEN_AFTER, "bytes": Word(int, 20, 0)}, "cut after `bytes` of the body or frame"
    ),
    Effect.TRICKLE: Rule(
        REQUESTS,
        {"when": _WHEN_AFTER, "bytes": Word(int, 16, 1), "ms": Word(int, 100, 0)},
        "the answer comes in pieces of `bytes`, `ms` apart",
    ),
    Effect.STATUS: Rule(
        REQUESTS,
        {
            "status": Word(int, None, 200),
            "when": _WHEN,
            "text": Word(str, "Injected."),
            "retry_after_s": Word(int, -1, -1),
            "location": Word(str, ""),
            "html": Word(bool, False),
        },
        "answered with `status`, the broker's work left undone (`before`) or done (`after`)",
    ),
    Effect.AKAMAI: Rule(REQUESTS, {"when": _WHEN}, "Akamai's 403 Access Denied in HTML"),
    Effect.BODY: Rule(
        REQUESTS,
        {"when": _WHEN_AFTER, "text": Word(str), "type": Word(str, "application/json")},
        "the answer's body is `text`",
    ),
    Effect.NO_LOCATION: Rule(frozenset({Place.PLACE_ORDER, Place.REPLACE_ORDER}), {}, "201 without Location"),
    Effect.WRONG_LOCATION: Rule(
        frozenset({Place.PLACE_ORDER, Place.REPLACE_ORDER}),
        {"order_id": Word(int, 0, 0)},
        "201 with the Location of another order: `order_id`, else the last one before, else one that does not exist",
    ),
    Effect.EMPTY: Rule(_LISTS, {}, "the list is empty: no orders, or no positions"),
    Effect.IGNORE: Rule(
        COMMANDS | _CANCEL, {}, "nothing happens and nothing is answered; order.cancel: it never comes"
    ),
    Effect.CODE: Rule(
        COMMANDS, {"code": Word(int, None, 0), "text": Word(str, "")}, "refused with a streamer code, in its own words"
    ),
    Effect.WRONG_REQUESTID: Rule(COMMANDS, {}, "answered under another request's id"),
    Effect.STALL: Rule(
        FRAMES,
        {"then": Word(str, "lost", choices=Replay)},
        "open but silent until the window ends, then `late` or `lost`",
    ),
    Effect.DUPLICATE: Rule(FRAMES, {"copies": Word(int, 1, 1)}, "sent again `copies` times"),
    Effect.REORDER: Rule(FRAMES, {}, "sent after the next frame of its place"),
    Effect.CLOSE: Rule(
        FRAMES | COMMANDS | _TIME,
        {"code": Word(int, 1000, 1000)},
        "the websocket closes with `code` (1006: without a word)",
    ),
    Effect.MALFORMED: Rule(FRAMES, {"kind": Word(str, "not_json", choices=Broken)}, "the text is broken"),
    Effect.FRAGMENT: Rule(FRAMES, {"pieces": Word(int, 3, 2)}, "sent as `pieces` websocket fragments"),
    Effect.BINARY: Rule(FRAMES, {}, "sent as a binary message"),
    Effect.OVERSIZE: Rule(FRAMES, {"bytes": Word(int, 20_000_000, 1)}, "padded with blanks to `bytes`"),
    Effect.MASKED: Rule(FRAMES, {}, "sent masked, which a server must not do"),
    Effect.BOOK: Rule(
        BOOKS | {Place.DATA, Place.FRAME}, {"kind": Word(str, None, choices=BookLie)}, "the books tell a lie"
    ),
    Effect.RENAME: Rule(FRAMES, {"to": Word(str, "ZZZZ")}, "items come under another symbol"),
    Effect.DROP_FIELDS: Rule(FRAMES, {"fields": Word(str)}, "items come without these fields (numbers with commas)"),
    Effect.TEXT: Rule(
        frozenset({Place.ACTIVITY}), {"text": Word(str, "")}, "message data is this text; empty gives null"
    ),
    Effect.LISTING_LAG: Rule(_ENTER, {"ms": _MS}, "lists show the order later"),
    Effect.TWIN: Rule(
        _ENTER, {"tag": Word(str, "API_TOS:SIM")}, "another app enters the same order at once, with `tag`"
    ),
    Effect.VIA: Rule(
        _ENTER,
        {"statuses": Word(str), "ms": Word(int, 500, 0)},
        "it goes through these statuses (with commas), `ms` each, before the market",
    ),
    Effect.REJECT: Rule(
        _ENTER,
        {
            "rule": Word(str, "Sim_Injected"),
            "text": Word(str, "Injected."),
            "when": _WHEN,
            "ms": Word(int, 500, 0),
        },
        "rejected `before` acceptance, or `ms` `after` it",
    ),
    Effect.REPLACE: Rule(
        _ENTER,
        {"ms": Word(int, 500, 0), "tag": Word(str, "TA_SIM_DESK")},
        "`ms` after acceptance it is REPLACED by a successor with `tag` that nobody asked for",
    ),
    Effect.REST: Rule(_ENTER, {}, "it works and meets no counterparty"),
    Effect.PARTIAL: Rule(_ENTER, {"quantity": Word(int, None, 1)}, "so much is filled at its price, then it rests"),
    Effect.SPLIT: Rule(
        _FILL, {"parts": Word(int, 3, 2), "ticks": Word(int, 1, 0)}, "in `parts` prints, the first `ticks` better"
    ),
    Effect.FILL_PRICE: Rule(_FILL, {"factor": Word(float, 100.0, 0.0001)}, "at `factor` times the price"),
    Effect.OVERFILL: Rule(_FILL, {"quantity": Word(int, 100, 1)}, "more than ordered is filled"),
    Effect.EXPIRE: Rule(_ENTER, {"ms": Word(int, 500, 0)}, "it expires `ms` after acceptance"),
    Effect.ADMIN_CANCEL: Rule(_ENTER, {"ms": Word(int, 500, 0)}, "Schwab cancels it `ms` after acceptance"),
    Effect.SHOW_STATUS: Rule(_ENTER, {"status": Word(str)}, "clients are shown this status text"),
    Effect.FILL_FIRST: Rule(
        _CANCEL,
        {"when": _WHEN_AFTER},
        "filled whole at its price, `before` the DELETE is answered (which then fails) or `after`",
    ),
    Effect.LATE_FILL: Rule(
        _CANCEL,
        {"ms": Word(int, 500, 0), "quantity": Word(int, 0, 0)},
        "a fill comes `ms` after CANCELED; 0: the whole",
    ),
    Effect.HAND_ORDER: Rule(
        _TIME,
        {
            "instruction": Word(str, "BUY"),
            "quantity": Word(int, 100, 1),
            "price": Word(str, ""),
            "tag": Word(str, "API_TOS:IPHONE"),
        },
        "somebody trades by hand in another app; without a price at the market",
    ),
    Effect.ADJUST: Rule(
        _TIME, {"shares": Word(int, None), "price": Word(str, "0.01")}, "the position changes without an order"
    ),
    Effect.RESTRICT: Rule(_TIME, {"for_s": _FOR}, "the account is closing only, with no buying power"),
    Effect.HALT: Rule(_TIME, {"for_s": _FOR}, "trading of the symbol is halted, then resumes"),
    Effect.REVOKE: Rule(_TIME, {"token": Word(str, "access", choices=Revoked)}, "tokens become invalid"),
    Effect.NOTICE: Rule(_TIME, {"text": Word(str, "Feature not supported")}, "ACCT_ACTIVITY tells a plain text"),
    Effect.CLOCK: Rule(_TIME, {"offset_s": Word(float, None)}, "the simulator's clock is set off by so much"),
    Effect.PARTITION: Rule(_TIME, {"for_s": _FOR}, "no request, command or frame passes; what was open is then reset"),
    Effect.HALF_OPEN: Rule(_TIME, {"for_s": _FOR}, "streams stay open, carry nothing and hear nothing; REST goes on"),
    Effect.FLOOD: Rule(
        _TIME, {"factor": Word(float, 10.0, 0.01), "for_s": _FOR}, "the market is `factor` times as fast"
    ),
    Effect.SLOW_READ: Rule(
        _TIME, {"ms": Word(int, 1000, 1), "for_s": _FOR}, "the server waits `ms` before it reads each next message"
    ),
    Effect.EVICT: Rule(_TIME, {}, "the user logs in elsewhere: code 12"),
}
