"""Migrations: each whole and recorded, a backup first, nothing dropped, and a file that is not ours left as it is."""

import re
from hashlib import sha256
from pathlib import Path

import apsw
import pytest

from leadline.core.errors import ExitCode, SchemaError, StoreError
from leadline.store import schema
from leadline.store.backup import copy_database
from leadline.store.connection import open_writer
from leadline.store.schema import MIGRATIONS, migrate
from leadline.store.writer import Writer

SECOND = ("second", "ALTER TABLE alerts ADD COLUMN mood TEXT; SELECT 1; CREATE TABLE moods (name TEXT)")
AT_1330_NS = 1_790_343_000_000_000_000
SPINE_TABLES = {
    *("alerts", "counters", "orders", "fills", "positions", "dispositions", "touches", "processes", "migrations"),
}


def tables(path: Path) -> set[str]:
    connection = apsw.Connection(str(path))
    names = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    connection.close()
    return names


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(path))
    found = [tuple(row) for row in connection.execute(sql)]
    connection.close()
    return found


def files(directory: Path) -> dict[str, bytes]:
    return {entry.name: sha256(entry.read_bytes()).digest() for entry in directory.iterdir()}


def a_file_of_now(path: Path) -> None:
    """Write a file of the current schema with one row in it."""
    writer = Writer(path, 7)
    writer.execute_now("INSERT INTO counters VALUES ('kept', 42)")
    writer.close()


def opened(path: Path, now_ns: int = 8) -> list[str]:
    connection = open_writer(path)
    try:
        return migrate(connection, path, now_ns)
    finally:
        connection.close()


def test_a_fresh_file_gets_every_migration_each_recorded_with_its_time(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    assert opened(path, 7) == [name for name, _ in MIGRATIONS]
    expected = [(number, name, 7) for number, (name, _) in enumerate(MIGRATIONS, start=1)]
    assert rows(path, "SELECT * FROM migrations ORDER BY number") == expected
    assert rows(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert tables(path) >= SPINE_TABLES


def test_a_current_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    a_file_of_now(path)
    before = files(tmp_path)
    assert opened(path) == []
    assert files(tmp_path) == before


def test_nothing_is_ever_dropped() -> None:
    assert not [name for name, sql in MIGRATIONS if "DROP" in sql.upper() or "DELETE" in sql.upper()]


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_newer_schema_is_refused_with_its_own_exit_code_and_not_a_byte_changed(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "x.db"
    a_file_of_now(path)
    newer = apsw.Connection(str(path))
    newer.pragma("journal_mode", mode)
    newer.pragma("user_version", len(MIGRATIONS) + 1)
    newer.close()
    before = files(tmp_path)
    known = len(MIGRATIONS)
    with pytest.raises(
        SchemaError, match=f"schema {known + 1}, this leadline knows {known}.*nothing was changed"
    ) as told:
        Writer(path, 8)
    assert told.value.exit_code is ExitCode.SCHEMA
    assert ExitCode.SCHEMA.value == 4
    assert files(tmp_path) == before


def test_another_programs_database_is_refused_and_not_a_byte_changed(tmp_path: Path) -> None:
    """The seed kept a table `alerts` too: it is another one."""
    path = tmp_path / "seed.db"
    seed = apsw.Connection(str(path))
    seed.execute("CREATE TABLE alerts (id INTEGER PRIMARY KEY, symbol TEXT)")
    seed.close()
    before = files(tmp_path)
    with pytest.raises(
        StoreError, match=r"another program's tables are in this database \(alerts\).*nothing was changed"
    ):
        Writer(path, 8)
    assert files(tmp_path) == before


def test_a_text_file_is_refused_and_not_a_byte_changed(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"dear diary\n" * 1_000)
    before = files(tmp_path)
    with pytest.raises(StoreError, match="no readable database"):
        Writer(path, 8)
    assert files(tmp_path) == before


@pytest.mark.parametrize("place", ["nowhere/x.db", "a_file/x.db"])
def test_a_place_that_is_none_is_said(tmp_path: Path, place: str) -> None:
    (tmp_path / "a_file").write_text("")
    with pytest.raises(StoreError, match=r"DB_PATH=.*cannot be (opened|made)"):
        Writer(tmp_path / place, 8)


def test_an_older_file_is_saved_and_upgraded_with_all_that_is_in_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "x.db"
    a_file_of_now(path)
    old = len(MIGRATIONS)
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, SECOND))
    assert opened(path, AT_1330_NS) == ["second"]
    assert rows(path, "SELECT * FROM counters") == [("kept", 42)]
    before = [(number + 1, 7) for number in range(old)]
    assert rows(path, "SELECT number, ran_ns FROM migrations") == [*before, (old + 1, AT_1330_NS)]
    assert "moods" in tables(path), "what stands behind a statement that gives rows ran too"
    saved = tmp_path / f"x.db.schema{old}-20260925T133000Z.bak"
    assert rows(saved, "SELECT * FROM counters") == [("kept", 42)]
    assert "moods" not in tables(saved)
    assert rows(saved, "PRAGMA user_version") == [(old,)]
    assert rows(saved, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("wrong", ["CREATE TABLE alerts (a)", "NO SQL", "INSERT INTO counters VALUES ('kept', 1)"])
def test_a_migration_that_fails_leaves_the_file_as_it_was_and_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wrong: str
) -> None:
    path = tmp_path / "x.db"
    a_file_of_now(path)
    before = tables(path)
    monkeypatch.setattr(
        schema, "MIGRATIONS", (*MIGRATIONS, ("bad", f"CREATE TABLE half (a); {wrong}; CREATE TABLE b (a)"))
    )
    with pytest.raises(StoreError, match="it was left as it is"):
        opened(path)
    monkeypatch.undo()
    assert tables(path) == before
    assert rows(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert opened(path) == [], "the old version goes on with it"


def test_migrations_before_one_that_fails_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    a_file_of_now(path)
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, SECOND, ("bad", "NO SQL")))
    with pytest.raises(StoreError):
        opened(path)
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, SECOND))
    assert opened(path) == []


