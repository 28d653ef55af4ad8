"""Owns what pages say: rows turned into lines, figures and plain words, in New York time and dollars.

Never reads a file or a clock, and never shows an old number as a new one.
Comes from `store.queries` as rows (named here as protocols: siblings do not import each other); goes to `ui`.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, time
from enum import StrEnum
from itertools import groupby
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec

from leadline.core.detector import Outcome
from leadline.core.errors import LeadlineError
from leadline.core.imbalance import Direction
from leadline.core.orders import Instruction
from leadline.core.position import Position
from leadline.core.session import NEW_YORK
from leadline.core.states import SymbolState, TradingState
from leadline.core.units import NS_PER_MS, NS_PER_S

E6 = 1_000_000
HEARTBEAT_AGE_MAX_NS = 5 * NS_PER_S
"""A process that has not written for longer is not running."""
BOOK_AGE_MAX_NS = 10 * NS_PER_S
"""A book or touch that is older is stale: MAX_BOOK_AGE_SEC as it comes (design 4.5)."""
TEXT_MAX = 400
"""Characters of a foreign text that a cell shows."""
STOPPED = "STOPPED"
GROK = "grok"
"""The role of the process that streams, detects and persists."""


class Tone(StrEnum):
    """How a word is meant, apart from what it says."""

    CALM = "calm"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class SymbolFeed(msgspec.Struct, frozen=True):
    """One symbol's last book, as grok says it."""

    service: str | None = None
    recv_ns: int | None = None
    lag_ms: float | None = None


class Percentiles(msgspec.Struct, frozen=True):
    """Microseconds from frame to decision."""

    p50: float | None = None
    p99: float | None = None


class Detail(msgspec.Struct, frozen=True):
    """What grok writes beyond its columns; whatever is missing is not known."""

    connection: str | None = None
    connected_ns: int | None = None
    reconnects: int | None = None
    degraded: str | None = None
    frames: int | None = None
    books: int | None = None
    malformed: int | None = None
    outcomes: dict[str, int] | None = None
    dropped: dict[str, int] | None = None
    alerts: int | None = None
    symbols: dict[str, SymbolFeed] | None = None
    trader: str | None = None
    orders_last_minute: int | None = None
    order_budget: int | None = None
    decision_us: Percentiles | None = None
    store_waiting: int | None = None
    store_error: str | None = None
    is_readable: bool = True


class ProcessRow(Protocol):
    """What is needed of a role's row."""

    role: str
    pid: int
    started_ns: int
    heartbeat_ns: int
    mode: str
    account: str
    broker: str
    state: str
    detail: str
    config_hash: str
    version: str


class CountsRow(Protocol):
    """Rows since midnight."""

    alerts: int
    orders: int
    fills: int


class AlertRow(Protocol):
    """What is needed of an alert with one of its dispositions."""

    alert_id: int
    recv_ns: int
    symbol: str
    direction: str
    ratio: float
    heavy_venues: int
    valid_venues: int
    total_bids: int
    total_asks: int
    price: float
    duration_s: float
    entry_blocked_by: str | None
    trader: str | None
    disposition: str | None
    reason: str | None


class PositionRow(Protocol):
    """What is needed of a position, its mark and today's fills."""

    trader: str
    mode: str
    account: str
    symbol: str
    ours_qty: int
    cost_e6: int
    realised_e6: int
    updated_ns: int
    external_qty: int
    broker_qty: int | None
    broker_ns: int | None
    state: str
    reason: str | None
    bid: float | None
    ask: float | None
    touch_ns: int | None
    day_qty: int
    day_cash_e6: int


class OrderRow(Protocol):
    """What is needed of an order."""

    trader: str
    mode: str
    alert_id: int
    purpose: str
    symbol: str
    instruction: str
    qty: int
    order_type: str
    limit_price: float | None
    order_id: str | None
    state: str
    broker_status: str | None
    reason: str | None
    filled_qty: int
    average_price: float | None
    decide_ns: int
    sent_ns: int | None
    ack_ns: int | None


