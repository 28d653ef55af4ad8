"""The dashboard as a person meets it: the real process, Debian's chromium, a database that is being written."""

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from leadline.app.dashboard import HOST, command, free_port
from leadline.store.status import upsert_process
from leadline.store.writer import Writer
from support.ui_store import PICTURE, a_process, fill_store, market

CHROMIUM = Path("/usr/bin/chromium")
LAPTOP, PHONE = (1366, 768), (390, 844)
WAIT_MS = 30_000
WATCH_S = 5.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"NO BROWSER: {CHROMIUM} is missing, so no page was looked at"),
]

MARK_NODES = """() => {
    const all = document.querySelectorAll('[data-testid="stDataFrame"], [data-testid="stTabs"], canvas, .ll-h2');
    const nodes = [...all].filter(node => node.getBoundingClientRect().height);
    const place = node => JSON.stringify(node.getBoundingClientRect());
    const opacity = node => node ? getComputedStyle(node).opacity * opacity(node.parentElement) : 1;
    const first = nodes.map(node => ({place: place(node), opacity: opacity(node)}));
    window.seen = {nodes, moved: 0, faded: 0, looks: 0, pages: new Set()};
    window.watch = setInterval(() => {
        seen.looks += 1;
        seen.pages.add(document.querySelector('[data-testid="stMain"]').scrollHeight);
        nodes.forEach((node, i) => {
            seen.moved += place(node) !== first[i].place;
            seen.faded += opacity(node) < first[i].opacity;
        });
    }, 40);
    return nodes.length;
}"""
"""Remember the tables' nodes and look 25 times a second whether they move or fade."""

WHAT_MOVED = """() => {
    clearInterval(window.watch);
    const lost = seen.nodes.filter(node => !node.isConnected).length;
    return {lost, moved: seen.moved, faded: seen.faded, pages: seen.pages.size, watched: seen.looks > 50};
}"""

ROWS = """name => [...document.querySelectorAll(`[aria-label="${name}"] canvas [role="row"]`)].map(
    row => [...row.children].map(cell => cell.textContent))"""

SCROLLER = '[aria-label="alerts"] .dvn-scroller'


