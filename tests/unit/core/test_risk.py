"""Each limit refuses one step beyond it, and none of them stands in the way of an exit (design section 6)."""

from typing import Any

import msgspec
import pytest

from leadline.core.intent import Purpose
from leadline.core.legs import Leg
from leadline.core.market import Listing, Service, Touch
from leadline.core.orders import Instruction, Order, OrderType
from leadline.core.risk import Approved, Refused, View, check
from leadline.core.states import SymbolState, TradingState
from leadline.core.units import NS_PER_S
from support.trading import LIMITS

TOUCH = Touch(131_200, 131_300, 100, 100, 0, 0)
VIEW = View(
    hold=None,
    state=TradingState.ARMED,
    symbol_state=SymbolState.OPEN,
    ours_qty=0,
    gross_notional=0,
    touch=TOUCH,
    touch_age_ns=0,
    is_halted=False,
    listing=Listing("F", "N", Service.NYSE_BOOK, is_shortable=True, is_hard_to_borrow=False),
    requests_last_minute=0,
    open_orders=0,
    open_openings=0,
    open_positions=0,
    has_open_order=False,
    exit_in_doubt=False,
)


def leg(purpose: Purpose = Purpose.OPEN, instruction: Instruction = Instruction.BUY, **order: Any) -> Leg:
    wanted: dict[str, Any] = {"qty": 100, "order_type": OrderType.LIMIT, "limit": 131_300} | order
    return Leg(purpose, Order(symbol="F", instruction=instruction, **wanted))


def reason(a_leg: Leg, **changes: Any) -> str | None:
    checked = check(a_leg, msgspec.structs.replace(VIEW, **changes), LIMITS)
    return checked.reason if isinstance(checked, Refused) else None


def test_a_plain_entry_is_approved() -> None:
    assert check(leg(), VIEW, LIMITS) == Approved(leg())


SECOND = NS_PER_S
UNKNOWN_LISTING = Listing("F", "N", Service.NYSE_BOOK)
HARD_LISTING = Listing("F", "N", Service.NYSE_BOOK, is_shortable=True, is_hard_to_borrow=True)
BARRED: list[dict[str, Any]] = [
    {"state": TradingState.DISABLED},
    {"state": TradingState.REDUCING},
    {"state": TradingState.KILLED},
    {"symbol_state": SymbolState.LOCKED},
    {"symbol_state": SymbolState.EVICTED},
    {"symbol_state": SymbolState.STALE},
    {"has_open_order": True},
    {"touch": None},
    {"touch_age_ns": 3 * SECOND + 1},
    {"touch": Touch(131_300, 131_300, 1, 1, 0, 0)},
    {"is_halted": True},
    {"is_halted": None},
    {"ours_qty": 901},
    {"gross_notional": 200_000 * 10_000 - 131_300 * 100 + 1},
    {"requests_last_minute": 118},
    {"requests_last_minute": 100, "open_orders": 10, "open_positions": 8},
    {"requests_last_minute": 100, "open_orders": 9, "open_openings": 9},
]


@pytest.mark.parametrize("changes", BARRED)
def test_an_entry_is_refused_where_an_exit_passes(changes: dict[str, Any]) -> None:
    assert reason(leg(), **changes)
    close = leg(Purpose.CLOSE, Instruction.SELL)
    assert reason(close, **changes) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"touch_age_ns": 3 * SECOND},
        {"ours_qty": 900},
        {"gross_notional": 200_000 * 10_000 - 131_300 * 100},
        {"requests_last_minute": 117},
    ],
)
def test_at_the_limit_an_entry_passes(changes: dict[str, Any]) -> None:
    assert reason(leg(), **changes) is None


def test_size_and_price_limits() -> None:
    assert reason(leg(qty=1_001))
    assert reason(leg(qty=0))
    assert reason(leg(qty=1_000, limit=510_000), touch=Touch(509_900, 510_000, 1, 1, 0, 0)) == (
        "above RISK_ORDER_NOTIONAL_MAX"
    )
    assert reason(leg(limit=131_300 + 1_313)) is None
    assert reason(leg(limit=131_300 + 1_314)) == "the price is outside the collar"
    assert reason(leg(order_type=OrderType.MARKET, limit=None)) == "the price is outside the collar"


@pytest.mark.parametrize("listing", [None, UNKNOWN_LISTING, HARD_LISTING])
def test_a_short_needs_a_known_borrow(listing: Listing | None) -> None:
    short = leg(instruction=Instruction.SELL_SHORT, limit=131_200)
    assert reason(short) is None
    assert reason(short, listing=listing)
    assert reason(leg(), listing=listing) is None


def test_an_exit_waits_only_for_another_exit_of_its_symbol() -> None:
    assert reason(leg(Purpose.CLOSE, Instruction.SELL), exit_in_doubt=True)


@pytest.mark.parametrize(
    ("instruction", "external", "is_refused"),
    [
        (Instruction.BUY, 100, False),
        (Instruction.BUY, 0, False),
        (Instruction.BUY, -0.5, True),
        (Instruction.SELL_SHORT, -100, False),
        (Instruction.SELL_SHORT, 100, True),
    ],
)
def test_nothing_is_opened_against_shares_that_are_not_ours(
    instruction: Instruction, external: float, is_refused: bool
) -> None:
    """What a person holds long would be sold by our short: the account has one position, not two."""
    opening = leg(instruction=instruction, limit=131_300 if instruction is Instruction.BUY else 131_200)
    wanted = f"the account holds {external:g} shares that are not ours on the other side" if is_refused else None
    assert reason(opening, external_qty=external) == wanted
    assert reason(leg(Purpose.CLOSE, Instruction.SELL), external_qty=-100) is None
