"""Owns the pages: what `views` says, drawn by Streamlit once a second.

Never computes, writes, or renders foreign text as Markdown, which would fetch pictures from elsewhere.
Comes from the launcher as `streamlit run ui.py -- --db PATH`; goes to a browser on this machine.
"""

import argparse
import functools
import gc
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TypeVar

import pyarrow as pa  # type: ignore[import-untyped]
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from leadline import views
from leadline.core.errors import LeadlineError
from leadline.store import queries
from leadline.views import Column, Figure, Notice, TitleBar, Tone

REFRESH_S = 1.0
ROW_HEIGHT_PX = 28
HEADER_HEIGHT_PX = 38
GAIN_COLOURS, LOSS_COLOURS = ("#13682f", "#5fd38a"), ("#b3131b", "#ff8a8a")
ICONS = {Tone.WARN: "!", Tone.BAD: "✕"}

Row = TypeVar("Row")

STYLE = """<style>
[data-testid="stMainBlockContainer"] {padding: 4rem 1.25rem 1.5rem; max-width: none}
[data-testid="stMainBlockContainer"] [data-testid="stVerticalBlock"] {gap: .45rem}
[data-testid="stTab"][aria-selected="true"] {color: inherit; font-weight: 600}
[data-testid="stTab"] .react-aria-SelectionIndicator {background: currentColor !important}
[data-testid="stTabPanel"] {padding-top: .45rem}
.ll-bar, .ll-h2, [class*="st-key-notice-"] {font-variant-numeric: tabular-nums; line-height: 1.25;
  --good: light-dark(#13682f, #5fd38a); --warn: light-dark(#8a5200, #f2b84b); --bad: light-dark(#b3131b, #ff8a8a);
  --quiet: color-mix(in srgb, currentColor 64%, transparent); --line: color-mix(in srgb, currentColor 18%, #0000)}
.ll-bar {--mode: #5b4b8a} .ll-paper {--mode: #1f5f99} .ll-sim {--mode: #7a5a00} .ll-live {--mode: #b3131b}
header.ll-bar::before {content: ""; position: fixed; inset: 0 0 auto; height: 6px; z-index: 999991}
.ll-top {display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem}
header.ll-bar::before, .ll-mode {background: var(--mode)}
.ll-mode, .ll-state {font-weight: 700; border-radius: .3rem}
.ll-mode {color: #fff; font-size: 1.5rem; letter-spacing: .08em; padding: .2rem .8rem}
.ll-state {font-size: 1.05rem; border: 2px solid; padding: .28rem .6rem}
.ll-bar dl {display: flex; flex-wrap: wrap; gap: .35rem 1.75rem; padding: 0}
.ll-bar dl > div {display: grid; grid-template-columns: auto auto; column-gap: .45rem; justify-content: start}
.ll-bar .ll-figures {margin-top: .6rem; padding-top: .5rem; border-top: 1px solid var(--line)}
.ll-bar dt {font-size: .75rem; color: var(--quiet); grid-column: 1 / -1; font-weight: 400}
.ll-bar dd {font-weight: 600} .ll-bar dl, .ll-bar dl > div, .ll-bar dt, .ll-bar dd {margin: 0}
.ll-bar .ll-value {white-space: nowrap} .ll-bar .ll-figures .ll-value {font-size: 1.25rem}
.ll-bar .ll-note {font-size: .75rem; font-weight: 400; color: var(--quiet); align-self: end; padding-bottom: .15rem}
.ll-good {color: var(--good)} .ll-warn {color: var(--warn)} .ll-bad {color: var(--bad)}
.ll-absent dl {opacity: .55} h1.ll-h1 {font-size: 1.4rem; padding: .5rem 0}
@media (max-width: 640px) {.ll-bar dl {display: grid; grid-template-columns: 1fr 1fr; width: 100%}}
h2.ll-h2 {font-size: .95rem; font-weight: 600; padding: .35rem 0 0; margin: 0}
[class*="st-key-notice-"] {border-left: 4px solid var(--tone); padding: .3rem .7rem; border-radius: .2rem;
  background: color-mix(in srgb, var(--tone) 13%, transparent)}
[class*="st-key-notice-warn"] {--tone: var(--warn)} [class*="st-key-notice-bad"] {--tone: var(--bad)}
[class*="st-key-notice-"] [data-testid="stText"] {font-weight: 600}
</style>"""


