"""A follower of a stream and a server that is slow: for how long it answers nobody is said here, and no time passes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.brokers.broker import BrokerUnavailable
from server.brokers.left_out import LeftOut
from server.brokers.redis_connection import Address
from server.brokers.redis_follower import Follower
from server.brokers.redis_scripts import LAST, NEXT

LARGE, NEXT_ONE = b"1-0", b"2-0"


class Slow:
    """A server with one large entry, to look at which takes it `looks_s`; it does one thing after the other."""

    def __init__(self, looks_s: float) -> None:
        self.looks_s = looks_s
        self._free_at = 0.0

    async def ask(self, command: str, *about: Any, within_s: float) -> Any:
        if command == "XREAD":  # would send all of the large entry, and that takes too long in any case
            answer, takes_s = [], within_s + self.looks_s
        else:
            answer, takes_s = self._answer(about[0], *about[3:4]) if command == "EVAL" else (b"PONG", 0.0)
        loop = asyncio.get_running_loop()
        begins = max(self._free_at, loop.time())
        self._free_at = begins + takes_s  # whether anybody waits for it or not
        patience_s = loop.time() + within_s - self._free_at
        await asyncio.sleep(within_s if patience_s < 0 else within_s - patience_s)
        if patience_s < 0:
            raise BrokerUnavailable("not in time")
        return answer

    def _answer(self, script: str, after: bytes | None = None) -> tuple[Any, float]:
        if script == LAST:
            return b"0-0", 0.0
        if after == NEXT_ONE:
            return [], 0.0
        if after == LARGE:
            return (NEXT_ONE if script == NEXT else [(NEXT_ONE, [b"n", b"on"])]), 0.0
        return (LARGE if script == NEXT else [(LARGE, [b"", b"60000000"])]), self.looks_s

    async def close(self) -> None:
        pass


@pytest.mark.looptime
@pytest.mark.parametrize("looks_s", [0.0, 0.5, 1.0, 3.0])
async def test_an_entry_that_the_server_looks_at_for_long_and_answers_nobody_meanwhile_is_left_behind(looks_s: float):
    """Seen with 60 MB on a busy machine: the question whether there is an entry came before the server was free."""
    heard = asyncio.Queue[dict[str, str]]()
    follower = Follower(Address("redis://nowhere"), "answers", LeftOut())
    follower._connection = Slow(looks_s)  # type: ignore[assignment]
    following = asyncio.create_task(follower.run(heard.put))  # type: ignore[arg-type]

    async with asyncio.timeout(300):
        assert await heard.get() == {"n": "on"}
    following.cancel()
    assert follower._left_out.counts["unreadable"] == 1
