"""Owns the streamer's codes: the name of each, and what leadline does where it comes.

Never carries a reaction out: that is `protocol`'s.
Comes from the Schwab API facts, section 1.4; goes to `protocol`, and as a table to docs/feed.md (a test compares them).
"""

from enum import StrEnum

import msgspec


class Place(StrEnum):
    """Where a code comes: in the answer to a request of ours, or unasked."""

    LOGIN = "the login"
    BOOKS = "a request for books"
    HELP = "a request for level one or account activity, without which books can still be judged"
    OTHER = "an answer to a request that is not open: 1,068 such came in 4 days (facts 1.3)"
    NOTICE = "a notice"


class Reaction(StrEnum):
    """What the conversation does then."""

    GO_ON = "it succeeded: the next request"
    REFUSED = "the login was refused: a fresh token once, then a person"
    EVICTED = "another connection of this user took the place: one try after a minute, then a person"
    AGAIN = "the conversation is over: connect again"
    PARTLY = "what was accepted works; what was discarded is named"
    WITHOUT = "this service is missing: go on while another book service is served, else connect again"
    SAY = "said as degraded; the rest goes on"
    NONE = "nothing"


class Code(msgspec.Struct, frozen=True):
    """One code: its name in the guide, the reaction at each place, and what that means to a reader."""

    name: str
    reactions: dict[Place, Reaction]
    meaning: str


_R = Reaction
_SUCCEEDED = (_R.GO_ON, _R.GO_ON, _R.GO_ON, _R.NONE)
_FAILED = (_R.AGAIN, _R.AGAIN, _R.SAY, _R.NONE)
_ON = "goes on to the next request"
_COMMAND = "for books: connects again, waiting longer each time; for level one or account activity: goes on without it"


def _code(name: str, reactions: tuple[Reaction, Reaction, Reaction, Reaction], meaning: str) -> Code:
    """Give a code by its reactions to the login, books, helps and others' answers.

    A notice is taken like an answer of others, but said where that would be passed over.
    """
    login, books, helps, other = reactions
    notice = Reaction.SAY if other is Reaction.NONE else other
    by_place = {
        Place.LOGIN: login,
        Place.BOOKS: books,
        Place.HELP: helps,
        Place.OTHER: other,
        Place.NOTICE: notice,
    }
    return Code(name, by_place, meaning)


CODES: dict[int, Code] = {
    0: _code("SUCCESS", _SUCCEEDED, _ON),
    3: _code(
        "LOGIN_DENIED",
        (_R.REFUSED, _R.AGAIN, _R.AGAIN, _R.NONE),
        "refreshes the token once and logs in again; denied again: ends with exit code 5, a person must log in",
    ),
    9: _code("UNKNOWN_FAILURE", _FAILED, _COMMAND),
    11: _code(
        "SERVICE_NOT_AVAILABLE",
        (_R.AGAIN, _R.WITHOUT, _R.SAY, _R.NONE),
        "goes on without this service while another book service is served; without any: connects again",
    ),
    12: _code(
        "CLOSE_CONNECTION",
        (_R.EVICTED, _R.EVICTED, _R.EVICTED, _R.EVICTED),
        "another program streams with this login: one more try after 60 s; evicted again: ends and says who it may be",
    ),
    19: _code(
        "REACHED_SYMBOL_LIMIT",
        (_R.AGAIN, _R.PARTLY, _R.PARTLY, _R.NONE),
        "what was accepted works; how many and which symbols were discarded is said, and nothing is opened on them",
    ),
    20: _code(
        "STREAM_CONN_NOT_FOUND",
        (_R.AGAIN, _R.AGAIN, _R.AGAIN, _R.NONE),
        "connects again: the server does not know this connection",
    ),
    21: _code("BAD_COMMAND_FORMAT", _FAILED, _COMMAND),
    22: _code("FAILED_COMMAND_SUBS", _FAILED, _COMMAND),
    23: _code("FAILED_COMMAND_UNSUBS", _FAILED, _COMMAND),
    24: _code("FAILED_COMMAND_ADD", _FAILED, _COMMAND),
    25: _code("FAILED_COMMAND_VIEW", _FAILED, _COMMAND),
    26: _code("SUCCEEDED_COMMAND_SUBS", _SUCCEEDED, _ON),
    27: _code("SUCCEEDED_COMMAND_UNSUBS", _SUCCEEDED, _ON),
    28: _code("SUCCEEDED_COMMAND_ADD", _SUCCEEDED, _ON),
    29: _code("SUCCEEDED_COMMAND_VIEW", _SUCCEEDED, _ON),
    30: _code(
        "STOP_STREAMING",
        (_R.AGAIN, _R.AGAIN, _R.AGAIN, _R.AGAIN),
        "connects again and says the server's reason: an empty subscription, inactivity, slowness or an administrator",
    ),
}
"""Every code of the guide. The severed ones are 3, 12 and 30; of 9 and 20 the guide does not know."""

UNKNOWN = _code("(any other)", _FAILED, _COMMAND)


def reaction_to(code: int, place: Place) -> Reaction:
    """Give what to do about a code where it comes."""
    return CODES.get(code, UNKNOWN).reactions[place]


def codes_table() -> str:
    """Give the table of docs/feed.md."""
    rows = [f"| {number} | {code.name} | {code.meaning} |" for number, code in CODES.items()]
    rows.append(f"| other | {UNKNOWN.name} | {UNKNOWN.meaning} |")
    return "\n".join(("| code | name | what leadline does |", "|---|---|---|", *rows, ""))
