"""Replays whose every line is known: of a tape made by hand to the byte, and of the real recordings to the entry."""

import hashlib
import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from golden.lean_tape import LISTING, lean_tape
from leadline.app.replaying import run_replay
from leadline.core.book import clean
from leadline.schwab.wire import BOOK_SERVICES, BookItem, decode, decode_fast
from leadline.settings import load
from leadline.tape.lines import read_tape
from support.machine import leadline

S, MS = 1_000_000_000, 1_000_000
T0 = 1_772_807_400 * S
REAL = Path(__file__).parents[3] / "shared" / "data" / "schwab_frames"
RECORDINGS = {
    "nasdaq_book_TSLA_2026-09-25_150_snapshots.jsonl": {"snapshots": 150, "repeat": 2},
    "nasdaq_book_QQQ_2026-08-20.jsonl": {"snapshots": 3, "repeat": 0},
    "schwab_2025-12_AMD_F_INTC.jsonl": {"snapshots": 2, "repeat": 0},
    "tda_MSFT_premarket_2021-09-08.jsonl": {"snapshots": 1, "repeat": 0},
}

# Worked out by hand from lean_tape.py. F: 5 venues x 300 to 100, alert after 10 s, again 60 s later with the trade of
# 2 s ago and 90,000 shares in the minute before; then 100 to 250 for 10 s. T: 4 x 500 + 2 x 100 to 4 x 200 + 2 x 100.
ALERTS = f"""\
{{"recv_ns":{T0 + 10 * S},"symbol":"F","direction":"bid-heavy","ratio":3.0,"total_bids":1500,"total_asks":500,\
"heavy_venues":5,"valid_venues":5,"price":13.825,"imbalance_duration":10.0,"bid":13.82,"ask":13.83,\
"vol_per_min":null,"streak_id":1,"entry_blocked_by":null,"service":"NYSE_BOOK","book_ns":{T0 + 10 * S - 400 * MS}}}
{{"recv_ns":{T0 + 10 * S},"symbol":"T","direction":"bid-heavy","ratio":2.2,"total_bids":2200,"total_asks":1000,\
"heavy_venues":4,"valid_venues":6,"price":0.98715,"imbalance_duration":10.0,"bid":0.9871,"ask":0.9872,\
"vol_per_min":null,"streak_id":1,"entry_blocked_by":null,"service":"NASDAQ_BOOK","book_ns":{T0 + 10 * S - 400 * MS}}}
{{"recv_ns":{T0 + 70 * S},"symbol":"F","direction":"bid-heavy","ratio":3.0,"total_bids":1500,"total_asks":500,\
"heavy_venues":5,"valid_venues":5,"price":13.83,"imbalance_duration":70.0,"bid":13.82,"ask":13.83,\
"vol_per_min":90000.0,"streak_id":1,"entry_blocked_by":null,"service":"NYSE_BOOK","book_ns":{T0 + 70 * S - 400 * MS}}}
{{"recv_ns":{T0 + 86 * S},"symbol":"F","direction":"ask-heavy","ratio":2.5,"total_bids":500,"total_asks":1250,\
"heavy_venues":5,"valid_venues":5,"price":13.825,"imbalance_duration":10.0,"bid":13.82,"ask":13.83,\
"vol_per_min":90000.0,"streak_id":2,"entry_blocked_by":null,"service":"NYSE_BOOK","book_ns":{T0 + 86 * S - 400 * MS}}}
"""

COUNTS = """\
{"snapshots":118,"frames":95,"outcomes":{"malformed":1,"other_service":13,"no_book_time":0,"future":0,"repeat":0,\
"backward":0,"stale":0,"one_sided":0,"crossed":0,"no_valid_venue":0,"few_venues":0,"margin":0,"ratio":0,\
"duration":30,"throttled":70,"alerted":4},"dropped_entries":{"size":1},"conflated":0,"alerts":4,\
"sha256":"%s"}
""" % hashlib.sha256(ALERTS.encode()).hexdigest()  # noqa: UP031 - the line is full of braces


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    (tmp_path / "lean.jsonl").write_bytes(lean_tape())
    (tmp_path / "listing.json").write_text(json.dumps(LISTING))
    return tmp_path / "lean.jsonl"


def test_the_tape_gives_these_lines_and_no_others(tape: Path) -> None:
    ended = leadline("replay", tape, "--listing", "listing.json", cwd=tape.parent)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == ALERTS + COUNTS


def test_a_second_run_gives_the_same_bytes(tape: Path) -> None:
    for name in ("one.jsonl", "two.jsonl"):
        ended = leadline("replay", tape, "--alerts", name, "--listing", "listing.json", cwd=tape.parent)
        assert (ended.returncode, ended.stdout) == (0, COUNTS)
    assert (tape.parent / "one.jsonl").read_text() == (tape.parent / "two.jsonl").read_text() == ALERTS


