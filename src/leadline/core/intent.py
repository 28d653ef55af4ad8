"""Owns the intent: an approved order and what it is for, as the journal keeps it before anything is sent.

Never exists without a record on disk once an executor sees it.
Comes from the trader; goes to the journal, the executor and the `orders` table.
"""

from enum import StrEnum

import msgspec

from leadline.core.alerts import Alert
from leadline.core.orders import Order


class Purpose(StrEnum):
    """Whether a leg opens a position or closes one of ours."""

    OPEN = "open"
    CLOSE = "close"


class Cause(StrEnum):
    """Why there is a leg: an alert, or what the engine closes for by itself."""

    ALERT = "alert"
    STOP = "stop"
    TAKE_PROFIT = "take_profit"
    TIME_STOP = "time_stop"


class Intent(msgspec.Struct, frozen=True):
    """One leg about to be sent. `key` names it for ever: trader, epoch, alert or cause, leg and attempt are in it
    (reliability 4.1). Without an alert `alert_id` is 0 and `cause` says why.
    """

    key: str
    epoch: int
    trader: str
    alert_id: int
    alert: Alert | None
    leg: int
    purpose: Purpose
    order: Order
    decide_ns: int
    config_hash: str
    version: str
    boot_id: str = "unknown"
    attempt: int = 1
    cause: Cause = Cause.ALERT
