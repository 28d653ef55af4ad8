"""Owns the verb that shows our orders, and those of the account that are not ours.

Never writes: it reads the database only, while grok runs and after it ended.
Comes from the shell; goes to `store` and `views`.
"""

from typing import Annotated

import typer

from leadline.cli.told import ConfigFile, DbPath, told

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")]


@told
def orders(  # noqa: PLR0917 - options are given by name
    day: Annotated[bool, typer.Option("--day", help="All of today (New York), ended ones too.")] = False,
    every: Annotated[bool, typer.Option("--all", help="All in the database, the newest 1,000.")] = False,
    symbol: Annotated[str | None, typer.Option(help="Only this symbol.")] = None,
    db: DbPath = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Show open orders: state, the broker's status, what is open, age; and EXTERNAL ones as last listed."""
    import msgspec

    from leadline.clock import SystemClock
    from leadline.settings import load
    from leadline.store import listed, queries
    from leadline.views import grok_of, midnight_ns
    from leadline.views.holdings import (
        external_facts,
        external_leaves,
        external_line,
        listed_lines,
        order_facts,
        order_line,
    )
    from leadline.views.why import grok_facts, grok_line

    path = load({"db_path": db}, toml=config).settings.db_path
    now_ns = SystemClock().wall_ns()
    wanted = None if symbol is None else symbol.strip().upper()
    with queries.reading(path) as connection:
        process = grok_of(queries.processes(connection))
        if day or every:
            ours = listed.orders_since(connection, 0 if every else midnight_ns(now_ns), wanted)
        else:
            ours = listed.open_orders(connection, wanted)
        external = [order for order in listed.external_orders(connection) if wanted in {None, order.symbol}]
        listed_ns = listed.listed_ns(connection)
    if not (day or every):
        external = [order for order in external if external_leaves(order)]
    if as_json:
        told_all = {
            "grok": None if process is None else grok_facts(process, now_ns),
            "orders": [order_facts(order, now_ns) for order in ours],
            "external_orders": [external_facts(order, now_ns) for order in external],
        }
        typer.echo(msgspec.json.encode(told_all).decode())
        return
    lines = ["grok has not run on this database yet" if process is None else grok_line(process, now_ns)]
    lines += listed_lines(listed_ns.values(), now_ns)
    lines += [order_line(order, now_ns) for order in ours] or [
        f"no order of ours is {'there' if day or every else 'open'}"
    ]
    lines += [external_line(order, now_ns) for order in external]
    if len(ours) == listed.ORDERS_MAX:
        lines.append(f"only the newest {listed.ORDERS_MAX} are shown: `leadline db export --table orders` gives all")
    typer.echo("\n".join(lines))
