"""Owns the rows that say how symbols are judged: outcome counts, last judgements, near misses; as statements, and read.

Never grows without bound: counts of RUNS_KEPT runs, one judgement a symbol.
Comes from `grok` once a second, and with each near miss; goes to the writer, and back to `leadline why`.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import apsw
import msgspec

from leadline.core.detector import Outcome
from leadline.core.evidence import Seen
from leadline.core.nearness import NearMiss
from leadline.core.units import NS_PER_S, dollars
from leadline.store.alerts import Origin
from leadline.store.spill import Statement

RUNS_KEPT = 500
"""Runs of grok whose counts stay, some two years of trading days: 100 symbols are 50,000 rows, about 5 MB."""

NO_SYMBOL = ""
"""The symbol under which malformed frames are counted: they name none."""

_OUTCOMES = tuple(outcome.value for outcome in Outcome)
_ZEROS = dict.fromkeys(Outcome, 0)

_UPSERT_OUTCOMES = f"""INSERT OR REPLACE INTO outcomes (run_ns, symbol, updated_ns, snapshots, conflated,
    {", ".join(_OUTCOMES)}) VALUES ({", ".join("?" * (5 + len(_OUTCOMES)))})"""  # noqa: S608 - names of the code

_UPSERT_JUDGEMENT = "INSERT OR REPLACE INTO judgements (symbol, run_ns, recv_ns, outcome, detail) VALUES (?,?,?,?,?)"

_TRIM = """DELETE FROM outcomes WHERE run_ns <= (
    WITH RECURSIVE runs (run_ns, place) AS (
        SELECT max(run_ns), 1 FROM outcomes
        UNION ALL
        SELECT (SELECT max(o.run_ns) FROM outcomes o WHERE o.run_ns < runs.run_ns), place + 1 FROM runs
        WHERE run_ns IS NOT NULL AND place <= ?1)
    SELECT run_ns FROM runs WHERE place = ?1 + 1)"""

_INSERT_NEAR_MISS = """INSERT INTO near_misses (recv_ns, symbol, direction, outcome, measured, needed, missed_by, ratio,
    total_bids, total_asks, heavy_venues, light_venues, valid_venues, bid, ask, imbalance_duration, streak_id, service,
    book_ns, boot_id, config_hash, version) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"""

_COUNTS = f"""SELECT symbol, updated_ns, snapshots, conflated, {", ".join(_OUTCOMES)} FROM outcomes
    WHERE run_ns = ? ORDER BY symbol"""  # noqa: S608 - names of the code

_LAST_ALERT = """SELECT a.id, a.recv_ns, a.direction, a.ratio, a.price, a.entry_blocked_by, d.trader, d.disposition,
    d.reason FROM (SELECT * FROM alerts WHERE symbol = ? ORDER BY id DESC LIMIT 1) a
    LEFT JOIN dispositions d ON d.alert_id = a.id ORDER BY d.trader"""


class SymbolCounts(msgspec.Struct):
    """One symbol's snapshots of one run: outcomes in the rule's order sum to `snapshots`; superseded ones apart."""

    symbol: str
    updated_ns: int
    snapshots: int
    conflated: int
    outcomes: dict[str, int]


class LastAlert(msgspec.Struct, array_like=True):
    """A symbol's last alert with one trader's disposition of it; price in dollars."""

    alert_id: int
    recv_ns: int
    direction: str
    ratio: float
    price: float
    entry_blocked_by: str | None
    trader: str | None
    disposition: str | None
    reason: str | None


def _plain(value: object) -> str:
    if isinstance(value, Fraction):
        return str(value)
    raise NotImplementedError(type(value))


def _fraction(kind: type, value: Any) -> object:
    if kind is Fraction:
        return Fraction(value)
    raise NotImplementedError(kind)


_encoder = msgspec.json.Encoder(enc_hook=_plain)
_decoder = msgspec.json.Decoder(Seen, dec_hook=_fraction)


def upsert_outcomes(
    run_ns: int, symbol: str, updated_ns: int, outcomes: Mapping[Outcome, int], conflated: int
) -> Statement:
    """Give the statement that writes a symbol's counts of one run."""
    # Joined, not looked up one by one: this runs on the event loop, for hundreds of symbols a second.
    counts = {**_ZEROS, **outcomes}.values()
    return _UPSERT_OUTCOMES, (run_ns, symbol, updated_ns, sum(counts), conflated, *counts)


def trim_outcomes() -> Statement:
    """Give the statement that removes the counts of all but the newest runs."""
    return _TRIM, (RUNS_KEPT,)


def upsert_judgement(run_ns: int, symbol: str, seen: Seen) -> Statement:
    """Give the statement that writes what was seen last of a symbol."""
    last = seen.last
    return _UPSERT_JUDGEMENT, (symbol, run_ns, last.recv_ns, last.outcome.value, _encoder.encode(seen).decode())


def insert_near_miss(miss: NearMiss, origin: Origin) -> Statement:
    """Give the statement that writes a near miss."""
    return _INSERT_NEAR_MISS, (
        miss.recv_ns,
        miss.symbol,
        miss.direction.value,
        miss.outcome.value,
        miss.measured,
        miss.needed,
        miss.missed_by,
        miss.ratio,
        miss.totals.total_bids,
        miss.totals.total_asks,
        miss.heavy_venues,
        miss.light_venues,
        miss.totals.valid_venues,
        dollars(miss.bid),
        dollars(miss.ask),
        miss.imbalance_duration_ns / NS_PER_S,
        miss.streak_id,
        miss.service.value,
        miss.book_ns,
        origin.boot_id,
        origin.config_hash,
        origin.version,
    )


def counts_of_run(connection: apsw.Connection, run_ns: int) -> dict[str, SymbolCounts]:
    """Give the counts of all symbols of one run, those without a book included; frames without a symbol left out."""
    found = {}
    for symbol, updated_ns, snapshots, conflated, *counts in connection.execute(_COUNTS, (run_ns,)):
        row = {
            "symbol": symbol,
            "updated_ns": updated_ns,
            "snapshots": snapshots,
            "conflated": conflated,
            "outcomes": dict(zip(_OUTCOMES, counts, strict=True)),
        }
        found[str(symbol)] = msgspec.convert(row, SymbolCounts)
    found.pop(NO_SYMBOL, None)
    return found


def seen_in_run(connection: apsw.Connection, symbol: str, run_ns: int) -> Seen | None:
    """Give what a run saw last of a symbol; None before its first book.

    Raises:
        msgspec.ValidationError: the row holds something else (`queries.reading` says so of the file).
    """
    sql = "SELECT detail FROM judgements WHERE symbol = ? AND run_ns = ?"
    detail = connection.execute(sql, (symbol, run_ns)).get
    return None if detail is None else _decoder.decode(str(detail))


def last_alert_of(connection: apsw.Connection, symbol: str) -> list[LastAlert]:
    """Give a symbol's last alert of any run, once for each trader that judged it; empty where there is none."""
    return msgspec.convert(connection.execute(_LAST_ALERT, (symbol,)).fetchall(), list[LastAlert])
