"""What pages say, as plain functions over rows as `store.queries` gives them."""

from collections.abc import Sequence

import msgspec
import pytest

from leadline import views
from leadline.core.errors import StoreError
from leadline.core.fills import Fill
from leadline.core.orders import Instruction
from leadline.core.position import Position
from leadline.core.units import NS_PER_MS, NS_PER_S
from leadline.store.rows import AlertRow, Counts, FillRow, OrderRow, PositionRow, ProcessRow, TouchRow
from leadline.views import Cell, Column, Row, Tone

NOW_NS = 1_770_829_200 * NS_PER_S
"""2026-02-11 12:00:00 in New York."""

HOUR_NS = 3_600 * NS_PER_S
NO_COUNTS = Counts(0, 0, 0)


def detail(**keys: object) -> str:
    return msgspec.json.encode(keys).decode()


def process(**changes: object) -> ProcessRow:
    row = ProcessRow(
        role="grok",
        pid=4_711,
        started_ns=NOW_NS - HOUR_NS,
        heartbeat_ns=NOW_NS - NS_PER_S // 2,
        mode="paper",
        account="...821",
        broker="http://127.0.0.1:8182",
        state="ARMED",
        detail=detail(connection="streaming", symbols={"F": {"service": "NYSE_BOOK", "recv_ns": NOW_NS - NS_PER_S}}),
        config_hash="c0ffee",
        version="0.1.0",
    )
    return msgspec.structs.replace(row, **changes)


def position(**changes: object) -> PositionRow:
    row = PositionRow(
        trader="paper",
        mode="paper",
        account="a1",
        symbol="F",
        ours_qty=100,
        cost_e6=1_380_000_000,
        realised_e6=0,
        updated_ns=NOW_NS - 60 * NS_PER_S,
        external_qty=0,
        broker_qty=100,
        broker_ns=NOW_NS - 4 * NS_PER_S,
        state="OPEN",
        reason=None,
        bid=13.85,
        ask=13.86,
        touch_ns=NOW_NS - NS_PER_S,
        day_qty=100,
        day_cash_e6=-1_380_000_000,
    )
    return msgspec.structs.replace(row, **changes)


def flat(**changes: object) -> PositionRow:
    return position(**{"ours_qty": 0, "cost_e6": 0, "day_qty": 0, "day_cash_e6": 0, "broker_qty": 0, **changes})


def alert(**changes: object) -> AlertRow:
    row = AlertRow(
        alert_id=7,
        recv_ns=NOW_NS - 90 * NS_PER_S + 123 * NS_PER_MS,
        symbol="F",
        direction="bid-heavy",
        ratio=3.0164,
        heavy_venues=6,
        valid_venues=9,
        total_bids=18_400,
        total_asks=6_100,
        price=13.825,
        duration_s=12.4,
        entry_blocked_by=None,
        trader="paper",
        disposition="traded",
        reason=None,
    )
    return msgspec.structs.replace(row, **changes)


def order(**changes: object) -> OrderRow:
    row = OrderRow(
        trader="paper",
        mode="paper",
        account="a1",
        alert_id=7,
        purpose="open",
        symbol="F",
        instruction="SELL_SHORT",
        qty=100,
        order_type="LIMIT",
        limit_price=13.82,
        order_id="1004",
        state="FILLED",
        broker_status="FILLED",
        reason=None,
        filled_qty=100,
        average_price=13.82,
        decide_ns=NOW_NS - NS_PER_S,
        sent_ns=NOW_NS,
        ack_ns=NOW_NS + 38_400_000,
    )
    return msgspec.structs.replace(row, **changes)


def line(columns: Sequence[Column[Row]], row: Row, now_ns: int = NOW_NS) -> dict[str, Cell]:
    """Give a row's cells by their labels."""
    return {column.label: cells[0] for column, cells in zip(columns, views.cells(columns, [row], now_ns), strict=True)}


def words(bar: views.TitleBar) -> dict[str, views.Figure]:
    return {figure.label: figure for figure in (*bar.facts, *bar.figures)}


def said(rows: Sequence[ProcessRow], positions: Sequence[PositionRow] = (), now_ns: int = NOW_NS) -> list[str]:
    return [notice.text for notice in views.notices(rows, positions, now_ns)]


