"""Owns a small broker behind the scripted server: orders as Schwab shows them, and faults where a test puts them.

Never shares anything with leadline or simschwab: shapes are from the API facts, sections 1.1, 2.1 to 2.5.
Comes from tests; goes to the client under test through `scripted_server`.
"""

import asyncio
import json
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from support.scripted_server import Fault, Json, Reply, ScriptedServer, Seen, Streaming, reply

HASH = "C0FFEE" * 10 + "BEEF"
ACCOUNT = "87654321"
ACCESS, REFRESH, ID_TOKEN = "canary-access-0", "canary-refresh", "canary.id.token"
CLIENT_ID, APP_SECRET = "canary-client", "canary-secret"
LOCATION = f"https://api.schwabapi.com/trader/v1/accounts/{HASH}/orders"
TERMINAL = {"FILLED", "CANCELED", "REJECTED", "EXPIRED", "REPLACED"}


def time_text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}+0000"


def fill(qty: float, price: float, at: str = "2026-11-24T15:00:00+0000", **more: object) -> Json:
    leg = {"legId": 1, "quantity": qty, "mismarkedQuantity": 0.0, "price": price, "time": at, "instrumentId": 7}
    activity = {"activityType": "EXECUTION", "executionType": "FILL", "quantity": qty, "executionLegs": [leg]}
    return {"activityId": abs(hash((qty, price))), **activity, **more}


@dataclass
class Step:
    """What one request of a route does instead of the usual: whether it takes effect, and how it is answered."""

    answer: Reply | Fault | None = None
    """None gives the usual answer."""
    works: bool = True
    delay_s: float = 0.0
    then: Callable[[], object] | None = None
    """Called after the effect, before the answer."""


def token_file(path: Path, *, left_s: float = 1_800, access: str = ACCESS, refresh: str = REFRESH, **more: Any) -> Path:
    """Write a token file as schwab-py 1.5.1 does."""
    now = int(time.time())
    token = {
        "expires_in": 1800,
        "token_type": "Bearer",
        "scope": "api",
        "refresh_token": refresh,
        "access_token": access,
        "id_token": ID_TOKEN,
        "expires_at": int(now + left_s),
        **more,
    }
    path.write_text(json.dumps({"creation_timestamp": now - 3_600, "token": token}))
    return path


