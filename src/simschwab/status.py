"""Owns what the simulator tells about itself: its status and a plain page of it.

Never shows the lagging account view: these are the true positions.
Comes from the exchange, goes to /sim/status and /sim.
"""

from html import escape

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


def page_of(status: dict[str, object]) -> str:
    """Give the status as an HTML page without scripts."""
    plain = ((name, value) for name, value in status.items() if name != "faults")
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in plain)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>simschwab</title>'
        "<h1>simschwab</h1><p>A simulated broker. Nothing here is a real account.</p>"
        f"<table>{rows}</table>{_faults(status['faults'])}"
        '<p><a href="/sim/status">status</a> <a href="/sim/ledger">ledger</a> '
        '<a href="/sim/faults">faults</a></p></html>'
    )


def _faults(rows: object) -> str:
    if not isinstance(rows, list) or not rows:
        return "<h2>Faults</h2><p>None in force.</p>"
    items = "".join(f"<li>{escape(str(row))}</li>" for row in rows)
    return f"<h2>Faults</h2><ul>{items}</ul>"
