"""The way of a question to whatever answers it: one after the other onto the stream `student_questions`.

Owns the task that puts them there, and what is done when the broker is away: a question that was taken is tried again
until it is on the stream. So it may be there twice, when the broker took it and its reply was lost. Refuses to know
connections, and what answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from ..brokers.broker import BrokerUnavailable, Store
from .model import Question, Questions

logger = logging.getLogger("ebb")

STREAM = "student_questions"
RETRY_S = 0.5


class Asking:
    """The questions of one process, on their way."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._questions = Questions()
        self._changed = asyncio.Event()

    def take(self, question: Question) -> str | None:
        """Take a question, to be asked in its turn; or say how full it is, and take nothing."""
        full = self._questions.take(question)
        self._changed.set()
        return full

    def answered(self, session_id: str) -> None:
        """Give back the place of the oldest question of a session."""
        self._questions.answered(session_id)
        self._changed.set()

    async def run(self) -> None:
        """Ask, until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            self._changed.clear()
            if (begun := self._questions.begin(clock())) is not None:
                ticket, question = begun
                await self._insist(question)
                self._questions.put(ticket, clock())
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._questions.due):
                    await self._changed.wait()

    async def flush(self) -> None:
        """Put everything on the stream that is not there yet: nobody will, after us. Never call it beside `run`.

        What cannot be put is lost, and a log line says how many questions that is, whatever the exception then raised.
        """
        left = self._questions.give_up()
        try:
            while left:
                await self._put(left[0])
                left.pop(0)
        finally:
            if left:
                logger.warning("%d questions that were acknowledged are lost: the broker did not take them", len(left))

    async def _insist(self, question: Question) -> None:
        waits = False
        while True:
            try:
                return await self._put(question)
            except BrokerUnavailable as error:
                if not waits:
                    logger.warning("questions wait: %s", error)
                waits = True
                await asyncio.sleep(RETRY_S)

    async def _put(self, question: Question) -> None:
        await self._store.append(STREAM, {"session_id": question.session_id, "message": question.message})
