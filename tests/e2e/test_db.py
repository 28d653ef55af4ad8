"""`leadline db` as a person runs it: beside a running writer, in a terminal, with a million rows."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import apsw
import msgspec
import pytest

from leadline.store.writer import Writer
from support.filled_db import HOLD_LOCK, KEEP_WRITING, fatten, filled, flip_page, names, rows_of
from support.machine import child, leadline, said

pytestmark = pytest.mark.slow

ROWS = 1_000_000
MEMORY_MIB_MAX = 400
"""A table of a million rows as Python objects is several times this."""

MEASURED = """
import resource, runpy, sys
sys.argv = ["leadline", *sys.argv[1:]]
try:
    runpy.run_module("leadline", run_name="__main__")
except SystemExit as ended:
    assert not ended.code, ended.code
print("MAX_KIB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    filled(tmp_path / "x.db", alerts=30)
    return tmp_path


def db(home: Path, *words: object) -> "subprocess.CompletedProcess[str]":
    return leadline("db", *words, cwd=home, DB_PATH=str(home / "x.db"))


def test_check_backup_and_export_run_beside_a_busy_writer(home: Path) -> None:
    with child(KEEP_WRITING, home / "x.db") as writer:
        assert int(said(writer)) > 0
        checked = db(home, "check", "--json")
        assert checked.returncode == 0, checked.stderr
        health = msgspec.json.decode(checked.stdout)
        assert health["problems"] == []
        assert health["contents"]["commits"] >= health["marked_commits"] > 0
        backed_up = db(home, "backup", "--json")
        assert backed_up.returncode == 0, backed_up.stderr
        exported = db(home, "export", "--format", "csv", "--to", home / "out", "--json")
        assert exported.returncode == 0, exported.stderr
        assert writer.poll() is None
    backup = Path(msgspec.json.decode(backed_up.stdout)["path"])
    [[count]] = rows_of(backup, "SELECT count(*) FROM dispositions")
    assert rows_of(backup, "SELECT value FROM counters WHERE name = 'written'") == [(count,)]
    written = {one["table"]: one["rows"] for one in msgspec.json.decode(exported.stdout)}
    assert written["alerts"] == 30
    lines = (home / "out" / "dispositions.csv").read_bytes().splitlines()[1:]
    assert [int(line.split(b",")[0]) for line in lines] == list(range(1, written["dispositions"] + 1))


def test_restore_waits_for_nobody_and_ends_with_3_while_the_lock_is_held(home: Path) -> None:
    assert db(home, "backup").returncode == 0
    with child(HOLD_LOCK, home / "x.db.lock") as holder:
        assert said(holder) == "held"
        ended = db(home, "restore", "--newest")
        assert ended.returncode == 3
        assert f"pid {holder.pid}" in ended.stderr
    filled(home / "x.db", alerts=2, first=100)
    ended = db(home, "restore", "--newest")
    assert ended.returncode == 0, ended.stderr
    assert "compares every position with the broker" in ended.stdout
    assert rows_of(home / "x.db", "SELECT count(*) FROM alerts") == [(30,)]


def test_a_damaged_database_ends_with_1_and_the_command_that_it_names_restores_it(home: Path) -> None:
    assert db(home, "backup").returncode == 0
    flip_page(home / "x.db", 1)
    ended = db(home, "check")
    assert ended.returncode == 1
    assert "DAMAGED" in ended.stdout
    [command] = re.findall(r"`leadline (db restore [^`]+)`", ended.stderr)
    assert leadline(*command.split(), cwd=home).returncode == 0
    assert db(home, "check").returncode == 0


def test_a_newer_schema_ends_with_4(home: Path) -> None:
    connection = apsw.Connection(str(home / "x.db"))
    connection.pragma("user_version", 999)
    connection.close()
    for words in (["check"], ["export", "--to", home / "out"]):
        assert db(home, *words).returncode == 4


@pytest.mark.parametrize("words", [["restore"], ["restore", "a.db", "--newest"], ["export", "--table", "none"]])
def test_a_wrong_command_line_ends_with_2(home: Path, words: list[str]) -> None:
    ended = db(home, *words)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert set(names(home)) <= {"x.db", "x.db-shm", "x.db-wal", "x.db.lock", "x.db.mark"}


def test_rows_since_a_day_are_those_of_that_day_in_new_york(home: Path) -> None:
    """The alerts are of 2026-02-11."""
    for day, count in (("2026-02-11", 30), ("2026-02-12", 0)):
        ended = db(home, "export", "--table", "alerts", "--since", day, "--to", home / day, "--json")
        assert ended.returncode == 0, ended.stderr
        assert msgspec.json.decode(ended.stdout)[0]["rows"] == count
    assert db(home, "export", "--since", "yesterday").returncode == 2


def in_a_terminal(home: Path, *words: str) -> str:
    """Give what a verb shows in a terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "DB_PATH": str(home / "x.db"), "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "leadline", "db", *words]
    process = subprocess.Popen(command, cwd=home, env=env, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    with contextlib.suppress(OSError):
        while part := os.read(master, 65_536):
            shown += part
    os.close(master)
    assert process.wait(60) == 0, shown.decode()
    return shown.decode()


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("check",), "tables"),
        (("backup",), "copy"),
        (("export", "--format", "csv"), "alerts"),
        (("restore", "--newest"), "copy"),
    ],
)
def test_progress_is_shown_in_a_terminal_and_nowhere_else(home: Path, words: tuple[str, ...], what: str) -> None:
    fatten(home / "x.db", 8)
    assert db(home, "backup").returncode == 0
    shown = in_a_terminal(home, *words)
    assert "━" in shown
    assert re.search(rf"{what}.*%", shown)
    piped = db(home, *words, *(["--to", home / "again"] if words[0] != "check" and words[0] != "restore" else []))
    assert piped.returncode == 0, piped.stderr
    assert "━" not in piped.stdout + piped.stderr


def test_ctrl_c_leaves_no_half_copy(home: Path) -> None:
    fatten(home / "x.db", 64)
    command = [sys.executable, "-m", "leadline", "db", "backup", "--to", str(home / "copy.db")]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "DB_PATH": str(home / "x.db")}
    with subprocess.Popen(command, cwd=home, env=env, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not (home / "copy.db.part").exists():
            pass
        process.send_signal(2)
        process.wait(60)
    assert process.returncode in (0, 1)
    assert not (home / "copy.db.part").exists()
    assert (home / "copy.db").exists() is (process.returncode == 0)


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_a_million_rows_are_exported_in_bounded_memory(tmp_path: Path, file_format: str) -> None:
    Writer(tmp_path / "x.db", 1).close()
    connection = apsw.Connection(str(tmp_path / "x.db"))
    with connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO dispositions SELECT i, 'live', 'held', 'a reason of some length: ' || i, i FROM n",
            (ROWS,),
        )
    connection.close()
    words = ["db", "export", "--table", "dispositions", "--format", file_format, "--to", str(tmp_path / "out")]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "DB_PATH": str(tmp_path / "x.db")}
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *words], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"{ROWS} rows" in done.stdout
    [kib] = re.findall(r"MAX_KIB (\d+)", done.stdout)
    assert int(kib) < MEMORY_MIB_MAX * 1_024
