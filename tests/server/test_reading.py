"""Handlers that have messages without end, and everything else in the same event loop."""

from __future__ import annotations

import asyncio

import pytest

from server.connections.asgi import Message
from server.middleware.reading import TURN_S, Busy, Reading


async def at_once() -> Message:
    return {"type": "websocket.receive", "text": "one more"}


@pytest.mark.parametrize(("takes_s", "others"), [(TURN_S * 0.4, []), (TURN_S * 0.6, ["a probe"])])
async def test_a_handler_gives_way_once_it_has_taken_its_time(
    monkeypatch: pytest.MonkeyPatch, takes_s: float, others: list[str]
):
    loop, now, seen = asyncio.get_running_loop(), 100.0, list[str]()
    reading = Reading(at_once, 16, Busy())
    with monkeypatch.context() as patched:
        patched.setattr(loop, "time", lambda: now)
        await reading.next()
        loop.call_soon(seen.append, "a probe")
        for _ in range(2):
            now += takes_s
            await reading.next()

        assert seen == others


async def test_what_is_in_hand_while_a_handler_gives_way_is_not_yet_answered(monkeypatch: pytest.MonkeyPatch):
    loop, now, idle = asyncio.get_running_loop(), 100.0, list[bool]()
    reading = Reading(at_once, 16, Busy())
    with monkeypatch.context() as patched:
        patched.setattr(loop, "time", lambda: now)
        await reading.next()
        now += TURN_S * 2
        loop.call_soon(lambda: idle.append(reading.idle))
        await reading.next()

        assert idle == [False]
