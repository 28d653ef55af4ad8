"""Every page in every state, run by Streamlit's AppTest without a browser."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from streamlit.testing.v1 import AppTest

import leadline
from leadline.store.status import upsert_process
from support.ui_store import PICTURE, a_process, fill_store, write

UI = Path(leadline.__file__).parent / "ui.py"
TIMEOUT_S = 20

Page = Callable[[Path], AppTest]


@pytest.fixture(params=["now", "feed"])
def page(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Page:
    """Give a function that runs the page over a database."""

    def run(path: Path) -> AppTest:
        monkeypatch.setattr(sys, "argv", [str(UI), "--db", str(path)])
        return (AppTest.from_file(str(UI)) if request.param == "now" else AppTest.from_function(_feed)).run(
            timeout=TIMEOUT_S
        )

    return run


def _feed() -> None:
    from leadline.ui import feed_page  # noqa: PLC0415 - AppTest runs this function's text alone

    feed_page()


def html(app: AppTest) -> str:
    return " ".join(element.proto.body for element in app.get("html"))


def texts(app: AppTest) -> str:
    assert not app.exception
    return "\n".join(element.value for element in app.text)


def test_a_filled_database_is_shown(page: Page, tmp_path: Path) -> None:
    fill_store(tmp_path / "a.db", time.time_ns())
    app = page(tmp_path / "a.db")
    assert "Position in doubt, nothing is opened: SNAP" in texts(app)
    assert ">PAPER<" in html(app)
    assert ">ARMED<" in html(app)
    assert ">••••4821<" in html(app)
    assert ">streaming<" in html(app)


def test_the_first_page_shows_positions_alerts_orders_and_fills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_store(tmp_path / "a.db", time.time_ns())
    monkeypatch.setattr(sys, "argv", [str(UI), "--db", str(tmp_path / "a.db")])
    app = AppTest.from_file(str(UI)).run(timeout=TIMEOUT_S)
    assert not app.exception
    positions, alerts, orders, fills = (element.value for element in app.dataframe)
    assert positions["Symbol"].tolist()[0] == "SNAP"
    assert positions.loc[positions["Symbol"] == "AAL", ["Ours", "Broker", "Agree"]].to_numpy().tolist() == [
        [0, 50, "✓ agree"]
    ]
    assert alerts["Alert"].tolist() == list(range(40, 0, -1))
    assert set(orders["State"]) == {"FILLED", "REJECTED", "WORKING"}
    assert len(fills) == (orders["State"] == "FILLED").sum()


def test_foreign_text_reaches_only_tables_and_plain_text(page: Page, tmp_path: Path) -> None:
    now_ns = time.time_ns()
    row = a_process(now_ns, broker=f"<b>{PICTURE}</b>", detail={"trader": f"disabled: {PICTURE}"})
    fill_store(tmp_path / "a.db", now_ns, process=row)
    app = page(tmp_path / "a.db")
    assert PICTURE in texts(app)
    assert "&lt;b&gt;" in html(app)
    assert "<b>" not in html(app)
    assert not any(PICTURE in element.value for element in [*app.markdown, *app.caption, *app.error, *app.warning])


def test_a_grok_that_died_is_said(page: Page, tmp_path: Path) -> None:
    fill_store(tmp_path / "a.db", time.time_ns() - 60_000_000_000)
    app = page(tmp_path / "a.db")
    assert "grok is not running: last seen " in texts(app)
    assert ">NOT RUNNING<" in html(app)
    assert ">ARMED<" not in html(app)


def test_a_database_without_rows_is_calm(page: Page, tmp_path: Path) -> None:
    write(tmp_path / "a.db", 0, [])
    app = page(tmp_path / "a.db")
    assert texts(app) == "! grok has not run on this database yet."
    assert all(element.value.empty for element in app.dataframe)
    assert all(len(element.value.columns) >= 3 for element in app.dataframe)


def test_a_detail_without_keys_breaks_nothing(page: Page, tmp_path: Path) -> None:
    now_ns = time.time_ns()
    write(tmp_path / "a.db", now_ns, [upsert_process(a_process(now_ns, detail={}))])
    assert texts(page(tmp_path / "a.db")) == ""


def _missing(path: Path) -> None: ...


def _empty(path: Path) -> None:
    path.touch()


def _damaged(path: Path) -> None:
    path.write_bytes(b"\x00no database\xff" * 1_000)


def _foreign(path: Path) -> None:
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE places (id)")
    other.close()


def _newer(path: Path) -> None:
    fill_store(path)
    newer = apsw.Connection(str(path))
    newer.pragma("user_version", 99)
    newer.close()


@pytest.mark.parametrize(
    ("make", "heading", "words"),
    [
        (_missing, "Nothing to show yet", "There is no database here yet."),
        (_empty, "Nothing to show yet", "This database is still empty."),
        (_damaged, "This database cannot be shown", "This file is no readable database"),
        (_foreign, "This database cannot be shown", "This is a SQLite database, but not one of leadline's."),
        (_newer, "This database cannot be shown", "The database has schema 99, this leadline knows"),
    ],
)
def test_what_cannot_be_shown_is_said(
    page: Page, tmp_path: Path, make: Callable[[Path], None], heading: str, words: str
) -> None:
    path = tmp_path / "a.db"
    make(path)
    app = page(path)
    assert words in texts(app)
    assert f"DB_PATH={path}" in texts(app)
    assert "To do: " in texts(app)
    assert heading in html(app)
    assert not app.dataframe


def test_a_page_damaged_inside_says_so_in_its_place(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    fill_store(path, time.time_ns())
    other = apsw.Connection(str(path))
    other.execute("UPDATE alerts SET symbol = x'ff'; UPDATE touches SET status = x'ff'")
    other.close()
    app = page(path)
    assert "does not hold what it should" in texts(app)
    assert ">PAPER<" in html(app)


def test_without_a_database_named_the_page_says_how_to_start_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(UI)])
    app = AppTest.from_file(str(UI)).run(timeout=TIMEOUT_S)
    assert texts(app).startswith("No database was named.")
