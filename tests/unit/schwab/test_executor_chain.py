"""An order that is replaced at the broker, not by us: its successors are the same intent (reliability F29)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leadline.core.orders import Instruction, OrderState
from leadline.schwab.executor import Timing
from support.scripted_broker import fill
from support.scripted_desk import KEY, ScriptedDesk, Step, scripted_desk
from support.scripted_server import Fault, Reply

S = OrderState


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ScriptedDesk]:
    with scripted_desk(tmp_path) as desk:
        desk.start(Timing(fill_timeout_s=300))
        yield desk


def working(desk: ScriptedDesk, **more: Any) -> int:
    """Send an order that works; give its id."""
    desk.broker.plan("PLACE", desk.placed())
    desk.send(**more)
    desk.run(1)
    assert desk.states()[-1] is S.WORKING
    return int(desk.mine()["orderId"])


def replace(desk: ScriptedDesk, old: int, *, link: object = None, **successor: Any) -> int:
    """Replace an order; give its successor's id."""
    order = desk.broker.orders[old]
    new = desk.add(**successor)
    order["status"] = "REPLACED"
    if link is not None:
        order["replacingOrderCollection"] = link if link != "id" else [{"orderId": new}]
    return new


@pytest.mark.parametrize("link", [None, "id", [], "no list", [{"odd": 1}], 7.5])
def test_f29_the_successor_is_followed_by_its_link_or_by_time_whatever_its_tag(desk: ScriptedDesk, link: Any) -> None:
    old = working(desk)
    desk.broker.fill(old, fill(30, 13.82))
    new = replace(desk, old, link=link, qty=70, price="13.90", tag="API_TOS:DESK")
    desk.run(5)
    assert desk.states()[-1] is S.WORKING
    assert desk.news().order_id == str(new)
    assert desk.news().reason == f"replaced at the broker, not by us, by order {new} for 70 shares"
    desk.broker.fill(new, fill(70, 13.9))
    desk.run(5)
    assert (desk.states()[-1], desk.qty(), sum(one.qty for one in desk.news().fills)) == (S.FILLED, 100, 100)
    assert S.LOST_PRESUMED not in desk.states()
    assert not desk.executor.unfinished


def test_f29_a_link_is_believed_before_the_list_shows_it(desk: ScriptedDesk) -> None:
    old = working(desk)
    new = replace(desk, old, link="id")
    desk.broker.listed[new] = float("inf")
    desk.broker.fill(new, fill(100, 13.8))
    desk.run(5)
    assert (desk.states(), desk.qty()) == ([S.SENDING, S.WORKING, S.FILLED], 100)


def test_f29_a_link_to_another_symbol_is_not_believed_and_that_order_not_touched(desk: ScriptedDesk) -> None:
    old = working(desk)
    other = replace(desk, old, link="id")
    desk.broker.orders[other]["orderLegCollection"][0]["instrument"]["symbol"] = "GM"
    desk.run(90)
    assert desk.states()[-1] is S.LOST_PRESUMED
    assert not desk.of("DELETE", str(other))


def test_f29_a_successor_for_fewer_shares_ends_as_cancelled_with_its_fills(desk: ScriptedDesk) -> None:
    """What we asked for is not all bought and nothing more of it comes: FILLED would say that it is."""
    old = working(desk)
    new = replace(desk, old, qty=40)
    desk.broker.fill(new, fill(40, 13.8))
    desk.run(5)
    assert (desk.news().state, desk.qty()) == (S.CANCELED, 40)
    assert "for 40 shares" in (desk.news().reason or "")


def test_f29_a_successor_for_more_shares_is_followed_with_all_its_fills(desk: ScriptedDesk) -> None:
    old = working(desk)
    new = replace(desk, old, qty=150)
    desk.broker.fill(new, fill(100, 13.8))
    desk.run(5)
    assert desk.news().state is S.WORKING
    desk.broker.fill(new, fill(50, 13.8))
    desk.run(5)
    assert (desk.news().state, desk.qty()) == (S.FILLED, 150)


def test_f29_a_chain_of_two(desk: ScriptedDesk) -> None:
    old = working(desk)
    desk.broker.fill(old, fill(10, 13.8))
    second = replace(desk, old, qty=90, price="13.85")
    desk.run(5)
    desk.broker.fill(second, fill(20, 13.8))
    third = replace(desk, second, qty=70, price="13.90")
    desk.broker.fill(third, fill(70, 13.8))
    desk.run(5)
    assert (desk.news().state, desk.news().order_id, desk.qty()) == (S.FILLED, str(third), 100)
    assert all(str(name) in (desk.news().reason or "") for name in (second, third))
    assert all(desk.executor.owns(str(name)) for name in (old, second, third))


