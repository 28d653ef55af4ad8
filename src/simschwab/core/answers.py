"""Owns requests and responses as values, and the shapes of Schwab's errors.

Never holds a socket.
Comes from the server or a test, goes to REST and back.
"""

from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class Response:
    """Hold one HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


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
