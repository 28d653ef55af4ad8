"""Entries stay held from a loss until the feed is covered, steady and caught up, whatever goes wrong in between."""

import asyncio

import msgspec
import pytest

from leadline.core.errors import UnreachableError
from leadline.schwab.gate import CATCHING_UP, CONNECTING, COVERING, UNSTEADY, Gate
from leadline.schwab.link import Hooks, LinkState, Patience
from support.waiting import until

QUICK = Patience(steady_s=0.2, catch_up_s=0.01)


class Rig:
    def __init__(self, patience: Patience = QUICK, *, catches_up: bool = True) -> None:
        self.held: list[str | None] = []
        self.answers: list[bool | Exception] = []
        self.calls = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.state = LinkState()
        hooks = Hooks(hold=self._hold, catch_up=self._catch_up if catches_up else None)
        self.gate = Gate(patience, hooks, self.state)

    def _hold(self, source: str, reason: str | None) -> None:
        assert source == "feed"
        self.held.append(reason)

    async def _catch_up(self) -> bool:
        self.calls += 1
        await self.may_answer.wait()
        answer = self.answers.pop(0) if self.answers else True
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_before_the_first_connection_entries_are_held() -> None:
    rig = Rig()
    assert rig.held == [CONNECTING]
    assert not rig.gate.is_open


async def test_streaming_is_not_enough_nor_is_coverage_without_catching_up() -> None:
    rig = Rig()
    rig.may_answer.clear()
    rig.gate.begin()
    await asyncio.sleep(0.05)
    assert rig.held[-1] == COVERING
    assert rig.calls == 0
    rig.gate.covered()
    await until(lambda: rig.calls == 1)
    assert rig.held[-1] == rig.state.entries_held_by == CATCHING_UP
    rig.may_answer.set()
    await until(lambda: rig.gate.is_open)
    assert rig.held == [CONNECTING, COVERING, CATCHING_UP, None]


@pytest.mark.parametrize("trouble", [False, UnreachableError("no"), ValueError("a bug of ours")])
async def test_a_catch_up_that_fails_is_tried_again_and_entries_stay_held(trouble: bool | Exception) -> None:
    rig = Rig()
    rig.answers = [trouble, trouble]
    rig.gate.begin()
    rig.gate.covered()
    await until(lambda: rig.gate.is_open)
    assert rig.calls == 3
    assert rig.held == [CONNECTING, COVERING, CATCHING_UP, None]


async def test_a_loss_holds_entries_at_once_and_ends_what_was_catching_up() -> None:
    rig = Rig()
    rig.may_answer.clear()
    rig.gate.begin()
    rig.gate.covered()
    await until(lambda: rig.calls == 1)
    rig.gate.close(5.0)
    assert rig.held[-1] == CONNECTING
    rig.may_answer.set()
    await asyncio.sleep(0.05)
    assert rig.held[-1] == CONNECTING  # the old connection's catch-up opens nothing


async def test_coverage_of_an_earlier_connection_counts_for_nothing() -> None:
    rig = Rig()
    rig.gate.begin()
    rig.gate.covered()
    await until(lambda: rig.gate.is_open)
    rig.gate.close(60.0)
    rig.gate.begin()
    await asyncio.sleep(0.05)
    assert rig.held[-1] == COVERING


async def test_after_short_lives_in_a_row_a_connection_must_hold_before_entries_are_let_go() -> None:
    rig = Rig(msgspec.structs.replace(QUICK, steady_s=0.3))
    for _ in range(2):
        rig.gate.begin()
        rig.gate.covered()
        await until(lambda: rig.gate.is_open)
        rig.gate.close(0.1)
    rig.gate.begin()
    rig.gate.covered()
    await asyncio.sleep(0.1)
    assert rig.held[-1] == UNSTEADY
    await until(lambda: rig.gate.is_open)
    rig.gate.close(0.4)  # it has held: the next one is trusted again
    rig.gate.begin()
    rig.gate.covered()
    await until(lambda: rig.gate.is_open)
    assert rig.held.count(UNSTEADY) == 1


async def test_without_anything_to_catch_up_coverage_opens() -> None:
    rig = Rig(catches_up=False)
    rig.gate.begin()
    rig.gate.covered()
    await until(lambda: rig.gate.is_open)
