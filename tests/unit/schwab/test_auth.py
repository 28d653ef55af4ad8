"""The login: one refresh in time, a token file that is never half, and one clear line when a person is needed."""

import asyncio
import fcntl
import json
import logging
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from leadline.clock import SystemClock
from leadline.core.errors import AuthenticationError, ExitCode, UnreachableError
from leadline.schwab import auth
from leadline.schwab.auth import Login, read_token_file, write_token_file
from leadline.schwab.http import Http
from leadline.schwab.rest import Rest
from support.scripted_broker import (
    ACCESS,
    ACCOUNT,
    APP_SECRET,
    CLIENT_ID,
    HASH,
    ID_TOKEN,
    REFRESH,
    Broker,
    Step,
    broker_serving,
    token_file,
)
from support.scripted_server import Fault, Reply, ScriptedServer, reply

CLOCK = SystemClock()
NESTED_2024 = (
    f'400 Bad Request: "{{"error_description":"Exception while authenticating refresh token [tokenDigest={REFRESH}]",'
    '"error":"refresh_token_authentication_error"}"'
)
NESTED_2026 = (
    '400 Bad Request: "{"error_description":"Refresh token is invalid, expired or revoked","error":"invalid_grant"}"'
)
DEAD = reply({"error": "unsupported_token_type", "error_description": NESTED_2024}, 400)


@dataclass
class Rig:
    broker: Broker
    server: ScriptedServer
    http: Http
    path: Path

    def login(self, **changes: Any) -> Login:
        token_file(self.path, **changes)
        return Login(self.http, self.path, CLIENT_ID, APP_SECRET, CLOCK, retry_s=0.01)

    @property
    def refreshes(self) -> int:
        return len(self.server.of("POST", "/oauth/token"))


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with broker_serving() as (broker, server), Http(server.url, 1.0) as http:
        yield Rig(broker, server, http, tmp_path / "token.json")


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def on_disk(path: Path) -> Any:
    return json.loads(path.read_text())


# --- refreshing


async def test_the_request_is_the_one_of_the_facts(rig: Rig) -> None:
    await rig.login(left_s=0).ensure()
    [post] = rig.server.of("POST")
    assert post.path == "/v1/oauth/token"
    assert post.headers["authorization"] == "Basic Y2FuYXJ5LWNsaWVudDpjYW5hcnktc2VjcmV0"  # base64 of key:secret
    assert post.headers["content-type"] == "application/x-www-form-urlencoded"
    assert post.body == b"grant_type=refresh_token&refresh_token=canary-refresh"


@pytest.mark.parametrize(("left_s", "refreshes"), [(1_800, 0), (400, 0), (331, 1), (299, 1), (0, 1), (-9_999, 1)])
async def test_a_token_is_replaced_early_enough_that_a_look_every_30_s_leaves_5_minutes(
    rig: Rig, left_s: float, refreshes: int
) -> None:
    login = rig.login(left_s=left_s)
    await login.ensure()
    await login.ensure()
    assert rig.refreshes == refreshes
    assert login.left_s > 330


async def test_a_file_without_an_end_is_refreshed_at_once(rig: Rig) -> None:
    login = rig.login(expires_at=None)
    await login.ensure()
    assert rig.refreshes == 1


async def test_many_callers_at_once_make_one_request(rig: Rig) -> None:
    rig.broker.plan("TOKEN", Step(delay_s=0.1))
    login = rig.login(left_s=10)
    old = login.access_token
    await asyncio.gather(*(login.ensure() for _ in range(20)), *(login.refresh(old) for _ in range(20)))
    assert rig.refreshes == 1
    assert login.access_token == "canary-access-1"


