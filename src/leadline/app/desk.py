"""Owns the inline trader from its making to its end: the right to trade, journal, recovery, executor, looks, arming.

Never arms before the broker's positions have been compared with ours.
Comes from `run`; goes on as a `Desk`, or as the reason why there is none.
"""

import asyncio
import logging
from pathlib import Path

import msgspec

from leadline.app.account import Account
from leadline.app.answering import Answers
from leadline.app.looks import Looks
from leadline.app.terms import limits_of, policy_of
from leadline.core.budget import WINDOW_NS
from leadline.core.errors import LeadlineError
from leadline.core.intent import Intent
from leadline.core.market import Market, Touch
from leadline.core.orders import OrderState
from leadline.core.ports import Clock, OrderExecutor
from leadline.core.states import TradingState
from leadline.core.units import ns_of_s
from leadline.schwab.executor import SchwabOrderExecutor, Timing
from leadline.schwab.rest import Rest
from leadline.settings import IntentSync, Loaded, Mode, Settings
from leadline.store.alerts import Origin
from leadline.store.journal import Journal
from leadline.store.locks import FileLock, next_epoch
from leadline.store.orders import Book
from leadline.store.writer import Writer
from leadline.traders.ledger import Ledger
from leadline.traders.live import LiveTrader, Terms
from leadline.traders.paper import PaperExecutor, PaperTrader
from leadline.traders.reconcile import lock_not_ours
from leadline.traders.recovery import OpenOrder, Recovered, begin_run, end_run, recover

log = logging.getLogger(__name__)

WAKE_EVERY_S = 1.0
"""Looks that account activity asks for are at least so far apart: a busy account must not make us ask all the time."""


class Desk:
    """The trader of this process with all it holds."""

    def __init__(
        self,
        trader: LiveTrader,
        executor: OrderExecutor,
        account: Account,
        *,
        writer: Writer,
        left_open: list[OpenOrder],
        held: tuple[FileLock, Journal],
        market: Market,
    ) -> None:
        self.trader = trader
        self.executor = executor
        self.account = account
        self.market = market
        self._writer = writer
        self._left_open = left_open
        self._lock, self._journal = held
        self._has_armed = False
        self._woken = asyncio.Event()
        # The paper account is our own: there is nothing to compare it with.
        self._looks = (
            Looks(trader.ledger, executor, account.account_hash, writer.put)
            if isinstance(executor, SchwabOrderExecutor)
            else None
        )

    def begin(self, first_alert_id: int) -> None:
        """Note that a trader runs from this alert on; the writer must not be started yet."""
        begin_run(self._writer, self.trader.ledger.book_of, first_alert_id)

    async def open(self, rest: Rest, symbols: list[str], clock: Clock) -> None:
        """Take up what an earlier run left, compare with the broker, and arm if that succeeded."""
        for order in self._left_open:
            log.warning("order %s of an earlier run is open: it is followed to its end", order.intent_key)
            self.trader.take_up(order)
        for symbol in sorted({*symbols, *self.trader.ledger.holdings}):
            lock_not_ours(self.trader.ledger, symbol)
            self.trader.ledger.write(symbol)
        try:
            await self.look(rest, symbols, clock)
        except LeadlineError as error:
            log.error("nothing is opened until the account can be read: %s", error)

    async def look(self, rest: Rest, symbols: list[str], clock: Clock, *, is_whole: bool = False) -> bool:
        """Read orders and account and compare; the first whole look that succeeds arms (never before: design 6).

        Raises:
            LeadlineError: something could not be read; what was known stands.
        """
        if self._looks is not None:
            is_whole = is_whole or not self._has_armed
            if not await self._looks.look(rest, symbols, clock, is_whole=is_whole):
                log.warning("orders of ours cannot be read yet: nothing is opened")
                return False
        if not self._has_armed:
            self._has_armed = True
            self.trader.state = TradingState.ARMED
            log.info("trading is ARMED")
        return True

    async def catch_up(self, rest: Rest, symbols: list[str], clock: Clock) -> bool:
        """Read every open order and the account after the feed was away; False if an order could not be read yet."""
        return await self.look(rest, symbols, clock, is_whole=True)

    def on_touch(self, symbol: str, touch: Touch) -> None:
        """Let a new touch fill what is simulated, then close what is due at it."""
        if isinstance(self.executor, PaperExecutor):
            self.executor.on_touch(symbol, touch)
        self.trader.on_touch(symbol, touch)

    def on_activity(self, order_id: str) -> None:
        """Take that something happened to an order: ask for ours, list the day's orders for another's."""
        if not isinstance(self.executor, SchwabOrderExecutor) or self._looks is None:
            return
        self.executor.wake(order_id)
        if order_id not in self.trader.ledger.order_ids:
            self._looks.ask_for_list()
            self._woken.set()

    async def keep_looking(self, rest: Rest, symbols: list[str], clock: Clock, every_s: float) -> None:
        """Look again and again, sooner when woken, and answer commands; a failed read leaves what was known."""
        if self._looks is None:
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_looking(rest, symbols, clock, every_s))
            ledger, put = self.trader.ledger, self._writer.put
            answers = Answers(ledger, self.market, self._writer.path, put, clock)
            group.create_task(answers.keep_answering())

    async def _keep_looking(self, rest: Rest, symbols: list[str], clock: Clock, every_s: float) -> None:
        while True:
            await asyncio.sleep(min(WAKE_EVERY_S, every_s))
            await _wait(self._woken, max(every_s - WAKE_EVERY_S, 0))
            try:
                await self.look(rest, symbols, clock)
            except LeadlineError as error:
                log.warning("positions could not be read, the last known stand: %s", error)

    async def close(self, timeout_s: float) -> list[Intent]:
        """Take no more alerts, let open orders end for a while, and give those that did not."""
        self.trader.stop()
        left: list[Intent] = []
        if isinstance(self.executor, SchwabOrderExecutor):
            left = await self.executor.settle(timeout_s)
        self.trader.abandon()
        end_run(self._writer, self.trader.ledger.book_of)
        self._journal.close()
        self._lock.release()
        return left

    def unknown(self) -> list[str]:
        """Give the orders whose fate is not known."""
        doubtful = {OrderState.SENDING, OrderState.UNKNOWN, OrderState.LOST_PRESUMED}
        return [key for key, order in self.trader.ledger.open_orders.items() if order.state in doubtful]