def test_f29_a_chain_of_two_seen_at_once_by_its_links(desk: ScriptedDesk) -> None:
    old = working(desk)
    second = replace(desk, old, link="id", qty=100, price="13.85")
    third = replace(desk, second, link="id", qty=100, price="13.90")
    desk.broker.fill(third, fill(100, 13.8))
    desk.run(5)
    assert (desk.news().state, desk.news().order_id, desk.qty()) == (S.FILLED, str(third), 100)


def test_f29_the_cancel_goes_to_the_newest(desk: ScriptedDesk) -> None:
    desk.start(Timing(fill_timeout_s=4))
    old = working(desk)
    new = replace(desk, old, price="13.90")
    desk.run(10)
    assert desk.news().state is S.CANCELED
    assert [seen.path.rpartition("/")[2] for seen in desk.of("DELETE")] == [str(new)]


def test_f29_settling_cancels_the_newest_too(desk: ScriptedDesk) -> None:
    old = working(desk)
    new = replace(desk, old, price="13.90")
    desk.run(3)
    assert desk.call(lambda: desk.executor.settle(10)) == []
    assert desk.broker.orders[new]["status"] == "CANCELED"


def test_f29_several_are_none_and_nothing_is_touched(desk: ScriptedDesk) -> None:
    old = working(desk)
    replace(desk, old)
    desk.add(price="13.70")
    desk.run(30)
    assert desk.states()[-1] is S.UNKNOWN
    assert "looked for" in (desk.news().reason or "")
    desk.run(60)
    assert desk.states()[-1] is S.LOST_PRESUMED
    assert "2 orders can be its successor" in (desk.news().reason or "")
    assert not desk.of("DELETE")


@pytest.mark.parametrize(
    "changes",
    [
        {"instruction": "SELL"},
        {"entered_s": 60},
        {"entered_s": -200},
    ],
    ids=["another side", "entered before", "entered long after"],
)
def test_f29_what_cannot_be_the_successor_is_not(desk: ScriptedDesk, changes: dict[str, Any]) -> None:
    desk.run(100)
    old = working(desk)
    desk.add(**changes)
    desk.broker.orders[old]["status"] = "REPLACED"
    desk.run(90)
    assert desk.states()[-1] is S.LOST_PRESUMED
    assert "no successor was found" in (desk.news().reason or "")


def test_f29_an_order_of_another_intent_is_no_successor(desk: ScriptedDesk) -> None:
    old = working(desk)
    desk.send(key="live-1-2-1", limit=138_200)
    desk.run(2)
    desk.broker.orders[old]["status"] = "REPLACED"
    desk.run(90)
    assert desk.states()[-1] is S.LOST_PRESUMED
    assert desk.states("live-1-2-1")[-1] is S.WORKING


def test_f29_a_list_that_fails_is_never_no_successor(desk: ScriptedDesk) -> None:
    old = working(desk)
    desk.broker.plan("LIST", *[Step(Reply(500))] * 9, Step(Fault.CLOSE))
    new = replace(desk, old)
    desk.run(80)
    assert S.LOST_PRESUMED not in desk.states()
    desk.run(80)
    assert desk.news().order_id == str(new)


def test_f29_a_successor_that_appears_after_all_is_late_and_cancelled(desk: ScriptedDesk) -> None:
    old = working(desk)
    desk.broker.orders[old]["status"] = "REPLACED"
    desk.run(90)
    assert desk.states()[-1] is S.LOST_PRESUMED
    new = desk.add(price="13.85")
    desk.broker.orders[old]["replacingOrderCollection"] = [new]
    desk.run(40)
    assert desk.broker.orders[new]["status"] == "CANCELED"
    assert desk.news().state is S.CANCELED


def test_f29_a_successor_that_is_rejected_ends_it_as_replaced_not_as_rejected(desk: ScriptedDesk) -> None:
    """A rejected opening evicts its symbol; ours was accepted, and what a person made of it was not."""
    old = working(desk)
    desk.broker.fill(old, fill(30, 13.82))
    replace(desk, old, status="REJECTED", statusDescription="too far away")
    desk.run(5)
    assert (desk.news().state, desk.qty()) == (S.REPLACED, 30)
    assert "too far away" in (desk.news().reason or "")


