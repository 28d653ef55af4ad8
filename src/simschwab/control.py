"""Owns the endpoints under /sim: status, ledger, faults, hands in other apps and the clock.

Never needs a token and is not in the ledger itself; what it causes is.
Comes from tests and people, goes to the exchange.
"""

from collections.abc import Callable

import msgspec
from aiohttp import web

from simschwab.core.calendar import moment_ns
from simschwab.core.exchange import Exchange
from simschwab.core.faults.scenario import Scenario, ScenarioError, read_faults, read_scenario
from simschwab.core.settings import SettingError
from simschwab.core.times import NS_PER_MS
from simschwab.page import page_of
from simschwab.status import status_of

_DIGITS_MAX = 19
_HAND_TAG = "API_TOS:IPHONE"


class Control:
    """Serve /sim; `changed` is called after something was caused, `now_ns` gives the machine's time."""

    def __init__(self, exchange: Exchange, now_ns: Callable[[], int], changed: Callable[[], None]) -> None:
        self._exchange = exchange
        self._now_ns = now_ns
        self._changed = changed
        self._started_ns = now_ns()

    def routes(self) -> list[web.RouteDef]:
        """Give the endpoints."""
        return [
            web.get("/sim", self._page),
            web.get("/sim/status", self._status),
            web.get("/sim/ledger", self._ledger),
            web.get("/sim/faults", self._faults),
            web.post("/sim/faults", self._add_faults),
            web.delete("/sim/faults", self._clear_faults),
            web.post("/sim/orders", self._hand_order),
            web.get("/sim/clock", self._clock),
            web.post("/sim/clock", self._set_clock),
        ]

    async def _page(self, _request: web.Request) -> web.Response:
        status = status_of(self._exchange, self._started_ns, self._now_ns())
        return web.Response(text=page_of(status), content_type="text/html")

    async def _status(self, _request: web.Request) -> web.Response:
        return _json(status_of(self._exchange, self._started_ns, self._now_ns()))

    async def _ledger(self, request: web.Request) -> web.Response:
        since = request.query.get("since", "0")
        if not since.isdecimal() or len(since) > _DIGITS_MAX:
            return _json({"message": f"since {since!r}: expected a sequence number"}, status=400)
        ledger = self._exchange.ledger
        events = ledger.since(int(since), request.query.get("kind"))
        return _json({"next": ledger.next_seq, "dropped": ledger.dropped, "events": events})

    async def _faults(self, _request: web.Request) -> web.Response:
        return _json({"faults": self._exchange.fault_rows(self._now_ns())})

    async def _add_faults(self, request: web.Request) -> web.Response:
        """Take faults as JSON (one, or a list) or as a scenario's TOML; its settings cannot change any more."""
        text = (await request.read()).decode(errors="replace")
        try:
            if request.content_type == "application/json":
                scenario = Scenario(faults=read_faults(msgspec.json.decode(text)))
            else:
                scenario = read_scenario(text)
        except (ScenarioError, msgspec.DecodeError, RecursionError) as error:
            return _json({"message": str(error)}, status=400)
        if scenario.settings:
            return _json({"message": "settings: expected only at the start, by --scenario"}, status=400)
        numbers = self._exchange.add_faults(scenario.faults, self._now_ns())
        self._changed()
        return _json({"added": numbers}, status=201)

    async def _clear_faults(self, request: web.Request) -> web.Response:
        number = request.query.get("number")
        if number is not None and (not number.isdecimal() or len(number) > _DIGITS_MAX):
            return _json({"message": f"number {number!r}: expected a fault's number"}, status=400)
        return _json({"cleared": self._exchange.plan.clear(None if number is None else int(number))})

    async def _hand_order(self, request: web.Request) -> web.Response:
        """Enter an order of another app: an order's body, its `tag` in the query."""
        body = await request.read()
        answer = self._exchange.hand_order(body, request.query.get("tag", _HAND_TAG), self._now_ns())
        self._changed()
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    async def _clock(self, _request: web.Request) -> web.Response:
        offset_ms = self._exchange.offset_ns // NS_PER_MS
        return _json({"offset_ms": offset_ms, "now_ms": self._now_ns() // NS_PER_MS + offset_ms})

    async def _set_clock(self, request: web.Request) -> web.Response:
        """Set the clock: `{"offset_ms": N}` from the machine's, `{"add_ms": N}` from now, or `{"at": "2026-..."}`."""
        now_ns = self._now_ns()
        try:
            offset_ms = _offset_ms(await request.read(), self._exchange.offset_ns, now_ns)
        except (msgspec.DecodeError, SettingError, ValueError, OverflowError) as error:
            return _json({"message": f"clock: expected offset_ms, add_ms or at: {error}"}, status=400)
        self._exchange.set_clock(offset_ms, now_ns)
        self._changed()
        return await self._clock(request)


class _Clock(msgspec.Struct, forbid_unknown_fields=True):
    offset_ms: int | None = None
    add_ms: int | None = None
    at: str | None = None


def _offset_ms(body: bytes, offset_ns: int, now_ns: int) -> int:
    wanted = msgspec.json.decode(body, type=_Clock)
    if wanted.offset_ms is not None:
        return wanted.offset_ms
    if wanted.add_ms is not None:
        return offset_ns // NS_PER_MS + wanted.add_ms
    if wanted.at is not None:
        return (moment_ns(wanted.at) - now_ns) // NS_PER_MS
    raise ValueError("none of them is there")


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")