def main() -> None:
    """Draw the page that the browser asks for."""
    st.set_page_config(page_title="leadline", layout="wide")
    _spare_the_collector()
    st.html(STYLE)
    pages = [st.Page(now_page, title="Now", default=True), st.Page(feed_page, title="Feed", url_path="feed")]
    st.navigation(pages, position="top").run()


@st.cache_resource(show_spinner=False)
def _spare_the_collector() -> bool:
    """Hide what the imports made from the garbage collector: it runs after each fragment and was most of the work."""
    gc.collect()
    gc.freeze()
    return True


def database_path(arguments: Sequence[str]) -> Path | None:
    """Read `--db PATH` from the script's arguments."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--db", type=Path)
    path: Path | None = parser.parse_known_args(arguments)[0].db
    return path


def now_page() -> None:
    """Show what is held, what was seen and what was done about it."""
    path = _readable_path()
    if path is not None:
        title_tile(path)
        positions_tile(path)
        history_tile(path)


def feed_page() -> None:
    """Show how the market data arrives and who runs."""
    path = _readable_path()
    if path is not None:
        title_tile(path)
        feed_tile(path)


def tile(draw: Callable[[Path], None]) -> Callable[[Path], None]:
    """Draw a part of a page by itself every second; where it cannot be drawn, say why in its place."""

    @st.fragment(run_every=REFRESH_S)
    @functools.wraps(draw)
    def drawn(path: Path) -> None:
        try:
            draw(path)
        except LeadlineError as error:
            if _fault(path) is not None:  # the whole file: the page says it
                st.rerun()
            _draw_lines(views.trouble(error))

    return drawn


@tile
def title_tile(path: Path) -> None:
    """Draw the bar that says which mode this is, and what a person should know now."""
    now_ns = time.time_ns()
    with queries.reading(path) as connection:
        processes = queries.processes(connection)
        grok = views.grok_of(processes)
        positions = queries.positions(connection, views.midnight_ns(now_ns))
        counts = queries.counts_since(connection, views.midnight_ns(now_ns), grok.mode if grok else None)
    _draw_title(views.title_bar(grok, counts, positions, now_ns))
    _draw_notices(views.notices(processes, positions, now_ns))


@tile
def positions_tile(path: Path) -> None:
    """Draw the positions, ours beside the broker's."""
    now_ns = time.time_ns()
    with queries.reading(path) as connection:
        grok = views.grok_of(queries.processes(connection))
        rows = queries.positions(connection, views.midnight_ns(now_ns))
    _heading("Positions")
    _draw_table("positions", views.POSITIONS, views.mine_first(grok, rows), now_ns, 5)


@tile
def history_tile(path: Path) -> None:
    """Draw the newest alerts, orders and fills of one moment."""
    now_ns = time.time_ns()
    with queries.reading(path) as connection:
        alerts = queries.last_alerts(connection)
        orders = queries.last_orders(connection)
        fills = queries.last_fills(connection)
    for_alerts, for_orders, for_fills = st.tabs(["Alerts", "Orders", "Fills"], key="history")
    with for_alerts:
        _draw_table("alerts", views.ALERTS, views.by_alert(alerts), now_ns, 12)
    with for_orders:
        _draw_table("orders", views.ORDERS, orders, now_ns, 12)
    with for_fills:
        _draw_table("fills", views.FILLS, fills, now_ns, 12)


@tile
def feed_tile(path: Path) -> None:
    """Draw each symbol's book age, what became of the snapshots, and the processes."""
    now_ns = time.time_ns()
    with queries.reading(path) as connection:
        processes = queries.processes(connection)
        touches = queries.touches(connection)
    grok = views.grok_of(processes)
    detail = views.detail_of(grok)
    st.html(f'<section class="ll-bar">{_figures(views.feed_facts(grok, now_ns), "ll-figures")}</section>')
    left, right = st.columns([7, 3])
    with left:
        _heading("Symbols")
        _draw_table("symbols", views.FEED, views.watched(grok, touches), now_ns, 12)
        _heading("Processes")
        _draw_table("processes", views.PROCESSES, processes, now_ns, 3)
    with right:
        _heading("What became of the books")
        _draw_table("outcomes", views.COUNTED, views.counted(detail.outcomes), now_ns, 12)
        _heading("Entries dropped")
        _draw_table("dropped", views.COUNTED, views.counted(detail.dropped), now_ns, 3)


