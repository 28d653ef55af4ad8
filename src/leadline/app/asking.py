"""Owns the asking side of `adopt`: what the person is shown, the command's row, and the wait for its answer.

Never decides: the process that trades does, on what the broker says then.
Comes from `leadline adopt`; goes to rows of `commands`, and back as the answer.
"""

import time
from pathlib import Path

import msgspec

from leadline.app.answering import ADOPT
from leadline.core.agreement import why_not_adopt
from leadline.core.errors import ConfigurationError
from leadline.core.ports import Clock
from leadline.core.units import NS_PER_S
from leadline.store import queries
from leadline.store.commands import Asked, CommandState, answer_of, ask
from leadline.store.orders import Book
from leadline.store.rows import PositionRow
from leadline.views import grok_of, is_alive

ANSWER_S = 10.0
"""How long a running grok may take to answer: it looks for commands twice a second."""

LOOK_S = 0.1


class Question(msgspec.Struct, frozen=True):
    """What an adoption would do: numbers of the broker as last read, in shares, and whether grok runs to do it."""

    book: Book
    symbol: str
    ours_qty: int
    wanted_qty: int
    broker_qty: int
    broker_age_s: float
    external_qty: int
    is_grok_running: bool

    @property
    def lines(self) -> list[str]:
        """Say it to whoever has to confirm it."""
        mode = self.book.mode.upper()
        rest = self.broker_qty - self.wanted_qty
        return [
            f"{self.symbol} ({mode}): the broker holds {self.broker_qty:+,} shares, read {self.broker_age_s:.0f} s ago",
            f"  until now   ours {self.ours_qty:+,}, not ours {self.external_qty:+,}",
            f"  from now on ours {self.wanted_qty:+,}, not ours {rest:+,}: only ours is ever traded",
        ]


def question(path: Path, symbol: str, wanted_qty: int, clock: Clock) -> Question:
    """Read what an adoption would do.

    Raises:
        ConfigurationError: the account has not been read for this symbol, or its number cannot hold so many of ours.
    """
    now_ns = clock.wall_ns()
    with queries.reading(path) as connection:
        rows = queries.positions(connection, now_ns)
        process = grok_of(queries.processes(connection))
    is_running = process is not None and is_alive(process, now_ns)
    read = [row for row in rows if row.broker_qty is not None]
    if process is not None:
        read = [row for row in read if row.mode == process.mode] or read
    row = _newest([row for row in read if row.symbol == symbol], symbol, sorted({row.symbol for row in read}))
    broker_qty, broker_ns = row.broker_qty or 0, row.broker_ns or 0
    against = why_not_adopt(wanted_qty, broker_qty)
    if against is not None:
        raise ConfigurationError(
            against,
            which=f"--ours {wanted_qty}",
            expected=f"a number between 0 and {broker_qty}, on the broker's side",
            do="look at `leadline positions`; it is usually 0",
        )
    book = Book(row.trader, row.mode, row.account)
    age_s = (now_ns - broker_ns) / NS_PER_S
    return Question(book, symbol, row.ours_qty, wanted_qty, broker_qty, age_s, row.external_qty, is_running)


def put(path: Path, asked: Question, by: str, host: str, clock: Clock) -> int:
    """Write the command; give its number."""
    now_ns = clock.wall_ns()
    return ask(path, asked.book, Asked(ADOPT, asked.symbol, asked.wanted_qty, asked.broker_qty, now_ns, by, host))


def wait(path: Path, command_id: int, clock: Clock, timeout_s: float = ANSWER_S) -> tuple[CommandState, str]:
    """Wait for the answer, at most so long; ASKED where none came."""
    end_ns = clock.boot_ns() + round(timeout_s * NS_PER_S)
    while True:
        with queries.reading(path) as connection:
            state, text = answer_of(connection, command_id)
        if state is not CommandState.ASKED or clock.boot_ns() >= end_ns:
            return state, text
        time.sleep(LOOK_S)


def _newest(rows: list[PositionRow], symbol: str, known: list[str]) -> PositionRow:
    if not rows:
        raise ConfigurationError(
            f"the account has not been read for {symbol} yet",
            which="leadline adopt",
            expected=f"one of {', '.join(known)}" if known else "a database of a grok that has read its account",
            do="correct the symbol, or add it to SYMBOLS and start grok; paper positions are leadline's own anyway",
        )
    return max(rows, key=lambda row: row.broker_ns or 0)