async def test_a_refresh_keeps_what_schwab_py_needs(rig: Rig) -> None:
    login = rig.login(left_s=0, scope="api", note={"mine": [1]})
    before = on_disk(rig.path) | {"version": 2}
    rig.path.write_text(json.dumps(before))
    login = Login(rig.http, rig.path, CLIENT_ID, APP_SECRET, CLOCK)
    await login.ensure()
    after = on_disk(rig.path)
    assert after["creation_timestamp"] == before["creation_timestamp"]  # the 7 days count from the login
    assert after["version"] == 2
    token = after["token"]
    assert token.keys() == before["token"].keys()
    assert (token["access_token"], token["refresh_token"]) == ("canary-access-1", REFRESH)
    assert (token["id_token"], token["note"]) == (ID_TOKEN, {"mine": [1]})
    assert isinstance(token["expires_at"], int)  # as authlib writes it
    assert abs(token["expires_at"] - time.time() - 1_800) < 5


async def test_an_answer_without_a_new_refresh_token_keeps_the_old(rig: Rig) -> None:
    bodies: list[dict[str, object]] = [{}, {"refresh_token": None}, {"expires_in": "1800"}, {"expires_in": None}]
    for number, body in enumerate(bodies, start=1):
        rig.broker.plan("TOKEN", Step(reply({"access_token": f"new-{number}", "expires_in": 1800, **body})))
        login = rig.login(left_s=0)
        await login.ensure()
        assert login.access_token == f"new-{number}"
        assert on_disk(rig.path)["token"]["refresh_token"] == REFRESH
        assert 1_700 < login.left_s <= 1_800


# --- refusals and faults


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            {"error": "unsupported_token_type", "error_description": NESTED_2024},
            "Exception while authenticating refresh token",
        ),
        (
            {"error": "unsupported_token_type", "error_description": NESTED_2026},
            "Refresh token is invalid, expired or revoked",
        ),
        ({"error": "invalid_client", "error_description": "Unauthorized"}, "Unauthorized"),
        ({"error": "invalid_grant"}, "invalid_grant"),
        ({"error": "x", "error_description": f"the token\n{REFRESH} is dead"}, "the token **** is dead"),
        ({}, "no reason given"),
    ],
)
async def test_a_dead_login_is_one_clear_line(rig: Rig, body: dict[str, str], reason: str) -> None:
    rig.broker.plan("TOKEN", *[Step(reply(body, 400))] * 2)
    login = rig.login(left_s=0)
    before = rig.path.read_bytes()
    with pytest.raises(AuthenticationError) as caught:
        await login.ensure()
    text = str(caught.value)
    assert f"(HTTP 400: {reason})" in text
    assert "\n" not in text
    assert "do: log in" in text
    assert caught.value.exit_code is ExitCode.AUTHENTICATION
    for secret in (REFRESH, ACCESS, APP_SECRET, "tokenDigest", "Basic"):
        assert secret not in text
    assert rig.refreshes == 2  # such a refusal has come in passing: it is asked twice
    assert rig.path.read_bytes() == before


async def test_a_refusal_in_passing_is_survived(rig: Rig) -> None:
    rig.broker.plan("TOKEN", Step(DEAD, works=False))
    login = rig.login(left_s=0)
    await login.ensure()
    assert login.access_token == "canary-access-1"


@pytest.mark.parametrize(
    "answer",
    [
        Reply(500),
        Reply(503, b"<html>", "text/html"),
        Reply(403, b"<HTML><TITLE>Access Denied</TITLE></HTML>", "text/html"),
        Reply(400, b"<html>", "text/html"),
        reply({"error": "slow down"}, 429),
        Reply(302, headers={"Location": "https://example.com/"}),
        Reply(200, b"<html>", "text/html"),
        reply({"token_type": "Bearer"}),
        reply({"access_token": None}),
        reply(["no object"]),
        reply({"access_token": "x", "refresh_token": 7}),
        Fault.CLOSE,
        Fault.STALL,
        Fault.GARBAGE,
    ],
    ids=str,
)
async def test_a_broker_in_trouble_is_no_dead_login(rig: Rig, answer: Reply | Fault) -> None:
    rig.broker.plan("TOKEN", *[Step(answer)] * 2)
    login = rig.login(left_s=0)
    with pytest.raises(UnreachableError) as caught:
        await login.ensure()
    assert caught.value.exit_code is ExitCode.UNREACHABLE
    assert REFRESH not in str(caught.value)
    assert rig.refreshes == 1
    login = rig.login(left_s=120)  # valid for two minutes: whoever needs it can go on
    await login.ensure()
    assert login.access_token == ACCESS