# Times


def test_times_are_new_york_and_name_another_day() -> None:
    assert views.clock_text(NOW_NS, NOW_NS) == "12:00:00"
    assert views.moment_text(NOW_NS + 7 * NS_PER_MS, NOW_NS) == "12:00:00.007"
    assert views.clock_text(NOW_NS - 24 * HOUR_NS, NOW_NS) == "02-10 12:00:00"


def test_midnight_is_new_yorks_on_the_days_the_clock_changes() -> None:
    assert views.midnight_ns(NOW_NS) == NOW_NS - 12 * HOUR_NS
    spring = 1_772_990_000 * NS_PER_S  # 2026-03-08 13:13:20 EDT, 12 h 13 min after a midnight in EST
    assert views.clock_text(views.midnight_ns(spring), spring) == "00:00:00"
    assert views.midnight_ns(spring) == 1_772_946_000 * NS_PER_S


@pytest.mark.parametrize(
    ("age_s", "text"),
    [(-5, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min"), (3_599, "59 min"), (5_400, "1.5 h"), (86_400, "1 d")],
)
def test_ages_come_in_the_unit_a_person_would_use(age_s: int, text: str) -> None:
    assert views.age_text(age_s * NS_PER_S) == text


# Money and foreign text


@pytest.mark.parametrize(
    ("amount_e6", "text"),
    [(None, "–"), (0, "0.00"), (4_999, "0.00"), (-4_000, "0.00"), (1_234_560_000, "+1,234.56"), (-500_000, "−0.50")],
)
def test_money_has_a_sign_that_needs_no_colour(amount_e6: int | None, text: str) -> None:
    assert views.money_text(amount_e6) == text


def test_foreign_text_is_one_bounded_line_and_no_formula() -> None:
    assert views.plain(None) == ""
    assert views.plain("two\nlines\x1b[31m and\ttab") == "two lines [31m and tab"
    assert views.plain("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert views.plain("@x")[0] == views.plain("+1")[0] == views.plain("-1")[0] == "'"
    assert len(views.plain("x" * 10_000)) == views.TEXT_MAX + 1


# Who runs


def test_a_process_runs_while_its_heartbeat_is_near() -> None:
    assert views.is_alive(process(heartbeat_ns=NOW_NS - 5 * NS_PER_S), NOW_NS)
    assert not views.is_alive(process(heartbeat_ns=NOW_NS - 5 * NS_PER_S - 1), NOW_NS)
    assert not views.is_alive(process(state="STOPPED"), NOW_NS)
    assert not views.is_alive(process(heartbeat_ns=NOW_NS + HOUR_NS), NOW_NS)


def test_a_dead_grok_is_said_plainly_and_nothing_of_it_looks_alive() -> None:
    row = process(heartbeat_ns=NOW_NS - 200 * NS_PER_S)
    assert said([row])[0].startswith("grok is not running: last seen 11:56:40 (3 min ago).")
    bar = views.title_bar(row, NO_COUNTS, [], NOW_NS)
    assert (bar.is_alive, bar.state, bar.state_tone, words(bar)["Feed"].value) == (
        False,
        "NOT RUNNING",
        Tone.BAD,
        "not running",
    )


def test_a_grok_that_stopped_in_order_says_when() -> None:
    assert said([process(state="STOPPED")])[0].startswith("grok is not running: stopped 11:59:59")


def test_a_grok_of_another_day_is_last_seen_with_its_day() -> None:
    assert "last seen 02-10 12:00:00" in said([process(heartbeat_ns=NOW_NS - 24 * HOUR_NS)])[0]


def test_clocks_that_disagree_are_said() -> None:
    assert said([process(heartbeat_ns=NOW_NS + 90 * NS_PER_S)]) == [
        "grok's clock is 1 min ahead of ours (12:01:30): correct the clocks."
    ]


def test_another_role_is_missed_only_on_the_day_it_died() -> None:
    rows = [process(), process(role="trader", heartbeat_ns=NOW_NS - HOUR_NS)]
    assert said(rows)[0].startswith("trader is not running: last seen 11:00:00")
    assert said([process(), process(role="trader", heartbeat_ns=NOW_NS - 24 * HOUR_NS)]) == []
    assert said([process(), process(role="trader", heartbeat_ns=NOW_NS - HOUR_NS, state="STOPPED")]) == []


def test_without_a_grok_there_is_no_mode() -> None:
    assert said([]) == ["grok has not run on this database yet."]
    bar = views.title_bar(None, NO_COUNTS, [], NOW_NS)
    assert (bar.mode, bar.state, words(bar)["Account"].value) == ("NO MODE", "NOT RUNNING", "–")


def test_what_a_person_should_know_comes_worst_first() -> None:
    alarm = "the feed is silent since 10:31:07 New York (12 s)"
    row = process(
        detail=detail(
            trader="disabled: no token",
            store_error="disk is full",
            degraded="no level 2",
            alarms=[alarm],
            tape={"error": "No space left on device", "dropped_frames": 3},
        )
    )
    locked = position(state="LOCKED")
    assert [(notice.tone, notice.text) for notice in views.notices([row], [locked], NOW_NS)] == [
        (Tone.BAD, "Rows do not reach the disk: disk is full"),
        (Tone.BAD, "The feed is silent since 10:31:07 New York (12 s)."),
        (Tone.BAD, "Position in doubt, nothing is opened: F"),
        (Tone.WARN, "The feed is not whole: no level 2"),
        (Tone.WARN, "The tape cannot be written, trading goes on: No space left on device"),
        (Tone.WARN, "Trader disabled: no token"),
    ]
    assert said([process()], [position()]) == []


# The title bar


@pytest.mark.parametrize("mode", ["paper", "sim", "live", "dry-run"])
def test_the_mode_stands_in_capitals(mode: str) -> None:
    assert views.title_bar(process(mode=mode), NO_COUNTS, [], NOW_NS).mode == mode.upper()


@pytest.mark.parametrize(
    ("state", "tone"),
    [
        ("ARMED", Tone.GOOD),
        ("DISABLED", Tone.CALM),
        ("REDUCING", Tone.WARN),
        ("KILLED", Tone.BAD),
        ("NEW WORD", Tone.WARN),
    ],
)
def test_the_state_has_a_tone(state: str, tone: Tone) -> None:
    assert views.title_bar(process(state=state), NO_COUNTS, [], NOW_NS).state_tone is tone


def test_the_title_bar_counts_and_shows_the_budget() -> None:
    row = process(detail=detail(orders_last_minute=3, order_budget=120))
    figures = words(views.title_bar(row, Counts(1_234, 5, 4), [], NOW_NS))
    assert (figures["Alerts"].value, figures["Orders"].value, figures["Fills"].value) == ("1,234", "5", "4")
    assert figures["Orders"].note == "today · 3 of 120 a minute"
    assert figures["New York"].value == "12:00:00"


@pytest.mark.parametrize(
    ("connection", "age_s", "value", "note", "tone"),
    [
        ("streaming", 1, "streaming", "book 1 s ago", Tone.GOOD),
        ("streaming", 10, "streaming", "book 10 s ago", Tone.GOOD),
        ("streaming", 11, "streaming, stale", "book 11 s ago", Tone.WARN),
        ("connecting", 3, "connecting", "book 3 s ago", Tone.WARN),
        ("lost", 60, "lost", "book 1 min ago", Tone.BAD),
        (None, 1, "unknown", "book 1 s ago", Tone.WARN),
        ("streaming", None, "streaming", "no book yet", Tone.WARN),
    ],
)
def test_the_feed_says_its_state_and_age(
    connection: str | None, age_s: int | None, value: str, note: str, tone: Tone
) -> None:
    symbols = {} if age_s is None else {"F": {"recv_ns": NOW_NS - age_s * NS_PER_S}, "T": {"recv_ns": None}}
    row = process(detail=detail(connection=connection, symbols=symbols))
    feed = words(views.title_bar(row, NO_COUNTS, [], NOW_NS))["Feed"]
    assert (feed.value, feed.note, feed.tone) == (value, note, tone)


@pytest.mark.parametrize("text", ["{}", "null", "[]", "not json", '{"frames": "many"}', '{"decision_us": null}'])
def test_a_detail_that_lacks_anything_breaks_no_page(text: str) -> None:
    row = process(detail=text)
    views.title_bar(row, NO_COUNTS, [], NOW_NS)
    assert views.feed_facts(row, NOW_NS)[2].value == "–"
    assert views.watched(row, []) == []
    is_readable = text in {"{}", '{"decision_us": null}'}
    assert any("cannot be read" in notice for notice in said([row])) is not is_readable


# Profit


def test_profit_today_is_realised_and_unrealised_of_what_was_flat_at_midnight() -> None:
    closed = flat(symbol="T", day_cash_e6=12_500_000, realised_e6=99_000_000)
    profit = views.pnl([position(), closed], NOW_NS)
    assert (profit.realised_e6, profit.open_e6, profit.today_e6) == (12_500_000, 5_000_000, 17_500_000)


def test_a_short_is_marked_at_the_ask_and_a_long_at_the_bid() -> None:
    short = position(ours_qty=-100, cost_e6=-1_380_000_000, day_qty=-100, day_cash_e6=1_380_000_000)
    assert line(views.POSITIONS, short)["Mark"] == 13.86
    assert line(views.POSITIONS, short)["Unrealised"] == -6.0
    assert line(views.POSITIONS, position())["Unrealised"] == 5.0


def test_a_position_held_over_midnight_is_left_out_and_named() -> None:
    carried = position(symbol="T", day_qty=0, day_cash_e6=0)
    profit = views.pnl([position(), carried], NOW_NS)
    assert (profit.today_e6, profit.carried) == (5_000_000, ("T",))
    figure = words(views.title_bar(process(), NO_COUNTS, [position(), carried], NOW_NS))["P&L today"]
    assert (figure.value, figure.note) == ("+5.00", "without T: held over midnight")
    assert line(views.POSITIONS, carried)["Realised today"] is None


def test_a_position_without_a_price_makes_profit_unknown_not_smaller() -> None:
    unpriced = position(bid=None, ask=None, touch_ns=None)
    figures = words(views.title_bar(process(), NO_COUNTS, [unpriced], NOW_NS))
    assert (figures["P&L today"].value, figures["P&L today"].note) == ("–", "no price: F")
    assert line(views.POSITIONS, unpriced)["Mark age"] == "no price"
    assert line(views.POSITIONS, unpriced)["Unrealised"] is None


def test_old_prices_look_old() -> None:
    old = position(touch_ns=NOW_NS - 120 * NS_PER_S)
    assert line(views.POSITIONS, old)["Mark age"] == "stale 2 min"
    assert words(views.title_bar(process(), NO_COUNTS, [old], NOW_NS))["Unrealised"].note == "at prices 2 min old"


def test_paper_money_and_money_are_never_added() -> None:
    live = position(mode="live", trader="live")
    rows = [live, position()]
    assert words(views.title_bar(process(mode="live"), NO_COUNTS, rows, NOW_NS))["P&L today"].value == "+5.00"
    assert words(views.title_bar(process(mode="sim"), NO_COUNTS, rows, NOW_NS))["P&L today"].value == "0.00"
    assert views.mine_first(process(), rows) == [position(), live]
    assert line(views.POSITIONS, position(mode="sim", trader="live"))["Mode"] == "SIM live"


def test_two_accounts_in_one_sum_are_said() -> None:
    rows = [position(), position(account="b2")]
    assert words(views.title_bar(process(), NO_COUNTS, rows, NOW_NS))["P&L today"].note == "over 2 accounts"


@pytest.mark.parametrize(
    "fills", [[("BUY", 100, 10.0)], [("BUY", 100, 10.0), ("SELL", 250, 10.3), ("BUY_TO_COVER", 50, 10.1)]]
)
def test_realised_today_is_what_the_ledgers_position_realised(fills: list[tuple[str, int, float]]) -> None:
    held = Position("F")
    cash_e6 = change = 0
    for name, qty, price in fills:
        fill = Fill("k", "1", "F", Instruction(name), qty, round(price * 1_000_000), 0)
        held = held.after(fill)
        cash_e6, change = cash_e6 - fill.signed_qty * fill.price_e6, change + fill.signed_qty
    row = position(
        ours_qty=held.qty, cost_e6=held.cost_e6, realised_e6=held.realised_e6, day_qty=change, day_cash_e6=cash_e6
    )
    assert views.pnl([row], NOW_NS).realised_e6 == held.realised_e6


# Tables


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "✓ agree"),
        ({"external_qty": 50, "broker_qty": 150}, "✓ agree"),
        ({"broker_qty": 250}, "✕ differ +150"),
        ({"broker_qty": 0}, "✕ differ -100"),
        ({"broker_qty": 0, "updated_ns": NOW_NS - 29 * NS_PER_S, "broker_ns": NOW_NS}, "… -100 settling"),
        ({"broker_qty": 0, "updated_ns": NOW_NS - 30 * NS_PER_S, "broker_ns": NOW_NS}, "✕ differ -100"),
        ({"broker_qty": None, "broker_ns": None}, "? not read"),
    ],
)
def test_whether_the_broker_agrees_has_a_plain_mark(changes: dict[str, object], text: str) -> None:
    assert line(views.POSITIONS, position(**changes))["Agree"] == text