def test_f29_an_execution_of_the_old_one_that_comes_later_is_waited_for(desk: ScriptedDesk) -> None:
    old = working(desk)
    desk.broker.orders[old]["filledQuantity"] = 30.0
    new = replace(desk, old, qty=70)
    desk.broker.fill(new, fill(70, 13.9))
    desk.run(3)
    assert desk.news().state not in {S.FILLED, S.CANCELED}
    desk.broker.orders[old]["orderActivityCollection"] = [fill(30, 13.8)]
    desk.run(5)
    assert (desk.news().state, desk.qty()) == (S.FILLED, 100)


def test_f29_a_late_fill_of_the_old_one_is_told_when_activity_names_it(desk: ScriptedDesk) -> None:
    old = working(desk)
    new = replace(desk, old, qty=70)
    desk.broker.fill(new, fill(70, 13.9))
    desk.run(5)
    assert desk.news().state is S.CANCELED
    desk.broker.orders[old].update(orderActivityCollection=[fill(30, 13.8)], filledQuantity=30.0)
    desk.call(lambda: desk.executor.wake(str(old)))
    desk.run(2)
    assert (desk.news().state, desk.qty()) == (S.FILLED, 100)


@pytest.mark.parametrize("known", ["root", "newest"])
@pytest.mark.parametrize("price", ["13.83", "13.90"])
@pytest.mark.parametrize("link", [None, "id"])
def test_f29_a_restart_finds_the_whole_chain_by_either_id(
    desk: ScriptedDesk, known: str, price: str, link: str | None
) -> None:
    wanted = desk.intent()
    old = desk.add()
    desk.broker.fill(old, fill(30, 13.82))
    new = replace(desk, old, link=link, qty=70 if price != "13.83" else 100, price=price)
    desk.broker.fill(new, fill(70, 13.9))
    desk.broker.orders[new]["status"] = "FILLED" if price != "13.83" else "CANCELED"
    desk.run(20)
    desk.resume(wanted, old if known == "root" else new)
    desk.run(20)
    assert (desk.news().state, desk.news().order_id, desk.qty()) == (S.FILLED, str(new), 100)
    assert sum(one.qty for one in desk.news().fills) == 100
    assert not desk.executor.unfinished


def test_f29_an_order_without_an_answer_that_was_replaced_meanwhile_is_adopted_as_one(desk: ScriptedDesk) -> None:
    desk.broker.plan("PLACE", Step(Fault.CLOSE, works=False))
    desk.send()
    old = desk.add()
    new = replace(desk, old, link="id")
    desk.broker.fill(new, fill(100, 13.8))
    desk.run(10)
    assert (desk.states(), desk.qty()) == ([S.UNKNOWN, S.FILLED], 100)


def test_f29_a_chain_without_end_is_given_up(desk: ScriptedDesk) -> None:
    current = working(desk)
    for _ in range(12):
        current = replace(desk, current, link="id")
        desk.run(2)
    desk.run(100)
    assert desk.states()[-1] is S.LOST_PRESUMED
    assert len({seen.path for seen in desk.of("GET", "/orders/")}) <= 12


def test_read_all_waits_for_the_search_for_a_successor(desk: ScriptedDesk) -> None:
    old = working(desk)
    desk.broker.orders[old]["status"] = "REPLACED"
    desk.run(3)
    desk.broker.plan("ORDER", *[Step(Reply(500))] * 2)
    desk.broker.plan("LIST", *[Step(Reply(500))] * 2)
    assert not desk.call(lambda: desk.executor.read_all(0.3))
    assert desk.call(lambda: desk.executor.read_all(60))


def test_an_order_changed_under_its_own_id_stays_ours(desk: ScriptedDesk) -> None:
    old = working(desk)
    desk.broker.orders[old]["price"] = 13.5
    desk.run(5)
    assert desk.states() == [S.SENDING, S.WORKING]
    desk.broker.fill(old, fill(100, 13.4))
    desk.run(5)
    assert desk.states()[-1] is S.FILLED


def test_an_exit_is_not_cancelled_for_having_been_replaced_late(desk: ScriptedDesk) -> None:
    old = working(desk, instruction=Instruction.SELL, limit=None)
    desk.broker.orders[old]["status"] = "REPLACED"
    desk.run(90)
    new = desk.add(price=None, instruction="SELL")
    desk.broker.orders[old]["replacingOrderCollection"] = [str(new)]
    desk.run(40)
    assert desk.broker.orders[new]["status"] == "WORKING"
    assert desk.states(KEY)[-1] is S.WORKING
