"""Owns the login: the token file, and one refresh at a time before the access token ends.

Never opens a browser, never logs a token, never leaves half a file.
Comes from a token file in schwab-py's format; goes as a bearer header to `rest` and as a text to the streamer's LOGIN.
"""

import asyncio
import base64
import contextlib
import fcntl
import logging
import os
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from leadline.core.errors import AuthenticationError, LeadlineError, UnreachableError
from leadline.core.ports import Clock
from leadline.core.units import NS_PER_S
from leadline.schwab.http import Sender

log = logging.getLogger(__name__)

REFRESH_EARLY_S = 360
"""Access tokens live 30 minutes (Schwab API facts 2.1); looked at every 30 s, they are replaced 5 minutes early."""

LOCK_WAIT_S = 10.0
LOCK_POLL_S = 0.05
TOKEN_PATH = "/v1/oauth/token"  # noqa: S105 - a path, not a secret

HOW_TO_LOG_IN = "log in with schwab-py once and point SCHWAB_TOKEN_PATH at the token file it writes"


class Token(msgspec.Struct):
    """What is used of the broker's token; `expires_at` is epoch seconds."""

    access_token: str
    refresh_token: str
    expires_at: float | None = None


class _Grant(msgspec.Struct):
    """What is used of a token answer (Schwab API facts 2.1)."""

    access_token: str
    expires_in: float = 1_800


class TokenFile(msgspec.Struct):
    """What is used of a file in schwab-py's format: `creation_timestamp` is the login, from which 7 days count.

    `content` is the whole file: what is not used here is kept for schwab-py.
    """

    creation_timestamp: float
    token: Token
    content: dict[str, Any] = {}

    @property
    def age_key(self) -> tuple[float, float]:
        """Give what grows with each login and each refresh."""
        return self.creation_timestamp, self.token.expires_at or 0


class Login:
    """Keep one valid access token."""

    def __init__(
        self,
        http: Sender,
        path: Path,
        client_id: str,
        app_secret: str,
        clock: Clock,
        *,
        retry_s: float = 1.0,
        hide: Callable[..., None] = lambda *_: None,
    ) -> None:
        """Read the token file. `hide` is told every text that may stand in no log line, as soon as it is known.

        Raises:
            AuthenticationError: there is no token file, or it cannot be read as one.
        """
        self._http = http
        self._path = path
        basic = base64.b64encode(f"{client_id}:{app_secret}".encode()).decode()
        self._headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        self._clock = clock
        self._retry_s = retry_s
        self._hide = hide
        hide(basic)
        self._hold(read_token_file(path))
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
        """Refresh now if the token ends within REFRESH_EARLY_S; while it is valid an absent broker can be waited for.

        Raises:
            AuthenticationError: the broker wants a new login by a person.
            UnreachableError: the token has ended and the broker did not answer.
        """
        if self.left_s >= REFRESH_EARLY_S:
            return
        try:
            await self.refresh(self.access_token)
        except UnreachableError as error:
            if self.left_s <= 0:
                raise
            log.warning("the login could not be refreshed, it ends in %.0f s: %s", self.left_s, error)

    async def refresh(self, instead_of: str) -> None:
        """Get a new access token in place of one, unless another caller, process or person has already done so.

        Raises:
            AuthenticationError: the broker wants a new login by a person.
            UnreachableError: the broker did not answer, or not as a token endpoint does.
        """
        async with self._lock, _only_process(self._path):
            self._take_newer_file()
            if self.access_token != instead_of and self.left_s > 0:
                return
            try:
                self._hold(await self._ask())
            except AuthenticationError:
                # The refusal of a dead login has also come in passing (Schwab API facts 2.1): it must be said twice.
                await asyncio.sleep(self._retry_s)
                self._hold(await self._ask())
            await self._keep_file()

    def _take_newer_file(self) -> None:
        """Take what another process or a new login has written since."""
        with contextlib.suppress(AuthenticationError):  # ours is still good
            on_disk = read_token_file(self._path)
            if on_disk.age_key > self._file.age_key:
                self._hold(on_disk)

    def _hold(self, file: TokenFile) -> None:
        self._file = file
        self._hide(file.token.access_token, file.token.refresh_token)

    async def _keep_file(self) -> None:
        try:
            await asyncio.to_thread(write_token_file, self._path, self._file)  # it waits for the disk
        except OSError as error:
            # Refreshing does not change the refresh token: the old file still serves after a restart.
            log.error("the token file %s could not be written (%s); the login stays in use", self._path, error.strerror)

    async def _ask(self) -> TokenFile:
        """Ask for a token and give the file with it."""
        token = self._file.token
        form = urlencode({"grant_type": "refresh_token", "refresh_token": token.refresh_token}).encode()
        asked_s = self._clock.wall_ns() / NS_PER_S
        answer = await self._http.send("POST", TOKEN_PATH, self._headers, form)
        body = _object(answer.body)
        if answer.status in {400, 401} and body is not None:
            raise AuthenticationError(
                f"the broker refused to refresh the login (HTTP {answer.status}: {_refusal(body, token)})",
                which=f"SCHWAB_TOKEN_PATH={self._path}",
                expected="a login less than 7 days old, of the app that SCHWAB_CLIENT_ID names",
                do=HOW_TO_LOG_IN,
            )
        try:
            told = {name: value for name, value in (body or {}).items() if value is not None}
            grant = msgspec.convert(told if answer.status == 200 else None, _Grant, strict=False)
            fresh = {**self._file.content["token"], **told, "expires_at": int(asked_s + grant.expires_in)}
            return _file_of({**self._file.content, "token": fresh})
        except msgspec.ValidationError:
            # The edge answers for the broker at times, in HTML (Schwab API facts 2): that is no refusal.
            raise UnreachableError(
                f"the broker did not refresh the login (HTTP {answer.status}, {answer.content_type})",
                which=self._http.base_url + TOKEN_PATH,
                expected="a token",
                do="try again later",
            ) from None

    async def keep_fresh(self, sleep_s: float = 30.0) -> None:
        """Refresh in time, for ever; a failure is said and tried again."""
        while True:
            await asyncio.sleep(sleep_s)
            try:
                await self.ensure()
            except LeadlineError as error:
                log.error("the login could not be refreshed, it ends in %.0f s: %s", max(0.0, self.left_s), error)