async def test_the_keeper_survives_every_failure_and_says_it(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.broker.plan("TOKEN", *(Step(answer, works=False) for answer in (Reply(503), Fault.CLOSE, DEAD, DEAD)))
    login = rig.login(left_s=100)
    keeper = asyncio.create_task(login.keep_fresh(0.01))
    await asyncio.sleep(0.3)
    assert login.access_token == "canary-access-1"
    assert not keeper.done()
    keeper.cancel()
    said = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(said) == 3
    assert all("it ends in" in record.getMessage() for record in said)


async def test_a_401_on_a_read_refreshes_once_and_asks_once_more(rig: Rig) -> None:
    rest = Rest(rig.http, rig.login())
    rig.broker.plan("NUMBERS", Step(Reply(401)))
    [account] = await rest.account_numbers()
    assert (account.account_number, account.hash_value) == (ACCOUNT, HASH)
    tokens = [seen.headers["authorization"] for seen in rig.server.of("GET")]
    assert tokens == [f"Bearer {ACCESS}", "Bearer canary-access-1"]
    assert rig.refreshes == 1


async def test_a_second_401_wants_a_person(rig: Rig) -> None:
    rest = Rest(rig.http, rig.login())
    rig.broker.plan("ACCOUNT", *[Step(Reply(401))] * 2)
    with pytest.raises(AuthenticationError) as caught:
        await rest.positions(HASH)
    assert HASH not in str(caught.value)
    assert len(rig.server.of("GET")) == 2
    assert rig.refreshes == 1


# --- the file


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"token": {}}',
        b'{"creation_timestamp": 1, "token": {"access_token": "a"}}',
        b'{"creation_timestamp": 1, "token": []}',
        b'{"creation_timestamp": 1, "token": {"access_token": 7, "refresh_token": "r"}}',
        b'{"access_token": "a", "refresh_token": "r"}',
    ],
)
async def test_what_is_no_token_file_is_named_with_its_path(rig: Rig, content: bytes) -> None:
    rig.path.write_bytes(content)
    with pytest.raises(AuthenticationError, match="this is no token file") as caught:
        Login(rig.http, rig.path, CLIENT_ID, APP_SECRET, CLOCK)
    assert str(rig.path) in str(caught.value)


async def test_a_missing_file_is_named(rig: Rig) -> None:
    with pytest.raises(AuthenticationError, match="No such file") as caught:
        Login(rig.http, rig.path, CLIENT_ID, APP_SECRET, CLOCK)
    assert f"SCHWAB_TOKEN_PATH={rig.path}" in str(caught.value)


def test_schwab_py_s_file_is_read_as_it_is(tmp_path: Path) -> None:
    file = read_token_file(token_file(tmp_path / "token.json"))
    assert (file.token.access_token, file.token.refresh_token) == (ACCESS, REFRESH)


@pytest.mark.usefixtures("open_umask")
async def test_a_rewritten_file_is_its_owner_s_alone(rig: Rig) -> None:
    login = rig.login(left_s=0)
    rig.path.chmod(0o644)  # as schwab-py leaves it
    await login.ensure()
    assert stat.S_IMODE(rig.path.stat().st_mode) == 0o600
    assert {path.name for path in rig.path.parent.iterdir()} == {"token.json", "token.json.lock"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in rig.path.parent.iterdir())


