"""Backups that nobody asks for: where and how often, and that their failures are trading's last concern."""

import asyncio
import logging
import threading
from pathlib import Path

import pytest

from leadline.app import backups as backups_module
from leadline.app.backups import DAY_S, Keeper, Plan, keep_backups, last_backup, plan_of, refuse_lost
from leadline.core.errors import ExitCode, StoreError
from leadline.settings import load
from leadline.store.backup import backups_of
from support.filled_db import fatten, filled, names, rows_of
from support.machine import leadline

NOW_NS = 1_770_818_400_000_000_000
MEMORY = "/dev/vda / ext4 rw 0 0\ntmpfs /dev/shm tmpfs rw 0 0\n"


class Clock:
    def __init__(self) -> None:
        self.now_ns = NOW_NS

    def wall_ns(self) -> int:
        return self.now_ns

    def boot_ns(self) -> int:
        return self.now_ns

    def go_on(self, seconds: float) -> None:
        self.now_ns += int(seconds * 1_000_000_000)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    filled(tmp_path / "x.db", alerts=3)
    return Plan(tmp_path / "x.db", tmp_path / "backups", DAY_S, 2, is_in_memory=False)


def made(plan: Plan) -> list[str]:
    return names(plan.directory) if plan.directory.exists() else []


def test_on_a_disk_they_lie_beside_the_database_once_a_day() -> None:
    settings = load({"db_path": "/home/me/x.db"}, use_environment=False).settings
    assert plan_of(settings, MEMORY) == Plan(Path("/home/me/x.db"), Path("/home/me/x.db.backups"), DAY_S, 7, False)


def test_in_memory_they_lie_on_disk_once_a_minute_each_database_apart() -> None:
    directories = set()
    for path in ("/dev/shm/x.db", "/dev/shm/a/x.db", "/dev/shm/a-x.db"):
        settings = load({"db_path": path}, use_environment=False).settings
        plan = plan_of(settings, MEMORY)
        assert plan.is_in_memory
        assert plan.every_s == 60
        assert plan.directory.is_relative_to(settings.data_dir / "backups")
        directories.add(plan.directory)
    assert len(directories) == 3


def test_the_settings_rule() -> None:
    chosen = {"db_path": "/dev/shm/x.db", "db_backup_dir": "/b", "db_backup_sec": 0, "db_backups_kept": 3}
    plan = plan_of(load(chosen, use_environment=False).settings, MEMORY)
    assert (plan.directory, plan.every_s, plan.kept) == (Path("/b"), 0, 3)


def test_the_first_turn_makes_one_and_later_ones_come_as_planned(plan: Plan) -> None:
    clock = Clock()
    keeper = Keeper(plan, clock)
    assert keeper.turn() == DAY_S
    [name] = made(plan)
    assert name == "x-20260211T140000Z.auto.db"
    assert rows_of(plan.directory / name, "SELECT count(*) FROM alerts") == [(3,)]
    clock.go_on(DAY_S)
    assert keeper.turn() == DAY_S
    assert len(made(plan)) == 2


def test_a_day_is_a_day_over_restarts_too(plan: Plan) -> None:
    clock = Clock()
    Keeper(plan, clock).turn()
    clock.go_on(6 * 3_600)
    restarted = Keeper(plan, clock)
    assert restarted.turn() == DAY_S - 6 * 3_600
    assert len(made(plan)) == 1
    assert restarted.turn() == DAY_S
    assert len(made(plan)) == 2


def test_a_backup_of_the_future_does_not_put_off_todays(plan: Plan) -> None:
    clock = Clock()
    clock.go_on(30 * DAY_S)
    Keeper(plan, clock).turn()
    clock.go_on(-30 * DAY_S)
    Keeper(plan, clock).turn()
    assert "x-20260211T140000Z.auto.db" in made(plan)


def test_in_memory_every_start_makes_one_at_once(plan: Plan) -> None:
    in_memory = Plan(plan.db_path, plan.directory, 60, 9, is_in_memory=True)
    clock = Clock()
    for _ in range(3):
        Keeper(in_memory, clock).turn()
        clock.go_on(1)
    assert len(made(plan)) == 3


