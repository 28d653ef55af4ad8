"""Owns the broker's REST calls as typed questions and answers.

Never answers with something empty where the call failed: it raises.
Comes from `app`, `executor` and `stream`; goes to `http`.
"""

import logging
import re
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from leadline.core.errors import AuthenticationError, BrokerAnswerError, ConfigurationError, LeadlineError
from leadline.core.market import Listing, service_of
from leadline.schwab.auth import HOW_TO_LOG_IN, Login
from leadline.schwab.http import Answer, Sender, answer_error, name_of

log = logging.getLogger(__name__)

T = TypeVar("T")

_HASH = re.compile(r"\b[0-9A-Fa-f]{32,}\b")

QUOTES_MAX = 500
"""Symbols in one quotes call (Schwab API facts 2.5)."""


class StreamerInfo(msgspec.Struct, rename="camel"):
    """Where the streamer is and how to name oneself there (Schwab API facts 1.1)."""

    streamer_socket_url: str
    schwab_client_customer_id: str
    schwab_client_correl_id: str
    schwab_client_channel: str
    schwab_client_function_id: str


class Offer(msgspec.Struct, rename={"has_level2": "level2Permissions"}):
    """What the user may see."""

    has_level2: bool = False


class UserPreference(msgspec.Struct, rename="camel"):
    """The answer of userPreference, as far as it is used."""

    streamer_info: list[StreamerInfo]
    offers: list[Offer] = []


class AccountNumber(msgspec.Struct, rename="camel"):
    """An account's number and the hash that replaces it in every path."""

    account_number: str
    hash_value: str


class Instrument(msgspec.Struct):
    """What a position or leg is in."""

    symbol: str = ""


class BrokerPosition(msgspec.Struct, rename="camel"):
    """A position as the broker sees it; net is long minus short."""

    instrument: Instrument
    long_quantity: float = 0
    short_quantity: float = 0

    @property
    def net(self) -> float:
        """Give the signed shares."""
        return self.long_quantity - self.short_quantity


class SecuritiesAccount(msgspec.Struct, rename="camel"):
    """The account's positions; the key is absent where there are none, so that the number must say it is an account."""

    account_number: str
    positions: list[BrokerPosition] = []


class Account(msgspec.Struct, rename="camel"):
    """The answer of accounts/{hash}?fields=positions, as far as it is used."""

    securities_account: SecuritiesAccount


class ExecutionLeg(msgspec.Struct, rename="camel"):
    """A part of an execution."""

    quantity: float = 0
    price: float = 0
    time: str = ""
    leg_id: int = 0


class Activity(msgspec.Struct, rename="camel"):
    """Something that happened to an order; only an EXECUTION of type FILL is a fill (Schwab API facts 2.3)."""

    activity_type: str = ""
    execution_type: str = ""
    activity_id: int | None = None
    execution_legs: list[ExecutionLeg] = []


class OrderLeg(msgspec.Struct):
    """What one leg of an order asks for."""

    instrument: Instrument
    instruction: str = ""
    quantity: float = 0


class BrokerOrder(msgspec.Struct, rename="camel"):
    """An order as the broker tells it.

    Only the id must be there: in a list, an order of another kind must not make ours unreadable.
    """

    order_id: int
    status: str = "UNKNOWN"
    order_type: str = ""
    quantity: float = 0
    filled_quantity: float = 0
    price: float | str | None = None
    status_description: str | None = None
    entered_time: str = ""
    close_time: str | None = None
    tag: str | None = None
    order_leg_collection: list[OrderLeg] = []
    order_activity_collection: list[Activity] = []
    replacing_order_collection: Any = None
    """What it holds is not established (Schwab API facts 2.3): `successor` reads what it can."""


