"""Owns the start of the dashboard's process, on loopback only.

Never imports Streamlit into a process that trades.
Comes from `cli` and the demo; goes on as `python -m streamlit`.
"""

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

from leadline.core.errors import ConfigurationError

HOST = "127.0.0.1"
PORTS_TRIED = 50


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
    """Run the dashboard in this terminal until it is stopped."""
    port = free_port(port)
    print(f"dashboard: http://{HOST}:{port}  (database {db_path})", flush=True)
    return subprocess.call(command(db_path, port), env=os.environ | {"STREAMLIT_SERVER_SHOW_EMAIL_PROMPT": "false"})  # noqa: S603
