"""Which account is traded: found by number or hash, named without giving it away, one state directory for it."""

from pathlib import Path

import pytest

from leadline.app.account import Account, check_mode, find_account, is_loopback, lock_stream
from leadline.core.errors import ConfigurationError, ExitCode, LockHeldError
from leadline.schwab.rest import AccountNumber
from leadline.settings import Settings, load

ONE = AccountNumber("12345678", "HASHONE0001")
TWO = AccountNumber("87654321", "HASHTWO0002")


def settings(**values: object) -> Settings:
    return load({"state_dir": Path("/state"), **values}, use_environment=False).settings


def found(*accounts: AccountNumber, **values: object) -> Account:
    return find_account(accounts, settings(**values))


@pytest.mark.parametrize("wanted", ["12345678", "HASHONE0001"])
def test_an_account_is_found_by_number_or_hash(wanted: str) -> None:
    account = found(TWO, ONE, schwab_account_id=wanted)
    assert account.account_hash == "HASHONE0001"


def test_the_only_account_needs_no_name() -> None:
    assert found(TWO).account_hash == "HASHTWO0002"


@pytest.mark.parametrize(
    ("accounts", "wanted", "text"),
    [
        ((ONE, TWO), None, "has 2 accounts, 2 of them match"),
        ((ONE, TWO), "99999999", "has 2 accounts, 0 of them match"),
        ((ONE,), "1234567", "has 1 accounts, 0 of them match"),
        ((), None, "has 0 accounts"),
    ],
)
def test_an_account_that_is_not_just_one_is_refused_without_naming_any(
    accounts: tuple[AccountNumber, ...], wanted: str | None, text: str
) -> None:
    with pytest.raises(ConfigurationError, match=text) as told:
        found(*accounts, schwab_account_id=wanted)
    assert told.value.exit_code is ExitCode.USAGE
    assert told.value.which == "SCHWAB_ACCOUNT_ID"
    for secret in ("12345678", "87654321", "99999999", "HASH"):
        assert secret not in str(told.value)


def test_what_names_an_account_does_not_give_it_away() -> None:
    account = found(ONE)
    assert account.mask == "...678"
    for text in (account.mask, account.fingerprint, str(account.state_dir(settings()))):
        assert "12345678" not in text
        assert "HASHONE" not in text


def test_two_accounts_have_two_names() -> None:
    assert (found(ONE)).fingerprint != found(TWO).fingerprint


@pytest.mark.parametrize(
    "written",
    [
        "https://api.schwabapi.com",
        "https://api.schwabapi.com/",
        "https://API.SchwabAPI.com",
        "https://api.schwabapi.com:443",
        "https://api.schwabapi.com//",
    ],
)
def test_an_account_has_one_state_directory_however_the_address_is_written(written: str) -> None:
    """Two would be two locks: two traders at once on one account (design 5)."""
    plain = settings()
    other = settings(schwab_base_url=written)
    expected = (found(ONE)).state_dir(plain)
    assert (found(ONE, schwab_base_url=written)).state_dir(other) == expected
    assert expected.parent == Path("/state")


@pytest.mark.parametrize("address", ["https://api.other.com", "http://127.0.0.1:8182", "http://127.0.0.1:8183"])
def test_another_broker_is_another_directory(address: str) -> None:
    here = (found(ONE)).state_dir(settings())
    there = (found(ONE, schwab_base_url=address)).state_dir(settings(schwab_base_url=address))
    assert here != there


def test_two_simulators_on_one_machine_are_two_brokers() -> None:
    first, second = "http://127.0.0.1:8182", "http://127.0.0.1:8183"
    accounts = [found(ONE, schwab_base_url=address) for address in (first, second)]
    assert accounts[0].fingerprint != accounts[1].fingerprint


@pytest.mark.parametrize(
    ("mode", "address", "expected"),
    [
        ("paper", "https://api.schwabapi.com", "paper"),
        ("paper", "http://127.0.0.1:8182", "paper"),
        ("live", "http://127.0.0.1:8182", "sim"),
        ("live", "https://api.schwabapi.com", "live"),
    ],
)
def test_live_against_this_machine_is_sim(mode: str, address: str, expected: str) -> None:
    account = found(ONE, trading_mode=mode, schwab_base_url=address)
    assert account.mode == expected
    assert f"-{expected}-" in account.state_dir(settings(schwab_base_url=address)).name


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://LOCALHOST:1"]
)
def test_this_machine_may_be_traded_live(address: str) -> None:
    there = settings(schwab_base_url=address, trading_mode="live")
    assert is_loopback(there)
    check_mode(there)


@pytest.mark.parametrize(
    "address",
    [
        "https://api.schwabapi.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://127.0.0.1@example.com",
        "http://example.com/127.0.0.1",
        "http://127.0.0.2",
        "http://0.0.0.0",
        "127.0.0.1:8182",
        "",
    ],
)
def test_any_other_address_may_not(address: str) -> None:
    there = settings(schwab_base_url=address, trading_mode="live")
    assert not is_loopback(there)
    with pytest.raises(ConfigurationError, match="TRADING_MODE=live: this version sends orders only to a simulator"):
        check_mode(there)
    check_mode(settings(schwab_base_url=address))


def test_one_process_streams_with_a_login_whichever_account_it_trades(tmp_path: Path) -> None:
    first = lock_stream([ONE, TWO], settings(state_dir=tmp_path))
    with pytest.raises(LockHeldError, match="holds the streamer connection of this login"):
        lock_stream([TWO, ONE], settings(state_dir=tmp_path, schwab_account_id="12345678"))
    other = lock_stream([ONE], settings(state_dir=tmp_path))
    elsewhere = lock_stream([ONE, TWO], settings(state_dir=tmp_path, schwab_base_url="http://127.0.0.1:1"))
    first.release()
    lock_stream([ONE, TWO], settings(state_dir=tmp_path)).release()
    other.release()
    elsewhere.release()
    assert not [path for path in tmp_path.iterdir() if "12345678" in path.name]
