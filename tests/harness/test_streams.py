"""What a client of a long response records, seen from a server; and which streams a run has."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from harness.clients.crowd import CrowdIncomplete
from harness.clients.dialects import read_notice
from harness.clients.stream_client import LateStream, ObedientStream, StreamClient
from harness.clients.streams import OBEDIENT, STAYING, Streams
from harness.history.record import History
from harness.history.stream import apart
from harness.probes.network import HOST
from harness.probes.polling import Probes
from harness.targets.declaration import Profile
from harness.targets.talk import Talk
from tests.harness.servers import empty_history, kinds, only, until

SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
SIZED = b"HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nContent-Length: 4\r\n\r\n"
TICK = b"9\r\ndata: 1\n\n\r\n"
LAST = b"0\r\n\r\n"
REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\n\r\n"
TOLD = json.dumps({"type": "draining", "deadline_s": 4.5, "reconnect_after_s": 0.01}).encode()
NOTICE = b"%x\r\nevent: draining\ndata: %s\n\n\r\n" % (24 + len(TOLD), TOLD)

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def history() -> History:
    return empty_history()


@asynccontextmanager
async def answering(answer: Answer, asked: list[bytes] | None = None) -> AsyncIterator[int]:
    """A server that answers each request so, and then waits until the client has gone or it has closed."""
    handlers: list[asyncio.Task[None] | None] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        with suppress(ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            if asked is not None:
                asked.append(head)
            await answer(writer)
            while not writer.is_closing() and await reader.read(1):
                pass
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(handle, HOST, 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*(handler for handler in handlers if handler))


def says(*pieces: bytes, closes: bool = False, resets: bool = False) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        if resets:
            writer.transport.abort()
        elif closes:
            writer.close()

    return answer


def one(history: History, persona: type[StreamClient] = StreamClient) -> StreamClient:
    return persona("stream-1", history, "/events", {"Cookie": "session=1"}, read_notice)


@pytest.mark.parametrize(
    ("pieces", "how", "end"),
    [
        pytest.param([SSE, TICK, LAST], {}, ("eof", True, True), id="the end of the body"),
        pytest.param([SSE, TICK], {"closes": True}, ("eof", False, True), id="a body without an end"),
        pytest.param([SSE, TICK, b"7\r\ndata: 2\r\n", LAST], {}, ("eof", True, False), id="in the middle of an event"),
        pytest.param([SSE, TICK, b"9\r\ndata"], {"closes": True}, ("eof", False, False), id="in the middle of a chunk"),
        pytest.param([SSE, TICK, b"no chunk\r\n"], {}, ("eof", False, True), id="what is no HTTP"),
        pytest.param([SIZED, b"1234"], {}, ("eof", True, True), id="the last byte of a download"),
        pytest.param([SIZED, b"123"], {"closes": True}, ("eof", False, True), id="a download that is cut"),
        pytest.param([b"HTTP/1.0 200 OK\r\n\r\n", b"12"], {"closes": True}, ("eof", True, True), id="without a length"),
    ],
)
async def test_how_a_response_ended_is_recorded(
    history: History, pieces: list[bytes], how: dict[str, Any], end: tuple[str, bool, bool]
) -> None:
    async with answering(says(*pieces, **how)) as port:
        stream = one(history)
        assert await stream.ask(port)
        await until(lambda: stream.ended, "the response has not ended")
    ended = only(history, "ended").detail
    assert (ended["how"], ended["complete"], ended["between"]) == end


async def test_a_reset_is_recorded_as_one(history: History) -> None:
    async def reset(writer: asyncio.StreamWriter) -> None:
        writer.write(SSE + TICK)
        await until(lambda: kinds(history, "stream-1")[-1] == "event", "the event has not come")
        writer.get_extra_info("socket").setsockopt(1, 13, b"\x01\0\0\0\0\0\0\0")  # SO_LINGER of 0 s: a reset
        writer.transport.abort()

    async with answering(reset) as port:
        stream = one(history)
        assert await stream.ask(port)
        await until(lambda: stream.ended, "the response has not ended")
    assert only(history, "ended").detail["how"] == "reset"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param(says(REFUSAL), ("refused", 503, "5", None), id="refused"),
        pytest.param(says(HINTS, REFUSAL), ("refused", 503, "5", None), id="refused after a hint"),
        pytest.param(says(closes=True), ("failed", None, None, "eof"), id="no answer"),
        pytest.param(says(b"SSH-2.0\r\n\r\n"), ("failed", None, None, "eof"), id="no HTTP"),
        pytest.param(says(), ("failed", None, None, "timeout"), id="a hang"),
    ],
)
async def test_what_is_no_such_response_is_recorded(
    history: History, answer: Answer, outcome: tuple[str, int | None, str | None, str | None]
) -> None:
    async with answering(answer) as port:
        assert not await one(history).ask(port, timeout_s=0.3)
    (stream,), _ = apart(history.events)
    assert stream.outcome is not None
    assert stream.outcome[1:] == outcome
    assert kinds(history, "stream-1") == ["requesting", outcome[0]]


async def test_a_port_at_which_nobody_listens_is_recorded_as_a_refusal_by_tcp(history: History) -> None:
    async with answering(says()) as port:
        pass
    stream = one(history)
    assert not await stream.ask(port)
    assert (only(history, "failed").detail["error"], stream.answer) == ("refused", "refused")


async def test_events_and_the_notice_are_recorded_as_they_come(history: History) -> None:
    asked: list[bytes] = []
    async with answering(says(SSE, TICK, NOTICE, TICK, LAST), asked) as port:
        stream = one(history)
        assert await stream.ask(port)
        assert stream.tells_events
        await until(lambda: stream.ended, "the response has not ended")
    assert kinds(history, "stream-1") == ["requesting", "opened", "event", "notice", "event", "ended"]
    notice = {"deadline_s": 4.5, "reconnect_after_s": 0.01, "torn": False}
    assert only(history, "notice").detail == notice
    head = asked[0].decode().lower()
    assert head.startswith("get /events http/1.1\r\n")
    assert "accept: text/event-stream, */*\r\n" in head
    assert "cookie: session=1\r\n" in head


async def test_an_obedient_client_leaves_at_the_moment_that_its_notice_advises(history: History) -> None:
    async with answering(says(SSE, TICK, NOTICE)) as port:
        stream = one(history, ObedientStream)
        assert await stream.ask(port)
        await until(lambda: stream.ended, "it has not left")
    assert only(history, "ended").detail["how"] == "local"
    assert only(history, "ended").t >= only(history, "notice").t + 0.01


async def test_a_late_client_asks_as_a_browser_does_and_leaves_at_once(history: History) -> None:
    asked: list[bytes] = []
    async with answering(says(SSE, TICK), asked) as port:
        assert await one(history, LateStream).ask(port)
    assert kinds(history, "stream-1") == ["requesting", "opened", "ended"]
    assert b"\r\nAccept: text/event-stream\r\n" in asked[0]


def streams(history: History, port: int, path: str | None = "/{client}/{number}", **more: Any) -> Streams:
    return Streams(Profile(command="{port}", stream=path, **more), history, port)


async def test_without_a_declared_stream_there_is_none(history: History) -> None:
    assert streams(history, 1, None).clients == []


async def test_a_run_has_ten_of_which_some_obey(history: History) -> None:
    asked: list[bytes] = []
    probes = Probes(1, history)
    async with answering(says(SSE, TICK), asked) as port:
        told = streams(history, port, talk=Talk(headers={"X-Me": "{client}"}))
        await told.open(probes)
        assert told.connected == STAYING + OBEDIENT == 10
        told.leave()
        assert told.connected == 0
        await probes.stop(0.0)
    assert {type(client) for client in told.clients} == {StreamClient, ObedientStream}
    assert {head.split()[1] for head in asked} == {
        *(b"/stream-%d/%d" % (n, n) for n in range(STAYING)),
        *(b"/obedient-stream-%d/%d" % (n, n) for n in range(STAYING, 10)),
    }
    assert all(b"X-Me: " + head.split(b"/")[1] in head for head in asked)


async def test_a_stream_that_does_not_begin_ends_the_run_with_what_was_answered(history: History) -> None:
    async with answering(says(REFUSAL)) as port:
        with pytest.raises(CrowdIncomplete, match="10 of 10 streams did not begin: 503 on /x\n  another path"):
            await streams(history, port, "/x").open(Probes(port, history))


async def test_a_download_that_ends_before_the_signal_is_begun_anew(history: History) -> None:
    probes = Probes(1, history)
    async with answering(says(SIZED, b"1234")) as port:
        told = streams(history, port)
        await told.open(probes)
        await until(lambda: kinds(history, "stream-0").count("opened") > 1, "it was not asked for again")
        told.signal()
        told.come_late(probes)
        await probes.stop()
        told.tear_down()
    assert not any(event.who.startswith("late") for event in history.events)
    views, others = apart(history.events)
    assert others == []
    assert len([view for view in views if view.name == "stream-0"]) == kinds(history, "stream-0").count("requesting")


async def test_event_streams_are_asked_for_after_the_signal_as_well(history: History) -> None:
    probes = Probes(1, history)
    async with answering(says(SSE, TICK)) as port:
        told = streams(history, port)
        await told.open(probes)
        told.signal()
        told.come_late(probes)
        await until(lambda: kinds(history, "late-stream-1"), "nobody came late")
        await probes.stop()
        told.tear_down()
    assert kinds(history, "late-stream-0")[:2] == ["requesting", "opened"]


def test_a_kind_that_no_stream_records_is_a_mistake_of_the_recorder(history: History) -> None:
    history.record(1.0, "stream-1", "requesting", path="/x", persona="stream", accept="*/*")
    history.record(2.0, "stream-1", "heard")
    with pytest.raises(ValueError, match=r"stream-1 recorded 'heard' at 2\.000 s, which no stream does"):
        apart(history.events)
