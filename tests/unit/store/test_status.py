"""Rows that say how a process is and where the market stands: one a role, one a symbol, always the latest."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import asdict, replace

from leadline.core.market import Touch
from leadline.store.status import ProcessRow, upsert_process, upsert_touch
from leadline.store.writer import Writer

ROW = ProcessRow(
    role="grok",
    pid=4_711,
    started_ns=1,
    heartbeat_ns=2,
    mode="paper",
    account="...821",
    broker="127.0.0.1:8182",
    state="ARMED",
    detail={"frames": 3, "symbols": {"F": {"lag_ms": 38.5}}, "store_error": None},
    config_hash="c0ffee",
    version="0.1.0",
)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    writer = Writer(tmp_path / "x.db", 1)
    yield writer
    writer.close()


def test_a_process_is_one_row_a_role_with_its_detail_as_json(writer: Writer) -> None:
    writer.execute_now(*upsert_process(ROW))
    writer.execute_now(*upsert_process(replace(ROW, heartbeat_ns=9)))
    writer.execute_now(*upsert_process(replace(ROW, role="ui")))
    names = [row[1] for row in writer.execute_now("PRAGMA table_info(processes)")]
    found = writer.execute_now("SELECT * FROM processes ORDER BY role")
    assert len(found) == 2
    grok = dict(zip(names, found[0], strict=True))
    assert json.loads(str(grok.pop("detail"))) == ROW.detail
    assert grok == {name: value for name, value in asdict(ROW).items() if name != "detail"} | {"heartbeat_ns": 9}


def test_a_touch_is_one_row_a_symbol_in_dollars(writer: Writer) -> None:
    old = Touch(138_100, 138_300, 1, 2, 3, 4)
    new = Touch(138_200, 138_300, 5_200, 2_100, 9, 4)
    writer.execute_now(*upsert_touch("F", old, None, None, 2))
    writer.execute_now(*upsert_touch("F", new, 138_250, "normal", 8))
    writer.execute_now(*upsert_touch("T", old, None, None, 2))
    assert writer.execute_now("SELECT * FROM touches ORDER BY symbol") == [
        ("F", 13.82, 13.83, 5_200, 2_100, 13.825, "normal", 8, 9),
        ("T", 13.81, 13.83, 1, 2, None, None, 2, 3),
    ]
