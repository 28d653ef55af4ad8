"""Matching against the visible book, compared with a slow model that trades one share at a time."""

from hypothesis import given
from hypothesis import strategies as st

from simschwab.core.book import Book, Entry, levels_of
from simschwab.core.listing import Service
from simschwab.core.matching import Liquidity

Side = dict[int, int]
Taking = tuple[int, bool, int | None]

sides = st.dictionaries(st.integers(95, 105), st.integers(1, 30), max_size=6)
takings = st.lists(
    st.tuples(st.integers(1, 60), st.booleans(), st.none() | st.integers(94, 106)), min_size=1, max_size=5
)


def book(bids: Side, asks: Side) -> Book:
    return Book(
        "F",
        Service.NYSE_BOOK,
        1,
        levels_of([(price, Entry("NYSE", size, 0)) for price, size in bids.items()], bids=True),
        levels_of([(price, Entry("NYSE", size, 0)) for price, size in asks.items()], bids=False),
    )


def slow_take(side: list[int], taking: Taking) -> list[int]:
    """Take share by share from a list with one price per share."""
    quantity, buying, limit = taking
    taken = []
    for _ in range(quantity):
        fitting = [price for price in side if limit is None or (price <= limit if buying else price >= limit)]
        if not fitting:
            break
        best = min(fitting) if buying else max(fitting)
        side.remove(best)
        taken.append(best)
    return taken


@given(sides, sides, takings)
def test_takes_exactly_what_the_slow_model_takes(bids: Side, asks: Side, wanted: list[Taking]) -> None:
    liquidity = Liquidity(book(bids, asks))
    shares = {
        True: [price for price, size in asks.items() for _ in range(size)],
        False: [price for price, size in bids.items() for _ in range(size)],
    }
    for taking in wanted:
        quantity, buying, limit = taking
        available = sum(limit is None or (price <= limit if buying else price >= limit) for price in shares[buying])
        assert liquidity.available(buying=buying, limit_e4=limit) == available
        executions = liquidity.take(quantity, buying=buying, limit_e4=limit)
        flat = [execution.price_e4 for execution in executions for _ in range(execution.quantity)]
        assert flat == slow_take(shares[buying], taking)
        assert all(execution.quantity > 0 for execution in executions)


def test_a_share_is_given_once() -> None:
    liquidity = Liquidity(book({}, {100: 10}))
    assert sum(fill.quantity for fill in liquidity.take(7, buying=True, limit_e4=None)) == 7
    assert sum(fill.quantity for fill in liquidity.take(7, buying=True, limit_e4=None)) == 3
    assert liquidity.take(1, buying=True, limit_e4=None) == ()
