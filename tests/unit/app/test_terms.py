"""Settings become what the core decides by: exact, whole, and each in its own unit."""

from fractions import Fraction
from pathlib import Path

import pytest
from msgspec.structs import replace

from leadline.app.terms import ENTRIES, RULE, entries_of, limits_of, policy_of, rule_of, thresholds_of
from leadline.core.alerts import EntryFilter
from leadline.core.exits import ExitRule
from leadline.core.imbalance import Rule
from leadline.core.legs import Policy
from leadline.core.risk import Limits
from leadline.settings import VARYING, Settings, load


def settings(**values: object) -> Settings:
    return load(values, use_environment=False).settings


def test_the_default_rule_is_the_designs() -> None:
    assert rule_of(settings()) == Rule(
        max_range=100,
        quote_age_max_ms=None,
        min_bid_heavy=4,
        min_ask_heavy=4,
        min_venue_margin=2,
        min_ratio=Fraction(2),
        book_age_max_ns=10_000_000_000,
        gap_max_ns=3_000_000_000,
        min_duration_ns=10_000_000_000,
        throttle_ns=60_000_000_000,
    )


def test_each_setting_of_the_rule_reaches_its_own_place() -> None:
    rule = rule_of(
        settings(
            max_range_cents=2,
            max_quote_age_sec=7,
            min_bid_heavy=5,
            min_ask_heavy=6,
            min_venue_margin=0,
            min_imbalance_ratio="2.1",
            max_book_age_sec=11,
            max_imbalance_gap_sec=12,
            min_imbalance_duration_sec=13,
            alert_throttle_sec=14,
        )
    )
    assert rule == Rule(
        max_range=200,
        quote_age_max_ms=7_000,
        min_bid_heavy=5,
        min_ask_heavy=6,
        min_venue_margin=0,
        min_ratio=Fraction(21, 10),
        book_age_max_ns=11_000_000_000,
        gap_max_ns=12_000_000_000,
        min_duration_ns=13_000_000_000,
        throttle_ns=14_000_000_000,
    )


@pytest.mark.parametrize(
    ("cents", "max_range"),
    [
        (1, 100),
        (0.01, 1),
        (0.07, 7),
        (0.29, 29),
        (1.1, 110),
        (1.004, 100),
        (1.006, 100),
        (1.009, 100),
        (2.999, 299),
        (0.001, 0),
    ],
)
def test_a_range_between_two_steps_admits_the_smaller_one_only(cents: float, max_range: int) -> None:
    """`ask - bid <= MAX_RANGE_CENTS` is exact (design 4.8): 101 steps of 0.01 cents are more than 1.006 cents."""
    assert rule_of(settings(max_range_cents=cents)).max_range == max_range


@pytest.mark.parametrize(("age_s", "age_ms"), [(1, 1_000), (0.001, 1), (1.0006, 1_000), (1.0004, 1_000), (0.29, 290)])
def test_a_quote_age_between_two_milliseconds_admits_the_smaller_one_only(age_s: float, age_ms: int) -> None:
    assert rule_of(settings(max_quote_age_sec=age_s)).quote_age_max_ms == age_ms


@pytest.mark.parametrize(("seconds", "ns"), [(0.1, 100_000_000), (2.3, 2_300_000_000), (0, 0), (1e-9, 1)])
def test_durations_are_exact(seconds: float, ns: int) -> None:
    assert rule_of(settings(min_imbalance_duration_sec=seconds)).min_duration_ns == ns


def test_what_forbids_entries() -> None:
    assert entries_of(settings()) == EntryFilter(0, disable_bid_heavy=False, disable_ask_heavy=False)
    assert entries_of(settings(min_volume=5, disable_ask_heavy=True)) == EntryFilter(5, disable_ask_heavy=True)
    assert entries_of(settings(disable_bid_heavy=True)) == EntryFilter(0, disable_bid_heavy=True)


def test_every_setting_that_may_differ_reaches_the_rule_or_the_entry_filter() -> None:
    assert {*RULE, *ENTRIES} == set(VARYING)
    assert {field for field, _ in RULE.values()} == set(Rule.__struct_fields__)
    assert {field for field, _ in ENTRIES.values()} == set(EntryFilter.__struct_fields__)


def test_what_differs_is_translated_like_the_plain_settings(tmp_path: Path) -> None:
    """Half a cent, 2.1 as 21/10 and seconds as nanoseconds: for F from the open on, all day for T."""
    (tmp_path / "x.toml").write_text(
        """
        MIN_BID_HEAVY = 5
        [symbol.T]
        MAX_QUOTE_AGE_SEC = 1.5
        MIN_VOLUME = 7
        [[time]]
        from = "open"
        until = "close"
        symbols = "F"
        MAX_RANGE_CENTS = 0.5
        MIN_IMBALANCE_RATIO = 2.1
        ALERT_THROTTLE_SEC = 0.5
        DISABLE_ASK_HEAVY = true
        """
    )
    thresholds = thresholds_of(load(toml=tmp_path / "x.toml", use_environment=False))
    plain = Rule(min_bid_heavy=5)
    open_ns = 1_772_807_400_000_000_000  # 2026-03-06 09:30 in New York
    for symbol, t_ns, rule, entries in (
        ("F", open_ns - 1, plain, EntryFilter()),
        (
            "F",
            open_ns,
            replace(plain, max_range=50, min_ratio=Fraction(21, 10), throttle_ns=500_000_000),
            EntryFilter(disable_ask_heavy=True),
        ),
        ("T", open_ns, replace(plain, quote_age_max_ms=1_500), EntryFilter(7)),
        ("SOFI", open_ns, plain, EntryFilter()),
    ):
        found = thresholds.at(symbol, t_ns)
        assert (found.rule, found.entries) == (rule, entries)


def test_how_alerts_are_traded() -> None:
    policy = policy_of(
        settings(
            live_order_qty=7,
            live_limit_slippage_bps=8,
            live_shorting=False,
            live_exit_to_market=False,
            alert_ttl_sec=1.5,
            alert_flip_sec=9,
        )
    )
    assert policy == Policy(
        qty=7, slippage_bps=8, shorting=False, exit_to_market=False, ttl_ns=1_500_000_000, flip_ns=9_000_000_000
    )


def test_exits_without_an_alert_are_off_unless_they_are_set() -> None:
    assert policy_of(settings()).exits == ExitRule()
    exits = policy_of(settings(live_stop_bps=50, live_take_profit_bps=80, live_time_stop_sec=1.5)).exits
    assert exits == ExitRule(stop_bps=50, take_profit_bps=80, time_stop_ns=1_500_000_000)


def test_limits_in_dollars_become_steps_of_a_hundredth_of_a_cent() -> None:
    limits = limits_of(
        settings(
            risk_order_qty_max=1,
            risk_order_notional_max=2,
            risk_position_qty_max=3,
            risk_gross_notional_max=4,
            risk_collar_bps=5,
            risk_book_age_sec=6,
            risk_orders_per_minute=70,
        )
    )
    assert limits == Limits(
        order_qty_max=1,
        order_notional_max=20_000,
        position_qty_max=3,
        gross_notional_max=40_000,
        collar_bps_max=5,
        touch_age_max_ns=6_000_000_000,
        orders_per_minute_max=70,
    )
