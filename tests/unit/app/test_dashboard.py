"""The dashboard starts on loopback only, and finds a port when its own is taken."""

import itertools
import socket
from pathlib import Path

import pytest

from leadline.app.dashboard import HOST, PORTS_TRIED, command, free_port
from leadline.core.errors import ConfigurationError


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
