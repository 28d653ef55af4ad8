"""Owns one warm HTTP client for the process's life, and the difference between "not sent" and "no answer".

Never sends anything but a question twice, never follows a redirect: whoever asks decides whether asking again is safe.
Comes from `rest` and `auth`; goes to the network.
"""

import re
from typing import Protocol, Self

import aiohttp
import msgspec

from leadline.core.errors import BrokerAnswerError, ConfigurationError, UnreachableError

IDLE_KEEP_S = 600
"""How long an idle connection is kept; the broker's edge may close it earlier (Schwab API facts 4)."""

CONNECT_PART = 0.5
"""The part of a request's time that connecting may take: one that never came is then known as not sent, not as lost."""

TOO_MANY = 429

_ACCOUNT_IN_PATH = re.compile(r"(/accounts/)(?!accountNumbers)[^/?\s]+")


class Answer(msgspec.Struct, frozen=True):
    """Status, the headers that are looked at, and the body as it came."""

    status: int
    body: bytes
    content_type: str
    location: str | None
    correlation_id: str | None
    retry_after: str | None = None

    @property
    def retry_after_s(self) -> float | None:
        """Give the seconds that the broker wants to be left alone; None if it says none, or a date."""
        text = self.retry_after or ""
        return float(text) if text.isascii() and text.isdigit() else None


class NotSentError(UnreachableError):
    """No byte of the request left: the connection could not be made."""


class AnswerLostError(UnreachableError):
    """The request may have reached the broker, but no whole answer came back."""


class TooManyRequestsError(BrokerAnswerError):
    """The broker counted more requests than it allows, and says, or not, how long it wants none."""

    def __init__(self, what: str, *, which: str, retry_after_s: float | None) -> None:
        super().__init__(what, status=TOO_MANY, which=which)
        self.retry_after_s = retry_after_s


class Sender(Protocol):
    """Whoever carries requests to the broker: one warm client, or a broker in the same process."""

    base_url: str

    async def send(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
        """Send one request and give the answer, whatever its status.

        Raises:
            NotSentError: nothing left this machine.
            AnswerLostError: the request may have arrived; no whole answer came.
        """


class Http:
    """Send requests to one base address."""

    def __init__(self, base_url: str, timeout_s: float) -> None:
        """Check the address; the client itself opens at the first request.

        Raises:
            ConfigurationError: the address is none.
        """
        url = base_url.rstrip("/")
        if not url.startswith(("http://", "https://")) or len(url) <= len("https://"):
            raise ConfigurationError(
                f"{base_url!r} is no web address",
                which="SCHWAB_BASE_URL",
                expected="https://HOST or, for a simulator on this machine, http://127.0.0.1:PORT",
                do="correct it, or unset it to use Schwab's",
            )
        self.base_url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=timeout_s * CONNECT_PART)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the client."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(keepalive_timeout=IDLE_KEEP_S, ttl_dns_cache=IDLE_KEEP_S),
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        # aiohttp sends GET, PUT and DELETE again by itself over a kept connection that died, and has no other switch:
        # a cancel that goes out twice is not in the order budget.
        self._session._retry_connection = False
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the client and its connections."""
        if self._session is not None:
            await self._session.close()

    async def send(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
        """Send one request and give the answer, whatever its status.

        Raises:
            NotSentError: nothing left this machine.
            AnswerLostError: the request may have arrived; no whole answer came.
        """
        try:
            return await self._send(method, path, headers, body)
        except AnswerLostError as error:
            # A kept connection that the server has just closed says nothing of the broker: a question is asked again.
            if method != "GET" or not isinstance(error.__cause__, aiohttp.ServerDisconnectedError):
                raise
            return await self._send(method, path, headers, body)

    async def _send(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        assert self._session is not None, "Http must be entered first"
        url = self.base_url + path
        try:
            async with self._session.request(method, url, headers=headers, data=body, allow_redirects=False) as answer:
                return Answer(
                    status=answer.status,
                    body=await answer.read(),
                    content_type=answer.content_type,
                    location=answer.headers.get("Location"),
                    correlation_id=answer.headers.get("Schwab-Client-CorrelId"),
                    retry_after=answer.headers.get("Retry-After"),
                )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotSentError(
                f"no connection ({_reason(error)})",
                which=self.base_url,
                expected="a server that answers",
                do="check SCHWAB_BASE_URL and the network",
            ) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AnswerLostError(
                f"{method} {name_of(path)} got no whole answer ({_reason(error)})", which=self.base_url
            ) from error


def answer_error(answer: Answer, path: str, what: str) -> BrokerAnswerError:
    """Make the error of an answer that is none of what was asked for; its correlation id is what Schwab asks for."""
    if answer.correlation_id is not None:
        what = f"{what} (correlation id {answer.correlation_id})"
    if answer.status == TOO_MANY:
        return TooManyRequestsError(what, which=name_of(path), retry_after_s=answer.retry_after_s)
    return BrokerAnswerError(what, status=answer.status, which=name_of(path))


def name_of(path: str) -> str:
    """Name a path in errors and log lines: without its query, the account hash blacked out (reliability I9)."""
    return _ACCOUNT_IN_PATH.sub(r"\1****", path.partition("?")[0])


def _reason(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error.os_error.strerror or error.os_error)
    if isinstance(error, (aiohttp.ConnectionTimeoutError, aiohttp.ClientResponseError)):
        return type(error).__name__  # their texts hold the whole address, and with it the account hash
    return str(error) or type(error).__name__
