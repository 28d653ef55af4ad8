"""Owns the routes of the REST API and who may use them.

Never answers anything but the token endpoint and the login page without a valid access token.
Comes from HTTP requests as values, goes to the broker, board and OAuth, and back as responses.
"""

import re
from collections.abc import Callable
from urllib.parse import urlencode

from simschwab.core.account_view import account_view
from simschwab.core.answers import Request, Response, empty_response, json_response, trader_error, unauthorized
from simschwab.core.board import Board
from simschwab.core.broker import Broker
from simschwab.core.identity import Identity
from simschwab.core.oauth import OAuth
from simschwab.core.order_desk import OrderDesk
from simschwab.core.quotes import quotes_answer
from simschwab.core.settings import Settings

Handler = Callable[[Request, "re.Match[str]", int], Response]

_NO_ACCOUNT = "The account hash is unknown."


class Rest:
    """Answer the trader, market data and OAuth endpoints."""

    def __init__(self, settings: Settings, identity: Identity, board: Board, broker: Broker, oauth: OAuth) -> None:
        self._settings = settings
        self._identity = identity
        self._board = board
        self._broker = broker
        self._oauth = oauth
        self.desk = OrderDesk(settings, identity, board, broker)
        account = "/trader/v1/accounts/(?P<hash>[^/]+)"
        table: tuple[tuple[str, str, Handler], ...] = (
            ("GET", "/trader/v1/userPreference", self._user_preference),
            ("GET", "/trader/v1/accounts/accountNumbers", self._account_numbers),
            ("GET", "/trader/v1/accounts", self._accounts),
            ("GET", account, self._account),
            ("GET", "/trader/v1/orders", self._all_orders),
            ("GET", f"{account}/orders", self._orders),
            ("POST", f"{account}/orders", self._place),
            ("GET", f"{account}/orders/(?P<id>[^/]+)", self._order),
            ("DELETE", f"{account}/orders/(?P<id>[^/]+)", self._cancel),
            ("GET", "/marketdata/v1/quotes", self._quotes),
        )
        self._routes = [(method, re.compile(pattern), handler) for method, pattern, handler in table]

    def answer(self, request: Request, now_ns: int) -> Response:
        """Answer a request."""
        if (request.method, request.path) == ("POST", "/v1/oauth/token"):
            return self._oauth.token(request.headers.get("authorization", ""), request.body, now_ns)
        if (request.method, request.path) == ("GET", "/v1/oauth/authorize"):
            return self._authorize(request, now_ns)
        scheme, _, access = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not self._oauth.is_valid(access, now_ns):
            return unauthorized()
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(request.path)
            if match is not None and method == request.method:
                if match.groupdict().get("hash", self._identity.account_hash) != self._identity.account_hash:
                    return trader_error(404, "Account not found.", _NO_ACCOUNT)
                return handler(request, match, now_ns)
        return trader_error(404, "Not found.", f"{request.method} {request.path} is not simulated.")

    def _authorize(self, request: Request, now_ns: int) -> Response:
        # No page and no person: the login succeeds at once for the registered app.
        redirect_uri = request.query.get("redirect_uri", "")
        if request.query.get("client_id") != self._settings.client_id or not redirect_uri:
            return trader_error(400, "Bad request.", "client_id or redirect_uri is missing or unknown.")
        answer = {"code": self._oauth.new_code(redirect_uri, now_ns), "session": self._identity.correl_id}
        if "state" in request.query:
            answer["state"] = request.query["state"]
        return empty_response(302, {"Location": f"{redirect_uri}?{urlencode(answer)}"})

    def _user_preference(self, _request: Request, _match: "re.Match[str]", _now_ns: int) -> Response:
        account = {
            "accountNumber": self._settings.account_number,
            "primaryAccount": True,
            "type": "BROKERAGE",
            "nickName": "Simulated",
            "displayAcctId": f"...{self._settings.account_number[-3:]}",
            "autoPositionEffect": False,
            "accountColor": "Green",
        }
        streamer = {
            "streamerSocketUrl": self._settings.stream_url,
            "schwabClientCustomerId": self._identity.customer_id,
            "schwabClientCorrelId": self._identity.correl_id,
            "schwabClientChannel": "N9",
            "schwabClientFunctionId": "APIAPP",
        }
        offer = {"level2Permissions": True, "mktDataPermission": "NP"}
        return json_response(200, {"accounts": [account], "streamerInfo": [streamer], "offers": [offer]})

    def _account_numbers(self, _request: Request, _match: "re.Match[str]", _now_ns: int) -> Response:
        number, hash_value = self._settings.account_number, self._identity.account_hash
        return json_response(200, [{"accountNumber": number, "hashValue": hash_value}])

    def _accounts(self, request: Request, _match: "re.Match[str]", now_ns: int) -> Response:
        return json_response(200, [self._account_body(request, now_ns)])

    def _account(self, request: Request, _match: "re.Match[str]", now_ns: int) -> Response:
        return json_response(200, self._account_body(request, now_ns))

    def _account_body(self, request: Request, now_ns: int) -> dict[str, object]:
        state = self._broker.account.seen(now_ns)
        positions = "positions" in request.query.get("fields", "").split(",")
        return account_view(state, self._settings.account_number, self._board, positions=positions)

    def _all_orders(self, request: Request, _match: "re.Match[str]", _now_ns: int) -> Response:
        return self.desk.listed(request.query, days_max=60)

    def _orders(self, request: Request, _match: "re.Match[str]", _now_ns: int) -> Response:
        return self.desk.listed(request.query, days_max=365)

    def _place(self, request: Request, _match: "re.Match[str]", now_ns: int) -> Response:
        return self.desk.place(request.body, now_ns)

    def _order(self, _request: Request, match: "re.Match[str]", _now_ns: int) -> Response:
        return self.desk.shown(match["id"])

    def _cancel(self, _request: Request, match: "re.Match[str]", now_ns: int) -> Response:
        return self.desk.cancel(match["id"], now_ns)

    def _quotes(self, request: Request, _match: "re.Match[str]", _now_ns: int) -> Response:
        return quotes_answer(self._board, request.query)
