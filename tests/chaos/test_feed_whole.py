"""The feed's faults on whole processes: a broker that plays a tape in market hours, and grok that trades it live.

Both clocks are set to a Tuesday morning in New York, so that what holds in market hours only is seen at any hour.
Most cases wait for most of their time: they run side by side, each with its own broker and grok.
"""

import json
import os
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from leadline.tape.reader import Recorded
from support.processes import Grok, Simulator, grok, simulator, wait_until
from support.taping import items_on

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MORNING = "2026-11-24T11:00:00-05:00"
SERVICES = {"NYSE_BOOK": ["F", "T"], "NASDAQ_BOOK": ["SOFI"]}
SYMBOLS = ["F", "T", "SOFI"]
OPTIONS = ("--symbols", "F:N,T:N,SOFI:Q", "--order-limit", "0", "--account-lag-ms", "200", "--heartbeat-s", "5")
EAGER = {"MIN_IMBALANCE_DURATION_SEC": "0", "ALERT_THROTTLE_SEC": "0"}
"""Every leaning book alerts."""

TURN_S = 8
"""So long every book leans to one side, then to the other."""

TAPE_S = 600
TAPE_NS = 1_772_807_400 * 10**9
LONG_S = 150.0
"""How long a test waits for what takes the product up to a minute."""

HALTED = range(12, 22)
"""Seconds of the tape in which F is halted by its level one, while its books go on."""

UNKNOWN_HALT = "whether the symbol is halted is not known"


def side(price: float, size: int) -> list[dict[str, object]]:
    entries = [{"0": f"VEN{number}", "1": size, "2": 36_000_000} for number in range(8)]
    return [{"0": price, "1": 8 * size, "2": 8, "3": entries}]


