"""How the database file is opened: never with a faulty library, and whatever is wrong is said and left as it is."""

from hashlib import sha256
from pathlib import Path

import apsw
import pytest

from leadline.core.errors import StoreError
from leadline.store.connection import check_library, enter_wal, open_reader, open_writer, transaction
from support.machine import child, said

HOLD = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("BEGIN EXCLUSIVE")
print("held")
sys.stdin.readline()
"""


@pytest.mark.parametrize("version", ["3.51.2", "3.40.1", "3.9.99", "2.99.99"])
def test_a_library_that_can_corrupt_a_wal_file_is_refused(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: version)
    with pytest.raises(StoreError, match=f"SQLite {version} .*expected SQLite 3.51.3 or newer; do: install"):
        check_library()


@pytest.mark.parametrize("version", ["3.51.3", "3.54.1", "3.100.0", "4.0.0"])
def test_a_sound_library_is_accepted(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: version)
    check_library()


def test_the_library_is_checked_before_a_file_is_touched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.40.1")
    for opens in (open_writer, open_reader):
        with pytest.raises(StoreError):
            opens(tmp_path / "x.db")
    assert not list(tmp_path.iterdir())


def test_the_library_of_this_installation_is_sound() -> None:
    check_library()


@pytest.mark.parametrize("content", [b"this is a text file\n" * 100, b"short", b"\xff" * 8_192])
def test_a_file_that_is_no_database_is_named_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(content)
    for opens in (open_writer, open_reader):
        with pytest.raises(StoreError, match=r"notes\.db: this file is no readable database .*do: restore a backup"):
            opens(path)
    assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.db"]


def test_opening_to_write_changes_no_byte_of_a_file_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE t (a)")
    other.close()
    before = sha256(path.read_bytes()).digest()
    open_writer(path).close()
    assert sha256(path.read_bytes()).digest() == before


def test_wal_mode_is_entered_and_stays(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "x.db")
    enter_wal(connection, tmp_path / "x.db")
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    assert open_reader(tmp_path / "x.db").pragma("journal_mode") == "wal"


def test_a_commit_waits_for_the_disk(tmp_path: Path) -> None:
    full = 2
    assert open_writer(tmp_path / "x.db").pragma("synchronous") == full


def test_a_transaction_holds_the_file_from_its_first_read_on(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "x.db")
    enter_wal(connection, tmp_path / "x.db")
    other = apsw.Connection(str(tmp_path / "x.db"))
    with transaction(connection):
        connection.pragma("user_version")
        with pytest.raises(apsw.BusyError):
            other.execute("CREATE TABLE t (a)")
    other.execute("CREATE TABLE t (a)")


def test_a_database_that_cannot_enter_wal_mode_is_refused() -> None:
    path = Path(":memory:")
    with pytest.raises(StoreError, match=r"WAL mode .*stays in mode memory.*local disk"):
        enter_wal(open_writer(path), path)


@pytest.mark.parametrize("place", ["nowhere/x.db", "a_file/x.db", "a_directory"])
def test_a_place_that_cannot_hold_a_database_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "a_file").write_text("")
    (tmp_path / "a_directory").mkdir()
    with pytest.raises(
        StoreError, match=f"DB_PATH=.*{place}: this database cannot be opened .*do: create the directory"
    ):
        open_writer(tmp_path / place)


def test_a_reader_of_nothing_is_told_to_start_grok_and_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"x\.db: there is no database here yet; .*do: start `leadline grok`"):
        open_reader(tmp_path / "x.db")
    assert not list(tmp_path.iterdir())


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "x.db")
    connection.execute("CREATE TABLE t (a)")
    reader = open_reader(tmp_path / "x.db")
    with pytest.raises(apsw.ReadOnlyError):
        reader.execute("INSERT INTO t VALUES (1)")


def test_a_file_that_another_program_holds_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    open_writer(path).execute("CREATE TABLE t (a)")
    with child(HOLD, path) as holder:
        assert said(holder) == "held"
        with pytest.raises(StoreError, match=r"another program holds this database .*do: end what that program does"):
            enter_wal(open_writer(path), path)
