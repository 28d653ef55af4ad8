"""The dashboard starts on loopback only, and finds a port when its own is taken."""

import contextlib
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from leadline.app.dashboard import HOST, PORTS_TRIED, command, free_port
from leadline.core.errors import ConfigurationError, ExitCode
from support.machine import child, said, wait_until


def test_it_listens_on_loopback_shows_no_details_and_reports_nothing() -> None:
    words = command(Path("/tmp/l.db"), 8501)
    options = dict(itertools.pairwise(words))
    assert options["--server.address"] == HOST == "127.0.0.1"
    assert options["--client.showErrorDetails"] == "none"
    assert options["--browser.gatherUsageStats"] == "false"
    assert words[-2:] == ["--db", "/tmp/l.db"]


def test_a_taken_port_is_worked_around() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < free_port(port) < port + PORTS_TRIED


def test_no_free_port_is_said() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 65_535))
        taken.listen()
        with pytest.raises(ConfigurationError, match="no free port"):
            free_port(65_535)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def to_the_process(pid: int, number: int) -> None:
    os.kill(pid, number)


def to_the_terminal(pid: int, number: int) -> None:
    """Ctrl-C reaches every process of the terminal."""
    os.killpg(pid, number)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("send", "number"),
    [(to_the_process, signal.SIGTERM), (to_the_process, signal.SIGINT), (to_the_terminal, signal.SIGINT)],
)
def test_the_dashboard_ends_when_it_is_asked_to_and_leaves_nothing_serving(
    send: Callable[[int, int], None], number: int, tmp_path: Path
) -> None:
    words = [sys.executable, "-m", "leadline", "ui", "--db", str(tmp_path / "x.db"), "--port", "0"]
    with subprocess.Popen(
        words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert found
            wait_until(lambda: answers(found[0]), 60)
            send(process.pid, number)
            assert process.wait(60) == ExitCode.OK
            assert not answers(found[0])
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        assert "Traceback" not in process.stdout.read()


SERVE = """
import sys
from pathlib import Path
from leadline.app import dashboard
dashboard.END_WAIT_S = 0.2
dashboard.command = lambda db_path, port: [sys.executable, "-uc", sys.argv[1]]
sys.exit(dashboard.serve(Path("x.db"), 0))
"""

STUBBORN = """
import os, signal
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
print(os.getpid())
while True:
    signal.pause()
"""


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_dashboard_that_does_not_end_is_killed(number: int) -> None:
    with child(SERVE, STUBBORN) as process:
        said(process)
        pid = int(said(process))
        try:
            process.send_signal(number)
            assert process.wait(60) == ExitCode.OK
            assert not is_there(pid)
        finally:
            if is_there(pid):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("", ExitCode.OK),
        ("raise SystemExit(3)", ExitCode.FAULT),
        ("import os; os.kill(os.getpid(), 9)", ExitCode.FAULT),
    ],
)
def test_a_dashboard_that_ends_by_itself_is_a_fault_unless_it_ended_well(code: str, expected: ExitCode) -> None:
    with child(SERVE, code) as process:
        assert process.wait(60) == expected