class FillRow(Protocol):
    """What is needed of a fill."""

    trader: str
    mode: str
    order_id: str
    symbol: str
    instruction: str
    qty: int
    price_e6: int
    fill_ns: int


class TouchRow(Protocol):
    """What is needed of a touch."""

    symbol: str
    bid: float
    ask: float
    bid_size: int
    ask_size: int
    last: float | None
    status: str | None
    recv_ns: int


class Figure(msgspec.Struct, frozen=True):
    """One number of the title bar, already in words."""

    label: str
    value: str
    note: str = ""
    tone: Tone = Tone.CALM


class TitleBar(msgspec.Struct, frozen=True):
    """What stands above every page."""

    mode: str
    is_alive: bool
    state: str
    state_tone: Tone
    facts: tuple[Figure, ...]
    figures: tuple[Figure, ...]


class Notice(msgspec.Struct, frozen=True):
    """One thing that a person should know now. The text may hold foreign words: never render it as Markdown."""

    tone: Tone
    text: str


Cell = str | int | float | None
Row = TypeVar("Row")
Row_contra = TypeVar("Row_contra", contravariant=True)


class Column(NamedTuple, Generic[Row_contra]):
    """One column of a table: how a row's cell is had (with the moment that it is looked at), and how it looks."""

    label: str
    value: Callable[[Row_contra, int], Cell]
    form: str | None = None
    """A printf form for numbers, which stand right; None for text."""
    width_px: int | None = None
    help: str | None = None
    signed: bool = False
    """Whether it is money that can be won or lost."""


class Watched(NamedTuple):
    """A symbol with what grok says of its books and with its last touch."""

    symbol: str
    feed: SymbolFeed
    touch: TouchRow | None


class Counted(NamedTuple):
    """A name with how often it came, and its share of all."""

    name: str
    times: int
    share_pct: float


class Pnl(msgspec.Struct, frozen=True):
    """Profit since midnight of what was flat then; None where an open position has no price."""

    realised_e6: int
    open_e6: int | None
    carried: tuple[str, ...]
    unpriced: tuple[str, ...]
    mark_age_ns: int

    @property
    def today_e6(self) -> int | None:
        """Give realised and open together."""
        return None if self.open_e6 is None else self.realised_e6 + self.open_e6


def midnight_ns(now_ns: int) -> int:
    """Give the start of the New York day that `now_ns` is in."""
    local = _new_york(now_ns)
    start = datetime.combine(local.date(), time(), NEW_YORK)
    return int(start.timestamp()) * NS_PER_S


def clock_text(ns: int, now_ns: int) -> str:
    """Write a moment as HH:MM:SS in New York, with its day if that is not today."""
    local = _new_york(ns)
    return f"{local:%H:%M:%S}" if local.date() == _new_york(now_ns).date() else f"{local:%m-%d %H:%M:%S}"


def moment_text(ns: int, now_ns: int) -> str:
    """Write a moment as `clock_text` does, to the millisecond."""
    return f"{clock_text(ns, now_ns)}.{ns // NS_PER_MS % 1_000:03d}"


def age_text(age_ns: int) -> str:
    """Write an age in the unit that a person would use.

    >>> [age_text(s * NS_PER_S) for s in (-3, 4, 150, 7_500, 200_000)]
    ['0 s', '4 s', '2 min', '2.1 h', '2 d']
    """
    seconds = max(age_ns, 0) // NS_PER_S
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3_600:
        return f"{seconds // 60} min"
    return f"{seconds / 3_600:.1f} h" if seconds < 86_400 else f"{seconds // 86_400} d"


def money_text(amount_e6: int | None) -> str:
    """Write dollars with a sign and two decimals; what is not known is a dash."""
    if amount_e6 is None:
        return "–"
    text = f"{abs(amount_e6) / E6:,.2f}"
    return text if text == "0.00" else f"{'+' if amount_e6 > 0 else '−'}{text}"


