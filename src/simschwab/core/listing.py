"""Owns which symbols exist, where each is listed and which book service answers for it.

Never guesses silently: a name without a letter and not known here is taken as Nasdaq's (Q).
Comes from the command line's list or a tape, goes to the generator, quotes and the streamer.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from simschwab.core.prices import E4_PER_DOLLAR


class Service(StrEnum):
    """Name a streamer service that this simulator offers."""

    NASDAQ_BOOK = "NASDAQ_BOOK"
    NYSE_BOOK = "NYSE_BOOK"
    LEVELONE_EQUITIES = "LEVELONE_EQUITIES"
    ACCT_ACTIVITY = "ACCT_ACTIVITY"


BOOK_SERVICES = frozenset({Service.NASDAQ_BOOK, Service.NYSE_BOOK})

_EXCHANGE_NAMES = {"Q": "NASDAQ", "N": "NYSE", "P": "NYSE Arca", "A": "NYSE American", "Z": "Cboe BZX"}


@dataclass(frozen=True, slots=True)
class Listing:
    """Describe one symbol: listing letter, price it starts from, asset type."""

    symbol: str
    letter: str
    start_e4: int
    description: str
    fund: bool = False

    @property
    def service(self) -> Service:
        """The book service that answers for this symbol (schwab-api.md 2.5: Q on Nasdaq's, others on NYSE's)."""
        return Service.NASDAQ_BOOK if self.letter == "Q" else Service.NYSE_BOOK

    @property
    def exchange_name(self) -> str:
        """The listing exchange in words."""
        return _EXCHANGE_NAMES.get(self.letter, "Other")

    @property
    def cusip(self) -> str:
        """A made-up CUSIP that looks like one and is the same in every run."""
        return f"{int(sha256(self.symbol.encode()).hexdigest(), 16) % 10**9:09d}"

    @property
    def round_lot(self) -> int:
        """The SEC's round lot in shares for this price (since November 2025)."""
        dollars = self.start_e4 // E4_PER_DOLLAR
        return 100 if dollars < 250 else 40 if dollars < 1000 else 10


_KNOWN = {
    known.symbol: known
    for known in (
        Listing("F", "N", 131_200, "FORD MOTOR CO"),
        Listing("BAC", "N", 524_500, "BANK OF AMERICA CORP"),
        Listing("T", "N", 258_300, "AT&T INC"),
        Listing("PFE", "N", 255_100, "PFIZER INC"),
        Listing("NIO", "N", 51_200, "NIO INC ADR"),
        Listing("SNAP", "N", 78_400, "SNAP INC"),
        Listing("SOFI", "Q", 274_600, "SOFI TECHNOLOGIES INC"),
        Listing("INTC", "Q", 414_300, "INTEL CORP"),
        Listing("AMD", "Q", 2_213_800, "ADVANCED MICRO DEVICES INC"),
        Listing("AAPL", "Q", 2_780_500, "APPLE INC"),
        Listing("LCID", "Q", 132_700, "LUCID GROUP INC"),
        Listing("TSLA", "Q", 3_725_000, "TESLA INC"),
        Listing("QQQ", "Q", 7_124_700, "INVESCO QQQ TRUST", fund=True),
        Listing("SPY", "P", 7_674_100, "STATE STREET SPDR S&P 500 ETF", fund=True),
    )
}
DEFAULT_SYMBOLS = "F,BAC,T,PFE,NIO,SNAP,SOFI,INTC,AMD,AAPL,LCID,SPY"


def is_known(symbol: str) -> bool:
    """Tell whether this simulator knows by itself where a symbol is listed."""
    return symbol in _KNOWN


def listing_of(symbol: str, letter: str | None = None) -> Listing:
    """Give the listing of a symbol; an unknown one starts between 5 and 60 dollars, drawn from its name."""
    known = _KNOWN.get(symbol)
    if known is None:
        cents = 500 + int(sha256(symbol.encode()).hexdigest(), 16) % 5500
        return Listing(symbol, letter or "Q", cents * 100, f"{symbol} CORP")
    if letter is None or letter == known.letter:
        return known
    return Listing(symbol, letter, known.start_e4, known.description, known.fund)


def parse_symbols(text: str) -> dict[str, Listing]:
    """Read `F:N,SOFI:Q,AMD`, letters optional; keeps the order.

    Raises:
        ValueError: an item is empty, named twice or has a letter that is not one capital.
    """
    listings: dict[str, Listing] = {}
    for item in text.split(","):
        symbol, colon, letter = item.strip().upper().partition(":")
        if not symbol or not symbol.replace(".", "").replace("/", "").isalnum():
            raise ValueError(f"symbol {item!r}: expected a name like F or BRK.B")
        if colon and (len(letter) != 1 or not letter.isalnum()):
            raise ValueError(f"symbol {item!r}: expected one listing letter after the colon, like F:N")
        if symbol in listings:
            raise ValueError(f"symbol {symbol}: expected once, found twice")
        listings[symbol] = listing_of(symbol, letter or None)
    return listings
