"""What `leadline why` says: never an old number as a new one, and the failing test marked."""

from fractions import Fraction

import msgspec
import pytest

from leadline.core.detector import Judgement, Outcome, Signal
from leadline.core.evidence import Seen
from leadline.core.imbalance import Direction, Rule, Totals
from leadline.core.quotes import Quotes
from leadline.store.judging import LastAlert, SymbolCounts
from leadline.store.rows import ProcessRow
from leadline.views.why import MEANINGS, Symbol, facts, grok_facts, grok_line, short_line, symbol_lines, trading_lines

S = 1_000_000_000
NOW_NS = 1_795_010_400 * S
"""Wednesday, 2026-11-18, 9:00:00 in New York."""

BID, ASK = Direction.BID_HEAVY, Direction.ASK_HEAVY
TOTALS = Totals(1_600, 1_000, 5, 1, 7)
RATIO = Judgement(
    Outcome.RATIO,
    Rule(),
    NOW_NS - S,
    (NOW_NS - S) // 1_000_000 - 250,
    bid=131_200,
    ask=131_300,
    bid_venues=9,
    ask_venues=8,
    totals=TOTALS,
    alerted=BID,
    alerted_ns=NOW_NS - 20 * S,
)
REPEAT = Judgement(Outcome.REPEAT, Rule(), NOW_NS - S, (NOW_NS - 8 * S) // 1_000_000)


def process(age_s: float = 0.4, state: str = "ARMED", detail: bytes = b'{"trader":"enabled"}') -> ProcessRow:
    heartbeat_ns = NOW_NS - round(age_s * S)
    started_ns = NOW_NS - 3_600 * S
    return ProcessRow("grok", 1, started_ns, heartbeat_ns, "paper", "x", "b", state, detail.decode(), "c0ffee", "0.1.0")


def counts(**outcomes: int) -> SymbolCounts:
    return SymbolCounts("F", NOW_NS, sum(outcomes.values()), 0, outcomes)


def symbol(seen: Seen | None, *alerts: LastAlert, **outcomes: int) -> Symbol:
    return Symbol("F", counts(**(outcomes or {"ratio": 1})), seen, alerts)


def text(one: Symbol, row: ProcessRow | None = None) -> str:
    return "\n".join(symbol_lines(one, row or process(), NOW_NS))


# is grok running


def test_a_running_grok_tells_how_old_its_numbers_are() -> None:
    assert grok_line(process(0.4), NOW_NS) == "grok is running since 08:00:00 New York, its numbers are 0.4 s old"


def test_a_grok_that_ended_in_order_says_when() -> None:
    said = grok_line(process(3_600, "STOPPED"), NOW_NS)
    assert said == "grok stopped 08:00:00 New York, these are its last"


def test_a_grok_that_was_killed_is_not_running_whatever_its_last_state() -> None:
    said = grok_line(process(47), NOW_NS)
    assert (
        said == "GROK IS NOT RUNNING: killed or hanging since 08:59:13 New York, 47 s ago; these are its last numbers"
    )


def test_a_clock_that_was_set_back_is_not_taken_for_a_running_grok() -> None:
    assert "in the future" in grok_line(process(-300), NOW_NS)


def test_alarms_are_told_while_grok_runs() -> None:
    detail = b'{"trader":"disabled: the lock is held","alarms":["no frame for 12 s"]}'
    assert trading_lines(process(detail=detail), NOW_NS) == [
        "trading: ARMED, disabled: the lock is held",
        "ALARM: no frame for 12 s",
    ]
    assert len(trading_lines(process(47, detail=detail), NOW_NS)) == 1


# one symbol


def test_counts_have_their_shares_in_the_rules_order() -> None:
    lines = symbol_lines(symbol(Seen(RATIO), alerted=1, repeat=6, ratio=3), process(), NOW_NS)
    assert lines[0] == "F"
    assert [" ".join(line.split()) for line in lines[1:5]] == [
        "10 books since start",
        "repeat 6 60.0 %",
        "ratio 3 30.0 %",
        "alerted 1 10.0 %",
    ]


def test_superseded_books_stand_apart() -> None:
    one = Symbol("F", SymbolCounts("F", 0, 1, 12, {"ratio": 1}), Seen(RATIO), ())
    assert "1 books since start, and 12 superseded before they were judged" in text(one)


def test_the_failing_test_is_marked_beside_its_threshold_and_setting() -> None:
    lines = [line for line in text(symbol(Seen(RATIO))).splitlines() if ">>" in line]
    assert [line.split() for line in lines] == [
        [">>", "ratio", "1.6", "at", "least", "2", "FAILS", "MIN_IMBALANCE_RATIO"]
    ]
    assert "RATIO, the heavy side is not heavy enough" in text(symbol(Seen(RATIO)))


def test_a_ratio_that_fails_never_reads_as_its_threshold() -> None:
    judged = msgspec.structs.replace(RATIO, totals=Totals(1_999_999, 1_000_000, 5, 1, 7))
    [line] = [line for line in text(symbol(Seen(judged))).splitlines() if ">>" in line]
    assert " 1.999999 " in line


def test_the_throttle_is_told_as_it_is_now_and_for_a_grok_that_ended_as_it_was() -> None:
    assert ["throttle", "left", "40", "at", "most", "0", "s", "mutes", "now"] in [
        line.split()[:9] for line in text(symbol(Seen(RATIO))).splitlines()
    ]
    ended = text(symbol(Seen(RATIO)), process(10, "STOPPED"))
    assert ["throttle", "left", "50"] in [line.split()[:3] for line in ended.splitlines()]


def test_a_repeat_is_told_with_the_last_book_that_could_be_judged() -> None:
    said = text(symbol(Seen(REPEAT, msgspec.structs.replace(RATIO, recv_ns=NOW_NS - 7 * S))))
    assert "last book 08:59:59.000 New York, 1 s ago: REPEAT, the same BOOK_TIME again" in said
    assert "the last one that could be judged, 08:59:53.000, 7 s ago: RATIO" in said
    assert said.count(">>") == 1


def test_before_a_book_could_be_judged_that_is_said() -> None:
    assert "no book could be judged yet" in text(symbol(Seen(REPEAT)))
    assert "no book yet: nothing could be judged" in text(Symbol("F", counts(), None, ()))


def test_a_running_grok_without_books_says_for_how_long() -> None:
    old = msgspec.structs.replace(RATIO, recv_ns=NOW_NS - 47 * S)
    assert "NO BOOK FOR 47 s" in text(symbol(Seen(old)))
    assert "NO BOOK FOR" not in text(symbol(Seen(RATIO)))
    assert "NO BOOK FOR" not in text(symbol(Seen(old)), process(40, "STOPPED"))


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.MALFORMED])
def test_every_outcome_of_a_symbol_has_a_meaning(outcome: Outcome) -> None:
    assert MEANINGS[outcome]