def plain(text: str | None) -> str:
    """Make foreign text fit for a cell: one line, bounded, and no formula in an exported sheet (reliability F117)."""
    if text is None:
        return ""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    line = f"{line[:TEXT_MAX]}…" if len(line) > TEXT_MAX else line
    return f"'{line}" if line[:1] in set("=+-@") else line


def detail_of(process: ProcessRow | None) -> Detail:
    """Read what a process says of itself; what cannot be read is not known."""
    if process is None:
        return Detail()
    try:
        return msgspec.json.decode(process.detail, type=Detail)
    except msgspec.DecodeError:
        return Detail(is_readable=False)


def grok_of(processes: Iterable[ProcessRow]) -> ProcessRow | None:
    """Give grok's row."""
    return next((process for process in processes if process.role == GROK), None)


def is_alive(process: ProcessRow, now_ns: int) -> bool:
    """Tell whether a process runs: it has not said that it stopped, and its heartbeat is near `now_ns`."""
    return process.state != STOPPED and abs(now_ns - process.heartbeat_ns) <= HEARTBEAT_AGE_MAX_NS


def of_mode(process: ProcessRow | None, positions: Iterable[PositionRow]) -> list[PositionRow]:
    """Keep the positions of the mode that a process runs in: paper money and money are never added."""
    return [row for row in positions if process is None or row.mode == process.mode]


def mine_first(process: ProcessRow | None, positions: Sequence[PositionRow]) -> list[PositionRow]:
    """Put the positions of the process's mode before those of another, which the file still holds."""
    return sorted(positions, key=lambda row: process is not None and row.mode != process.mode)


def pnl(positions: Iterable[PositionRow], now_ns: int) -> Pnl:
    """Add up today's profit. A position carried over midnight is left out and named: its price then is not known."""
    realised_e6 = open_e6 = mark_age_ns = 0
    carried, unpriced = [], []
    for row in positions:
        today_e6 = _realised_today_e6(row)
        if today_e6 is None:
            carried.append(row.symbol)
            continue
        realised_e6 += today_e6
        unrealised_e6 = _unrealised_e6(row)
        if row.ours_qty and (unrealised_e6 is None or row.touch_ns is None):
            unpriced.append(row.symbol)
        elif row.ours_qty and unrealised_e6 is not None and row.touch_ns is not None:
            open_e6 += unrealised_e6
            mark_age_ns = max(mark_age_ns, now_ns - row.touch_ns)
    return Pnl(realised_e6, None if unpriced else open_e6, tuple(carried), tuple(unpriced), mark_age_ns)


def title_bar(process: ProcessRow | None, counts: CountsRow, positions: Sequence[PositionRow], now_ns: int) -> TitleBar:
    """Say which mode, state, account and broker this is, how the feed is, and what today came to."""
    detail = detail_of(process)
    booked = of_mode(process, positions)
    profit = pnl(booked, now_ns)
    figures = (
        Figure("P&L today", money_text(profit.today_e6), _pnl_note(profit, booked), _money_tone(profit.today_e6)),
        Figure("Realised", money_text(profit.realised_e6), "", _money_tone(profit.realised_e6)),
        Figure("Unrealised", money_text(profit.open_e6), _mark_note(profit), _money_tone(profit.open_e6)),
        Figure("Alerts", f"{counts.alerts:,}", "today"),
        Figure("Orders", f"{counts.orders:,}", _budget_note(detail)),
        Figure("Fills", f"{counts.fills:,}", "today"),
    )
    clock = Figure("New York", f"{_new_york(now_ns):%H:%M:%S}", f"{_new_york(now_ns):%a %d %b}")
    if process is None:
        facts = (Figure("Account", "–"), Figure("Broker", "–"), Figure("Feed", "no feed", "", Tone.WARN), clock)
        return TitleBar("NO MODE", False, "NOT RUNNING", Tone.CALM, facts, figures)
    alive = is_alive(process, now_ns)
    facts = (
        Figure("Account", plain(process.account)),
        Figure("Broker", plain(process.broker)),
        _feed_figure(detail, alive, now_ns),
        clock,
    )
    state = plain(process.state) if alive else "NOT RUNNING"
    tone = _STATE_TONES.get(process.state, Tone.WARN) if alive else Tone.BAD
    return TitleBar(plain(process.mode).upper(), alive, state, tone, facts, figures)


