"""Owns what faults do to requests and their answers.

Never touches a socket: where an answer breaks off is an instruction on it.
Comes from the plan's hits and REST's answers, goes to the exchange.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Final

import msgspec

from simschwab.core.answers import (
    PLAIN,
    Cut,
    Response,
    Wire,
    akamai,
    json_response,
    market_error,
    trader_error,
    unauthorized,
)
from simschwab.core.faults.effect import Effect, When
from simschwab.core.faults.fault import Fault
from simschwab.core.faults.life import delay_ns
from simschwab.core.faults.plan import Hit
from simschwab.core.times import NS_PER_MS

_CUTS: Final = {
    Effect.DROP: Cut.DROP,
    Effect.HOLD: Cut.HOLD,
    Effect.RESET: Cut.HEADERS,
    Effect.TRUNCATE: Cut.BODY,
}
_NOT_THERE: Final = 1


class RequestFaults:
    """Apply faults to one request; `last_order_id` is the newest order's before it."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def early(self, hits: Sequence[Hit], path: str) -> Response | None:
        """Give the answer of a fault that lets the broker do nothing; None when the broker shall work."""
        for hit in hits:
            fault = hit.fault
            if dict(fault.values).get("when") != When.BEFORE:
                continue
            if fault.effect is Effect.TRICKLE:
                continue
            return self._apply(fault, Response(502, {}), path)
        return None

    def late(self, hits: Sequence[Hit], answer: Response, path: str, last_order_id: int | None) -> Response:
        """Change an answer as the faults that let the broker work first say."""
        for hit in hits:
            fault = hit.fault
            if fault.effect is Effect.WRONG_LOCATION:
                answer = _elsewhere(answer, fault.whole("order_id") or last_order_id or _NOT_THERE)
            else:
                answer = self._apply(fault, answer, path)
        return answer

    def delays(self, hits: Sequence[Hit]) -> int:
        """Give how much later all of it is sent."""
        return sum(delay_ns(hit.fault, self._rng) for hit in hits if hit.fault.effect is Effect.DELAY)

    def _apply(self, fault: Fault, answer: Response, path: str) -> Response:
        change = _CHANGES.get(fault.effect)
        return answer if change is None else change(fault, answer, path)


def with_delay(answer: Response, by_ns: int) -> Response:
    """Give an answer that is sent later."""
    return replace(answer, wire=replace(answer.wire, delay_ns=answer.wire.delay_ns + by_ns)) if by_ns else answer


def unanswered(for_ns: int) -> Response:
    """Give the answer of a network that is parted: none, nothing was done, and in the end the connection is gone."""
    return Response(502, {}, wire=replace(PLAIN, cut=Cut.DROP, delay_ns=for_ns))


def _with_status(fault: Fault, path: str) -> Response:
    status, text = fault.whole("status"), fault.text("text")
    headers = {}
    if fault.whole("retry_after_s") >= 0:
        headers["Retry-After"] = str(fault.whole("retry_after_s"))
    if fault.text("location"):
        headers["Location"] = fault.text("location")
    if fault.truth("html"):
        body = f"<html><body><h1>{status}</h1><p>{text}</p></body></html>".encode()
        return Response(status, headers | {"Content-Type": "text/html"}, body)
    if status < 400:
        return Response(status, headers)
    if status == 401:
        answer = unauthorized()
    elif path.startswith("/marketdata/"):
        answer = market_error(status, "Error", text)
    elif path.startswith("/v1/oauth/token"):
        answer = json_response(status, {"error": "injected", "error_description": text})
    else:
        answer = trader_error(status, text)
    return replace(answer, headers=answer.headers | headers)


def _elsewhere(answer: Response, order_id: int) -> Response:
    url = answer.headers.get("Location")
    if url is None:
        return answer
    return replace(answer, headers=answer.headers | {"Location": f"{url.rpartition('/')[0]}/{order_id}"})


def _emptied(answer: Response) -> Response:
    if answer.status != 200:
        return answer
    try:
        body: object = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Another fault has put a text in its place already.
        return answer
    accounts = [body] if isinstance(body, dict) else body
    if isinstance(accounts, list) and accounts and all("securitiesAccount" in each for each in accounts):
        for each in accounts:
            each["securitiesAccount"].pop("positions", None)
        return replace(answer, body=msgspec.json.encode(body))
    return replace(answer, body=b"[]")


def _cut(fault: Fault, answer: Response, _path: str) -> Response:
    at = fault.whole("bytes") if fault.effect is Effect.TRUNCATE else 0
    return replace(answer, wire=replace(answer.wire, cut=_CUTS[fault.effect], bytes=at))


def _trickled(fault: Fault, answer: Response, _path: str) -> Response:
    return replace(answer, wire=Wire(bytes=fault.whole("bytes"), pause_ns=fault.whole("ms") * NS_PER_MS))


def _with_body(fault: Fault, answer: Response, _path: str) -> Response:
    headers = answer.headers | {"Content-Type": fault.text("type")}
    return replace(answer, headers=headers, body=fault.text("text").encode())


def _nowhere(_fault: Fault, answer: Response, _path: str) -> Response:
    headers = {name: value for name, value in answer.headers.items() if name != "Location"}
    return replace(answer, headers=headers)


_CHANGES: Final[dict[Effect, Callable[[Fault, Response, str], Response]]] = {
    Effect.DROP: _cut,
    Effect.HOLD: _cut,
    Effect.RESET: _cut,
    Effect.TRUNCATE: _cut,
    Effect.TRICKLE: _trickled,
    Effect.STATUS: lambda fault, _answer, path: _with_status(fault, path),
    Effect.AKAMAI: lambda _fault, _answer, path: akamai(path),
    Effect.BODY: _with_body,
    Effect.NO_LOCATION: _nowhere,
    Effect.EMPTY: lambda _fault, answer, _path: _emptied(answer),
}
