"""Owns how log lines look and where they go: formatted on a thread of their own, secrets blacked out.

Never runs on the event loop's thread beyond putting a record into a queue.
Comes from the standard `logging` of every module; goes to standard error.
"""

import atexit
import logging
import logging.handlers
import queue
import sys
import threading
from collections.abc import Iterable, MutableMapping
from typing import Any, TextIO
from urllib.parse import quote

import structlog

BLACKED_OUT = "****"
HIDDEN_CHARS_MIN = 4
"""A shorter text is no secret, and hiding it would black out half of every line."""

log = logging.getLogger(__name__)

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
    """Say of a line that cannot be formatted only where it came from: the standard way prints its arguments."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        where = f"a log line of {record.pathname}:{record.lineno} is faulty"
        self.enqueue(logging.makeLogRecord({"levelno": logging.ERROR, "levelname": "ERROR", "msg": where}))


class _ToStream(logging.StreamHandler[TextIO]):
    """Say nothing of a line that cannot be written: there is no place left to say it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        del record


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
    handler = _ToStream(sys.stderr)
    handler.setFormatter(_Formatter(colors=sys.stderr.isatty()))
    lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(lines, handler)
    listener.start()
    atexit.register(listener.stop)
    root = logging.getLogger()
    root.handlers[:] = [_ToQueue(lines)]
    root.setLevel(level)
    logging.getLogger("picows").setLevel(max(logging.WARNING, root.level))
    logging.getLogger("asyncio").setLevel(max(logging.WARNING, root.level))
    sys.excepthook = lambda _, fault, __: _log_uncaught(fault)
    threading.excepthook = lambda thread: _log_uncaught(thread.exc_value)


def _log_uncaught(fault: BaseException | None) -> None:
    """Log what nobody caught like any other line: Python's own way would print secrets that stand in it."""
    log.critical("a fault in leadline", exc_info=fault)
