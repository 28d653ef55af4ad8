"""The demo as a new user meets it: on a machine where ports are taken and the user's own settings say otherwise."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from support.processes import rows, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

HOSTILE = {
    "SCHWAB_BASE_URL": "https://api.schwabapi.com",
    "SCHWAB_CLIENT_ID": "the-users-own",
    "SCHWAB_TOKEN_PATH": "/nonexistent/token.json",
    "SYMBOLS": "NOSUCH",
    "http_proxy": "http://192.0.2.1:3128",
    "HTTP_PROXY": "http://192.0.2.1:3128",
    "TRADING_MODE": "paper",
    "MIN_BID_HEAVY": "99",
    "DISABLE_BID_HEAVY": "1",
}


def start(home: Path, **environment: str) -> "subprocess.Popen[str]":
    (home / ".env").write_text("SYMBOLS=ALSO_NOSUCH\nDB_PATH=/nonexistent/l.db\n")
    everything = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), **HOSTILE, **environment}
    words = [sys.executable, "-m", "leadline", "demo"]
    return subprocess.Popen(words, cwd=home, env=everything, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def children_left(home: Path) -> list[str]:
    """The command lines of living processes whose home is the demo's own."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if f"HOME={home}/leadline-demo-".encode() in (path / "environ").read_bytes():
                found.append((path / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it ended meanwhile
            continue
    return found


def test_it_ends_by_itself_with_one_true_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 8501))
        taken.listen()
        with start(tmp_path, DEMO_SECONDS="16") as demo:
            out, err = demo.communicate(timeout=150)
    assert demo.returncode == 0, f"{out}\n{err}"
    assert err == ""
    told = json.loads(out.splitlines()[-1])
    assert list(told) == [
        "frames", "books", "alerts", "orders", "fills", "dispositions", "positions_equal", "frame_to_order_us", "db",
    ]  # fmt: skip
    db_path = Path(told["db"])
    for name in ("alerts", "orders", "fills"):
        assert rows(db_path, f"SELECT count(*) FROM {name}") == [(told[name],)]
        assert told[name] > 0
    assert sum(told["dispositions"].values()) == told["alerts"]
    assert told["positions_equal"] is True
    assert 0 < told["frame_to_order_us"]["p50"] <= told["frame_to_order_us"]["p99"] < 1e6
    assert children_left(tmp_path) == []


def test_ctrl_c_stops_everything(tmp_path: Path) -> None:
    with start(tmp_path) as demo:
        assert demo.stdout is not None
        address = ""
        while not address:
            line = demo.stdout.readline()
            assert line, "the demo ended"
            address = line.split()[-1] if line.startswith("dashboard") else ""
        with urllib.request.urlopen(address, timeout=10) as page:
            assert page.status == 200
        time.sleep(3)
        demo.send_signal(signal.SIGINT)
        out, err = demo.communicate(timeout=60)
    assert demo.returncode == 0, f"{out}\n{err}"
    assert json.loads(out.splitlines()[-1])["positions_equal"] is True
    assert children_left(tmp_path) == []


def test_a_killed_demo_takes_its_children_with_it(tmp_path: Path) -> None:
    with start(tmp_path) as demo:
        wait_until(lambda: len(children_left(tmp_path)) >= 3, "all children", timeout_s=60)
        demo.kill()
        demo.communicate()
        wait_until(lambda: not children_left(tmp_path), "the children to end", timeout_s=30)