def test_a_position_stands_with_the_broker_beside_it() -> None:
    cells = line(views.POSITIONS, position())
    assert (cells["Ours"], cells["Broker"], cells["Read"], cells["Average"]) == (100, 100, "4 s", 13.8)
    assert line(views.POSITIONS, flat())["Average"] is None
    assert line(views.POSITIONS, flat())["Mark age"] == ""


def test_an_alert_says_everything_about_itself() -> None:
    assert line(views.ALERTS, [alert(entry_blocked_by="min_volume,bid_heavy_disabled")]) == {
        "Alert": 7,
        "Time": "11:58:30.123",
        "Symbol": "F",
        "Direction": "▲ bid-heavy",
        "Ratio": 3.0164,
        "Heavy": 6,
        "Valid": 9,
        "Bids": 18_400,
        "Asks": 6_100,
        "Price": 13.825,
        "Duration s": 12.4,
        "Disposition": "traded",
        "Reason": "",
        "Blocked by": "min_volume, bid_heavy_disabled",
    }


def test_an_alert_that_two_traders_judged_is_one_line_that_names_them() -> None:
    rows = [alert(trader="live", disposition="refused", reason="not armed"), alert(), alert(alert_id=6)]
    groups = views.by_alert(rows)
    assert [len(group) for group in groups] == [2, 1]
    cells = line(views.ALERTS, groups[0])
    assert (cells["Disposition"], cells["Reason"]) == ("live: refused · paper: traded", "live: not armed")


