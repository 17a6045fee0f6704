"""The log where the application has configured it: nothing that was logged is lost at the exit."""

from __future__ import annotations

import logging
import queue
from collections.abc import Iterator
from logging.handlers import QueueHandler, QueueListener

import pytest

from server.logs import wait_until_written

LINES = 1000


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def lines() -> Iterator[queue.Queue[logging.LogRecord]]:
    lines: queue.Queue[logging.LogRecord] = queue.Queue()
    handler = QueueHandler(lines)
    logging.getLogger().addHandler(handler)
    yield lines
    logging.getLogger().removeHandler(handler)


def test_lines_that_a_thread_writes_are_waited_for(lines: queue.Queue[logging.LogRecord]):
    kept = Kept()
    listener = QueueListener(lines, kept)
    listener.start()
    for number in range(LINES):
        logging.getLogger("ebb").warning("line %d", number)

    wait_until_written(within_s=30)

    assert len(kept.lines) == LINES
    listener.stop()


def test_lines_that_nobody_writes_are_not_waited_for_longer_than_asked(lines: queue.Queue[logging.LogRecord]):
    logging.getLogger("ebb").warning("lost")

    wait_until_written(within_s=0.01)

    assert lines.unfinished_tasks == 1
