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
    """Show every setting: its value, where it came from, and what it means."""
    from leadline.settings import load, settings_page, table_of

    if markdown:
        typer.echo(settings_page(), nl=False)
        return
    for row in table_of(load(toml=config)):
        typer.echo("  ".join((row.name.ljust(28), row.value.ljust(28), row.source.ljust(18), row.meaning)))
