"""Owns databases of the size and damage that tests of backups and checks want, filled by the real writer.

Never is damaged before it is whole.
Comes from tests; goes to a file.
"""

from pathlib import Path

import apsw

from leadline.store.alerts import insert_alert
from leadline.store.writer import Writer
from support.ui_store import NOON_NS, ORIGIN, an_alert

KEEP_WRITING = """
import sys
from pathlib import Path
from leadline.store.writer import Writer
writer = Writer(Path(sys.argv[1]), 1)
writer.start()
number = 0
while True:
    for _ in range(50):
        number += 1
        writer.put(("INSERT INTO dispositions VALUES (?, ?, ?, ?, ?)", (number, "live", "held", "y" * 200, number)))
        writer.put(("INSERT OR REPLACE INTO counters VALUES ('written', ?)", (number,)))
    assert writer.flush(60)
    print(number)
"""
"""A busy writer; with each row it counts in the same commit how many there are."""

HOLD_LOCK = """
import sys
from pathlib import Path
from leadline.store.locks import FileLock
lock = FileLock(Path(sys.argv[1]), "the right of this test")
print("held")
sys.stdin.readline()
"""

PAGE_BYTES = 4_096


def filled(path: Path, alerts: int = 20, first: int = 1) -> None:
    """Make or go on with a database."""
    writer = Writer(path, 1)
    writer.start()
    for alert_id in range(first, first + alerts):
        alert = an_alert(recv_ns=NOON_NS + alert_id * 1_000_000_000)
        writer.put(insert_alert(alert_id, alert, ORIGIN))
    assert writer.flush(60)
    writer.close()


def fatten(path: Path, mib: int) -> None:
    """Add rows of 64 KiB."""
    writer = Writer(path, 1)
    for number in range(16 * mib):
        writer.execute_now("INSERT INTO counters VALUES (?, ?)", (f"{number:065536}", number))
    writer.close()


def names(directory: Path) -> list[str]:
    """Give the names in a directory, in order."""
    return sorted(entry.name for entry in directory.iterdir())


def flip_page(path: Path, page: int, *, first_byte: int = 0) -> None:
    """Turn bits of one page, counted from 0, as a bad disk does."""
    content = bytearray(path.read_bytes())
    start = page * PAGE_BYTES
    content[start + first_byte : start + PAGE_BYTES] = bytes(
        byte ^ 0xA5 for byte in content[start + first_byte : start + PAGE_BYTES]
    )
    path.write_bytes(content)


def rows_of(path: Path, sql: str) -> list[tuple[object, ...]]:
    """Give rows, read by a connection of its own."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return [tuple(row) for row in connection.execute(sql)]
    finally:
        connection.close()
