"""What it costs to put an intent on record before it is sent: the journal, beside a commit of the database."""

from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import msgspec

from bench.table import Step, measured, table
from leadline.store.alerts import Origin, insert_alert
from leadline.store.connection import transaction
from leadline.store.journal import Journal
from leadline.store.orders import Book, insert_order
from leadline.store.writer import Writer
from support.intents import an_alert, an_intent

ROUNDS_HOT = 4_000
ROUNDS_PACED = 400
PAUSE_S = (0.003, 0.009)
"""The gaps between bursts under which a trader's caches and the disk's are cold."""


def run() -> str:
    """Give the tables, hot and paced."""
    with TemporaryDirectory(dir=Path.cwd()) as home:
        hot = measured(_ways(Path(home) / "hot"), ROUNDS_HOT, None)
        paced = measured(_ways(Path(home) / "paced"), ROUNDS_PACED, PAUSE_S)
    return table("intent on record, hot", hot) + "\n" + table("intent on record, paced", paced)


def _ways(home: Path) -> dict[str, Step]:
    home.mkdir()
    return {
        "journal (INTENT_SYNC=process)": _journal(home / "process.journal", is_synced=False),
        "journal (INTENT_SYNC=power)": _journal(home / "power.journal", is_synced=True),
        "SQLite commit, synchronous=NORMAL": _commit(home / "normal.db", "normal"),
        "SQLite commit, synchronous=FULL": _commit(home / "full.db", "full"),
    }


def _journal(path: Path, *, is_synced: bool) -> Step:
    journal = Journal(path, is_synced=is_synced)
    intent = an_intent()
    return lambda: journal.append(intent)


def _commit(path: Path, synchronous: str) -> Step:
    """Write the same: the alert's row and the order's, in one transaction."""
    Writer(path, 1).close()
    connection = apsw.Connection(str(path))
    connection.pragma("synchronous", synchronous)
    numbers = iter(range(1, 10**9))
    intent, origin, book = an_intent(), Origin("boot", "c0ffee", "0.1.0"), Book("live", "sim", "account")
    alert = an_alert()

    def commit() -> None:
        number = next(numbers)
        row = msgspec.structs.replace(intent, key=f"live-1-{number}-1", alert_id=number)
        with transaction(connection):
            connection.execute(*insert_alert(number, alert, origin))
            connection.execute(*insert_order(row, book))

    return commit
