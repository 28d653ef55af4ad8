"""Owns where symbols are listed and whether they can be shorted: asked at the start and each day, kept in a file.

Never takes an old shortability for today's: from another day's file it counts as unknown.
Comes from the broker's reference data (Schwab API facts 2.5); goes to `Market.listings`, by which `risk` decides.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

import msgspec

from leadline.core.errors import AuthenticationError, ConfigurationError, LeadlineError
from leadline.core.market import Listing, Market
from leadline.core.ports import Clock
from leadline.core.session import new_york_date
from leadline.core.units import NS_PER_MS

log = logging.getLogger(__name__)

FORMAT = 1
DAYS_KEPT = 7
"""A listing hardly ever changes; an older file than this is not believed."""

Ask = Callable[[list[str]], Awaitable[dict[str, Listing]]]


class _File(msgspec.Struct):
    format: int
    day: str
    listings: list[Listing]


class Listings:
    """Give the listings of the symbols, from the broker or, where it cannot be asked at the start, from the file."""

    def __init__(self, path: Path, ask: Ask, clock: Clock) -> None:
        self._path = path
        self._ask = ask
        self._clock = clock
        self.day: str | None = None
        """The New York day of which they are."""

    async def at_start(self, symbols: list[str]) -> dict[str, Listing]:
        """Ask the broker, else read the file.

        Raises:
            ConfigurationError: the broker does not know a symbol.
            AuthenticationError: the broker does not accept the login.
            LeadlineError: the broker cannot be asked, and no file of the last DAYS_KEPT days holds all symbols.
        """
        try:
            return await self._fetch(symbols)
        except (ConfigurationError, AuthenticationError):
            raise
        except LeadlineError as error:
            kept = self._kept(symbols)
            if kept is None:
                raise
            short = "" if self.day == self._today() else ", without shortability"
            log.error("listings cannot be asked for (%s): those of %s are used%s", error, self.day, short)
            return kept

    async def keep_fresh(
        self,
        symbols: list[str],
        market: Market,
        every_s: float = 600.0,
        on_moved: Callable[[list[str]], None] | None = None,
    ) -> None:
        """Ask again as soon as it is another day in New York, and put what has changed into the market.

        `on_moved` is told of symbols that the broker now lists elsewhere: nothing should be opened on them.
        """
        while True:
            await asyncio.sleep(every_s)
            if self.day == self._today():
                continue
            try:
                moved = renew(market, await self._fetch(symbols))
            except LeadlineError as error:
                log.error("listings of %s stay in use, today's cannot be asked for: %s", self.day, error)
                continue
            if moved and on_moved is not None:
                on_moved(moved)

    async def _fetch(self, symbols: list[str]) -> dict[str, Listing]:
        listings = await self._ask(symbols)
        self.day = self._today()
        file = _File(FORMAT, self.day, list(listings.values()))
        try:
            await asyncio.to_thread(_write, self._path, msgspec.json.encode(file))
        except OSError as error:
            log.warning("listings cannot be kept in %s (%s): the next start needs the broker", self._path, error)
        return listings

    def _kept(self, symbols: list[str]) -> dict[str, Listing] | None:
        """Read the file; None where it is missing, unreadable, too old, or lacks a symbol."""
        try:
            file = msgspec.json.decode(self._path.read_bytes(), type=_File)
            age_days = (date.fromisoformat(self._today()) - date.fromisoformat(file.day)).days
        except (OSError, ValueError, msgspec.DecodeError) as error:
            log.warning("no listings in %s (%s)", self._path, error)
            return None
        known = {listing.symbol: listing for listing in file.listings}
        if file.format != FORMAT or not 0 <= age_days <= DAYS_KEPT or not known.keys() >= set(symbols):
            log.warning("the listings in %s are of %s, or of other symbols: not used", self._path, file.day)
            return None
        self.day = file.day
        chosen = {symbol: known[symbol] for symbol in symbols}
        if age_days == 0:
            return chosen
        return {symbol: _without_shortability(listing) for symbol, listing in chosen.items()}

    def _today(self) -> str:
        return new_york_date(self._clock.wall_ns() // NS_PER_MS)


def renew(market: Market, fresh: dict[str, Listing]) -> list[str]:
    """Put new listings into the market; give the symbols whose book service has changed.

    Such a symbol is streamed and judged on its old service until the next start, and cannot be shorted till then.
    """
    moved = []
    for symbol, listing in fresh.items():
        known = market.listings.get(symbol)
        if known is not None and known.service is not listing.service:
            moved.append(symbol)
            log.error(
                "%s has moved from %s to %s: judged on the old one until a restart",
                symbol,
                known.service,
                listing.service,
            )
            market.listings[symbol] = _without_shortability(known)
            continue
        if known is not None and known != listing:
            log.info("listing of %s: %s", symbol, _text_of(listing))
        market.listings[symbol] = listing
    return moved


def _without_shortability(listing: Listing) -> Listing:
    return msgspec.structs.replace(listing, is_shortable=None, is_hard_to_borrow=None)


def _text_of(listing: Listing) -> str:
    short = {True: "can be shorted", False: "cannot be shorted", None: "shortability unknown"}[listing.is_shortable]
    borrow = ", hard to borrow" if listing.is_hard_to_borrow else ""
    return f"exchange {listing.exchange}, {short}{borrow}"


def _write(path: Path, data: bytes) -> None:
    """Replace a file in one step, so that a reader finds the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
