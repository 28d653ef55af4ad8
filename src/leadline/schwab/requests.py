"""Owns what is asked of the streamer: subscriptions, the requests they become, and how one is written.

Never decides when one is sent.
Comes from `app` as symbols by service; goes to `protocol`.
"""

import msgspec

from leadline.core.errors import ConfigurationError
from leadline.core.market import Service
from leadline.schwab.rest import StreamerInfo
from leadline.schwab.wire import ACTIVITY, LEVEL_ONE

BOOK_FIELDS = "0,1,2,3"
LEVEL_ONE_FIELDS = "0,1,2,3,4,5,8,9,32,34,35"
ACTIVITY_FIELDS = "0,1,2,3"
ACTIVITY_KEY = "leadline"
"""Any text will do; the server gives it back as each item's key (facts 1.5)."""

KEYS_MAX = 200
"""Symbols in one request; more go in further ADDs."""

BOOKS = frozenset(service.value for service in Service)


class Subscriptions(msgspec.Struct, frozen=True):
    """What to ask for: symbols by book service, and those of level one."""

    books: dict[Service, list[str]]
    level_one: list[str]

    def parts(self) -> dict[str, list[str]]:
        """Give the symbols of every service from which data is expected, account activity included."""
        parts = {service.value: symbols for service, symbols in self.books.items() if symbols}
        if self.level_one:
            parts[LEVEL_ONE] = self.level_one
        return parts | {ACTIVITY: [ACTIVITY_KEY]}


def check_limit(subscriptions: Subscriptions, symbols_max: int) -> None:
    """Refuse more symbols of one service than the limit, before Schwab discards some (code 19, facts 1.4).

    Raises:
        ConfigurationError: a service would be asked for more.
    """
    for service, symbols in subscriptions.parts().items():
        if len(symbols) > symbols_max:
            raise ConfigurationError(
                f"{len(symbols)} symbols of {service} are more than one connection is allowed",
                which="SYMBOLS",
                expected=f"at most {symbols_max} (FEED_SYMBOLS_MAX)",
                do="give fewer symbols; raise FEED_SYMBOLS_MAX only if the broker is known to serve more",
            )


class Request(msgspec.Struct, frozen=True):
    """One request, and the symbols it is about."""

    service: str
    command: str
    parameters: dict[str, str]
    symbols: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name it for people."""
        return f"{self.command} {self.service}"

    def written(self, request_id: str, info: StreamerInfo) -> bytes:
        """Write it for the wire (facts 1.1)."""
        wire = {
            "requestid": request_id,
            "service": self.service,
            "command": self.command,
            "SchwabClientCustomerId": info.schwab_client_customer_id,
            "SchwabClientCorrelId": info.schwab_client_correl_id,
            "parameters": self.parameters,
        }
        return msgspec.json.encode({"requests": [wire]})


def login_request(info: StreamerInfo, access_token: str) -> Request:
    """Give the LOGIN, which opens the conversation."""
    parameters = {
        "Authorization": access_token,
        "SchwabClientChannel": info.schwab_client_channel,
        "SchwabClientFunctionId": info.schwab_client_function_id,
    }
    return Request("ADMIN", "LOGIN", parameters)


def requests_of(subscriptions: Subscriptions) -> list[Request]:
    """List what to ask after the login: account activity by SUBS only, the rest by SUBS, then ADD (facts 1.2, 1.5)."""
    requests = [Request(ACTIVITY, "SUBS", {"keys": ACTIVITY_KEY, "fields": ACTIVITY_FIELDS}, (ACTIVITY_KEY,))]
    for service, symbols in subscriptions.parts().items():
        if service != ACTIVITY:
            requests += _chunks(service, symbols, "SUBS")
    return requests


def requests_again(parts: dict[str, list[str]]) -> list[Request]:
    """List what asks once more for parts of what was asked for; SUBS would replace the rest (facts 1.2)."""
    requests = []
    for service, symbols in parts.items():
        requests += _chunks(service, symbols, "ADD")
    return requests


def _chunks(service: str, symbols: list[str], first: str) -> list[Request]:
    fields = LEVEL_ONE_FIELDS if service == LEVEL_ONE else BOOK_FIELDS
    requests = []
    for start in range(0, len(symbols), KEYS_MAX):
        chunk = tuple(symbols[start : start + KEYS_MAX])
        command = "ADD" if start else first
        requests.append(Request(service, command, {"keys": ",".join(chunk), "fields": fields}, chunk))
    return requests
