"""Owns tokens: which are valid until when, and the token endpoint's answers.

Never extends the seven days of a refresh token; a new login ends the old one.
Comes from token requests, goes to REST and the streamer's LOGIN as a yes or no.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from urllib.parse import parse_qs

import msgspec

from simschwab.core.answers import Response, json_response
from simschwab.core.choices import RefreshError
from simschwab.core.dice import dice
from simschwab.core.settings import Settings
from simschwab.core.times import NS_PER_S


@dataclass(frozen=True, slots=True)
class Grant:
    """Hold what a login gave: the texts and when the refresh token ends."""

    access: str
    refresh: str
    refresh_ends_ns: int


class OAuth:
    """Run the token endpoint of the one registered app."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rng = dice(settings.seed, "oauth")
        self._access_ends_ns: dict[str, int] = {}
        self._grant: Grant | None = None
        self._codes: dict[str, tuple[str, int]] = {}

    def login(self, now_ns: int) -> Grant:
        """Give new tokens as if a person had just logged in; the former refresh token dies."""
        ends_ns = now_ns + self._settings.refresh_token_s * NS_PER_S
        self._grant = Grant(self._new_access(now_ns), _text(self._rng), ends_ns)
        return self._grant

    def new_code(self, redirect_uri: str, now_ns: int) -> str:
        """Give an authorization code for a callback; like Schwab's it ends with `@`."""
        code = f"C0.{_text(self._rng)[:40]}@"
        self._codes[code] = redirect_uri, now_ns + self._settings.code_s * NS_PER_S
        return code

    def revoke(self, *, refresh: bool) -> None:
        """Make all access tokens invalid, or the refresh token."""
        if refresh:
            self._grant = None
        else:
            self._access_ends_ns.clear()

    def is_valid(self, access: str, now_ns: int) -> bool:
        """Tell whether an access token is valid."""
        return self._access_ends_ns.get(access, 0) > now_ns

    def token(self, authorization: str, body: bytes, now_ns: int) -> Response:
        """Answer POST /v1/oauth/token (schwab-api.md 2.1)."""
        if not self._is_app(authorization):
            # The exact body of a wrong app key is not established [?].
            return json_response(401, {"error": "invalid_client", "error_description": "Unauthorized"})
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        match form.get("grant_type"):
            case "refresh_token":
                return self._refresh(form.get("refresh_token", ""), now_ns)
            case "authorization_code":
                return self._exchange(form.get("code", ""), form.get("redirect_uri", ""), now_ns)
            case other:
                text = f"grant_type {other!r} is not supported"
                return json_response(400, {"error": "unsupported_grant_type", "error_description": text})

    def payload(self, grant: Grant) -> dict[str, object]:
        """Give the token answer's body for a grant."""
        return {
            "expires_in": self._settings.access_token_s,
            "token_type": "Bearer",
            "scope": "api",
            "refresh_token": grant.refresh,
            "access_token": grant.access,
            "id_token": f"eyJhbGciOiJub25lIn0.{_digest(grant.access)}.sim",
        }

    def _refresh(self, refresh: str, now_ns: int) -> Response:
        grant = self._grant
        if grant is None or refresh != grant.refresh:
            return self._not_refreshed(refresh, RefreshError.FORM_2024)
        if grant.refresh_ends_ns <= now_ns:
            return self._not_refreshed(refresh, RefreshError.FORM_2026)
        return json_response(200, self.payload(Grant(self._new_access(now_ns), grant.refresh, grant.refresh_ends_ns)))

    def _not_refreshed(self, refresh: str, by_reason: RefreshError) -> Response:
        chosen = self._settings.refresh_error
        if (by_reason if chosen is RefreshError.BY_REASON else chosen) is RefreshError.FORM_2026:
            return _refused("invalid_grant", "Refresh token is invalid, expired or revoked")
        text = f"Exception while authenticating refresh token [tokenDigest={_digest(refresh)}]"
        return _refused("refresh_token_authentication_error", text)

    def _exchange(self, code: str, redirect_uri: str, now_ns: int) -> Response:
        wanted_uri, ends_ns = self._codes.pop(code, ("", 0))
        if ends_ns <= now_ns or redirect_uri != wanted_uri:
            return _refused("invalid_grant", "Authorization code is invalid, expired or for another callback")
        return json_response(200, self.payload(self.login(now_ns)))

    def _new_access(self, now_ns: int) -> str:
        self._access_ends_ns = {text: end for text, end in self._access_ends_ns.items() if end > now_ns}
        access = f"I0.{_text(self._rng)}@"
        self._access_ends_ns[access] = now_ns + self._settings.access_token_s * NS_PER_S
        return access

    def _is_app(self, authorization: str) -> bool:
        scheme, _, value = authorization.partition(" ")
        try:
            given = b64decode(value, validate=True).decode("utf-8", "replace")
        except (Base64Error, ValueError):
            return False
        return scheme == "Basic" and given == f"{self._settings.client_id}:{self._settings.app_secret}"


def _refused(error: str, text: str) -> Response:
    # Schwab nests the real reason as JSON inside the description (schwab-api.md 2.1).
    inner = msgspec.json.encode({"error_description": text, "error": error}).decode()
    description = f'400 Bad Request: "{inner}"'
    return json_response(400, {"error": "unsupported_token_type", "error_description": description})


def _text(rng: Random) -> str:
    return f"{rng.getrandbits(256):064x}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]
