"""Owns what the simulator tells about itself, as JSON values.

Never shows the lagging account view: these are the true positions.
Comes from the exchange, goes to /sim/status and to `page`.
"""

from simschwab.core.exchange import Exchange
from simschwab.core.times import NS_PER_MS, NS_PER_S


def status_of(exchange: Exchange, started_ns: int, now_ns: int) -> dict[str, object]:
    """Give the status as JSON values; positions are {symbol: signed shares}."""
    ledger, market = exchange.ledger, exchange.market
    positions = exchange.broker.account.true.positions
    return {
        "uptime_s": round((now_ns - started_ns) / NS_PER_S, 3),
        "seed": exchange.settings.seed,
        "frames": ledger.frame_count,
        "orders": len(exchange.broker.orders),
        "fills": exchange.broker.fill_count,
        "positions": {symbol: held.quantity for symbol, held in positions.items()},
        "cash_dollars": exchange.broker.account.true.cash_e4 / 10_000,
        "clients": [
            {
                "connection": connection.number,
                "logged_in": connection.logged_in,
                "subscriptions": {
                    service: len(connection.subscriptions.keys(service))
                    for service in connection.subscriptions.services()
                },
            }
            for connection in exchange.streamer.connections
        ],
        "market": {
            "source": market.name,
            "symbols": {symbol: listing.letter for symbol, listing in market.listings.items()},
            "begun": exchange.begun,
            "finished": market.finished,
        },
        "clock_offset_ms": exchange.offset_ns // NS_PER_MS,
        "halted": sorted(exchange.board.halted),
        "faults": exchange.fault_rows(now_ns),
        "ledger": {"next": ledger.next_seq, "dropped": ledger.dropped},
    }
