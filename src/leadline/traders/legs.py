"""Owns a leg's road to the executor: what it is decided on, the risk check, the intent on record, and the hand-over.

Never sends what `risk` has not approved and the journal has not recorded.
Comes from the trader; goes to the journal and an executor, whose news go back to the trader.
"""

import logging

import msgspec

from leadline.core import risk
from leadline.core.errors import JournalError
from leadline.core.intent import Intent, Purpose
from leadline.core.legs import Leg, Policy, Situation
from leadline.core.market import Market
from leadline.core.orders import OrderState, distinct
from leadline.core.ports import Clock, OrderExecutor, OrderNews, Told
from leadline.store.alerts import Origin
from leadline.store.journal import Journal
from leadline.traders.lanes import Run
from leadline.traders.ledger import Ledger
from leadline.traders.outlook import priceable, view_of
from leadline.traders.standing import Standing

log = logging.getLogger(__name__)


class Terms(msgspec.Struct, frozen=True):
    """What an intent carries besides the order: who decides, in which epoch, from which run."""

    epoch: int
    policy: Policy
    limits: risk.Limits
    origin: Origin


class Legs:
    """Check, record and hand over the legs of one trader."""

    def __init__(
        self,
        terms: Terms,
        standing: Standing,
        *,
        executor: OrderExecutor,
        journal: Journal,
        ledger: Ledger,
        market: Market,
        clock: Clock,
    ) -> None:
        self._terms = terms
        self._standing = standing
        self._executor = executor
        self._journal = journal
        self._ledger = ledger
        self._trader = ledger.book_of.trader
        self._market = market
        self._clock = clock

    def situation_of(self, run: Run) -> Situation:
        """Give what the run's next leg is decided on, as of now."""
        holding, now_ns = self._ledger.holding(run.symbol), self._clock.boot_ns()
        touch = priceable(self._market.touches.get(run.symbol), now_ns, self._terms.limits.touch_age_max_ns)
        age_ns, ours = now_ns - run.begun_boot_ns, holding.position.qty
        return Situation(run.symbol, age_ns, ours, holding.closable_qty, touch, run.done)

    def check(self, leg: Leg) -> risk.Approved | risk.Refused:
        """Let risk judge a leg, told apart from all of ours that are open or lost (reliability F23)."""
        touch, is_buy = self._market.touches.get(leg.order.symbol), leg.order.instruction.sign > 0
        price = None if touch is None else touch.ask if is_buy else touch.bid
        order = distinct(leg.order, (tracked.intent.order for tracked in self._ledger.open_orders.values()), price)
        if order is None:
            return risk.Refused("an order of ours that nothing could tell from it is open or lost")
        return risk.check(Leg(leg.purpose, order), self._look(order.symbol), self._terms.limits)

    def _look(self, symbol: str) -> risk.View:
        now_ns = self._clock.boot_ns()
        return view_of(
            symbol,
            self._standing.state,
            self._ledger,
            self._market,
            hold=self._standing.hold,
            now_ns=now_ns,
            requests_last_minute=self._executor.budget.last_minute(now_ns),
        )

    def record(self, run: Run, approved: risk.Approved) -> Intent | JournalError:
        """Put the run's next leg on record and count it; or give why it is not, with nothing sent then."""
        leg, done = approved.leg, run.done.with_leg(approved.leg.purpose)
        intent = Intent(
            # The epoch is this start's alone, so that no key can come twice however often the process starts.
            key=f"{self._trader}-{self._terms.epoch}-{run.name}-{done.leg}-{done.attempt}",
            epoch=self._terms.epoch,
            trader=self._trader,
            alert_id=run.alert_id,
            alert=run.alert,
            leg=done.leg,
            purpose=leg.purpose,
            order=leg.order,
            decide_ns=self._clock.wall_ns(),
            config_hash=self._terms.origin.config_hash,
            version=self._terms.origin.version,
            boot_id=self._terms.origin.boot_id,
            attempt=done.attempt,
            cause=run.cause,
        )
        try:
            self._journal.append(intent)
        except JournalError as error:
            self._say_not_recorded(leg, error)
            return error
        run.done, run.key = done, intent.key
        self._ledger.begin(intent)
        return intent

    def _say_not_recorded(self, leg: Leg, error: JournalError) -> None:
        if leg.purpose is Purpose.CLOSE:
            qty = self._ledger.holding(leg.order.symbol).position.qty
            log.error("NOT FLAT: %s %s shares, and their close was not sent: %s", leg.order.symbol, qty, error)
        else:
            log.error("NOT SENT: %s", error)
        self._standing.close_entries(f"intents cannot be recorded: {error.what}")

    def send(self, intent: Intent, told: Told) -> None:
        """Let the executor have an intent that is on record."""
        try:
            self._executor.execute(intent, told)
        except Exception as error:
            log.exception("order %s: the executor failed", intent.key)
            self._in_doubt(intent, told, error)

    def resume(self, intent: Intent, order_id: str | None, told: Told) -> None:
        """Let the executor go on with an order of an earlier run."""
        self._ledger.begin(intent, is_resumed=True)
        try:
            self._executor.resume(intent, order_id, told)
        except Exception as error:
            log.exception("order %s: the executor failed", intent.key)
            self._in_doubt(intent, told, error)

    def _in_doubt(self, intent: Intent, told: Told, error: Exception) -> None:
        """Take an executor's fault: the order is on record and may be on its way, like one without an answer."""
        self._standing.close_entries(f"a fault while sending order {intent.key}")
        if intent.key in self._ledger.open_orders:
            told(OrderNews(OrderState.LOST_PRESUMED, reason=f"a fault while it was sent: {error!r}"))