# the last alert, and what blocks


def test_the_last_alert_tells_what_became_of_it() -> None:
    rows = [
        LastAlert(17, NOW_NS - 20 * S, "bid-heavy", 2.5, 13.125, "min_volume,unresolved_listing", trader, *became)
        for trader, became in (("live", ("refused", "the book is\nstale")), ("paper", ("closed_only", None)))
    ]
    said = text(symbol(Seen(RATIO), *rows))
    assert "last alert: 17, bid-heavy 08:59:40 New York (20 s ago), ratio 2.50, price 13.1250" in said
    assert "its entry was blocked by min_volume, unresolved_listing" in said
    assert "    live: refused, the book is stale" in said
    assert "    paper: closed only" in said


def test_an_alert_without_a_disposition_is_undecided_and_one_without_a_row_is_known_from_the_rule() -> None:
    row = LastAlert(17, NOW_NS - S, "bid-heavy", 2.5, 13.125, None, None, None, None)
    assert "    undecided" in text(symbol(Seen(RATIO), row))
    assert "last alert: bid-heavy 08:59:40 New York (no row of it is in this database)" in text(symbol(Seen(RATIO)))
    none = msgspec.structs.replace(RATIO, alerted=None, alerted_ns=0)
    assert "last alert: none" in text(symbol(Seen(none)))


@pytest.mark.parametrize(
    ("blocked", "line"),
    [
        ({}, "entries: nothing blocks an alert's entry (entry_blocked_by)"),
        ({BID: "min_volume", ASK: "min_volume"}, "entries: BLOCKED both ways by min_volume"),
        ({ASK: "min_volume,ask_heavy_disabled"}, "entries: BLOCKED ask-heavy by min_volume, ask_heavy_disabled"),
        ({BID: "a", ASK: "b"}, "entries: BLOCKED bid-heavy by a; ask-heavy by b"),
    ],
)
def test_what_blocks_entries_now_is_the_last_line(blocked: dict[Direction, str], line: str) -> None:
    assert symbol_lines(symbol(Seen(RATIO, None, blocked)), process(), NOW_NS)[-1].strip() == line


# all symbols, and machines


def test_a_symbol_in_one_line() -> None:
    blocked = {BID: "min_volume", ASK: "min_volume"}
    said = short_line(symbol(Seen(RATIO, None, blocked), ratio=3, alerted=1), process(), NOW_NS)
    assert said == "F        ratio (1.6, at least 2), 1 s ago, bid-heavy, alerts 1, BLOCKED both ways by min_volume"
    assert short_line(Symbol("F", counts(), None, ()), process(), NOW_NS) == "F        no book yet"
    assert short_line(symbol(Seen(REPEAT)), process(), NOW_NS) == "F        repeat, 1 s ago, alerts 0"


def test_machines_get_the_same_numbers() -> None:
    alert = LastAlert(17, NOW_NS - S, "bid-heavy", 2.5, 13.125, None, "live", "held", None)
    told = msgspec.json.decode(msgspec.json.encode(facts(symbol(Seen(REPEAT, RATIO), alert), process(), NOW_NS)))
    assert (told["symbol"], told["snapshots"], told["last"]["outcome"]) == ("F", 1, "repeat")
    [decisive] = [check for check in told["last_evaluable"]["checks"] if check["is_decisive"]]
    assert (decisive["name"], decisive["measured"], decisive["threshold"]) == ("ratio", 1.6, 2.0)
    assert (told["last_evaluable"]["bid"], told["last"]["bid"]) == (13.12, None)
    assert told["last_alert"][0]["disposition"] == "held"
    assert grok_facts(process(47), NOW_NS)["is_running"] is False
    none = facts(Symbol("F", counts(), None, ()), process(), NOW_NS)
    assert (none["last"], none["last_evaluable"], none["entry_blocked_by"]) == (None, None, {})


def test_an_alert_can_be_told_with_thresholds_that_are_fractions() -> None:
    signal = Signal(BID, TOTALS, 5, 3, Quotes(6, 7, None, None))
    rule = Rule(min_ratio=Fraction(7, 5))
    judged = msgspec.structs.replace(RATIO, outcome=Outcome.ALERTED, rule=rule, direction=BID, signal=signal)
    assert ">>" not in text(symbol(Seen(judged)))
    assert b"1.4" in msgspec.json.encode(facts(symbol(Seen(judged)), process(), NOW_NS))