def test_a_tape_of_segments_gives_the_bytes_that_the_lines_give(tape: Path) -> None:
    made = leadline("tape", "import", tape, "tape", "--listing", "listing.json", cwd=tape.parent)
    assert (made.returncode, made.stderr) == (0, "")
    for _ in range(2):
        ended = leadline("replay", "tape", cwd=tape.parent)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout == ALERTS + COUNTS


def test_the_settings_decide(tape: Path) -> None:
    """Half a second more than the streak's age at its 11th snapshot, and the next one alerts; F alone."""
    ended = leadline(
        "replay", tape, cwd=tape.parent, MIN_IMBALANCE_DURATION_SEC="10.5", SYMBOLS="f", ALERT_THROTTLE_SEC="3600"
    )
    alerts = [json.loads(line) for line in ended.stdout.splitlines()[:-1]]
    assert [(alert["symbol"], alert["imbalance_duration"]) for alert in alerts] == [("F", 11.0), ("F", 11.0)]


# the real recordings


@pytest.fixture
def recordings(capfd: pytest.CaptureFixture[str]) -> Path:
    if not REAL.is_dir():
        with capfd.disabled():
            print(f"\nNOT TESTED: the real recordings are not in {REAL}")
        pytest.skip(f"NOT TESTED: the real recordings are not in {REAL}")
    return REAL


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_real_recording_replays_without_a_dropped_entry(
    recordings: Path, name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run_replay(load(use_environment=False), recordings / name, None, tmp_path / "alerts")
    counts = json.loads(capfd.readouterr().out)
    assert counts["snapshots"] == RECORDINGS[name]["snapshots"]
    assert counts["dropped_entries"] == {}
    outcomes = counts["outcomes"]
    assert sum(outcomes.values()) == counts["snapshots"]
    assert outcomes["repeat"] == RECORDINGS[name]["repeat"]
    for bad in ("malformed", "other_service", "no_book_time", "future", "backward", "crossed"):
        assert outcomes[bad] == 0


def raw_frames(path: Path) -> list[dict[str, Any]]:
    """Read a recording with the standard library alone; decimals stay as they are written."""
    trees = [json.loads(line, parse_float=Decimal) for line in path.read_text().splitlines() if line.strip()]
    return [tree.get("frame", tree) for tree in trees]


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_level_and_entry_of_a_real_recording_is_read_as_it_stands(recordings: Path, name: str) -> None:
    compared = 0
    received = list(read_tape(recordings / name))
    raws = raw_frames(recordings / name)
    assert len(received) == len(raws)
    for (recv_ns, frame), raw in zip(received, raws, strict=True):
        assert recv_ns // MS == raw["data"][0]["timestamp"]
        message = decode(frame)
        assert message is not None
        assert decode_fast(frame) == message, "real frames need no slow decode"
        for block, raw_block in zip(message.data, raw["data"], strict=True):
            assert (block.service, block.timestamp_ms) == (raw_block["service"], raw_block["timestamp"])
            if block.service in BOOK_SERVICES:
                for item, raw_item in zip(block.items, raw_block["content"], strict=True):
                    compared += compare_book(item, raw_item)
    assert compared >= RECORDINGS[name]["snapshots"] * 10, "entries were really compared"


def compare_book(item: BookItem, raw: dict[str, Any]) -> int:
    """Compare a decoded book with the raw one, entry by entry, then what cleaning makes of it; count the entries."""
    assert (item.key, item.book_ms) == (raw["key"], raw["1"])
    entries = 0
    for levels, raw_levels, is_bid in ((item.bids, raw["2"], True), (item.asks, raw["3"], False)):
        quotes: dict[str, tuple[Fraction, int]] = {}
        for level, raw_level in zip(levels, raw_levels, strict=True):
            assert level is not None
            assert level.entries is not None
            price = Fraction(raw_level["0"])
            assert level.price == float(raw_level["0"])
            for entry, raw_entry in zip(level.entries, raw_level["3"], strict=True):
                assert (entry.venue, entry.size, entry.time_ms) == (raw_entry["0"], raw_entry["1"], raw_entry["2"])
                entries += 1
                venue = raw_entry["0"].upper()
                best, size = quotes.get(venue, (price, 0))
                is_better = price > best if is_bid else price < best
                quotes[venue] = (
                    (price, raw_entry["1"]) if is_better else (best, size + raw_entry["1"] * (price == best))
                )
        dropped: dict[str, int] = {}
        side = clean(levels, is_bid=is_bid, dropped=dropped)
        assert dropped == {}
        assert {venue: (Fraction(quote[0], 10_000), quote[1]) for venue, quote in side.items()} == quotes
    return entries
