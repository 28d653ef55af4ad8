"""Owns the login: the token file, and one refresh at a time before the access token ends.

Never opens a browser, never logs a token, never leaves half a file.
Comes from a token file in schwab-py's format; goes as a bearer header to `rest` and as a text to the streamer's LOGIN.
"""

import asyncio
import base64
import contextlib
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from leadline.core.errors import AuthenticationError, ConfigurationError
from leadline.core.ports import Clock
from leadline.core.units import NS_PER_S
from leadline.schwab.http import Answer, Http

REFRESH_EARLY_S = 300
"""Access tokens live 30 minutes (Schwab API facts 2.1) and are replaced this long before they end."""

RETRY_S = 15
TOKEN_PATH = "/v1/oauth/token"  # noqa: S105 - a path, not a secret

HOW_TO_LOG_IN = "log in with schwab-py once and point SCHWAB_TOKEN_PATH at the token file it writes"


class Token(msgspec.Struct):
    """What the broker gave at the last login or refresh; `expires_at` is epoch seconds."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105
    expires_in: int = 1_800
    expires_at: float | None = None
    scope: str = "api"
    id_token: str | None = None


class TokenFile(msgspec.Struct):
    """The file in schwab-py's format: `creation_timestamp` is the login, from which the 7 days count."""

    creation_timestamp: int
    token: Token


class Login:
    """Keep one valid access token."""

    def __init__(self, http: Http, path: Path, client_id: str, app_secret: str, clock: Clock) -> None:
        """Read the token file.

        Raises:
            AuthenticationError: there is no token file, or it cannot be read as one.
        """
        self._http = http
        self._path = path
        basic = base64.b64encode(f"{client_id}:{app_secret}".encode()).decode()
        self._headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        self._clock = clock
        self._file = read_token_file(path)
        self._lock = asyncio.Lock()

    @property
    def access_token(self) -> str:
        """Give the access token."""
        return self._file.token.access_token

    @property
    def left_s(self) -> float:
        """Give the seconds until the access token ends."""
        return (self._file.token.expires_at or 0) - self._clock.wall_ns() / NS_PER_S

    async def ensure(self) -> None:
        """Refresh now if the token ends within REFRESH_EARLY_S."""
        if self.left_s < REFRESH_EARLY_S:
            await self.refresh(self.access_token)

    async def refresh(self, instead_of: str) -> None:
        """Get a new access token in place of one, unless another caller has already done so.

        Raises:
            AuthenticationError: the broker wants a new login by a person.
            UnreachableError: the broker did not answer.
        """
        async with self._lock:
            if self.access_token != instead_of:
                return
            token = self._file.token
            form = _form({"grant_type": "refresh_token", "refresh_token": token.refresh_token})
            answer = await self._http.send("POST", TOKEN_PATH, self._headers, form)
            self._file.token = self._read(answer)
            write_token_file(self._path, self._file)

    def _read(self, answer: Answer) -> Token:
        if answer.status != 200:
            raise AuthenticationError(
                f"the broker refused to refresh the login (HTTP {answer.status}: {_refusal(answer)})",
                which=f"SCHWAB_TOKEN_PATH={self._path}",
                expected="a login less than 7 days old, of the app that SCHWAB_CLIENT_ID names",
                do=HOW_TO_LOG_IN,
            )
        try:
            token = msgspec.json.decode(answer.body, type=Token)
        except msgspec.DecodeError as error:
            raise AuthenticationError(
                "the broker's token answer cannot be read", which=self._http.base_url, do="try again later"
            ) from error
        token.expires_at = self._clock.wall_ns() / NS_PER_S + token.expires_in
        return token

    async def keep_fresh(self, sleep_s: float = 30.0) -> None:
        """Refresh in time, for ever; a failure is tried again until the token has ended."""
        while True:
            await asyncio.sleep(sleep_s)
            # While the old token is valid nothing is lost yet; the calls that need it report what they get.
            with contextlib.suppress(AuthenticationError, ConfigurationError):
                await self.ensure()


def _form(fields: dict[str, str]) -> bytes:
    return urlencode(fields).encode()


def _refusal(answer: Answer) -> str:
    """Find the reason in an error body, which may hold JSON in a string (Schwab API facts 2.1); never the token."""
    try:
        body: Any = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        return f"a body of {answer.content_type}"
    if not isinstance(body, dict):
        return "an unreadable body"
    text = str(body.get("error_description") or body.get("error") or "no reason given")
    return text.partition("[tokenDigest")[0].strip()[:200]


def read_token_file(path: Path) -> TokenFile:
    """Read a token file.

    Raises:
        AuthenticationError: it is not there, or is not in schwab-py's format.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=TokenFile)
    except OSError as error:
        raise AuthenticationError(
            f"the token file cannot be read ({error.strerror})",
            which=f"SCHWAB_TOKEN_PATH={path}",
            expected="a token file in schwab-py's format",
            do=HOW_TO_LOG_IN,
        ) from error
    except msgspec.DecodeError as error:
        raise AuthenticationError(
            f"this is no token file ({error})",
            which=f"SCHWAB_TOKEN_PATH={path}",
            expected='{"creation_timestamp": ..., "token": {"access_token": ..., "refresh_token": ...}}',
            do=HOW_TO_LOG_IN,
        ) from error


def write_token_file(path: Path, content: TokenFile) -> None:
    """Replace the file in one step, readable by its owner only; a crash leaves the old or the new one."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(fd, msgspec.json.encode(content))
        os.fsync(fd)
    finally:
        os.close(fd)
    temporary.replace(path)
