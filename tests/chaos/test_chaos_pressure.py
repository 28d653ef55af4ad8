"""Readers, locks and bursts at once: the writer never blocks the event loop, nothing is lost, all is bounded."""

from pathlib import Path
from time import sleep

import apsw
import msgspec
import pytest

from support.machine import child, said

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SNAPSHOT_S = 125
LOCK_S = 10
BURST = 10_000
MIB = 1024 * 1024

WRITE_UNDER_PRESSURE = """
import asyncio, json, resource, sys, time
from pathlib import Path
from leadline.core.market import Touch
from leadline.grok import HandOver
from leadline.store.alerts import AlertIds, Origin
from leadline.store.status import ProcessRow, upsert_process, upsert_touch
from leadline.store.writer import Writer
from support.intents import an_alert

SYMBOLS = [f"SYM{number}" for number in range(500)]

async def main():
    writer = Writer(Path(sys.argv[1]), 1)
    ids = AlertIds(writer)
    writer.start()
    hand_over = HandOver(ids, None, writer.put, Origin("boot", "c0ffee", "0.1.0"), writes_rows=True)
    worst = {"lag_s": 0.0, "wal_bytes": 0, "waiting": 0}
    stdin = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    told = asyncio.create_task(stdin.readline())

    async def lag():
        while True:
            begun = time.monotonic()
            await asyncio.sleep(0.005)
            worst["lag_s"] = max(worst["lag_s"], time.monotonic() - begun - 0.005)
            worst["wal_bytes"] = max(worst["wal_bytes"], writer.wal.size_bytes)
            worst["waiting"] = max(worst["waiting"], writer.waiting_count)

    watching = asyncio.create_task(lag())
    detail = {"symbols": {symbol: {"service": "NYSE_BOOK", "recv_ns": 1, "lag_ms": 40} for symbol in SYMBOLS}}
    second = 0
    print("ready", flush=True)
    while True:
        second += 1
        writer.put_state("grok", upsert_process(ProcessRow(
            "grok", 1, 1, second, "sim", "...678", "http://127.0.0.1", "ARMED", detail, "c0ffee", "0.1.0")))
        for symbol in SYMBOLS:
            touch = Touch(138_200, 138_300, 900, second, second, 1)
            writer.put_state(symbol, upsert_touch(symbol, touch, 138_250, "normal", second))
        for number in range(5):
            hand_over.take(an_alert(SYMBOLS[number]))
        done, _ = await asyncio.wait([told], timeout=1.0)
        if done:
            word = told.result().decode().strip()
            told = asyncio.create_task(stdin.readline())
            if word == "burst":
                for number in range(int(sys.argv[2])):
                    hand_over.take(an_alert(SYMBOLS[number % 500]))
                    if number % 100 == 99:
                        await asyncio.sleep(0)
            if word in ("report", "end"):
                report = worst | {"given": ids.last, "rss_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
                                  "unnumbered": hand_over.unnumbered, "error": writer.error}
                print(json.dumps(report), flush=True)
                worst.update(lag_s=0.0, wal_bytes=0, waiting=0)
            if word == "end":
                break
    watching.cancel()
    told.cancel()
    writer.close(60)
    print("closed", flush=True)

asyncio.run(main())
"""


class Report(msgspec.Struct):
    """What the child saw since its last report: the event loop's worst lag, the WAL, rows in memory, its peak size."""

    lag_s: float
    wal_bytes: int
    waiting: int
    given: int
    rss_kb: int
    unnumbered: int
    error: str | None


def test_a_reader_for_minutes_a_lock_for_ten_seconds_and_a_burst_of_ten_thousand_alerts(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with child(WRITE_UNDER_PRESSURE, path, BURST) as process:

        def ask(word: str) -> None:
            assert process.stdin is not None
            process.stdin.write(word + "\n")
            process.stdin.flush()

        def report(word: str = "report") -> Report:
            ask(word)
            return msgspec.json.decode(said(process), type=Report)

        assert said(process) == "ready"
        sleep(3)
        reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        reader.execute("BEGIN")
        seen = reader.execute("SELECT count(*) FROM alerts").get
        quiet = report()
        sleep(SNAPSHOT_S // 2)
        ask("burst")
        sleep(3)
        burst = report()
        locker = apsw.Connection(str(path))
        locker.set_busy_timeout(10_000)
        locker.execute("BEGIN IMMEDIATE")
        ask("burst")
        sleep(LOCK_S)
        locked = report()
        locker.execute("ROLLBACK")
        sleep(SNAPSHOT_S // 2)
        pinned = report()
        assert reader.execute("SELECT count(*) FROM alerts").get == seen, "it was in one snapshot all the time"
        reader.close()
        sleep(3)
        report()
        sleep(3)
        last = report("end")
        assert said(process) == "closed"
    print(f"\nquiet {quiet}\nburst {burst}\nlocked {locked}\npinned {pinned}\nlast {last}")
    assert locked.error is not None, "the lock did hold the writer up"
    # A writer that waited on the loop would stop it for as long as the lock is held.
    assert max(r.lag_s for r in (quiet, burst, locked, pinned)) < LOCK_S / 4
    assert max(r.wal_bytes for r in (burst, locked, pinned)) < 64 * MIB
    assert last.wal_bytes < 64 * MIB
    assert last.rss_kb < quiet.rss_kb + 64 * 1_024, "rows that wait are bounded"
    assert last.unnumbered == 0, "every alert got an id"
    connection = apsw.Connection(str(path))
    ids = [row[0] for row in connection.execute("SELECT id FROM alerts ORDER BY id")]
    connection.close()
    assert ids == list(range(1, last.given + 1)), "every alert is there, in its order"
