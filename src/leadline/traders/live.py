"""Owns the trader of this process: one lane a symbol, and the flip from one alert to its last leg.

Never blocks its caller, never sends but by way of `legs`, never lets a fault out to the stream or the executor.
Comes from `dispatch` and touches; goes to `legs`, and ends each alert with one disposition.
"""

import logging
from collections import deque
from collections.abc import Callable

import msgspec

from leadline.core import flip, risk
from leadline.core.alerts import Alert, Disposition
from leadline.core.intent import Cause, Intent, Purpose
from leadline.core.legs import ATTEMPTS_MAX, Ended, Leg, Progress, close_out
from leadline.core.market import Market, Touch
from leadline.core.orders import ENDED, OrderState
from leadline.core.ports import Clock, OrderExecutor, OrderNews
from leadline.core.states import TradingState
from leadline.store.journal import Journal
from leadline.store.orders import insert_disposition
from leadline.store.spill import Statement
from leadline.traders.lanes import Lane, Run, take_late
from leadline.traders.ledger import Ledger
from leadline.traders.legs import Legs, Terms
from leadline.traders.recovery import OpenOrder
from leadline.traders.standing import Standing
from leadline.traders.watching import Watching

__all__ = ["LiveTrader", "Terms"]

log = logging.getLogger(__name__)

DECISIONS_KEPT = 1_000

ACCOUNT_REFUSALS = frozenset({401, 403, 404})
"""Refusals that are about the account or the login, not the order: nothing is opened until a person has looked."""


