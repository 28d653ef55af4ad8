"""Ours, not ours and the broker's number against a slow model: fills, trades by hand, transfers, adopts, restarts, and
account reads that lag or come empty. What differs is never open for long, and what agrees is never locked for long.
"""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import apsw
import pytest

from leadline.core.fills import Fill
from leadline.core.intent import Intent
from leadline.core.orders import Instruction, OrderState
from leadline.core.ports import OrderNews
from leadline.core.states import SymbolState
from leadline.core.units import NS_PER_S
from leadline.schwab.rest import Activity, BrokerOrder, ExecutionLeg, Instrument, OrderLeg
from leadline.store.baselines import restore
from leadline.store.orders import Book
from leadline.store.schema import MIGRATIONS
from leadline.traders import locks
from leadline.traders.adoption import Adoption, Moment, adopt, why_refused
from leadline.traders.hand_trades import take_list
from leadline.traders.ledger import Ledger
from leadline.traders.reconcile import compare, lock_not_ours
from support.trading import HandClock
from support.ui_store import an_alert, an_intent

BOOK = Book("live", "sim", "test")
LAG_S = 5.0
ACCOUNT_LAGS_S = (0.0, 0.5, 2.0, 4.9)
"""How old what an account read shows may be: always less than the setting."""

CHANGES = (-200, -100, -7, 7, 100, 200)

LIVES, STEPS = 250, 70
"""Lives a seed, and steps a life."""


def text_of(wall_ns: int) -> str:
    return f"{datetime.fromtimestamp(wall_ns // NS_PER_S, UTC):%Y-%m-%dT%H:%M:%S}+0000"


