"""Owns how log lines look and where they go: formatted on a thread of their own, secrets blacked out.

Never runs on the event loop's thread beyond putting a record into a queue.
Comes from the standard `logging` of every module; goes to standard error.
"""

import atexit
import logging
import logging.handlers
import queue
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any

import structlog

BLACKED_OUT = "****"


class _Redactor:
    """Replace secret texts wherever they stand in a line."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted((secret for secret in secrets if len(secret) >= 4), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, BLACKED_OUT)
        return text


class _Formatter(logging.Formatter):
    """Render a record with structlog, then black out what is secret in it, tracebacks included."""

    def __init__(self, redact: _Redactor, *, colors: bool) -> None:
        super().__init__()
        self._redact = redact
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
        return self._redact(self._render.format(record))


def _stamp(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Stamp a line with the moment it was logged, not the later one at which the thread writes it."""
    record: logging.LogRecord = event["_record"]
    moment = logging.Formatter().formatTime(record, "%H:%M:%S")
    event["timestamp"] = f"{moment}.{int(record.msecs):03d}"
    return event


def start_logging(level: str, secrets: Iterable[str]) -> None:
    """Send all log lines to standard error from a thread of its own, until the process ends."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(_Redactor(secrets), colors=sys.stderr.isatty()))
    lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(lines, handler)
    listener.start()
    atexit.register(listener.stop)
    root = logging.getLogger()
    root.handlers[:] = [logging.handlers.QueueHandler(lines)]
    root.setLevel(level)
    logging.getLogger("picows").setLevel(max(logging.WARNING, root.level))
    logging.getLogger("asyncio").setLevel(max(logging.WARNING, root.level))
