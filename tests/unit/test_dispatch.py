"""Alerts reach the trader in order and once, and its faults do not reach the stream."""

import logging

import pytest

from leadline.core.alerts import Alert
from leadline.core.imbalance import Direction
from leadline.dispatch import Dispatch
from support.trading import HandClock, make_alert


class Taker:
    name = "taker"

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.closed: list[str] = []
        self.fault: Exception | None = None

    def process_alert(self, alert_id: int, alert: Alert) -> None:
        assert alert.symbol == "F"
        if self.fault is not None:
            raise self.fault
        self.taken.append(alert_id)

    def close_entries(self, reason: str) -> None:
        self.closed.append(reason)


def test_each_id_is_handed_over_once_and_in_order() -> None:
    taker = Taker()
    dispatch = Dispatch(taker)
    for alert_id in (1, 2, 2, 1, 5):
        dispatch.inline_trader_dispatch(alert_id, make_alert(HandClock(), Direction.BID_HEAVY))
    assert taker.taken == [1, 2, 5]


def test_a_fault_of_the_trader_is_said_closes_entries_and_goes_no_further(caplog: pytest.LogCaptureFixture) -> None:
    taker = Taker()
    dispatch = Dispatch(taker)
    taker.fault = KeyError("a bug")
    with caplog.at_level(logging.ERROR):
        dispatch.inline_trader_dispatch(1, make_alert(HandClock(), Direction.BID_HEAVY))
    assert "alert 1 was not handled" in caplog.text
    assert taker.closed == ["fault while handling alert 1"]
    taker.fault = None
    dispatch.inline_trader_dispatch(2, make_alert(HandClock(), Direction.BID_HEAVY))
    assert taker.taken == [2]
