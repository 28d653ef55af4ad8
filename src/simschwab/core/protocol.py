"""Owns how streamer requests are read and answered: ids as text or number, wrapped or single.

Never fails on what a client sends: what cannot be read becomes a request without service and command.
Comes from websocket texts, goes to the streamer; answers go back as frames.
"""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import msgspec

from simschwab.core.frames import Frame
from simschwab.core.times import NS_PER_MS

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder()


class Code(IntEnum):
    """Name the answer codes in use (schwab-api.md 1.4); live accounts only ever see 0 for success."""

    SUCCESS = 0
    LOGIN_DENIED = 3
    UNKNOWN_FAILURE = 9
    SERVICE_NOT_AVAILABLE = 11
    CLOSE_CONNECTION = 12
    REACHED_SYMBOL_LIMIT = 19
    STREAM_CONN_NOT_FOUND = 20
    BAD_COMMAND_FORMAT = 21
    FAILED_COMMAND_SUBS = 22
    FAILED_COMMAND_UNSUBS = 23
    FAILED_COMMAND_ADD = 24
    FAILED_COMMAND_VIEW = 25
    SUCCEEDED_COMMAND_SUBS = 26
    SUCCEEDED_COMMAND_UNSUBS = 27
    SUCCEEDED_COMMAND_ADD = 28
    SUCCEEDED_COMMAND_VIEW = 29
    STOP_STREAMING = 30


TEXTS = {
    Code.SUCCESS: "SUCCESS",
    Code.LOGIN_DENIED: "Login Denied.: token is invalid or has expired.",
    Code.UNKNOWN_FAILURE: "Unknown failure",
    Code.SERVICE_NOT_AVAILABLE: "Service not available or temporary down.",
    Code.CLOSE_CONNECTION: "Close connection: the user logged in elsewhere",
    Code.REACHED_SYMBOL_LIMIT: "You've reached the maximum number of symbols allowed.",
    Code.STREAM_CONN_NOT_FOUND: "Stream connection not found",
    Code.BAD_COMMAND_FORMAT: "Bad command format",
    Code.FAILED_COMMAND_SUBS: "SUBS command failed",
    Code.FAILED_COMMAND_UNSUBS: "UNSUBS command failed",
    Code.FAILED_COMMAND_ADD: "ADD command failed",
    Code.FAILED_COMMAND_VIEW: "VIEW command failed",
    Code.STOP_STREAMING: "Stop streaming due to empty subscription",
}
"""Texts as recorded or in the guide (schwab-api.md 1.1, 1.3, 1.4); the texts of 9, 12, 20 and 21 are ours [?]."""

SEVERING = frozenset({Code.LOGIN_DENIED, Code.CLOSE_CONNECTION, Code.STOP_STREAMING})
"""Codes after which the connection ends."""

SERVED = frozenset({Code.SUCCESS, Code.REACHED_SYMBOL_LIMIT, *range(26, 30)})
"""Codes with which a command is carried out nevertheless."""


class Command(StrEnum):
    """Name a streamer command."""

    LOGIN = "LOGIN"
    LOGOUT = "LOGOUT"
    SUBS = "SUBS"
    ADD = "ADD"
    UNSUBS = "UNSUBS"
    VIEW = "VIEW"


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """Hold one request as sent."""

    service: str = ""
    command: str = ""
    request_id: str = ""
    correl_id: str = ""
    customer_id: str = ""
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """The named symbols in order, upper case, each once."""
        names = (name.strip().upper() for name in self.parameters.get("keys", "").split(","))
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def fields(self) -> tuple[str, ...]:
        """The asked fields in ascending order."""
        numbers = {text.strip() for text in self.parameters.get("fields", "").split(",")}
        return tuple(sorted((number for number in numbers if number.isdecimal()), key=int))


def read_requests(text: str) -> tuple[StreamRequest, ...]:
    """Read a client's message; Schwabdev sends a single request un-wrapped (schwab-api.md 1.1)."""
    try:
        body = _DECODER.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return (StreamRequest(),)
    wrapped = body.get("requests") if isinstance(body, dict) else None
    requests = wrapped if isinstance(wrapped, list) and wrapped else [body]
    return tuple(_request(request) for request in requests)


def answer(request: StreamRequest, code: int, text: str, now_ns: int, *, close: bool = False) -> Frame:
    """Give the `response` frame of a request; `close` ends the connection after it."""
    body = {
        "service": request.service or "ADMIN",
        "command": request.command,
        "requestid": request.request_id,
        "SchwabClientCorrelId": request.correl_id,
        "timestamp": now_ns // NS_PER_MS,
        "content": {"code": code, "msg": text},
    }
    return Frame("response", _ENCODER.encode({"response": [body]}), close_code=code if close else None)


def _request(body: object) -> StreamRequest:
    if not isinstance(body, dict):
        return StreamRequest()
    parameters = body.get("parameters")
    return StreamRequest(
        service=_text(body.get("service")).upper(),
        command=_text(body.get("command")).upper(),
        request_id=_text(body.get("requestid")),
        correl_id=_text(body.get("SchwabClientCorrelId")),
        customer_id=_text(body.get("SchwabClientCustomerId")),
        parameters={str(name): _text(value) for name, value in parameters.items()}
        if isinstance(parameters, dict)
        else {},
    )


def _text(value: object) -> str:
    return str(value) if isinstance(value, (str, int)) else ""
