"""Owns the translation of settings into the values that the core decides by.

Never reads a source of settings itself.
Comes from `settings`; goes to the detector, the filters, the flip and the risk check.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from leadline.core.alerts import EntryFilter
from leadline.core.exits import ExitRule
from leadline.core.imbalance import Rule
from leadline.core.legs import Policy
from leadline.core.risk import Limits
from leadline.core.thresholds import Change, Thresholds
from leadline.core.units import CENT, PRICE_SCALE, ns_of_s
from leadline.settings import Loaded, Settings

Field = tuple[str, Callable[[Any], Any]]
"""A field of what the core decides by, and what makes it of a setting."""


def _whole(limit: float, scale: int) -> int:
    """Give the largest whole number that is not above a limit: what is compared with it is whole."""
    return int(Decimal(str(limit)) * scale)


def _same(value: Any) -> Any:
    return value


def _max_range(cents: float) -> int:
    return _whole(cents, CENT)


def _age_ms(age_s: float | None) -> int | None:
    return None if age_s is None else _whole(age_s, 1_000)


RULE: dict[str, Field] = {
    "max_range_cents": ("max_range", _max_range),
    "max_quote_age_sec": ("quote_age_max_ms", _age_ms),
    "min_bid_heavy": ("min_bid_heavy", _same),
    "min_ask_heavy": ("min_ask_heavy", _same),
    "min_venue_margin": ("min_venue_margin", _same),
    "min_imbalance_ratio": ("min_ratio", _same),
    "max_book_age_sec": ("book_age_max_ns", ns_of_s),
    "max_imbalance_gap_sec": ("gap_max_ns", ns_of_s),
    "min_imbalance_duration_sec": ("min_duration_ns", ns_of_s),
    "alert_throttle_sec": ("throttle_ns", ns_of_s),
}
"""The settings of the alert rule, and the field of `Rule` that each one gives."""

ENTRIES: dict[str, Field] = {name: (name, _same) for name in ("min_volume", "disable_bid_heavy", "disable_ask_heavy")}
"""The settings that forbid entries, and the field of `EntryFilter` that each one gives."""


def rule_of(settings: Settings) -> Rule:
    """Give the plain thresholds of the alert rule."""
    return Rule(**_fields(RULE, {name: getattr(settings, name) for name in RULE}))


def entries_of(settings: Settings) -> EntryFilter:
    """Give what forbids entries, plainly."""
    return EntryFilter(**_fields(ENTRIES, {name: getattr(settings, name) for name in ENTRIES}))


def changes_of(loaded: Loaded) -> tuple[Change, ...]:
    """Give what differs by symbol and time, a later one winning."""
    return tuple(
        Change(one.scope, _fields(RULE, one.values), _fields(ENTRIES, one.values)) for one in loaded.variations
    )


def thresholds_of(loaded: Loaded) -> Thresholds:
    """Give what judges each symbol at each time."""
    return Thresholds(rule_of(loaded.settings), entries_of(loaded.settings), changes_of(loaded))


def _fields(table: dict[str, Field], values: dict[str, Any]) -> dict[str, Any]:
    made = ((table[name], value) for name, value in values.items() if name in table)
    return {field: make(value) for (field, make), value in made}


def policy_of(settings: Settings) -> Policy:
    """Give how alerts are traded."""
    return Policy(
        qty=settings.live_order_qty,
        slippage_bps=settings.live_limit_slippage_bps,
        shorting=settings.live_shorting,
        exit_to_market=settings.live_exit_to_market,
        ttl_ns=ns_of_s(settings.alert_ttl_sec),
        flip_ns=ns_of_s(settings.alert_flip_sec),
        exits=_exits_of(settings),
    )


def _exits_of(settings: Settings) -> ExitRule:
    time_s = settings.live_time_stop_sec
    return ExitRule(
        stop_bps=settings.live_stop_bps,
        take_profit_bps=settings.live_take_profit_bps,
        time_stop_ns=None if time_s is None else ns_of_s(time_s),
    )


def limits_of(settings: Settings) -> Limits:
    """Give what no opening order may exceed."""
    return Limits(
        order_qty_max=settings.risk_order_qty_max,
        order_notional_max=settings.risk_order_notional_max * PRICE_SCALE,
        position_qty_max=settings.risk_position_qty_max,
        gross_notional_max=settings.risk_gross_notional_max * PRICE_SCALE,
        collar_bps_max=settings.risk_collar_bps,
        touch_age_max_ns=ns_of_s(settings.risk_book_age_sec),
        orders_per_minute_max=settings.risk_orders_per_minute,
    )
