"""Owns what differs by symbol and by time of day: the tables `[symbol.F]` and `[[time]]` of the settings file.

Never accepts in a table what the plain setting would refuse, nor a table that could never hold.
Comes from TOML, or from a tape's header as texts; goes to `app`, to people, and into the hash of what decides.
"""

import re
from typing import Any

import msgspec
from pydantic import ValidationError

from leadline.core.errors import ConfigurationError
from leadline.core.exchange_days import FULL_DAY, HALF_DAY, DayKind
from leadline.core.spans import DAY_MIN, MOMENT_EXPECTED, Moment, Span, clock_text, moment_of
from leadline.core.thresholds import Scope
from leadline.settings.fields import Settings
from leadline.settings.refusals import refusal, wrong_name

VARYING = (
    "max_book_age_sec",
    "max_range_cents",
    "max_quote_age_sec",
    "min_bid_heavy",
    "min_ask_heavy",
    "min_venue_margin",
    "min_imbalance_ratio",
    "min_imbalance_duration_sec",
    "max_imbalance_gap_sec",
    "alert_throttle_sec",
    "min_volume",
    "disable_bid_heavy",
    "disable_ask_heavy",
)
"""The settings of the alert rule and of the entry filter: what may differ by symbol and time."""

SYMBOL, TIME, SYMBOLS = "symbol", "time", "symbols"
_PLACES = ("from", "until", SYMBOLS, "days")
_SYMBOL_TEXT = re.compile(r"\[symbol\.(.+)\] (\w+)")
_TIME_TEXT = re.compile(r"\[\[time\]\] (\d+) (\w+)")


class Variation(msgspec.Struct, frozen=True):
    """One table: what it is called, where it holds, and which settings it gives there."""

    table: str
    scope: Scope
    values: dict[str, Any]


def variations_of(raw: dict[str, Any], source: str) -> tuple[Variation, ...]:
    """Read the tables `symbol` and `time` of a file; the order is that in which they hold, a later one winning.

    Raises:
        ConfigurationError: a table, a name in it or a value is wrong; the text says which.
    """
    by_symbol, by_time = raw.get(SYMBOL, {}), raw.get(TIME, [])
    if not isinstance(by_symbol, dict) or not all(isinstance(table, dict) for table in by_symbol.values()):
        raise _wrong("symbol", source, "this is no table", "a table for each symbol, such as [symbol.F]")
    if not isinstance(by_time, list) or not all(isinstance(table, dict) for table in by_time):
        raise _wrong("time", source, "this is no list of tables", "tables that begin with [[time]]")
    symbols = [_by_symbol(name, table, source) for name, table in by_symbol.items()]
    tables = [variation.table for variation in symbols]
    for table in tables:
        if tables.count(table) > 1:
            raise _wrong(table, source, "this symbol has two tables", "one table for each symbol")
    times = [_by_time(number, table, source) for number, table in enumerate(by_time, start=1)]
    return (*sorted(symbols, key=lambda variation: variation.table), *times)


def texts_of(variations: tuple[Variation, ...]) -> dict[str, str]:
    """Write variations as texts by table and name, as a tape's header and the hash hold them."""
    texts = {}
    for variation in variations:
        span = variation.scope.span
        if span is not None:
            texts[f"{variation.table} FROM"] = str(span.start)
            texts[f"{variation.table} UNTIL"] = str(span.end)
            if variation.scope.symbols is not None:
                texts[f"{variation.table} SYMBOLS"] = ",".join(sorted(variation.scope.symbols))
            if span.days is not None:
                texts[f"{variation.table} DAYS"] = str(span.days)
        for name, value in sorted(variation.values.items()):
            texts[f"{variation.table} {name.upper()}"] = str(value)
    return texts


def raw_of(texts: dict[str, str]) -> dict[str, Any]:
    """Give the tables that texts of `texts_of` came from, as `variations_of` reads them; others are left out."""
    by_symbol: dict[str, dict[str, str]] = {}
    by_time: dict[int, dict[str, str]] = {}
    for place, text in texts.items():
        if found := _SYMBOL_TEXT.fullmatch(place):
            by_symbol.setdefault(found[1], {})[found[2]] = text
        elif found := _TIME_TEXT.fullmatch(place):
            by_time.setdefault(int(found[1]), {})[found[2]] = text
    return {SYMBOL: by_symbol, TIME: [by_time[number] for number in sorted(by_time)]}


