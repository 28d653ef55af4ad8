"""The trader under any order of alerts, touches, news, waits and kills: what may never happen does not (design 5, 6).

Beside it runs a slow model that knows the shares that the broker gave, and by fractions when an exit was due.
"""

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from leadline.core.exits import ExitRule
from leadline.core.fills import Fill
from leadline.core.imbalance import Direction
from leadline.core.intent import Cause, Intent, Purpose
from leadline.core.orders import Instruction, OrderState
from leadline.core.ports import OrderNews, Told
from leadline.core.units import NS_PER_S
from leadline.store.alerts import Origin, insert_alert
from leadline.store.journal import Journal
from support.trading import POLICY, Bench, make_alert

SHM = "/dev/shm"
SYMBOLS = ("F", "SOFI")
FINAL = (OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED)
NEVER_SENT = (OrderState.NOT_SENT, OrderState.REFUSED)
STOP_BPS, GAIN_BPS, TIME_S = 100, 200, 60
EXITS = ExitRule(stop_bps=STOP_BPS, take_profit_bps=GAIN_BPS, time_stop_ns=TIME_S * NS_PER_S)
TOUCHES = ((131_200, 131_300), (129_800, 129_900), (134_000, 134_100), (132_700, 132_800))
"""Calm, and beyond a stop and a gain of a long or a short at 13.13."""


class Truth:
    """One order at the broker as this test knows it, and the shares it has given."""

    def __init__(self, intent: Intent, told: Told) -> None:
        self.intent = intent
        self.told = told
        self.fills: list[Fill] = []
        self.state = OrderState.SENDING
        self.may_be_sent_again = False

    @property
    def is_over(self) -> bool:
        return self.state in {OrderState.FILLED, *FINAL, *NEVER_SENT}

    @property
    def is_lost(self) -> bool:
        return self.state is OrderState.LOST_PRESUMED

    @property
    def leaves(self) -> int:
        return self.intent.order.qty - sum(fill.qty for fill in self.fills)

    def tell(self, state: OrderState, **more: Any) -> None:
        self.state = state
        order_id = None if state in {*NEVER_SENT, OrderState.UNKNOWN, OrderState.LOST_PRESUMED} else self.intent.key
        self.told(OrderNews(state, order_id, tuple(self.fills), reason="a test", **more))


class Watched:
    """One position as the model sees it: since when, and what was ever due while it was held."""

    def __init__(self, now_s: float) -> None:
        self.since_s = now_s
        self.due: set[Cause] = set()
        self.exits: set[str] = set()
        """Names of the exits of the engine's own since the last alert."""
        self.is_untried = True


class TraderMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        # In memory where there is such a disk: what a sync costs is not what is tested here.
        self.home = tempfile.TemporaryDirectory(dir=SHM if Path(SHM).is_dir() else None)
        self.bench = Bench(Path(self.home.name), msgspec.structs.replace(POLICY, exits=EXITS))
        self.truths: dict[str, Truth] = {}
        self.alert_ids: list[int] = []
        self.unwritten: set[int] = set()
        """Alerts whose row a kill took, and which led to no order: nothing knows of them any more."""
        self.shares = dict.fromkeys(SYMBOLS, 0)
        self.cost = dict.fromkeys(SYMBOLS, Fraction(0))
        self.watched: dict[str, Watched] = {}
        self.seen = 0

    # the model

    def now_s(self) -> float:
        return self.bench.clock.now_ns / NS_PER_S

    def book(self, truth: Truth, qty: int) -> None:
        """Let the broker give shares, at 13.13."""
        fill = self.bench.executor.fill_of(truth.intent, 13_130_000, qty)
        fill = msgspec.structs.replace(fill, key=f"{truth.intent.key}/{len(truth.fills)}")
        truth.fills.append(fill)
        symbol = truth.intent.order.symbol
        before = self.shares[symbol]
        after = self.shares[symbol] = before + fill.signed_qty
        self.cost[symbol] = Fraction("13.13") * after
        if after == 0:
            self.watched.pop(symbol, None)
        elif before * after <= 0:
            self.watched[symbol] = Watched(self.now_s())

    def note_due(self, symbol: str, bid: int, ask: int) -> Cause | None:
        """Say what is due at a touch, in words of its own, and remember it."""
        watched, shares = self.watched.get(symbol), self.shares[symbol]
        if watched is None:
            return None
        mark = Fraction(bid if shares > 0 else ask, 10_000)
        gain_bps = (mark * shares - self.cost[symbol]) / abs(self.cost[symbol]) * 10_000
        cause = None
        if gain_bps <= -STOP_BPS:
            cause = Cause.STOP
        elif gain_bps >= GAIN_BPS:
            cause = Cause.TAKE_PROFIT
        elif self.now_s() - watched.since_s >= TIME_S:
            cause = Cause.TIME_STOP
        if self.now_s() - watched.since_s >= TIME_S:
            watched.due.add(Cause.TIME_STOP)
        if cause is not None:
            watched.due.add(cause)
        return cause

    def open_truths(self, symbol: str) -> list[Truth]:
        return [t for t in self.truths.values() if t.intent.order.symbol == symbol and not t.is_over]

    def see_new_orders(self) -> None:
        """Check every order at the moment at which it was sent."""
        for intent, told in self.bench.executor.sent[self.seen :]:
            assert intent.key not in self.truths, "two orders of one key"
            self.check_order(intent)
            self.truths[intent.key] = Truth(intent, told)
        self.seen = len(self.bench.executor.sent)

    def check_order(self, intent: Intent) -> None:
        symbol, held = intent.order.symbol, self.shares[intent.order.symbol]
        others = self.open_truths(symbol)
        assert not [t for t in others if not t.is_lost], "two orders of a symbol at once"
        if intent.purpose is Purpose.OPEN:
            assert held == 0, "an opening on top of a position"
            assert not others, "an opening while an order is lost"
            assert intent.order.qty == POLICY.qty
        else:
            assert not [t for t in others if t.intent.purpose is Purpose.CLOSE], "a close while another is lost"
            assert intent.order.qty == abs(held), "a close of another size than the position"
            assert intent.order.instruction is (Instruction.SELL if held > 0 else Instruction.BUY_TO_COVER)
        if intent.attempt > 1:
            first = self.truths[f"{intent.key.rpartition('-')[0]}-1"]
            assert intent.attempt == 2, "more than two attempts"
            assert first.may_be_sent_again, "sent again without need"
            assert first.intent.purpose is intent.purpose
        if intent.cause is not Cause.ALERT:
            self.check_exit(intent)

    def check_exit(self, intent: Intent) -> None:
        assert (intent.alert_id, intent.alert, intent.purpose) == (0, None, Purpose.CLOSE)
        watched = self.watched[intent.order.symbol]
        assert intent.cause in watched.due, "an exit that was never due"
        watched.exits.add(intent.key.split("-")[2])
        watched.is_untried = False
        assert len(watched.exits) <= 3, "an exit that is tried again and again"

    # what happens

    @rule(
        symbol=st.sampled_from(SYMBOLS),
        direction=st.sampled_from(Direction),
        age_s=st.sampled_from([0, 0, 0, 1.9, 2.5]),
        blocked=st.sampled_from([None, None, "min_volume"]),
    )
    def alert(self, symbol: str, direction: Direction, age_s: float, blocked: str | None) -> None:
        boot_ns = self.bench.clock.boot_ns() - round(age_s * 1e9)
        if symbol in self.watched:
            self.watched[symbol].exits.clear()
        alert_id = self.bench.alert(direction, symbol, boot_ns=boot_ns, entry_blocked_by=blocked)
        self.alert_ids.append(alert_id)
        row = insert_alert(alert_id, make_alert(self.bench.clock, direction, symbol), Origin("boot", "hash", "0"))
        self.bench.statements.append(row)
        self.see_new_orders()

    @precondition(lambda self: self.alert_ids)
    @rule(number=st.integers(0, 10**6), direction=st.sampled_from(Direction))
    def alert_comes_again(self, number: int, direction: Direction) -> None:
        alert_id = self.alert_ids[number % len(self.alert_ids)]
        if alert_id > self.bench.trader._last_id:
            return  # a new process is asked by the store, not by its memory
        self.bench.trader.process_alert(alert_id, make_alert(self.bench.clock, direction, SYMBOLS[0]))
        assert len(self.bench.executor.sent) == self.seen, "an alert was traded twice"

    @rule(symbol=st.sampled_from(SYMBOLS), seen=st.sampled_from(TOUCHES))
    def touch(self, symbol: str, seen: tuple[int, int]) -> None:
        cause = self.note_due(symbol, *seen)
        was_free = not self.open_truths(symbol)
        is_untried = symbol in self.watched and self.watched[symbol].is_untried
        self.bench.touch(*seen, symbol)
        self.see_new_orders()
        if cause is not None and was_free and is_untried:
            [order] = self.open_truths(symbol)
            assert order.intent.cause is cause, "an exit was due and did not come"

    @rule(seconds=st.sampled_from([0.1, 1, 2.5, 6, 11, 61]), fresh=st.booleans())
    def time_passes(self, seconds: float, fresh: bool) -> None:
        self.bench.clock.pass_s(seconds)
        for symbol in SYMBOLS:
            if fresh:
                self.bench.quote(symbol)
            touch = self.bench.market.touches.get(symbol)
            if touch is not None and self.bench.clock.now_ns - touch.boot_ns <= 3 * NS_PER_S:
                self.note_due(symbol, touch.bid, touch.ask)
            elif symbol in self.watched and self.now_s() - self.watched[symbol].since_s >= TIME_S:
                self.watched[symbol].due.add(Cause.TIME_STOP)
        self.bench.trader.watching.look()
        self.see_new_orders()

    def has_open(self) -> bool:
        return any(not truth.is_over for truth in self.truths.values())

    def one_open(self, number: int) -> Truth:
        living = [truth for truth in self.truths.values() if not truth.is_over]
        return living[number % len(living)]

    @precondition(has_open)
    @rule(number=st.integers(0, 9), part=st.sampled_from([1, 40, 100]), again=st.booleans())
    def fill(self, number: int, part: int, again: bool) -> None:
        truth = self.one_open(number)
        self.book(truth, min(part, truth.leaves))
        is_filled = truth.leaves == 0
        truth.tell(OrderState.FILLED if is_filled else OrderState.WORKING)
        if again and not is_filled:
            truth.tell(OrderState.WORKING)
        self.see_new_orders()

    @precondition(has_open)
    @rule(number=st.integers(0, 9), state=st.sampled_from(FINAL))
    def end(self, number: int, state: OrderState) -> None:
        truth = self.one_open(number)
        if state is OrderState.REJECTED and truth.fills:
            return
        if truth.intent.purpose is Purpose.CLOSE and truth.intent.order.symbol in self.watched:
            self.watched[truth.intent.order.symbol].is_untried = False
        truth.tell(state)
        self.see_new_orders()

    @precondition(has_open)
    @rule(number=st.integers(0, 9), state=st.sampled_from(NEVER_SENT), again=st.booleans(), status=st.just(400))
    def never_sent(self, number: int, state: OrderState, again: bool, status: int) -> None:
        truth = self.one_open(number)
        if truth.state is OrderState.SENDING:
            truth.may_be_sent_again = again
            truth.tell(state, http_status=status, may_be_sent_again=again)
            self.see_new_orders()

    @precondition(has_open)
    @rule(number=st.integers(0, 9), lost=st.booleans())
    def no_answer(self, number: int, lost: bool) -> None:
        truth = self.one_open(number)
        if truth.state in {OrderState.SENDING, OrderState.UNKNOWN}:
            truth.tell(OrderState.UNKNOWN)
            if lost:
                truth.tell(OrderState.LOST_PRESUMED)
            self.see_new_orders()

    @rule(lost=st.integers(0, 6))
    def killed(self, lost: int) -> None:
        """End without a word, the last rows unwritten; the next start asks the broker for all that is open."""
        acted = {truth.intent.alert_id for truth in self.truths.values()}
        gone = self.bench.restart(lost)
        self.unwritten |= {int(str(row[1][0])) for row in gone if "INTO alerts" in row[0]} - acted
        self.seen = 0
        for watched in self.watched.values():
            watched.exits.clear()
        for intent, _, told in self.bench.executor.resumed:
            truth = self.truths[intent.key]
            assert intent == truth.intent
            truth.told = told
            if truth.state in NEVER_SENT:
                # Its end was not written: it is looked for and not found.
                truth.state = OrderState.UNKNOWN
                truth.tell(OrderState.LOST_PRESUMED)
            elif truth.state is not OrderState.SENDING:
                truth.tell(truth.state)
        still_open = {key for key, truth in self.truths.items() if not truth.is_over}
        assert still_open == set(self.bench.ledger.open_orders), "an open order was forgotten"
        self.see_new_orders()

    # what must hold

    @invariant()
    def ours_is_the_sum_of_our_fills(self) -> None:
        assert {symbol: self.bench.position(symbol) for symbol in SYMBOLS} == self.shares

    @invariant()
    def no_position_is_larger_than_one_entry(self) -> None:
        assert all(abs(qty) <= POLICY.qty for qty in self.shares.values())

    def teardown(self) -> None:
        try:
            self.check_end()
        finally:
            self.bench.journal.close()
            self.home.cleanup()

    def check_end(self) -> None:
        self.bench.trader.stop()
        self.bench.trader.abandon()
        writer = self.bench.store()
        decided = writer.execute_now("SELECT alert_id, trader FROM dispositions ORDER BY alert_id")
        kept = writer.execute_now("SELECT id FROM alerts ORDER BY id")
        writer.close()
        ids = {int(str(alert_id)) for (alert_id,) in kept}
        # A kill between two commits can take an alert's row, which comes second, and leave its disposition.
        of_kept = [alert_id for (alert_id, trader) in decided if trader == "live" and alert_id not in self.unwritten]
        assert of_kept == sorted(ids - self.unwritten), "not one disposition an alert"
        assert {alert_id for (alert_id,) in kept} >= set(self.alert_ids) - self.unwritten, "an alert was lost"
        recorded = Journal(self.bench.journal.path, size_bytes=1 << 20)
        recorded.close()
        assert [known.key for known in recorded.intents] == list(self.truths), "sent and not recorded, or the reverse"


TestTraderMachine = TraderMachine.TestCase
TestTraderMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
