"""Puts the posts of one process into the log, in the order in which they were published.

Owns one connection and what waits for it: while one batch is under way the next one gathers, so that the rate does
not depend on how far away the server is. What waits is bounded by its callers, each of whom waits for one post, and
by time: nobody waits longer than for an answer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

from ..messages.history import Post
from .broker import BrokerUnavailable
from .redis_connection import ANSWER_S, Address, RedisConnection
from .redis_log import Addition, Known, LogBounds, add, reply_of

BATCH_POSTS = 200
BATCH_CHARACTERS = 1_000_000  # in one batch, or one post
LEAST_S = 0.1  # for the answer to a post that this process itself held up
LET_GO = "the broker was let go of: the server stops"


class Waiting(NamedTuple):
    """A post on its way, until when (loop time), and the future that waits for its number."""

    post: Addition
    until: float
    number: asyncio.Future[int]


class Publisher:
    """Numbers posts. `known` is what this process has seen of the log, and is kept up to date."""

    def __init__(self, address: Address, known: Known, bounds: LogBounds) -> None:
        self._connection = RedisConnection(address)
        self._known = known
        self._bounds = bounds
        self._waiting: deque[Waiting] = deque()
        self._sending: asyncio.Task[None] | None = None

    async def publish(self, post: Post) -> int:
        """Put a post into the log and return its number. Raises BrokerUnavailable within a second."""
        loop = asyncio.get_running_loop()
        number: asyncio.Future[int] = loop.create_future()
        addition = Addition(post.key or "", post.model_dump_json(), post.sender)
        self._waiting.append(Waiting(addition, loop.time() + ANSWER_S, number))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        return await number

    async def _send(self) -> None:
        try:
            while self._waiting:
                await self._add(self._batch())
        finally:
            self._sending = None

    def _batch(self) -> list[Waiting]:
        batch: list[Waiting] = []
        characters = 0
        while self._waiting and len(batch) < BATCH_POSTS:
            characters += len(self._waiting[0].post.text)
            if batch and characters > BATCH_CHARACTERS:
                break
            if not (waiting := self._waiting.popleft()).number.done():
                batch.append(waiting)
        return batch

    async def _add(self, batch: list[Waiting]) -> None:
        if not batch:
            return
        left_s = max(batch[0].until - asyncio.get_running_loop().time(), LEAST_S)
        command = add(self._known, self._bounds, [each.post for each in batch])
        failure = LET_GO
        try:
            reply = reply_of(await self._connection.ask(*command, within_s=left_s))
            if reply.epoch == self._known.epoch:
                self._known.highest = max(self._known.highest, reply.seq)
            for each, number in zip(batch, reply.numbers, strict=True):
                if not each.number.done():
                    each.number.set_result(number)
        except BrokerUnavailable as error:
            failure = str(error)
        finally:
            for each in batch:
                if not each.number.done():
                    each.number.set_exception(BrokerUnavailable(failure))

    async def close(self) -> None:
        """Give up what is under way, and disconnect."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        while self._waiting:
            if not (number := self._waiting.popleft().number).done():
                number.set_exception(BrokerUnavailable(LET_GO))
        await self._connection.close()
