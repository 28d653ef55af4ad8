"""A real simschwab process and a client of it, for tests over sockets."""

import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

Json = dict[str, Any]
START_S = 20.0
ORDER = {
    "orderType": "LIMIT",
    "session": "NORMAL",
    "duration": "DAY",
    "orderStrategyType": "SINGLE",
    "price": "14.00",
    "orderLegCollection": [
        {"instruction": "BUY", "quantity": 200, "instrument": {"symbol": "F", "assetType": "EQUITY"}}
    ],
}


@dataclass(frozen=True, slots=True)
class Running:
    """Hold a started simulator and what its files say."""

    process: subprocess.Popen[str]
    ready: Json
    token: dict[str, str]
    token_path: Path


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "simschwab", "serve", *options]


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Running]:
    ready, token = folder / "ready.json", folder / "token.json"
    files = ("--port", "0", "--ready-file", str(ready), "--token-file", str(token))
    process = subprocess.Popen(command(*files, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + START_S
        while not ready.exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "no ready file"
            time.sleep(0.02)
        yield Running(process, json.loads(ready.read_text()), json.loads(token.read_text())["token"], token)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@asynccontextmanager
async def client(sim: Running) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {sim.token['access_token']}"}
    async with aiohttp.ClientSession(sim.ready["base_url"], headers=headers) as session:
        yield session


async def get_json(session: aiohttp.ClientSession, path: str, **query: str) -> Json:
    async with session.get(path, params=query) as answer:
        assert answer.status == 200, await answer.text()
        body = await answer.json()
        assert isinstance(body, dict)
        return body


@asynccontextmanager
async def stream(session: aiohttp.ClientSession, token: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    preference = await get_json(session, "/trader/v1/userPreference")
    (info,) = preference["streamerInfo"]
    async with session.ws_connect(info["streamerSocketUrl"], max_msg_size=0) as ws:
        ids = {
            "SchwabClientCustomerId": info["schwabClientCustomerId"],
            "SchwabClientCorrelId": info["schwabClientCorrelId"],
        }
        await send(ws, "ADMIN", "LOGIN", ids, Authorization=token, SchwabClientChannel="N9")
        first = await receive(ws)
        assert first["response"][0]["content"]["code"] == 0
        yield ws


async def send(
    ws: aiohttp.ClientWebSocketResponse,
    service: str,
    verb: str,
    ids: dict[str, str] | None = None,
    **parameters: str,
) -> None:
    request = {"requestid": "1", "service": service, "command": verb, "parameters": parameters, **(ids or {})}
    await ws.send_json({"requests": [request]})


async def receive(ws: aiohttp.ClientWebSocketResponse) -> Json:
    message = await ws.receive(timeout=5)
    assert message.type is aiohttp.WSMsgType.TEXT, message
    frame = json.loads(message.data)
    assert isinstance(frame, dict)
    return frame


async def contents(ws: aiohttp.ClientWebSocketResponse, service: str) -> list[Json]:
    """Wait for the next data of a service."""
    while True:
        for entry in (await receive(ws)).get("data", []):
            if entry["service"] == service:
                content = entry["content"]
                assert isinstance(content, list)
                return content
