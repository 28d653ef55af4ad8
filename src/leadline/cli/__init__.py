"""The command line: verbs, thin, each one call into the product."""

from typing import Annotated, Any

import typer

from leadline import __version__
from leadline.cli import adopt, config, db, orders, positions, running, tape, why

app = typer.Typer(
    name="leadline",
    help="Streams Level II books from Charles Schwab, alerts on venue imbalance, and trades in the same process.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
for verb in (running.grok, running.record, running.replay, why.why, running.ui, running.demo):
    app.command()(verb)
for account_verb in (positions.positions, orders.orders, adopt.adopt):
    app.command()(account_verb)
app.add_typer(config.app, name="config")
app.add_typer(db.app, name="db")
app.add_typer(tape.app, name="tape")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"leadline {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True)] = False,
) -> None:
    """Take what stands before the verb."""


def main() -> Any:
    """Run the command line."""
    return app()
