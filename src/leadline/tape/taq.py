"""Owns the reading of TAQ files: each venue's quotes become a book a second, trades become level one.

Never keeps a quote past its time: a venue that has said nothing for a second is left out, because carried forward the
quotes of many venues cross each other half of the time, and within a second in 1.7 % of it.
Comes from CSV with the columns DT,EX,BID,BIDSIZ,OFR,OFRSIZ,SYMBOL or DT,EX,SYMBOL,COND,SIZE,PRICE,CORR, times UTC,
quoted sizes in round lots of 100; goes to a tape.
"""

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from leadline.core.errors import TapeError
from leadline.core.market import Service
from leadline.core.session import new_york_day_ms
from leadline.core.units import NS_PER_MS, NS_PER_S, PRICE_SCALE
from leadline.tape.lines import Received
from leadline.tape.wire import EVERY_MS, LAST, LAST_SIZE, TRADE_MS, VOLUME, conflated, frame, next_flush, number

VENUES = {
    "A": "AMEX",
    "B": "BOSX",
    "C": "CINN",
    "D": "ADF",
    "I": "ISEX",
    "J": "EDGA",
    "K": "EDGX",
    "M": "MWSE",
    "N": "NYSE",
    "P": "ARCX",
    "Q": "NSDQ",
    "T": "NSDQ",
    "V": "IEXG",
    "W": "CBOE",
    "X": "PHLX",
    "Y": "BATY",
    "Z": "BATX",
}
"""TAQ's letter of a market centre, and the code that the feed gives it (Schwab API facts 1.5)."""

ROUND_LOT = 100
QUOTE_AGE_MAX_NS = NS_PER_S
_QUOTES = ["DT", "EX", "BID", "BIDSIZ", "OFR", "OFRSIZ", "SYMBOL"]
_TRADES = ["DT", "EX", "SYMBOL", "COND", "SIZE", "PRICE", "CORR"]


class _Quote(msgspec.Struct, frozen=True):
    t_ns: int
    symbol: str
    venue: str
    bid: int
    bid_size: int
    ask: int
    ask_size: int


class _Trade(msgspec.Struct, frozen=True):
    t_ns: int
    symbol: str
    price: int
    size: int


Row = TypeVar("Row", _Quote, _Trade)


def is_taq(path: Path) -> bool:
    """Tell such a file by its name."""
    return path.name.endswith((".csv", ".csv.gz"))


def read_taq(path: Path) -> Iterator[Received]:
    """Give its frames: books of NYSE_BOOK for quotes, level one for trades, one a second.

    Raises:
        TapeError: it is no such file, or a row cannot be read; it is named by its number.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            rows = csv.DictReader(io.TextIOWrapper(file, "ascii"))
            names = list(rows.fieldnames or ())
            if names == _QUOTES:
                yield from _books(_read(rows, path, _quote))
            elif names == _TRADES:
                yield from _level_ones(_read(rows, path, _trade))
            else:
                raise ValueError(f"its columns are {','.join(names)[:80]}")
    except (OSError, EOFError, ValueError) as error:
        raise TapeError(
            f"this is no TAQ file ({error})",
            which=str(path),
            expected=f"a CSV file with the columns {','.join(_QUOTES)} or {','.join(_TRADES)}",
            do="correct the path",
        ) from error


def _read(rows: Iterable[dict[str, str]], path: Path, read: Callable[[dict[str, str]], Row]) -> Iterator[Row]:
    symbol = None
    for line, row in enumerate(rows, start=2):
        try:
            got = read(row)
            symbol = symbol or got.symbol
            if got.symbol != symbol:
                raise ValueError(f"a second symbol: {got.symbol}")
        except (ValueError, ArithmeticError, KeyError, TypeError) as error:
            raise TapeError(
                f"this row cannot be read ({error!r})",
                which=f"{path}, line {line}",
                expected="a row of a TAQ file",
                do="mend the file",
            ) from error
        yield got


def _time(text: str) -> int:
    seconds, _, fraction = text.partition(".")
    moment = datetime.strptime(seconds, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return int(moment.timestamp()) * NS_PER_S + int(fraction.ljust(9, "0")[:9] or 0)


def _price(text: str) -> int:
    return int(Decimal(text) * PRICE_SCALE)


def _quote(row: dict[str, str]) -> _Quote:
    return _Quote(
        _time(row["DT"]),
        row["SYMBOL"],
        VENUES[row["EX"]],
        _price(row["BID"]),
        int(row["BIDSIZ"]) * ROUND_LOT,
        _price(row["OFR"]),
        int(row["OFRSIZ"]) * ROUND_LOT,
    )


def _trade(row: dict[str, str]) -> _Trade:
    # A row with a correction code is one that did not stand.
    size = int(row["SIZE"]) if row["CORR"] in {"0", "00"} else 0
    return _Trade(_time(row["DT"]), row["SYMBOL"], _price(row["PRICE"]), size)


def _books(quotes: Iterable[_Quote]) -> Iterator[Received]:
    every_ns = EVERY_MS * NS_PER_MS
    latest: dict[str, _Quote] = {}
    flush_ns: int | None = None
    for quote in quotes:
        due_ns = next_flush(quote.t_ns, every_ns)
        if flush_ns is not None and due_ns > flush_ns:
            yield _book(flush_ns, latest)
        flush_ns = max(due_ns, flush_ns or 0)
        latest[quote.venue] = quote
    if flush_ns is not None:
        yield _book(flush_ns, latest)


def _book(flush_ns: int, latest: dict[str, _Quote]) -> Received:
    fresh = [quote for quote in latest.values() if flush_ns - quote.t_ns <= QUOTE_AGE_MAX_NS]
    newest = max(fresh, key=lambda quote: quote.t_ns)
    bids = [(q.bid, q.bid_size, q) for q in fresh if q.bid and q.bid_size]
    asks = [(q.ask, q.ask_size, q) for q in fresh if q.ask and q.ask_size]
    item = {
        "key": newest.symbol,
        "1": newest.t_ns // NS_PER_MS,
        "2": _levels(bids, is_bid=True),
        "3": _levels(asks, is_bid=False),
    }
    return frame(Service.NYSE_BOOK, flush_ns, [item])


def _levels(side: list[tuple[int, int, _Quote]], *, is_bid: bool) -> list[dict[str, Any]]:
    """Group one side by price, best first; the largest venue of a level first (facts 1.5)."""
    levels = []
    for price in sorted({price for price, _, _ in side}, reverse=is_bid):
        entries = [
            {"0": quote.venue, "1": size, "2": new_york_day_ms(quote.t_ns // NS_PER_MS)}
            for at, size, quote in sorted(side, key=lambda one: -one[1])
            if at == price
        ]
        sizes = [size for at, size, _ in side if at == price]
        levels.append({"0": number(price), "1": sum(sizes), "2": len(entries), "3": entries})
    return levels


def _level_ones(trades: Iterator[_Trade]) -> Iterator[Received]:
    first = next(trades, None)
    if first is not None:
        yield from conflated(first.symbol, _changes(chain([first], trades)))


def _changes(trades: Iterable[_Trade]) -> Iterator[tuple[int, dict[str, Any]]]:
    volume = 0
    for trade in trades:
        if trade.size:
            volume += trade.size
            fields = {LAST: number(trade.price), LAST_SIZE: trade.size, VOLUME: volume}
            yield trade.t_ns, {**fields, TRADE_MS: trade.t_ns // NS_PER_MS}
