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
    near_misses: Annotated[Path | None, typer.Option(help="File for a line for each near miss.")] = None,
    symbols: Symbols = None,
    config: ConfigFile = None,
    as_recorded: Annotated[
        bool, typer.Option("--as-recorded", help="Judge by the thresholds in the tape's header.")
    ] = False,
    by_symbol: Annotated[bool, typer.Option("--by-symbol", help="After the counts, those of each symbol.")] = False,
    compared: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE,...", help="Compare these values of a setting; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --set: one JSON object instead of a table.")] = False,
) -> None:
    """Run a tape through the live code: alerts as JSON lines, then the counts by outcome; or compare settings on it."""
    from leadline.app.replaying import run_replay
    from leadline.core.errors import ConfigurationError
    from leadline.settings import load

    lines = {"--alerts": alerts is not None, "--near-misses": near_misses is not None, "--by-symbol": by_symbol}
    unfit = [name for name, is_given in (lines if compared else {"--json": as_json}).items() if is_given]
    if unfit:
        what = f"{'with' if compared else 'without'} --set there is no {unfit[0]}"
        raise ConfigurationError(what, which="replay", expected="lines of one replay, or a table of several")
    if compared:
        _compare(compared, tape, listing, symbols, config, recorded_rule=as_recorded, as_json=as_json)
        return
    loaded = load({"symbols": symbols}, toml=config)
    run_replay(
        loaded,
        tape,
        listing,
        alerts,
        near_misses=near_misses,
        recorded_rule=as_recorded,
        by_symbol=by_symbol,
    )


def _compare(
    told: list[str],
    tape: Path,
    listing: Path | None,
    symbols: str | None,
    config: Path | None,
    *,
    recorded_rule: bool,
    as_json: bool,
) -> None:
    import shutil
    import sys

    import msgspec

    from leadline.app.comparing import combinations_of, compare
    from leadline.cli.comparison_lines import comparison_lines
    from leadline.cli.progress import bar
    from leadline.settings import load

    plain = load({"symbols": symbols}, toml=config)
    changed = [(one, load({"symbols": symbols, **one}, toml=config)) for one in combinations_of(told)]
    with bar() as on_progress:
        comparison = compare(tape, listing, plain, changed, on_progress, recorded_rule=recorded_rule)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    rows = msgspec.json.encode({"rows": comparison.rows}).decode()
    typer.echo(rows if as_json else "\n".join(comparison_lines(comparison, width)))
    for remark in comparison.remarks:
        typer.echo(f"{tape}: {remark}", err=True)


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
