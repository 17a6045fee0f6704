"""A rolling deploy of three hosts behind a real nginx and a real HAProxy, with the files of `deploy/`: no handshake is
answered with 502 or 503, and no client loses anything; without Ebb's readiness newcomers are refused, and still nobody
loses anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from websockets.asyncio.client import connect as shake_hands
from websockets.exceptions import InvalidStatus

from clients.python import Message, Status, connect
from docs import grants
from harness.probes.http import is_up
from harness.probes.network import HOST, free_port
from harness.targets.fleet import Fleet
from harness.targets.known import LAUNCHER
from server.brokers.embedded import EmbeddedValkey
from tests.harness.servers import empty_history, until
from tests.scenarios.needs import needs
from tests.test_deploy import HAPROXY, NGINX

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]

FILES = grants.files()
CLIENTS = 24
EVERY_S = 0.02
SETTINGS = {"SERVER_NOTIFY_INTERVAL_S": "0", "SERVER_RECONNECT_WINDOW_S": "1"}
COMMANDS = {
    NGINX: ("/usr/sbin/nginx", "-e", "stderr", "-g", "daemon off; pid nginx.pid; error_log stderr crit;", "-c"),
    HAPROXY: ("/usr/sbin/haproxy", "-db", "-f"),
}
# What makes each proxy look away from readiness, and from the 503 of a host that drains.
BLIND = {
    NGINX: {r"proxy_next_upstream error .*;": "proxy_next_upstream off;"},
    HAPROXY: {r"(option httpchk|http-check|retry-on) .*\n": "\n", r"default-server check .*": "default-server check"},
}


def of(file: str, ports: list[int], own: int, changes: dict[str, str]) -> str:
    """The configuration of `deploy/` for these hosts, with some changes."""
    text = re.sub(r"ebb-(\d):8000", lambda at: f"{HOST}:{ports[int(at[1]) - 1]}", FILES[file])
    text = text.replace("maxconn 50000", "maxconn 2000")  # a test may have fewer descriptors
    text = text.replace("listen 80;", f"listen {HOST}:{own};").replace("bind :8080", f"bind {HOST}:{own}")
    for pattern, new in changes.items():
        text, times = re.subn(pattern, new, text)
        assert times, pattern
    return text


@asynccontextmanager
async def proxy(file: str, ports: list[int], folder: Path, changes: dict[str, str]) -> AsyncIterator[int]:
    """The proxy before these hosts; the port on which it listens."""
    own = free_port()
    (folder / "conf").write_text(of(file, ports, own, changes))
    process = await asyncio.create_subprocess_exec(*COMMANDS[file], str(folder / "conf"), cwd=folder)
    try:
        async with asyncio.timeout(20):
            while not (await is_up(own, "/ready"))[0]:
                assert process.returncode is None, f"{file}: exit status {process.returncode}"
                await asyncio.sleep(EVERY_S)
        yield own
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def newcomers(port: int, answers: Counter[int | str]) -> None:
    """Connect and leave again and again, and count what is answered."""
    while True:
        try:
            async with shake_hands(f"ws://{HOST}:{port}/ws", open_timeout=5):
                answers[101] += 1
        except InvalidStatus as refused:
            answers[refused.response.status_code] += 1
        except Exception as error:
            answers[type(error).__name__] += 1
        await asyncio.sleep(EVERY_S)


def keep(heard: list[int], message: Message) -> None:
    """Remember what a client hears."""
    heard.append(message.data)


class Deploy:
    """What clients saw of a rolling deploy behind a proxy."""

    def __init__(self) -> None:
        self.answers: Counter[int | str] = Counter()
        self.happened: Counter[str] = Counter()
        self.published: list[int] = []
        self.heard: list[list[int]] = [[] for _ in range(CLIENTS)]

    def note(self, status: Status) -> None:
        self.happened[status.what] += 1

    async def roll(self, file: str, folder: Path, changes: dict[str, str], drain_timeout_s: int) -> None:
        """Replace three hosts one after another, while somebody publishes and newcomers arrive."""
        async with AsyncExitStack() as stack:
            valkey = stack.enter_context(EmbeddedValkey())
            own = {"SERVER_BROKER_URL": valkey.url, "SERVER_DRAIN_TIMEOUT_S": f"{drain_timeout_s}"}
            fleet = await stack.enter_async_context(Fleet(LAUNCHER, empty_history(), 3, SETTINGS | own))
            port = await stack.enter_async_context(proxy(file, fleet.ports, folder, changes))
            for heard in self.heard:
                await stack.enter_async_context(
                    connect(f"ws://{HOST}:{port}", on_message=partial(keep, heard), on_status=self.note)
                )
            publisher = await stack.enter_async_context(connect(f"ws://{HOST}:{port}", on_message=lambda _: None))
            async with asyncio.TaskGroup() as group:
                arriving = group.create_task(newcomers(port, self.answers))
                for host in range(3):
                    rolling = group.create_task(fleet.replace(host))
                    while not rolling.done():
                        await publisher.publish(len(self.published))
                        self.published.append(len(self.published))
                        await asyncio.sleep(EVERY_S)
                arriving.cancel()
            for heard in self.heard:
                await until(lambda heard=heard: len(heard) >= len(self.published), "all messages")
            assert fleet.statuses == [0, 0, 0]

    def lost_nothing(self) -> bool:
        """Whether everybody heard everything, once and in order."""
        return len(self.published) > 20 and all(heard == self.published for heard in self.heard)


PROXIES = [
    pytest.param(NGINX, marks=needs("nginx", "nginx-light")),
    pytest.param(HAPROXY, marks=[needs("haproxy", "haproxy"), pytest.mark.turns]),
]


@pytest.mark.parametrize("file", PROXIES)
async def test_in_a_rolling_deploy_every_handshake_is_let_in_and_nothing_is_lost(file: str, tmp_path: Path):
    deploy = Deploy()
    await deploy.roll(file, tmp_path, {}, drain_timeout_s=20)

    assert deploy.lost_nothing()
    assert set(deploy.answers) == {101}, deploy.answers
    assert deploy.happened["cut"] == 0


@pytest.mark.parametrize("file", PROXIES)
async def test_a_proxy_that_does_not_look_at_readiness_lets_newcomers_be_refused_and_nothing_is_lost(
    file: str, tmp_path: Path
):
    deploy = Deploy()
    await deploy.roll(file, tmp_path, BLIND[file], drain_timeout_s=3)

    assert deploy.lost_nothing()
    assert deploy.answers[503] > 0