@contextmanager
def running(path: Path) -> Iterator[str]:
    """Run the dashboard over a database and give its address; what it printed must hold no traceback."""
    port, log = free_port(0), path.with_name("streamlit.log")
    with log.open("wb") as output:
        process = subprocess.Popen(command(path, port), stdout=output, stderr=output, cwd=path.parent)
    try:
        end = time.monotonic() + WAIT_MS / 1_000
        while not _listens(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, "Streamlit does not listen"
            time.sleep(0.05)
        yield f"http://{HOST}:{port}/"
    finally:
        process.terminate()
        process.wait(20)
    assert "Traceback" not in log.read_text()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard over a database into which grok's heartbeat and touches go on being written."""
    path = tmp_path_factory.mktemp("dashboard") / "leadline.db"
    fill_store(path, time.time_ns())
    over = threading.Event()
    grok = threading.Thread(target=_beat, args=(path, over))
    grok.start()
    try:
        with running(path) as address:
            yield address
    finally:
        over.set()
        grok.join()


def _beat(path: Path, over: threading.Event) -> None:
    writer = Writer(path, time.time_ns())
    writer.start()
    while not over.wait(0.5):
        now_ns = time.time_ns()
        for statement in [upsert_process(a_process(now_ns)), *market(now_ns)]:
            writer.put(statement)
    writer.close()


def opened(
    browser: Browser, url: str, size: tuple[int, int] = LAPTOP, scheme: Literal["light", "dark"] = "light"
) -> tuple[Page, list[str]]:
    """Open a page and give it with the addresses that it asks for."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.goto(url)
    return page, asked


def rows(page: Page, table: str) -> list[list[str]]:
    """Give a table's accessible text, its labels first, once it has rows."""
    page.wait_for_function(f"({ROWS})('{table}').length > 1", timeout=WAIT_MS)
    found: list[list[str]] = page.evaluate(ROWS, table)
    return found


def foreign(asked: list[str]) -> list[str]:
    """Give the addresses that are not this machine's."""
    parts = [urlsplit(address) for address in asked]
    return [part.geturl() for part in parts if part.scheme not in {"data", "blob"} and part.hostname != HOST]


def test_what_was_written_is_seen_and_nothing_leaves_this_machine(browser: Browser, url: str) -> None:
    page, asked = opened(browser, url)
    labels, newest, *_ = rows(page, "alerts")
    alert = dict(zip(labels, newest, strict=True))
    assert (alert["Alert"], alert["Symbol"], alert["Direction"], alert["Price"]) == (
        "40",
        "AAL",
        "▲ bid-heavy",
        "13.455",
    )
    positions = [dict(zip(rows(page, "positions")[0], row, strict=True)) for row in rows(page, "positions")[1:]]
    by_symbol = {position["Symbol"]: position for position in positions}
    assert PICTURE in by_symbol["SNAP"]["Reason"]
    assert (by_symbol["SNAP"]["Agree"], by_symbol["F"]["Agree"]) == ("✕ differ +100", "✓ agree")
    assert (by_symbol["F"]["Ours"], by_symbol["F"]["Mark"]) == ("300", "13.82")
    title = page.inner_text("header.ll-bar")
    assert all(word in title for word in ("PAPER", "ARMED", "••••4821", "127.0.0.1:8182", "streaming", "+27.00"))
    assert page.get_by_text("Position in doubt, nothing is opened: SNAP").is_visible()
    page.get_by_role("tab", name="Orders").click()
    assert any(PICTURE in cell for row in rows(page, "orders") for cell in row)
    page.get_by_role("tab", name="Fills").click()
    assert "SELL SHORT" in {cell for row in rows(page, "fills") for cell in row}
    page.get_by_role("link", name="Feed").click()
    assert "STALE" in " ".join(cell for row in rows(page, "symbols") for cell in row)
    assert len(asked) > 20
    assert foreign(asked) == []
    page.close()


def test_a_refresh_moves_nothing(browser: Browser, url: str) -> None:
    page, _ = opened(browser, url)
    rows(page, "alerts")
    page.wait_for_timeout(1_000)
    page.evaluate(f"() => {{document.querySelector('{SCROLLER}').scrollTop = 280}}")
    before = page.inner_text("header.ll-bar")
    assert page.evaluate(MARK_NODES) >= 5
    page.wait_for_timeout(WATCH_S * 1_000)
    assert page.evaluate(WHAT_MOVED) == {"lost": 0, "moved": 0, "faded": 0, "pages": 1, "watched": True}
    assert page.evaluate(f"() => document.querySelector('{SCROLLER}').scrollTop") == 280
    assert page.inner_text("header.ll-bar") != before, "the clock did not go on: nothing was refreshed"
    page.close()


def test_the_page_appears_with_the_database_and_says_when_it_goes(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "later.db"
    with running(path) as url:
        _watch_it_come_and_go(browser, url, path)


def _watch_it_come_and_go(browser: Browser, url: str, path: Path) -> None:
    page, asked = opened(browser, url)
    page.get_by_text("There is no database here yet.").wait_for(timeout=WAIT_MS)
    fill_store(path, time.time_ns() - 3_600_000_000_000)
    assert len(rows(page, "alerts")) > 5
    assert page.get_by_text("grok is not running: last seen ").is_visible()
    path.unlink()
    page.get_by_text("There is no database here yet.").wait_for(timeout=WAIT_MS)
    assert page.locator('[data-testid="stDataFrame"]').count() == 0
    assert foreign(asked) == []
    page.close()


def test_the_page_fits_laptop_and_phone_in_light_and_dark(browser: Browser, url: str, tmp_path: Path) -> None:
    page, _ = opened(browser, url)
    rows(page, "alerts")
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for name, size in {"laptop": LAPTOP, "phone": PHONE}.items():
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function(f"getComputedStyle(document.querySelector('.stApp')).colorScheme === '{scheme}'")
            page.wait_for_timeout(800)
            page.screenshot(path=tmp_path / f"now-{name}-{scheme}.png")
            _fits(page, size)
    page.close()


def _fits(page: Page, size: tuple[int, int]) -> None:
    assert page.evaluate("() => document.querySelector('[data-testid=\"stMain\"]').scrollWidth") <= size[0]
    mode = page.locator("header.ll-bar .ll-mode").bounding_box()
    alerts = page.locator('[aria-label="alerts"]').bounding_box()
    assert mode is not None
    assert alerts is not None
    assert mode["height"] >= 30
    assert mode["y"] < 110, "the mode stands on top"
    assert alerts["y"] < size[1] - 100, "the newest alert is seen without scrolling"
