"""Owns the page at /sim: the status as a person reads it.

Never runs a script and loads nothing; it asks itself again every two seconds.
Comes from `status`; goes to the browser.
"""

from collections.abc import Iterable, Mapping
from html import escape

_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>simschwab</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1rem; margin: 2rem 0 .4rem; } p { margin: .2rem 0 1.4rem; }
dl { display: flex; flex-wrap: wrap; gap: .6rem 2.4rem; margin: 0; } dt { opacity: .65; font-size: .8rem; }
dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #8884; font-weight: normal; }
th { opacity: .65; font-size: .8rem; } a { margin-right: 1rem; }
</style>"""

_FOOT = '<p><a href="/sim/status">status</a><a href="/sim/ledger">ledger</a><a href="/sim/faults">faults</a></p></html>'

_FAULT = ("fault", "where", "what", "seen", "struck", "in force")


def page_of(status: Mapping[str, object]) -> str:
    """Give the status as an HTML page without scripts."""
    market = _mapping(status["market"])
    symbols = _mapping(market["symbols"])
    state = "finished" if market["finished"] else "running" if market["begun"] else "waits for a subscription"
    figures = {
        "up": f"{status['uptime_s']} s",
        "market": f"{market['source']}, {state}",
        "seed": status["seed"],
        "frames": status["frames"],
        "orders": status["orders"],
        "fills": status["fills"],
        "cash": f"{status['cash_dollars']:,.2f}",
        "clock": f"{status['clock_offset_ms']} ms off",
        "ledger": f"{_mapping(status['ledger'])['next']} events",
    }
    held = {symbol: qty for symbol, qty in _mapping(status["positions"]).items() if qty}
    halted = ", ".join(map(str, _list(status["halted"]))) or "none"
    faults = _table("Faults", _FAULT, map(_fault, _list(status["faults"])), "None in force.")
    clients = _table("Clients", ("connection", "logged in", "subscriptions"), map(_client, _list(status["clients"])))
    return (
        f"{_HEAD}<h1>simschwab</h1><p>A simulated broker. Nothing here is a real account.</p>{_figures(figures)}"
        f"{_table('Positions', ('symbol', 'shares'), held.items(), 'Flat.')}{clients}{faults}"
        f"{_table('Symbols', ('symbol', 'listing'), symbols.items())}<p>Halted: {escape(halted)}</p>{_FOOT}"
    )


def _figures(figures: Mapping[str, object]) -> str:
    cells = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(str(v))}</dd></div>" for k, v in figures.items())
    return f"<dl>{cells}</dl>"


def _table(title: str, names: Iterable[str], rows: Iterable[Iterable[object]], empty: str = "None.") -> str:
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    return f"<h2>{escape(title)}</h2>" + (f"<table><tr>{head}</tr>{body}</table>" if body else escape(empty))


def _client(client: object) -> tuple[object, ...]:
    told = _mapping(client)
    subscriptions = _mapping(told["subscriptions"])
    asked = ", ".join(f"{service} {count}" for service, count in subscriptions.items()) or "none"
    return told["connection"], "yes" if told["logged_in"] else "no", asked


def _fault(fault: object) -> tuple[object, ...]:
    told = _mapping(fault)
    extra = {k: v for k, v in told.items() if k not in {"number", "on", "do", "seen", "hits", "open"}}
    words = ", ".join(f"{name} {value}" for name, value in extra.items())
    what = f"{told['do']} ({words})" if words else told["do"]
    return told["number"], told["on"], what, told["seen"], told["hits"], "yes" if told["open"] else "no"


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value
