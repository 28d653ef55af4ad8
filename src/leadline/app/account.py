"""Owns which account is traded, where its state lives, and how both are named without giving them away.

Never writes an account number or hash to a log, a row or a path.
Comes from settings and the broker's list of accounts; goes to the desk and the start-up log.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from leadline.core.errors import ConfigurationError
from leadline.logs import hide
from leadline.schwab.rest import AccountNumber
from leadline.settings import Mode, Settings
from leadline.store.locks import FileLock

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
PORTS = {"http": 80, "https": 443}


class Account(msgspec.Struct, frozen=True):
    """An account: the hash for paths, a mask for people, a fingerprint for rows and directories."""

    account_hash: str
    mask: str
    fingerprint: str
    mode: str

    def state_dir(self, settings: Settings) -> Path:
        """Give the directory of this account's lock, epoch and journal."""
        return settings.state_dir / f"{_broker(settings)[0]}-{self.mode}-{self.fingerprint}"


def _broker(settings: Settings) -> tuple[str, int]:
    """Name the broker's host and port in one way, however they are written: an account has one state directory."""
    url = urlsplit(settings.schwab_base_url)
    host = "loopback" if url.hostname in LOOPBACK else url.hostname or "unknown"
    return host, url.port or PORTS.get(url.scheme, 0)


def is_loopback(settings: Settings) -> bool:
    """Tell whether the broker's address is on this machine: a simulator."""
    return urlsplit(settings.schwab_base_url).hostname in LOOPBACK


def check_mode(settings: Settings) -> None:
    """Refuse real orders.

    Raises:
        ConfigurationError: live trading against anything but this machine was asked for.
    """
    if settings.trading_mode is Mode.LIVE and not is_loopback(settings):
        raise ConfigurationError(
            "this version sends orders only to a simulator on this machine",
            which="TRADING_MODE=live",
            expected="SCHWAB_BASE_URL on 127.0.0.1, or TRADING_MODE=paper",
            do="use paper: arming a real account, its kill switch and its proofs are not in this version",
        )


def find_account(accounts: Sequence[AccountNumber], settings: Settings) -> Account:
    """Choose of the login's accounts the one that SCHWAB_ACCOUNT_ID names.

    Raises:
        ConfigurationError: it is unset and there is not just one, or the broker has no such account.
    """
    wanted = settings.schwab_account_id.get_secret_value() if settings.schwab_account_id is not None else None
    matching = [a for a in accounts if wanted in (None, a.account_number, a.hash_value)]
    if len(matching) != 1:
        raise ConfigurationError(
            f"the login has {len(accounts)} accounts, {len(matching)} of them match",
            which="SCHWAB_ACCOUNT_ID",
            expected="the number or the hash of one of the login's accounts",
            do="set it to one of them",
        )
    hide(matching[0].account_number, matching[0].hash_value)
    return _account_of(matching[0], settings)


def _account_of(found: AccountNumber, settings: Settings) -> Account:
    mode = "paper" if settings.trading_mode is Mode.PAPER else "sim" if is_loopback(settings) else "live"
    # An account number is short enough to be guessed from its digest; the broker's own hash of it is not.
    secret = f"{_broker(settings)} {found.account_number} {found.hash_value}"
    fingerprint = hashlib.sha256(secret.encode()).hexdigest()[:12]
    return Account(found.hash_value, f"...{found.account_number[-3:]}", fingerprint, mode)


def lock_stream(accounts: Sequence[AccountNumber], settings: Settings) -> FileLock:
    """Take the right to stream with this login on this machine: Schwab would evict one of two (facts 1.1, code 12).

    Raises:
        LockHeldError: another process streams with it (exit 3).
    """
    # The same user has the same accounts, whichever of their apps or tokens asks.
    names = sorted(f"{account.account_number} {account.hash_value}" for account in accounts)
    user = hashlib.sha256(f"{_broker(settings)} {names}".encode()).hexdigest()[:12]
    return FileLock(settings.state_dir / f"streamer-{user}.lock", "the streamer connection of this login")