def test_an_alert_that_nobody_judged_is_undecided() -> None:
    cells = line(views.ALERTS, [alert(trader=None, disposition=None, direction="ask-heavy")])
    assert (cells["Disposition"], cells["Direction"]) == ("undecided", "▼ ask-heavy")
    assert line(views.ALERTS, [alert(direction="sideways")])["Direction"] == "sideways"


def test_an_order_says_why() -> None:
    assert line(views.ORDERS, order(reason="insufficient funds"))["Reason"] == "insufficient funds"
    assert line(views.ORDERS, order())["Reason"] == ""
    assert line(views.ORDERS, order(broker_status="AWAITING_MANUAL_REVIEW", state="ACCEPTED"))["Reason"] == (
        "AWAITING MANUAL REVIEW"
    )
    assert line(views.ORDERS, order())["Answer ms"] == pytest.approx(38.4)
    assert line(views.ORDERS, order(ack_ns=None))["Answer ms"] is None
    assert line(views.ORDERS, order())["Instruction"] == "SELL SHORT"


def test_a_fill_says_which_way_the_cash_went() -> None:
    fill = FillRow("paper", "paper", "a1", "1004", "F", "BUY", 100, 13_800_000, NOW_NS)
    assert line(views.FILLS, fill)["Cash"] == -1_380.0
    assert line(views.FILLS, msgspec.structs.replace(fill, instruction="SELL_SHORT"))["Cash"] == 1_380.0
    assert line(views.FILLS, msgspec.structs.replace(fill, instruction="EXCHANGE"))["Cash"] is None


