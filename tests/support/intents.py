"""Alerts and intents for tests of what keeps them."""

from leadline.core.alerts import Alert
from leadline.core.imbalance import Direction
from leadline.core.intent import Intent, Purpose
from leadline.core.market import Service
from leadline.core.orders import Instruction, Order, OrderType

RECV_NS = 1_790_380_503_223_000_000


def an_alert(symbol: str = "F", direction: Direction = Direction.BID_HEAVY, recv_ns: int = RECV_NS) -> Alert:
    """Make an alert of a 1-cent market at 13.82 dollars."""
    return Alert(
        symbol=symbol,
        direction=direction,
        total_bids=18_400,
        total_asks=6_100,
        heavy_venues=6,
        valid_venues=9,
        price_e5=1_382_500 + 5,
        bid=138_200,
        ask=138_300,
        imbalance_duration_ns=12_400_000_000,
        vol_per_min=None,
        streak_id=3,
        entry_blocked_by=None,
        service=Service.NYSE_BOOK,
        book_ns=recv_ns - 40_000_000,
        recv_ns=recv_ns,
        boot_ns=77,
    )


def an_intent(number: int = 1, *, closes: bool = False, symbol: str = "F", key: str = "") -> Intent:
    """Make the intent of one leg; `number` is its alert."""
    instruction = Instruction.SELL if closes else Instruction.BUY
    return Intent(
        key=key or f"live-1-{number}-1",
        epoch=1,
        trader="live",
        alert_id=number,
        alert=an_alert(symbol),
        leg=1,
        purpose=Purpose.CLOSE if closes else Purpose.OPEN,
        order=Order(symbol, instruction, 100, OrderType.LIMIT, 138_300),
        decide_ns=RECV_NS + 210_000,
        config_hash="c0ffee",
        version="0.1.0",
    )
