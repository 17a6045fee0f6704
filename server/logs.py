"""The log: one line a transition, one a batch, never one a connection.

Owns where the lines of this server go (stderr, in uvicorn's style) and quiets uvicorn's line per connection.
"""

from __future__ import annotations

import json
import logging
import math
import queue
import re
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

logger = logging.getLogger("ebb")

# How the report of a drain begins: a line of its own, for programs, in both forms.
REPORT = '{"event":'


class TextLines(logging.Formatter):
    """A line as uvicorn writes it; the drain report as it is."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        message = record.getMessage()
        return message if message.startswith(REPORT) else super().format(record)


class OfWorker(logging.Filter):
    """Lets every record through, marked with the number of this worker; in text, its message says so."""

    def __init__(self, worker: int, form: str) -> None:
        super().__init__()
        self._worker = worker
        self._who = f"worker {worker}: " if form == "text" else ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mark one record, but for the drain report, which is for programs and says so itself."""
        record.worker = self._worker
        if record.name == "uvicorn.access" and isinstance(record.args, tuple):  # its line is made of these
            record.args = (f"{self._who}{record.args[0]}", *record.args[1:])
        elif not record.getMessage().startswith(REPORT):
            for form in {"msg", "color_message"} & record.__dict__.keys():  # uvicorn writes the latter on a terminal
                setattr(record, form, f"{self._who}{getattr(record, form)}")
        return True


class Seldom(logging.Filter):
    """Lets a line that any stranger can provoke through once a second. `clock` says seconds."""

    PROVOKED = ("Invalid HTTP request received.", "Unsupported upgrade request.")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._quiet_until = dict.fromkeys(self.PROVOKED, -math.inf)

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a record is to be written."""
        message, now = str(record.msg), self._clock()
        if now < self._quiet_until.get(message, -math.inf):
            return False
        if message in self._quiet_until:
            self._quiet_until[message] = now + 1.0
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line: `at` (ISO 8601, UTC), `level`, `logger`, `message`, and `worker` for one of several.

    The drain report as it is.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Encode one record."""
        message = record.getMessage()
        if message.startswith(REPORT):
            return message
        at = datetime.fromtimestamp(record.created, UTC).isoformat()
        line = {"at": at, "level": record.levelname.lower(), "logger": record.name, "message": message}
        if (worker := getattr(record, "worker", None)) is not None:
            line["worker"] = worker
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up_logs(level: str, form: str, worker: int = 0) -> None:
    """Write our lines from `level` on to stderr, as `text` or `json`; uvicorn's own likewise. Once is enough.

    Those of a `worker` (from 1 on) carry its number.
    """
    if logger.handlers:
        return
    write_lines(level)
    logging.getLogger("uvicorn.error").addFilter(is_worth_a_line)
    logging.getLogger("uvicorn.error").addFilter(without_tokens)
    logging.getLogger("uvicorn.error").addFilter(Seldom())
    for name in ("ebb", "uvicorn", "uvicorn.error", "uvicorn.access"):
        for each in logging.getLogger(name).handlers:
            if form == "json":
                each.setFormatter(JsonLines())
            if worker:
                each.addFilter(OfWorker(worker, form))


def write_lines(level: str) -> None:
    """Write our own lines from `level` on to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextLines("%(levelname)s:     %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    logger.propagate = False


def wait_until_written(within_s: float) -> None:
    """Return when what was logged is written, in `within_s` at the latest, where a thread writes it (Litestar's).

    uvicorn ends by its signal, and what such a thread has not written by then is lost.
    """
    at: logging.Logger | None = logger
    while at is not None:
        for handler in at.handlers:
            if isinstance(lines := getattr(handler, "queue", None), queue.Queue):
                _wait_until_empty(lines, within_s)
        at = at.parent if at.propagate else None


def _wait_until_empty(lines: queue.Queue[Any], within_s: float) -> None:
    with lines.all_tasks_done:
        lines.all_tasks_done.wait_for(lambda: lines.unfinished_tasks == 0, within_s)


def raised_at(error: Exception) -> str:
    """Where something was raised, as `FILE:LINE`: what one line can say of a traceback."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    return f"{at.filename}:{at.lineno}"


TOKENS = re.compile(r"\b(bearer[ .]+)[^\s,;'\"]+", re.IGNORECASE)


def without_tokens(record: logging.LogRecord) -> bool:
    """Take the tokens out of a line: at level debug websockets logs every header of a handshake."""
    message = record.getMessage()
    if TOKENS.search(message):
        record.msg, record.args = TOKENS.sub(r"\1...", message), ()
    return True


def is_worth_a_line(record: logging.LogRecord) -> bool:
    """Not for one connection, and nothing after the report: uvicorn's last line says what it says."""
    message = str(record.msg)
    return not ('"WebSocket %s"' in message or message.startswith(("connection ", "Finished server process")))
