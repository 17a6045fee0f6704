"""Where no lifespan reaches it, DrainMiddleware takes hold with the first connection."""

from __future__ import annotations

import json
import signal

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.scenarios.real_server import started

pytestmark = pytest.mark.scenario


OTHER_WAYS = [
    pytest.param(each, marks=pytest.mark.turns) for each in ("--lifespan off", "--ws wsproto", "--ws websockets")
]


@pytest.mark.parametrize("options", ["", *OTHER_WAYS])
async def test_a_mounted_application_drains_by_itself(options: str):
    async with started(f"-m uvicorn tests.targets.cured_mounted:app --port {{port}} {options}") as running:
        client = await running.first_client("/chat/ws")
        running.process.send_signal(signal.SIGTERM)
        assert json.loads(await client.recv())["type"] == "draining"
        await client.send("still there?")
        assert await client.recv() == "still there?"
        with pytest.raises(InvalidStatus) as refused:
            await running.connect("/chat/ws")
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        await running.until_exit()

    assert refused.value.response.status_code == 503
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    report = json.loads(next(line for line in running.lines if line.startswith('{"event": "drain.report"')))
    assert (report["present"], report["closed"]) == (1, 1)
