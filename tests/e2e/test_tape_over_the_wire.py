"""A tape that a simulator streams over the websocket gives in grok the alerts that a replay of it gives."""

from pathlib import Path

import msgspec
import pytest

from support.processes import Simulator, grok, leadline, simulator, wait_until

pytestmark = pytest.mark.slow

REAL = (
    Path(__file__).parents[3] / "shared" / "data" / "schwab_frames" / "nasdaq_book_TSLA_2026-09-25_150_snapshots.jsonl"
)
FRAMES = 60

LOOSE = {
    # After hours this symbol's venues stand far apart and few lean alike: thresholds at which it alerts at all.
    "MAX_RANGE_CENTS": "400",
    "MIN_BID_HEAVY": "2",
    "MIN_ASK_HEAVY": "2",
    "MIN_VENUE_MARGIN": "0",
    "MIN_IMBALANCE_RATIO": "1.2",
    # Played faster than it was recorded, the tape keeps its lags but not its pauses: nothing here may depend on them.
    "MIN_IMBALANCE_DURATION_SEC": "0",
    "ALERT_THROTTLE_SEC": "0",
}

Told = tuple[str, str, int, int, int]
"""Symbol, direction, total bids, total asks, book time in ns."""


def replayed(tape: Path, home: Path, frames: int) -> list[Told]:
    ended = leadline("replay", str(tape), environment={"HOME": str(home), **LOOSE}, cwd=home)
    assert ended.returncode == 0, ended.stderr
    *alerts, counts = [msgspec.json.decode(line) for line in ended.stdout.splitlines()]
    assert sum(counts["outcomes"].values()) == counts["snapshots"] == frames
    names = ("symbol", "direction", "total_bids", "total_asks", "book_ns")
    return [msgspec.convert([alert[name] for name in names], Told) for alert in alerts]


def streamed(sim: Simulator, expected: int) -> list[Told]:
    environment = sim.environment(**LOOSE, TRADING_MODE="paper", SYMBOLS="TSLA")
    with grok(environment) as running:
        wait_until(lambda: sim.get("/sim/status")["market"]["finished"], "the tape's end", lambda: running.log)
        sql = "SELECT symbol, direction, total_bids, total_asks, book_ns FROM alerts ORDER BY id"
        found = running.wait_for_rows(sql, expected)
        assert running.stop() == 0
    return [msgspec.convert(row, Told) for row in found]


def play(tape: Path, home: Path, *, frames: int = FRAMES, speed: int = 40) -> set[int]:
    """Play a tape both ways; give the shifts of BOOK_TIME that were seen."""
    from_the_file = replayed(tape, home, frames)
    assert len(from_the_file) > 3, "the thresholds must let this tape alert"
    with simulator(home, "--tape", str(tape), "--speed", str(speed)) as sim:
        over_the_wire = streamed(sim, len(from_the_file))
    assert [alert[:4] for alert in over_the_wire] == [alert[:4] for alert in from_the_file]
    return {wire[4] - file[4] for wire, file in zip(over_the_wire, from_the_file, strict=True)}


@pytest.mark.skipif(not REAL.exists(), reason="THE RECORDED MARKET DATA IS NOT HERE: the real snapshots are not played")
def test_the_first_real_snapshots(tmp_path: Path) -> None:
    tape = tmp_path / "first.jsonl"
    tape.write_bytes(b"".join(REAL.read_bytes().splitlines(keepends=True)[:FRAMES]))
    play(tape, tmp_path)


def test_at_its_own_pace_all_book_times_are_shifted_alike(tmp_path: Path) -> None:
    tape = tmp_path / "own.jsonl"
    tape.write_bytes(b"".join(own_frame(number) for number in range(10)))
    assert len(play(tape, tmp_path, frames=10, speed=1)) == 1


def own_frame(number: int) -> bytes:
    """A book a second of two venues more on one side, then on the other."""
    recv_ns = 1_790_000_000_000_000_000 + number * 1_010_000_000
    is_bid = number // 5 % 2 == 0
    sizes = (400 + number, 100) if is_bid else (100, 400 + number)
    sides = [
        [
            {
                "0": price,
                "1": size * 4,
                "2": 4,
                "3": [{"0": f"v{venue}", "1": size, "2": 70_000_000} for venue in range(4)],
            }
        ]
        for price, size in zip((372.5, 372.53), sizes, strict=True)
    ]
    item = {"key": "TSLA", "1": recv_ns // 1_000_000 - 400 - number, "2": sides[0], "3": sides[1]}
    block = {"service": "NASDAQ_BOOK", "timestamp": recv_ns // 1_000_000, "command": "SUBS", "content": [item]}
    return msgspec.json.encode({"recv_ns": recv_ns, "frame": {"data": [block]}}) + b"\n"
