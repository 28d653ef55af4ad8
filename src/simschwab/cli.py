"""Owns the command line: options to settings, clear words when something is wrong.

Never shows a traceback for a wrong option, a taken port, a broken tape or a bad scenario.
Comes from the user, goes to the launch, or to the proof of scenarios.
"""

from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from simschwab.core.calendar import Calendar, moment_ns
from simschwab.core.choices import Hours
from simschwab.core.faults.scenario import Scenario, ScenarioError
from simschwab.core.generator import GeneratedMarket
from simschwab.core.listing import DEFAULT_SYMBOLS, Listing, parse_symbols
from simschwab.core.market import Market
from simschwab.core.playback import TapeMarket
from simschwab.core.settings import DEMO_ACCOUNT, DEMO_APP_KEY, DEMO_CLIENT_ID, NAMES, SettingError, Settings, changed
from simschwab.core.tape import Tape, TapeError, read_tape
from simschwab.launch import Launch, LaunchError, Outputs
from simschwab.proof import prove
from simschwab.shelf import scenario_at, shipped_names

EXIT_FAULT = 1
EXIT_USAGE = 2

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)


@app.callback()
def root() -> None:
    """Run a local fake of Charles Schwab's trader API."""


@app.command()
def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 chooses a free one.")] = 8765,
    ready_file: Annotated[Path | None, typer.Option(help="JSON file written when listening.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="Write a valid schwab-py token file.")] = None,
    scenario: Annotated[str | None, typer.Option(help="Faults and settings: a TOML file, or a shipped name.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any switch of `simschwab settings`; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything drawn.")] = 1,
    symbols: Annotated[str | None, typer.Option(help="Like F:N,SOFI:Q; letters optional.")] = None,
    tape: Annotated[Path | None, typer.Option(help="Play this recording instead of generating.")] = None,
    speed: Annotated[float, typer.Option(min=0.001, help="Pace of the tape.")] = 1.0,
    limit: Annotated[int | None, typer.Option(min=1, help="Play only so many frames of the tape.")] = None,
    client_id: Annotated[str, typer.Option(help="App key of the registered app.")] = DEMO_CLIENT_ID,
    app_secret: Annotated[str, typer.Option(help="Its secret.")] = DEMO_APP_KEY,
    account: Annotated[str, typer.Option(help="Account number, digits.")] = DEMO_ACCOUNT,
    cash: Annotated[int, typer.Option(min=0, help="Cash at the start, dollars.")] = 100_000,
    access_token_seconds: Annotated[int, typer.Option(min=1, help="Life of an access token.")] = 1800,
    flush_ms: Annotated[int, typer.Option(min=1, help="Time between generated bursts.")] = 1010,
    books_per_frame: Annotated[int, typer.Option(min=0, help="0: all of a service in one.")] = 0,
    order_latency_ms: Annotated[str, typer.Option(help="LOW,HIGH from the 201 to the market.")] = "5,30",
    account_lag_ms: Annotated[int, typer.Option(min=0, help="How late accounts show fills.")] = 1000,
    order_limit: Annotated[int, typer.Option(min=0, help="Order requests a minute, then 429; 0 is no limit.")] = 120,
    market_hours: Annotated[Hours, typer.Option(help="Whether sessions and DAY orders end.")] = Hours.ALWAYS,
    heartbeat_s: Annotated[int, typer.Option(min=1, help="Time between heartbeats.")] = 10,
    ledger_max: Annotated[int, typer.Option(min=1, help="Events kept; old frames go first.")] = 1_000_000,
) -> None:
    """Serve REST and streamer until Ctrl-C or SIGTERM."""
    low_ms, high_ms = _latency(order_latency_ms)
    if not account.isdecimal():
        raise typer.BadParameter(f"{account!r}: expected digits only", param_hint="--account")
    listings = _listings(symbols)
    played = None if tape is None else _tape(tape, listings, limit)
    options: dict[str, object] = {
        "seed": seed,
        "client_id": client_id,
        "app_secret": app_secret,
        "access_token_s": access_token_seconds,
        "account_number": account,
        "cash_dollars": cash,
        "account_lag_ms": account_lag_ms,
        "order_latency_low_ms": low_ms,
        "order_latency_high_ms": high_ms,
        "order_limit_per_min": order_limit,
        "market_hours": market_hours.value,
        "flush_ms": flush_ms,
        "books_per_frame": books_per_frame,
        "heartbeat_s": heartbeat_s,
    }
    wanted = _scenario(scenario)
    settings = _settings(wanted, options, set_ or [])
    market = partial(_market, listings or parse_symbols(DEFAULT_SYMBOLS), played, speed)
    launch = Launch(host, port, settings, market, wanted, Outputs(ready_file, token_file), ledger_max)
    try:
        launch.run()
    except LaunchError as error:
        _fail(EXIT_FAULT, str(error))


@app.command()
def settings() -> None:
    """List every switch with its default, for --set and a scenario's [settings]."""
    for name in NAMES:
        value = getattr(Settings(), name)
        typer.echo(f"{name} = {str(value).lower() if isinstance(value, bool) else value}")


@app.command()
def scenarios() -> None:
    """List the scenarios that are shipped."""
    for name in shipped_names():
        typer.echo(f"{name}: {scenario_at(name).about}")


@app.command()
def check(names: Annotated[list[str], typer.Argument(metavar="FILE|NAME...", help="Files or shipped names.")]) -> None:
    """Read scenarios, play them in virtual time and tell whether they do what they say."""
    failed = False
    for name in names:
        try:
            wrong = prove(_scenario(name))
        except ScenarioError as error:
            wrong = [str(error)]
        failed = failed or bool(wrong)
        typer.echo(f"{name}: {'; '.join(wrong) if wrong else 'ok'}")
    raise typer.Exit(EXIT_FAULT if failed else 0)


def main() -> None:
    """Run the command line."""
    app()


def _scenario(place: str | None) -> Scenario:
    try:
        return Scenario() if place is None else scenario_at(place)
    except ScenarioError as error:
        _fail(EXIT_USAGE, f"scenario {error}")


def _settings(scenario: Scenario, options: dict[str, object], texts: list[str]) -> Settings:
    """Give the settings: --set wins over an option that was given, that over the scenario, that over the default."""
    plain = Settings()
    given = {name: value for name, value in options.items() if value != getattr(plain, name)}
    seed = {} if scenario.seed is None else {"seed": scenario.seed}
    pairs = [text.partition("=") for text in texts]
    try:
        for name, equals, _ in pairs:
            if not equals:
                raise SettingError(f"{name}: expected NAME=VALUE")
        chosen = changed(plain, seed | scenario.settings | given)
        chosen = changed(chosen, {name.strip(): value.strip() for name, _, value in pairs}, texts=True)
        Calendar(chosen)
        if chosen.clock_at:
            moment_ns(chosen.clock_at)
    except SettingError as error:
        raise typer.BadParameter(str(error), param_hint="--set") from None
    return chosen


def _listings(symbols: str | None) -> dict[str, Listing] | None:
    try:
        return None if symbols is None else parse_symbols(symbols)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--symbols") from None


def _tape(tape: Path, listings: dict[str, Listing] | None, limit: int | None) -> Tape:
    try:
        with tape.open("rb") as lines:
            return read_tape(lines, listings, limit)
    except OSError as error:
        _fail(EXIT_USAGE, f"tape {tape}: {error.strerror}; expected a readable file")
    except TapeError as error:
        _fail(EXIT_USAGE, f"tape {tape}, {error}")


def _market(listings: dict[str, Listing], tape: Tape | None, speed: float, chosen: Settings) -> Market:
    if tape is not None:
        return TapeMarket(tape, speed)
    return GeneratedMarket(listings, chosen.seed, chosen.flush_ms, arca_on_nasdaq=chosen.arca_on_nasdaq_book)


def _latency(text: str) -> tuple[int, int]:
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise typer.BadParameter(f"{text!r}: expected LOW,HIGH like 5,30", param_hint="--order-latency-ms")
    low, high = (int(part) for part in parts)
    if low > high:
        raise typer.BadParameter(f"{text!r}: LOW is above HIGH", param_hint="--order-latency-ms")
    return low, high


def _fail(code: int, text: str) -> NoReturn:
    typer.echo(f"simschwab: {text}", err=True)
    raise typer.Exit(code)
