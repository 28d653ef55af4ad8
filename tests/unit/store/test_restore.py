"""A restore leaves the old database or the new one, and deletes nothing."""

import shutil
from pathlib import Path

import apsw
import pytest

from leadline.core.errors import SchemaError, StoreError
from leadline.store import restore as restore_module
from leadline.store.backup import copy_database
from leadline.store.check import Contents
from leadline.store.connection import open_reader, open_writer
from leadline.store.mark import Mark, mark_path, read_mark, write_mark
from leadline.store.restore import Restored, restore
from leadline.store.writer import Writer
from support.filled_db import filled, flip_page, names, rows_of
from support.machine import child, said

NOW_NS = 1_770_818_400_000_000_000
STAMP = "20260211T140000Z"

KILL_AT_EACH_CALL = """
import os, shutil, sys
from pathlib import Path
template, work = Path(sys.argv[1]), Path(sys.argv[2])
sys.path.insert(0, sys.argv[3])
from leadline.store.restore import restore

CALLS = ("link", "unlink", "replace", "rename", "fsync", "open", "pwrite", "remove")

def traced(limit):
    counts = {"n": 0}
    def wrap(real):
        def call(*args, **kwargs):
            counts["n"] += 1
            if counts["n"] == limit:
                os._exit(9)
            return real(*args, **kwargs)
        return call
    for name in CALLS:
        setattr(os, name, wrap(getattr(os, name)))

for limit in range(1, 200):
    home = work / str(limit)
    shutil.copytree(template, home)
    pid = os.fork()
    if pid == 0:
        traced(limit)
        restore(home / "backup.db", home / "x.db", 1_770_818_400_000_000_000, lambda *a: None)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    print(limit, code, flush=True)
    if code == 0:
        break
    assert code == 9, code
print("done", flush=True)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A database of 30 alerts, the last one in its WAL only, and a backup of its first 10."""
    home = tmp_path / "home"
    home.mkdir()
    path = home / "made.db"
    filled(path, alerts=10)
    source = open_reader(path)
    copy_database(source, home / "backup.db")
    source.close()
    filled(path, alerts=19, first=11)
    live = open_writer(path)
    live.execute("INSERT INTO alerts SELECT 30, " + columns_but_id(path) + " FROM alerts WHERE id = 1")
    for ending in ("", "-wal"):
        shutil.copy(f"{path}{ending}", home / f"x.db{ending}")
    live.close()
    mark_path(path).rename(mark_path(home / "x.db"))
    path.unlink()
    (home / "x.db.spill").write_bytes(b"")
    return home


def columns_but_id(path: Path) -> str:
    return ", ".join(
        str(name) for (name,) in rows_of(path, "SELECT name FROM pragma_table_info('alerts') LIMIT -1 OFFSET 1")
    )


def ids(path: Path) -> list[object]:
    return [row[0] for row in rows_of(path, "SELECT id FROM alerts ORDER BY id")]


def restored(home: Path) -> Restored:
    return restore(home / "backup.db", home / "x.db", NOW_NS, lambda what, done, total: None)


def starts(path: Path) -> list[object]:
    """The next start takes the file, and a row can be written."""
    writer = Writer(path, NOW_NS)
    writer.execute_now("INSERT INTO counters VALUES ('started', 1)")
    writer.close()
    return ids(path)


OLD, NEW = list(range(1, 31)), list(range(1, 11))


def test_the_backup_is_in_place_and_what_was_there_is_put_aside_with_its_wal_and_waiting_rows(home: Path) -> None:
    told = restored(home)
    assert ids(home / "x.db") == NEW
    aside = home / f"x.db.replaced-{STAMP}"
    assert told.aside == (aside, Path(f"{aside}.spill"))
    assert ids(aside) == OLD
    assert names(home) == ["backup.db", "x.db", "x.db.mark", aside.name, f"{aside.name}.spill"]
    assert ids(home / "backup.db") == NEW
    assert starts(home / "x.db") == NEW


def test_what_was_there_and_what_is_there_now_are_told(home: Path) -> None:
    told = restored(home)
    assert isinstance(told.replaced, Contents)
    assert (told.replaced.rows["alerts"], told.restored.rows["alerts"]) == (30, 10)
    assert told.replaced.newest_ns["alerts"] > told.restored.newest_ns["alerts"]
    assert told.unreadable is None


