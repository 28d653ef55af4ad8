"""Owns the files that tell a client about a running simulator: the ready file and the token file.

Never leaves half a file, nor one that others can read: both hold the demo credentials.
Comes from the command line once the server listens, goes to tests and clients.
"""

import os
from pathlib import Path

import msgspec

from simschwab.core.exchange import Exchange
from simschwab.core.oauth import Grant
from simschwab.core.times import NS_PER_S

_PRIVATE = 0o600


def write_ready(path: Path, exchange: Exchange, pid: int) -> None:
    """Write what a client needs to know; the file's presence means that the server listens.

    Raises:
        OSError: the file cannot be written.
    """
    settings = exchange.settings
    body = {
        "base_url": settings.base_url,
        "stream_url": settings.stream_url,
        "pid": pid,
        "account_number": settings.account_number,
        "account_hash": exchange.identity.account_hash,
        "client_id": settings.client_id,
        "app_secret": settings.app_secret,
        "symbols": list(exchange.market.listings),
    }
    write_atomically(path, msgspec.json.encode(body))


def write_token(path: Path, exchange: Exchange, grant: Grant, now_ns: int) -> None:
    """Write a grant as schwab-py's token file (schwab-api.md 5).

    Raises:
        OSError: the file cannot be written.
    """
    now_s = now_ns // NS_PER_S
    token = exchange.oauth.payload(grant) | {"expires_at": now_s + exchange.settings.access_token_s}
    write_atomically(path, msgspec.json.encode({"creation_timestamp": now_s, "token": token}))


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path` whole or not at all, readable by its owner only.

    Raises:
        OSError: the file cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
