"""The trader under any order of alerts, answers, fills and waits: what may never happen does not (design 5, 6)."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from leadline.core.fills import Fill
from leadline.core.imbalance import Direction
from leadline.core.intent import Intent, Purpose
from leadline.core.orders import Instruction, OrderState
from leadline.store.journal import Journal
from support.trading import POLICY, Bench

SYMBOLS = ("F", "SOFI")
FINAL = (OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED)
NEVER_SENT = (OrderState.NOT_SENT, OrderState.REFUSED)


class Truth:
    """The broker as this test knows it: one order, and the shares it has given."""

    def __init__(self, intent: Intent) -> None:
        self.intent = intent
        self.fills: list[Fill] = []
        self.is_over = False
        self.is_lost = False

    @property
    def leaves(self) -> int:
        return self.intent.order.qty - sum(fill.qty for fill in self.fills)


class TraderMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        self.bench = Bench(Path(self.home.name))
        self.truths: list[Truth] = []
        self.alert_ids: list[int] = []
        self.shares = dict.fromkeys(SYMBOLS, 0)

    def see_new_orders(self) -> None:
        """Check every order at the moment at which it was sent."""
        for intent, _ in self.bench.executor.sent[len(self.truths) :]:
            symbol, held = intent.order.symbol, self.shares[intent.order.symbol]
            others = [t for t in self.truths if t.intent.order.symbol == symbol and not t.is_over]
            assert not [t for t in others if not t.is_lost], "two orders of a symbol at once"
            if intent.purpose is Purpose.OPEN:
                assert held == 0, "an opening on top of a position"
                assert not others, "an opening while an order is lost"
                assert intent.order.qty == POLICY.qty
            else:
                assert intent.order.qty == abs(held), "a close of another size than the position"
                assert intent.order.instruction is (Instruction.SELL if held > 0 else Instruction.BUY_TO_COVER)
            self.truths.append(Truth(intent))

    def open_truth(self, number: int) -> tuple[int, Truth]:
        living = [(i, t) for i, t in enumerate(self.truths) if not t.is_over]
        return living[number % len(living)]

    @rule(
        symbol=st.sampled_from(SYMBOLS),
        direction=st.sampled_from(Direction),
        age_s=st.sampled_from([0, 0, 0, 1.9, 2.5]),
        blocked=st.sampled_from([None, None, "min_volume"]),
    )
    def alert(self, symbol: str, direction: Direction, age_s: float, blocked: str | None) -> None:
        boot_ns = self.bench.clock.boot_ns() - round(age_s * 1e9)
        self.alert_ids.append(self.bench.alert(direction, symbol, boot_ns=boot_ns, entry_blocked_by=blocked))
        self.see_new_orders()

    @rule(seconds=st.sampled_from([0.1, 1, 2.5, 6, 11]), fresh=st.booleans())
    def time_passes(self, seconds: float, fresh: bool) -> None:
        self.bench.clock.pass_s(seconds)
        for symbol in SYMBOLS if fresh else ():
            self.bench.quote(symbol)

    def has_open(self) -> bool:
        return any(not truth.is_over for truth in self.truths)

    @precondition(has_open)
    @rule(number=st.integers(0, 9), part=st.sampled_from([1, 40, 100]), again=st.booleans())
    def fill(self, number: int, part: int, again: bool) -> None:
        index, truth = self.open_truth(number)
        qty = min(part, truth.leaves)
        fill = self.bench.executor.fill_of(truth.intent, 13_130_000, qty)
        truth.fills.append(fill)
        self.shares[truth.intent.order.symbol] += fill.signed_qty
        truth.is_over = truth.leaves == 0
        state = OrderState.FILLED if truth.is_over else OrderState.WORKING
        for _ in range(2 if again and not truth.is_over else 1):
            self.bench.executor.tell(state, index, fills=tuple(truth.fills))
        self.see_new_orders()

    @precondition(has_open)
    @rule(number=st.integers(0, 9), state=st.sampled_from(FINAL))
    def end(self, number: int, state: OrderState) -> None:
        index, truth = self.open_truth(number)
        truth.is_over = True
        self.bench.executor.tell(state, index, fills=tuple(truth.fills), reason="a test")
        self.see_new_orders()

    @precondition(has_open)
    @rule(number=st.integers(0, 9), state=st.sampled_from(NEVER_SENT))
    def never_sent(self, number: int, state: OrderState) -> None:
        index, truth = self.open_truth(number)
        if not truth.fills and not truth.is_lost:
            truth.is_over = True
            self.bench.executor.tell(state, index, reason="a test", http_status=400)
            self.see_new_orders()

    @precondition(has_open)
    @rule(number=st.integers(0, 9), lost=st.booleans())
    def no_answer(self, number: int, lost: bool) -> None:
        index, truth = self.open_truth(number)
        if not truth.fills:
            self.bench.executor.tell(OrderState.UNKNOWN, index)
            if lost:
                truth.is_lost = True
                self.bench.executor.tell(OrderState.LOST_PRESUMED, index)
            self.see_new_orders()

    @invariant()
    def ours_is_the_sum_of_our_fills(self) -> None:
        assert {symbol: self.bench.position(symbol) for symbol in SYMBOLS} == self.shares

    @invariant()
    def no_position_is_larger_than_one_entry(self) -> None:
        assert all(abs(qty) <= POLICY.qty for qty in self.shares.values())

    @invariant()
    def no_alert_has_two_dispositions(self) -> None:
        assert all(len(made) == 1 for made in self.bench.dispositions().values())

    def teardown(self) -> None:
        self.bench.trader.stop()
        self.bench.trader.abandon()
        assert sorted(self.bench.dispositions()) == self.alert_ids, "an alert without a disposition"
        self.bench.journal.close()
        recorded = Journal(self.bench.journal.path, size_bytes=1 << 20)
        recorded.close()
        assert [known.key for known in recorded.intents] == [intent.key for intent, _ in self.bench.executor.sent]
        self.home.cleanup()


TestTraderMachine = TraderMachine.TestCase
TestTraderMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None, derandomize=True)
