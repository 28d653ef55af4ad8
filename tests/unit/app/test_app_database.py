"""What `leadline db` finds and says: damage with the way back, and what asks for a look."""

from pathlib import Path

import msgspec
import pytest

from leadline.app.backups import Plan
from leadline.app.database import back_up, check, refuse_damaged, restore_backup
from leadline.cli.db_lines import health_lines, restored_lines
from leadline.core.errors import ExitCode, LeadlineError, LockHeldError, SchemaError, StoreError
from leadline.store.connection import open_writer
from leadline.store.locks import FileLock
from leadline.store.mark import Mark, mark_path, read_mark, write_mark
from support.filled_db import filled, flip_page, names, rows_of

NOW_NS = 1_770_818_400_000_000_000


def nothing(what: str, done: int, total: int) -> None:
    pass


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    filled(tmp_path / "x.db", alerts=3)
    return Plan(tmp_path / "x.db", tmp_path / "backups", 60, 2, is_in_memory=False)


def refused(plan: Plan) -> LeadlineError:
    with pytest.raises(LeadlineError) as told:
        refuse_damaged(plan, check(plan, NOW_NS, nothing))
    return told.value


def test_a_sound_database_passes_and_is_told_in_lines(plan: Plan) -> None:
    back_up(plan, None, NOW_NS - 7_200_000_000_000, nothing)
    health = check(plan, NOW_NS, nothing)
    refuse_damaged(plan, health)
    assert health.problems == []
    assert health.backup_age_s == 7_200
    text = "\n".join(health_lines(health))
    assert "alerts                    3 rows, newest 2026-02-11 17:00:03 UTC" in text
    assert "x-20260211T120000Z.db (2 h old)" in text
    assert "ok " in text
    assert "DAMAGED" not in text


@pytest.mark.parametrize("damage", ["page", "empty", "text", "cut"])
def test_a_damaged_database_is_refused_with_the_command_that_restores_it(plan: Plan, damage: str) -> None:
    backup = back_up(plan, None, NOW_NS, nothing)
    whole = plan.db_path.read_bytes()
    if damage == "page":
        flip_page(plan.db_path, 1)
    else:
        plan.db_path.write_bytes({"empty": b"", "text": b"dear diary\n" * 900, "cut": whole[:9_000]}[damage])
    before = plan.db_path.read_bytes()
    error = refused(plan)
    assert error.exit_code is ExitCode.FAULT
    assert f"`leadline db restore {backup} --db {plan.db_path}`" in str(error)
    assert plan.db_path.read_bytes() == before
    restore_backup(plan, None, NOW_NS, nothing)
    assert check(plan, NOW_NS, nothing).problems == []


def test_without_a_backup_that_is_said(plan: Plan) -> None:
    flip_page(plan.db_path, 1)
    assert f"there is none in {plan.directory}" in str(refused(plan))


def test_a_database_behind_its_mark_lacks_commits(plan: Plan) -> None:
    mark = read_mark(mark_path(plan.db_path))
    assert mark is not None
    write_mark(mark_path(plan.db_path), Mark(mark.commits + 2, mark.alert_id))
    assert f"the last 2 of {mark.commits + 2} commits are missing" in str(refused(plan))


def test_a_newer_schema_ends_with_4(plan: Plan) -> None:
    connection = open_writer(plan.db_path)
    connection.pragma("user_version", 999)
    connection.close()
    error = refused(plan)
    assert isinstance(error, SchemaError)
    assert error.exit_code is ExitCode.SCHEMA


def test_a_database_that_is_gone_is_said_with_its_backup(plan: Plan) -> None:
    backup = back_up(plan, None, NOW_NS, nothing)
    plan.db_path.unlink()
    assert f"leadline db restore {backup}" in str(refused(plan))


def test_a_first_run_is_told_to_start_grok(tmp_path: Path) -> None:
    none = Plan(tmp_path / "x.db", tmp_path / "backups", 60, 2, is_in_memory=False)
    assert "start `leadline grok` first" in str(refused(none))
    assert names(tmp_path) == []


