"""Servers that are not uvicorn hear of their SIGTERM when the drain is over, and are themselves until then."""

from __future__ import annotations

import signal
from dataclasses import dataclass

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.harness.servers import until
from tests.scenarios.real_server import Running, started

APP = "tests.targets.echoes_until_enough:app"
HYPERCORN = f"-m hypercorn {APP} --bind 127.0.0.1:{{port}}"
GRANIAN = f"-m granian --interface asgi --host 127.0.0.1 --port {{port}} {APP}"
GUNICORN = f"-m gunicorn {APP} -k asgi --bind 127.0.0.1:{{port}} --no-control-socket"
DAPHNE = f"-m daphne -b 127.0.0.1 -p {{port}} {APP}"


@dataclass(frozen=True)
class Server:
    """How it is started, and what differs between them."""

    command: str
    refusal: int = 503
    code: int = 1012
    lifespan: bool = True


HELD = [
    pytest.param(Server(f"{HYPERCORN} -w 0"), id="hypercorn", marks=pytest.mark.scenario),
    pytest.param(Server(f"{HYPERCORN} -w 0 -k uvloop"), id="hypercorn-uvloop", marks=pytest.mark.scenario),
    pytest.param(Server(f"{GRANIAN} --loop asyncio"), id="granian", marks=pytest.mark.scenario),
    pytest.param(Server(f"{GRANIAN} --loop uvloop"), id="granian-uvloop", marks=pytest.mark.scenario),
    pytest.param(Server(f"{GUNICORN} --asgi-loop asyncio", refusal=403), id="gunicorn", marks=pytest.mark.scenario),
    pytest.param(
        Server(f"{GUNICORN} --asgi-loop uvloop", refusal=403), id="gunicorn-uvloop", marks=pytest.mark.scenario
    ),
    pytest.param(Server(DAPHNE, refusal=403, code=1000, lifespan=False), id="daphne", marks=pytest.mark.board),
]


@pytest.fixture
async def running(server: Server):
    async with started(server.command) as running:
        yield running


@pytest.mark.parametrize("server", HELD)
async def test_its_clients_are_served_on_after_sigterm_and_closed_when_the_drain_ends(server: Server, running: Running):
    client = await running.first_client()
    running.process.send_signal(signal.SIGTERM)
    await until(lambda: running.said("drain"), "the drain begins")
    running.process.send_signal(signal.SIGTERM)

    await client.send("still there?")
    assert await client.recv() == "still there?"
    with pytest.raises(InvalidStatus) as refused:
        await running.connect()
    assert refused.value.response.status_code == server.refusal
    await client.send("enough")
    assert await client.recv() == "enough"
    with pytest.raises(ConnectionClosed) as closed:
        await client.recv()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == server.code
    assert await running.until_exit() == 0, running.lines
    told = ["drain", "report", "lifespan shutdown"] if server.lifespan else ["drain", "report"]
    assert running.said("drain", "report", "lifespan shutdown") == told
    assert [line for line in running.lines if "Traceback" in line] == []
