"""wscat talks to the server, by the name in its path."""

from __future__ import annotations

import asyncio

import pytest

from tests.scenarios.needs import NODE, needs
from tests.scenarios.real_server import started

WSCAT = NODE / "node_modules" / ".bin" / "wscat"

pytestmark = [pytest.mark.scenario, needs("node", f"nodejs npm; npm ci in {NODE}", WSCAT)]


async def test_wscat_is_told_what_it_said_and_the_others_who_said_it():
    async with started("-m server --port {port}", SERVER_NOTIFY_INTERVAL_S="0") as server:
        other = await server.first_client("/ws")
        wscat = await asyncio.create_subprocess_exec(
            *(
                str(WSCAT),
                "--connect",
                f"ws://127.0.0.1:{server.port}/ws/my_client",
                "--execute",
                "hello",
                "--wait",
                "1",
            ),
            stdin=asyncio.subprocess.PIPE,  # it leaves when that ends
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await asyncio.wait_for(asyncio.gather(wscat.stdout.read(), wscat.wait()), 20)
        async with asyncio.timeout(5):
            heard = await other.recv()
        await other.close()

    assert printed.decode().split("\n")[0] == "You said: hello"
    assert heard == "Client my_client: hello"
    assert wscat.returncode == 0
