"""The real process over real sockets: what a client meets from the first token to SIGTERM."""

import asyncio
import io
import json
import signal
import stat
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from support.sim_process import (
    ORDER,
    START_S,
    Running,
    client,
    command,
    contents,
    get_json,
    receive,
    running,
    send,
    stream,
)

pytestmark = pytest.mark.slow  # real processes and sockets


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as started:
        yield started


async def test_a_client_from_token_to_position(sim: Running) -> None:
    app = b64encode(f"{sim.ready['client_id']}:{sim.ready['app_secret']}".encode()).decode()
    async with client(sim) as session:
        form = {"grant_type": "refresh_token", "refresh_token": sim.token["refresh_token"]}
        basic = {"Authorization": f"Basic {app}"}
        async with session.post("/v1/oauth/token", data=form, headers=basic) as answer:
            fresh = await answer.json()
            assert (answer.status, fresh["expires_in"]) == (200, 1800)
        async with stream(session, fresh["access_token"]) as ws:
            await send(ws, "ACCT_ACTIVITY", "SUBS", keys="Account Activity", fields="0,1,2,3")
            (subscribed,) = await contents(ws, "ACCT_ACTIVITY")
            assert (subscribed["2"], subscribed["3"]) == ("SUBSCRIBED", "")
            await send(ws, "NYSE_BOOK", "SUBS", keys="F,SPY", fields="0,1,2,3")
            arrivals = []
            for _ in range(4):
                books = await contents(ws, "NYSE_BOOK")
                arrivals.append(time.monotonic())
                assert [book["key"] for book in books] == ["F", "SPY"]
            # Frames keep their grid on a noisy machine; one late frame shortens the next gap.
            assert 3 * 1.01 - 0.4 < arrivals[-1] - arrivals[0] < 3 * 1.01 + 0.4
            orders = f"/trader/v1/accounts/{sim.ready['account_hash']}/orders"
            async with session.post(orders, json=ORDER) as answer:
                assert (answer.status, await answer.read()) == (201, b"")
                location = answer.headers["Location"]
                assert "Schwab-Client-CorrelId" in answer.headers
            assert location.startswith(sim.ready["base_url"] + orders)
            seen: list[object] = []
            while "OrderFillCompleted" not in seen:
                seen += [item["2"] for item in await contents(ws, "ACCT_ACTIVITY")]
            assert seen[0] == "OrderCreated"
            shown = await get_json(session, location.removeprefix(sim.ready["base_url"]))
            assert (shown["status"], shown["filledQuantity"]) == ("FILLED", 200.0)
            status = await get_json(session, "/sim/status")
            assert status["positions"] == {"F": 200}
            await asyncio.sleep(1.1)
            account = await get_json(session, f"/trader/v1/accounts/{sim.ready['account_hash']}", fields="positions")
            (position,) = account["securitiesAccount"]["positions"]
            assert position["longQuantity"] == 200.0
        await check_ledger(session, int(location.rsplit("/", 1)[1]))


async def check_ledger(session: aiohttp.ClientSession, order_id: int) -> None:
    ledger = await get_json(session, "/sim/ledger", since="0")
    events = ledger["events"]
    assert isinstance(events, list)
    assert [event["seq"] for event in events] == list(range(1, int(str(ledger["next"]))))
    kinds = {event["kind"] for event in events}
    assert {"frame_out", "request_in", "response_out", "order_state", "fill", "stream_in"} <= kinds
    (fill,) = [event for event in events if event["kind"] == "fill"]
    assert (fill["order_id"], fill["quantity"], fill["cumulative"]) == (order_id, 200, 200)
    frames = [event for event in events if event["kind"] == "frame_out" and event["books"]]
    assert len(frames) >= 4
    assert {book["symbol"] for book in frames[0]["books"]} == {"F", "SPY"}
    monos = [event["mono_ns"] for event in events]
    assert max(monos) <= time.monotonic_ns()
    rest = await get_json(session, "/sim/ledger", since=str(ledger["next"]), kind="fill")
    assert rest["events"] == []


async def test_sigterm_ends_at_once_with_exit_0_while_streams_are_open(sim: Running) -> None:
    async with client(sim) as session, stream(session, sim.token["access_token"]) as ws:
        await send(ws, "NYSE_BOOK", "SUBS", keys="F", fields="0,1,2,3")
        await contents(ws, "NYSE_BOOK")
        asked = time.monotonic()
        sim.process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(sim.process.wait, 5)
        assert code == 0
        assert time.monotonic() - asked < 4, "it ended by itself, not at the limit of 5 s"
        output, errors = sim.process.communicate()
        assert errors == ""
        assert output.count("\n") == 1
        assert sim.ready["base_url"] in output
        assert "seed 1" in output
        assert "loopback" in output


