"""Owns the streamer's conversation as a pure machine: messages in, requests and events out.

Never touches a socket or a clock.
Comes from `stream` with decoded messages; goes back as what to send and what it means.

Requests go one at a time and are matched by id: parallel commands make the server answer 22-25 (Schwab API facts 1.4).
"""

import re
from collections import deque
from enum import StrEnum

import msgspec

from leadline.core.market import Service
from leadline.schwab.rest import StreamerInfo
from leadline.schwab.wire import ACTIVITY, LEVEL_ONE, Message, Notice, Response

BOOK_FIELDS = "0,1,2,3"
LEVEL_ONE_FIELDS = "0,1,2,3,4,5,8,9,32,34,35"
ACTIVITY_FIELDS = "0,1,2,3"
KEYS_MAX = 200
"""Symbols in one request; more go in further ADDs."""

SUCCEEDED = frozenset({0, 26, 27, 28, 29})
LOGIN_DENIED, NOT_AVAILABLE, CLOSE_CONNECTION, SYMBOL_LIMIT, NO_CONNECTION, STOP_STREAMING = 3, 11, 12, 19, 20, 30
BOOKS = frozenset(service.value for service in Service)


class Phase(StrEnum):
    """Where the conversation stands."""

    LOGIN = "login"
    SUBSCRIBING = "subscribing"
    STREAMING = "streaming"
    ENDED = "ended"


class Denied(msgspec.Struct, frozen=True):
    """The login was refused: a fresh token is needed, or a person."""

    text: str


class Evicted(msgspec.Struct, frozen=True):
    """Another connection of the same user took this one's place."""

    text: str


class Failed(msgspec.Struct, frozen=True):
    """The conversation cannot go on; connect again."""

    text: str


class Degraded(msgspec.Struct, frozen=True):
    """A part of what was asked for is not served; the rest is."""

    text: str


class Streaming(msgspec.Struct, frozen=True):
    """Everything that was asked for has been answered."""


Event = Denied | Evicted | Failed | Degraded | Streaming


class Subscriptions(msgspec.Struct, frozen=True):
    """What to ask for: symbols by book service, and those of level one."""

    books: dict[Service, list[str]]
    level_one: list[str]


class _Request(msgspec.Struct):
    service: str
    command: str
    parameters: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.command} {self.service}"