def test_the_feed_joins_books_and_touches_and_marks_what_is_stale() -> None:
    symbols = {"F": {"service": "NYSE_BOOK", "recv_ns": NOW_NS - 47 * NS_PER_S, "lag_ms": 41}}
    touches = [TouchRow("T", 27.1, 27.11, 500, 300, None, None, NOW_NS - NS_PER_S)]
    rows = views.watched(process(detail=detail(symbols=symbols | {"X": {}})), touches)
    assert [row.symbol for row in rows] == ["F", "T", "X"]
    old, new, none = (line(views.FEED, row) for row in rows)
    assert (old["Book"], old["Age s"], old["Lag ms"], old["Bid"]) == ("STALE 47 s", 47.0, 41.0, None)
    assert (new["Book"], new["Age s"], new["Lag ms"], new["Bid"], new["Last"]) == ("fresh", 1.0, None, 27.1, None)
    assert (none["Book"], none["Age s"]) == ("no book", None)


def test_outcomes_come_in_the_rules_order_with_shares() -> None:
    rows = views.counted({"alerted": 1, "new_word": 2, "repeat": 5, "few_venues": 2})
    assert [(row.name, row.times, row.share_pct) for row in rows] == [
        ("repeat", 5, 50.0),
        ("few venues", 2, 20.0),
        ("alerted", 1, 10.0),
        ("new word", 2, 20.0),
    ]
    assert views.counted(None) == views.counted({}) == []


