"""Owns the verb that says what is ours, what is not, what the broker says, and why they differ.

Never writes: it reads the database only, while grok runs and after it ended.
Comes from the shell; goes to `store` and `views`.
"""

from typing import Annotated

import typer

from leadline.cli.told import ConfigFile, DbPath, told

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")]


@told
def positions(db: DbPath = None, config: ConfigFile = None, as_json: Json = False) -> None:
    """Show each symbol: ours, not ours, the broker's number and its age, whether they agree, and what is open."""
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
        position_facts,
        position_lines,
    )
    from leadline.views.why import grok_facts, grok_line, trading_lines

    path = load({"db_path": db}, toml=config).settings.db_path
    now_ns = SystemClock().wall_ns()
    with queries.reading(path) as connection:
        process = grok_of(queries.processes(connection))
        rows = queries.positions(connection, midnight_ns(now_ns))
        orders = listed.open_orders(connection)
        external = [order for order in listed.external_orders(connection) if external_leaves(order)]
        listed_ns = listed.listed_ns(connection)
    if as_json:
        told_all = {
            "grok": None if process is None else grok_facts(process, now_ns),
            "positions": [position_facts(row, now_ns) for row in rows],
            "open_orders": [order_facts(order, now_ns) for order in orders],
            "external_orders": [external_facts(order, now_ns) for order in external],
        }
        typer.echo(msgspec.json.encode(told_all).decode())
        return
    head = ["grok has not run on this database yet"]
    if process is not None:
        head = [grok_line(process, now_ns), *trading_lines(process, now_ns)]
    lines = [*head, *listed_lines(listed_ns.values(), now_ns), "", *position_lines(rows, now_ns)]
    lines += ["", *(order_line(order, now_ns) for order in orders)] if orders else ["", "no order of ours is open"]
    lines += [external_line(order, now_ns) for order in external]
    typer.echo("\n".join(lines))