def test_ids_do_not_go_back_and_the_mark_accuses_no_restored_file(home: Path) -> None:
    before = read_mark(mark_path(home / "x.db"))
    assert before is not None
    write_mark(mark_path(home / "x.db"), Mark(before.commits, 7_000))
    told = restored(home)
    assert told.restored.commits < before.commits
    assert read_mark(mark_path(home / "x.db")) == Mark(told.restored.commits, 7_000)


def test_without_a_mark_ids_go_on_from_the_old_rows(home: Path) -> None:
    mark_path(home / "x.db").unlink()
    restored(home)
    mark = read_mark(mark_path(home / "x.db"))
    assert mark is not None
    assert mark.alert_id == 30


def test_where_there_is_no_database_the_backup_becomes_it(home: Path) -> None:
    for name in ("x.db", "x.db-wal", "x.db.mark", "x.db.spill"):
        (home / name).unlink()
    told = restored(home)
    assert (told.replaced, told.unreadable, told.aside) == (None, "there was none", ())
    assert starts(home / "x.db") == NEW
    mark = read_mark(mark_path(home / "x.db"))
    assert mark is not None
    assert mark.alert_id == 1_000_010, "which ids were given since the backup nobody knows any more"


def test_the_wal_of_a_database_that_is_gone_is_put_aside_too(home: Path) -> None:
    """SQLite would put it into the restored file."""
    (home / "x.db").unlink()
    wal = (home / "x.db-wal").read_bytes()
    restored(home)
    assert (home / f"x.db.replaced-{STAMP}-wal").read_bytes() == wal
    assert starts(home / "x.db") == NEW


@pytest.mark.parametrize("damage", ["page", "cut", "empty", "text"])
def test_a_damaged_database_is_put_aside_byte_for_byte(home: Path, damage: str) -> None:
    path = home / "x.db"
    if damage == "page":
        flip_page(path, 1)
        (home / "x.db-wal").unlink()
    else:
        whole = path.read_bytes()
        path.write_bytes({"cut": whole[:20_000], "empty": b"", "text": b"dear diary\n" * 900}[damage])
    before = {
        name: (home / name).read_bytes() for name in names(home) if name.startswith("x.db") and "mark" not in name
    }
    told = restored(home)
    assert told.replaced is None
    assert told.unreadable
    for name, content in before.items():
        aside = home / name.replace("x.db", f"x.db.replaced-{STAMP}")
        if not name.endswith("-shm"):
            assert aside.read_bytes() == content, name
    assert starts(path) == NEW


@pytest.mark.parametrize("damage", ["page", "cut", "empty", "text", "gone"])
def test_a_source_that_is_no_sound_backup_changes_nothing(home: Path, damage: str) -> None:
    source = home / "backup.db"
    if damage == "page":
        flip_page(source, 1)
    elif damage == "gone":
        source.unlink()
    else:
        whole = source.read_bytes()
        source.write_bytes({"cut": whole[:20_000], "empty": b"", "text": b"dear diary\n" * 900}[damage])
    before = {name: (home / name).read_bytes() for name in names(home)}
    with pytest.raises(StoreError, match=r"backup\.db: .*the database was left as it is"):
        restored(home)
    assert {name: (home / name).read_bytes() for name in names(home)} == before


def test_a_backup_of_a_newer_version_is_refused(home: Path) -> None:
    connection = open_writer(home / "backup.db")
    connection.pragma("user_version", 999)
    connection.close()
    with pytest.raises(SchemaError, match=r"backup\.db.*schema 999"):
        restored(home)
    assert ids(home / "x.db") == OLD


def test_an_older_backup_takes_the_place_of_a_newer_versions_database(home: Path) -> None:
    """Whoever goes back to the version before restores what that version wrote."""
    connection = open_writer(home / "x.db")
    connection.pragma("user_version", 999)
    connection.close()
    restored(home)
    assert starts(home / "x.db") == NEW


def test_another_programs_database_is_not_put_aside(home: Path) -> None:
    (home / "x.db-wal").unlink()
    (home / "x.db").unlink()
    foreign = apsw.Connection(str(home / "x.db"))
    foreign.execute("CREATE TABLE alerts (recv_ns)")
    foreign.close()
    with pytest.raises(StoreError, match="another program's tables"):
        restored(home)
    assert rows_of(home / "x.db", "SELECT count(*) FROM alerts") == [(0,)]


