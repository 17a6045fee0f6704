"""Our clients in the harness's own `rolling_deploy`, beside the harness's own: 0 lost, 0 doubled, 0 reordered."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pytest

from clients.python import connect
from harness.clauses import judge
from harness.clauses.verdict import Verdict
from harness.scenarios import rolling_deploy
from harness.scenarios.fleet_stage import FleetStage
from harness.targets.declaration import Ask
from harness.targets.known import LAUNCHER
from tests.harness.servers import until
from tests.scenarios.programs import running
from tests.scenarios.typescript import NPM, compiled

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]

CLIENTS = 6

Heard = Callable[[], list[tuple[int, Any]]]
Crowd = Callable[[list[str]], AbstractAsyncContextManager[Heard]]


@asynccontextmanager
async def python(urls: list[str]) -> AsyncIterator[Heard]:
    """Connect clients in Python; yield what says which client has heard what until now."""
    heard: list[tuple[int, Any]] = []
    async with AsyncExitStack() as stack:
        for number in range(CLIENTS):
            keep = partial(lambda number, message: heard.append((number, message.data)), number)
            await stack.enter_async_context(connect(*urls, on_message=keep))
        yield lambda: heard


@asynccontextmanager
async def typescript(urls: list[str]) -> AsyncIterator[Heard]:
    """The same in TypeScript, in a process with Node."""
    crowd = compiled() / "test" / "crowd.js"
    async with running("node", crowd, CLIENTS, *[f"{url}/ws" for url in urls]) as node:
        await until(lambda: "connected\n" in node.output or node.process.returncode, "connected")
        yield lambda: [json.loads(line) for line in node.output.splitlines()[1:]]
        node.process.stdin.close()
        assert await node.ended() == 0, node.errors


@pytest.mark.parametrize("crowd", [python, pytest.param(typescript, marks=NPM)])
async def test_in_the_harness_own_rolling_deploy_of_three_hosts_a_client_hears_what_the_harness_says(crowd: Crowd):
    ask = rolling_deploy.SCENARIO.asked(Ask(clients=rolling_deploy.SCENARIO.enough))
    stage = rolling_deploy.SCENARIO.stage(LAUNCHER, ask)
    assert isinstance(stage, FleetStage)
    async with stage, crowd([f"ws://127.0.0.1:{port}" for port in stage.fleet.ports]) as heard:
        await stage.open_crowd()
        await stage.speak(rolling_deploy.PER_S, rolling_deploy.ALONE_S)
        for host in range(3):
            await stage.replace(host)
        await stage.settle()
        said = {speaker.name: list(range(1, speaker.said + 1)) for speaker in stage.crowd.speakers}
        await until(lambda: len(heard()) >= CLIENTS * sum(map(len, said.values())), "all messages")
        by_client: list[dict[str, list[int]]] = [{} for _ in range(CLIENTS)]
        for client, data in heard():
            by_client[client].setdefault(data["s"], []).append(data["n"])
    assert by_client == [said] * CLIENTS
    assert {ruling.verdict for ruling in judge(stage.history, (33, 35))} == {Verdict.PASS}
