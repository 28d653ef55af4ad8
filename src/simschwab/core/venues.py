"""Owns the venue codes of the two book services and who quotes on a symbol.

Never mixes the services' spellings: NYSE_BOOK is upper case, NASDAQ_BOOK lower but for NSDQ, G and market makers.
Comes from schwab-api.md 1.5, goes to the generator and to level one's one-letter ids.
"""

from dataclasses import dataclass
from random import Random

from simschwab.core.listing import Service

ODD_LOT_VENUE = "NSDQ"
"""The only venue that shows sizes off the round lot (schwab-api.md 1.5)."""

_LIT = ("ARCX", "NSDQ", "EDGX", "IEXG", "BATX", "MEMX", "MIAX", "EDGA", "BATY", "MWSE", "G")
_TAIL = ("CINN", "AMEX", "BOSX", "PHLX", "TXSE")
_MARKET_MAKERS = ("ETMM", "JPMS", "MAXM", "GSCO", "SSUS", "RBCD", "VIRT", "WCHV", "XGWD", "SUFI", "BTBS", "CDRG")
_ALWAYS_UPPER = frozenset({ODD_LOT_VENUE, "G", *_MARKET_MAKERS})
_LETTERS = {"NYSE": "N", "ARCX": "P", "NSDQ": "Q", "EDGX": "K", "EDGA": "J", "BATX": "Z", "BATY": "Y", "IEXG": "V"}
_OTHER_LETTER = "U"


@dataclass(frozen=True, slots=True)
class Roster:
    """Name who quotes on a symbol: 12 exchanges near the touch, largest first, and 3 stub quoters a side."""

    exchanges: tuple[str, ...]
    bid_stubs: tuple[str, ...]
    ask_stubs: tuple[str, ...]


def roster(service: Service, rng: Random) -> Roster:
    """Draw a symbol's roster in the spelling of its service; a venue is named once a side."""
    if service is Service.NYSE_BOOK:
        return Roster(("NYSE", *_LIT), _draw(_TAIL, rng), _draw(_TAIL, rng))
    exchanges = tuple(v if v in _ALWAYS_UPPER else v.lower() for v in ("NSDQ", *_LIT[:1], *_LIT[2:], "NYSE"))
    return Roster(exchanges, _draw(_MARKET_MAKERS, rng), _draw(_MARKET_MAKERS, rng))


def level_one_id(venue: str) -> str:
    """Give the one-letter exchange id that level one uses in fields 6, 7 and 16."""
    return _LETTERS.get(venue.upper(), _OTHER_LETTER)


def _draw(names: tuple[str, ...], rng: Random) -> tuple[str, ...]:
    return tuple(rng.sample(names, 3))
