"""STALE symbols, a silent feed, stalls and gaps, with a clock in the hands of the test; in market hours by default."""

import logging
from typing import Any

import pytest

from leadline.core.conflation import Part
from leadline.core.freshness import Gap
from leadline.core.market import Service
from leadline.core.states import SymbolState
from leadline.schwab.link import Hooks, Patience
from leadline.schwab.requests import Subscriptions
from leadline.schwab.watch import Stall, Watch
from leadline.schwab.wire import LEVEL_ONE, Block, Message, OtherItem
from support.trading import HandClock

BOTH = Subscriptions({Service.NASDAQ_BOOK: ["AMD", "SOFI"], Service.NYSE_BOOK: ["F"]}, ["AMD", "F", "SOFI"])
NOTHING = Stall({})
AMD, SOFI, F = ("NASDAQ_BOOK", "AMD"), ("NASDAQ_BOOK", "SOFI"), ("NYSE_BOOK", "F")
L1 = (LEVEL_ONE, "F")


class Rig:
    def __init__(self, caplog: pytest.LogCaptureFixture, **hooks: Any) -> None:
        self.clock = HandClock()
        self.is_open = True
        self.gaps: list[Gap] = []
        self.caplog = caplog
        caplog.set_level(logging.INFO)
        self.watch = Watch(
            BOTH, Patience(), Hooks(is_open=lambda _: self.is_open, on_gap=self.gaps.append, **hooks), self.clock
        )
        self.watch.tick({}, None)
        self.watch.begin()

    def hear(self, *parts: Part) -> None:
        blocks = [Block(service, [OtherItem(symbol)]) for service, symbol in parts]
        self.watch.hear(Message(blocks, [], []), self.clock.boot_ns())

    def run(self, seconds: int, *parts: Part, excess: dict[str, int] | None = None) -> list[Stall]:
        """So many seconds in each of which these parts are heard; give what was to be done."""
        stalls = []
        for _ in range(seconds):
            self.clock.pass_s(1)
            self.hear(*parts)
            stalls.append(self.watch.tick(excess or {}, None))
        return [stall for stall in stalls if stall != NOTHING]

    def said(self, words: str) -> int:
        return sum(words in record.getMessage() for record in self.caplog.records)


@pytest.fixture
def rig(caplog: pytest.LogCaptureFixture) -> Rig:
    return Rig(caplog)


def test_a_symbol_without_books_is_stale_within_its_limit_and_a_look_and_said_once(rig: Rig) -> None:
    rig.run(3, AMD, SOFI, F, L1)
    rig.run(5, AMD, SOFI, L1)
    assert not rig.watch.is_stale("F")
    rig.run(1, AMD, SOFI, L1)
    assert rig.watch.symbol_states() == {
        "AMD": SymbolState.OPEN,
        "SOFI": SymbolState.OPEN,
        "F": SymbolState.STALE,
    }
    rig.run(10, AMD, SOFI, L1)
    assert rig.said("entries are closed: F") == 1
    [alarm] = rig.watch.alarms
    assert (alarm.kind, alarm.text) == ("stale", "STALE: F")
    assert alarm.since_ns == rig.clock.wall_ns() - 16 * 10**9
    rig.run(1, AMD, SOFI, F, L1)
    assert not rig.watch.is_stale("F")
    assert rig.watch.alarms == []
    assert rig.said("no longer STALE: F") == 1


def test_a_symbol_that_comes_back_tells_its_gap_and_others_have_none(rig: Rig) -> None:
    rig.run(3, AMD, SOFI, F, L1)
    last_ns = rig.clock.wall_ns()
    rig.run(12, AMD, SOFI, L1)
    assert rig.gaps == []
    rig.run(1, AMD, SOFI, F, L1)
    assert rig.gaps == [Gap(last_ns, rig.clock.wall_ns(), "no data on NYSE_BOOK", ("F",), "NYSE_BOOK")]


def test_a_gap_of_the_whole_feed_holds_the_symbols_own(rig: Rig) -> None:
    rig.run(3, AMD, SOFI, F, L1)
    gap_ns = rig.clock.wall_ns()
    rig.watch.lost()
    rig.run(10)
    rig.clock.pass_s(1)
    rig.hear(AMD, SOFI, F, L1)
    rig.watch.tick({}, gap_ns)
    assert rig.gaps == []


def test_a_symbol_that_was_silent_before_the_feed_was_lost_has_a_gap_of_its_own(rig: Rig) -> None:
    rig.run(3, AMD, SOFI, F, L1)
    last_ns = rig.clock.wall_ns()
    rig.run(20, AMD, SOFI, L1)
    gap_ns = rig.clock.wall_ns()
    rig.clock.pass_s(2)
    rig.hear(AMD, SOFI, F, L1)
    rig.watch.tick({}, gap_ns)
    assert [(gap.start_ns, gap.symbols) for gap in rig.gaps] == [(last_ns, ("F",))]