def empty_on_half_days(span: Span) -> str | None:
    """Say that a span that comes on full days comes on no half day; None where it comes on both."""
    minutes = span.minutes_on(HALF_DAY)
    if minutes is None or minutes[0] < minutes[1]:
        return None
    return f"never on half days: {clock_text(minutes[0])} until {clock_text(minutes[1])}"


def _by_symbol(name: str, table: dict[str, Any], source: str) -> Variation:
    title = f"[symbol.{name.strip().upper()}]"
    symbols = _symbols(name, title, source)
    if len(symbols) != 1:
        raise _wrong(title, source, "this is not one symbol", "a table for each symbol, such as [symbol.F]")
    return Variation(title, Scope(symbols), _values(_lower(table, title, source), title, source))


def _by_time(number: int, table: dict[str, Any], source: str) -> Variation:
    title = f"[[time]] {number}"
    told = _lower(table, title, source)
    places = {name: told.pop(name) for name in _PLACES if name in told}
    symbols = _symbols(places[SYMBOLS], title, source) if SYMBOLS in places else None
    span = Span(_moment("from", places, title, source), _moment("until", places, title, source), None)
    if "days" in places:
        if places["days"] not in (DayKind.FULL.value, DayKind.HALF.value):
            raise _wrong(f"DAYS in {title}", source, "there are no such days", "full or half")
        span = msgspec.structs.replace(span, days=DayKind(places["days"]))
    _refuse_empty(span, title, source)
    return Variation(title, Scope(symbols, span), _values(told, title, source))


def _lower(table: dict[str, Any], title: str, source: str) -> dict[str, Any]:
    """Give a table with its names in lower case: they may be written in either."""
    told: dict[str, Any] = {}
    for name, value in table.items():
        if name.lower() in told:
            raise _wrong(f"{name.upper()} in {title}", source, "it is given twice", "each name once")
        told[name.lower()] = value
    return told


def _values(told: dict[str, Any], title: str, source: str) -> dict[str, Any]:
    for name in told:
        if name not in VARYING:
            what = "this setting cannot differ by symbol or time" if name in Settings.model_fields else ""
            names = ", ".join(name.upper() for name in VARYING)
            raise _wrong(f"{name.upper()} in {title}", source, what or "there is no such setting", f"one of {names}")
    if not told:
        raise _wrong(title, source, "this table changes nothing", "a setting in it, such as MIN_BID_HEAVY = 6")
    try:
        settings = Settings(**told)
    except ValidationError as error:
        raise refusal(error, f"{wrong_name(error).upper()} in {title} of {source}") from None
    return {name: getattr(settings, name) for name in told}


def _symbols(told: Any, title: str, source: str) -> frozenset[str]:
    """Read symbols as SYMBOLS is read; an empty list would hold for nobody and is refused."""
    try:
        symbols = Settings(**{SYMBOLS: told}).symbols
    except ValidationError as error:
        raise refusal(error, f"SYMBOLS in {title} of {source}") from None
    if not symbols:
        raise _wrong(f"SYMBOLS in {title}", source, "no symbol is named", "symbols, or none of this line for all")
    return frozenset(symbols)


def _moment(name: str, places: dict[str, Any], title: str, source: str) -> Moment:
    which = f"{name.upper()} in {title}"
    if name not in places:
        raise _wrong(which, source, "it is missing", MOMENT_EXPECTED)
    moment = moment_of(places[name]) if isinstance(places[name], str) else None
    if moment is None:
        raise _wrong(which, source, "this is no time of day", f'{MOMENT_EXPECTED}, in quotes, such as "09:30"')
    return moment


def _refuse_empty(span: Span, title: str, source: str) -> None:
    """Refuse a span that never comes, or that leaves its day; one that comes on full days only is legal."""
    for day in (FULL_DAY, HALF_DAY):
        start, end = span.minutes_on(day) or (0, 1)
        if not (0 <= start <= DAY_MIN and 0 <= end <= DAY_MIN):
            raise _wrong(title, source, f"{span} leaves the day", "times from 00:00 to 24:00 in New York")
        if start >= end and (day is FULL_DAY or span.days is DayKind.HALF):
            told = f"{clock_text(start)} until {clock_text(end)}"
            raise _wrong(
                title,
                source,
                f"{span} is empty on {day.kind} days ({told})",
                "a time from which and a later one until which (a night is two tables: until 24:00, from 00:00)",
            )


def _wrong(where: str, source: str, what: str, expected: str) -> ConfigurationError:
    return ConfigurationError(what, which=f"{where} of {source}", expected=expected, do="correct it or remove it")
