"""How symbols are judged, in rows: counts that sum, one judgement a symbol, near misses, and all of it bounded."""

from fractions import Fraction
from pathlib import Path

import pytest

from leadline.core.alerts import Disposition
from leadline.core.detector import Judgement, Outcome, Signal
from leadline.core.evidence import Seen
from leadline.core.imbalance import Direction, Rule, Totals
from leadline.core.market import Service
from leadline.core.nearness import NearMiss
from leadline.core.quotes import Quotes
from leadline.store import judging, queries
from leadline.store.alerts import Origin, insert_alert
from leadline.store.judging import (
    NO_SYMBOL,
    counts_of_run,
    insert_near_miss,
    last_alert_of,
    seen_in_run,
    trim_outcomes,
    upsert_judgement,
    upsert_outcomes,
)
from leadline.store.orders import insert_disposition
from leadline.store.spill import Statement
from leadline.store.writer import Writer
from support.filled_db import rows_of
from support.intents import an_alert

RUN_NS = 1_795_000_000_000_000_000
TOTALS = Totals(2_000, 1_000, 4, 1, 6)
RULE = Rule(min_ratio=Fraction(7, 3), quote_age_max_ms=5_000)
LAST = Judgement(Outcome.REPEAT, RULE, RUN_NS + 9, 1_795_000_000_000)
ALERTED = Judgement(
    Outcome.ALERTED,
    RULE,
    RUN_NS + 5,
    1_795_000_000_000,
    bid=131_200,
    ask=131_300,
    bid_size=4,
    ask_size=5,
    bid_venues=6,
    ask_venues=7,
    totals=TOTALS,
    direction=Direction.BID_HEAVY,
    streak_id=3,
    first_ns=RUN_NS,
    alerted=Direction.ASK_HEAVY,
    alerted_ns=RUN_NS - 5,
    signal=Signal(Direction.BID_HEAVY, TOTALS, 5, 3, Quotes(6, 7, 1.5, 2)),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


def write(path: Path, *statements: Statement) -> None:
    writer = Writer(path, 1)
    for statement in statements:
        writer.execute_now(*statement)
    writer.close()


def test_the_columns_are_the_outcomes_in_the_rules_order(path: Path) -> None:
    """A new outcome needs a column, and so a migration."""
    write(path)
    columns = [name for (name,) in rows_of(path, "SELECT name FROM pragma_table_info('outcomes') ORDER BY cid")]
    assert columns[-len(Outcome) :] == [outcome.value for outcome in Outcome]


def test_counts_sum_to_the_snapshots_and_conflated_ones_stand_apart(path: Path) -> None:
    early = {Outcome.REPEAT: 1}
    now = {Outcome.REPEAT: 7, Outcome.ALERTED: 2, Outcome.RATIO: 1}
    write(
        path,
        upsert_outcomes(RUN_NS, "F", RUN_NS + 1, early, 0),
        upsert_outcomes(RUN_NS, "F", RUN_NS + 2, now, 3),
        upsert_outcomes(RUN_NS, NO_SYMBOL, RUN_NS + 2, {Outcome.MALFORMED: 4}, 0),
        upsert_outcomes(RUN_NS, "G", RUN_NS + 2, {}, 0),
        upsert_outcomes(RUN_NS - 1, "OLD", RUN_NS + 2, {}, 0),
    )
    with queries.reading(path) as connection:
        found = counts_of_run(connection, RUN_NS)
    assert list(found) == ["F", "G"]
    assert (found["F"].snapshots, found["F"].conflated, found["F"].updated_ns) == (10, 3, RUN_NS + 2)
    assert {name: count for name, count in found["F"].outcomes.items() if count} == {
        "repeat": 7,
        "ratio": 1,
        "alerted": 2,
    }
    assert found["G"].snapshots == 0
    assert rows_of(path, "SELECT malformed, snapshots FROM outcomes WHERE symbol = ''") == [(4, 4)]


def test_the_counts_of_old_runs_go_and_those_of_the_newest_stay(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "RUNS_KEPT", 3)
    runs = [RUN_NS + number for number in range(6)]
    write(path, *(upsert_outcomes(run_ns, symbol, run_ns, {}, 0) for run_ns in runs for symbol in "FG"))
    write(path, trim_outcomes())
    assert rows_of(path, "SELECT DISTINCT run_ns FROM outcomes ORDER BY 1") == [(run_ns,) for run_ns in runs[3:]]
    write(path, trim_outcomes())
    assert rows_of(path, "SELECT count(*) FROM outcomes") == [(6,)]


@pytest.mark.parametrize("runs", [0, 1, 3])
def test_with_few_runs_nothing_goes(path: Path, monkeypatch: pytest.MonkeyPatch, runs: int) -> None:
    monkeypatch.setattr(judging, "RUNS_KEPT", 3)
    write(path, *(upsert_outcomes(RUN_NS + number, "F", RUN_NS, {}, 0) for number in range(runs)), trim_outcomes())
    assert rows_of(path, "SELECT count(*) FROM outcomes") == [(runs,)]


@pytest.mark.parametrize("seen", [Seen(LAST, ALERTED, {Direction.BID_HEAVY: "min_volume"}), Seen(ALERTED), Seen(LAST)])
def test_what_was_seen_last_is_read_as_it_was_written(path: Path, seen: Seen) -> None:
    write(path, upsert_judgement(RUN_NS, "F", Seen(LAST)), upsert_judgement(RUN_NS, "F", seen))
    with queries.reading(path) as connection:
        assert seen_in_run(connection, "F", RUN_NS) == seen
        assert seen_in_run(connection, "F", RUN_NS + 1) is None, "an earlier run's judgement is none of this run"
        assert seen_in_run(connection, "G", RUN_NS) is None
    assert rows_of(path, "SELECT symbol, recv_ns, outcome FROM judgements") == [
        ("F", seen.last.recv_ns, seen.last.outcome.value)
    ]


def test_a_near_miss_row_holds_the_sums_and_by_how_much_it_missed(path: Path) -> None:
    miss = NearMiss(
        symbol="F",
        direction=Direction.BID_HEAVY,
        outcome=Outcome.RATIO,
        measured=2.0,
        needed=2.5,
        totals=TOTALS,
        bid=131_200,
        ask=131_300,
        imbalance_duration_ns=0,
        streak_id=None,
        service=Service.NYSE_BOOK,
        book_ns=5,
        recv_ns=7,
    )
    write(path, insert_near_miss(miss, Origin("boot", "c0ffee", "0.1.0")))
    assert rows_of(path, "SELECT * FROM near_misses") == [
        (
            *(1, 7, "F", "bid-heavy", "ratio", 2.0, 2.5, 0.5, 2.0, 2_000, 1_000, 4, 1, 6, 13.12, 13.13, 0.0, None),
            *("NYSE_BOOK", 5, "boot", "c0ffee", "0.1.0"),
        )
    ]


def test_the_last_alert_comes_with_what_each_trader_made_of_it(path: Path) -> None:
    origin = Origin("boot", "c0ffee", "0.1.0")
    alerts = [insert_alert(number, an_alert(symbol), origin) for number, symbol in ((1, "F"), (2, "F"), (3, "G"))]
    judged = [
        insert_disposition(1, "live", Disposition.TRADED, None, 9),
        insert_disposition(2, "paper", Disposition.REFUSED, "the book is stale", 9),
        insert_disposition(2, "live", Disposition.HELD, None, 9),
    ]
    write(path, *alerts, *judged)
    with queries.reading(path) as connection:
        found = [(row.alert_id, row.trader, row.disposition, row.reason) for row in last_alert_of(connection, "F")]
        assert found == [(2, "live", "held", None), (2, "paper", "refused", "the book is stale")]
        assert [(row.alert_id, row.disposition) for row in last_alert_of(connection, "G")] == [(3, None)]
        assert last_alert_of(connection, "H") == []


def test_a_year_of_counts_is_small(path: Path) -> None:
    """250 runs of 40 symbols with six-digit counts: what the module's docstring says of a year holds."""
    counts = dict.fromkeys(Outcome, 1_000) | {Outcome.REPEAT: 300_000}
    writer = Writer(path, 1)
    writer.start()
    for run in range(250):
        for number in range(40):
            writer.put(upsert_outcomes(RUN_NS + run, f"SYM{number}", RUN_NS, counts, 12))
    assert writer.flush(60)
    writer.close()
    [(pages,)] = rows_of(path, "SELECT sum(pgsize) FROM dbstat WHERE name = 'outcomes'")
    assert int(str(pages)) / (250 * 40) < 140, "bytes a row"