async def test_a_denied_login_closes_the_socket(sim: Running) -> None:
    async with client(sim) as session:
        async with session.ws_connect("/ws") as ws:
            await send(ws, "ADMIN", "LOGIN", Authorization="wrong")
            assert (await receive(ws))["response"][0]["content"]["code"] == 3
            assert (await ws.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
        assert (await get_json(session, "/sim/status"))["clients"] == []
        async with session.get("/sim") as page:
            assert page.status == 200
            assert "<table>" in await page.text()


async def test_a_second_login_evicts_the_first(sim: Running) -> None:
    token = sim.token["access_token"]
    async with client(sim) as session, stream(session, token) as first, stream(session, token) as second:
        assert (await receive(first))["notify"][0]["content"]["code"] == 12
        assert (await first.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
        await send(second, "NYSE_BOOK", "SUBS", keys="F", fields="0,1,2,3")
        assert await contents(second, "NYSE_BOOK")


async def test_nothing_is_compressed_and_no_token_is_401(sim: Running) -> None:
    async with aiohttp.ClientSession(sim.ready["base_url"]) as session:
        async with session.ws_connect("/ws", compress=15) as ws:
            assert ws.compress == 0
        async with session.get("/trader/v1/accounts/accountNumbers") as answer:
            assert answer.status == 401
            assert (await answer.json())["errors"][0]["title"] == "Unauthorized"


def test_the_files_are_private_and_in_schwab_pys_format(sim: Running) -> None:
    assert stat.S_IMODE(sim.token_path.stat().st_mode) == 0o600
    whole = json.loads(sim.token_path.read_text())
    assert set(whole) == {"creation_timestamp", "token"}
    assert set(whole["token"]) == {
        "access_token",
        "refresh_token",
        "token_type",
        "expires_in",
        "expires_at",
        "scope",
        "id_token",
    }
    assert whole["token"]["expires_at"] == whole["creation_timestamp"] + 1800
    assert set(sim.ready) == {
        "base_url",
        "stream_url",
        "pid",
        "account_number",
        "account_hash",
        "client_id",
        "app_secret",
        "symbols",
    }
    assert sim.ready["pid"] == sim.process.pid


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*options), capture_output=True, text=True, timeout=START_S, check=False)


def test_a_taken_port_is_one_clear_line_and_exit_1(sim: Running) -> None:
    port = sim.ready["base_url"].rsplit(":", 1)[1]
    done = run("--port", port)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert port in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, ["No such file"]), (b'{"recv_ns": 1}\n', ["line 1", "expected"]), (b"", ["no line", "expected"])],
)
def test_a_broken_tape_is_one_clear_line_and_exit_2(tmp_path: Path, content: bytes | None, words: list[str]) -> None:
    tape = tmp_path / "broken.jsonl"
    if content is not None:
        tape.write_bytes(content)
    done = run("--port", "0", "--tape", str(tape))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert all(word in done.stderr for word in ["broken.jsonl", *words])


@pytest.mark.parametrize(
    "options", [("--order-latency-ms", "30,5"), ("--symbols", "F,F"), ("--account", "x"), ("--port", "70000")]
)
def test_wrong_options_are_said_with_exit_2(options: tuple[str, str]) -> None:
    done = run(*options)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert options[0] in done.stderr


def test_a_ready_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    done = run("--port", "0", "--ready-file", str(tmp_path / "missing" / "ready.json"))
    assert done.returncode == 1
    assert "missing" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


async def test_a_tape_plays_at_its_speed_and_the_link_outlives_it(tmp_path: Path) -> None:
    t0_ms = 1_765_306_323_315
    tape = tmp_path / "tape.jsonl"
    lines = []
    for n in range(20):
        item = {"key": "XYZ", "1": t0_ms + n * 1000 - 250, "2": [], "3": []}
        data = {"service": "NASDAQ_BOOK", "timestamp": t0_ms + n * 1000, "command": "SUBS", "content": [item]}
        lines.append(json.dumps({"recv_ns": (t0_ms + n * 1000) * 1_000_000, "frame": {"data": [data]}}))
    tape.write_text("\n".join(lines))
    with running(tmp_path, "--tape", str(tape), "--speed", "20", "--limit", "10", "--heartbeat-s", "1") as sim:
        assert sim.ready["symbols"] == ["XYZ"]
        async with client(sim) as session, stream(session, sim.token["access_token"]) as ws:
            await send(ws, "NASDAQ_BOOK", "SUBS", keys="XYZ", fields="0,1,2,3")
            started = time.time()
            ages_ms = []
            while True:
                frame = await receive(ws)
                for entry in frame.get("data", []):
                    assert entry["timestamp"] - entry["content"][0]["1"] == 250
                    ages_ms.append(time.time() * 1000 - entry["timestamp"])
                status = await get_json(session, "/sim/status")
                if status["market"]["finished"] and len(ages_ms) == 10:
                    break
            assert 0.4 < time.time() - started < 1.5
            assert all(-5 < age_ms < 400 for age_ms in ages_ms)
            while "notify" not in frame:
                frame = await receive(ws)
            assert "heartbeat" in frame["notify"][0]


async def test_a_body_that_is_too_large_gets_the_gateways_fault(sim: Running) -> None:
    async with client(sim) as session:
        orders = f"/trader/v1/accounts/{sim.ready['account_hash']}/orders"
        async with session.post(orders, data=io.BytesIO(b"x" * 1_100_000)) as answer:
            assert answer.status == 413
            assert (await answer.json())["fault"]["faultstring"] == "Body buffer overflow"
        async with session.post(orders, data=b'"\xff"') as answer:
            assert answer.status == 400
            assert set(await answer.json()) == {"message", "errors"}