def notices(processes: Sequence[ProcessRow], positions: Iterable[PositionRow], now_ns: int) -> list[Notice]:
    """Say what a person should know now, the worst first."""
    grok = grok_of(processes)
    if grok is None:
        return [Notice(Tone.WARN, "grok has not run on this database yet.")]
    found = [
        Notice(Tone.BAD, _absence(process, now_ns))
        for process in processes
        if not is_alive(process, now_ns)
        and (process is grok or (process.state != STOPPED and process.heartbeat_ns >= midnight_ns(now_ns)))
    ]
    detail = detail_of(grok)
    if detail.store_error:
        found.append(Notice(Tone.BAD, f"Rows do not reach the disk: {plain(detail.store_error)}"))
    locked = [row.symbol for row in of_mode(grok, positions) if row.state == SymbolState.LOCKED]
    if locked:
        found.append(Notice(Tone.BAD, f"Position in doubt, not traded: {plain(', '.join(locked))}"))
    if not detail.is_readable:
        found.append(Notice(Tone.WARN, "What grok says of its feed cannot be read: is it of another version?"))
    if detail.degraded:
        found.append(Notice(Tone.WARN, f"The feed is not whole: {plain(detail.degraded)}"))
    if detail.trader and detail.trader != "enabled":
        found.append(Notice(Tone.WARN, f"Trader {plain(detail.trader)}"))
    return found


def cells(columns: Sequence[Column[Row]], rows: Iterable[Row], now_ns: int) -> list[list[Cell]]:
    """Give each column's cells, as the table at `now_ns` shows them."""
    shown = list(rows)
    return [[column.value(row, now_ns) for row in shown] for column in columns]


def by_alert(rows: Iterable[AlertRow]) -> list[list[AlertRow]]:
    """Put the rows of one alert together: one a trader that judged it."""
    return [list(same) for _, same in groupby(rows, key=lambda row: row.alert_id)]


def feed_facts(process: ProcessRow | None, now_ns: int) -> list[Figure]:
    """Give the feed's numbers since grok started."""
    detail = detail_of(process)
    decision = detail.decision_us or Percentiles()
    connected = "" if detail.connected_ns is None else f"since {clock_text(detail.connected_ns, now_ns)}"
    alive = process is not None and is_alive(process, now_ns)
    feed = _feed_figure(detail, alive, now_ns)
    return [
        Figure("Connection", feed.value, connected, feed.tone),
        Figure("Reconnects", _count(detail.reconnects)),
        Figure("Frames", _count(detail.frames)),
        Figure("Books", _count(detail.books)),
        Figure("Malformed", _count(detail.malformed), "", Tone.WARN if detail.malformed else Tone.CALM),
        Figure("Alerts", _count(detail.alerts), "since start"),
        Figure("Decision p50", _micros(decision.p50)),
        Figure("Decision p99", _micros(decision.p99)),
        Figure("Rows waiting", _count(detail.store_waiting), "for the disk"),
    ]


def watched(process: ProcessRow | None, touches: Sequence[TouchRow]) -> list[Watched]:
    """Join what grok says of each symbol's books with the symbols' last touches."""
    feeds = detail_of(process).symbols or {}
    by_symbol = {touch.symbol: touch for touch in touches}
    symbols = sorted(feeds.keys() | by_symbol.keys())
    return [Watched(symbol, feeds.get(symbol) or SymbolFeed(), by_symbol.get(symbol)) for symbol in symbols]


