"""What a user can get wrong is answered with one line: what, where, what was expected, what to do, an exit code."""

import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from leadline.store.schema import VERSION
from leadline.store.writer import Writer
from support.processes import Simulator, leadline, simulator

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulator(tmp_path_factory.mktemp("sim")) as running:
        yield running


def refused(environment: dict[str, str], cwd: Path, code: int, *texts: str, verb: tuple[str, ...] = ("grok",)) -> str:
    ended = leadline(*verb, environment=environment, cwd=cwd)
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    [line] = [line for line in ended.stderr.splitlines() if line.startswith("leadline: ")]
    for text in (*texts, "expected", "do:"):
        assert text in line
    return line


@pytest.mark.parametrize("name", ["SCHWAB_CLIENT_ID", "SCHWAB_APP_SECRET", "SCHWAB_TOKEN_PATH", "SYMBOLS"])
def test_a_missing_setting_is_named(sim: Simulator, tmp_path: Path, name: str) -> None:
    environment = sim.environment(DB_PATH=str(tmp_path / "l.db"))
    del environment[name]
    refused(environment, tmp_path, 2, name)


@pytest.mark.parametrize("url", ["127.0.0.1:8765", "ftp://127.0.0.1", "https://"])
def test_a_wrong_address_is_named(sim: Simulator, tmp_path: Path, url: str) -> None:
    environment = sim.environment(DB_PATH=str(tmp_path / "l.db"), SCHWAB_BASE_URL=url, TRADING_MODE="paper")
    refused(environment, tmp_path, 2, "SCHWAB_BASE_URL")


def test_an_unreachable_server_is_named(sim: Simulator, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    refused(sim.environment(DB_PATH=str(tmp_path / "l.db"), SCHWAB_BASE_URL=url), tmp_path, 7, url)


def test_live_against_the_real_broker_is_refused(sim: Simulator, tmp_path: Path) -> None:
    environment = sim.environment(DB_PATH=str(tmp_path / "l.db"), SCHWAB_BASE_URL="https://api.schwabapi.com")
    refused(environment, tmp_path, 2, "TRADING_MODE=live")


def test_an_unknown_symbol_is_named(sim: Simulator, tmp_path: Path) -> None:
    line = refused(
        sim.environment(DB_PATH=str(tmp_path / "l.db"), SYMBOLS="F,NOSUCH"), tmp_path, 2, "SYMBOLS", "NOSUCH"
    )
    assert " F" not in line.partition("expected")[0]


def test_another_account_is_named_by_its_setting_alone(sim: Simulator, tmp_path: Path) -> None:
    environment = sim.environment(DB_PATH=str(tmp_path / "l.db"), SCHWAB_ACCOUNT_ID="99999999")
    line = refused(environment, tmp_path, 2, "SCHWAB_ACCOUNT_ID")
    assert "99999999" not in line


@pytest.mark.parametrize(
    ("content", "code"), [(b"this is no database, and long enough to be read as one" * 100, 1), (None, 1)]
)
def test_an_unreadable_database_is_left_as_it_is(
    sim: Simulator, tmp_path: Path, content: bytes | None, code: int
) -> None:
    path = tmp_path / "l.db"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    refused(sim.environment(DB_PATH=str(path)), tmp_path, code, f"DB_PATH={path}")
    assert content is None or path.read_bytes() == content


def test_a_newer_database_is_refused(sim: Simulator, tmp_path: Path) -> None:
    writer = Writer(tmp_path / "l.db", 0)
    writer.execute_now(f"PRAGMA user_version = {VERSION + 1}")
    refused(sim.environment(DB_PATH=str(writer.path)), tmp_path, 4, f"DB_PATH={writer.path}", str(VERSION + 1))


def test_a_login_that_the_broker_refuses_is_named(sim: Simulator, tmp_path: Path) -> None:
    token = msgspec.json.decode(sim.token_path.read_bytes())
    token["token"] |= {"refresh_token": "canary-refresh", "access_token": "canary-access", "expires_at": 0}
    path = tmp_path / "token.json"
    path.write_bytes(msgspec.json.encode(token))
    environment = sim.environment(DB_PATH=str(tmp_path / "l.db"), SCHWAB_TOKEN_PATH=str(path))
    line = refused(environment, tmp_path, 5, f"SCHWAB_TOKEN_PATH={path}")
    assert "canary" not in line


@pytest.mark.parametrize("content", [None, b"{}", b'{"token": 1'])
def test_a_token_file_that_is_none_is_named(sim: Simulator, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "token.json"
    if content is not None:
        path.write_bytes(content)
    environment = sim.environment(DB_PATH=str(tmp_path / "l.db"), SCHWAB_TOKEN_PATH=str(path))
    refused(environment, tmp_path, 5, f"SCHWAB_TOKEN_PATH={path}")


def test_a_setting_out_of_bounds_is_named_with_its_bounds(sim: Simulator, tmp_path: Path) -> None:
    refused(sim.environment(MIN_BID_HEAVY="0"), tmp_path, 2, "MIN_BID_HEAVY", "at least 1")


def test_a_misspelt_setting_in_the_env_file_is_named(sim: Simulator, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MIN_BID_HEVY=3\n")
    refused(sim.environment(), tmp_path, 2, "MIN_BID_HEVY", ".env")


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (None, "tape.jsonl"),
        (b'{"recv_ns":1,"frame":{"data":[]}}\n{"recv_ns":2,"frame":{"da', "line 2"),
        (b"hello\n", "line 1"),
        (b'{"data":[{"service":"NYSE_BOOK","content":[]}]}\n', "line 1"),
    ],
)
def test_a_broken_tape_is_named_with_its_line(tmp_path: Path, content: bytes | None, where: str) -> None:
    tape = tmp_path / "tape.jsonl"
    if content is not None:
        tape.write_bytes(content)
    refused({"HOME": str(tmp_path)}, tmp_path, 2, str(tape), where, verb=("replay", str(tape)))
