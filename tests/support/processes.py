"""Real processes for tests: a simulator and grok, each with its output in a file, stopped whatever happens."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import apsw
import msgspec

T = TypeVar("T")

WAIT_S = 40.0
"""How long a test waits for something that takes a second: these machines are shared and noisy."""

QUICK = {"MIN_IMBALANCE_DURATION_SEC": "1", "ALERT_THROTTLE_SEC": "3"}
"""Settings under which the generator's one-sided phases alert within seconds."""


class Simulator:
    """A running simschwab."""

    def __init__(self, home: Path, process: "subprocess.Popen[bytes]", ready: dict[str, Any]) -> None:
        self.home = home
        self.process = process
        self.base_url: str = ready["base_url"]
        self.client_id: str = ready["client_id"]
        self.app_secret: str = ready["app_secret"]
        self.account_number: str = ready["account_number"]
        self.account_hash: str = ready["account_hash"]
        self.symbols: list[str] = ready["symbols"]
        self.token_path = home / "token.json"

    def environment(self, **changes: str) -> dict[str, str]:
        """Settings with which grok trades here, and nothing of the caller's own."""
        home = self.home
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "SCHWAB_BASE_URL": self.base_url,
            "SCHWAB_CLIENT_ID": self.client_id,
            "SCHWAB_APP_SECRET": self.app_secret,
            "SCHWAB_TOKEN_PATH": str(self.token_path),
            "SYMBOLS": ",".join(self.symbols),
            "DB_PATH": str(home / "leadline.db"),
            "STATE_DIR": str(home / "state"),
            "TRADING_MODE": "live",
            **QUICK,
            **changes,
        }

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What the ledger says of one kind."""
        answer: dict[str, Any] = self.get(f"/sim/ledger?kind={kind}")
        events: list[dict[str, Any]] = answer["events"]
        return events

    def posts(self) -> list[dict[str, Any]]:
        """The orders that reached the simulator."""
        return [e for e in self.events("request_in") if e["method"] == "POST" and e["path"].endswith("/orders")]

    def positions(self) -> dict[str, int]:
        """The true positions, flat ones left out."""
        positions: dict[str, int] = self.get("/sim/status")["positions"]
        return {symbol: qty for symbol, qty in positions.items() if qty}

    def get(self, path: str) -> Any:
        """A JSON answer."""
        with urllib.request.urlopen(self.base_url + path, timeout=10) as answer:
            return msgspec.json.decode(answer.read())


@contextlib.contextmanager
def simulator(home: Path, *options: str) -> Iterator[Simulator]:
    """A simulator with its token file in `home`."""
    ready_path = home / "simschwab.json"
    words = [
        "serve",
        "--port",
        "0",
        "--ready-file",
        str(ready_path),
        "--token-file",
        str(home / "token.json"),
        *options,
    ]
    with (home / "simschwab.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "simschwab", *words], stdout=log, stderr=log, cwd=home)
    try:
        wait_until(lambda: ready_path.exists() or process.poll() is not None, "the simulator")
        assert process.poll() is None, (home / "simschwab.log").read_text()
        yield Simulator(home, process, msgspec.json.decode(ready_path.read_bytes()))
    finally:
        process.terminate()
        process.wait(10)


class Grok:
    """A running `leadline grok`."""

    def __init__(self, process: "subprocess.Popen[bytes]", log_path: Path, db_path: Path) -> None:
        self.process = process
        self.log_path = log_path
        self.db_path = db_path

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self.log_path.read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal it and give its exit code."""
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of its database; none while there is no such table."""
        return rows(self.db_path, sql, *values)

    def wait_for_rows(self, sql: str, at_least: int = 1) -> list[tuple[Any, ...]]:
        """Wait until a query gives so many rows."""

        def found() -> list[tuple[Any, ...]] | None:
            assert self.process.poll() is None, f"grok ended:\n{self.log}"
            got = self.rows(sql)
            return got if len(got) >= at_least else None

        return wait_until(found, sql, lambda: self.log)


@contextlib.contextmanager
def grok(environment: dict[str, str], name: str = "grok") -> Iterator[Grok]:
    """Grok in its own empty directory."""
    home = Path(environment["HOME"])
    log_path = home / f"{name}.log"
    with log_path.open("wb") as log:
        words = [sys.executable, "-m", "leadline", "grok"]
        process = subprocess.Popen(words, env=environment, cwd=home, stdout=log, stderr=log)
    try:
        yield Grok(process, log_path, Path(environment["DB_PATH"]))
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)


def leadline(
    *words: str, environment: dict[str, str], cwd: Path, timeout_s: float = WAIT_S
) -> "subprocess.CompletedProcess[str]":
    """A verb that ends by itself."""
    command = [sys.executable, "-m", "leadline", *words]
    return subprocess.run(
        command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=timeout_s, check=False
    )


def rows(db_path: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Rows of a database that another process may be writing; none while it is not there yet."""
    if not db_path.exists():
        return []
    connection = apsw.Connection(str(db_path), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(2_000)
    try:
        return [tuple(row) for row in connection.execute(sql, values)]
    except apsw.SQLError:
        return []
    finally:
        connection.close()


def wait_until(found: Callable[[], T | None], what: str, more: Callable[[], str] = str, timeout_s: float = WAIT_S) -> T:
    """Wait until something is true, and give it."""
    end_s = time.monotonic() + timeout_s
    while True:
        value = found()
        if value:
            return value
        assert time.monotonic() < end_s, f"not within {timeout_s:.0f} s: {what}\n{more()}"
        time.sleep(0.05)
