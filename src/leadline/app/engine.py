"""Owns the engine of grok: stream, judge, trader, store and tape joined, kept going, and trading ended in order.

Never decides about markets or orders, and never opens a file or a connection of its own: it is given them.
Comes from `run`, or from a test that joins it to a broker in the same process; goes on until something ends it.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from typing import Any

from leadline import __version__
from leadline.app.account import Account
from leadline.app.desk import Desk, Room, make_desk
from leadline.app.endings import Ended, until_orphaned
from leadline.app.feed import by_service, stream_of, subscriptions_of
from leadline.app.health import StoreWatch
from leadline.app.report import Reporter
from leadline.app.terms import thresholds_of
from leadline.clock import boot_id
from leadline.core.detector import Detector
from leadline.core.errors import ExitCode, JournalError, LeadlineError, LockHeldError, StoreError
from leadline.core.exchange_days import unknown_year
from leadline.core.intent import Purpose
from leadline.core.market import Listing, Market
from leadline.core.ports import Clock
from leadline.core.session import new_york
from leadline.core.units import NS_PER_MS, ns_of_s
from leadline.dispatch import Dispatch
from leadline.grok import Grok, HandOver
from leadline.schwab.activity import order_id_of
from leadline.schwab.listing import Listings
from leadline.schwab.rest import Rest
from leadline.schwab.socket import Connect, connect
from leadline.schwab.wire import ActivityItem
from leadline.settings import Loaded
from leadline.store.alerts import AlertIds, Origin
from leadline.store.writer import Writer
from leadline.tape.recorder import Recorder
from leadline.traders.live import LiveTrader
from leadline.traders.recovery import interrupt

log = logging.getLogger(__name__)

ACCOUNT_POLL_S = 5.0
REPORT_S = 1.0
WATCH_S = 0.25
"""Between looks at what is held and what waits: a quiet feed must not keep a time stop waiting (lesson 41)."""

Work = Callable[[], Coroutine[Any, Any, None]]
"""Begins something that goes on beside the others until the run ends."""


class Engine:
    """What one run of grok holds, joined: a stream that is judged, a trader, and the rows of both."""

    def __init__(
        self,
        loaded: Loaded,
        account: Account,
        listings: dict[str, Listing],
        *,
        rest: Rest,
        writer: Writer,
        clock: Clock,
        tape: Recorder | None,
        connect: Connect = connect,
    ) -> None:
        settings = loaded.settings
        self._loaded, self._settings, self._rest, self._writer, self._clock = loaded, settings, rest, writer, clock
        self._symbols, self._tape = list(settings.symbols), tape
        self._market = Market(ns_of_s(settings.window_seconds))
        self._market.listings.update(listings)
        services = {symbol: listing.service for symbol, listing in listings.items()}
        thresholds = thresholds_of(loaded)
        self._detector = Detector(thresholds, services)
        origin = Origin(boot_id(), loaded.config_hash, __version__)
        subscriptions = subscriptions_of(settings, listings)
        self.desk = _desk_or_reason(Room(loaded, account, writer, self._market, clock, origin), rest)
        # After recovery: ids that only the journal knows must not be given again.
        ids = AlertIds(writer)
        if isinstance(self.desk, Desk):
            self.desk.begin(ids.last + 1)
        writer.start()
        dispatch = Dispatch(self.desk.trader) if isinstance(self.desk, Desk) else None
        rows = not settings.inline_dispatch_only
        self._hand_over = HandOver(ids, dispatch, writer.put, origin, writes_rows=rows)
        self._grok = Grok(
            self._detector,
            thresholds,
            self._market,
            symbols=frozenset(self._symbols),
            on_alert=self._hand_over.take,
            on_touch=self.desk.on_touch if isinstance(self.desk, Desk) else None,
            on_activity=_waker(self.desk) if isinstance(self.desk, Desk) else None,
            on_near_miss=self._hand_over.take_near_miss if settings.record_near_misses else None,
        )
        self._stream = stream_of(
            settings,
            subscriptions,
            self._grok,
            rest=rest,
            clock=clock,
            market=self._market,
            writer=writer,
            desk=self.desk if isinstance(self.desk, Desk) else None,
            tape=tape,
            connect=connect,
        )
        self._reporter = Reporter(loaded, account, self.desk, clock=clock, writer=writer, tape=tape)
        hold = self.desk.trader.hold_entries if isinstance(self.desk, Desk) else _no_trader
        self._store_watch = StoreWatch(writer, clock, hold)
        self._say(account)

    def _say(self, account: Account) -> None:
        """Say at the start what this run is (nothing here may give the account away)."""
        if isinstance(self.desk, Desk):
            log.info("inline_trader_dispatch enabled: %s trader", self.desk.trader.name)
        else:
            log.error("NOT TRADING: inline_trader_dispatch disabled: %s", self.desk)
        log.info("account %s at %s, mode %s", account.mask, self._settings.schwab_base_url, account.mode.upper())
        log.info("database %s, settings %s", self._settings.db_path, self._loaded.config_hash)
        for service, symbols in by_service(self._market.listings).items():
            log.info("%s: %s", service, ", ".join(symbols))
        beyond = unknown_year(new_york(self._clock.wall_ns() // NS_PER_MS).date())
        if beyond is not None:
            log.warning("%s", beyond)

    async def go(
        self, until_asked: Work, beside: Callable[[], list[Coroutine[Any, Any, None]]], *, with_parent: bool
    ) -> tuple[ExitCode, LeadlineError | None]:
        """Stream and trade until the end is asked for, then end trading in order; give the fault, if one ended it."""
        code = ExitCode.OK
        fault: LeadlineError | None = None
        try:
            if isinstance(self.desk, Desk):
                await self.desk.open(self._rest, self._symbols, self._clock)
            async with asyncio.TaskGroup() as group:
                for work in (*self._works(until_asked, with_parent=with_parent), *beside()):
                    group.create_task(work)
        except* Ended:
            log.info("stopping: no more alerts are taken")
        except* LeadlineError as errors:
            fault = next(error for error in errors.exceptions if isinstance(error, LeadlineError))
        except* Exception as errors:
            # Whatever broke, trading ends in order and every row is written before the process says so and goes.
            log.exception("a fault in leadline ended this run")
            fault = _fault_of(errors.exceptions[0])
        if isinstance(self.desk, Desk):
            try:
                code = await self._end_trading(self.desk)
            except Exception as error:
                log.exception("trading could not be ended in order: look at the broker")
                fault = fault or _fault_of(error)
        self._reporter.stopped()
        return code, fault

    def _works(self, until_asked: Work, *, with_parent: bool) -> list[Coroutine[Any, Any, None]]:
        works = [self._stream.run(), self._rest.login.keep_fresh(), self._keep_reporting(), until_asked()]
        if isinstance(self.desk, Desk):
            works.append(self.desk.keep_looking(self._rest, self._symbols, self._clock, ACCOUNT_POLL_S))
            works.append(_keep_watching(self.desk.trader))
        if self._tape is not None:
            works.append(self._tape.keep_handing_over())
        if with_parent:
            works.append(until_orphaned(os.getppid()))
        return works

    async def _keep_reporting(self) -> None:
        while True:
            self._store_watch.look()
            self._market.stale = frozenset(filter(self._stream.watch.is_stale, self._symbols))
            self._reporter.report(self._grok, self._hand_over, self._detector, self._stream, self._market)
            await asyncio.sleep(REPORT_S)

    async def keep_listings(self, listings: Listings) -> None:
        """Ask each day anew where the symbols are listed and whether they can be shorted."""
        await listings.keep_fresh(self._symbols, self._market, on_moved=self._market.moved.update)

    async def _end_trading(self, desk: Desk) -> ExitCode:
        left = await desk.close(self._settings.shutdown_exit_sec)
        for intent in left:
            log.error("left working at the broker: order %s of %s", intent.key, intent.order.symbol)
        for symbol, holding in desk.trader.ledger.holdings.items():
            if holding.position.qty:
                log.warning("position kept: %s %s shares", symbol, holding.position.qty)
        unknown = desk.unknown()
        for key in unknown:
            log.error("the fate of order %s is UNKNOWN: look at the broker", key)
        # An opening that is left working is no better than one whose fate is not known: nobody watches it.
        in_doubt = bool(unknown) or any(intent.purpose is Purpose.OPEN for intent in left)
        return ExitCode.UNKNOWN_ORDER if in_doubt else ExitCode.OK


async def _keep_watching(trader: LiveTrader) -> None:
    """Have the trader look again and again at what no touch and no news would show."""
    while True:
        await asyncio.sleep(WATCH_S)
        trader.look()


def _desk_or_reason(room: Room, rest: Rest) -> Desk | str:
    """Make the trader, or give the reason why there is none; with INLINE_DISPATCH_ONLY that ends the start."""
    try:
        return make_desk(room, rest)
    except (LockHeldError, JournalError, StoreError) as error:
        if room.loaded.settings.inline_dispatch_only:
            raise
        interrupt(room.writer, room.clock.wall_ns())  # what an earlier run left, before alerts that nobody trades
        return str(error)


def _fault_of(error: BaseException) -> LeadlineError:
    return LeadlineError(f"a fault in leadline ended this run: {error!r}", do="see the log above")


def _no_trader(source: str, reason: str | None) -> None:
    """Hold nothing: this run trades nothing."""


def _waker(desk: Desk) -> Callable[[ActivityItem], None]:
    def wake(item: ActivityItem) -> None:
        order_id = order_id_of(item)
        if order_id is not None:
            desk.on_activity(order_id)

    return wake
