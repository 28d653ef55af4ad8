"""Owns the making of the inline trader: the right to trade, the journal, recovery, an executor, and the first look.

Never arms before the broker's positions have been compared with ours.
Comes from `run`; goes on as a `Desk`, or as the reason why there is none.
"""

import asyncio
import logging
from pathlib import Path

import msgspec

from leadline.app.account import Account
from leadline.app.terms import limits_of, policy_of
from leadline.core.errors import LeadlineError
from leadline.core.intent import Intent
from leadline.core.market import Market
from leadline.core.orders import OrderState
from leadline.core.ports import Clock, OrderExecutor
from leadline.core.states import TradingState
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
from leadline.traders.reconcile import compare
from leadline.traders.recovery import OpenOrder, begin_run, end_run, recover

log = logging.getLogger(__name__)

CATCH_UP_S = 5.0
"""How long open orders may take to be read after the feed was away, until it is tried again."""


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
    ) -> None:
        self.trader = trader
        self.executor = executor
        self.account = account
        self._writer = writer
        self._left_open = left_open
        self._lock, self._journal = held
        self._has_armed = False

    def begin(self, first_alert_id: int) -> None:
        """Note that a trader runs from this alert on; the writer must not be started yet."""
        begin_run(self._writer, self.trader.ledger.book_of, first_alert_id)

    async def open(self, rest: Rest, symbols: list[str], clock: Clock) -> None:
        """Take up what an earlier run left, compare with the broker, and arm if that succeeded."""
        for order in self._left_open:
            log.warning("order %s of an earlier run is open: it is followed to its end", order.intent_key)
            self.trader.take_up(order)
        for symbol in symbols:
            self.trader.ledger.write(symbol)
        try:
            await self.look(rest, symbols, clock)
        except LeadlineError as error:
            log.error("nothing is opened until the account can be read: %s", error)

    async def look(self, rest: Rest, symbols: list[str], clock: Clock) -> None:
        """Read the account once and compare; the first read that succeeds arms (never before: design 6).

        The paper account is our own: there is nothing to compare it with.
        """
        if isinstance(self.executor, SchwabOrderExecutor):
            begun_boot_ns = clock.boot_ns()
            positions = await rest.positions(self.account.account_hash)
            traded = sorted({*symbols, *self.trader.ledger.holdings})
            for symbol in compare(self.trader.ledger, positions, traded, begun_boot_ns, clock.wall_ns()):
                self.executor.doubt(symbol)
        if not self._has_armed:
            self._has_armed = True
            self.trader.state = TradingState.ARMED
            log.info("trading is ARMED")

    async def catch_up(self, rest: Rest, symbols: list[str], clock: Clock) -> bool:
        """Read every open order and the account after the feed was away; False if an order could not be read yet."""
        if isinstance(self.executor, SchwabOrderExecutor) and not await self.executor.read_all(CATCH_UP_S):
            log.warning("orders that were open when the feed was lost cannot be read yet: nothing is opened")
            return False
        await self.look(rest, symbols, clock)
        return True

    async def keep_looking(self, rest: Rest, symbols: list[str], clock: Clock, every_s: float) -> None:
        """Read the account again and again; a failed read leaves what was known and is said."""
        while isinstance(self.executor, SchwabOrderExecutor):
            await asyncio.sleep(every_s)
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
    ledger = Ledger(book, room.writer.put, room.clock)
    ledger.restore(left.fills)
    executor = _executor_of(settings, room, rest, epoch)
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
    return Desk(trader, executor, room.account, writer=room.writer, left_open=left.open_orders, held=(lock, journal))


def _executor_of(settings: Settings, room: Room, rest: Rest, epoch: int) -> OrderExecutor:
    if settings.trading_mode is Mode.PAPER:
        return PaperExecutor(
            room.clock,
            latency_ms=settings.paper_latency_ms,
            fill_timeout_s=settings.live_limit_fill_timeout,
            prefix=f"paper-{epoch}",
        )
    timing = Timing(fill_timeout_s=settings.live_limit_fill_timeout)
    return SchwabOrderExecutor(rest, room.account.account_hash, room.market, room.clock, timing)
