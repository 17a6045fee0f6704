"""The log where the application has configured it: nothing that was logged is lost at the exit."""

from __future__ import annotations

import logging
import queue
from collections.abc import Iterator
from logging.handlers import QueueHandler, QueueListener

import pytest

from server.logs import Seldom, wait_until_written

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


@pytest.mark.parametrize("message", Seldom.PROVOKED)
def test_what_a_stranger_can_provoke_is_a_line_a_second(message: str):
    now = [0.0]
    seldom = Seldom(lambda: now[0])

    def passes(text: str) -> bool:
        return seldom.filter(logging.LogRecord("uvicorn.error", logging.WARNING, "", 0, text, (), None))

    assert [passes(message), passes(message), passes("something else"), passes("something else")] == [
        True,
        False,
        True,
        True,
    ]
    now[0] = 1.0
    assert passes(message)