@st.fragment(run_every=REFRESH_S)
def trouble_tile(path: Path) -> None:
    """Say why there is nothing to show, until there is."""
    error = _fault(path)
    if error is None:
        st.rerun()
    is_first_run = isinstance(error, queries.NothingYetError)
    st.html(f"<h1 class='ll-h1'>{'Nothing to show yet' if is_first_run else 'This database cannot be shown'}</h1>")
    _draw_lines(views.trouble(error))
    _draw_lines(["This page looks again every second."])


def _readable_path() -> Path | None:
    """Give the database's path once it can be read; until then say what is wrong."""
    path = database_path(sys.argv[1:])
    if path is None:
        _draw_lines(["No database was named.", "To do: start this page with `leadline ui`, which passes --db PATH."])
        return None
    if _fault(path) is None:
        return path
    trouble_tile(path)
    return None


def _fault(path: Path) -> LeadlineError | None:
    try:
        with queries.reading(path):
            return None
    except LeadlineError as error:
        return error


def _draw_title(bar: TitleBar) -> None:
    kind = f"ll-{bar.mode.lower()}" if bar.mode in {"PAPER", "SIM", "LIVE"} else "ll-other"
    st.html(
        f'<header class="ll-bar {kind}{"" if bar.is_alive else " ll-absent"}"><div class="ll-top">'
        f'<span class="ll-mode">{escape(bar.mode)}</span>'
        f'<span class="ll-state ll-{bar.state_tone}">{escape(bar.state)}</span>'
        f"{_figures(bar.facts, 'll-facts')}</div>{_figures(bar.figures, 'll-figures')}</header>"
    )


def _figures(figures: Iterable[Figure], name: str) -> str:
    items = "".join(
        f'<div><dt>{escape(figure.label)}</dt><dd class="ll-value ll-{figure.tone}">{escape(figure.value)}</dd>'
        f'<dd class="ll-note">{escape(figure.note)}</dd></div>'
        for figure in figures
    )
    return f'<dl class="{name}">{items}</dl>'


def _draw_notices(notices: Sequence[Notice]) -> None:
    with st.container(key="notices"):
        for place, notice in enumerate(notices):
            with st.container(key=f"notice-{notice.tone}-{place}"):
                st.text(f"{ICONS.get(notice.tone, '·')} {notice.text}")


def _draw_lines(lines: Iterable[str]) -> None:
    for line in lines:
        st.text(line)


def _heading(text: str) -> None:
    st.html(f'<h2 class="ll-h2">{escape(text)}</h2>')


def _draw_table(key: str, columns: Sequence[Column[Row]], rows: Iterable[Row], now_ns: int, rows_shown: int) -> None:
    values = views.cells(columns, rows, now_ns)
    # Arrow with types of its own: four times cheaper than a DataFrame, and a column without a value keeps its type.
    cells = [pa.array(cells, _type_of(column.form)) for column, cells in zip(columns, values, strict=True)]
    table = pa.table(cells, names=[column.label for column in columns])
    signed = [column.label for column in columns if column.signed]
    st.dataframe(
        table.to_pandas().style.map(_colour, subset=signed).format(_money, subset=signed) if signed else table,
        key=key,
        height=HEADER_HEIGHT_PX + ROW_HEIGHT_PX * rows_shown,
        row_height=ROW_HEIGHT_PX,
        hide_index=True,
        column_config={column.label: _column_config(column) for column in columns},
        placeholder="–",
        alt=key,
    )


def _type_of(form: str | None) -> pa.DataType:
    return pa.string() if form is None else pa.int64() if form.endswith("d") else pa.float64()


def _money(dollars: float | None) -> str:
    text = f"{dollars or 0:+,.2f}"
    return "0.00" if text[1:] == "0.00" else text


def _colour(dollars: float | None) -> str:
    """Colour what was won or lost; its sign says the same."""
    if dollars is None or not abs(dollars) >= 0.005:
        return ""
    place = 1 if st.context.theme.type == "dark" else 0
    return f"color: {GAIN_COLOURS[place] if dollars > 0 else LOSS_COLOURS[place]}"


def _column_config(column: Column[Row]) -> ColumnConfig:
    width, explained = column.width_px, column.help
    if column.form is None:
        return st.column_config.TextColumn(width=width, help=explained, pinned=column.label == "Symbol")
    return st.column_config.NumberColumn(width=width, help=explained, format=None if column.signed else column.form)


if __name__ == "__main__":
    main()
