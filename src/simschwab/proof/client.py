"""Owns a plain client: it does what a line says and notes what it sees, without judging it.

Never retries and never knows what will go wrong.
Comes from a proof's lines, goes to a virtual exchange and a transcript.
"""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from simschwab.core.answers import Cut, Request, Response
from simschwab.core.faults.scenario import ScenarioError
from simschwab.core.orders import Order
from simschwab.core.times import NS_PER_MS, NS_PER_S
from simschwab.proof.notes import noted_frame
from simschwab.virtual import Virtual, VirtualStream

_WINDOW = {"fromEnteredTime": "2026-01-01T00:00:00.000Z", "toEnteredTime": "2026-12-31T00:00:00.000Z"}
_FIELDS = "0,1,2,3,4,5,6,7,8,9,32,34,35,48,49"


T = TypeVar("T", dict[str, Any], list[dict[str, Any]])


class Client:
    """Do lines like `place BUY 100 F 20.00`; orders are named by their number from 1."""

    def __init__(self, virtual: Virtual) -> None:
        self.virtual = virtual
        self.transcript: list[str] = []
        self._own: list[Order] = []
        self._stream: VirtualStream | None = None
        self._refresh = virtual.refresh
        self._verbs: dict[str, Callable[[list[str]], None]] = {
            "place": self._place,
            "preview": self._preview,
            "hand": self._hand,
            "replace": self._replace,
            "cancel": self._cancel,
            "show": self._show,
            "list": self._list,
            "account": self._account,
            "get": self._get,
            "refresh": self._renew,
            "connect": self._connect,
            "login": self._login,
            "subs": self._subscribe,
            "run": self._run,
            "doze": self._doze,
            "clock": self._clock,
        }

    def do(self, line: str) -> None:
        """Do one line.

        Raises:
            ScenarioError: the line is not understood.
        """
        verb, *words = line.split() or [""]
        if verb not in self._verbs:
            raise ScenarioError(f"proof: key drive: expected one of {', '.join(self._verbs)}, got {line!r}")
        try:
            self._verbs[verb](words)
        except (ValueError, IndexError) as error:
            raise ScenarioError(f"proof: key drive: {line!r} is not understood: {error}") from None
        if verb != "run":
            self.hear()

    def hear(self) -> None:
        """Note the frames that have come."""
        if self._stream is not None:
            for frame in self._stream.take():
                self.transcript += noted_frame(frame, self._sim_ms())

    def _place(self, words: list[str]) -> None:
        orders = self.virtual.exchange.broker.orders
        before = set(orders)
        answer = self.virtual.http("POST", self.virtual.orders_path, body=order_body(words))
        new = [order for number, order in orders.items() if number not in before]
        # A twin of another app comes after the client's own.
        self._own += new[:1]
        number = str(new[0].order_id) if new else ""
        location = answer.headers.get("Location", "")
        where = "none" if not location else "own" if location.endswith(f"/{number}") else "other"
        self._note(f"place {len(self._own)}", answer, f"Location {where}" if answer.status == 201 else "")

    def _preview(self, words: list[str]) -> None:
        path = self.virtual.orders_path.removesuffix("orders") + "previewOrder"
        answer = self.virtual.http("POST", path, body=order_body(words))
        told = ""
        view = body_of(answer, dict)
        if "orderValidationResult" in view:
            rejects = view["orderValidationResult"]["rejects"]
            told = "; ".join(each["activityMessage"] for each in rejects) or "accepted"
        self._note("preview", answer, told)

    def _hand(self, words: list[str]) -> None:
        *order, tag = words
        body = msgspec.json.encode(order_body(order))
        self._note("hand", self.virtual.exchange.hand_order(body, tag, self.virtual.now_ns))

    def _replace(self, words: list[str]) -> None:
        number, *order = words
        answer = self.virtual.http("PUT", self._path(number), body=order_body(order))
        self._note(f"replace {number}", answer)
        self._own += [self.virtual.exchange.broker.orders[max(self.virtual.exchange.broker.orders)]]

    def _cancel(self, words: list[str]) -> None:
        self._note(f"cancel {words[0]}", self.virtual.http("DELETE", self._path(words[0])))

    def _show(self, words: list[str]) -> None:
        answer = self.virtual.http("GET", self._path(words[0]))
        told = ""
        view = body_of(answer, dict)
        if "filledQuantity" in view:
            told = f"{view['status']} filled {view['filledQuantity']:g}"
        self._note(f"show {words[0]}", answer, told)

    def _list(self, _words: list[str]) -> None:
        answer = self.virtual.http("GET", self.virtual.orders_path, _WINDOW)
        rows = body_of(answer, list)
        tags = sorted({row["tag"] for row in rows})
        read = answer.status == 200 and answer.wire.cut is Cut.NONE
        self._note("list", answer, f"{len(rows)} orders {' '.join(tags)}".strip() if read else "")

    def _account(self, _words: list[str]) -> None:
        path = self.virtual.orders_path.removesuffix("/orders")
        answer = self.virtual.http("GET", path, {"fields": "positions"})
        told = ""
        account = body_of(answer, dict).get("securitiesAccount")
        if account is not None:
            held = [
                f"{each['instrument']['symbol']} {each['longQuantity'] - each['shortQuantity']:g}"
                for each in account.get("positions", [])
            ]
            told = " ".join([*(held or ["flat"]), *(["restricted"] if account["isClosingOnlyRestricted"] else [])])
        self._note("account", answer, told)

    def _get(self, words: list[str]) -> None:
        path, _, query = words[0].partition("?")
        pairs = dict(pair.split("=", 1) for pair in query.split("&")) if query else {}
        answer = self.virtual.http("GET", path, pairs)
        self._note(f"get {path}", answer, answer.body.decode(errors="replace")[:400])

    def _renew(self, _words: list[str]) -> None:
        form = urlencode({"grant_type": "refresh_token", "refresh_token": self._refresh})
        headers = {"authorization": self.virtual.basic}
        request = Request("POST", "/v1/oauth/token", {}, headers, form.encode())
        answer = self.virtual.exchange.http(request, self.virtual.now_ns)
        self.virtual.access = body_of(answer, dict).get("access_token", self.virtual.access)
        reason = ""
        if answer.status == 400:
            reason = "invalid_grant" if b"invalid_grant" in answer.body else answer.body.decode()[:60]
        self._note("refresh", answer, reason)

    def _connect(self, _words: list[str]) -> None:
        refusal = self.virtual.exchange.connect(self.virtual.now_ns)
        if refusal is not None:
            self._note("connect", refusal)
            return
        self.hear()
        self._stream = self.virtual.connect()

    def _login(self, _words: list[str]) -> None:
        self._connect([])
        if self._stream is not None:
            self._stream.login()

    def _subscribe(self, words: list[str]) -> None:
        service, keys = words
        assert self._stream is not None
        self._stream.send(service, "SUBS", request_id="7", keys=keys, fields=_FIELDS)

    def _run(self, words: list[str]) -> None:
        # In small steps, so that a frame is read when it comes and not later.
        left_ms = int(words[0])
        while left_ms > 0:
            self.virtual.run_ms(min(left_ms, 100))
            self.hear()
            left_ms -= 100

    def _doze(self, words: list[str]) -> None:
        self.virtual.run_ms(int(words[0]))

    def _clock(self, words: list[str]) -> None:
        self.virtual.exchange.set_clock(int(float(words[0]) * 1000), self.virtual.now_ns)

    def _path(self, number: str) -> str:
        return f"{self.virtual.orders_path}/{self._own[int(number) - 1].order_id}"

    def _sim_ms(self) -> int:
        return (self.virtual.now_ns + self.virtual.exchange.offset_ns) // NS_PER_MS

    def _note(self, what: str, answer: Response, told: str = "") -> None:
        wire = answer.wire
        seen = f"lost {wire.cut.name.lower()}" if wire.lost else str(answer.status)
        if wire.cut is Cut.BODY:
            seen += " cut"
        if wire.pause_ns:
            seen += f" in pieces of {wire.bytes}"
        if wire.delay_ns:
            seen += f" after {wire.delay_ns / NS_PER_S:g} s"
        kind = answer.headers.get("Content-Type", "")
        if kind == "text/html":
            told = "html"
        if "Retry-After" in answer.headers:
            told = f"Retry-After {answer.headers['Retry-After']}"
        self.transcript.append(f"{what} -> {seen} {'' if wire.lost else told}".rstrip())


def body_of(answer: Response, kind: type[T]) -> T:
    """Give what a client can read of a good answer; empty when there is nothing of that kind."""
    if answer.status != 200 or answer.wire.cut is not Cut.NONE:
        return kind()
    try:
        body = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return kind()
    return body if isinstance(body, kind) else kind()


def order_body(words: list[str]) -> dict[str, object]:
    """Give an order's body from `BUY 100 F 20.00`; without a price at the market."""
    instruction, quantity, symbol, *price = words
    leg = {
        "instruction": instruction,
        "quantity": int(quantity),
        "instrument": {"symbol": symbol, "assetType": "EQUITY"},
    }
    body: dict[str, object] = {
        "orderType": "LIMIT" if price else "MARKET",
        "session": "NORMAL",
        "duration": price[1] if len(price) > 1 else "DAY",
        "orderStrategyType": "SINGLE",
        "orderLegCollection": [leg],
    }
    return body | ({"price": price[0]} if price else {})
