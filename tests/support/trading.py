"""What trader tests stand on: a clock that tests move, an executor that tests answer for, and a trader over both."""

import itertools
from pathlib import Path
from typing import Any

import msgspec

from leadline.core.alerts import Alert
from leadline.core.budget import RequestBudget
from leadline.core.fills import Fill
from leadline.core.imbalance import Direction
from leadline.core.intent import Intent
from leadline.core.legs import Policy
from leadline.core.market import Listing, Market, Service, Touch
from leadline.core.orders import OrderState
from leadline.core.ports import OrderNews, Told
from leadline.core.risk import Limits
from leadline.core.states import TradingState
from leadline.core.units import NS_PER_S
from leadline.store.alerts import Origin
from leadline.store.baselines import Restored
from leadline.store.journal import Journal
from leadline.store.orders import Book
from leadline.store.spill import Statement
from leadline.store.writer import Writer
from leadline.traders.ledger import Ledger
from leadline.traders.legs import Terms
from leadline.traders.live import LiveTrader
from leadline.traders.recovery import begin_run, recover

POLICY = Policy(qty=100, slippage_bps=5, shorting=True, exit_to_market=True, ttl_ns=2 * NS_PER_S, flip_ns=10 * NS_PER_S)
LIMITS = Limits(
    order_qty_max=1_000,
    order_notional_max=50_000 * 10_000,
    position_qty_max=1_000,
    gross_notional_max=200_000 * 10_000,
    collar_bps_max=100,
    touch_age_max_ns=3 * NS_PER_S,
    orders_per_minute_max=120,
)


class HandClock:
    """A clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.now_ns = 1_000 * NS_PER_S

    def wall_ns(self) -> int:
        """UTC: the hand clock shifted by a fixed day."""
        return 1_795_000_000 * NS_PER_S + self.now_ns

    def boot_ns(self) -> int:
        """The hand clock itself."""
        return self.now_ns

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += round(seconds * NS_PER_S)


class HandExecutor:
    """An executor for which the test is the broker."""

    def __init__(self, clock: HandClock) -> None:
        self.budget = RequestBudget()
        self._clock = clock
        self.sent: list[tuple[Intent, Told]] = []
        self.resumed: list[tuple[Intent, str | None, Told]] = []
        self._fill_numbers = itertools.count(1)

    def execute(self, intent: Intent, told: Told) -> None:
        """Remember what was sent."""
        self.budget.spend(self._clock.boot_ns())
        self.sent.append((intent, told))

    def resume(self, intent: Intent, order_id: str | None, told: Told) -> None:
        """Remember what was taken up again."""
        self.resumed.append((intent, order_id, told))

    def fill(self, price_e6: int, *, qty: int | None = None, number: int = -1, state: str = "FILLED") -> Fill:
        """Fill an order that was sent (the last one) in one execution, and tell its state."""
        intent, told = self.sent[number]
        fill = self.fill_of(intent, price_e6, qty)
        told(OrderNews(OrderState(state), f"o{number}", (fill,)))
        return fill

    def fill_of(self, intent: Intent, price_e6: int, qty: int | None = None) -> Fill:
        """Make an execution of an intent's order."""
        order = intent.order
        return Fill(
            key=f"fill-{next(self._fill_numbers)}",
            order_id=intent.key,
            symbol=order.symbol,
            instruction=order.instruction,
            qty=order.qty if qty is None else qty,
            price_e6=price_e6,
            fill_ns=self._clock.wall_ns(),
        )

    def tell(self, state: OrderState, number: int = -1, **more: Any) -> None:
        """Tell news of an order that was sent (the last one)."""
        self.sent[number][1](OrderNews(state, **more))


