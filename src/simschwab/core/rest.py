"""Owns what each endpoint answers, who may use it and how often.

Never answers anything but the token endpoint and the login page without a valid access token.
Comes from HTTP requests as values, goes to the broker, board and OAuth, and back as responses.
"""

from urllib.parse import urlencode

from simschwab.core.account_view import account_view
from simschwab.core.answers import (
    Request,
    Response,
    empty_response,
    json_response,
    too_many,
    trader_error,
    unauthorized,
)
from simschwab.core.board import Board
from simschwab.core.broker import Broker
from simschwab.core.faults.place import Place
from simschwab.core.hours import hours_answer
from simschwab.core.identity import Identity
from simschwab.core.oauth import OAuth
from simschwab.core.order_desk import OrderDesk
from simschwab.core.quotes import quotes_answer
from simschwab.core.routes import Route
from simschwab.core.settings import Settings
from simschwab.core.throttle import Throttle

_NO_ACCOUNT = "The account hash is unknown."
_ORDER_WRITES = frozenset({Place.PLACE_ORDER, Place.CANCEL_ORDER, Place.REPLACE_ORDER})


class Rest:
    """Answer the trader, market data and OAuth endpoints."""

    def __init__(self, settings: Settings, identity: Identity, board: Board, broker: Broker, oauth: OAuth) -> None:
        self._settings = settings
        self._identity = identity
        self._board = board
        self._broker = broker
        self._oauth = oauth
        self._writes = Throttle(settings.order_limit_per_min, settings.order_limit_per_day)
        self._reads = Throttle(settings.read_limit_per_min)
        self.desk = OrderDesk(settings, identity, board, broker)

    def answer(self, route: Route | None, request: Request, now_ns: int) -> Response:
        """Answer a request."""
        match None if route is None else route.place:
            case Place.OAUTH:
                return self._oauth.token(request.headers.get("authorization", ""), request.body, now_ns)
            case Place.AUTHORIZE:
                return self._authorize(request, now_ns)
            case _:
                return self._admitted(route, request, now_ns)

    def _admitted(self, route: Route | None, request: Request, now_ns: int) -> Response:
        scheme, _, access = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not self._oauth.is_valid(access, now_ns):
            return unauthorized()
        if route is None:
            return trader_error(404, "Not found.", f"{request.method} {request.path} is not simulated.")
        if route.account_hash not in (None, self._identity.account_hash):
            return trader_error(404, "Account not found.", _NO_ACCOUNT)
        # That a preview is not counted as an order request is an assumption [?].
        throttle = self._writes if route.place in _ORDER_WRITES else self._reads if request.method == "GET" else None
        if throttle is not None and not throttle.admits(now_ns):
            return too_many(self._settings.retry_after_s)
        return self._orders(route, request, now_ns) or self._facts(route, request, now_ns)

    def _orders(self, route: Route, request: Request, now_ns: int) -> Response | None:
        desk = self.desk
        match route.place:
            case Place.PLACE_ORDER:
                answer = desk.place(request.body, now_ns)
            case Place.PREVIEW_ORDER:
                answer = desk.preview(request.body, now_ns)
            case Place.REPLACE_ORDER:
                answer = desk.replace(route.id_text, request.body, now_ns)
            case Place.SHOW_ORDER:
                answer = desk.shown(route.id_text)
            case Place.CANCEL_ORDER:
                answer = desk.cancel(route.id_text, now_ns)
            case Place.LIST_ORDERS:
                answer = desk.listed(request.query, now_ns, days_max=365)
            case Place.ALL_ORDERS:
                answer = desk.listed(request.query, now_ns, days_max=60)
            case _:
                return None
        return answer

    def _facts(self, route: Route, request: Request, now_ns: int) -> Response:
        match route.place:
            case Place.USER_PREFERENCE:
                answer = self._user_preference()
            case Place.ACCOUNT_NUMBERS:
                number, hash_value = self._settings.account_number, self._identity.account_hash
                answer = json_response(200, [{"accountNumber": number, "hashValue": hash_value}])
            case Place.ACCOUNTS:
                answer = json_response(200, [self._account(request, now_ns)])
            case Place.ACCOUNT:
                answer = json_response(200, self._account(request, now_ns))
            case Place.HOURS:
                answer = hours_answer(self._broker.calendar, request.query, now_ns)
            case _:
                terms = self._broker.rules.shortability
                answer = quotes_answer(self._board, request.query, terms, delayed=self._settings.delayed_quotes)
        return answer

    def _authorize(self, request: Request, now_ns: int) -> Response:
        # No page and no person: the login succeeds at once for the registered app.
        redirect_uri = request.query.get("redirect_uri", "")
        if request.query.get("client_id") != self._settings.client_id or not redirect_uri:
            return trader_error(400, "Bad request.", "client_id or redirect_uri is missing or unknown.")
        answer = {"code": self._oauth.new_code(redirect_uri, now_ns), "session": self._identity.correl_id}
        if "state" in request.query:
            answer["state"] = request.query["state"]
        return empty_response(302, {"Location": f"{redirect_uri}?{urlencode(answer)}"})

    def _user_preference(self) -> Response:
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
        # A delayed user's permission word is not established; "NFL" is the quote type's word [?].
        permission = "NFL" if self._settings.delayed_quotes else "NP"
        offer = {"level2Permissions": self._settings.level2, "mktDataPermission": permission}
        return json_response(200, {"accounts": [account], "streamerInfo": [streamer], "offers": [offer]})

    def _account(self, request: Request, now_ns: int) -> dict[str, object]:
        broker = self._broker
        state = broker.account.seen(now_ns)
        return account_view(
            state,
            self._settings.account_number,
            self._board,
            broker.seen_power_e4(state),
            restricted=broker.restricted,
            positions="positions" in request.query.get("fields", "").split(","),
        )
