"""Owns the joining of the stream with what it feeds: judge, tape, gaps, holds, and the look at the broker after a loss.

Never judges a frame or a position.
Comes from `run` with what it holds; goes back as the stream.
"""

from functools import partial

from leadline.app.desk import Desk
from leadline.core.market import Listing, Market, Service
from leadline.core.ports import Clock
from leadline.schwab.intake import FrameTaker
from leadline.schwab.link import Hooks, Patience
from leadline.schwab.requests import Subscriptions, check_limit
from leadline.schwab.rest import Rest
from leadline.schwab.socket import Connect
from leadline.schwab.stream import SchwabStream
from leadline.settings import Settings
from leadline.store.gaps import insert_gap
from leadline.store.writer import Writer
from leadline.tape.recorder import Recorder


def subscriptions_of(settings: Settings, listings: dict[str, Listing]) -> Subscriptions:
    """Give what to ask the streamer for: each symbol's books on the service of its listing, and its level one.

    Raises:
        ConfigurationError: more symbols than the streamer is trusted to serve.
    """
    subscriptions = Subscriptions(by_service(listings), list(settings.symbols))
    check_limit(subscriptions, settings.feed_symbols_max)
    return subscriptions


def patience_of(settings: Settings) -> Patience:
    """Give the waits of the connection."""
    return Patience(
        silence_s=settings.feed_silence_sec,
        stale_s=settings.feed_stale_sec,
        stalled_s=settings.feed_stalled_sec,
    )


def stream_of(
    settings: Settings,
    subscriptions: Subscriptions,
    taker: FrameTaker,
    *,
    rest: Rest,
    clock: Clock,
    market: Market,
    writer: Writer,
    desk: Desk | None,
    tape: Recorder | None,
    connect: Connect,
) -> SchwabStream:
    """Make the stream of a run."""
    hooks = Hooks(
        catch_up=None if desk is None else partial(desk.catch_up, rest, list(settings.symbols), clock),
        hold=None if desk is None else desk.trader.hold_entries,
        on_gap=lambda gap: writer.put(insert_gap(gap)),
        tape=tape,
        is_halted=lambda symbol: market.level_one(symbol).halted is True,
    )
    patience = patience_of(settings)
    return SchwabStream(rest, subscriptions, taker, clock=clock, patience=patience, hooks=hooks, connect=connect)


def by_service(listings: dict[str, Listing]) -> dict[Service, list[str]]:
    """Group symbols by the book service on which they are judged."""
    grouped: dict[Service, list[str]] = {}
    for symbol, listing in listings.items():
        grouped.setdefault(listing.service, []).append(symbol)
    return grouped