class Bench:
    """A live trader with everything around it in the test's hands."""

    def __init__(self, home: Path, policy: Policy = POLICY, limits: Limits = LIMITS, **journal: Any) -> None:
        self.home, self.policy, self.limits, self.epoch = home, policy, limits, 0
        self.clock = HandClock()
        self.statements: list[Statement] = []
        self.journal = Journal(
            home / "intents.journal", **({"size_bytes": 1 << 20, "reserve_bytes": 1 << 18} | journal)
        )
        self.market = Market(60 * NS_PER_S)
        self._ids = itertools.count(1)
        self._written = 0
        self._begin(Restored())

    def _begin(self, known: Restored) -> None:
        self.epoch += 1
        self.executor = HandExecutor(self.clock)
        self.ledger = Ledger(Book("live", "sim", "test"), self.statements.append, self.clock)
        self.ledger.restore(known=known)
        self.trader = LiveTrader(
            Terms(self.epoch, self.policy, self.limits, Origin("boot", "hash", "0")),
            executor=self.executor,
            journal=self.journal,
            ledger=self.ledger,
            market=self.market,
            put=self.statements.append,
            clock=self.clock,
        )
        self.trader.watching.restore(known)
        self.trader.state = TradingState.ARMED

    def restart(self, lost: int = 0) -> list[Statement]:
        """End as by a kill, the last rows unwritten, and start anew with what is open taken up; give what is lost."""
        kept = max(self._written, len(self.statements) - lost)
        gone = self.statements[kept:]
        del self.statements[kept:]
        writer = self.store()
        self.journal.close()
        self.journal = Journal(self.journal.path, size_bytes=1 << 20, reserve_bytes=1 << 18)
        now_ns, book = self.clock.wall_ns(), self.ledger.book_of
        left = recover(writer, self.journal.intents, book, now_ns, writes_rows=True)
        begin_run(writer, book, 1)
        writer.close()
        self._begin(left.known)
        for order in left.open_orders:
            self.trader.take_up(order)
        return gone

    def store(self) -> Writer:
        """Write all rows that were put so far, and give the store, not started."""
        writer = Writer(self.home / "rows.db", 0)
        writer.execute_now("BEGIN")
        for statement in self.statements[self._written :]:
            writer.execute_now(*statement)
        writer.execute_now("COMMIT")
        self._written = len(self.statements)
        return writer

    def quote(self, symbol: str = "F", bid: int = 131_200, ask: int = 131_300, size: int = 5_000) -> None:
        """Show a fresh touch, a listing that may be shorted, and a status, if none is known yet."""
        now_ns = self.clock.boot_ns()
        if self.market.level_one(symbol).halted is None:
            self.market.level_one(symbol).update(self.clock.wall_ns(), status="Normal")
        self.market.touches[symbol] = Touch(bid, ask, size, size, self.clock.wall_ns(), now_ns)
        self.market.listings[symbol] = Listing(
            symbol, "N", Service.NYSE_BOOK, is_shortable=True, is_hard_to_borrow=False
        )

    def touch(self, bid: int, ask: int, symbol: str = "F") -> None:
        """Show a fresh touch and tell the trader of it."""
        self.quote(symbol, bid, ask)
        self.trader.on_touch(symbol, self.market.touches[symbol])

    def alert(self, direction: Direction = Direction.BID_HEAVY, symbol: str = "F", **changes: Any) -> int:
        """Hand a fresh alert on a fresh touch to the trader; give its id."""
        self.quote(symbol)
        alert_id = next(self._ids)
        self.trader.process_alert(alert_id, make_alert(self.clock, direction, symbol, **changes))
        return alert_id

    def position(self, symbol: str = "F") -> int:
        """Ours, in shares."""
        return self.ledger.holding(symbol).position.qty

    def dispositions(self) -> dict[int, list[tuple[str, str | None]]]:
        """What was written of each alert, in order: more than one entry is a fault."""
        made: dict[int, list[tuple[str, str | None]]] = {}
        for sql, values in self.statements:
            if "INTO dispositions" in sql:
                alert_id, _, disposition, reason, _ = values
                made.setdefault(msgspec.convert(alert_id, int), []).append(
                    (str(disposition), msgspec.convert(reason, str | None))
                )
        return made

    def disposition(self, alert_id: int) -> str:
        """The one disposition of an alert."""
        [(disposition, _)] = self.dispositions()[alert_id]
        return disposition


def make_alert(clock: HandClock, direction: Direction, symbol: str = "F", **changes: Any) -> Alert:
    """An alert received now."""
    alert = Alert(
        symbol=symbol,
        direction=direction,
        total_bids=9_000,
        total_asks=3_000,
        heavy_venues=6,
        valid_venues=8,
        price_e5=1_312_500,
        bid=131_200,
        ask=131_300,
        imbalance_duration_ns=10 * NS_PER_S,
        vol_per_min=None,
        streak_id=1,
        entry_blocked_by=None,
        service=Service.NYSE_BOOK,
        book_ns=clock.wall_ns(),
        recv_ns=clock.wall_ns(),
        boot_ns=clock.boot_ns(),
    )
    return msgspec.structs.replace(alert, **changes)