def counted(counts: dict[str, int] | None) -> list[Counted]:
    """Give counts with their shares: outcomes in the rule's order, then other names by size."""
    counts = counts or {}
    total = sum(counts.values()) or 1
    order = {outcome.value: place for place, outcome in enumerate(Outcome)}
    names = sorted(counts, key=lambda name: (order.get(name, len(order)), -counts[name], name))
    return [Counted(_words(name), counts[name], 100 * counts[name] / total) for name in names]


def trouble(error: LeadlineError) -> list[str]:
    """Say in lines why there is nothing to show, and what to do."""
    lines = [error.what[:1].upper() + error.what[1:] + ".", error.which]
    lines += [f"Expected: {error.expected}." if error.expected else "", f"To do: {error.do}." if error.do else ""]
    return [line.replace("`", "'") for line in lines if line]


_ARROWS = {Direction.BID_HEAVY.value: "▲ ", Direction.ASK_HEAVY.value: "▼ "}
_STATE_TONES = {
    TradingState.DISABLED.value: Tone.CALM,
    TradingState.ARMED.value: Tone.GOOD,
    TradingState.REDUCING.value: Tone.WARN,
    TradingState.KILLED.value: Tone.BAD,
}
_FEED_TONES = {"streaming": Tone.GOOD, "connecting": Tone.WARN, "lost": Tone.BAD}


class _Booked(Protocol):
    trader: str
    mode: str