async def test_a_file_that_cannot_be_written_costs_nothing_but_a_line(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    login = rig.login(left_s=0)
    (rig.path.parent / "token.json.tmp").mkdir()  # nothing can be written there, not even by root
    await login.ensure()
    assert login.access_token == "canary-access-1"
    assert on_disk(rig.path)["token"]["access_token"] == ACCESS
    assert "could not be written" in caplog.text


async def test_a_directory_without_a_place_for_the_lock_is_no_obstacle(rig: Rig) -> None:
    login = rig.login(left_s=0)
    (rig.path.parent / "token.json.lock").mkdir()
    await login.ensure()
    assert login.access_token == "canary-access-1"


WRITE_FOR_EVER = """
import os, sys
from pathlib import Path
from leadline.schwab.auth import read_token_file, write_token_file
os.umask(0)
path = Path(sys.argv[1])
file = read_token_file(path)
print("ready", flush=True)
number = 0
while True:
    number += 1
    file.content["token"]["access_token"] = str(number % 10) * 20000
    write_token_file(path, file)
"""


def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new(tmp_path: Path) -> None:
    path = token_file(tmp_path / "token.json", access="0" * 20_000)
    for number in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", WRITE_FOR_EVER, str(path)], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            time.sleep(0.01 + number * 0.0037)
            child.send_signal(signal.SIGKILL)
        access = read_token_file(path).token.access_token
        assert len(access) == 20_000
        assert len(set(access)) == 1
    write_token_file(path, read_token_file(path))  # what a kill left behind is no obstacle
    assert [found.name for found in tmp_path.iterdir()] == ["token.json"]


# --- other processes, and a person


async def test_a_new_login_on_disk_is_taken_without_a_request(rig: Rig) -> None:
    login = rig.login(left_s=60)
    token_file(rig.path, access="by-hand", refresh="new-refresh")  # a person has logged in meanwhile
    await login.ensure()
    assert login.access_token == "by-hand"
    assert rig.refreshes == 0


async def test_a_new_login_on_disk_whose_access_has_ended_is_refreshed_with_its_own_token(rig: Rig) -> None:
    login = rig.login(left_s=-9_000)
    token_file(rig.path, left_s=-10, access="by-hand", refresh="new-refresh")
    await login.ensure()
    assert login.access_token == "canary-access-1"
    assert b"refresh_token=new-refresh" in rig.server.of("POST")[0].body


@pytest.mark.parametrize("content", [b"{", None, b"older"])
async def test_a_file_that_was_broken_removed_or_put_back_meanwhile_changes_nothing(
    rig: Rig, content: bytes | None
) -> None:
    login = rig.login(left_s=60)
    if content is None:
        rig.path.unlink()
    elif content == b"older":
        token_file(rig.path, left_s=-5_000, access="older", refresh="older")
    else:
        rig.path.write_bytes(content)
    await login.ensure()
    assert rig.refreshes == 1
    assert b"refresh_token=canary-refresh" in rig.server.of("POST")[0].body
    assert on_disk(rig.path)["token"]["access_token"] == "canary-access-1"


REFRESH_ONCE = """
import asyncio, sys
from pathlib import Path
from leadline.clock import SystemClock
from leadline.schwab.auth import Login
from leadline.schwab.http import Http

async def main():
    async with Http(sys.argv[1], 5) as http:
        login = Login(http, Path(sys.argv[2]), "canary-client", "canary-secret", SystemClock())
        print("ready", flush=True)
        sys.stdin.readline()
        await login.ensure()
        print(login.access_token, flush=True)

asyncio.run(main())
"""


async def test_two_processes_that_refresh_together_make_one_request_and_both_use_it(rig: Rig) -> None:
    rig.login(left_s=10)
    rig.broker.plan("TOKEN", *[Step(delay_s=0.3)] * 2)
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", REFRESH_ONCE, rig.server.url, str(rig.path),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(2)
    ]  # fmt: skip
    for child in children:
        assert child.stdout is not None
        assert await child.stdout.readline() == b"ready\n"
    told = [out for out, _ in await asyncio.gather(*(child.communicate(b"go\n") for child in children))]
    assert told == [b"canary-access-1\n"] * 2
    assert rig.refreshes == 1


async def test_a_process_that_hangs_with_the_lock_is_not_waited_for_without_end(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "LOCK_WAIT_S", 0.1)
    login = rig.login(left_s=0)
    with (rig.path.parent / "token.json.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        await login.ensure()
    assert login.access_token == "canary-access-1"