def test_what_is_no_damage_is_remarked_upon(plan: Plan) -> None:
    Path(f"{plan.db_path}.spill").write_bytes(b"rows")
    remarks = " ".join(check(plan, NOW_NS, nothing).remarks)
    assert "rows wait in" in remarks
    assert "there is no backup in" in remarks
    back_up(plan, None, NOW_NS - 3_600_000_000_000, nothing)
    assert "the newest backup is old" in " ".join(check(plan, NOW_NS, nothing).remarks)
    off = msgspec.structs.replace(plan, every_s=0)
    assert "DB_BACKUP_SEC=0" in " ".join(check(off, NOW_NS, nothing).remarks)


def test_a_check_changes_no_byte(plan: Plan) -> None:
    before = {name: (plan.db_path.parent / name).read_bytes() for name in names(plan.db_path.parent)}
    check(plan, NOW_NS, nothing)
    after = {name: (plan.db_path.parent / name).read_bytes() for name in names(plan.db_path.parent)}
    assert {name: content for name, content in after.items() if not name.endswith(("-shm", "-wal"))} == before


def test_a_backup_goes_where_it_is_wanted(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    assert back_up(plan, None, NOW_NS, nothing) == plan.directory / "x-20260211T140000Z.db"
    assert back_up(plan, tmp_path / "stick", NOW_NS, nothing) == tmp_path / "stick" / "x-20260211T140000Z.db"
    assert back_up(plan, tmp_path / "mine", NOW_NS, nothing) == tmp_path / "mine"
    with pytest.raises(StoreError, match="already"):
        back_up(plan, tmp_path / "mine", NOW_NS, nothing)


def test_while_grok_has_the_lock_nothing_is_restored(plan: Plan) -> None:
    back_up(plan, None, NOW_NS, nothing)
    filled(plan.db_path, alerts=1, first=10)
    lock = FileLock(Path(f"{plan.db_path}.lock"), "the right of a test")
    with pytest.raises(LockHeldError):
        restore_backup(plan, None, NOW_NS, nothing)
    lock.release()
    assert rows_of(plan.db_path, "SELECT count(*) FROM alerts") == [(4,)]


def test_the_lock_is_free_after_a_restore_and_after_one_that_failed(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no backup here"):
        restore_backup(plan, None, NOW_NS, nothing)
    with pytest.raises(StoreError, match="no such file"):
        restore_backup(plan, tmp_path / "none", NOW_NS, nothing)
    back_up(plan, None, NOW_NS, nothing)
    restore_backup(plan, None, NOW_NS, nothing)
    FileLock(Path(f"{plan.db_path}.lock"), "the right of a test").release()


def test_where_the_newest_backup_is_damaged_the_next_one_is_named(plan: Plan) -> None:
    older = back_up(plan, None, NOW_NS - 60_000_000_000, nothing)
    newest = back_up(plan, None, NOW_NS, nothing)
    flip_page(newest, 1)
    with pytest.raises(StoreError, match=f"{newest}: .*leadline db restore {older}"):
        restore_backup(plan, None, NOW_NS, nothing)


def test_a_restore_tells_both_and_what_comes_next(plan: Plan) -> None:
    back_up(plan, None, NOW_NS, nothing)
    filled(plan.db_path, alerts=2, first=10)
    text = "\n".join(restored_lines(restore_backup(plan, None, NOW_NS, nothing), str(plan.db_path)))
    assert "alerts   5, newest 2026-02-11 17:00:11 UTC" in text
    assert "3, newest 2026-02-11 17:00:03 UTC" in text
    assert "x.db.replaced-20260211T140000Z" in text
    assert "compares every position with the broker" in text


def test_without_one_before_that_is_told(plan: Plan) -> None:
    back_up(plan, None, NOW_NS, nothing)
    for ending in ("", "-wal", "-shm"):
        Path(f"{plan.db_path}{ending}").unlink(missing_ok=True)
    text = "\n".join(restored_lines(restore_backup(plan, None, NOW_NS, nothing), str(plan.db_path)))
    assert "there was none" in text
    assert "put aside" not in text
