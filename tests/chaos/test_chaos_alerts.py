"""Over nine hundred kills at the seams of a trader's life: what was acted on is on record, once, and decided once."""

from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from leadline.store.journal import Journal
from support.killing import parent, seed_for, witnessed
from support.killing_desk import SEAMS, acted_on, fate_of
from support.processes import rows

pytestmark = pytest.mark.slow

KNOWN = "SELECT id FROM alerts UNION SELECT alert_id FROM orders"


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("mode", "kills"), [("rows", 480), ("paper", 120), ("inline", 180), ("mixed", 180)])
def test_no_alert_that_was_acted_on_is_lost(tmp_path: Path, mode: str, kills: int) -> None:
    seed = seed_for(mode)
    report = parent("killing_desk", tmp_path, seed, mode, kills)
    assert report["kills"] >= kills, report
    homes = sorted(tmp_path.glob("file-*"))
    for home in homes:
        trader = "paper" if mode == "paper" else "live"
        acted = list(acted_on(home))
        where = f"seed {seed!r}, {home}"
        check_orders(home, acted, where)
        check_alerts(home, acted, mode, where)
        check_dispositions(home, trader, where)
        check_fills_and_positions(home, acted, where)
    if mode == "rows":
        check_that_the_seams_were_hit(homes)


def check_orders(home: Path, acted: list[Any], where: str) -> None:
    """What was acted on was on record before, has a row, and was not acted on again."""
    times = Counter(key for key, *_ in acted)
    assert times, f"{where}: nothing was ever acted on"
    assert max(times.values()) == 1, f"{where}: acted on twice: {times.most_common(3)}"
    journals = [Journal(path) for path in (home / "state").glob("*/*.journal")]
    recorded = {intent.key: intent for intent in chain.from_iterable(journal.intents for journal in journals)}
    ordered = dict(rows(home / "x.db", "SELECT intent_key, alert_id FROM orders"))
    assert set(times) <= set(recorded), f"{where}: acted on without a record"
    assert set(ordered) == set(recorded), f"{where}: rows and records of intents differ"
    for key, alert_id, *_ in acted:
        assert ordered[key] == alert_id == recorded[key].alert_id, f"{where}: {key}"


def check_alerts(home: Path, acted: list[Any], mode: str, where: str) -> None:
    """The row of an alert that was acted on holds what was acted on; without rows there are none."""
    columns = (
        "symbol, direction, total_bids, total_asks, heavy_venues, valid_venues, vol_per_min, streak_id,"
        " entry_blocked_by, service, book_ns, recv_ns, boot_ns"
    )
    kept = {
        alert_id: (dict(zip(columns.split(", "), same, strict=True)), dollars)
        for alert_id, *dollars, same in (
            (*row[:6], row[6:])
            for row in rows(home / "x.db", f"SELECT id, price, bid, ask, ratio, timestamp, {columns} FROM alerts")
        )
    }
    assert bool(kept) == (mode != "inline"), f"{where}: {len(kept)} alert rows"
    for key, alert_id, writes_rows, _, _, alert in acted:
        if not writes_rows:
            continue
        assert alert_id in kept, f"{where}: the alert of {key} is lost"
        same, dollars = kept[alert_id]
        heavy, light = alert["total_bids"], alert["total_asks"]
        if alert["direction"] == "ask-heavy":
            heavy, light = light, heavy
        assert same == {name: alert[name] for name in same}, f"{where}: {key}"
        assert dollars == pytest.approx(
            [alert["price_e5"] / 1e5, alert["bid"] / 1e4, alert["ask"] / 1e4, heavy / light, alert["recv_ns"] / 1e9],
            rel=1e-12,
        ), f"{where}: {key}"


def check_dispositions(home: Path, trader: str, where: str) -> None:
    """Each alert that has a row or an order was decided, once."""
    decided = rows(home / "x.db", "SELECT alert_id, trader FROM dispositions")
    known = {(alert_id, trader) for (alert_id,) in rows(home / "x.db", KNOWN)}
    assert known <= set(decided), f"{where}: never decided: {sorted(known - set(decided))}"
    assert {trader for _, trader in decided} == {trader}, where
    assert len(decided) == len(set(decided)), where


def check_fills_and_positions(home: Path, acted: list[Any], where: str) -> None:
    """Orders ended as the broker ended them, nothing that it did not get was filled, and positions are the sums."""
    fates = {key: (fate_of(key, order["qty"]), order) for key, _, _, _, order, _ in acted}
    ended = rows(home / "x.db", "SELECT intent_key, state, filled_qty FROM orders")
    for key, state, filled in ended:
        fate = fates[key][0] if key in fates else None
        assert (state, filled) == (("NOT_SENT", 0) if fate is None else fate), f"{where}: {key}"
    sums = Counter[str]()
    for fate, order in fates.values():
        sums[order["symbol"]] += fate.filled if order["instruction"] in {"BUY", "BUY_TO_COVER"} else -fate.filled
    fills = rows(home / "x.db", "SELECT intent_key, qty FROM fills")
    assert sorted(fills) == sorted((key, fate.filled) for key, (fate, _) in fates.items() if fate.filled), where
    ours = dict(rows(home / "x.db", "SELECT symbol, ours_qty FROM positions"))
    assert {symbol: qty for symbol, qty in ours.items() if qty} == {s: qty for s, qty in sums.items() if qty}, where


def check_that_the_seams_were_hit(homes: list[Path]) -> None:
    """What was drawn was enough to mean something: no phase and no file was left out."""
    burnt = [words for home in homes for kind, *words in witnessed(home) if kind == "fuse"]
    assert set(SEAMS) <= {file for _, _, file, _, _ in burnt}
    phases = Counter((phase, thread) for phase, thread, *_ in burnt)
    assert {"opening", "recovering", "reserving", "trading", "closing"} == {phase for phase, _ in phases}
    assert min(phases["trading", "writer"], phases["closing", "writer"]) >= 1, phases