@contextlib.asynccontextmanager
async def _only_process(path: Path) -> AsyncIterator[None]:
    """Keep other processes from refreshing meanwhile, as far as that can be had.

    Refreshing twice costs a request and nothing else: a holder that hangs is not waited for without end, and a
    directory without a place for the lock is no reason to let the login die.
    """
    try:
        fd = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        yield
        return
    try:
        for _ in range(round(LOCK_WAIT_S / LOCK_POLL_S)):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(LOCK_POLL_S)
        yield
    finally:
        os.close(fd)


def _object(text: bytes | str) -> dict[str, Any] | None:
    """Read a JSON object; None if it is none."""
    try:
        value: object = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, dict) else None


def _refusal(body: dict[str, Any], token: Token) -> str:
    """Find the reason in an error body, which may hold JSON in a text (Schwab API facts 2.1); never the token."""
    text = str(body.get("error_description") or body.get("error") or "no reason given")
    nested = re.search(r"\{.*\}", text, re.DOTALL)
    inner = _object(nested.group()) if nested else None
    if inner is not None:
        text = str(inner.get("error_description") or inner.get("error") or text)
    text = re.sub(r"\[tokenDigest[^\]]*\]?", "", text).replace(token.refresh_token, "****")
    return " ".join(text.split())[:200]


def read_token_file(path: Path) -> TokenFile:
    """Read a token file.

    Raises:
        AuthenticationError: it is not there, or is not in schwab-py's format.
    """
    try:
        return _file_of(msgspec.json.decode(path.read_bytes()))
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


def _file_of(content: Any) -> TokenFile:
    file = msgspec.convert(content, TokenFile)
    file.content = content
    return file


def write_token_file(path: Path, file: TokenFile) -> None:
    """Replace the file in one step, readable by its owner only; a crash leaves the old or the new one.

    Raises:
        OSError: it could not be written; the old one stands.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as out:
        out.write(msgspec.json.encode(file.content))
        out.flush()
        os.fsync(fd)
    temporary.replace(path)
