"""The proof that a tape replays to what its run wrote: equal to the byte, or the first difference."""

from pathlib import Path

import apsw
import pytest

from golden.lean_tape import LISTING, lean_tape
from leadline.app.proving import DifferenceError, prove
from leadline.app.replaying import Source
from leadline.app.taping import rule_texts
from leadline.core.alerts import Alert
from leadline.core.errors import TapeError
from leadline.replay import AlertLines
from leadline.settings import load
from leadline.store.alerts import Origin, insert_alert
from leadline.store.writer import Writer
from leadline.tape.lines import read_tape
from leadline.tape.records import Frame
from support.taping import START_NS, write

LOADED = load(use_environment=False)
ORIGIN = Origin("boot", "c0ffee", "0.1.0")


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """The tape made by hand, as a live run would have kept it."""
    (tmp_path / "lean.jsonl").write_bytes(lean_tape())
    frames = [Frame(t, 1 + n, frame) for n, (t, frame) in enumerate(read_tape(tmp_path / "lean.jsonl"))]
    changes = {"listing": LISTING, "symbols": ["F", "T"], "settings": rule_texts(LOADED)}
    return write(tmp_path / "tape", [frames[:50], frames[50:]], **changes)  # type: ignore[arg-type]


def alerts_of(tape: Path) -> list[Alert]:
    alerts: list[Alert] = []
    Source(tape, LOADED, None).judge(alerts.append)
    assert len(alerts) == 4
    return alerts


def database(tmp_path: Path, alerts: list[Alert], origin: Origin = ORIGIN) -> Path:
    writer = Writer(tmp_path / "leadline.db", START_NS)
    for number, alert in enumerate(alerts, start=1):
        writer.execute_now(*insert_alert(number, alert, origin))
    writer.close()
    return tmp_path / "leadline.db"


def change(db: Path, sql: str) -> None:
    connection = apsw.Connection(str(db))
    connection.execute(sql)
    connection.close()


def test_a_run_that_judged_alike_is_proved_by_the_sum_of_its_lines(tmp_path: Path, tape: Path) -> None:
    alerts = alerts_of(tape)
    lines = AlertLines()
    for alert in alerts:
        lines.line(alert)
    [proof] = prove(tape, database(tmp_path, alerts))
    assert (proof.run, proof.alerts, proof.sha256) == ("run-1", 4, lines.sha256)


@pytest.mark.parametrize(
    ("sql", "number"),
    [
        ("UPDATE alerts SET price = price + 0.00001 WHERE id = 1", 1),
        ("UPDATE alerts SET vol_per_min = NULL WHERE id = 3", 3),
        ("UPDATE alerts SET recv_ns = recv_ns + 1 WHERE id = 2", 2),
        ("UPDATE alerts SET streak_id = 9 WHERE id = 4", 4),
        ("DELETE FROM alerts WHERE id = 2", 2),
        ("DELETE FROM alerts WHERE id = 4", 4),
        ("UPDATE alerts SET id = 100 WHERE id = 1", 1),
    ],
)
def test_the_first_difference_is_named(tmp_path: Path, tape: Path, sql: str, number: int) -> None:
    db = database(tmp_path, alerts_of(tape))
    change(db, sql)
    with pytest.raises(DifferenceError, match=f"alert {number} differs") as error:
        prove(tape, db)
    assert error.value.exit_code == 1


def test_alerts_of_other_runs_are_not_compared(tmp_path: Path, tape: Path) -> None:
    db = database(tmp_path, alerts_of(tape))
    columns = (
        "timestamp, symbol, direction, ratio, total_bids, total_asks, heavy_venues, valid_venues, price, bid, ask,"
    )
    columns += (
        "imbalance_duration, vol_per_min, streak_id, entry_blocked_by, service, book_ns, recv_ns, boot_ns, boot_id,"
    )
    columns += "features, config_hash, version"
    for other in (
        columns.replace("boot_id", "'another boot'"),
        columns.replace("config_hash", "'other settings'"),
        columns.replace("boot_ns", "boot_ns + 1000"),
        columns.replace("boot_ns", "-5"),
    ):
        change(db, f"INSERT INTO alerts ({columns}) SELECT {other} FROM alerts WHERE id = 2")
    assert prove(tape, db)[0].alerts == 4


def test_the_rule_is_the_one_that_was_recorded(tmp_path: Path) -> None:
    (tmp_path / "lean.jsonl").write_bytes(lean_tape())
    strict = load({"min_bid_heavy": 5}, use_environment=False)
    frames = [Frame(t, 1 + n, frame) for n, (t, frame) in enumerate(read_tape(tmp_path / "lean.jsonl"))]
    tape = write(tmp_path / "tape", [frames], listing=LISTING, symbols=["F"], settings=rule_texts(strict))
    alerts: list[Alert] = []
    Source(tape, strict, None).judge(alerts.append)
    assert len(alerts) == 3
    assert prove(tape, database(tmp_path, alerts))[0].alerts == 3


@pytest.mark.parametrize("changes", [{"source": "record"}, {"first_frame": 3}])
def test_what_is_no_whole_run_proves_nothing(tmp_path: Path, tape: Path, changes: dict[str, object]) -> None:
    db = database(tmp_path, alerts_of(tape))
    with pytest.raises(TapeError, match="no whole run of grok"):
        prove(write(tmp_path / "other", [], **changes), db)  # type: ignore[arg-type]