class Life:
    """One life of a symbol; the dice decide what happens."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.story: list[str] = []
        self.clock = HandClock()
        self.db = apsw.Connection(":memory:")
        for _, sql in MIGRATIONS:
            self.db.execute(sql)
        self.ledger = self.new_ledger()
        # the slow model: the truth at the broker with its history, and what must be ours
        self.true_qty = 0
        self.history: list[tuple[int, int]] = [(0, 0)]
        self.ours = 0
        self.external: int | None = None
        self.said = False
        self.numbers = iter(range(1, 10**6))
        self.open_intent: Intent | None = None
        self.unbooked = 0
        self.orders: list[BrokerOrder] = []
        self.last_change_ns = -(10**15)
        self.is_disturbed = False
        self.unlisted = 0
        self.hand_net = 0
        self.based_ns = 0
        self.has_another = dice.random() < 0.5
        self.has_lied = False
        self.sure: int | None = None
        """The broker's number as a quiet read had it, and our fills since."""

    def new_ledger(self) -> Ledger:
        ledger = Ledger(BOOK, self.write, self.clock, lag_ns=round(LAG_S * NS_PER_S))
        ledger.restore(known=restore(self.execute, BOOK))
        lock_not_ours(ledger, "F")
        return ledger

    def write(self, statement: tuple[str, Any]) -> None:
        self.db.execute(*statement)

    def execute(self, sql: str, values: Any = ()) -> list[tuple[object, ...]]:
        return [tuple(row) for row in self.db.execute(sql, values)]

    def move(self, change: int) -> None:
        """Something changes at the broker."""
        self.true_qty += change
        self.history.append((self.clock.boot_ns(), self.true_qty))
        self.last_change_ns = self.clock.boot_ns()

    # what happens

    def step(self) -> None:
        """Let one thing happen, then see whether all holds that always must."""
        deeds = (
            (self.time_passes, 10),
            (self.our_order, 8 if self.open_intent is None and self.external is not None else 0),
            (self.booked, 8 if self.open_intent is not None else 0),
            (self.trade_by_hand, 2),
            (self.transfer, 1),
            (self.restart, 2 if self.open_intent is None else 0),
            (self.list_orders, 4),
            (self.read_account, 12),
            (self.adopt, 3),
        )
        [deed] = self.dice.choices([deed for deed, _ in deeds], [weight for _, weight in deeds])
        self.story.append(deed.__name__)
        deed()
        self.look_at_what_always_holds()

    def time_passes(self) -> None:
        self.clock.pass_s(self.dice.choice((0.1, 0.6, 1.0, 3.0, 6.0, 60.0)))

    def our_order(self) -> None:
        change = -self.ours if self.ours and self.dice.random() < 0.5 else self.dice.choice(CHANGES)
        instruction = Instruction.BUY if change > 0 else Instruction.SELL_SHORT
        self.open_intent = an_intent(next(self.numbers), an_alert("F"), instruction, abs(change), trader="live")
        self.ledger.begin(self.open_intent)
        self.unbooked = change
        self.move(change)
        if self.dice.random() < 0.7:
            self.booked()

    def booked(self) -> None:
        """We are told of what our order did at the broker."""
        intent = self.open_intent
        assert intent is not None
        number = f"o{next(self.numbers)}"
        order, price_e6 = intent.order, (intent.order.limit or 0) * 100
        fill = Fill(number, number, "F", order.instruction, order.qty, price_e6, self.clock.wall_ns())
        order_qty, self.open_intent = self.unbooked, None
        self.ledger.take(intent, OrderNews(OrderState.FILLED, number, (fill,)))
        self.ours += order_qty
        self.sure = None if self.sure is None else self.sure + order_qty
        self.last_change_ns = self.clock.boot_ns()

    def trade_by_hand(self) -> None:
        change = self.dice.choice(CHANGES)
        if self.hand_net and self.dice.random() < 0.4:
            change = -self.hand_net  # and takes it back
        self.hand_net += change
        self.clock.pass_s(1)
        self.move(change)
        at = text_of(self.clock.wall_ns())
        leg = OrderLeg(Instrument("F"), "BUY" if change > 0 else "SELL", abs(change))
        part = ExecutionLeg(abs(change), 13.0, at, 1)
        number = next(self.numbers)
        self.orders.append(
            BrokerOrder(
                number,
                status="FILLED",
                filled_quantity=abs(change),
                quantity=abs(change),
                entered_time=at,
                tag="API_TOS:IPHONE",
                order_leg_collection=[leg],
                order_activity_collection=[Activity("EXECUTION", "FILL", number, [part])],
            )
        )
        self.unlisted += 1
        self.is_disturbed = True

    def transfer(self) -> None:
        self.move(self.dice.choice(CHANGES))
        self.is_disturbed = True

    def restart(self) -> None:
        self.ledger = self.new_ledger()
        self.sure = None

    # what we look at

    def list_orders(self) -> None:
        hands = self.ledger.holding("F").hands
        settled = set(hands.settled)
        take_list(self.ledger, self.orders, ["F"], self.clock.wall_ns(), locks_now=True)
        assert bool(hands.fills) == (locks.HAND in self.ledger.holding("F").locks)
        known = {fill.order_id for fill in hands.fills.values()}
        based_ns = self.clock.wall_ns() if self.external is None else self.based_ns
        since_ns = based_ns - round(LAG_S * NS_PER_S)
        for order in self.orders:
            was_agreed = any(key.startswith(f"{order.order_id}/") for key in settled)
            moment_ns = round(datetime.fromisoformat(order.entered_time).timestamp()) * NS_PER_S
            if not was_agreed and moment_ns > since_ns:
                assert str(order.order_id) in known, "a trade by hand is listed and does not lock"
        self.unlisted = 0
        # Known only now, and perhaps made good by a transfer: an account without positions is then no proof.
        self.is_disturbed |= bool(hands.net)

    def read_account(self) -> None:
        if self.dice.random() < 0.4:
            self.clock.pass_s(LAG_S)  # a calm moment, in which the account must tell the truth
        lag_s = self.dice.choice(ACCOUNT_LAGS_S)
        comes_empty = self.dice.random() < 0.15
        begun_ns = self.clock.boot_ns()
        shown = next(qty for at_ns, qty in reversed(self.history) if at_ns <= begun_ns - round(lag_s * NS_PER_S))
        is_true = not comes_empty
        self.has_lied |= comes_empty
        account: dict[str, float] = {"ZZZ": 5.0} if self.has_another and is_true else {}
        if shown and is_true:
            account["F"] = shown
        holding = self.ledger.holding("F")
        hands, hand_net = list(holding.hands.fills.values()), holding.hands.net
        offset_ns = self.clock.wall_ns() - self.clock.boot_ns()
        is_shown = all(begun_ns - (fill.fill_ns - offset_ns) >= round(LAG_S * NS_PER_S) for fill in hands)
        before = set(holding.locks)
        was_met = holding.baseline is not None
        compare(self.ledger, account, ["F"], begun_ns, self.clock.wall_ns())
        if not was_met and holding.baseline is not None:
            assert is_shown, "first contact with a number that may lack a trade by hand"
            self.external = round(account.get("F", 0))
            self.said = self.external == 0
            self.based_ns = self.clock.wall_ns()
            if self.external != self.true_qty:
                self.is_disturbed = True  # the first contact itself was with an account that lagged, or lied
        if hands and holding.hands.fills == {} and locks.HAND in before:
            assert round(account.get("F", 0)) == self.ours + (self.external or 0), (
                "a trade by hand is forgotten before the account agrees"
            )
            assert is_shown, "a trade by hand is forgotten before the account can show it"
            is_later = any(fill.fill_ns > self.based_ns for fill in hands)
            assert account or not hand_net or not is_later, "nothing listed is proof against a trade that is listed"
        assert locks.HAND in holding.locks or not holding.hands.fills
        self.look_after(begun_ns, is_true=is_true, shown=shown, is_empty=not account, hand_net=hand_net)

    def look_after(self, begun_ns: int, *, is_true: bool, shown: int, is_empty: bool, hand_net: float) -> None:
        """What must hold after a read that shows everything: nothing changed within the lag, no order is open."""
        holding = self.ledger.holding("F")
        is_quiet = begun_ns - self.last_change_ns >= round(LAG_S * NS_PER_S) and self.open_intent is None
        self.sure = None
        if not is_quiet or self.external is None:
            return
        expected = self.ours + self.external
        if is_true:
            assert shown == self.true_qty
            if self.true_qty != expected:
                assert holding.state is SymbolState.LOCKED, "a difference is open"
            elif self.said and not (is_empty and hand_net):  # nothing listed is no proof against what is known
                assert holding.state is SymbolState.OPEN, f"locked though all agrees: {holding.reason}"
            if not (is_empty and (expected or hand_net)):
                same = max(0, min(abs(self.ours), self.true_qty * (1 if self.ours > 0 else -1)))
                assert holding.closable_qty == same
                self.sure = self.true_qty
            if self.true_qty == expected and not (is_empty and hand_net):
                self.is_disturbed = False
        elif expected:
            assert holding.state is SymbolState.LOCKED, "an empty list was believed"
            if expected + hand_net:
                assert holding.closable_qty == abs(self.ours), "closes go by our fills alone"

    def adopt(self) -> None:
        qty = self.dice.choice((0, 0, 7, 100, -100, self.ours))
        holding = self.ledger.holding("F")
        seen = 0.0 if holding.broker_qty is None else holding.broker_qty
        if self.dice.random() < 0.1:
            seen += 1  # the person was shown another number
        now = Moment(self.clock.wall_ns(), self.clock.boot_ns(), 13_000_000)
        wanted = Adoption("F", qty, seen, "anna", "typed")
        reason = why_refused(self.ledger, wanted, now)
        fits = qty == 0 or (qty * seen > 0 and abs(qty) <= abs(seen))
        filled_ns = [ns for ns in (holding.last_fill_boot_ns, holding.hands.seen_boot_ns) if ns is not None]
        is_fresh = any(self.clock.boot_ns() - ns < round(LAG_S * NS_PER_S) for ns in filled_ns)
        is_other = holding.broker_qty is None or seen != holding.broker_qty
        if is_other or is_fresh or not fits or self.open_intent is not None:
            assert reason is not None
        if reason is not None:
            return
        adopt(self.ledger, wanted, now)
        self.ours, self.external, self.said, self.sure = qty, round(seen) - qty, True, round(seen)
        self.based_ns = self.clock.wall_ns()
        assert holding.state is SymbolState.OPEN, holding.reason
        assert not holding.hands.fills
        is_moving = self.clock.boot_ns() - self.last_change_ns < round(LAG_S * NS_PER_S)
        self.is_disturbed = is_moving or self.true_qty != self.ours + self.external
        self.hand_net = 0

    def look_at_what_always_holds(self) -> None:
        holding = self.ledger.holding("F")
        assert holding.position.qty == self.ours, "ours is what was said and our fills since"
        assert holding.external_qty == (self.external or 0), "not ours moves only by contact and adopt"
        assert 0 <= holding.closable_qty <= abs(self.ours), "a close is never larger than ours"
        if self.sure is not None:
            same = max(0, min(abs(self.ours), self.sure * (1 if self.ours > 0 else -1)))
            assert holding.closable_qty == same, "a close is clipped to the broker's number and our fills since"
        if not self.is_disturbed:
            left = set(holding.locks) - {locks.NOT_OURS, locks.EMPTY, locks.HAND}
            assert not left, f"locked where nothing ever differed: {left}"
            if not self.has_lied:
                assert locks.EMPTY not in holding.locks, "an account that only lags is taken for one that lies"

    def end(self) -> None:
        self.db.close()


def live(seed: int) -> None:
    life = Life(Random(seed))
    try:
        for _ in range(STEPS):
            life.step()
    except AssertionError as error:
        error.add_note(f"seed {seed}: {' '.join(life.story)}")
        raise
    finally:
        life.end()


@pytest.fixture
def silence() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("silence")
@pytest.mark.parametrize("seed", range(10))
def test_ours_not_ours_and_the_broker_as_the_slow_model_has_them(seed: int) -> None:
    for number in range(LIVES):
        live(seed * LIVES + number)
