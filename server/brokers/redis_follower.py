"""Reads one stream of small entries in Redis or Valkey, from its end on, whatever stands in it or in its place.

Owns the position, and what becomes of an entry that cannot be read or taken: it is left out, and the next one read. A
key of another type under the stream's name, or a stream to which nothing can be added any more, is set aside under
`NAME:foreign`. Refuses to know what entries mean.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from .broker import BrokerUnavailable, Heard
from .left_out import Found, LeftOut
from .redis_connection import Address, BrokerRefuses, RedisConnection, pauses
from .redis_scripts import LAST, NEXT, PAGE, SET_ASIDE

T = TypeVar("T")

BLOCK_S = 1.0
SILENCE_S = 0.3
LONGEST_SILENCE_S = 4.0  # for one entry
AT_ONCE = 4
SLICE = 100
PAGE_BYTES = 1_000_000  # at most, in one read of entries that are not larger than a quarter of it
ODD_MS = 3_600_000  # an id that is ahead of the clock by so much is not the server's own


class Follower:
    """Follows one stream. An outage of the broker is waited out, and misses nothing."""

    def __init__(self, address: Address, stream: str, left_out: LeftOut) -> None:
        self._connection = RedisConnection(address)
        self._stream = stream
        self._left_out = left_out
        self._after = b"0-0"
        self._behind = False
        self._silence_s = SILENCE_S

    async def run(self, heard: Heard) -> None:
        """Await `heard` for each entry that is added from now on, in order, until cancelled."""
        try:
            await self._insist(self._begin)
            while True:
                for at, fields in await self._insist(self._next):
                    self._after = at
                    await self._hear(heard, fields)
        finally:
            await self._connection.close()

    async def _insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until there is an answer."""
        for pause_s in pauses():
            try:
                return await ask()
            except BrokerRefuses:
                await set_aside(self._connection.ask, self._stream, self._left_out)
            except BrokerUnavailable:
                pass
            await asyncio.sleep(pause_s)
        raise AssertionError("there is always another pause")

    async def _begin(self) -> None:
        self._after = await self._ask(LAST) or b"0-0"

    async def _next(self) -> list[tuple[bytes, list[bytes]]]:
        if self._behind:
            return await self._page()
        block = ("COUNT", AT_ONCE, "BLOCK", round(BLOCK_S * 1000))
        self._behind = True
        answer = await self._connection.ask(
            "XREAD", *block, "STREAMS", self._stream, self._after, within_s=BLOCK_S + SILENCE_S
        )
        entries = list(answer[0][1]) if answer else []
        self._behind = len(entries) == AT_ONCE
        if not entries and number_of(self._after)[0] > time.time() * 1000 + ODD_MS:
            last = await self._ask(LAST)
            if last is None or number_of(last) < number_of(self._after):  # it was replaced
                self._after = b"0-0"
        return entries

    async def _page(self) -> list[tuple[bytes, list[bytes]]]:
        count = SLICE if self._silence_s == SILENCE_S else 1
        try:
            entries = list(await self._ask(PAGE, self._after, count, PAGE_BYTES, within_s=self._silence_s))
        except BrokerRefuses:
            raise
        except BrokerUnavailable:
            # Where the server is there the entry is large. It may look at it still, and answers nobody meanwhile.
            await self._connection.ask("PING", within_s=LONGEST_SILENCE_S)
            at = await self._next_id() if self._silence_s == LONGEST_SILENCE_S else None
            if at is not None:
                self._after = at
                self._leave_out(Found.UNREADABLE, f"cannot be read within {LONGEST_SILENCE_S:g} s")
            self._silence_s = min(2 * self._silence_s, LONGEST_SILENCE_S)
            raise
        self._silence_s = SILENCE_S
        self._behind = len(entries) == count
        return entries

    async def _next_id(self) -> bytes | None:
        at: bytes | None = await self._ask(NEXT, self._after, within_s=LONGEST_SILENCE_S)
        return at

    async def _hear(self, heard: Heard, fields: list[bytes]) -> None:
        if len(fields) == 2 and fields[0] == b"":
            self._leave_out(Found.UNREADABLE, f"has {fields[1].decode(errors='replace'):.20} bytes, limit {PAGE_BYTES}")
            return
        words = [each.decode(errors="replace") for each in fields]
        try:
            await heard(dict(zip(words[::2], words[1::2], strict=True)))
        except Exception as error:  # whatever it is: the others must be heard
            self._leave_out(Found.FOREIGN, f"could not be taken: {error!r:.200}")

    def _leave_out(self, why: Found, detail: str) -> None:
        self._left_out.add(why, f"entry {self._after.decode()} of {self._stream} {detail}; it is left out")

    async def _ask(self, script: str, *about: Any, within_s: float = SILENCE_S) -> Any:
        return await self._connection.ask("EVAL", script, 1, self._stream, *about, within_s=within_s)


async def set_aside(ask: Callable[..., Awaitable[Any]], stream: str, left_out: LeftOut) -> None:
    """Set aside what stands in the place of a stream and is none. Raises nothing."""
    with contextlib.suppress(BrokerUnavailable):
        if await ask("EVAL", SET_ASIDE, 1, stream):
            left_out.add(Found.TYPE, f"{stream} in the broker is not ours, and is {stream}:foreign now")


def number_of(at: bytes) -> tuple[int, ...]:
    """Read an id: milliseconds, and a number within these."""
    return tuple(map(int, at.split(b"-")))
