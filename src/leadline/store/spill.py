"""Owns rows that could not be written in time: they wait in a file beside the database, in their order.

Never holds what is already in the database for longer than its next commit.
Comes from the writer while a lock or a full disk keeps it out; goes back to it, in this process or in the next one.
"""

import logging
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from leadline.store.records import HEAD, RECORD_BYTES_MAX, find_records, record_of

log = logging.getLogger(__name__)

Value = int | float | str | bytes | None
"""What SQLite keeps."""

Statement = tuple[str, tuple[Value, ...]]
"""SQL with question marks, and what stands for them."""

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(tuple[str, tuple[Any, ...]])


def spill_path(db_path: Path) -> Path:
    """Give where the rows of a database wait."""
    return Path(f"{db_path}.spill")


class Spill:
    """Keep statements in a file, and give them back in order."""

    def __init__(self, path: Path) -> None:
        """Take up what an earlier process left; the file is made with the first row.

        Raises:
            OSError: it is there and cannot be read.
        """
        self.path = path
        self._source: Iterator[Statement] = iter(())
        self._given: list[Statement] = []
        self.count = 0
        """Statements that wait here."""
        if path.exists():
            self._source, again = self._read(), self._read()
            self.count = sum(1 for _ in again)

    def add(self, statements: Iterable[Statement]) -> None:
        """Append statements and sync them to disk; one that no file can hold is said whole and left out.

        Raises:
            OSError: the disk said no; none of them is kept.
        """
        records = [record for record in map(_record, statements) if record is not None]
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size_bytes = os.fstat(fd).st_size
            try:
                _write_all(fd, b"".join(records))
                os.fsync(fd)
            except OSError:
                os.ftruncate(fd, size_bytes)
                raise
        finally:
            os.close(fd)
        if self.count == 0 and not self._given:
            self._source = self._read()
        self.count += len(records)

    def next_group(self, count_max: int) -> list[Statement]:
        """Give the oldest statements; the same ones until `taken` says that they are in the database."""
        if not self._given:
            self._given = list(islice(self._source, count_max))
        if not self._given and self.count:
            self._begin_again(count_max)
        return self._given

    def _begin_again(self, count_max: int) -> None:
        """Read the file anew: rows wait, and the end of it was reached; what is not in it was taken away."""
        waiting = 0
        if self.path.exists():
            waiting = sum(1 for _ in self._read())
            self._source = self._read()
            self._given = list(islice(self._source, count_max))
        log.error("%s was removed or changed while rows waited there: those are lost, %s are left", self.path, waiting)
        self.count = waiting  # written a second time, which changes nothing

    def taken(self) -> None:
        """Forget the group that was given; with the last one the file goes too."""
        self.count -= len(self._given)
        self._given = []
        if self.count <= 0:
            self.count = 0
            self._source = iter(())
            try:
                self.path.unlink(missing_ok=True)
            except OSError as error:
                # The next start writes these rows once more, which changes nothing.
                log.error("%s cannot be removed (%s)", self.path, error.strerror)

    def _read(self) -> Iterator[Statement]:
        """Read one record after the other, also those that are appended meanwhile; past damage, whatever is whole."""
        with self.path.open("rb") as file:
            while True:
                begin = file.tell()
                head = file.read(HEAD.size)
                if not head:
                    return
                size_bytes = HEAD.unpack(head)[0] if len(head) == HEAD.size else 0
                found = find_records(head + file.read(min(size_bytes, RECORD_BYTES_MAX)), 0)
                if not found.payloads:
                    file.seek(begin)
                    rest = file.read()
                    found = find_records(rest, 0)
                    lost_bytes = sum(gap.size_bytes for gap in found.gaps)
                    log.error("%s: %s bytes of rows that waited are damaged and lost", self.path, lost_bytes)
                yield from filter(None, map(self._statement, found.payloads))

    def _statement(self, payload: memoryview) -> Statement | None:
        try:
            return _decoder.decode(payload)
        except msgspec.MsgspecError as error:
            log.error("%s: a record there is no row, it is passed over (%s)", self.path, error)
            return None


def _record(statement: Statement) -> bytes | None:
    try:
        payload = _encode(statement)
    except (TypeError, ValueError, OverflowError) as error:
        log.error("store: row refused (%s): %s %r", error, *statement)
        return None
    if len(payload) > RECORD_BYTES_MAX:
        log.error("store: row refused (%s bytes): %s", len(payload), statement[0])
        return None
    return record_of(payload)


def _write_all(fd: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]
