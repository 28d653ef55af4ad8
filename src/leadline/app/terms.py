"""Owns the translation of settings into the values that the core decides by.

Never reads a source of settings itself.
Comes from `settings`; goes to the detector, the filters, the flip and the risk check.
"""

from decimal import Decimal

from leadline.core.alerts import EntryFilter
from leadline.core.flip import Policy
from leadline.core.imbalance import Rule
from leadline.core.risk import Limits
from leadline.core.units import CENT, PRICE_SCALE, ns_of_s
from leadline.settings import Settings


def rule_of(settings: Settings) -> Rule:
    """Give the thresholds of the alert rule."""
    age_s = settings.max_quote_age_sec
    return Rule(
        max_range=_whole(settings.max_range_cents, CENT),
        quote_age_max_ms=None if age_s is None else _whole(age_s, 1_000),
        min_bid_heavy=settings.min_bid_heavy,
        min_ask_heavy=settings.min_ask_heavy,
        min_venue_margin=settings.min_venue_margin,
        min_ratio=settings.min_imbalance_ratio,
        book_age_max_ns=ns_of_s(settings.max_book_age_sec),
        gap_max_ns=ns_of_s(settings.max_imbalance_gap_sec),
        min_duration_ns=ns_of_s(settings.min_imbalance_duration_sec),
        throttle_ns=ns_of_s(settings.alert_throttle_sec),
    )


def _whole(limit: float, scale: int) -> int:
    """Give the largest whole number that is not above a limit: what is compared with it is whole."""
    return int(Decimal(str(limit)) * scale)


def entries_of(settings: Settings) -> EntryFilter:
    """Give what forbids entries."""
    return EntryFilter(settings.min_volume, settings.disable_bid_heavy, settings.disable_ask_heavy)


def policy_of(settings: Settings) -> Policy:
    """Give how alerts are traded."""
    return Policy(
        qty=settings.live_order_qty,
        slippage_bps=settings.live_limit_slippage_bps,
        shorting=settings.live_shorting,
        exit_to_market=settings.live_exit_to_market,
        ttl_ns=ns_of_s(settings.alert_ttl_sec),
        flip_ns=ns_of_s(settings.alert_flip_sec),
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
