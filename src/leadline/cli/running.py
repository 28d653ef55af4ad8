"""Owns the verbs that run something: grok, record, replay, ui, demo.

Never does more than load settings and make one call into the product; imports wait until a verb runs.
Comes from the shell; goes to `app` and `demo`.
"""

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.told import ConfigFile, DbPath, Symbols, told


@told
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


@told
def record(
    config: ConfigFile = None,
    symbols: Symbols = None,
    to: Annotated[Path | None, typer.Option("--to", help="Directory of the tape, instead of TAPE_DIR.")] = None,
) -> int:
    """Stream and keep a tape, without alerts, trading or database."""
    from leadline.app.recording import run_record
    from leadline.logs import start_logging
    from leadline.settings import load

    loaded = load({"symbols": symbols, "tape_dir": to}, toml=config)
    start_logging(loaded.settings.log_level, loaded.secrets())
    return run_record(loaded)


@told
def replay(  # noqa: PLR0917 - options are given by name
    tape: Annotated[Path, typer.Argument(help="A tape, one of its segments, or JSON lines of frames.")],
    listing: Annotated[
        Path | None, typer.Option(help='JSON object from symbol to exchange letter: {"F": "N"}.')
    ] = None,
    alerts: Annotated[Path | None, typer.Option(help="File for the alert lines, instead of standard output.")] = None,
    symbols: Symbols = None,
    config: ConfigFile = None,
    as_recorded: Annotated[
        bool, typer.Option("--as-recorded", help="Judge by the thresholds in the tape's header.")
    ] = False,
) -> None:
    """Run a recorded tape through the live code: alerts as JSON lines, then the counts by outcome."""
    from leadline.app.replaying import run_replay
    from leadline.settings import load

    settings = load({"symbols": symbols}, toml=config).settings
    run_replay(settings, tape, listing, alerts, recorded_rule=as_recorded)


@told
def ui(
    db: DbPath = None,
    config: ConfigFile = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1.")] = 8501,
) -> int:
    """Serve the dashboard on this machine."""
    from leadline.app.dashboard import serve
    from leadline.settings import load

    return serve(load({"db_path": db}, toml=config).settings.db_path, port)


@told
def demo(
    seconds: Annotated[
        float | None, typer.Option(envvar="DEMO_SECONDS", min=1, help="Run so long from the first frame, then stop.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the simulated market.")] = 1,
) -> int:
    """Run it all on this machine against a simulated broker: stream, trade, dashboard."""
    from leadline.demo.run import run_demo

    return run_demo(seconds, seed)
