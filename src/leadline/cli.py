"""Owns the verbs of the command line: thin, each one call into the product.

Never prints a traceback for what a user can mend: one line says what, where, what was expected and what to do.
Comes from the shell; goes to `app`, `replay`, `demo` and the dashboard's process.
"""

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import typer

from leadline import __version__
from leadline.core.errors import ExitCode, LeadlineError

P = ParamSpec("P")

app = typer.Typer(
    name="leadline",
    help="Streams Level II books from Charles Schwab, alerts on venue imbalance, and trades in the same process.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
config_app = typer.Typer(help="Settings.", no_args_is_help=True)
app.add_typer(config_app, name="config")

ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML file with settings.")]
Symbols = Annotated[str | None, typer.Option(help="Symbols, separated by commas, instead of SYMBOLS.")]
DbPath = Annotated[Path | None, typer.Option("--db", help="Database file, instead of DB_PATH.")]


def _told(verb: Callable[P, int | None]) -> Callable[P, None]:
    """Turn errors into one line on standard error, and every end into the design's exit code."""

    @wraps(verb)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = verb(*args, **kwargs) or ExitCode.OK
        except LeadlineError as error:
            typer.echo(f"leadline: {error}", err=True)
            code = error.exit_code
        except BrokenPipeError:
            # Whoever read our output has seen enough; nothing more can be written, not even at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = ExitCode.OK
        except OSError as error:
            typer.echo(f"leadline: {error.filename or 'the system'}: {error.strerror or error}", err=True)
            code = ExitCode.FAULT
        except KeyboardInterrupt:
            typer.echo("leadline: stopped", err=True)
            code = ExitCode.FAULT
        raise typer.Exit(int(code))

    return told


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"leadline {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True)] = False,
) -> None:
    """Take what stands before the verb."""


@app.command()
@_told
def grok(
    config: ConfigFile = None,
    symbols: Symbols = None,
    db: DbPath = None,
    with_parent: Annotated[bool, typer.Option(hidden=True, help="End when the starting process ends.")] = False,
) -> int:
    """Stream books, detect, alert, and trade in this process."""
    from leadline.app.run import run_grok
    from leadline.logs import start_logging
    from leadline.settings import load

    loaded = load({"symbols": symbols, "db_path": db}, toml=config)
    start_logging(loaded.settings.log_level, loaded.secrets())
    return run_grok(loaded, with_parent=with_parent)


@app.command()
@_told
def replay(
    tape: Annotated[Path, typer.Argument(help="JSON lines: {recv_ns, frame}, or bare frames.")],
    listing: Annotated[
        Path | None, typer.Option(help='JSON object from symbol to exchange letter: {"F": "N"}.')
    ] = None,
    alerts: Annotated[Path | None, typer.Option(help="File for the alert lines, instead of standard output.")] = None,
    symbols: Symbols = None,
    config: ConfigFile = None,
) -> None:
    """Run a recorded tape through the live code: alerts as JSON lines, then the counts by outcome."""
    from leadline.app.replaying import run_replay
    from leadline.settings import load

    run_replay(load({"symbols": symbols}, toml=config).settings, tape, listing, alerts)


@app.command()
@_told
def ui(
    db: DbPath = None,
    config: ConfigFile = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1.")] = 8501,
) -> int:
    """Serve the dashboard on this machine."""
    from leadline.app.dashboard import serve
    from leadline.settings import load

    return serve(load({"db_path": db}, toml=config).settings.db_path, port)


@app.command()
@_told
def demo(
    seconds: Annotated[
        float | None, typer.Option(envvar="DEMO_SECONDS", min=1, help="Run so long from the first frame, then stop.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the simulated market.")] = 1,
) -> int:
    """Run it all on this machine against a simulated broker: stream, trade, dashboard."""
    from leadline.demo.run import run_demo

    return run_demo(seconds, seed)


@config_app.command("show")
@_told
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


def main() -> Any:
    """Run the command line."""
    return app()
