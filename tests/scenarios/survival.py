"""What every example of a client that survives a deploy goes through."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from clients.python import connect
from tests.scenarios.programs import Program
from tests.scenarios.rolling_hosts import EXIT_S, Hosts, publish_until, until_connected

EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "examples"
ENOUGH = 20
PAUSE_S = 0.002  # so that something is said while a client connects, which it hears on both connections


async def program_goes_through_deploys(hosts: Hosts, example: Program) -> None:
    """The same for a program that prints `SEQ DATA` for each message, and nothing else."""

    async def heard() -> list[int]:
        assert example.process.returncode is None, example.errors
        return [int(number) for number in re.findall(r"^\d+ (\d+)$", example.output, re.M)]

    await go_through_deploys(hosts, heard)
    assert example.errors == ""


async def go_through_deploys(hosts: Hosts, heard: Callable[[], Awaitable[list[int]]]) -> None:
    """Replace two hosts while nothing is said, replace them under load, and kill them: the one client hears everything.

    `heard`: the numbers that it has heard until now.
    """
    await until_connected(hosts, 1)
    for number in (0, 1):
        assert_that_all_left(await hosts.replace(number))
    await until_connected(hosts, 1)
    published: list[int] = []
    stopped = asyncio.Event()
    async with connect(*hosts.urls, name="ann", on_message=lambda _: None) as publisher:
        speaking = asyncio.create_task(publish_until(stopped, publisher, published, PAUSE_S))
        try:
            for number in (0, 1):
                assert_that_all_left(await hosts.replace(number))
                await until_heard(heard, len(published) + ENOUGH)
            for number in (0, 1):
                await hosts.crash(number)
                await until_heard(heard, len(published) + ENOUGH)
        finally:
            stopped.set()
            await speaking
        await until_heard(heard, len(published))
    numbers = await heard()
    lost = sorted(set(published) - set(numbers))
    doubled = [number for number, times in Counter(numbers).items() if times > 1]
    assert (lost, doubled) == ([], []), f"lost: {lost}, doubled: {doubled}"
    assert numbers == published, "reordered"


def assert_that_all_left(report: dict[str, Any]) -> None:
    """Nobody waited for the deadline of the drain."""
    assert (report["closed"], report["aborted"]) == (0, 0), report


async def until_heard(heard: Callable[[], Awaitable[list[int]]], messages: int) -> None:
    """Wait until it has heard as many messages."""
    try:
        async with asyncio.timeout(EXIT_S):
            while len(await heard()) < messages:
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"fewer than {messages} messages heard: {await heard()}") from None