@dataclass
class Broker:
    """The state behind the answers. Steps of a route are used up in order; then everything works."""

    steps: dict[str, deque[Step]] = field(default_factory=dict)
    orders: dict[int, Json] = field(default_factory=dict)
    status_of_new: str = "WORKING"
    fills_new_at: float | None = None
    """A price at which new orders are filled at once."""
    listed_after_s: float = 0.0
    """How late an order comes into the list."""
    positions: list[Json] = field(default_factory=list)
    tokens: int = 0
    ws_url: str = ""
    has_level2: bool = True
    listed: dict[int, float] = field(default_factory=dict)

    def plan(self, route: str, *steps: Step) -> None:
        self.steps.setdefault(route, deque()).extend(steps)

    async def answer(self, seen: Seen) -> Reply | Fault:
        route, usual = self._route(seen)
        queue = self.steps.get(route)
        step = queue.popleft() if queue else Step()
        usual_answer = usual(seen) if step.works else reply({"message": "this did not work"}, 500)
        if step.then is not None:
            step.then()
        await asyncio.sleep(step.delay_s)
        return usual_answer if step.answer is None else step.answer

    def _route(self, seen: Seen) -> tuple[str, Callable[[Seen], Reply]]:
        path = seen.path.partition("?")[0]
        routes: list[tuple[str, str, str, Callable[[Seen], Reply]]] = [
            ("TOKEN", "POST", "/v1/oauth/token", self._token),
            ("PREFERENCE", "GET", "/trader/v1/userPreference", self._preference),
            ("NUMBERS", "GET", "/trader/v1/accounts/accountNumbers", self._numbers),
            ("PLACE", "POST", f"/trader/v1/accounts/{HASH}/orders", self._place),
            ("LIST", "GET", f"/trader/v1/accounts/{HASH}/orders", self._list),
            ("ORDER", "GET", rf"/trader/v1/accounts/{HASH}/orders/\d+", self._order),
            ("CANCEL", "DELETE", rf"/trader/v1/accounts/{HASH}/orders/\d+", self._cancel),
            ("ACCOUNT", "GET", f"/trader/v1/accounts/{HASH}", self._account),
            ("QUOTES", "GET", "/marketdata/v1/quotes", self._quotes),
        ]
        for name, method, pattern, usual in routes:
            if seen.method == method and re.fullmatch(pattern, path):
                return name, usual
        return "OTHER", lambda seen: reply({"message": f"no route {seen.method} {path}"}, 404)

    def add(self, order: Json, *, entered: datetime | None = None) -> int:
        """Put an order into the books, whoever placed it."""
        order_id = 1_005_609_024_296 + len(self.orders)
        entered = entered or datetime.now(UTC)
        legs = [dict(leg) | {"legId": 1} for leg in order["orderLegCollection"]]
        quantity = float(legs[0]["quantity"])
        view: Json = {
            **{name: value for name, value in order.items() if name != "price"},
            "orderLegCollection": legs,
            "quantity": quantity,
            "filledQuantity": 0.0,
            "remainingQuantity": quantity,
            "orderId": order_id,
            "status": self.status_of_new,
            "enteredTime": time_text(entered),
            "tag": "TA_canary",
            "accountNumber": int(ACCOUNT),
        }
        if "price" in order:
            view["price"] = float(order["price"])
        self.orders[order_id] = view
        self.listed[order_id] = time.monotonic() + self.listed_after_s
        if self.fills_new_at is not None:
            self.fill(order_id, fill(quantity, self.fills_new_at))
        return order_id

    def fill(self, order_id: int, *activities: Json) -> None:
        order = self.orders[order_id]
        order.setdefault("orderActivityCollection", []).extend(activities)
        order["filledQuantity"] += sum(activity["quantity"] for activity in activities)
        order["remainingQuantity"] = order["quantity"] - order["filledQuantity"]
        if not order["remainingQuantity"]:
            order["status"] = "FILLED"

    def cancel(self, order_id: int) -> None:
        """End an order as a cancel does, with the EXECUTION that is no fill (facts 2.3)."""
        order = self.orders[order_id]
        left = order["remainingQuantity"]
        execution = fill(left, 0.0, time_text(datetime.now(UTC)), executionType="CANCELED")
        order.setdefault("orderActivityCollection", []).append(execution)
        order["status"], order["remainingQuantity"] = "CANCELED", 0.0

    def _token(self, _: Seen) -> Reply:
        self.tokens += 1
        token = {"expires_in": 1800, "token_type": "Bearer", "scope": "api", "refresh_token": REFRESH}
        return reply({**token, "access_token": f"canary-access-{self.tokens}", "id_token": ID_TOKEN})

    def _preference(self, _: Seen) -> Reply:
        streamer = {
            "streamerSocketUrl": self.ws_url,
            "schwabClientCustomerId": "customer",
            "schwabClientCorrelId": "correl",
            "schwabClientChannel": "N9",
            "schwabClientFunctionId": "APIAPP",
        }
        offers = [{"level2Permissions": self.has_level2, "mktDataPermission": "NP"}]
        return reply({"accounts": [], "streamerInfo": [streamer], "offers": offers})

    def _numbers(self, _: Seen) -> Reply:
        return reply([{"accountNumber": ACCOUNT, "hashValue": HASH}])

    def _account(self, _: Seen) -> Reply:
        account = {"type": "MARGIN", "accountNumber": ACCOUNT, "roundTrips": 0}
        if self.positions:
            account["positions"] = self.positions
        return reply({"securitiesAccount": account, "aggregatedBalance": {}})

    def _quotes(self, seen: Seen) -> Reply:
        symbols = re.search(r"symbols=([^&]*)", seen.path)
        assert symbols is not None
        quote = {
            "assetMainType": "EQUITY",
            "reference": {"exchange": "Q", "isShortable": True, "isHardToBorrow": False},
        }
        return reply(dict.fromkeys(symbols.group(1).split(","), quote))

    def _place(self, seen: Seen) -> Reply:
        return Reply(201, headers={"Location": f"{LOCATION}/{self.add(seen.json)}", "Schwab-Client-CorrelId": "corr-1"})

    def _list(self, _: Seen) -> Reply:
        return reply([order for number, order in self.orders.items() if self.listed[number] <= time.monotonic()][::-1])

    def _order(self, seen: Seen) -> Reply:
        order = self.orders.get(_number(seen))
        return reply({"message": "Order not found."}, 404) if order is None else reply(order)

    def _cancel(self, seen: Seen) -> Reply:
        number = _number(seen)
        if number not in self.orders:
            return reply({"message": "Order not found."}, 404)
        if self.orders[number]["status"] in TERMINAL:
            return reply({"message": "Order cannot be canceled.", "errors": ["it has ended"]}, 400)
        self.cancel(number)
        return Reply(200)


def _number(seen: Seen) -> int:
    return int(seen.path.rpartition("/")[2])


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


@asynccontextmanager
async def broker_serving(stream: Streaming | None = None) -> AsyncIterator[tuple[Broker, ScriptedServer]]:
    broker = Broker()
    server = ScriptedServer(broker.answer, stream)
    await server.start()
    broker.ws_url = f"ws://127.0.0.1:{server.port}/ws"
    try:
        yield broker, server
    finally:
        await server.stop()
