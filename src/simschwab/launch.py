"""Owns a run of the server: listening, the files that tell of it, the line at the start, the end by a signal.

Never shows a traceback for a taken port or a file that cannot be written.
Comes from the command line's choices, goes to the server.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from simschwab.address import address_of, is_loopback, listen
from simschwab.core.calendar import moment_ns
from simschwab.core.exchange import Exchange
from simschwab.core.faults.scenario import Scenario
from simschwab.core.ledger import Ledger
from simschwab.core.market import Market
from simschwab.core.settings import Settings
from simschwab.core.times import NS_PER_MS
from simschwab.files import write_ready, write_token
from simschwab.server import Server, WallClock


class LaunchError(Exception):
    """Say why nothing can be served."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """Hold the files to write once the server listens."""

    ready: Path | None
    token: Path | None


@dataclass(frozen=True, slots=True)
class Launch:
    """Hold what was chosen; `market` is made from the final settings."""

    host: str
    port: int
    settings: Settings
    market: Callable[[Settings], Market]
    scenario: Scenario
    outputs: Outputs
    ledger_max: int

    def run(self) -> None:
        """Serve until a signal.

        Raises:
            LaunchError: the address is taken or a file cannot be written.
        """
        try:
            listening = listen(self.host, self.port)
        except OSError as error:
            text = f"cannot listen on {self.host}:{self.port}: {error.strerror}; choose another --port, or 0"
            raise LaunchError(text) from None
        address = address_of(listening)
        settings = replace(self.settings, base_url=f"http://{address}", stream_url=f"ws://{address}/ws")
        clock = WallClock()
        ledger = Ledger(clock.stamp, self.ledger_max)
        now_ns = clock.now_ns()
        exchange = Exchange(settings, self.market(settings), ledger, now_ns)
        if settings.clock_at:
            exchange.set_clock((moment_ns(settings.clock_at) - now_ns) // NS_PER_MS, now_ns)
        exchange.add_faults(self.scenario.faults, now_ns)
        try:
            asyncio.run(_serve(exchange, clock, listening, self.outputs))
        except OSError as error:
            raise LaunchError(f"cannot write {error.filename}: {error.strerror}") from None


async def _serve(exchange: Exchange, clock: WallClock, listening: socket.socket, outputs: Outputs) -> None:
    stop, ready = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    loopback = is_loopback(listening)
    serving = asyncio.create_task(Server(exchange, clock).run(listening, stop, ready))
    await ready.wait()
    try:
        now_ns = clock.now_ns()
        if outputs.token is not None:
            sim_ns = now_ns + exchange.offset_ns
            write_token(outputs.token, exchange, exchange.oauth.login(sim_ns), sim_ns)
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
    faults = f", {len(exchange.plan.active)} faults" if exchange.plan.active else ""
    return f"simschwab at {exchange.settings.base_url} ({where}), seed {exchange.settings.seed}{faults}, {symbols}"
