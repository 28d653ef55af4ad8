"""Owns the places where a fault can strike, and which place lies within which.

Never says what happens there.
Comes from a scenario's `on`, goes to the plan.
"""

from enum import StrEnum
from typing import Final


class Place(StrEnum):
    """Name a place; `request`, `command`, `frame` and `frame.data` stand for all of their kind."""

    REQUEST = "request"
    OAUTH = "token"
    AUTHORIZE = "authorize"
    USER_PREFERENCE = "user_preference"
    ACCOUNT_NUMBERS = "account_numbers"
    ACCOUNTS = "accounts"
    ACCOUNT = "account"
    ALL_ORDERS = "orders.all"
    LIST_ORDERS = "orders.list"
    PLACE_ORDER = "orders.place"
    SHOW_ORDER = "orders.show"
    CANCEL_ORDER = "orders.cancel"
    REPLACE_ORDER = "orders.replace"
    PREVIEW_ORDER = "orders.preview"
    QUOTES = "quotes"
    HOURS = "hours"
    CONNECT = "connect"

    COMMAND = "command"
    LOGIN = "command.LOGIN"
    LOGOUT = "command.LOGOUT"
    SUBS = "command.SUBS"
    ADD = "command.ADD"
    UNSUBS = "command.UNSUBS"
    VIEW = "command.VIEW"

    FRAME = "frame"
    HEARTBEAT = "frame.heartbeat"
    NOTIFY = "frame.notify"
    RESPONSE = "frame.response"
    DATA = "frame.data"
    NASDAQ_BOOK = "frame.NASDAQ_BOOK"
    NYSE_BOOK = "frame.NYSE_BOOK"
    LEVELONE = "frame.LEVELONE_EQUITIES"
    ACTIVITY = "frame.ACCT_ACTIVITY"

    ENTER = "order.enter"
    FILL = "order.fill"
    CANCEL = "order.cancel"

    TIME = "time"


REQUESTS: Final = frozenset(
    {
        Place.REQUEST,
        Place.OAUTH,
        Place.AUTHORIZE,
        Place.USER_PREFERENCE,
        Place.ACCOUNT_NUMBERS,
        Place.ACCOUNTS,
        Place.ACCOUNT,
        Place.ALL_ORDERS,
        Place.LIST_ORDERS,
        Place.PLACE_ORDER,
        Place.SHOW_ORDER,
        Place.CANCEL_ORDER,
        Place.REPLACE_ORDER,
        Place.PREVIEW_ORDER,
        Place.QUOTES,
        Place.HOURS,
        Place.CONNECT,
    }
)
COMMANDS: Final = frozenset(place for place in Place if place.startswith("command"))
FRAMES: Final = frozenset(place for place in Place if place.startswith("frame"))
SERVICES: Final = frozenset({Place.NASDAQ_BOOK, Place.NYSE_BOOK, Place.LEVELONE, Place.ACTIVITY})
BOOKS: Final = frozenset({Place.NASDAQ_BOOK, Place.NYSE_BOOK})

_WHOLE: Final = {
    **dict.fromkeys(REQUESTS - {Place.CONNECT}, Place.REQUEST),
    **dict.fromkeys(COMMANDS, Place.COMMAND),
    **dict.fromkeys(FRAMES, Place.FRAME),
}


def around(place: Place) -> frozenset[Place]:
    """Give a place and those it lies within: a fault on any of them strikes here."""
    within = {place, _WHOLE.get(place, place)}
    if place in SERVICES:
        within.add(Place.DATA)
    return frozenset(within)
