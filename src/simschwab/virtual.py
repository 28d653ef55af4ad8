"""Owns driving an exchange in virtual time: no socket, no waiting, the same run for the same calls.

Never reads a clock; time moves only by `run_ms`.
Comes from tests and seeded runs, goes to the exchange; answers and frames come back decoded.
"""

from base64 import b64encode
from dataclasses import dataclass

import msgspec

from simschwab.core.answers import Request, Response
from simschwab.core.calendar import moment_ns
from simschwab.core.exchange import Exchange
from simschwab.core.frames import Frame
from simschwab.core.generator import GeneratedMarket
from simschwab.core.ledger import Ledger
from simschwab.core.listing import DEFAULT_SYMBOLS, parse_symbols
from simschwab.core.market import Market
from simschwab.core.settings import Settings
from simschwab.core.times import NS_PER_MS

START_NS = 1_795_530_600_000_000_000
"""2026-11-24 09:30:00 in New York."""
LEDGER_EVENTS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class VirtualStream:
    """Hold one connection of a virtual exchange."""

    virtual: "Virtual"
    number: int

    def send(self, service: str, command: str, request_id: str | int = "1", **parameters: str) -> None:
        """Send one request as a client would."""
        identity = self.virtual.exchange.identity
        request = {
            "requestid": request_id,
            "service": service,
            "command": command,
            "SchwabClientCustomerId": identity.customer_id,
            "SchwabClientCorrelId": identity.correl_id,
            "parameters": parameters,
        }
        self.send_text(msgspec.json.encode({"requests": [request]}).decode())

    def send_text(self, text: str) -> None:
        """Send any text."""
        self.virtual.exchange.stream_receive(self.number, text, self.virtual.now_ns)

    def login(self, access: str | None = None) -> None:
        """Log in and wait for the answer, which stays among the frames."""
        self.send("ADMIN", "LOGIN", Authorization=self.virtual.access if access is None else access)
        self.virtual.run_ms(self.virtual.exchange.settings.login_ms)

    def take(self) -> list[Frame]:
        """Take the waiting frames, recorded in the ledger as written now."""
        frames = self.virtual.exchange.take_frames(self.number)
        for frame in frames:
            self.virtual.exchange.frame_out(self.number, frame)
        return frames


class Virtual:
    """Hold an exchange, its time and a valid access token."""

    def __init__(self, settings: Settings | None = None, market: Market | None = None) -> None:
        settings = settings or Settings()
        self.now_ns = START_NS
        self.ledger = Ledger(lambda: (self.now_ns, self.now_ns), LEDGER_EVENTS_MAX)
        market = market or GeneratedMarket(
            parse_symbols(DEFAULT_SYMBOLS),
            settings.seed,
            settings.flush_ms,
            arca_on_nasdaq=settings.arca_on_nasdaq_book,
        )
        self.exchange = Exchange(settings, market, self.ledger, self.now_ns)
        if settings.clock_at:
            self.exchange.set_clock((moment_ns(settings.clock_at) - self.now_ns) // NS_PER_MS, self.now_ns)
        grant = self.exchange.oauth.login(self.now_ns + self.exchange.offset_ns)
        self.access = grant.access
        self.refresh = grant.refresh

    @property
    def basic(self) -> str:
        """The app's Authorization for the token endpoint."""
        settings = self.exchange.settings
        return f"Basic {b64encode(f'{settings.client_id}:{settings.app_secret}'.encode()).decode()}"

    @property
    def orders_path(self) -> str:
        """The path of the account's orders."""
        return f"/trader/v1/accounts/{self.exchange.identity.account_hash}/orders"

    def run_ms(self, ms: float) -> None:
        """Let time pass; everything due happens at its own moment."""
        end_ns = self.now_ns + int(ms * NS_PER_MS)
        while (due_ns := self.exchange.next_due_ns()) is not None and due_ns <= end_ns:
            self.now_ns = max(self.now_ns, due_ns)
            self.exchange.advance(self.now_ns)
        self.now_ns = end_ns

    def http(self, method: str, path: str, query: dict[str, str] | None = None, body: object = None) -> Response:
        """Send a request with the access token; `body` is encoded as JSON."""
        headers = {"authorization": f"Bearer {self.access}"}
        content = b"" if body is None else msgspec.json.encode(body)
        return self.exchange.http(Request(method, path, query or {}, headers, content), self.now_ns)

    def connect(self) -> VirtualStream:
        """Open a connection."""
        return VirtualStream(self, self.exchange.stream_open(self.now_ns))