def _new_york(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // NS_PER_S, UTC).astimezone(NEW_YORK)


def _dollars(amount_e6: int | None) -> float | None:
    return _over(amount_e6, E6)


def _over(amount: int | None, scale: int) -> float | None:
    return None if amount is None else amount / scale


def _age(ns: int | None, now_ns: int) -> str:
    return "" if ns is None else age_text(now_ns - ns)


def _count(count: int | None) -> str:
    return "–" if count is None else f"{count:,}"


def _micros(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} µs"


def _words(name: str | None) -> str:
    return plain(name).replace("_", " ")


def _book_name(row: _Booked) -> str:
    return plain(row.mode).upper() if row.trader == row.mode else f"{plain(row.mode).upper()} {plain(row.trader)}"


def _position(row: PositionRow) -> Position:
    return Position(row.symbol, row.ours_qty, row.cost_e6, row.realised_e6)


def _mark(row: PositionRow) -> float | None:
    """Give the price at which the position could be closed now: a long at the bid, a short at the ask."""
    return None if row.ours_qty == 0 else row.bid if row.ours_qty > 0 else row.ask


def _mark_age(row: PositionRow, now_ns: int) -> str:
    if row.ours_qty == 0 or row.touch_ns is None:
        return "no price" if row.ours_qty else ""
    age_ns = now_ns - row.touch_ns
    return f"{'stale ' if age_ns > BOOK_AGE_MAX_NS else ''}{age_text(age_ns)}"


def _unrealised_e6(row: PositionRow) -> int | None:
    mark = _mark(row)
    return None if mark is None else _position(row).unrealised_e6(round(mark * E6))


def _realised_today_e6(row: PositionRow) -> int | None:
    """Give today's realised profit; None where shares were held over midnight.

    From flat, what came in equals realised less cost, so realised is cash plus the cost of what is still held.
    """
    return row.day_cash_e6 + row.cost_e6 if row.ours_qty == row.day_qty else None


def _agreement(row: PositionRow) -> str:
    if row.broker_qty is None or row.broker_ns is None:
        return "? not read"
    difference = row.broker_qty - row.external_qty - row.ours_qty
    if difference == 0:
        return "✓ agree"
    return f"… {difference:+,} read before" if row.broker_ns < row.updated_ns else f"✕ differ {difference:+,}"


def _cash(row: FillRow) -> float | None:
    if row.instruction not in set(Instruction):
        return None
    return -Instruction(row.instruction).sign * row.qty * row.price_e6 / E6


def _money_tone(amount_e6: int | None) -> Tone:
    return Tone.CALM if not amount_e6 else Tone.GOOD if amount_e6 > 0 else Tone.BAD


def _pnl_note(profit: Pnl, positions: Iterable[PositionRow]) -> str:
    if profit.unpriced:
        return f"no price: {plain(', '.join(profit.unpriced))}"
    if profit.carried:
        return f"without {plain(', '.join(profit.carried))}: held over midnight"
    accounts = {row.account for row in positions}
    return f"over {len(accounts)} accounts" if len(accounts) > 1 else "since midnight"


def _mark_note(profit: Pnl) -> str:
    is_stale = profit.mark_age_ns > BOOK_AGE_MAX_NS
    return f"at prices {age_text(profit.mark_age_ns)} old" if is_stale else "if closed now"


def _budget_note(detail: Detail) -> str:
    if detail.orders_last_minute is None or detail.order_budget is None:
        return "today"
    return f"today · {detail.orders_last_minute} of {detail.order_budget} a minute"


def _feed_figure(detail: Detail, alive: bool, now_ns: int) -> Figure:
    if not alive:
        return Figure("Feed", "not running", "", Tone.BAD)
    newest_ns = max((feed.recv_ns or 0 for feed in (detail.symbols or {}).values()), default=0)
    word = plain(detail.connection) or "unknown"
    tone = _FEED_TONES.get(word, Tone.WARN)
    if not newest_ns:
        return Figure("Feed", word, "no book yet", Tone.WARN if tone is Tone.GOOD else tone)
    age_ns = now_ns - newest_ns
    is_stale = tone is Tone.GOOD and age_ns > BOOK_AGE_MAX_NS
    return Figure(
        "Feed", f"{word}, stale" if is_stale else word, f"book {age_text(age_ns)} ago", Tone.WARN if is_stale else tone
    )


def _absence(process: ProcessRow, now_ns: int) -> str:
    """Say that a process does not run, or that its clock and ours cannot both be right."""
    role, seen = plain(process.role), clock_text(process.heartbeat_ns, now_ns)
    if process.state != STOPPED and process.heartbeat_ns > now_ns:
        return (
            f"{role}'s clock is {age_text(process.heartbeat_ns - now_ns)} ahead of ours ({seen}): correct the clocks."
        )
    end = f"stopped {seen}" if process.state == STOPPED else f"last seen {seen}"
    return (
        f"{role} is not running: {end} ({_age(process.heartbeat_ns, now_ns)} ago). What this page shows is from then."
    )


def _book_age_ns(row: Watched, now_ns: int) -> int | None:
    recv_ns = row.feed.recv_ns or (row.touch.recv_ns if row.touch else None)
    return None if recv_ns is None else now_ns - recv_ns


def _book_word(row: Watched, now_ns: int) -> str:
    age_ns = _book_age_ns(row, now_ns)
    if age_ns is None:
        return "no book"
    return "fresh" if age_ns <= BOOK_AGE_MAX_NS else f"STALE {age_text(age_ns)}"


def _named(same: Sequence[AlertRow], text: Callable[[AlertRow], str | None]) -> str:
    """Write what each trader said, by name where there are several."""
    said = [(row.trader, plain(text(row))) for row in same if text(row)]
    is_one = len({row.trader for row in same}) == 1
    return " · ".join(words if is_one else f"{plain(trader)}: {words}" for trader, words in said)


def _ack_ms(row: OrderRow) -> float | None:
    return None if row.sent_ns is None or row.ack_ns is None else (row.ack_ns - row.sent_ns) / NS_PER_MS


def _why(row: OrderRow) -> str:
    """Give the reason; where there is none the broker's status stands in for it, if it says more than the state."""
    return plain(row.reason) or ("" if row.broker_status in {None, row.state} else _words(row.broker_status))


_QTY, _PRICE, _MONEY = "%,d", "%.4f", "%+,.2f"

ALERTS: tuple[Column[Sequence[AlertRow]], ...] = (
    Column("Alert", lambda same, _: same[0].alert_id, "%d", 68),
    Column("Time", lambda same, now_ns: moment_text(same[0].recv_ns, now_ns), None, 104, "New York"),
    Column("Symbol", lambda same, _: plain(same[0].symbol), None, 72),
    Column("Direction", lambda same, _: _ARROWS.get(same[0].direction, "") + plain(same[0].direction), None, 104),
    Column("Ratio", lambda same, _: same[0].ratio, "%.2f", 60, "Heavy side over light side"),
    Column("Heavy", lambda same, _: same[0].heavy_venues, "%d", 58, "Venues that lean this way"),
    Column("Valid", lambda same, _: same[0].valid_venues, "%d", 54, "Venues that quote both sides closely"),
    Column("Bids", lambda same, _: same[0].total_bids, _QTY, 74, "Shares bid over valid venues"),
    Column("Asks", lambda same, _: same[0].total_asks, _QTY, 74, "Shares asked over valid venues"),
    Column("Price", lambda same, _: same[0].price, _PRICE, 82, "Last trade, or the mid of bid and ask"),
    Column("Duration s", lambda same, _: same[0].duration_s, "%.1f", 84, "How long the imbalance had lasted"),
    Column("Disposition", lambda same, _: _named(same, lambda row: row.disposition) or "undecided", None, 104),
    Column("Reason", lambda same, _: _named(same, lambda row: row.reason), None, 230),
    Column("Blocked by", lambda same, _: plain(same[0].entry_blocked_by).replace(",", ", "), None, 120),
)

POSITIONS: tuple[Column[PositionRow], ...] = (
    Column("Symbol", lambda row, _: plain(row.symbol), None, 72),
    Column("Mode", lambda row, _: _book_name(row), None, 72, "Whose: the mode, and the trader where it differs"),
    Column("Ours", lambda row, _: row.ours_qty, _QTY, 62, "Shares; sold short is negative"),
    Column("Broker", lambda row, _: row.broker_qty, _QTY, 64, "The broker's number, with what is not ours"),
    Column("Agree", lambda row, _: _agreement(row), None, 104, "Broker = ours + not ours"),
    Column("Not ours", lambda row, _: row.external_qty, _QTY, 72, "Shares that leadline never trades"),
    Column("Read", lambda row, now_ns: _age(row.broker_ns, now_ns), None, 60, "Age of the broker's number"),
    Column("Average", lambda row, _: _dollars(_position(row).average_e6), _PRICE, 80),
    Column("Mark", lambda row, _: _mark(row), _PRICE, 80, "A long at the bid, a short at the ask"),
    Column("Mark age", _mark_age, None, 84),
    Column("Unrealised", lambda row, _: _dollars(_unrealised_e6(row)), _MONEY, 88, "If closed at the mark", True),
    Column("Realised today", lambda row, _: _dollars(_realised_today_e6(row)), _MONEY, 108, "Since midnight", True),
    Column("Realised", lambda row, _: row.realised_e6 / E6, _MONEY, 84, "Since the first fill in this file", True),
    Column("State", lambda row, _: plain(row.state), None, 76),
    Column("Reason", lambda row, _: plain(row.reason), None, 200),
)

ORDERS: tuple[Column[OrderRow], ...] = (
    Column("Time", lambda row, now_ns: moment_text(row.decide_ns, now_ns), None, 104, "Decided, New York"),
    Column("Symbol", lambda row, _: plain(row.symbol), None, 72),
    Column("Mode", lambda row, _: _book_name(row), None, 72, "Whose: the mode, and the trader where it differs"),
    Column("Instruction", lambda row, _: _words(row.instruction), None, 112),
    Column("Qty", lambda row, _: row.qty, _QTY, 60),
    Column("Type", lambda row, _: _words(row.order_type), None, 64),
    Column("Limit", lambda row, _: row.limit_price, _PRICE, 82),
    Column("State", lambda row, _: _words(row.state), None, 92),
    Column("Filled", lambda row, _: row.filled_qty, _QTY, 60),
    Column("Average", lambda row, _: row.average_price, _PRICE, 82),
    Column("Answer ms", lambda row, _: _ack_ms(row), "%.1f", 82, "From sent to the broker's answer"),
    Column("Reason", lambda row, _: _why(row), None, 210),
    Column("Purpose", lambda row, _: plain(row.purpose), None, 72),
    Column("Alert", lambda row, _: row.alert_id, "%d", 68),
    Column("Order", lambda row, _: plain(row.order_id), None, 104, "The broker's number"),
)

FILLS: tuple[Column[FillRow], ...] = (
    Column("Time", lambda row, now_ns: moment_text(row.fill_ns, now_ns), None, 104, "New York"),
    Column("Symbol", lambda row, _: plain(row.symbol), None, 72),
    Column("Mode", lambda row, _: _book_name(row), None, 72, "Whose: the mode, and the trader where it differs"),
    Column("Instruction", lambda row, _: _words(row.instruction), None, 112),
    Column("Qty", lambda row, _: row.qty, _QTY, 60),
    Column("Price", lambda row, _: row.price_e6 / E6, _PRICE, 82),
    Column("Cash", lambda row, _: _cash(row), _MONEY, 104, "Dollars in (+) or out (-)"),
    Column("Order", lambda row, _: plain(row.order_id), None, 104, "The broker's number"),
)

FEED: tuple[Column[Watched], ...] = (
    Column("Symbol", lambda row, _: plain(row.symbol), None, 72),
    Column("Service", lambda row, _: plain(row.feed.service), None, 120),
    Column("Book", _book_word, None, 110),
    Column("Age s", lambda row, now_ns: _over(_book_age_ns(row, now_ns), NS_PER_S), "%.1f", 72, "Since the last book"),
    Column("Lag ms", lambda row, _: row.feed.lag_ms, "%.1f", 72, "From BOOK_TIME to received"),
    Column("Bid size", lambda row, _: row.touch.bid_size if row.touch else None, _QTY, 80),
    Column("Bid", lambda row, _: row.touch.bid if row.touch else None, _PRICE, 82),
    Column("Ask", lambda row, _: row.touch.ask if row.touch else None, _PRICE, 82),
    Column("Ask size", lambda row, _: row.touch.ask_size if row.touch else None, _QTY, 80),
    Column("Last", lambda row, _: row.touch.last if row.touch else None, _PRICE, 82),
    Column("Status", lambda row, _: plain(row.touch.status) if row.touch else "", None, 84),
)

COUNTED: tuple[Column[Counted], ...] = (
    Column("Name", lambda row, _: row.name, None, 130),
    Column("Count", lambda row, _: row.times, _QTY, 90),
    Column("Share %", lambda row, _: row.share_pct, "%.1f", 76),
)

PROCESSES: tuple[Column[ProcessRow], ...] = (
    Column("Role", lambda row, _: plain(row.role), None, 80),
    Column("Runs", lambda row, now_ns: "yes" if is_alive(row, now_ns) else "NO", None, 56),
    Column("State", lambda row, _: plain(row.state), None, 90),
    Column("Mode", lambda row, _: plain(row.mode).upper(), None, 70),
    Column("Last seen", lambda row, now_ns: clock_text(row.heartbeat_ns, now_ns), None, 110, "New York"),
    Column("Started", lambda row, now_ns: clock_text(row.started_ns, now_ns), None, 110, "New York"),
    Column("Process", lambda row, _: row.pid, "%d", 74),
    Column("Version", lambda row, _: plain(row.version), None, 74),
    Column("Settings", lambda row, _: plain(row.config_hash), None, 110, "Hash of the settings it runs with"),
)
