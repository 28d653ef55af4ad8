"""Owns the start and the end of the dashboard's process, on loopback only.

Never imports Streamlit into a process that trades; never ends before the dashboard has ended.
Comes from `cli` and the demo; goes on as `python -m streamlit`.
"""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from leadline.core.errors import ConfigurationError, ExitCode

HOST = "127.0.0.1"
PORTS_TRIED = 50

END_WAIT_S = 5.0
"""A dashboard that was asked to end and has not by then is killed."""


def command(db_path: Path, port: int) -> list[str]:
    """Give the command line of the dashboard's process.

    Raises:
        ConfigurationError: Streamlit is not installed.
    """
    if importlib.util.find_spec("streamlit") is None:
        raise ConfigurationError(
            "the dashboard needs Streamlit, which is not installed",
            which="leadline ui",
            expected="the ui extra",
            do='pip install "leadline[ui]", or make install',
        )
    page = Path(__file__).parent.parent / "ui.py"
    options = {
        "server.address": HOST,
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.enableStaticServing": "false",
        "runner.magicEnabled": "false",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return [sys.executable, "-m", "streamlit", "run", str(page), *words, "--", "--db", str(db_path)]


def free_port(wanted: int) -> int:
    """Give the first free port from `wanted` on; 0 gives any.

    Raises:
        ConfigurationError: none of PORTS_TRIED ports is free.
    """
    for port in [wanted] if wanted == 0 else range(wanted, min(wanted + PORTS_TRIED, 65_536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise ConfigurationError(
        "no free port",
        which=f"ports {wanted} to {wanted + PORTS_TRIED - 1}",
        expected="one that is free",
        do="pass --port",
    )


def serve(db_path: Path, port: int) -> int:
    """Run the dashboard in this terminal until it ends or SIGTERM or SIGINT asks for the end; give the exit code."""
    port = free_port(port)
    words = command(db_path, port)
    print(f"dashboard: http://{HOST}:{port}  (database {db_path})", flush=True)
    return _Served().run(words)


class _Served:
    """The dashboard's process, which ends when this one is asked to."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_asked = False

    def run(self, words: list[str]) -> ExitCode:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)
        self._process = subprocess.Popen(words, env=os.environ | {"STREAMLIT_SERVER_SHOW_EMAIL_PROMPT": "false"})  # noqa: S603
        if self._is_asked:  # before there was a process to end
            self._end(self._process)
        code = self._process.wait()
        return ExitCode.OK if self._is_asked or code == 0 else ExitCode.FAULT

    def _ask(self, number: int, frame: object) -> None:
        del number, frame
        self._is_asked = True
        if self._process is not None:
            self._end(self._process)

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        killer = threading.Timer(END_WAIT_S, process.kill)
        killer.daemon = True  # one that has ended in time is not waited for
        killer.start()