def test_a_file_can_be_accepted_as_it_is_by_restoring_it_over_itself(home: Path) -> None:
    """It lacks commits, which its owner knows: `leadline db restore DB_PATH`."""
    before = read_mark(mark_path(home / "x.db"))
    assert before is not None
    write_mark(mark_path(home / "x.db"), Mark(before.commits + 5, before.alert_id))
    with pytest.raises(StoreError, match="lacks the last 5"):
        Writer(home / "x.db", NOW_NS)
    restore(home / "x.db", home / "x.db", NOW_NS, lambda what, done, total: None)
    assert starts(home / "x.db") == OLD


def test_the_name_of_an_earlier_restore_in_the_same_second_is_not_taken(home: Path) -> None:
    restored(home)
    filled(home / "x.db", alerts=1, first=50)
    restored(home)
    assert ids(home / f"x.db.replaced-{STAMP}") == OLD
    assert ids(home / "x.db.replaced-20260211T140001Z") == [*NEW, 50]


def test_a_link_to_a_database_stays_one(home: Path) -> None:
    (home / "link.db").symlink_to(home / "x.db")
    restore(home / "backup.db", home / "link.db", NOW_NS, lambda what, done, total: None)
    assert (home / "link.db").is_symlink()
    assert ids(home / "x.db") == NEW
    assert ids(home / f"x.db.replaced-{STAMP}") == OLD


def test_a_reader_that_stays_in_the_database_is_said_and_nothing_is_changed(home: Path) -> None:
    reader = open_reader(home / "x.db")
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM alerts").fetchall()
    with pytest.raises(StoreError, match=r"another program holds this database"):
        restored(home)
    reader.close()
    assert ids(home / "x.db") == OLD
    assert not [name for name in names(home) if "replaced" in name or "restoring" in name]


def test_a_disk_that_fails_in_the_middle_is_said_and_the_old_database_stays(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: Path, target: Path) -> None:
        raise OSError(5, "Input/output error", str(source))

    monkeypatch.setattr("leadline.store.restore.os.replace", fail)
    with pytest.raises(StoreError, match=r"cannot be exchanged \(Input/output error\).*nothing was deleted"):
        restored(home)
    assert ids(home / "x.db") == OLD


def killed_at_each_call(home: Path, tmp_path: Path) -> list[Path]:
    """Give the directories of restores that were killed before their first, second, ... call; the last one was not."""
    work = tmp_path / "work"
    work.mkdir()
    with child(KILL_AT_EACH_CALL, home, work, Path(restore_module.__file__).parents[2]) as process:
        while (line := said(process)) != "done":
            assert line, "the child failed"
    homes = sorted(work.iterdir(), key=lambda one: int(one.name))
    assert len(homes) > 15
    return homes


def test_killed_at_any_call_the_path_names_the_old_database_or_the_new_one(home: Path, tmp_path: Path) -> None:
    seen = []
    for one in killed_at_each_call(home, tmp_path):
        found = ids(one / "x.db")
        assert found in (OLD, NEW), one.name
        assert rows_of(one / "x.db", "PRAGMA integrity_check") == [("ok",)]
        if found == NEW:
            [aside] = [entry for entry in one.iterdir() if entry.name == f"x.db.replaced-{STAMP}"]
            assert ids(aside) == OLD
        seen.append(found)
        restored(one)
        assert starts(one / "x.db") == NEW
    assert seen == sorted(seen, key=lambda found: found == NEW), "once new, always new"
    assert seen[0] == OLD
    assert seen[-1] == NEW


def test_killed_at_any_call_a_damaged_database_is_never_an_unharmed_one_without_its_wal(
    home: Path, tmp_path: Path
) -> None:
    flip_page(home / "x.db", 2)
    damaged, wal = (home / "x.db").read_bytes(), (home / "x.db-wal").read_bytes()
    for one in killed_at_each_call(home, tmp_path):
        content = (one / "x.db").read_bytes()
        assert content == damaged or ids(one / "x.db") == NEW
        assert wal in [entry.read_bytes() for entry in one.iterdir() if entry.name.endswith("-wal")]
        assert damaged in [entry.read_bytes() for entry in one.iterdir()]
        restored(one)
        assert starts(one / "x.db") == NEW