def test_two_processes_that_start_at_once_run_a_migration_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The second one read the old version before the first one wrote the new one."""
    path = tmp_path / "x.db"
    a_file_of_now(path)
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, SECOND))
    late = open_writer(path)

    def outrun(connection: apsw.Connection, target: Path) -> None:
        monkeypatch.setattr(schema, "copy_database", copy_database)
        assert opened(path, 8) == ["second"]
        copy_database(connection, target.with_name("late.bak"))

    monkeypatch.setattr(schema, "copy_database", outrun)
    assert migrate(late, path, 9) == []
    assert rows(path, f"SELECT ran_ns FROM migrations WHERE number = {len(MIGRATIONS) + 1}") == [(8,)]


# files of earlier versions

SCHEMAS = Path(__file__).parent / "schemas"


def a_file_of_schema(number: int, path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute((SCHEMAS / f"schema-{number}.sql").read_text())
    connection.close()


def all_rows(path: Path) -> dict[str, list[dict[str, object]]]:
    """Every row of every table, by column."""
    connection = apsw.Connection(str(path))
    found = {}
    for table in sorted(tables(path)):
        columns = [str(name) for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]
        found[table] = [dict(zip(columns, row, strict=True)) for row in connection.execute(f"SELECT * FROM {table}")]
    connection.close()
    return found


def structure(path: Path) -> set[str]:
    """All tables and indexes as SQL, comments and white space aside."""
    found = rows(path, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {" ".join(re.sub(r"--.*", "", str(sql)).split()) for (sql,) in found}


@pytest.mark.parametrize("number", range(1, len(MIGRATIONS)))
def test_a_file_of_any_earlier_schema_is_upgraded_with_nothing_lost(tmp_path: Path, number: int) -> None:
    """F64. A new migration asks for a file here of the schema before it."""
    path = tmp_path / "x.db"
    a_file_of_schema(number, path)
    before = all_rows(path)
    Writer(path, AT_1330_NS).close()
    after = all_rows(path)
    for table, old in before.items():
        assert old, f"{table} has a row to lose"
        new = after[table][: len(old)] if table == "migrations" else after[table]
        assert [{column: row[column] for column in was} for was, row in zip(old, new, strict=True)] == old
    Writer(tmp_path / "fresh.db", AT_1330_NS).close()
    assert structure(path) == structure(tmp_path / "fresh.db"), "a migration that has shipped is never changed"
    [saved] = tmp_path.glob("x.db.schema*.bak")
    assert all_rows(saved) == before
