"""One application with all that others have around it drains with one line: what it answers itself stands, what is
mounted in it is drained, and long responses are told, served, and ended."""

from __future__ import annotations

import asyncio
import json
import signal

import httpx2 as httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.harness.servers import until
from tests.scenarios.real_server import Running, started

LOOPS = ["uvloop", pytest.param("asyncio", marks=pytest.mark.turns)]
pytestmark = [pytest.mark.scenario, pytest.mark.parametrize("loop", LOOPS)]

SHOP = "-m uvicorn tests.targets.cured_shop:app --port {{port}} --loop {loop}"


@pytest.fixture
async def shop(loop: str, request: pytest.FixtureRequest):
    settings = {"EBB_DRAIN_TIMEOUT_S": "4", "EBB_CLOSE_TIMEOUT_S": "1", **getattr(request, "param", {})}
    async with started(SHOP.format(loop=loop), **settings) as running:
        yield running


@pytest.fixture
async def http(shop: Running):
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{shop.port}", timeout=20) as client:
        yield client


def report_of(shop: Running) -> dict[str, int]:
    return json.loads(next(line for line in shop.lines if line.startswith('{"event": "drain.report"')))


async def draining(shop: Running) -> None:
    shop.process.send_signal(signal.SIGTERM)
    await until(lambda: any("draining: " in line for line in shop.lines), "the drain begins")


async def test_what_the_application_answers_itself_stands_and_what_is_mounted_in_it_is_drained(
    shop: Running, http: httpx.AsyncClient
):
    mounted = await shop.first_client("/inside/ws")
    assert (await http.get("/health")).json() == {"health": "my own"}
    assert (await http.get("/ready")).json() == {"status": "ready"}
    assert [(await http.get("/count")).json() for _ in range(2)] == [1, 2]
    allowed = await http.get("/health", headers={"origin": "http://shop.example"})
    assert allowed.headers["access-control-allow-origin"] == "http://shop.example"
    await draining(shop)

    assert json.loads(await mounted.recv())["type"] == "draining"
    await mounted.send("still there?")
    assert await mounted.recv() == "still there?"
    assert (await http.get("/ready")).status_code == 503
    assert (await http.get("/health")).json() == {"health": "my own"}
    assert (await http.get("/count")).json() == 3
    with pytest.raises(InvalidStatus) as refused:
        await shop.connect("/inside/ws")
    assert refused.value.response.status_code == 503
    with pytest.raises(ConnectionClosed) as closed:
        await mounted.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012

    await shop.until_exit()
    assert shop.said("opened", "closed") == ["opened", "closed"]
    report = report_of(shop)
    assert (report["present"], report["closed"]) == (1, 1)


async def test_an_event_stream_is_told_and_ended_between_two_events_and_a_download_is_finished(
    shop: Running, http: httpx.AsyncClient
):
    await shop.first_client("/ws")
    events: list[str] = []

    async def read_events() -> None:
        async with http.stream("GET", "/events") as response:
            async for line in response.aiter_lines():
                events.append(line)

    reading = asyncio.create_task(read_events())
    downloading = asyncio.create_task(http.get("/download/30"))
    await until(lambda: len(events) > 4, "events come")
    await draining(shop)
    newcomer = await http.get("/events", headers={"accept": "text/event-stream"})
    downloaded = await downloading
    await reading
    await shop.until_exit()

    assert newcomer.status_code == 503
    assert len(downloaded.content) == 30_000
    place = events.index("event: draining")
    assert events[place - 1] == ""
    assert json.loads(events[place + 1].removeprefix("data: "))["type"] == "draining"
    assert events.count("event: draining") == 1
    assert len(events) > place + 10
    assert events[-1] == ""
    numbers = [int(line.removeprefix("data: ")) for line in events if line.startswith("data: ") and "{" not in line]
    assert numbers == list(range(len(numbers)))
    report = report_of(shop)
    assert (report["present"], report["left"], report["closed"], report["aborted"]) == (3, 1, 2, 0)
    assert not [line for line in shop.lines if "ERROR" in line or "Traceback" in line]


@pytest.mark.parametrize("shop", [{"EBB_DRAIN_TIMEOUT_S": "1"}], indirect=True)
async def test_a_download_that_is_not_done_at_the_deadline_is_cut_off_so_that_nobody_takes_it_for_the_whole(
    shop: Running, http: httpx.AsyncClient
):
    await (await shop.first_client("/ws")).close()
    downloading = asyncio.create_task(http.get("/download/100"))
    await until(lambda: any('"GET /download/100' in line for line in shop.lines), "the download begins")
    await draining(shop)

    with pytest.raises(httpx.TransportError):
        await downloading
    await shop.until_exit()
    report = report_of(shop)
    assert (report["present"], report["aborted"]) == (1, 1)
    assert not [line for line in shop.lines if "ERROR" in line or "Traceback" in line]


async def test_what_waits_for_a_slow_reader_is_not_cut_off_by_the_exit(shop: Running, loop: str):
    await (await shop.first_client("/ws")).close()
    size = 20_000_000
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.port, limit=1000)
    writer.write(b"GET /large/%d HTTP/1.1\r\nhost: shop\r\n\r\n" % size)
    await reader.readuntil(b"\r\n\r\n")
    shop.process.send_signal(signal.SIGTERM)
    await until(lambda: any("draining: 1 " in line for line in shop.lines), "it is a client of the drain")
    got = 0
    while part := await reader.read(100_000):
        got += len(part)
    writer.close()
    await shop.until_exit()

    assert got == size
    assert report_of(shop)["left"] == 1