def test_only_so_many_automatic_ones_are_kept(plan: Plan) -> None:
    plan.directory.mkdir()
    asked_for = plan.directory / "x-20250101T000000Z.db"
    asked_for.touch()
    clock = Clock()
    keeper = Keeper(plan, clock)
    for _ in range(5):
        keeper.turn()
        clock.go_on(DAY_S)
    assert made(plan) == [asked_for.name, "x-20260214T140000Z.auto.db", "x-20260215T140000Z.auto.db"]


def test_a_failure_is_said_once_and_tried_again_soon(plan: Plan, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    plan.directory.write_text("in the way")
    keeper = Keeper(plan, Clock())
    assert [keeper.turn() for _ in range(3)] == [60, 60, 60]
    [record] = caplog.records
    assert record.levelname == "ERROR"
    assert "no backup of" in record.getMessage()
    plan.directory.unlink()
    assert keeper.turn() == DAY_S
    assert "are made again" in caplog.text
    plan.db_path.rename(plan.db_path.with_name("away.db"))
    keeper.turn()
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING", "ERROR"]


def test_not_even_a_fault_of_its_own_ends_it(
    plan: Plan, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(backups_module, "copy_database", fail)
    assert Keeper(plan, Clock()).turn() == 60
    assert "ZeroDivisionError('a mistake')" in caplog.text


async def test_the_loop_goes_on_while_a_copy_is_made_and_its_thread_is_its_own(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    copying, may_end = threading.Event(), threading.Event()
    threads = []

    def copy(*_: object) -> None:
        threads.append(threading.current_thread().name)
        copying.set()
        assert may_end.wait(30)

    monkeypatch.setattr(backups_module, "copy_database", copy)
    task = asyncio.create_task(keep_backups(plan, Clock()))
    assert await asyncio.to_thread(copying.wait, 30)
    may_end.set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert threads[0].startswith("backup")


async def test_the_end_of_the_process_gives_up_a_copy_and_leaves_no_half(plan: Plan) -> None:
    fatten(plan.db_path, 8)
    keeper = Keeper(plan, Clock())
    keeper.stop()
    keeper.turn()
    assert made(plan) == []


async def test_it_comes_again_and_again_until_cancelled(plan: Plan) -> None:
    every_second = Plan(plan.db_path, plan.directory, 1, 3, is_in_memory=True)
    clock = Clock()
    task = asyncio.create_task(keep_backups(every_second, clock))
    while len(backups_of(plan.db_path, plan.directory)) < 3:
        await asyncio.sleep(0.02)
        clock.go_on(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_off_is_off(plan: Plan) -> None:
    off = Plan(plan.db_path, plan.directory, 0, 3, is_in_memory=True)
    await keep_backups(off, Clock())
    last_backup(off, Clock())
    assert made(plan) == []


async def test_at_the_end_only_what_memory_would_forget_is_copied(plan: Plan) -> None:
    last_backup(plan, Clock())
    assert made(plan) == []
    last_backup(Plan(plan.db_path, plan.directory, 60, 3, is_in_memory=True), Clock())
    assert made(plan) == ["x-20260211T140000Z.auto.db"]


def test_where_a_database_is_gone_that_has_backups_none_is_begun(plan: Plan) -> None:
    refuse_lost(plan)
    Keeper(plan, Clock()).turn()
    refuse_lost(plan)
    plan.db_path.unlink()
    with pytest.raises(StoreError, match=r"gone, and there are backups.*leadline db restore .*x-20260211T140000Z"):
        refuse_lost(plan)


def test_where_nothing_was_one_is_begun(tmp_path: Path) -> None:
    refuse_lost(Plan(tmp_path / "x.db", tmp_path / "backups", 60, 3, is_in_memory=True))


@pytest.mark.slow
@pytest.mark.parametrize("verb", [("db", "check"), ("db", "backup"), ("db", "restore", "--newest")])
def test_a_database_path_of_links_in_a_circle_is_one_line_not_a_traceback(tmp_path: Path, verb: tuple[str]) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    ended = leadline(*verb, cwd=tmp_path, DB_PATH=str(tmp_path / "a"))
    assert ended.returncode == ExitCode.FAULT
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert "circle" in ended.stderr
    assert str(tmp_path / "a") in ended.stderr
