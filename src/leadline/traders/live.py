"""Owns the trader of this process: one lane a symbol, and the flip from one alert to its last leg.

Never blocks its caller, never sends what `risk` has not approved and the journal has not recorded.
Comes from `dispatch`; goes to the journal and an executor, and ends each alert with one disposition.
"""

import logging
from collections import deque
from collections.abc import Callable

import msgspec

from leadline.core import flip, risk
from leadline.core.alerts import Alert, Disposition
from leadline.core.errors import JournalError
from leadline.core.flip import Ended, Leg, Progress, Situation
from leadline.core.intent import Intent, Purpose
from leadline.core.market import Market
from leadline.core.orders import ENDED, OrderState
from leadline.core.ports import Clock, OrderExecutor, OrderNews
from leadline.core.states import TradingState
from leadline.store.alerts import Origin
from leadline.store.journal import Journal
from leadline.store.orders import insert_disposition
from leadline.store.spill import Statement
from leadline.traders.lanes import Lane, Run
from leadline.traders.ledger import Ledger
from leadline.traders.outlook import priceable, view_of
from leadline.traders.recovery import OpenOrder

log = logging.getLogger(__name__)

DECISIONS_KEPT = 1_000

ACCOUNT_REFUSALS = frozenset({401, 403, 404})
"""Refusals that are about the account or the login, not the order: nothing is opened until a person has looked."""


