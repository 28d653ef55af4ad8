"""Owns the streamer's conversation as a pure machine: messages in, requests and events out.

Never touches a socket or a clock.
Comes from `connection` with decoded messages; goes back as what to send and what it means.

Answers are matched by request id, in whatever order they come. Requests go one at a time all the same: parallel
commands make the server answer 22-25 (Schwab API facts 1.4).
"""

import re
from collections import deque
from enum import StrEnum

import msgspec

from leadline.schwab.codes import Place, Reaction, reaction_to
from leadline.schwab.coverage import Coverage
from leadline.schwab.requests import BOOKS, Request, Subscriptions, login_request, requests_again, requests_of
from leadline.schwab.rest import StreamerInfo
from leadline.schwab.wire import Message, ResponseContent

__all__ = ["Subscriptions"]

NAMED_MAX = 10
"""Symbols that one text names; more are counted."""


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


class Covered(msgspec.Struct, frozen=True):
    """Everything that was asked for has shown data."""


Ending = Denied | Evicted | Failed
Event = Ending | Degraded | Streaming | Covered


class Streamer:
    """One connection's conversation."""

    def __init__(self, info: StreamerInfo, subscriptions: Subscriptions, *, at_once: int = 1) -> None:
        self._info = info
        self._waiting = deque(requests_of(subscriptions))
        self._at_once = at_once
        self._next_id = 0
        self._open: dict[str, Request] = {}
        self._served_books = {service.value for service, symbols in subscriptions.books.items() if symbols}
        self._is_covered = False
        self.coverage = Coverage(subscriptions.parts())
        self.excess: dict[str, int] = {}
        """How many symbols of a service the server has discarded (code 19)."""
        self.phase = Phase.LOGIN

    @property
    def waits_for(self) -> str | None:
        """Name the oldest request that has no answer yet."""
        return next((request.name for request in self._open.values()), None)

    def login(self, access_token: str) -> bytes:
        """Give the LOGIN request, which opens the conversation."""
        return self._ask(login_request(self._info, access_token))

    def ask_again(self, parts: dict[str, list[str]]) -> list[bytes]:
        """Ask once more for parts that have fallen silent; give the requests to send now."""
        if self.phase is not Phase.STREAMING:
            return []
        self._waiting.extend(requests_again(parts))
        return self._ask_next()

    def receive(self, message: Message) -> tuple[list[bytes], list[Event]]:
        """Take a message; give the requests to send now and what happened."""
        requests: list[bytes] = []
        events: list[Event] = []
        for response in message.responses:
            request = self._open.pop(str(response.request_id), None)
            self._react(_place_of(request), response.content, request, events)
            requests += self._ask_next()
            self._note_streaming(events)
        for notice in message.notices:
            if notice.content is not None:
                self._react(Place.NOTICE, notice.content, None, events)
        self.coverage.hear(message.data)
        if self.coverage.is_full and not self._is_covered and self.phase is Phase.STREAMING:
            self._is_covered = True
            events.append(Covered())
        return requests, events

    def _react(self, place: Place, content: ResponseContent, request: Request | None, events: list[Event]) -> None:
        """Move on by one code: all transitions are here, and which code leads to which stands in `codes`."""
        if self.phase is Phase.ENDED:
            return
        said = f"code {content.code}: {content.msg}"
        text = said if request is None else f"{request.name}: {said}"
        match reaction_to(content.code, place):
            case Reaction.GO_ON:
                self.phase = Phase.SUBSCRIBING if place is Place.LOGIN else self.phase
            case Reaction.REFUSED:
                self._end(Denied(said), events)
            case Reaction.EVICTED:
                self._end(Evicted(said), events)
            case Reaction.AGAIN:
                self._end(Failed(text), events)
            case Reaction.PARTLY if request is not None:
                events.append(Degraded(self._discarded(request, said)))
            case Reaction.WITHOUT if request is not None:
                self._served_books.discard(request.service)
                if self._served_books:
                    events.append(Degraded(text))
                else:
                    self._end(Failed(text), events)
            case Reaction.SAY:
                events.append(Degraded(text))
            case _:
                pass

    def _discarded(self, request: Request, said: str) -> str:
        """Say what a symbol limit cut off; the answer tells how many, and the first are taken to be accepted [?]."""
        found = re.search(r"DISCARDED=(\d+)", said)
        if found is None:
            self.excess[request.service] = len(request.symbols)
            return f"{request.name}: an unknown number of symbols is not served ({said})"
        count = int(found.group(1))
        self.excess[request.service] = self.excess.get(request.service, 0) + count
        probably = named(request.symbols[-count:]) if count else "none"
        return f"{request.name}: {count} symbols are not served ({said}); probably {probably}"

    def _note_streaming(self, events: list[Event]) -> None:
        if self.phase is Phase.SUBSCRIBING and not self._open and not self._waiting:
            self.phase = Phase.STREAMING
            events.append(Streaming())

    def _ask_next(self) -> list[bytes]:
        requests = []
        while self._waiting and len(self._open) < self._at_once and self.phase in {Phase.SUBSCRIBING, Phase.STREAMING}:
            requests.append(self._ask(self._waiting.popleft()))
        return requests

    def _end(self, event: Ending, events: list[Event]) -> None:
        self.phase = Phase.ENDED
        self._open.clear()
        self._waiting.clear()
        events.append(event)

    def _ask(self, request: Request) -> bytes:
        request_id = str(self._next_id)
        self._next_id += 1
        self._open[request_id] = request
        return request.written(request_id, self._info)


def _place_of(request: Request | None) -> Place:
    """Tell what an answer is about, by the request that it answers."""
    if request is None:
        return Place.OTHER
    if request.command == "LOGIN":
        return Place.LOGIN
    return Place.BOOKS if request.service in BOOKS else Place.HELP


def named(symbols: tuple[str, ...] | list[str]) -> str:
    """Name symbols in a text, the first NAMED_MAX of them."""
    more = len(symbols) - NAMED_MAX
    names = ", ".join(symbols[:NAMED_MAX])
    return f"{names} and {more} more" if more > 0 else names