def test_a_process_stands_with_its_last_sign_of_life() -> None:
    assert line(views.PROCESSES, process(heartbeat_ns=NOW_NS - HOUR_NS))["Runs"] == "NO"
    cells = line(views.PROCESSES, process())
    assert (cells["Runs"], cells["Mode"], cells["Last seen"], cells["Started"]) == (
        "yes",
        "PAPER",
        "11:59:59",
        "11:00:00",
    )


@pytest.mark.parametrize(
    "columns", [views.ALERTS, views.POSITIONS, views.ORDERS, views.FILLS, views.FEED, views.COUNTED, views.PROCESSES]
)
def test_a_table_without_rows_keeps_its_columns(columns: Sequence[Column[Row]]) -> None:
    assert views.cells(columns, [], NOW_NS) == [[] for _ in columns]
    assert len({column.label for column in columns}) == len(columns)


def test_trouble_is_told_in_lines_without_empty_ones() -> None:
    error = StoreError("there is nothing", which="DB_PATH=x", do="start `leadline grok`")
    assert views.trouble(error) == ["There is nothing.", "DB_PATH=x", "To do: start 'leadline grok'."]


def test_the_feed_says_stale_conflated_covered_and_how_the_tape_is() -> None:
    row = process(
        detail=detail(
            symbols={"F": {"recv_ns": NOW_NS, "state": "STALE"}, "T": {"recv_ns": NOW_NS, "state": "OPEN"}},
            coverage=0.999,
            gaps=2,
            conflated=41,
            tape={"frames": 9, "dropped_frames": 0, "written_bytes": 1_500_000},
        )
    )
    book = next(column for column in views.FEED if column.label == "Book")
    assert [book.value(watched, NOW_NS) for watched in views.watched(row, [])] == ["STALE 0 s", "fresh"]
    told = {figure.label: figure for figure in views.feed_facts(row, NOW_NS)}
    assert (told["Coverage"].value, told["Coverage"].tone) == ("99 %", Tone.WARN)
    assert told["Reconnects"].note == "2 gaps"
    assert told["Books"].note == "41 conflated"
    assert (told["Tape"].value, told["Tape"].note) == ("1.5 MB", "9 frames")
    off = {figure.label: figure for figure in views.feed_facts(process(detail=detail()), NOW_NS)}
    assert (off["Tape"].value, off["Tape"].note) == ("off", "TAPE_DIR is not set")
    lossy = process(detail=detail(tape={"dropped_frames": 3}))
    torn = {figure.label: figure for figure in views.feed_facts(lossy, NOW_NS)}["Tape"]
    assert (torn.value, torn.note, torn.tone) == ("NOT WHOLE", "3 frames left out", Tone.WARN)