class LiveTrader:
    """Trade alerts through an executor. All calls come from the event loop's thread."""

    def __init__(
        self,
        terms: Terms,
        *,
        executor: OrderExecutor,
        journal: Journal,
        ledger: Ledger,
        market: Market,
        put: Callable[[Statement], None],
        clock: Clock,
    ) -> None:
        self.name = ledger.book_of.trader
        self.ledger = ledger
        self.executor = executor
        self._policy = terms.policy
        self._standing = standing = Standing()
        self._legs = Legs(
            terms, standing, executor=executor, journal=journal, ledger=ledger, market=market, clock=clock
        )
        self.watching = Watching(
            terms.policy.exits,
            ledger,
            market,
            clock,
            age_max_ns=terms.limits.touch_age_max_ns,
            standing=standing,
            on_due=self._on_due,
        )
        self._put = put
        self._clock = clock
        self._lanes: dict[str, Lane] = {}
        self._last_id = 0
        self._exits = 0
        self._is_stopping = False
        self.decision_ns: deque[int] = deque(maxlen=DECISIONS_KEPT)
        """From frame received to intent on record, the last DECISIONS_KEPT times."""

    @property
    def state(self) -> TradingState:
        """Whether this process may open positions."""
        return self._standing.state

    @state.setter
    def state(self, state: TradingState) -> None:
        self._standing.state = state

    @property
    def state_reason(self) -> str | None:
        """Why the state is what an automatic stop made it."""
        return self._standing.reason

    @property
    def holds(self) -> dict[str, str]:
        """Why nothing is opened for now, by what says so; it ends by itself."""
        return self._standing.holds

    def close_entries(self, reason: str) -> None:
        """Allow nothing but exits from now on: every automatic stop ends here (design section 6)."""
        self._standing.close_entries(reason)

    def hold_entries(self, source: str, reason: str | None) -> None:
        """Open nothing while there is a reason; None from the same source ends it. Exits go on."""
        self._standing.hold_entries(source, reason)

    def process_alert(self, alert_id: int, alert: Alert) -> None:
        """Take an alert: run it now if its lane is free, else let it wait in place of an older one."""
        lane = self._lanes.setdefault(alert.symbol, Lane())
        if alert_id <= self._last_id:
            self._take_again(lane, alert_id)
            return
        self._last_id = alert_id
        if self._is_stopping:
            self._dispose(alert_id, Disposition.REFUSED, "shutting down")
            return
        self.watching.forgive(alert.symbol)
        run = Run(alert.symbol, str(alert_id), alert.boot_ns, alert_id=alert_id, alert=alert)
        if lane.running is None:
            self._start(lane, run)
            return
        if lane.waiting is not None:
            self._dispose(lane.waiting.alert_id, Disposition.SUPERSEDED, f"by alert {alert_id}")
        lane.waiting, run.has_waited = run, True

    def _take_again(self, lane: Lane, alert_id: int) -> None:
        """Trade an alert once however often it comes (reliability F20); the store keeps its first disposition."""
        log.warning("alert %s came before and is not traded again", alert_id)
        if not lane.has(alert_id):
            self._dispose(alert_id, Disposition.DUPLICATE, "it came before")

    def on_touch(self, symbol: str, touch: Touch) -> None:
        """Close what is due at a new touch."""
        self.watching.on_touch(symbol, touch)

    def look(self) -> None:
        """Close what is due without a touch; end alerts that can ask for nothing more by now."""
        if self.watching.is_on:
            self.watching.look()
        for run, ended in take_late(self._lanes.values(), self._clock.boot_ns() - self._policy.flip_ns):
            self._settle(run, ended)

    def _on_due(self, symbol: str, cause: Cause) -> None:
        """Begin an exit, or let it wait: an alert that runs goes first, and one that waits does not."""
        lane = self._lanes.setdefault(symbol, Lane())
        if self._is_stopping:
            return
        if lane.running is None:
            self._exit(lane, symbol, cause)
        elif lane.running.cause is Cause.ALERT:
            self.watching.keep(symbol, cause)

    def _exit(self, lane: Lane, symbol: str, cause: Cause) -> None:
        if self.ledger.exit_in_doubt(symbol):
            return  # a close may be filling yet, or is lost: a second one could sell what is gone
        self._exits += 1
        log.warning("%s: closing, the %s is due", symbol, cause)
        side, now_ns = self.watching.side_of(symbol), self._clock.boot_ns()
        lane.running = Run(symbol, f"{cause}{self._exits}", now_ns, cause=cause, side=side)
        self._advance(lane.running)

    def stop(self) -> None:
        """Take no more alerts and open nothing; what runs may end."""
        self._is_stopping = True
        self.state = TradingState.DISABLED
        for lane in self._lanes.values():
            if lane.waiting is not None:
                self._dispose(lane.waiting.alert_id, Disposition.REFUSED, "shutting down")
                lane.waiting = None

    def abandon(self) -> None:
        """Settle what still runs at the very end, so that each alert has its disposition."""
        for lane in self._lanes.values():
            if lane.running is not None:
                self._settle(lane.running, Ended(Disposition.INTERRUPTED, "shut down before its last leg"))

    def take_up(self, order: OpenOrder) -> None:
        """Go on with an order of an earlier run; its alert is settled, only its fate is open."""
        intent = order.intent
        if intent is None:
            why = f"order {order.intent_key} is open and not in the journal: look at the broker"
            self.ledger.lock(order.symbol, order.intent_key, why)
            return
        now_ns, key = self._clock.boot_ns(), intent.key
        run = Run(order.symbol, key, now_ns, key=key, cause=intent.cause, only_follows=True)
        lane = self._lanes.setdefault(order.symbol, Lane())
        lane.running = lane.running or run  # new alerts of the symbol wait for the order's end
        self._legs.resume(intent, order.order_id, lambda news: self._told(run, intent, news))

    def _start(self, lane: Lane, run: Run) -> None:
        is_young = self._clock.boot_ns() - run.begun_boot_ns <= self._policy.ttl_ns
        if not is_young and not run.has_waited:
            self._dispose(run.alert_id, Disposition.EXPIRED, "older than ALERT_TTL_SEC")
            return
        lane.running, run.done = run, Progress(may_open=is_young)
        self._advance(run)

    def _advance(self, run: Run) -> None:
        """Let a run go on, and if that fails leave nothing half done: settled, entries closed, the lane free."""
        try:
            if run.alert is not None:
                self._handle_alert(run, run.alert)
            else:
                self._carry_out(run, close_out(self._legs.situation_of(run), run.side, self._policy))
        except Exception as error:
            log.exception("%s of %s failed", run.name, run.symbol)
            self._failed(run, error, is_over=run.key not in self.ledger.open_orders)

    def _handle_alert(self, run: Run, alert: Alert) -> None:
        """Decide the alert's next leg on what is known now and send it, or end the alert."""
        self._carry_out(run, flip.decide(alert, self._legs.situation_of(run), self._policy))

    def _carry_out(self, run: Run, decision: Leg | Ended) -> None:
        if isinstance(decision, Ended):
            self._end(run, decision)
            return
        checked = self._legs.check(decision)
        if isinstance(checked, risk.Refused):
            self._end(run, run.done.refused(checked.reason))
            return
        intent = self._legs.record(run, checked)
        if not isinstance(intent, Intent):
            self._end(run, run.done.refused(f"not recorded: {intent.what}"))
            return
        if intent.purpose is Purpose.OPEN:
            self._settle(run, Ended(Disposition.TRADED))
        if run.alert is not None and not run.has_waited and (intent.leg, intent.attempt) == (1, 1):
            self.decision_ns.append(self._clock.boot_ns() - run.begun_boot_ns)
        self._legs.send(intent, lambda news: self._told(run, intent, news))

    def _told(self, run: Run, intent: Intent, news: OrderNews) -> None:
        """Take news of a leg; a fault of ours must not reach the executor, which has other orders to follow."""
        try:
            self._take(run, intent, news)
        except Exception as error:
            log.exception("news of order %s could not be taken in", intent.key)
            self._failed(run, error, is_over=news.state in ENDED)

    def _take(self, run: Run, intent: Intent, news: OrderNews) -> None:
        """Book what became of a leg; once the run's last one has ended, decide the next."""
        self.ledger.take(intent, news)
        self.watching.note(run.symbol)
        is_again = news.may_be_sent_again and intent.attempt < ATTEMPTS_MAX
        if news.state is OrderState.REFUSED and news.http_status in ACCOUNT_REFUSALS and not is_again:
            self.close_entries(f"HTTP {news.http_status} on an order: {news.reason}")
        is_rejected = news.state is OrderState.REJECTED and intent.purpose is Purpose.CLOSE
        if is_rejected:
            self.watching.rejected(run.symbol)
        if self._lanes[run.symbol].running is not run or intent.key != run.key:
            return  # late news of a leg that is over: booked, and nothing more is decided on it
        if news.state is OrderState.LOST_PRESUMED:
            self._end(run, Ended(Disposition.CLOSED_ONLY, "the close's fate is not known"))
        elif news.state in ENDED and run.only_follows:
            self._end(run, Ended(Disposition.TRADED, news.reason))
        elif news.state in ENDED:
            rejected = (news.reason or "no reason given") if is_rejected else None
            run.done = msgspec.structs.replace(run.done, is_again=is_again, close_rejected=rejected)
            self._advance(run)

    def _failed(self, run: Run, error: Exception, *, is_over: bool) -> None:
        """Give up a run on a fault of ours: it must cost this alert and entries, never the exits to come."""
        self.close_entries(f"a fault while handling {run.name} of {run.symbol}: {error!r}")
        ended = run.done.refused(f"a fault: {error!r}")
        if is_over:
            self._end(run, ended)
        else:
            run.only_follows = True
            self._settle(run, ended)

    def _end(self, run: Run, ended: Ended) -> None:
        """Settle the alert and give its lane to the exit or the alert that waits."""
        lane = self._lanes[run.symbol]
        is_running = lane.running is run
        if is_running:
            lane.running = None
        self._settle(run, ended)
        if not is_running:
            return
        if run.cause is not Cause.ALERT:
            self.watching.tried(run.symbol, run.cause, ended.reason)
        due = self.watching.waiting(run.symbol)
        if due is not None:
            self._on_due(run.symbol, due)
        if lane.running is None and lane.waiting is not None:
            waiting, lane.waiting = lane.waiting, None
            self._start(lane, waiting)

    def _settle(self, run: Run, ended: Ended) -> None:
        if run.alert is not None and not run.is_settled:
            run.is_settled = True
            self._dispose(run.alert_id, ended.disposition, ended.reason)

    def _dispose(self, alert_id: int, disposition: Disposition, reason: str | None) -> None:
        self._put(insert_disposition(alert_id, self.name, disposition, reason, self._clock.wall_ns()))
