"""Owns what a person asks the trading process to do, as rows: asked by one process, answered by the other.

Never carries a command out.
Comes from `leadline adopt`; goes to the desk of the process that trades, and back as its answer.
"""

from enum import StrEnum
from pathlib import Path

import apsw
import msgspec

from leadline.core.errors import StoreError
from leadline.store.connection import explained, open_writer, transaction
from leadline.store.orders import Book
from leadline.store.queries import reading
from leadline.store.spill import Statement

COMMANDS_MAX = 100
"""Commands that are answered in one look: people type them."""

_ASK = """INSERT INTO commands (verb, trader, mode, account, symbol, qty, seen_qty, asked_ns, asked_by, host, state)
    VALUES (?,?,?,?,?,?,?,?,?,?,'asked') RETURNING command_id"""

_ASKED = """SELECT command_id, verb, symbol, qty, seen_qty, asked_ns, asked_by, host FROM commands
    WHERE state = 'asked' AND (trader, mode, account) = (?,?,?) ORDER BY command_id LIMIT ?"""

_ANSWER = "UPDATE commands SET state = ?, answer = ?, answered_ns = ? WHERE command_id = ? AND state = 'asked'"


class CommandState(StrEnum):
    """Where a command stands."""

    ASKED = "asked"
    APPLIED = "applied"
    REFUSED = "refused"


class Asked(msgspec.Struct, frozen=True):
    """What a person asked for: `qty` shares are ours, the broker's number shown was `seen_qty`; time UTC."""

    verb: str
    symbol: str
    qty: int
    seen_qty: float
    asked_ns: int
    asked_by: str
    host: str


def ask(path: Path, book: Book, asked: Asked) -> int:
    """Write a command beside the process that trades, in a transaction of its own; give its number.

    Raises:
        StoreError: the database is damaged, gone, busy or of another version.
    """
    with reading(path):
        pass  # only a database of this version is written to
    connection = open_writer(path)
    try:
        whose = msgspec.structs.astuple(book)
        row = (asked.verb, *whose, asked.symbol, asked.qty, asked.seen_qty, asked.asked_ns, asked.asked_by, asked.host)
        with explained(path), transaction(connection):
            return msgspec.convert(connection.execute(_ASK, row).get, int)
    finally:
        connection.close()


def asked_of(path: Path, book: Book) -> list[tuple[int, Asked]]:
    """Give the commands that nobody has answered yet, oldest first, each with its number.

    Raises:
        StoreError: the database cannot be read now.
    """
    with reading(path) as connection:
        rows = connection.execute(_ASKED, (*msgspec.structs.astuple(book), COMMANDS_MAX)).fetchall()
        return [
            (
                msgspec.convert(number, int),
                Asked(*msgspec.convert(rest, tuple[str, str, int, float, int, str, str])),
            )
            for number, *rest in rows
        ]


def answer(command_id: int, state: CommandState, text: str, now_ns: int) -> Statement:
    """Give the statement that answers a command, once."""
    return _ANSWER, (state.value, text, now_ns, command_id)


def answer_of(connection: apsw.Connection, command_id: int) -> tuple[CommandState, str]:
    """Read where a command stands, and what was answered.

    Raises:
        StoreError: there is no such command.
    """
    row = connection.execute("SELECT state, answer FROM commands WHERE command_id = ?", (command_id,)).fetchall()
    if not row:
        raise StoreError(f"command {command_id} is gone from the database", do="ask again")
    state, text = msgspec.convert(row[0], tuple[CommandState, str | None])
    return state, text or ""
