"""A position against a slow model of average cost in fractions: no money appears or vanishes."""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadline.core.fills import Fill
from leadline.core.orders import Instruction
from leadline.core.position import Position

QUIET = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)

BUYS = (Instruction.BUY, Instruction.BUY_TO_COVER)

some_prices = st.sampled_from([1, 2, 3, 7, 13_100_000, 13_100_001, 10**12]) | st.integers(1, 10**12)
some_quantities = st.sampled_from([0, 1, 1, 2, 3, 7, 100, 101]) | st.integers(1, 10**6)
Trades = list[tuple[Instruction, int, int]]


def closing(trades: Trades) -> Trades:
    """Let a quantity of 0 mean all that is held."""
    held, resolved = 0, []
    for instruction, qty, price in trades:
        if qty == 0 and held:
            side, size = (Instruction.SELL if held > 0 else Instruction.BUY_TO_COVER), abs(held)
        else:
            side, size = instruction, qty or 1
        held += size if side in BUYS else -size
        resolved.append((side, size, price))
    return resolved


some_trades = st.lists(st.tuples(st.sampled_from(list(Instruction)), some_quantities, some_prices), max_size=25)
some_trades = some_trades.map(closing)


@dataclass
class SlowPosition:
    """Every share held has the same cost: the mean of what was paid since the position was last flat or flipped."""

    qty: int = 0
    mean: Fraction = Fraction(0)
    realised: Fraction = Fraction(0)
    cash: int = 0
    partial_closes: int = 0

    def trade(self, change: int, price: int) -> None:
        """Trade share by share in spirit: first what closes, then what opens."""
        self.cash -= change * price
        closed = 0
        if self.qty * change < 0:
            closed = min(abs(change), abs(self.qty))
            gain = (price - self.mean) * closed
            self.realised += gain if self.qty > 0 else -gain
            self.qty += closed if change > 0 else -closed
            self.partial_closes = self.partial_closes + 1 if self.qty else 0
        opening = abs(change) - closed
        if opening:
            held = abs(self.qty)
            self.mean = (self.mean * held + price * opening) / (held + opening)
            self.qty += opening if change > 0 else -opening


def fill_of(number: int, trade: tuple[Instruction, int, int]) -> Fill:
    instruction, qty, price = trade
    return Fill(str(number), "1", "F", instruction, qty, price, number)


def check_against(model: SlowPosition, position: Position) -> None:
    assert position.qty == model.qty
    # Money: what was earned and what is still tied up is, to the last millionth, what left and came in.
    assert position.realised_e6 - position.cost_e6 == model.cash
    cost = model.mean * model.qty
    # Each partial close may leave less than one millionth behind; a flat position leaves nothing.
    assert abs(position.cost_e6 - cost) <= model.partial_closes
    assert abs(position.realised_e6 - model.realised) <= model.partial_closes
    if model.qty == 0:
        assert position.cost_e6 == 0
        assert position.realised_e6 == model.cash
        assert position.average_e6 is None
    else:
        assert (position.cost_e6 > 0) == (position.qty > 0)
        assert position.average_e6 is not None
        assert 0 <= Fraction(position.cost_e6, position.qty) - position.average_e6 < 1


def booked(trades: Trades) -> tuple[SlowPosition, Position]:
    model, position = SlowPosition(), Position("F")
    for number, trade in enumerate(trades):
        instruction, qty, price = trade
        model.trade(qty if instruction in BUYS else -qty, price)
        position = position.after(fill_of(number, trade))
        check_against(model, position)
    return model, position


@settings(QUIET, max_examples=1_000)
@given(some_trades)
def test_a_position_follows_the_slow_model_and_balances_its_cash(trades: Trades) -> None:
    booked(trades)


@settings(QUIET, max_examples=500)
@given(some_trades, some_prices)
def test_at_the_end_of_the_day_all_that_was_earned_is_the_cash_that_came_in(trades: Trades, last: int) -> None:
    """Whatever happened before: closed at any price, realised is the sum of all money, whatever was rounded between."""
    model, position = booked(trades)
    open_profit = position.unrealised_e6(last)
    if model.qty:
        close_all = (Instruction.SELL if model.qty > 0 else Instruction.BUY_TO_COVER, abs(model.qty), last)
        earned_before = position.realised_e6
        position = position.after(fill_of(len(trades), close_all))
        assert position.realised_e6 == earned_before + open_profit
    assert (position.qty, position.cost_e6) == (0, 0)
    assert position.realised_e6 == model.cash + model.qty * last


@settings(QUIET, max_examples=500)
@given(some_trades, some_prices)
def test_both_sides_are_mirrored_but_for_the_rounding(trades: Trades, mark: int) -> None:
    other = {
        Instruction.BUY: Instruction.SELL_SHORT,
        Instruction.SELL_SHORT: Instruction.BUY,
        Instruction.SELL: Instruction.BUY_TO_COVER,
        Instruction.BUY_TO_COVER: Instruction.SELL,
    }
    model, position = booked(trades)
    mirrored_model, mirrored = booked([(other[side], qty, price) for side, qty, price in trades])
    assert mirrored.qty == -position.qty
    assert mirrored_model.cash == -model.cash
    assert abs(mirrored.realised_e6 + position.realised_e6) <= 2 * model.partial_closes
    total = position.realised_e6 + position.unrealised_e6(mark)
    assert mirrored.realised_e6 + mirrored.unrealised_e6(mark) == -total


def test_the_trades_open_enlarge_reduce_close_and_flip_on_both_sides() -> None:
    seen: Counter[str] = Counter()

    @settings(QUIET, max_examples=300)
    @given(some_trades)
    def tell(trades: Trades) -> None:
        qty = 0
        for instruction, size, _ in trades:
            after = qty + (size if instruction in BUYS else -size)
            way = "open" if not qty else "close" if not after else "flip" if qty * after < 0 else "stay"
            if way == "stay":
                way = "enlarge" if abs(after) > abs(qty) else "reduce"
            seen[f"{way} {'long' if (qty or after) > 0 else 'short'}"] += 1
            qty = after

    tell()
    ways = ("open", "close", "flip", "enlarge", "reduce")
    assert set(seen) == {f"{way} {side}" for way in ways for side in ("long", "short")}
    assert min(seen.values()) >= 5, seen