def tape_lines() -> Iterator[str]:
    """Books of all symbols once a second that lean to and fro, and their level one."""
    for second in range(TAPE_S):
        recv_ns = TAPE_NS + second * 10**9
        leans_up = second // TURN_S % 2 == 0
        sides = {"2": side(10.0, 900 if leans_up else 100), "3": side(10.01, 100 if leans_up else 900)}
        books = {"1": recv_ns // 10**6 - 100, **sides}
        quotes = [quote_of(symbol, second, recv_ns // 10**6) for symbol in SYMBOLS]
        content = {"LEVELONE_EQUITIES": quotes}
        content |= {service: [{"key": name, **books} for name in names] for service, names in SERVICES.items()}
        for place, (service, items) in enumerate(content.items()):
            entry = {"service": service, "timestamp": recv_ns // 10**6, "command": "SUBS", "content": items}
            yield json.dumps({"recv_ns": recv_ns + place * 10**6, "frame": {"data": [entry]}})


def quote_of(symbol: str, second: int, ms: int) -> dict[str, object]:
    """Level one tells what has changed: the status at the start, and where F is halted and resumes."""
    quote: dict[str, object] = {"key": symbol, "8": 1_000_000 + 100 * second, "35": ms - 50}
    if second == 0:
        quote |= {"1": 10.0, "2": 10.01, "3": 10.01, "32": "Normal"}
    if symbol == "F" and second in {HALTED.start, HALTED.stop}:
        quote["32"] = "Halted" if second == HALTED.start else "Normal"
    return quote


def tell(sim: Simulator, path: str, body: object, method: str = "POST") -> None:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(sim.base_url + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status < 300


def fault(sim: Simulator, **words: Any) -> None:
    """Put a fault in force, at once."""
    tell(sim, "/sim/faults", words)


@contextmanager
def broker(home: Path, *options: str) -> Iterator[Simulator]:
    """A broker whose clock shows a Tuesday morning."""
    with simulator(home, *OPTIONS, "--set", f"clock_at={MORNING}", *options) as sim:
        yield sim


@contextmanager
def playing(home: Path) -> Iterator[Simulator]:
    """A broker that plays the tape from the first subscription on."""
    path = home / "books.jsonl"
    path.write_text("\n".join(tape_lines()))
    with broker(home, "--tape", str(path)) as sim:
        yield sim


def same_clock(sim: Simulator, **settings: str) -> dict[str, str]:
    """Settings for a grok whose clock shows what the broker's shows; only `clock` reads one."""
    offset_ns = sim.get("/sim/clock")["offset_ms"] * 10**6
    set_off = sim.home / "set-off"
    set_off.mkdir(exist_ok=True)
    (set_off / "sitecustomize.py").write_text(
        "from leadline.clock import SystemClock\n"
        "read = SystemClock.wall_ns\n"
        f"SystemClock.wall_ns = lambda self: read(self) + {offset_ns}\n"
    )
    return sim.environment(**EAGER, **settings, PYTHONPATH=str(set_off))


def detail_of(running: Grok) -> dict[str, Any]:
    """What the process says of itself; nothing before its first row."""
    found = running.rows("SELECT detail FROM processes WHERE role = 'grok'")
    detail: dict[str, Any] = json.loads(found[0][0]) if found else {}
    return detail


def disposed(running: Grok, symbol: str) -> list[tuple[str, str | None]]:
    """Disposition and reason of every alert of a symbol, in order."""
    sql = """SELECT disposition, reason FROM alerts LEFT JOIN dispositions ON alert_id = id
        WHERE symbol = ? ORDER BY id"""
    return [(row[0], row[1]) for row in running.rows(sql, symbol)]


def wait_for(running: Grok, found: Callable[[], object], what: str, timeout_s: float = 40) -> None:
    def holds() -> object:
        assert running.process.poll() is None, f"grok ended:\n{running.log}"
        return found()

    wait_until(holds, what, lambda: running.log[-6_000:], timeout_s)


def wait_for_trade(running: Grok, symbol: str, after: int = 0, timeout_s: float = 40) -> None:
    """Wait until an alert of the symbol has been traded, not counting its first ones."""
    wait_for(running, lambda: ("traded", None) in disposed(running, symbol)[after:], f"{symbol} is traded", timeout_s)


def check_positions(sim: Simulator, running: Grok) -> None:
    """End grok in order; the broker and we hold the same."""
    assert running.stop() == 0, running.log[-6_000:]
    ours = dict(running.rows("SELECT symbol, ours_qty FROM positions WHERE ours_qty <> 0"))
    assert ours == sim.positions()


def openings(sim: Simulator) -> list[dict[str, Any]]:
    """The openings that reached the broker, and whatever order it did not answer."""
    return [post for post in sim.posts() if post["instruction"] in {None, "BUY", "SELL_SHORT"}]


def next_seq(sim: Simulator) -> int:
    seq: int = sim.get("/sim/ledger?kind=clock_set")["next"]
    return seq


def wait_for_openings(running: Grok, sim: Simulator, since: int, at_least: int = 1, timeout_s: float = 40) -> None:
    wait_for(running, lambda: len(openings_since(sim, since)) >= at_least, "openings", timeout_s)


def order_of(sim: Simulator, symbol: str) -> str:
    return next(str(post["order_id"]) for post in sim.posts() if post["symbol"] == symbol)


def openings_since(sim: Simulator, seq: int) -> list[dict[str, Any]]:
    return [post for post in openings(sim) if post["seq"] >= seq]


def requests_of(sim: Simulator, path_end: str) -> list[dict[str, Any]]:
    """The reads of one resource that reached the broker."""
    return [e for e in sim.events("request_in") if e["method"] == "GET" and e["path"].endswith(path_end)]


def no_status_no_entry(home: Path) -> None:
    """F gets no level one at all, T's lacks the status: alerts are recorded, entries refused, and SOFI trades."""
    with playing(home) as sim:
        fault(sim, on="frame.LEVELONE_EQUITIES", do="drop", symbol="F", times=10**6)
        fault(sim, on="frame.LEVELONE_EQUITIES", do="drop_fields", symbol="T", fields="32", times=10**6)
        with grok(same_clock(sim, FEED_STALLED_SEC="2")) as running:
            wait_for_trade(running, "SOFI")
            wait_for(running, lambda: ("refused", UNKNOWN_HALT) in disposed(running, "F"), "F is refused")
            wait_for(running, lambda: ("refused", UNKNOWN_HALT) in disposed(running, "T"), "T is refused")
            assert {post["symbol"] for post in openings(sim)} == {"SOFI"}
            tell(sim, "/sim/faults", None, "DELETE")
            fault(sim, on="time", do="close", code=1006)  # a new subscription tells all fields
            wait_for_trade(running, "F", timeout_s=LONG_S)
            wait_for_trade(running, "T", timeout_s=LONG_S)
            check_positions(sim, running)


def no_status_after_a_loss(home: Path) -> None:
    """Level one does not come back with the connection: what it said before the loss is known no more."""
    with playing(home) as sim, grok(same_clock(sim, FEED_STALLED_SEC="2")) as running:
        wait_for_trade(running, "F")
        fault(sim, on="frame.LEVELONE_EQUITIES", do="drop", times=10**6)
        fault(sim, on="time", do="close", code=1006)
        lost = next_seq(sim)
        wait_for(running, lambda: "LEVELONE_EQUITIES" in (detail_of(running)["degraded"] or ""), "it is said", LONG_S)
        wait_for(
            running,
            lambda: UNKNOWN_HALT in {reason for _, reason in disposed(running, "F")} or openings_since(sim, lost),
            "a decision",
            LONG_S,
        )
        assert not openings_since(sim, lost)


def halt_and_resume(home: Path) -> None:
    """F is halted by its level one while its books go on: the exit passes, nothing is opened until it resumes."""
    with playing(home) as sim, grok(same_clock(sim)) as running:
        halted = "the symbol is halted"
        wait_for(running, lambda: ("refused", halted) in disposed(running, "F"), "a refusal")
        wait_for_trade(running, "F", after=len(disposed(running, "F")))
        check_positions(sim, running)
    ends = disposed(running, "F")
    in_halt = [place for place, (_, reason) in enumerate(ends) if reason == halted]
    first, last = in_halt[0], in_halt[-1]
    assert ends[first] == ("closed_only", halted), "the exit passed, the opening did not"
    assert ends[first + 1 : last + 1] == [("refused", halted)] * (last - first)
    assert last - first >= 4
    ids = [alert_id for (alert_id,) in running.rows("SELECT id FROM alerts WHERE symbol = 'F' ORDER BY id")]
    sql = "SELECT purpose, state FROM orders WHERE symbol = 'F' AND alert_id BETWEEN ? AND ?"
    assert running.rows(sql, ids[first], ids[last]) == [("close", "FILLED")]


def stale_symbol(home: Path) -> None:
    """T gets no books for 11 s: said once, shown, what comes first is refused, and the gap is on record."""
    with playing(home) as sim, grok(same_clock(sim, LIVE_SHORTING="false")) as running:
        sold = "SELECT 1 FROM orders WHERE symbol = 'T' AND purpose = 'close' AND state = 'FILLED'"
        wait_for(running, lambda: running.rows(sold), "T is sold: its books lean down")
        # They lean up when they come again: an entry is what is asked for then.
        fault(sim, on="frame.NYSE_BOOK", do="drop", symbol="T", times=10**6, until_s=11)
        before = len(disposed(running, "T"))
        wait_for(running, lambda: detail_of(running)["symbols"]["T"]["state"] == "STALE", "the symbol's state")
        detail = detail_of(running)
        assert detail["alarms"] == ["STALE: T"]
        assert detail["symbols"]["F"]["state"] == "OPEN"
        assert detail["entries_held_by"] is None, "the others go on"
        wait_for(running, lambda: detail_of(running)["alarms"] == [], "no alarm")
        wait_for_trade(running, "T", after=before)
        check_positions(sim, running)
    assert ("refused", "the symbol is STALE") in disposed(running, "T")[before:]
    said = [line for line in running.log.splitlines() if "STALE" in line and line.rstrip().endswith(": T")]
    assert ["error" in line for line in said] == [True, False], said
    assert "no longer STALE" in said[1]
    gaps = "SELECT start_ns, end_ns FROM feed_gaps WHERE symbols = 'T' AND service = 'NYSE_BOOK'"
    [(start_ns, end_ns)] = running.rows(gaps)
    assert 10 <= (end_ns - start_ns) / 1e9 <= 30


def silent_feed(home: Path) -> None:
    """Nothing comes on the stream for 75 s: an alarm at once, another a minute later, and then it is over."""
    said = re.compile(r"error.*the feed is silent since 11:0\d:\d\d New York \((\d+) s\)")
    with playing(home) as sim, grok(same_clock(sim)) as running:
        wait_for_trade(running, "F")
        fault(sim, on="time", do="half_open", for_s=75)
        wait_for(running, lambda: "silent since" in str(detail_of(running)["alarms"]), "the alarm is shown")
        wait_for(running, lambda: len(said.findall(running.log)) == 2, "another alarm", LONG_S)
        assert detail_of(running)["entries_held_by"] is not None
        silent = next_seq(sim)
        wait_for(running, lambda: "the feed is no longer silent" in running.log, "data again", LONG_S)
        wait_for_openings(running, sim, silent, timeout_s=LONG_S)
        check_positions(sim, running)
    first_s, second_s = map(int, said.findall(running.log))
    print(f"silent: said after {first_s} s and {second_s} s")
    assert 5 <= first_s <= 10, "within FEED_STALE_SEC + 5 s"
    assert 60 <= second_s - first_s <= 75
    assert running.rows("SELECT count(*) FROM feed_gaps WHERE symbols IS NULL AND service IS NULL") == [(1,)]


def reconnect_storm(home: Path, for_s: int = 60, connections_max: int = 9) -> None:
    """Every stream is cut every 2 s, with an order open: it is followed by REST, and nothing is opened."""
    with playing(home) as sim:
        fault(sim, on="order.enter", do="delay", ms=25_000, symbol="F", nth=1)
        with grok(same_clock(sim, LIVE_LIMIT_FILL_TIMEOUT="50")) as running:
            wait_for(running, lambda: "F" in {post["symbol"] for post in sim.posts()}, "the order")
            order_id = order_of(sim, "F")
            begin_s = time.monotonic()
            fault(sim, on="time", do="close", code=1006, every_s=2, until_s=for_s)
            filled = "SELECT 1 FROM orders WHERE order_id = ? AND state = 'FILLED' AND filled_qty = qty"
            wait_for(running, lambda: running.rows(filled, order_id), "it is filled", for_s)
            assert time.monotonic() - begin_s < for_s, "we know of the fill in the middle of the storm"
            wait_for(running, lambda: time.monotonic() - begin_s >= for_s, "the end of the storm", for_s + 10)
            assert detail_of(running)["entries_held_by"] is not None
            end_seq = next_seq(sim)
            wait_for_openings(running, sim, end_seq, timeout_s=LONG_S)
            check_positions(sim, running)
        check_storm(sim, order_id, end_seq, connections_max)


def check_storm(sim: Simulator, order_id: str, end_seq: int, connections_max: int) -> None:
    """Judge a storm by the broker's ledger."""
    closed = [event for event in sim.events("stream_closed") if event["code"] == 1006]
    begin_seq = closed[0]["seq"]
    opened = [event for event in sim.events("stream_opened") if event["seq"] > begin_seq]
    waits_s = [(new["mono_ns"] - old["mono_ns"]) / 1e9 for old, new in zip(closed, opened, strict=False)]
    stormy = [event for event in opened if event["seq"] < end_seq]
    polls = [event for event in requests_of(sim, f"/orders/{order_id}") if begin_seq < event["seq"] < end_seq]
    tried = [post for post in openings(sim) if begin_seq < post["seq"] < end_seq]
    print(f"storm: {len(stormy)} connections, waits {[round(wait_s, 1) for wait_s in waits_s]} s")
    print(f"storm: {len(tried)} openings, {len(polls)} reads of the open order")
    # The back-off doubles from 0.5 to 30 s; each wait is at least half of it, so that no machine can break this.
    assert all(wait_s >= min(0.25 * 2**place, 15) for place, wait_s in enumerate(waits_s)), waits_s
    assert 3 <= len(stormy) <= connections_max
    # Two short lives in a row are no storm yet: whoever is covered and has caught up may open.
    assert not [post for post in tried if post["seq"] > stormy[2]["seq"]]
    assert len(polls) >= 5


def partition(home: Path, for_s: int = 60) -> None:
    """Nothing passes for a minute, and the open order is filled meanwhile: booked and compared before anything new."""
    with playing(home) as sim:
        fault(sim, on="order.enter", do="delay", ms=20_000, symbol="F", nth=1)
        with grok(same_clock(sim, LIVE_LIMIT_FILL_TIMEOUT="10")) as running:
            wait_for_openings(running, sim, 0, at_least=3)
            order_id = order_of(sim, "F")
            begin_s = time.monotonic()
            fault(sim, on="time", do="partition", for_s=for_s)
            # The account stays unreadable for a while: only a look at it lets entries go, be everything else back.
            fault(sim, on="account", do="status", status=503, times=10**6, until_s=for_s + 20)
            wait_for(running, lambda: "the feed is silent" in running.log, "an alarm")
            silent = next_seq(sim)
            wait_for(running, lambda: time.monotonic() - begin_s >= for_s - 5, "the partition", for_s + 10)
            assert [fill for fill in sim.events("fill") if str(fill["order_id"]) == order_id], "filled at the broker"
            assert not running.rows("SELECT 1 FROM fills WHERE order_id = ?", order_id), "nobody could know"
            assert detail_of(running)["entries_held_by"] is not None
            back = next_seq(sim)
            wait_for_openings(running, sim, back, timeout_s=LONG_S)
            check_positions(sim, running)
        assert not [post for post in openings(sim) if silent <= post["seq"] < back], "none was even tried"
        check_return(sim, running, order_id, back)


def check_return(sim: Simulator, running: Grok, order_id: str, back: int) -> None:
    """Judge the order of events: the account read and the fill booked, then the first opening."""
    first = next(post for post in openings(sim) if post["seq"] >= back)
    answered = {event["request_seq"] for event in sim.events("response_out") if event["status"] == 200}
    reads = {event["seq"] for event in requests_of(sim, f"/accounts/{sim.account_hash}") if event["seq"] >= back}
    again = next(event["seq"] for event in sim.events("stream_opened") if event["seq"] >= back)
    assert {seq for seq in reads & answered if again < seq < first["seq"]}, "the account is read before"
    [(booked_ns,)] = running.rows("SELECT booked_ns FROM fills WHERE order_id = ?", order_id)
    [(decide_ns,)] = running.rows("SELECT decide_ns FROM orders WHERE order_id = ?", str(first["order_id"]))
    print(f"partition: the fill was booked {(decide_ns - booked_ns) / 1e9:.2f} s before the first opening")
    assert booked_ns < decide_ns
    assert running.rows("SELECT state FROM orders WHERE order_id = ?", order_id) == [("FILLED",)]


def order_unread_after_a_partition(home: Path) -> None:
    """The open order cannot be read after the partition: nothing is opened before it can."""
    with playing(home) as sim:
        fault(sim, on="order.enter", do="delay", ms=5_000, symbol="F", nth=1)
        with grok(same_clock(sim, LIVE_LIMIT_FILL_TIMEOUT="60", FEED_SILENCE_SEC="6")) as running:
            wait_for_openings(running, sim, 0, at_least=3)
            order_id = order_of(sim, "F")
            fault(sim, on="orders.show", do="status", status=503, times=10**6, symbol="F", until_s=45)
            fault(sim, on="time", do="partition", for_s=12)
            wait_for(running, lambda: detail_of(running)["entries_held_by"], "the loss")
            lost = next_seq(sim)
            wait_for_openings(running, sim, lost, timeout_s=LONG_S)
            first = next(post for post in openings(sim) if post["seq"] >= lost)
            # Rows follow within the commit interval: what counts is when the fill was booked.
            booked = "SELECT booked_ns FROM fills WHERE order_id = ?"
            wait_for(running, lambda: running.rows(booked, order_id), "the fill's row")
            decided = "SELECT decide_ns FROM orders WHERE order_id = ?"
            wait_for(running, lambda: running.rows(decided, str(first["order_id"])), "the opening's row")
            [(booked_ns,)] = running.rows(booked, order_id)
            [(decide_ns,)] = running.rows(decided, str(first["order_id"]))
            assert booked_ns < decide_ns, "booked first"


CASES: dict[str, Callable[[Path], None]] = {
    "F80": no_status_no_entry,
    "F80 after a loss": no_status_after_a_loss,
    "F81": halt_and_resume,
    "STALE": stale_symbol,
    "silent": silent_feed,
    "F85": reconnect_storm,
    "F86": partition,
    "F86 order unread": order_unread_after_a_partition,
}


@pytest.fixture(scope="module")
def cases(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    """Begin all chosen cases at once."""
    chosen = [
        name for name in CASES if any(item.name == f"test_the_whole_product[{name}]" for item in request.session.items)
    ]
    with ThreadPoolExecutor(len(CASES)) as pool:
        yield {name: pool.submit(CASES[name], tmp_path_factory.mktemp("case")) for name in chosen}


@pytest.mark.parametrize("name", list(CASES))
def test_the_whole_product(name: str, cases: dict[str, Future[None]]) -> None:
    cases[name].result()


@pytest.mark.timeout(600)
@pytest.mark.skipif(os.environ.get("LEADLINE_LONG") != "1", reason="NOT TESTED: 6 minutes; set LEADLINE_LONG=1")
def test_a_storm_and_a_partition_of_five_minutes(tmp_path: Path) -> None:
    storm, parted = tmp_path / "storm", tmp_path / "partition"
    storm.mkdir()
    parted.mkdir()
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(reconnect_storm, storm, 300, 25), pool.submit(partition, parted, 300)]
    for one in both:
        one.result()


def test_listings_of_the_same_day_serve_a_start_at_which_the_broker_cannot_be_asked(tmp_path: Path) -> None:
    with playing(tmp_path) as sim:
        environment = same_clock(sim)
        with grok(environment, "first") as running:
            wait_for_trade(running, "F")
            check_positions(sim, running)
        fault(sim, on="quotes", do="status", status=500, times=10**6)
        again = next_seq(sim)
        with grok(environment, "second") as running:
            wait_for(running, lambda: "SELL_SHORT" in instructions_since(sim, again), "shortability is known")
            check_positions(sim, running)
    assert re.search(r"error.*listings cannot be asked for \(.*500.*\): those of 2026-11-24 are used", running.log)


def instructions_since(sim: Simulator, seq: int) -> set[str]:
    return {post["instruction"] for post in sim.posts() if post["seq"] >= seq}


def test_no_account_activity_is_lost_in_a_flood_of_books(tmp_path: Path) -> None:
    """500 symbols at ten times their rate for 10 s, and orders by hand in another app all the while."""
    with broker(tmp_path, "--symbols", ",".join(FLOODED)) as sim:
        with grok(same_clock(sim, TAPE_DIR=str(tmp_path / "tape"))) as running:
            wait_for(running, lambda: detail_of(running).get("coverage") == 1, "coverage")
            fault(sim, on="time", do="flood", factor=10, for_s=FLOOD_S)
            end_s = time.monotonic() + FLOOD_S
            while time.monotonic() < end_s:
                tell(sim, "/sim/orders", ORDER_BY_HAND)
                time.sleep(0.1)
            fills = {str(fill["order_id"]) for fill in sim.events("fill")}
            time.sleep(2)  # the broker tells of them meanwhile
            sent = sim.events("frame_out")
            wait_for(running, lambda: detail_of(running)["frames"] >= len(sent), "all frames are judged", 60)
            detail = detail_of(running)
            assert running.stop() in {0, 8}, running.log[-6_000:]
        all_fills = {str(fill["order_id"]) for fill in sim.events("fill")}
    recorded = [item.frame for item in items_on(tmp_path / "tape") if isinstance(item, Recorded)]
    items = [item for frame in recorded if b'"ACCT_ACTIVITY"' in frame for item in activity_in(frame)]
    print(f"flood: {len(sent)} frames, {sum(each['bytes'] for each in sent) / 1e6:.0f} MB; {len(recorded)} on the tape")
    print(
        f"flood: {detail['books']} books, {detail['conflated']} conflated; {len(items)} activities, {len(fills)} fills"
    )
    assert len(recorded) >= len(sent), "every frame that left the broker is on the tape"
    assert [item["seq"] for item in items] == list(range(len(items))), "the broker's own numbers have no hole"
    told = {json.loads(item["3"])["SchwabOrderID"] for item in items if item["2"] == "OrderFillCompleted"}
    assert fills <= told <= all_fills
    assert len(fills) >= 20


FLOOD_S = 10
FLOODED = ["F:N", *(f"N{number:03d}:N" for number in range(249)), *(f"Q{number:03d}:Q" for number in range(250))]
ORDER_BY_HAND = {
    "orderType": "MARKET",
    "session": "NORMAL",
    "duration": "DAY",
    "orderStrategyType": "SINGLE",
    "orderLegCollection": [{"instruction": "BUY", "quantity": 1, "instrument": {"symbol": "F", "assetType": "EQUITY"}}],
}


def activity_in(frame: bytes) -> list[dict[str, Any]]:
    blocks = json.loads(frame).get("data", [])
    return [item for block in blocks if block["service"] == "ACCT_ACTIVITY" for item in block["content"]]
