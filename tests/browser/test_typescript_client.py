"""The TypeScript client in Chromium: the stories that are told under Node, with real servers of the same kind."""

from __future__ import annotations

import re
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from harness.probes.network import HOST, free_port
from tests.browser.chromium import BROWSER, Pages
from tests.browser.files import served
from tests.scenarios.rolling_hosts import EXIT_S, Hosts, hosts_of_one_broker
from tests.scenarios.typescript import CLIENT, NPM, compiled

pytestmark = [*BROWSER, NPM]

STORIES = re.findall(r'^  "(.+)": async \(', (CLIENT / "test" / "stories.ts").read_text(), re.M)
PAGE = '<!doctype html><link rel="icon" href="data:,"><title>stories</title>'
NAMES = "async () => Object.keys((await import('/test/stories.js')).stories)"
TELL = "async ([name, urls]) => (await import('/test/stories.js')).tell(name, { urls, deploy, say })"
A_PLACE_IS_AWAY = "WebSocket connection to '.*' failed"


class Stage:
    """Three ports, of which one listens at a time, save during a drain; and a host to which no client connects."""

    def __init__(self, hosts: Hosts, http: httpx2.AsyncClient) -> None:
        self._hosts = hosts
        self._http = http
        self._ports = [free_port() for _ in range(3)]
        self.urls = [f"ws://{HOST}:{port}/ws" for port in self._ports]

    async def start(self) -> None:
        """Start a host on the next port."""
        self._hosts.running.append(await self._hosts.start(self._ports[len(self._hosts.running) - 1]))

    async def deploy(self, which: str) -> None:
        """Put the next host in the place of the present one, which is stopped by a signal."""
        former = self._hosts.running[-1]
        await self.start()
        former.signal(signal.Signals[which])
        assert await former.until_exit(EXIT_S), "it did not exit"

    async def say(self, data: Any, room: str | None = None) -> int:
        path = "/broadcast" if room is None else f"/rooms/{room}/messages"
        answer = await self._http.post(f"http://{HOST}:{self._hosts.running[0].port}{path}", json={"data": data})
        assert answer.status_code == 202, answer.text
        return answer.json()["seq"]


@pytest_asyncio.fixture(loop_scope="session")
async def stage() -> AsyncIterator[Stage]:
    settings = {"SERVER_RECONNECT_WINDOW_S": "0.5", "SERVER_DRAIN_TIMEOUT_S": "20", "SERVER_ALLOWED_ORIGINS": "*"}
    async with hosts_of_one_broker(1, **settings) as hosts, httpx2.AsyncClient() as http:
        three = Stage(hosts, http)
        await three.start()
        yield three


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A page with the client, from another port than those of the hosts."""
    (compiled() / "index.html").write_text(PAGE)
    with served(compiled()) as address:
        yield address


async def test_every_story_that_is_told_under_node_is_told_in_chromium(pages: Pages, address: str):
    page = await pages.open(address)
    assert await page.evaluate(NAMES) == STORIES


@pytest.mark.parametrize("name", STORIES)
async def test_what_holds_under_node_holds_in_chromium(pages: Pages, stage: Stage, address: str, name: str):
    page = await pages.open(address, allowed=A_PLACE_IS_AWAY)
    await page.expose_function("deploy", stage.deploy)
    await page.expose_function("say", stage.say)
    told = await page.evaluate(TELL, [name, stage.urls])
    assert told == "as told" or told.endswith(", 0 lost, 0 doubled, 0 reordered")