def test_a_silent_feed_is_an_alarm_at_once_and_again_each_minute(rig: Rig) -> None:
    rig.run(3, AMD, SOFI, F, L1)
    rig.watch.lost()
    rig.run(6)
    assert rig.said("no data of any symbol in market hours") == 1
    assert {alarm.kind for alarm in rig.watch.alarms} == {"silent", "stale"}
    rig.run(59)
    assert rig.said("no data of any symbol in market hours") == 1
    rig.run(1)
    assert rig.said("no data of any symbol in market hours") == 2
    rig.run(1, F)
    assert rig.said("the feed is no longer silent") == 1
    assert {alarm.kind for alarm in rig.watch.alarms} == {"stale"}


def test_heartbeats_are_no_data(rig: Rig) -> None:
    for _ in range(6):
        rig.clock.pass_s(1)
        rig.watch.hear(Message([], [], []), rig.clock.boot_ns())
        rig.watch.tick({}, None)
    assert rig.said("no data of any symbol in market hours") == 1


def test_outside_market_hours_silence_is_no_fault_and_the_opening_starts_afresh(rig: Rig) -> None:
    rig.is_open = False
    assert rig.run(3_600) == []
    assert (rig.watch.alarms, rig.gaps, rig.watch.is_stale("F")) == ([], [], False)
    assert not [record for record in rig.caplog.records if record.levelno >= logging.WARNING]
    rig.is_open = True
    rig.run(5)
    assert rig.watch.alarms == []
    rig.run(2)
    assert rig.said("no data of any symbol in market hours") == 1


def test_at_the_close_alarms_end(rig: Rig) -> None:
    rig.run(10)
    assert rig.watch.alarms
    rig.is_open = False
    rig.run(1)
    assert rig.watch.alarms == []
    assert not rig.watch.is_stale("F")


# --- stalls


def test_a_stalled_symbol_is_asked_for_again_once_then_costs_the_connection_then_is_left_for_an_hour(rig: Rig) -> None:
    others = (AMD, F, L1)
    assert rig.run(29, *others) == []
    assert rig.run(1, *others) == [Stall({"NASDAQ_BOOK": ["SOFI"]})]
    assert rig.run(29, *others) == []
    [stall] = rig.run(1, *others)
    assert stall.give_up is not None
    assert stall.give_up.startswith("SOFI on NASDAQ_BOOK sent nothing for 30 s after")
    rig.watch.lost()
    rig.watch.begin()
    assert rig.run(3_000, *others) == [Stall({"NASDAQ_BOOK": ["SOFI"]})]
    [again] = rig.run(601, *others)
    assert again.give_up is not None


def test_a_symbol_that_answers_the_second_question_costs_nothing(rig: Rig) -> None:
    rig.run(30, AMD, F, L1)
    assert rig.run(60, AMD, SOFI, F, L1) == []
    assert rig.run(30, AMD, F, L1) == [Stall({"NASDAQ_BOOK": ["SOFI"]})]  # a new episode is asked for anew


def test_a_stalled_service_is_asked_for_as_a_whole(rig: Rig) -> None:
    assert rig.run(30, F, L1) == [Stall({"NASDAQ_BOOK": ["AMD", "SOFI"]})]
    [stall] = rig.run(30, F, L1)
    assert stall.give_up is not None
    assert stall.give_up.startswith("NASDAQ_BOOK sent nothing")


def test_level_one_stalls_only_as_a_whole(rig: Rig) -> None:
    assert rig.run(100, AMD, SOFI, F, L1) == []
    assert rig.run(30, AMD, SOFI, F) == [Stall({LEVEL_ONE: ["AMD", "F", "SOFI"]})]


def test_a_halted_symbol_and_discarded_ones_are_silent_by_right(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(caplog, is_halted=lambda symbol: symbol == "SOFI")
    assert rig.run(100, AMD, F, L1) == []
    rig = Rig(caplog)
    assert rig.run(100, AMD, F, L1, excess={"NASDAQ_BOOK": 1}) == []
    assert rig.watch.is_stale("SOFI")  # and nothing is opened on it


def test_nothing_is_asked_for_while_no_connection_streams(rig: Rig) -> None:
    rig.watch.lost()
    assert rig.run(200) == []


def test_ages_are_told_by_service_and_symbol(rig: Rig) -> None:
    rig.run(3, AMD, L1)
    rig.clock.pass_s(0.5)
    assert rig.watch.ages_s()["NASDAQ_BOOK"] == {"AMD": 0.5, "SOFI": 3.5}
    assert rig.watch.ages_s()[LEVEL_ONE]["F"] == 0.5


def test_one_answer_of_last_known_books_ends_no_stall(rig: Rig) -> None:
    """A stalled feed may answer each question with what it knew, and never send anything more."""
    rig.run(3, AMD, SOFI, F, L1)
    [asked] = rig.run(30, AMD, F, L1)
    assert asked.ask_again == {"NASDAQ_BOOK": ["SOFI"]}
    rig.run(1, AMD, SOFI, F, L1)
    [stall] = rig.run(30, AMD, F, L1)
    assert stall.give_up is not None