class Terms(msgspec.Struct, frozen=True):
    """What an intent carries besides the order: who decides, in which epoch, from which run."""

    epoch: int
    policy: flip.Policy
    limits: risk.Limits
    origin: Origin


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
        self._terms = terms
        self._executor = executor
        self._journal = journal
        self.ledger = ledger
        self.name = ledger.book_of.trader
        self._market = market
        self._put = put
        self._clock = clock
        self._lanes: dict[str, Lane] = {}
        self._is_stopping = False
        self.state = TradingState.DISABLED
        self.state_reason: str | None = None
        self.holds: dict[str, str] = {}
        """Why nothing is opened for now, by what says so; it ends by itself."""
        self.decision_ns: deque[int] = deque(maxlen=DECISIONS_KEPT)
        """From frame received to intent on record, the last DECISIONS_KEPT times."""

    def process_alert(self, alert_id: int, alert: Alert) -> None:
        """Take an alert: run it now if its lane is free, else let it wait in place of an older one."""
        if self._is_stopping:
            self._dispose(alert_id, Disposition.REFUSED, "shutting down")
            return
        lane = self._lanes.get(alert.symbol)
        if lane is None:
            lane = self._lanes[alert.symbol] = Lane()
        if lane.running is not None:
            if lane.waiting is not None:
                self._dispose(lane.waiting[0], Disposition.SUPERSEDED, f"by alert {alert_id}")
            lane.waiting = (alert_id, alert)
            return
        self._start(lane, alert_id, alert, has_waited=False)

    def close_entries(self, reason: str) -> None:
        """Allow nothing but exits from now on: every automatic stop ends here (design section 6)."""
        if self.state is TradingState.ARMED:
            self.state, self.state_reason = TradingState.REDUCING, reason
            log.error("trading is REDUCING, exits only: %s", reason)

    def hold_entries(self, source: str, reason: str | None) -> None:
        """Open nothing while there is a reason; None from the same source ends it. Exits go on."""
        if reason is None:
            if self.holds.pop(source, None) is not None:
                log.info("entries are allowed again by the %s", source)
        else:
            if source not in self.holds:
                # Before the first look at the account nothing is opened anyway: no news then.
                level = logging.WARNING if self.state is TradingState.ARMED else logging.INFO
                log.log(level, "entries are held by the %s: %s", source, reason)
            self.holds[source] = reason

    def stop(self) -> None:
        """Take no more alerts and open nothing; what runs may end."""
        self._is_stopping = True
        self.state = TradingState.DISABLED
        for lane in self._lanes.values():
            if lane.waiting is not None:
                self._dispose(lane.waiting[0], Disposition.REFUSED, "shutting down")
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
        self.ledger.begin(intent, is_resumed=True)
        run = Run(intent.alert_id, intent.alert, Progress(may_open=False), has_waited=True, is_settled=True)
        lane = self._lanes.setdefault(intent.order.symbol, Lane())
        lane.running = lane.running or run  # new alerts of the symbol wait for the order's end
        self._executor.resume(intent, order.order_id, lambda news: self._resumed(run, intent, news))

    def _resumed(self, run: Run, intent: Intent, news: OrderNews) -> None:
        """Book what became of an earlier run's order; its end frees the lane."""
        self.ledger.take(intent, news)
        if news.state in ENDED or news.state is OrderState.LOST_PRESUMED:
            self._end(run, Ended(Disposition.TRADED))

    def _start(self, lane: Lane, alert_id: int, alert: Alert, *, has_waited: bool) -> None:
        is_young = self._age_ns(alert) <= self._terms.policy.ttl_ns
        if not is_young and not has_waited:
            self._dispose(alert_id, Disposition.EXPIRED, "older than ALERT_TTL_SEC")
            return
        lane.running = Run(alert_id, alert, Progress(may_open=is_young), has_waited)
        self._advance(lane.running)

    def _advance(self, run: Run) -> None:
        """Let an alert go on, and if that fails leave nothing half done: settled, entries closed, the lane free."""
        try:
            self._handle_alert(run)
        except Exception as error:
            # A fault of ours in the middle of an alert: it must cost this alert and entries, never the exits to come.
            log.exception("alert %s of %s failed", run.alert_id, run.alert.symbol)
            self.close_entries(f"a fault while handling alert {run.alert_id}: {error!r}")
            ended = self._refused(run, f"a fault: {error!r}")
            if self.ledger.is_settling(run.alert.symbol):
                self._settle(run, ended)
            else:
                self._end(run, ended)

    def _handle_alert(self, run: Run) -> None:
        """Decide the alert's next leg on what is known now and send it, or end the alert."""
        alert = run.alert
        holding = self.ledger.holding(alert.symbol)
        touch = self._market.touches.get(alert.symbol)
        now = Situation(
            alert,
            self._age_ns(alert),
            holding.position.qty,
            holding.closable_qty,
            priceable(touch, self._clock.boot_ns(), self._terms.limits.touch_age_max_ns),
            run.done,
        )
        decision = flip.decide(now, self._terms.policy)
        if isinstance(decision, Leg):
            checked = risk.check(decision, self._look(alert.symbol), self._terms.limits)
            if isinstance(checked, risk.Approved):
                self._send(run, checked)
                return
            decision = self._refused(run, checked.reason)
        self._end(run, decision)

    def _refused(self, run: Run, reason: str) -> Ended:
        return Ended(Disposition.CLOSED_ONLY if run.done.closes else Disposition.REFUSED, reason)

    def _send(self, run: Run, approved: risk.Approved) -> None:
        """Record the leg, then let the executor have it; what is not on record is not sent."""
        leg = approved.leg
        number = run.done.closes + run.done.opens + 1
        intent = Intent(
            key=f"{self.name}-{self._terms.epoch}-{run.alert_id}-{number}",
            epoch=self._terms.epoch,
            trader=self.name,
            alert_id=run.alert_id,
            alert=run.alert,
            leg=number,
            purpose=leg.purpose,
            order=leg.order,
            decide_ns=self._clock.wall_ns(),
            config_hash=self._terms.origin.config_hash,
            version=self._terms.origin.version,
            boot_id=self._terms.origin.boot_id,
        )
        try:
            self._journal.append(intent)
        except JournalError as error:
            self._not_recorded(run, leg, error)
            return
        if leg.purpose is Purpose.OPEN:
            run.done = msgspec.structs.replace(run.done, opens=run.done.opens + 1)
            self._settle(run, Ended(Disposition.TRADED))
        else:
            run.done = msgspec.structs.replace(run.done, closes=run.done.closes + 1)
        if number == 1 and not run.has_waited:
            self.decision_ns.append(self._age_ns(run.alert))
        self.ledger.begin(intent)
        try:
            self._executor.execute(intent, lambda news: self._told(run, intent, news))
        except Exception as error:
            # It is on record and may be on its way: as much in doubt as an order without an answer.
            log.exception("order %s: the executor failed", intent.key)
            self.close_entries(f"a fault while sending order {intent.key}")
            self._told(run, intent, OrderNews(OrderState.LOST_PRESUMED, reason=f"a fault while it was sent: {error!r}"))

    def _not_recorded(self, run: Run, leg: Leg, error: JournalError) -> None:
        """End an alert whose leg could not be recorded, and say what that leaves open."""
        if leg.purpose is Purpose.CLOSE:
            qty = self.ledger.holding(leg.order.symbol).position.qty
            log.error("NOT FLAT: %s %s shares, and their close was not sent: %s", leg.order.symbol, qty, error)
        else:
            log.error("NOT SENT: %s", error)
        self.close_entries(f"intents cannot be recorded: {error.what}")
        self._end(run, self._refused(run, f"not recorded: {error.what}"))

    def _told(self, run: Run, intent: Intent, news: OrderNews) -> None:
        """Book what became of a leg; once the alert's last one has ended, decide the next."""
        self.ledger.take(intent, news)
        if news.state is OrderState.REFUSED and news.http_status in ACCOUNT_REFUSALS:
            self.close_entries(f"HTTP {news.http_status} on an order: {news.reason}")
        is_last_leg = intent.leg == run.done.closes + run.done.opens
        if self._lanes[run.alert.symbol].running is not run or not is_last_leg:
            return  # late news of a leg that is over: booked, and nothing more is decided on it
        if news.state is OrderState.REJECTED and intent.purpose is Purpose.CLOSE:
            run.done = msgspec.structs.replace(run.done, close_rejected=news.reason or "no reason given")
        if news.state is OrderState.LOST_PRESUMED:
            self._end(run, Ended(Disposition.CLOSED_ONLY, "the close's fate is not known"))
        elif news.state in ENDED:
            self._advance(run)

    def _end(self, run: Run, ended: Ended) -> None:
        """Settle the alert and give its lane to the one that waits."""
        self._settle(run, ended)
        lane = self._lanes[run.alert.symbol]
        if lane.running is not run:
            return
        lane.running = None
        if lane.waiting is not None:
            (alert_id, alert), lane.waiting = lane.waiting, None
            self._start(lane, alert_id, alert, has_waited=True)

    def _settle(self, run: Run, ended: Ended) -> None:
        if not run.is_settled:
            run.is_settled = True
            self._dispose(run.alert_id, ended.disposition, ended.reason)

    def _dispose(self, alert_id: int, disposition: Disposition, reason: str | None) -> None:
        self._put(insert_disposition(alert_id, self.name, disposition, reason, self._clock.wall_ns()))

    def _age_ns(self, alert: Alert) -> int:
        return self._clock.boot_ns() - alert.boot_ns

    def _look(self, symbol: str) -> risk.View:
        now_ns = self._clock.boot_ns()
        requests = self._executor.budget.last_minute(now_ns)
        return view_of(
            symbol,
            self.state,
            self.ledger,
            self._market,
            hold=next(iter(self.holds.values()), None),
            now_ns=now_ns,
            requests_last_minute=requests,
        )
