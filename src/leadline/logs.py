"""Owns how log lines look and where they go: formatted on a thread of their own, secrets blacked out.

Never runs on the event loop's thread beyond putting a record into a queue; never waits for whoever reads them: what has
no room is dropped and counted, and a process ends without it.
Comes from the standard `logging` of every module; goes to standard error.
"""

import atexit
import contextlib
import logging
import logging.handlers
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, TextIO
from urllib.parse import quote

import structlog

BLACKED_OUT = "****"
HIDDEN_CHARS_MIN = 4
"""A shorter text is no secret, and hiding it would black out half of every line."""

LINES_WAITING_MAX = 10_000
"""So many lines wait to be written; at this bound new ones are dropped until half of them are written."""

END_WAIT_S = 2.0
"""The end of the process waits so long for lines, and again while any were written, END_WAITS_MAX times in all."""

END_WAITS_MAX = 5

log = logging.getLogger(__name__)

_Lines = queue.SimpleQueue[logging.LogRecord | None]
"""Records on their way to the writer; None is the last."""

_hidden: tuple[str, ...] = ()
"""The longest first, so that a secret that holds another one leaves no rest of itself."""


def hide(*secrets: str) -> None:
    """Black out these texts in every line that is written from now on, in the form that URLs give them too."""
    global _hidden  # noqa: PLW0603 - one process has one list of secrets, as it has one standard error
    known = {*_hidden, *(form for secret in secrets for form in (secret, quote(secret, safe="")))}
    _hidden = tuple(sorted((text for text in known if len(text) >= HIDDEN_CHARS_MIN), key=len, reverse=True))


def _redact(text: str) -> str:
    for secret in _hidden:
        text = text.replace(secret, BLACKED_OUT)
    return text


class _ToQueue(logging.handlers.QueueHandler):
    """Put records where they wait; when there is no room, drop and count them until there is plenty."""

    def __init__(self, lines: _Lines) -> None:
        super().__init__(lines)
        self._lines = lines
        self._dropped = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        if self._dropped or self._lines.qsize() >= LINES_WAITING_MAX:
            self._dropped += 1
        else:
            self._lines.put(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Say of a line that cannot be formatted only where it came from: the standard way prints its arguments."""
        where = f"a log line of {record.pathname}:{record.lineno} is faulty"
        self.enqueue(logging.makeLogRecord({"levelno": logging.ERROR, "levelname": "ERROR", "msg": where}))

    def go_on(self) -> None:
        """Take lines again if some were dropped and half of the room is free."""
        if self._dropped and self._lines.qsize() <= LINES_WAITING_MAX // 2:
            self.say_dropped()

    def say_dropped(self) -> None:
        """Put the count of the lines that were dropped where they would stand."""
        self.acquire()  # the lock under which `enqueue` is called
        try:
            if self._dropped:
                what = f"{self._dropped} log lines were dropped here: standard error was not read"
                self._lines.put(
                    logging.makeLogRecord({"levelno": logging.WARNING, "levelname": "WARNING", "msg": what})
                )
                self._dropped = 0
        finally:
            self.release()


class _Writer:
    """Write the lines of a queue to a stream on a thread of its own.

    No `logging.Handler` and no buffered stream: their locks, held while a full pipe takes nothing, are what Python's
    own end waits for (`logging.shutdown`) or aborts at (the last flush of standard error).
    """

    def __init__(self, lines: _Lines, stream: TextIO, on_written: Callable[[], None]) -> None:
        self._lines = lines
        self._formatter = _Formatter(colors=stream.isatty())
        self._write = _unbuffered(stream)
        self._on_written = on_written
        self._written = 0
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, as long as it is taken."""
        self._lines.put(None)
        for _ in range(END_WAITS_MAX):
            written = self._written
            self._thread.join(END_WAIT_S)
            if not self._thread.is_alive() or self._written == written:
                return

    def _run(self) -> None:
        while (record := self._lines.get()) is not None:
            with contextlib.suppress(Exception):  # there is no place left to say it
                self._write(f"{self._formatter.format(record)}\n")
            self._written += 1
            self._on_written()


def _unbuffered(stream: TextIO) -> Callable[[str], object]:
    """Give a way to write to a stream past its buffer and locks, if it is a file of the system."""
    try:
        fd = stream.fileno()
    except OSError:
        return stream.write

    def write(text: str) -> None:
        rest = text.encode(stream.encoding, "backslashreplace")
        while rest:
            rest = rest[os.write(fd, rest) :]

    return write


class _Formatter(logging.Formatter):
    """Render a record with structlog, then black out what is secret in it, tracebacks included."""

    def __init__(self, *, colors: bool) -> None:
        super().__init__()
        self._render = structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, _stamp],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(
                    colors=colors, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
                ),
            ],
        )

    def format(self, record: logging.LogRecord) -> str:
        return _redact(self._render.format(record))


def _stamp(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Stamp a line with the moment it was logged, not the later one at which the thread writes it."""
    record: logging.LogRecord = event["_record"]
    moment = logging.Formatter().formatTime(record, "%H:%M:%S")
    event["timestamp"] = f"{moment}.{int(record.msecs):03d}"
    return event


def start_logging(level: str, secrets: Iterable[str] = ()) -> None:
    """Send all log lines to standard error from a thread of its own, until the process ends."""
    hide(*secrets)
    lines: _Lines = queue.SimpleQueue()
    handler = _ToQueue(lines)
    writer = _Writer(lines, sys.stderr, handler.go_on)
    atexit.register(_end, handler, writer)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("picows").setLevel(max(logging.WARNING, root.level))
    logging.getLogger("asyncio").setLevel(max(logging.WARNING, root.level))
    sys.excepthook = lambda _, fault, __: _log_uncaught(fault)
    threading.excepthook = lambda thread: _log_uncaught(thread.exc_value)


def _end(handler: _ToQueue, writer: _Writer) -> None:
    handler.say_dropped()
    writer.stop()


def _log_uncaught(fault: BaseException | None) -> None:
    """Log what nobody caught like any other line: Python's own way would print secrets that stand in it."""
    log.critical("a fault in leadline", exc_info=fault)
