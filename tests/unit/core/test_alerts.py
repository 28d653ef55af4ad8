"""The alert's own arithmetic, and what forbids an entry without silencing it (design 4.11 and its last part)."""

from itertools import product

import msgspec
import pytest

from leadline.core.alerts import Alert, Block, Disposition, EntryFilter
from leadline.core.features import Features
from leadline.core.imbalance import Direction
from leadline.core.market import Service

BID, ASK = Direction.BID_HEAVY, Direction.ASK_HEAVY


def alert(
    direction: Direction = BID, total_bids: int = 1_000, total_asks: int = 400, price_e5: int = 1_999_500
) -> Alert:
    return Alert(
        symbol="F",
        direction=direction,
        total_bids=total_bids,
        total_asks=total_asks,
        heavy_venues=4,
        valid_venues=5,
        price_e5=price_e5,
        bid=199_900,
        ask=200_000,
        imbalance_duration_ns=10_500_000_000,
        vol_per_min=None,
        streak_id=1,
        entry_blocked_by=None,
        service=Service.NASDAQ_BOOK,
        book_ns=0,
        recv_ns=0,
    )


def test_ratio_is_the_heavy_side_over_the_light_side() -> None:
    assert alert(BID, 1_000, 400).ratio == 2.5
    assert alert(ASK, 400, 1_000).ratio == 2.5
    assert alert(BID, 2**60, 2**59).ratio == 2


@pytest.mark.parametrize(("price_e5", "price"), [(1_999_500, 19.995), (15, 0.00015), (22_100_500, 221.005)])
def test_price_is_in_dollars_and_keeps_the_half_of_the_grid(price_e5: int, price: float) -> None:
    assert alert(price_e5=price_e5).price == price


def test_duration_is_in_seconds() -> None:
    assert alert().imbalance_duration == 10.5


def test_an_alert_cannot_be_changed_and_survives_the_journal() -> None:
    with pytest.raises(AttributeError):
        alert().symbol = "G"  # type: ignore[misc]
    assert msgspec.json.decode(msgspec.json.encode(alert()), type=Alert) == alert()
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(alert()), type=Alert) == alert()


def test_directions_and_dispositions_are_named_as_the_design_names_them() -> None:
    assert set(Direction) == {"bid-heavy", "ask-heavy"}
    assert set(Disposition) == {
        "traded",
        "closed_only",
        "held",
        "refused",
        "expired",
        "superseded",
        "duplicate",
        "interrupted",
    }


# what forbids an entry


@pytest.mark.parametrize("volume", [None, 0, 0.0, 1e9])
@pytest.mark.parametrize("direction", list(Direction))
def test_by_default_nothing_forbids_an_entry(direction: Direction, volume: float | None) -> None:
    assert EntryFilter().blocked_by(direction, volume, is_listed=True) is None


@pytest.mark.parametrize(
    ("volume", "blocked_by"),
    [
        (1_000.0, None),
        (1_000.001, None),
        (999.999, Block.MIN_VOLUME),
        (0.0, Block.MIN_VOLUME),
        (None, Block.MIN_VOLUME),
    ],
)
def test_volume_below_the_minimum_or_unknown_forbids(volume: float | None, blocked_by: str | None) -> None:
    assert EntryFilter(min_volume=1_000).blocked_by(BID, volume, is_listed=True) == blocked_by


def test_a_minimum_of_zero_is_off_even_where_volume_is_unknown() -> None:
    assert EntryFilter(min_volume=0).blocked_by(BID, None, is_listed=True) is None


def test_a_disabled_direction_forbids_only_itself() -> None:
    no_bids, no_asks = EntryFilter(disable_bid_heavy=True), EntryFilter(disable_ask_heavy=True)
    assert no_bids.blocked_by(BID, None, is_listed=True) == "bid_heavy_disabled"
    assert no_bids.blocked_by(ASK, None, is_listed=True) is None
    assert no_asks.blocked_by(ASK, None, is_listed=True) == "ask_heavy_disabled"
    assert no_asks.blocked_by(BID, None, is_listed=True) is None


def test_an_unresolved_listing_forbids() -> None:
    assert EntryFilter().blocked_by(ASK, 1e9, is_listed=False) == "unresolved_listing"


def test_all_that_forbids_is_named() -> None:
    every = EntryFilter(min_volume=1, disable_bid_heavy=True, disable_ask_heavy=True)
    blocked_by = every.blocked_by(BID, None, is_listed=False)
    assert blocked_by is not None
    assert set(blocked_by.split(",")) == {"min_volume", "bid_heavy_disabled", "unresolved_listing"}


@pytest.mark.parametrize("direction", list(Direction))
def test_each_combination_of_what_forbids_names_exactly_what_does_in_one_order(direction: Direction) -> None:
    for wants, no_bids, no_asks, is_listed in product((0, 1_000), (False, True), (False, True), (False, True)):
        for volume in (None, 999.9, 1_000.0):
            expected = []
            if wants and volume != 1_000:
                expected.append("min_volume")
            if no_bids and direction is BID:
                expected.append("bid_heavy_disabled")
            if no_asks and direction is ASK:
                expected.append("ask_heavy_disabled")
            if not is_listed:
                expected.append("unresolved_listing")
            blocked_by = EntryFilter(wants, no_bids, no_asks).blocked_by(direction, volume, is_listed=is_listed)
            assert blocked_by == (",".join(expected) or None)


# features


FEATURES = Features(-1.5, -0.75, 3.0, None, 100, 9, 8, 9, 8, 7, 3, 12.5, 40, 5_000_000)


def test_an_alert_carries_its_features_through_the_journal() -> None:
    one = msgspec.structs.replace(alert(), features=FEATURES)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=Alert) == one


def test_an_alert_that_was_journalled_before_there_were_features_is_still_read() -> None:
    record = msgspec.to_builtins(alert())
    del record["features"]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=Alert) == alert()
