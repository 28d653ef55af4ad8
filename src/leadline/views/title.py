"""Owns the title bar and what a person should know now.

Never shows what is old as if it were new.
Comes from rows of processes, positions and counts; goes to `ui`.
"""

from collections.abc import Iterable, Sequence

import msgspec

from leadline.core.states import SymbolState, TradingState
from leadline.views.positions import Pnl, of_mode, pnl
from leadline.views.processes import BOOK_AGE_MAX_NS, STOPPED, Detail, detail_of, feed_figure, grok_of, is_alive
from leadline.views.rows import CountsRow, PositionRow, ProcessRow
from leadline.views.words import (
    Figure,
    Tone,
    age_of,
    age_text,
    clock_text,
    midnight_ns,
    money_text,
    money_tone,
    new_york,
    plain,
)


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


def title_bar(process: ProcessRow | None, counts: CountsRow, positions: Sequence[PositionRow], now_ns: int) -> TitleBar:
    """Say which mode, state, account and broker this is, how the feed is, and what today came to."""
    detail = detail_of(process)
    booked = of_mode(process, positions)
    profit = pnl(booked, now_ns)
    figures = (
        Figure("P&L today", money_text(profit.today_e6), _pnl_note(profit, booked), money_tone(profit.today_e6)),
        Figure("Realised", money_text(profit.realised_e6), "", money_tone(profit.realised_e6)),
        Figure("Unrealised", money_text(profit.open_e6), _mark_note(profit), money_tone(profit.open_e6)),
        Figure("Alerts", f"{counts.alerts:,}", "today"),
        Figure("Orders", f"{counts.orders:,}", _budget_note(detail)),
        Figure("Fills", f"{counts.fills:,}", "today"),
    )
    clock = Figure("New York", f"{new_york(now_ns):%H:%M:%S}", f"{new_york(now_ns):%a %d %b}")
    if process is None:
        facts = (Figure("Account", "–"), Figure("Broker", "–"), Figure("Feed", "no feed", "", Tone.WARN), clock)
        return TitleBar("NO MODE", False, "NOT RUNNING", Tone.CALM, facts, figures)
    alive = is_alive(process, now_ns)
    facts = (
        Figure("Account", plain(process.account)),
        Figure("Broker", plain(process.broker)),
        feed_figure(detail, alive, now_ns),
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
    found += [Notice(Tone.BAD, plain(f"{text[:1].upper()}{text[1:]}.")) for text in detail.alarms]
    locked = [row.symbol for row in of_mode(grok, positions) if row.state == SymbolState.LOCKED]
    if locked:
        found.append(Notice(Tone.BAD, f"Position in doubt, nothing is opened: {plain(', '.join(locked))}"))
    if not detail.is_readable:
        found.append(Notice(Tone.WARN, "What grok says of its feed cannot be read: is it of another version?"))
    if detail.degraded:
        found.append(Notice(Tone.WARN, f"The feed is not whole: {plain(detail.degraded)}"))
    if detail.tape is not None and detail.tape.error:
        found.append(Notice(Tone.WARN, f"The tape cannot be written, trading goes on: {plain(detail.tape.error)}"))
    if detail.trader and detail.trader != "enabled":
        found.append(Notice(Tone.WARN, f"Trader {plain(detail.trader)}"))
    return found


_STATE_TONES = {
    TradingState.DISABLED.value: Tone.CALM,
    TradingState.ARMED.value: Tone.GOOD,
    TradingState.REDUCING.value: Tone.WARN,
    TradingState.KILLED.value: Tone.BAD,
}


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


def _absence(process: ProcessRow, now_ns: int) -> str:
    """Say that a process does not run, or that its clock and ours cannot both be right."""
    role, seen = plain(process.role), clock_text(process.heartbeat_ns, now_ns)
    if process.state != STOPPED and process.heartbeat_ns > now_ns:
        return (
            f"{role}'s clock is {age_text(process.heartbeat_ns - now_ns)} ahead of ours ({seen}): correct the clocks."
        )
    end = f"stopped {seen}" if process.state == STOPPED else f"last seen {seen}"
    return (
        f"{role} is not running: {end} ({age_of(process.heartbeat_ns, now_ns)} ago). What this page shows is from then."
    )
