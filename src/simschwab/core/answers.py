"""Owns requests and responses as values, and the shapes of Schwab's errors.

Never holds a socket.
Comes from the server or a test, goes to REST and back.
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from html import escape

import msgspec

_ENCODER = msgspec.json.Encoder()
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Request:
    """Hold one HTTP request: `query` decoded, header names lower case."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    entry_mono_ns: int | None = None
    """When the handler was entered; None takes the ledger's clock."""


class Cut(Enum):
    """Name where an answer breaks off; what only a socket can do is told, not done here."""

    NONE = auto()
    HOLD = auto()
    """Nothing is sent and the connection stays open."""
    DROP = auto()
    """Nothing is sent and the connection ends."""
    HEADERS = auto()
    """The connection is reset in the middle of the headers."""
    BODY = auto()
    """The connection ends after `bytes` of the body, which was announced whole."""


@dataclass(frozen=True, slots=True)
class Wire:
    """Hold how an answer is put on the wire; plain unless a fault says otherwise."""

    cut: Cut = Cut.NONE
    delay_ns: int = 0
    bytes: int = 0
    pause_ns: int = 0
    """With it, the answer comes in pieces of `bytes`, so far apart."""

    @property
    def lost(self) -> bool:
        """Whether the client never sees a status."""
        return self.cut in (Cut.HOLD, Cut.DROP, Cut.HEADERS)


PLAIN = Wire()


@dataclass(frozen=True, slots=True)
class Response:
    """Hold one HTTP answer and how it is sent."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    wire: Wire = PLAIN


def json_response(status: int, body: object) -> Response:
    """Give an answer with a JSON body."""
    return Response(status, dict(_JSON), _ENCODER.encode(body))


def empty_response(status: int, headers: dict[str, str] | None = None) -> Response:
    """Give an answer without a body, as orders and cancels get."""
    return Response(status, headers or {})


def trader_error(status: int, message: str, *reasons: str) -> Response:
    """Give the trader API's error body (schwab-api.md 2.4)."""
    return json_response(status, {"message": message, "errors": list(reasons)})


def market_error(status: int, title: str, detail: str) -> Response:
    """Give the market data API's error body (schwab-api.md 2.4)."""
    error = {"id": "00000000-0000-0000-0000-000000000000", "status": str(status), "title": title, "detail": detail}
    return json_response(status, {"errors": [error]})


def unauthorized() -> Response:
    """Give the answer to a missing, wrong or expired access token (schwab-api.md 2.4)."""
    error = {"status": 401, "title": "Unauthorized", "detail": "Client not authorized"}
    return json_response(401, {"errors": [error]})


def too_many(retry_after_s: int) -> Response:
    """Give the answer to a request over the limit; its body and whether Retry-After comes are not established [?]."""
    headers = {"Retry-After": str(retry_after_s)} if retry_after_s else {}
    answer = trader_error(429, "Too Many Requests", "The rate limit of this account is exceeded.")
    return Response(429, answer.headers | headers, answer.body)


def too_large() -> Response:
    """Give the gateway's answer to a body that is too large (schwab-api.md 2.4)."""
    fault = {"faultstring": "Body buffer overflow", "detail": {"errorcode": "protocol.http.TooBigBody"}}
    return json_response(413, {"fault": fault})


def akamai(path: str) -> Response:
    """Give the edge's 403 in HTML, as it comes now and then (schwab-api.md 2)."""
    body = (
        "<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\n\n"
        f"You don't have permission to access this resource ({escape(path)}) on this server.<P>\n"
        "Reference #18.51a0b1ad.0.5150\n</BODY>\n</HTML>\n"
    )
    return Response(403, {"Content-Type": "text/html", "Server": "AkamaiGHost"}, body.encode())
