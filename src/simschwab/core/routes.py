"""Owns which method and path is which endpoint.

Never answers.
Comes from a request's method and path, goes to REST and to faults on requests.
"""

import re
from dataclasses import dataclass
from typing import Final

from simschwab.core.faults.place import Place

_ACCOUNT: Final = "/trader/v1/accounts/(?P<hash>[^/]+)"
_TABLE: Final = tuple(
    (method, re.compile(pattern), place)
    for method, pattern, place in (
        ("POST", "/v1/oauth/token", Place.OAUTH),
        ("GET", "/v1/oauth/authorize", Place.AUTHORIZE),
        ("GET", "/trader/v1/userPreference", Place.USER_PREFERENCE),
        ("GET", "/trader/v1/accounts/accountNumbers", Place.ACCOUNT_NUMBERS),
        ("GET", "/trader/v1/accounts", Place.ACCOUNTS),
        ("GET", _ACCOUNT, Place.ACCOUNT),
        ("GET", "/trader/v1/orders", Place.ALL_ORDERS),
        ("GET", f"{_ACCOUNT}/orders", Place.LIST_ORDERS),
        ("POST", f"{_ACCOUNT}/orders", Place.PLACE_ORDER),
        ("POST", f"{_ACCOUNT}/previewOrder", Place.PREVIEW_ORDER),
        ("GET", f"{_ACCOUNT}/orders/(?P<id>[^/]+)", Place.SHOW_ORDER),
        ("DELETE", f"{_ACCOUNT}/orders/(?P<id>[^/]+)", Place.CANCEL_ORDER),
        ("PUT", f"{_ACCOUNT}/orders/(?P<id>[^/]+)", Place.REPLACE_ORDER),
        ("GET", "/marketdata/v1/quotes", Place.QUOTES),
        ("GET", "/marketdata/v1/markets(/equity)?", Place.HOURS),
    )
)


@dataclass(frozen=True, slots=True)
class Route:
    """Hold an endpoint and what its path names."""

    place: Place
    account_hash: str | None = None
    id_text: str = ""


def route_of(method: str, path: str) -> Route | None:
    """Give the route of a request; None when nothing is simulated there."""
    for wanted, pattern, place in _TABLE:
        match = pattern.fullmatch(path) if wanted == method else None
        if match is not None:
            named = match.groupdict()
            return Route(place, named.get("hash"), named.get("id", ""))
    return None