class Room(msgspec.Struct, frozen=True):
    """What a desk is made from."""

    loaded: Loaded
    account: Account
    writer: Writer
    market: Market
    clock: Clock
    origin: Origin


def make_desk(room: Room, rest: Rest) -> Desk:
    """Take the right to trade the account and make its trader; the writer must not be started yet.

    Raises:
        LockHeldError: another process trades this account.
        JournalError: the intent journal cannot be used.
    """
    settings = room.loaded.settings
    state_dir = room.account.state_dir(settings)
    lock = FileLock(state_dir / "trader.lock", f"the right to trade account {room.account.mask}")
    try:
        return _make_under(lock, state_dir, room, rest)
    except LeadlineError:
        lock.release()  # a process that cannot trade must not keep others from it
        raise


def _make_under(lock: FileLock, state_dir: Path, room: Room, rest: Rest) -> Desk:
    settings = room.loaded.settings
    epoch = next_epoch(state_dir / "epoch")
    journal = Journal(state_dir / "intents.journal", is_synced=settings.intent_sync is IntentSync.POWER)
    is_paper = settings.trading_mode is Mode.PAPER
    book = Book("paper" if is_paper else "live", room.account.mode, room.account.fingerprint)
    recent = _requests_of(journal.intents, room.clock)
    left = recover(
        room.writer,
        journal.intents,
        book,
        room.clock.wall_ns(),
        writes_rows=not settings.inline_dispatch_only,
    )
    if left.interrupted:
        log.warning("%s alerts of an earlier run were never decided: they are `interrupted`", left.interrupted)
    # Without rows the journal is where alerts that were acted on can be found: it is trimmed as late as possible.
    if journal.is_nearly_full or (journal.is_half_full and not settings.inline_dispatch_only):
        still_open = {order.intent_key for order in left.open_orders}
        journal = journal.trimmed(state_dir / f"intents-until-{epoch}.journal", still_open)
    ledger = _ledger_of(room, book, left)
    executor = _executor_of(settings, room, rest, epoch)
    for at_ns in recent:
        executor.budget.spend(at_ns)
    kind = PaperTrader if is_paper else LiveTrader
    trader = kind(
        Terms(epoch, policy_of(settings), limits_of(settings), room.origin),
        executor=executor,
        journal=journal,
        ledger=ledger,
        market=room.market,
        put=room.writer.put,
        clock=room.clock,
    )
    held = (lock, journal)
    return Desk(
        trader,
        executor,
        room.account,
        writer=room.writer,
        left_open=left.open_orders,
        held=held,
        market=room.market,
    )


def _requests_of(intents: list[Intent], clock: Clock) -> list[int]:
    """Give when earlier runs sent order requests in the last minute, by the boot clock: the broker counts them all.

    Cancels are not on record: each order may have had one.
    """
    now_ns = clock.wall_ns()
    sent = [intent.decide_ns for intent in intents if 0 <= now_ns - intent.decide_ns < WINDOW_NS]
    return sorted(clock.boot_ns() - (now_ns - at_ns) for at_ns in sent for _ in ("its submit", "its cancel"))


def _ledger_of(room: Room, book: Book, left: Recovered) -> Ledger:
    """Make the ledger and give it what earlier runs left."""
    lag_ns = ns_of_s(room.loaded.settings.position_lag_sec)
    ledger = Ledger(book, room.writer.put, room.clock, lag_ns=lag_ns, touch_of=room.market.touches.get)
    ledger.restore(known=left.known)
    for order_id, key in left.order_ids:
        ledger.order_ids.add(order_id, key)
    for symbol, reason, at_ns in left.rejected:
        ledger.evict(symbol, reason, at_ns)
    ledger.end_evictions()
    return ledger


def _executor_of(settings: Settings, room: Room, rest: Rest, epoch: int) -> OrderExecutor:
    if settings.trading_mode is Mode.PAPER:
        return PaperExecutor(
            room.clock,
            latency_ms=settings.paper_latency_ms,
            fill_timeout_s=settings.live_limit_fill_timeout,
            prefix=f"paper-{epoch}",
        )
    timing = Timing(fill_timeout_s=settings.live_limit_fill_timeout)
    return SchwabOrderExecutor(
        rest,
        room.account.account_hash,
        room.market,
        room.clock,
        timing,
        requests_per_minute=settings.risk_orders_per_minute,
    )


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), timeout_s)
    except TimeoutError:
        return
    event.clear()
