"""A session on two hosts with one broker, and a tutor: an answer reaches its session on whichever host that is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect

from harness.probes.http import fetch
from harness.targets.known import LAUNCHER
from harness.targets.target import Target
from server.brokers.embedded import EmbeddedValkey
from tests.harness.servers import empty_history

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(60)]


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as valkey:
        yield valkey


def host(valkey: EmbeddedValkey, **settings: str) -> Target:
    """A server process that shares the broker with the others."""
    quiet = {"SERVER_BROKER_URL": valkey.url, "SERVER_NOTIFY_INTERVAL_S": "0"}
    return Target(LAUNCHER, empty_history(), quiet | settings)


@contextlib.asynccontextmanager
async def tutor(valkey: EmbeddedValkey, log: Path, delay_s: float = 0.0) -> AsyncIterator[None]:
    """A tutor in a process of its own; Ctrl+C ends it with 0 and without a traceback."""
    command = [sys.executable, "-m", "server.examples.tutor", "--broker", valkey.url, "--delay", str(delay_s)]
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output)
    try:
        yield
        while "answers" not in log.read_text():
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
        assert "Traceback" not in log.read_text()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def student(target: Target, session_id: str = "ann") -> connect:
    return connect(f"ws://127.0.0.1:{target.port}/ws/session/{session_id}")


async def say(client: ClientConnection, kind: str, **fields: Any) -> None:
    await client.send(json.dumps({"type": kind, **fields}))


async def ask(client: ClientConnection, text: str) -> None:
    await say(client, "STUDENT_INTERRUPTION", payload={"questionText": text})
    assert (await hear(client))["type"] == "INTERRUPTION_ACKNOWLEDGED"


async def hear(client: ClientConnection) -> dict[str, Any]:
    return dict(json.loads(await client.recv()))


async def carried_out(client: ClientConnection) -> None:
    """Return when every message sent so far was carried out: the next one is answered after them."""
    await client.send("nonsense")
    assert (await hear(client))["code"] == "malformed"


async def readiness(target: Target, status: int) -> None:
    while (await fetch(target.port, "/ready")).status != status:
        await asyncio.sleep(0.02)


async def kept(valkey: EmbeddedValkey, response: str) -> None:
    """Return when a process has stored this answer."""
    async with Redis.from_url(valkey.url) as store:
        while response not in [each["response"] for each in json.loads(await store.get("ebb:session:ann"))["answers"]]:
            await asyncio.sleep(0.02)


async def test_the_answer_reaches_a_session_that_has_moved_to_another_host(valkey, tmp_path):
    async with host(valkey) as first, host(valkey) as second:
        async with student(first) as before:
            await ask(before, "why is the sky blue?")
            await say(before, "READING_PROGRESS", payload={"page": 3})
            await carried_out(before)
        async with student(second) as after:
            assert (await hear(after))["payload"] == {"progress": {"page": 3}, "class_id": None, "answers": []}
            async with tutor(valkey, tmp_path / "tutor"):
                answer = await hear(after)

    assert answer == {
        "type": "INTERRUPTION_RESPONSE",
        "payload": {"response": "You asked: why is the sky blue? (5 words)"},
    }


async def test_a_session_whose_host_is_stopped_is_restored_on_another_one_with_the_answer_it_missed(valkey, tmp_path):
    async with host(valkey) as second:
        async with host(valkey, SERVER_DRAIN_TIMEOUT_S="5") as first, student(first) as before:
            await say(before, "READING_PROGRESS", payload={"page": 3})
            await say(before, "JOIN_CLASS", class_id="7b")
            for n in range(4):  # one may be pending: the process asks the others when it stops
                await ask(before, f"question {n}")
            first.signal(signal.SIGTERM)
            assert (await hear(before))["type"] == "draining"
            await before.close()
            assert await first.until_exit(within_s=10.0)
        async with tutor(valkey, tmp_path / "tutor"):
            await kept(valkey, "You asked: question 3 (2 words)")
            async with student(second) as after:
                restored = await hear(after)
                await fetch(second.port, "/rooms/class:7b/messages", body=b'{"data":{"type":"HOMEWORK"}}')
                heard = await hear(after)

    assert restored["type"] == "SESSION_RESTORED"
    assert (restored["payload"]["progress"], restored["payload"]["class_id"]) == ({"page": 3}, "7b")
    responses = [answer["response"] for answer in restored["payload"]["answers"]]
    assert responses == [f"You asked: question {n} (2 words)" for n in range(4)]
    assert heard == {"type": "HOMEWORK"}


async def test_a_session_outlives_the_death_of_the_broker_and_of_its_own_process(valkey, tmp_path):
    async with host(valkey) as first, host(valkey) as second, tutor(valkey, tmp_path / "tutor"):
        async with student(first) as before:
            await say(before, "READING_PROGRESS", payload={"page": 3})
            await carried_out(before)
            os.kill(valkey.pid, signal.SIGKILL)
            await readiness(first, 503)
            await say(before, "STUDENT_INTERRUPTION", payload={"questionText": "anybody there?"})
            refusal = await hear(before)
            while valkey.alive:
                await asyncio.sleep(0.01)
            valkey.restart()
            await readiness(first, 200)
            await ask(before, "and now?")
            answer = await hear(before)
            await first.kill()
        async with student(second) as after:
            restored = await hear(after)

    assert (refusal["type"], refusal["code"]) == ("ERROR", "broker_unavailable")
    assert answer["payload"]["response"] == "You asked: and now? (2 words)"
    assert restored["payload"]["progress"] == {"page": 3}
    assert [each["response"] for each in restored["payload"]["answers"]] == ["You asked: and now? (2 words)"]
