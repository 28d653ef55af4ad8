"""Faults strike where, when and as often as they say, and whatever strikes, the ledger stays consistent."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simschwab.core.answers import Cut
from simschwab.core.faults.effect import BookLie, Effect
from simschwab.core.faults.fault import Fault
from simschwab.core.faults.grammar import RULES, Word
from simschwab.core.faults.lies import lied
from simschwab.core.faults.place import Place
from simschwab.core.faults.plan import Plan
from simschwab.core.faults.scenario import read_faults
from simschwab.core.ledger import Ledger
from simschwab.core.orders import MOVES, Status
from simschwab.core.settings import Settings
from simschwab.core.ticket import Instruction
from simschwab.core.times import NS_PER_S
from simschwab.proof.client import Client
from simschwab.virtual import Virtual

Json = dict[str, Any]


def played(*lines: str, faults: list[Json], chosen: Settings | None = None) -> Client:
    virtual = Virtual(chosen)
    virtual.exchange.add_faults(read_faults(faults), virtual.now_ns)
    client = Client(virtual)
    for line in lines:
        client.do(line)
    return client


def states(client: Client) -> list[str]:
    events = client.virtual.ledger.since(0, "order_state")
    return [msgspec.to_builtins(event)["status"] for event in events]


def test_an_order_can_go_through_every_living_status() -> None:
    way = (
        "NEW,AWAITING_PARENT_ORDER,AWAITING_CONDITION,PENDING_ACTIVATION,PENDING_ACKNOWLEDGEMENT,ACCEPTED,QUEUED,"
        "PENDING_RECALL"
    )
    others = [
        "NEW,AWAITING_STOP_CONDITION",
        "AWAITING_MANUAL_REVIEW",
        "AWAITING_RELEASE_TIME",
        "UNKNOWN",
        "WORKING,PENDING_RECALL",
    ]
    seen = set()
    for statuses in (way, *others):
        fault = {"on": "order.enter", "do": "via", "statuses": statuses, "ms": 100}
        client = played("place BUY 100 F 20.00", "run 3000", "show 1", faults=[fault])
        walked = states(client)
        assert walked == [*statuses.split(","), *([] if statuses.endswith("WORKING") else ["WORKING"]), "FILLED"]
        assert client.transcript[-1] == "show 1 -> 200 FILLED filled 100"
        seen |= set(walked)
    assert len(seen) == 14


@pytest.mark.parametrize("effect", ["expire", "admin_cancel"])
def test_an_order_ends_by_the_brokers_own_will(effect: str) -> None:
    fault = {"on": "order.enter", "do": effect, "ms": 200}
    client = played("place BUY 100 F 5.00", "run 1000", faults=[fault])
    assert states(client) == ["PENDING_ACTIVATION", "WORKING", "EXPIRED" if effect == "expire" else "CANCELED"]


def test_an_ignored_cancel_stays_pending() -> None:
    ignored = {"on": "order.cancel", "do": "ignore"}
    client = played("place BUY 100 F 5.00", "run 100", "cancel 1", "run 60000", "show 1", faults=[ignored])
    assert client.transcript[-2:] == ["cancel 1 -> 200", "show 1 -> 200 PENDING_CANCEL filled 0"]


def test_commands_are_ignored_late_or_answered_under_a_wrong_id() -> None:
    faults: list[Json] = [
        {"on": "command.SUBS", "do": "ignore", "nth": 1},
        {"on": "command.SUBS", "do": "wrong_requestid", "nth": 2},
        {"on": "command", "do": "delay", "ms": 2000, "nth": 1, "service": "NASDAQ_BOOK"},
    ]
    lines = ["login", "subs NYSE_BOOK F", "run 100", "subs NYSE_BOOK F", "subs NASDAQ_BOOK SOFI", "run 1900"]
    client = played(*lines, faults=faults)
    responses = [line for line in client.transcript if line.startswith("response SUBS")]
    assert responses == ["response SUBS 79 0 SUBS command succeeded"]
    client.do("run 200")
    assert "response SUBS 7 0 SUBS command succeeded" in client.transcript


def test_an_answer_in_pieces_and_a_slow_reader_are_instructions_of_the_core() -> None:
    virtual = Virtual()
    faults: list[Json] = [
        {"on": "quotes", "do": "trickle", "bytes": 9, "ms": 50},
        {"on": "time", "do": "slow_read", "ms": 700, "for_s": 2},
    ]
    virtual.exchange.add_faults(read_faults(faults), virtual.now_ns)
    answer = virtual.http("GET", "/marketdata/v1/quotes", {"symbols": "F"})
    assert (answer.status, answer.wire.bytes, answer.wire.pause_ns) == (200, 9, 50_000_000)
    assert virtual.exchange.read_pause_ns(virtual.now_ns) == 700_000_000
    assert virtual.exchange.read_pause_ns(virtual.now_ns + 2 * NS_PER_S) == 0


def test_a_lost_answer_is_lost_and_leaves_no_response_in_the_ledger() -> None:
    for effect, cut in (("drop", Cut.DROP), ("hold", Cut.HOLD), ("reset", Cut.HEADERS)):
        virtual = Virtual()
        virtual.exchange.add_faults(read_faults([{"on": "quotes", "do": effect}]), virtual.now_ns)
        answer = virtual.http("GET", "/marketdata/v1/quotes", {"symbols": "F"})
        assert (answer.wire.cut, answer.wire.lost) == (cut, True)
        assert virtual.ledger.since(0, "response_out") == []


def plan_of(**words: object) -> Plan:
    plan = Plan(1, Ledger(lambda: (0, 0), 10_000))
    plan.add(read_faults({"on": "quotes", "do": "drop"} | words), 0)
    return plan


@given(st.integers(1, 8), st.none() | st.integers(1, 5), st.integers(0, 20))
def test_nth_and_times_strike_exactly_then(nth: int, times: int | None, occurrences: int) -> None:
    words = {"nth": nth} | ({} if times is None else {"times": times})
    plan = plan_of(**words)
    struck = [n for n in range(1, occurrences + 1) if plan.strike(Place.QUOTES, 0)]
    last = nth + (1 if times is None else times)
    assert struck == [n for n in range(nth, last) if n <= occurrences]
    assert plan.active[0].hits == len(struck)


@given(st.integers(0, 50), st.integers(1, 50), st.integers(0, 120))
def test_a_window_is_half_open(from_s: int, length_s: int, at_s: int) -> None:
    plan = plan_of(from_s=from_s, until_s=from_s + length_s)
    assert bool(plan.strike(Place.QUOTES, at_s * NS_PER_S)) == (from_s <= at_s < from_s + length_s)


def test_chance_strikes_about_as_often_as_it_says() -> None:
    plan = plan_of(chance=0.3)
    hits = sum(bool(plan.strike(Place.QUOTES, 0)) for _ in range(2_000))
    assert 500 < hits < 700


def test_symbols_services_and_messages_narrow() -> None:
    plan = plan_of(symbol="F")
    assert not plan.strike(Place.QUOTES, 0)
    assert not plan.strike(Place.QUOTES, 0, symbols=frozenset({"T"}))
    assert plan.strike(Place.QUOTES, 0, symbols=frozenset({"T", "F"}))
    assert not plan.strike(Place.ACCOUNT, 0, symbols=frozenset({"F"}))
    whole = Plan(1, Ledger(lambda: (0, 0), 10))
    whole.add(read_faults([{"on": "request", "do": "drop"}, {"on": "frame.data", "do": "binary"}]), 0)
    assert whole.strike(Place.ACCOUNT, 0)
    assert not whole.strike(Place.CONNECT, 0)
    assert whole.strike(Place.NYSE_BOOK, 0)
    assert not whole.strike(Place.HEARTBEAT, 0)


def test_by_time_it_strikes_again_and_again_until_its_end() -> None:
    plan = Plan(1, Ledger(lambda: (0, 0), 100))
    plan.add(read_faults({"on": "time", "do": "evict", "at_s": 1, "every_s": 2, "until_s": 6}), 0)
    moments = []
    while (due_ns := plan.next_due_ns()) is not None:
        moments.append(due_ns // NS_PER_S)
        assert len(plan.take_due(due_ns)) == 1
    assert moments == [1, 3, 5]


WORDS: dict[str, st.SearchStrategy[object]] = {
    "statuses": st.sampled_from(["NEW,QUEUED", "AWAITING_MANUAL_REVIEW", "UNKNOWN,PENDING_RECALL", "WORKING"]),
    "price": st.sampled_from(["13.10", "5.00", ""]),
    "instruction": st.sampled_from([each.value for each in Instruction]),
    "status": st.sampled_from([200, 400, 404, 500]),
    "fields": st.sampled_from(["1,2", "3,4,5"]),
    "shares": st.integers(-300, 300),
    "code": st.sampled_from([0, 3, 11, 19, 22, 30]),
    "offset_s": st.sampled_from([-3600.0, 0.0, 3600.0]),
    "bytes": st.integers(1, 200),
    "ms_max": st.integers(0, 600),
    "quantity": st.integers(1, 150),
    "for_s": st.floats(0, 1.5),
    "factor": st.sampled_from([0.5, 2.0, 10.0]),
}


def word_values(effect: Effect, name: str, word: Word) -> st.SearchStrategy[object]:
    if word.choices is not None:
        return st.sampled_from([choice.value for choice in word.choices])
    if effect is Effect.SHOW_STATUS:
        return st.just("PENDING_FOO")
    if effect is Effect.CLOSE:
        return st.sampled_from([1000, 1006, 1011])
    if name == "price" and effect is Effect.ADJUST:
        return st.just("13.12")
    if name == "ms":
        return st.integers(int(word.least or 0), 400)
    if name in WORDS:
        return WORDS[name]
    return st.just("x" if word.default is None else word.default)


@st.composite
def some_fault(draw: st.DrawFn) -> Json:
    effect = draw(st.sampled_from(list(Effect)))
    rule = RULES[effect]
    table: Json = {"on": draw(st.sampled_from(sorted(place.value for place in rule.places))), "do": effect.value}
    table |= {name: draw(word_values(effect, name, word)) for name, word in rule.words.items()}
    if effect in (Effect.HAND_ORDER, Effect.ADJUST, Effect.HALT):
        table["symbol"] = draw(st.sampled_from(["F", "T"]))
    if table["on"] == "time":
        table |= {"at_s": draw(st.floats(0, 3)), "times": 2}
    else:
        table |= draw(st.sampled_from([{}, {"nth": 2}, {"chance": 0.5}, {"times": 1}]))
    if effect is Effect.STALL:
        table |= {"until_s": 2.0}
    return table


acts = st.one_of(
    st.builds(
        "place {} {} {} {}".format,
        st.sampled_from(Instruction),
        st.sampled_from([1, 100, 7000]),
        st.sampled_from(["F", "T"]),
        st.sampled_from(["13.12", "13.00", "5.00", "26.00"]),
    ),
    st.sampled_from(["cancel", "replace", "list", "account", "refresh", "run 50", "run 300", "run 1100"]),
    st.sampled_from(["login", "subs NYSE_BOOK F,T", "subs ACCT_ACTIVITY x", "subs LEVELONE_EQUITIES F"]),
)


def do_all(client: Client, lines: list[str]) -> None:
    own = 0
    for line in lines:
        if line.startswith("place"):
            before = len(client.virtual.exchange.broker.orders)
            client.do(line)
            own += len(client.virtual.exchange.broker.orders) > before
        elif line in ("cancel", "replace"):
            if own:
                client.do(f"cancel {own}" if line == "cancel" else f"replace {own} BUY 50 F 5.00")
                own += line == "replace"
        elif line.startswith("subs"):
            if client._stream is not None:
                client.do(line)
        else:
            client.do(line)


@settings(max_examples=250, deadline=None)
@given(st.lists(some_fault(), max_size=6), st.lists(acts, max_size=14), st.integers(1, 1000))
def test_any_schedule_of_faults_keeps_the_ledger_consistent(tables: list[Json], lines: list[str], seed: int) -> None:
    virtual = Virtual(Settings(seed=seed, cash_dollars=10_000_000, cancel_by_ur_out=seed % 2 == 0))
    virtual.exchange.add_faults(read_faults(tables), virtual.now_ns)
    do_all(Client(virtual), lines)
    virtual.run_ms(4_000)
    check(virtual)


def check(virtual: Virtual) -> None:
    events: list[Json] = [msgspec.to_builtins(event) for event in virtual.ledger.since(0)]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    held: dict[str, int] = {}
    filled: dict[int, int] = {}
    last: dict[int, Status] = {}
    for event in events:
        if event["kind"] == "fill":
            shares = event["quantity"] * (1 if Instruction(event["instruction"]).buying else -1)
            held[event["symbol"]] = held.get(event["symbol"], 0) + shares
            filled[event["order_id"]] = filled.get(event["order_id"], 0) + event["quantity"]
            assert event["cumulative"] == filled[event["order_id"]]
        elif event["kind"] == "adjusted":
            held[event["symbol"]] = held.get(event["symbol"], 0) + event["shares"]
        elif event["kind"] == "order_state":
            number, status = event["order_id"], Status(event["status"])
            before = last.get(number)
            late = (before, status) == (Status.CANCELED, Status.FILLED)
            assert before is None or status in MOVES[before] or late, (before, status)
            last[number] = status
    requests = {event["seq"] for event in events if event["kind"] == "request_in"}
    assert {event["request_seq"] for event in events if event["kind"] == "response_out"} <= requests
    account = virtual.exchange.broker.account
    assert {symbol: shares for symbol, shares in held.items() if shares} == {
        symbol: position.quantity for symbol, position in account.true.positions.items()
    }
    for order in virtual.exchange.broker.orders.values():
        assert order.status is last[order.order_id]
        assert order.filled == filled.get(order.order_id, 0)
        assert virtual.exchange.broker.account.seen(virtual.now_ns + 10**15) is account.true


def test_a_fault_writes_itself_as_a_scenario_would() -> None:
    fault = Fault(Place.QUOTES, Effect.DROP, (("when", "before"),), times=3)
    assert fault.as_words() == {"on": "quotes", "do": "drop", "times": 3, "when": "before"}


@pytest.mark.parametrize("place", ["frame.NYSE_BOOK", "command.SUBS"])
def test_a_frame_or_a_command_can_end_the_link_with_a_code(place: str) -> None:
    close = {"on": place, "do": "close", "code": 1011, "nth": 1}
    client = played("login", "subs NYSE_BOOK F", "run 2000", faults=[close])
    assert client.transcript[-1] == "closed 1011"
    assert "book F fine" not in client.transcript
    assert client.virtual.exchange.streamer.connections == ()


def test_a_half_open_stream_hears_nothing_either() -> None:
    half_open = {"on": "time", "do": "half_open", "at_s": 1, "for_s": 5}
    client = played("login", "run 2000", "subs NYSE_BOOK F", "run 8000", faults=[half_open])
    assert client.virtual.ledger.since(0, "stream_in")[1:] == []
    assert not [line for line in client.transcript if "SUBS" in line or "book" in line]
    client.do("subs NYSE_BOOK F")
    assert "book F fine" in client.transcript


@pytest.mark.parametrize(("code", "served"), [(22, False), (11, False), (19, True), (26, True)])
def test_a_refused_command_is_not_carried_out_but_19_is(code: int, served: bool) -> None:
    fault = {"on": "command.SUBS", "do": "code", "code": code}
    client = played("login", "subs NYSE_BOOK F", "run 5000", faults=[fault])
    assert any(line.startswith(f"response SUBS 7 {code}") for line in client.transcript)
    assert sum(line.startswith("response SUBS") for line in client.transcript) == 1
    assert ("book F fine" in client.transcript) == served


@pytest.mark.parametrize("kind", list(BookLie))
def test_a_lie_is_told_of_a_copy(kind: BookLie) -> None:
    level = {"0": 13.1, "1": 300, "2": 1, "3": [{"0": "NYSE", "1": 300, "2": 5}]}
    lower = level | {"0": 13.0}
    item: Json = {
        "key": "F",
        "1": 1_795_530_600_000,
        "2": [level, lower],
        "3": [level | {"0": 13.11}, level | {"0": 14}],
    }
    before = msgspec.json.encode(item)
    assert msgspec.json.encode(lied(item, kind)) != before
    assert msgspec.json.encode(item) == before


def test_a_lie_about_an_empty_book_is_still_a_book() -> None:
    for kind in BookLie:
        assert lied({"key": "F"}, kind)["key"] == "F"


def test_an_order_that_waits_for_more_and_is_overfilled_is_over() -> None:
    faults = [{"on": "order.fill", "do": "overfill", "quantity": 20_000, "nth": 1}]
    chosen = Settings(cash_dollars=10_000_000)
    client = played("login", "subs NYSE_BOOK F", "place BUY 30000 F 13.12", "run 60000", faults=faults, chosen=chosen)
    [order] = client.virtual.exchange.broker.orders.values()
    fills = client.virtual.ledger.since(0, "fill")
    assert len(fills) == 2
    assert order.filled > 30_000
    assert states(client) == ["PENDING_ACTIVATION", "WORKING", "FILLED"]
    assert client.virtual.http("DELETE", f"{client.virtual.orders_path}/{order.order_id}").status == 400
    check(client.virtual)


def test_the_ledger_tells_only_the_books_that_were_sent() -> None:
    drop = {"on": "frame.NYSE_BOOK", "do": "drop", "symbol": "F"}
    client = played("login", "subs NYSE_BOOK F,T", "run 3000", faults=[drop])
    sent = [msgspec.to_builtins(event) for event in client.virtual.ledger.since(0, "frame_out")]
    assert {book["symbol"] for event in sent for book in event["books"]} == {"T"}