class Streamer:
    """One connection's conversation."""

    def __init__(self, info: StreamerInfo, subscriptions: Subscriptions) -> None:
        self._info = info
        self._waiting = deque(_requests(subscriptions))
        self._next_id = 0
        self._asked: tuple[str, _Request] | None = None
        self._served_books = {service.value for service, symbols in subscriptions.books.items() if symbols}
        self.phase = Phase.LOGIN

    @property
    def waits_for(self) -> str | None:
        """Name the request that has no answer yet."""
        return None if self._asked is None else self._asked[1].name

    def login(self, access_token: str) -> bytes:
        """Give the LOGIN request, which opens the conversation."""
        return self._ask(
            _Request(
                "ADMIN",
                "LOGIN",
                {
                    "Authorization": access_token,
                    "SchwabClientChannel": self._info.schwab_client_channel,
                    "SchwabClientFunctionId": self._info.schwab_client_function_id,
                },
            )
        )

    def receive(self, message: Message) -> tuple[list[bytes], list[Event]]:
        """Take a message's responses and notices; give the requests to send now and what happened."""
        requests: list[bytes] = []
        events: list[Event] = []
        for response in message.responses:
            self._answered(response, requests, events)
        for notice in message.notices:
            self._noticed(notice, events)
        return requests, events

    def _answered(self, response: Response, requests: list[bytes], events: list[Event]) -> None:
        code, text = response.content.code, f"code {response.content.code}: {response.content.msg}"
        if code == CLOSE_CONNECTION:
            self._end(Evicted(text), events)
        elif code == STOP_STREAMING:
            self._end(Failed(text), events)
        elif self._asked is None or str(response.request_id) != self._asked[0]:
            # Answers to other requests have been seen live (facts 1.3); only ours moves us on.
            return
        elif self.phase is Phase.LOGIN:
            self._login_answered(code, text, requests, events)
        else:
            self._request_answered(code, text, requests, events)

    def _login_answered(self, code: int, text: str, requests: list[bytes], events: list[Event]) -> None:
        if code == LOGIN_DENIED:
            self._end(Denied(text), events)
        elif code in SUCCEEDED:
            self.phase = Phase.SUBSCRIBING
            self._ask_next(requests, events)
        else:
            self._end(Failed(f"login: {text}"), events)

    def _request_answered(self, code: int, text: str, requests: list[bytes], events: list[Event]) -> None:
        """Go on where the link stays and something is served; begin again where it does not (facts 1.4)."""
        assert self._asked is not None
        request = self._asked[1]
        if code == SYMBOL_LIMIT:
            discarded = re.search(r"DISCARDED=(\d+)", text)
            number = discarded.group(1) if discarded else "an unknown number"
            events.append(Degraded(f"{request.name}: {number} symbols are not served ({text})"))
        elif code not in SUCCEEDED:
            # One of two book services may be down, and level one and activity are helps; else there is nothing to hold.
            self._served_books.discard(request.service)
            is_book_lost = request.service in BOOKS and (code != NOT_AVAILABLE or not self._served_books)
            if is_book_lost or code in {LOGIN_DENIED, NO_CONNECTION}:
                self._end(Failed(f"{request.name}: {text}"), events)
                return
            events.append(Degraded(f"{request.name}: {text}"))
        self._ask_next(requests, events)

    def _noticed(self, notice: Notice, events: list[Event]) -> None:
        if notice.content is None:
            return
        text = f"code {notice.content.code}: {notice.content.msg}"
        if notice.content.code == CLOSE_CONNECTION:
            self._end(Evicted(text), events)
        elif notice.content.code == STOP_STREAMING:
            self._end(Failed(text), events)
        else:
            events.append(Degraded(text))

    def _ask_next(self, requests: list[bytes], events: list[Event]) -> None:
        if self._waiting:
            requests.append(self._ask(self._waiting.popleft()))
        elif self.phase is Phase.SUBSCRIBING:
            self._asked = None
            self.phase = Phase.STREAMING
            events.append(Streaming())

    def _end(self, event: Event, events: list[Event]) -> None:
        self.phase = Phase.ENDED
        self._asked = None
        self._waiting.clear()
        events.append(event)

    def _ask(self, request: _Request) -> bytes:
        request_id = str(self._next_id)
        self._next_id += 1
        self._asked = (request_id, request)
        wire = {
            "requestid": request_id,
            "service": request.service,
            "command": request.command,
            "SchwabClientCustomerId": self._info.schwab_client_customer_id,
            "SchwabClientCorrelId": self._info.schwab_client_correl_id,
            "parameters": request.parameters,
        }
        return msgspec.json.encode({"requests": [wire]})


def _requests(subscriptions: Subscriptions) -> list[_Request]:
    """List what to ask after the login: account activity by SUBS only, the rest by SUBS, then ADD (facts 1.2, 1.5)."""
    requests = [_Request(ACTIVITY, "SUBS", {"keys": "leadline", "fields": ACTIVITY_FIELDS})]
    wanted = [(service.value, symbols, BOOK_FIELDS) for service, symbols in subscriptions.books.items()]
    wanted.append((LEVEL_ONE, subscriptions.level_one, LEVEL_ONE_FIELDS))
    for service, symbols, fields in wanted:
        for start in range(0, len(symbols), KEYS_MAX):
            keys = ",".join(symbols[start : start + KEYS_MAX])
            requests.append(_Request(service, "ADD" if start else "SUBS", {"keys": keys, "fields": fields}))
    return requests
