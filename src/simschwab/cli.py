"""Owns the command line: options to settings, one line at the start, clear words when something is wrong.

Never shows a traceback for a wrong option, a taken port or a broken tape.
Comes from the user, goes to the server.
"""

import asyncio
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from simschwab.address import address_of, is_loopback, listen
from simschwab.core.exchange import Exchange
from simschwab.core.generator import GeneratedMarket
from simschwab.core.ledger import Ledger
from simschwab.core.listing import DEFAULT_SYMBOLS, parse_symbols
from simschwab.core.market import Market
from simschwab.core.playback import TapeMarket
from simschwab.core.settings import DEMO_ACCOUNT, DEMO_APP_KEY, DEMO_CLIENT_ID, Settings
from simschwab.core.tape import TapeError, read_tape
from simschwab.files import write_ready, write_token
from simschwab.server import Server, WallClock

EXIT_FAULT = 1
EXIT_USAGE = 2

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Outputs:
    """Hold the files to write once the server listens."""

    ready: Path | None
    token: Path | None


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
    seed: Annotated[int, typer.Option(help="Seed of everything drawn.")] = 1,
    symbols: Annotated[str | None, typer.Option(help="Like F:N,SOFI:Q; letters optional.")] = None,
    tape: Annotated[Path | None, typer.Option(help="Play this recording instead of generating.")] = None,
    speed: Annotated[float, typer.Option(min=0.001, help="Pace of the tape.")] = 1.0,
    limit: Annotated[int | None, typer.Option(min=1, help="Play only so many frames of the tape.")] = None,
    client_id: Annotated[str, typer.Option(help="App key of the registered app.")] = DEMO_CLIENT_ID,
    app_secret: Annotated[str, typer.Option(help="Its secret.")] = DEMO_APP_KEY,
    account: Annotated[str, typer.Option(help="Account number, digits.")] = DEMO_ACCOUNT,
    cash: Annotated[int, typer.Option(help="Cash at the start, dollars.")] = 100_000,
    access_token_seconds: Annotated[int, typer.Option(min=1)] = 1800,
    flush_ms: Annotated[int, typer.Option(min=1, help="Time between generated bursts.")] = 1010,
    books_per_frame: Annotated[int, typer.Option(min=0, help="0: all of a service in one.")] = 0,
    order_latency_ms: Annotated[str, typer.Option(help="LOW,HIGH from the 201 to the market.")] = "5,30",
    account_lag_ms: Annotated[int, typer.Option(min=0, help="How late accounts show fills.")] = 1000,
    heartbeat_s: Annotated[int, typer.Option(min=1)] = 10,
    ledger_max: Annotated[int, typer.Option(min=1, help="Events kept; old frames go first.")] = 1_000_000,
) -> None:
    """Serve REST and streamer until Ctrl-C or SIGTERM."""
    low_ms, high_ms = _latency(order_latency_ms)
    if not account.isdecimal():
        raise typer.BadParameter(f"{account!r}: expected digits only", param_hint="--account")
    clock = WallClock()
    ledger = Ledger(clock.stamp, ledger_max)
    market = _market(symbols=symbols, tape=tape, speed=speed, limit=limit, seed=seed, flush_ms=flush_ms)
    try:
        listening = listen(host, port)
    except OSError as error:
        _fail(EXIT_FAULT, f"cannot listen on {host}:{port}: {error.strerror}; choose another --port, or 0")
    address = address_of(listening)
    settings = Settings(
        seed=seed,
        base_url=f"http://{address}",
        stream_url=f"ws://{address}/ws",
        client_id=client_id,
        app_secret=app_secret,
        access_token_s=access_token_seconds,
        account_number=account,
        cash_dollars=cash,
        account_lag_ms=account_lag_ms,
        order_latency_low_ms=low_ms,
        order_latency_high_ms=high_ms,
        flush_ms=flush_ms,
        books_per_frame=books_per_frame,
        heartbeat_s=heartbeat_s,
    )
    exchange = Exchange(settings, market, ledger, clock.now_ns())
    outputs = Outputs(ready_file, token_file)
    try:
        asyncio.run(_serve(exchange, clock, listening, outputs, loopback=is_loopback(listening)))
    except OSError as error:
        _fail(EXIT_FAULT, f"cannot write {error.filename}: {error.strerror}")


def main() -> None:
    """Run the command line."""
    app()


async def _serve(
    exchange: Exchange, clock: WallClock, listening: socket.socket, outputs: Outputs, *, loopback: bool
) -> None:
    stop, ready = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(Server(exchange, clock).run(listening, stop, ready))
    await ready.wait()
    try:
        if outputs.token is not None:
            now_ns = clock.now_ns()
            write_token(outputs.token, exchange, exchange.oauth.login(now_ns), now_ns)
        if outputs.ready is not None:
            write_ready(outputs.ready, exchange, os.getpid())
        typer.echo(_start_line(exchange, loopback=loopback))
        if not loopback:
            typer.echo("WARNING: not a loopback address: everybody who reaches it can use it.", err=True)
        await stop.wait()
    finally:
        stop.set()
        await serving


def _start_line(exchange: Exchange, *, loopback: bool) -> str:
    symbols = " ".join(f"{name}:{listing.letter}" for name, listing in exchange.market.listings.items())
    where = "loopback only" if loopback else "NOT LOOPBACK"
    return f"simschwab at {exchange.settings.base_url} ({where}), seed {exchange.settings.seed}, {symbols}"


def _market(
    *, symbols: str | None, tape: Path | None, speed: float, limit: int | None, seed: int, flush_ms: int
) -> Market:
    try:
        listings = parse_symbols(symbols) if symbols is not None else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--symbols") from None
    if tape is None:
        return GeneratedMarket(listings or parse_symbols(DEFAULT_SYMBOLS), seed, flush_ms)
    try:
        with tape.open("rb") as lines:
            return TapeMarket(read_tape(lines, listings, limit), speed)
    except OSError as error:
        _fail(EXIT_USAGE, f"tape {tape}: {error.strerror}; expected a readable file")
    except TapeError as error:
        _fail(EXIT_USAGE, f"tape {tape}, {error}")


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