class Rest:
    """Ask the broker."""

    def __init__(self, http: Sender, login: Login) -> None:
        self._http = http
        self.login = login

    async def user_preference(self) -> UserPreference:
        """Ask where the streamer is and what the user may see."""
        path = "/trader/v1/userPreference"
        preference = await self._get(path, UserPreference)
        if not preference.streamer_info:
            raise BrokerAnswerError("no streamer is offered to this login", status=200, which=path)
        return preference

    async def account_numbers(self) -> list[AccountNumber]:
        """Ask for the accounts and their hashes."""
        return await self._get("/trader/v1/accounts/accountNumbers", list[AccountNumber])

    async def positions(self, account_hash: str) -> dict[str, float]:
        """Ask for the net shares by symbol; lags fills by 1-2 s (design 1.6)."""
        account = await self._get(f"/trader/v1/accounts/{account_hash}?fields=positions", Account)
        net: dict[str, float] = {}
        for position in account.securities_account.positions:
            symbol = position.instrument.symbol
            net[symbol] = net.get(symbol, 0) + position.net
        return net

    async def order(self, account_hash: str, order_id: str) -> BrokerOrder:
        """Ask for one order: the truth about it."""
        return await self._get(f"/trader/v1/accounts/{account_hash}/orders/{order_id}", BrokerOrder)

    async def orders(self, account_hash: str, from_ns: int, to_ns: int) -> list[BrokerOrder]:
        """Ask for the orders entered between two times."""
        window = f"fromEnteredTime={_time_text(from_ns)}&toEnteredTime={_time_text(to_ns)}"
        return await self._get(f"/trader/v1/accounts/{account_hash}/orders?{window}", list[BrokerOrder])

    async def listings(self, symbols: list[str]) -> dict[str, Listing]:
        """Ask where symbols are listed and whether they can be shorted.

        Raises:
            ConfigurationError: the broker does not know a symbol.
        """
        found: dict[str, Listing] = {}
        for start in range(0, len(symbols), QUOTES_MAX):
            names = ",".join(quote(symbol) for symbol in symbols[start : start + QUOTES_MAX])
            answer = await self._get(f"/marketdata/v1/quotes?symbols={names}&fields=reference", dict[str, Any])
            found.update(_listings_of(answer))
        unknown = [symbol for symbol in symbols if symbol not in found]
        if unknown:
            raise ConfigurationError(
                f"the broker does not know {', '.join(unknown)}",
                which="SYMBOLS",
                expected="symbols of listed stocks or ETFs, separated by commas",
                do="correct or remove them",
            )
        return found

    async def post_order(self, account_hash: str, body: bytes) -> Answer:
        """Send one order, once; the caller reads the answer, whatever it is."""
        token = self.login.access_token
        headers = self._bearer() | {"Content-Type": "application/json"}
        answer = await self._http.send("POST", f"/trader/v1/accounts/{account_hash}/orders", headers, body)
        if answer.status == 401:
            await self._renew_for_others(token)
        return answer

    async def delete_order(self, account_hash: str, order_id: str) -> Answer:
        """Ask to cancel an order, which is harmless to repeat; the caller reads the answer, whatever it is."""
        return await self._ask("DELETE", f"/trader/v1/accounts/{account_hash}/orders/{order_id}")

    async def _renew_for_others(self, token: str) -> None:
        """Refresh the login after an order's 401, for whoever asks next: the order itself is not sent again."""
        try:
            await self.login.refresh(token)
        except LeadlineError as error:
            log.error("the login could not be refreshed after an order's 401: %s", error)

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.login.access_token}"}

    async def _ask(self, method: str, path: str) -> Answer:
        """Ask what is harmless to ask twice: on 401 refresh the login and ask once more (Schwab API facts 2.1)."""
        token = self.login.access_token
        answer = await self._http.send(method, path, self._bearer())
        if answer.status == 401:
            await self.login.refresh(token)
            answer = await self._http.send(method, path, self._bearer())
        return answer

    async def _get(self, path: str, kind: type[T]) -> T:
        """GET a typed answer."""
        answer = await self._ask("GET", path)
        if answer.status == 401:
            raise AuthenticationError(
                "the broker does not accept the login",
                which=name_of(path),
                expected="a login that is allowed to use this app",
                do=HOW_TO_LOG_IN,
            )
        if answer.status != 200:
            raise answer_error(answer, path, f"HTTP {answer.status}: {message_of(answer)}")
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except msgspec.DecodeError as error:
            raise answer_error(answer, path, f"the answer cannot be read ({error})") from error


def _listings_of(answer: dict[str, Any]) -> dict[str, Listing]:
    found = {}
    for symbol, entry in answer.items():
        reference = entry.get("reference") if isinstance(entry, dict) else None
        exchange = reference.get("exchange") if isinstance(reference, dict) else None
        if not isinstance(reference, dict) or not isinstance(exchange, str):
            continue
        found[symbol] = Listing(
            symbol,
            exchange,
            service_of(exchange),
            is_shortable=_flag(reference.get("isShortable")),
            is_hard_to_borrow=_flag(reference.get("isHardToBorrow")),
            asset_type=str(entry.get("assetMainType", "EQUITY")),
        )
    return found


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def message_of(answer: Answer) -> str:
    """Give the reason in an error body, by its content type: JSON of several shapes, or the edge's HTML (facts 2.4)."""
    if "json" not in answer.content_type:
        return f"a body of {answer.content_type}, not the broker's own"
    try:
        body: Any = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        return "an unreadable body"
    if not isinstance(body, dict):
        return "an unexpected body"
    fault, errors = body.get("fault"), body.get("errors")
    texts = [body.get("message"), fault, *(errors if isinstance(errors, list) else [])]
    return _HASH.sub("****", "; ".join(_error_text(text) for text in texts if text)[:300]) or "no reason given"


def _error_text(error: object) -> str:
    """Give one error's text: a plain one of the trader API, or what a market data or gateway one says."""
    if not isinstance(error, dict):
        return str(error)
    return str(error.get("faultstring") or error.get("detail") or error.get("title") or "no reason given")


def _time_text(time_ns: int) -> str:
    moment = datetime.fromtimestamp(time_ns / 1e9, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
