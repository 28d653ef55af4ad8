"""Owns the verbs of the settings.

Never shows a secret.
Comes from the shell; goes to `settings`.
"""

from typing import Annotated

import typer

from leadline.cli.told import ConfigFile, told

app = typer.Typer(help="Settings.", no_args_is_help=True)


@app.command("show")
@told
def config_show(
    config: ConfigFile = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print docs/settings.md instead.")] = False,
) -> None:
    """Show every setting: its value, where it came from, what it means; then what differs by symbol and time."""
    from leadline.clock import SystemClock
    from leadline.settings import difference_lines, load, settings_page, table_of

    if markdown:
        typer.echo(settings_page(), nl=False)
        return
    loaded = load(toml=config)
    for row in table_of(loaded):
        typer.echo("  ".join((row.name.ljust(28), row.value.ljust(28), row.source.ljust(18), row.meaning)))
    for line in difference_lines(loaded, SystemClock().wall_ns()):
        typer.echo(line)
