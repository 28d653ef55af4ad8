"""Owns the demo from the first process to the last line.

Never talks to anything but this machine.
Comes from `cli`; ends with one JSON object, and exit code 0 if what it showed was true and complete.
"""

import signal
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import msgspec
from rich.console import Console

from leadline.app import dashboard
from leadline.core.errors import ExitCode, UnreachableError
from leadline.demo.processes import Child
from leadline.demo.screen import Screen
from leadline.demo.tally import Ledger, LedgerPage, SimStatus, Tally, tally_of
from leadline.store import queries

READY_S = 60.0
STOP_S = 20.0
REFRESH_S = 0.5


class SimReady(msgspec.Struct):
    """What the simulator writes when it listens, as far as it is used."""

    base_url: str
    client_id: str
    app_secret: str
    account_number: str
    symbols: list[str]


class Stopped(Exception):  # noqa: N818 - not an error
    """A signal asked for the end."""


class Demo:
    """Simulator, grok and dashboard, and what they did."""

    def __init__(self, home: Path, seed: int, stack: ExitStack) -> None:
        """Start everything and wait until the simulator listens."""
        self._home = home
        self.db_path = home / "leadline.db"
        ready_path, token_path = home / "simschwab.json", home / "token.json"
        sim_words = ["-m", "simschwab", "serve", "--port", "0", "--ready-file", str(ready_path)]
        sim_words += ["--token-file", str(token_path), "--seed", str(seed)]
        self._sim = Child("simschwab", [sys.executable, *sim_words], home, {})
        stack.callback(self._sim.stop, STOP_S)
        self._sim.wait_for(ready_path, READY_S)
        self.sim = msgspec.json.decode(ready_path.read_bytes(), type=SimReady)
        port = dashboard.free_port(8501)
        self._ui = Child("dashboard", dashboard.command(self.db_path, port), home, {})
        stack.callback(self._ui.stop, STOP_S)
        self.dashboard_url = f"http://{dashboard.HOST}:{port}"
        grok_words = [sys.executable, "-m", "leadline", "grok", "--with-parent"]
        self._grok = Child("grok", grok_words, home, self._settings(token_path))
        stack.callback(self._grok.stop, STOP_S)
        self.ledger = Ledger()

    def _settings(self, token_path: Path) -> dict[str, str]:
        return {
            "SCHWAB_BASE_URL": self.sim.base_url,
            "SCHWAB_CLIENT_ID": self.sim.client_id,
            "SCHWAB_APP_SECRET": self.sim.app_secret,
            "SCHWAB_ACCOUNT_ID": self.sim.account_number,
            "SCHWAB_TOKEN_PATH": str(token_path),
            "SYMBOLS": ",".join(self.sim.symbols),
            "DB_PATH": str(self.db_path),
            "STATE_DIR": str(self._home / "state"),
            "TAPE_DIR": str(self._home / "tape"),
            "TRADING_MODE": "live",
        }

    @property
    def addresses(self) -> dict[str, str]:
        """Give what a person can look at."""
        return {
            "dashboard": self.dashboard_url,
            "simulator": f"{self.sim.base_url}/sim",
            "logs": str(self._home),
        }

    def check(self) -> None:
        """Raise LeadlineError if a process has ended by itself."""
        for child in (self._sim, self._ui, self._grok):
            child.check()

    def stop_grok(self) -> int:
        """End grok in order, so that the figures stand still."""
        return self._grok.stop(STOP_S)

    def wait_for_dashboard(self) -> None:
        """Wait until the dashboard answers."""
        end_s = time.monotonic() + READY_S
        while not _answers(f"{self.dashboard_url}/_stcore/health"):
            self._ui.check()
            if time.monotonic() > end_s:
                raise UnreachableError("the dashboard does not answer", which=self.dashboard_url, do="read its log")
            time.sleep(0.1)

    def tally(self) -> tuple[Tally, dict[str, int]]:
        """Give the figures of now, and the positions at the simulator."""
        page = _get(f"{self.sim.base_url}/sim/ledger?since={self.ledger.next}")
        self.ledger.take(msgspec.json.decode(page, type=LedgerPage))
        status = msgspec.json.decode(_get(f"{self.sim.base_url}/sim/status"), type=SimStatus)
        if not self.db_path.exists():
            return Tally(self.ledger.frames, self.ledger.books, 0, 0, 0, {}, True, self.ledger.latency([]), ""), {}
        return tally_of(self.db_path, self.ledger, status.positions), status.positions

    def profit(self) -> float:
        """Give realised and open profit in dollars, marked at the last touches."""
        if not self.db_path.exists():
            return 0.0
        with queries.reading(self.db_path) as connection:
            return queries.profit(connection)


def run_demo(seconds: float | None, seed: int) -> int:
    """Run the demo until `seconds` after the first frame, or until a signal, and give the exit code."""
    console = Console(highlight=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    home = Path(tempfile.mkdtemp(prefix="leadline-demo-"))
    with ExitStack() as stack:
        console.print("starting the simulator, grok and the dashboard ...")
        try:
            demo = Demo(home, seed, stack)
        except Stopped:
            console.print("stopped before everything ran")
            return ExitCode.FAULT
        is_timed_out = _run(demo, Screen(console, demo.addresses), seconds)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # the end is under way
        console.print("stopping ...")
        grok_code = demo.stop_grok()
        tally, _ = demo.tally()
    sys.stdout.write(msgspec.json.encode(tally).decode() + "\n")
    has_all = bool(tally.alerts and tally.orders and tally.fills)
    is_true = tally.positions_equal and grok_code == ExitCode.OK
    return ExitCode.OK if is_true and (has_all or not is_timed_out) else ExitCode.FAULT


def _run(demo: Demo, screen: Screen, seconds: float | None) -> bool:
    """Show the demo until its time is over (True) or a signal asks for the end (False)."""
    try:
        demo.wait_for_dashboard()
        screen.open()
        _show_until(demo, screen, seconds)
    except Stopped:
        return False
    finally:
        screen.close()
    return True


def _stop(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise Stopped


def _show_until(demo: Demo, screen: Screen, seconds: float | None) -> None:
    """Show the figures until the time is over, counted from the first frame."""
    first_s: float | None = None
    while True:
        demo.check()
        tally, positions = demo.tally()
        now_s = time.monotonic()
        if first_s is None and tally.frames:
            first_s = now_s
        elapsed_s = 0.0 if first_s is None else now_s - first_s
        screen.show(tally, positions, demo.profit(), elapsed_s)
        if seconds is not None and first_s is not None and elapsed_s >= seconds:
            return
        time.sleep(REFRESH_S)


_straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks this machine itself: a proxy in the user's environment is none of the demo's business."""


def _get(url: str) -> bytes:
    with _straight.open(url, timeout=10) as answer:
        body: bytes = answer.read()
    return body


def _answers(url: str) -> bool:
    try:
        _get(url)
    except OSError:
        return False
    return True
