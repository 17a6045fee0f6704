"""HTTP connections that are held idle: each has had one answer, and stands until the harness lets go."""

from __future__ import annotations

import asyncio

from harness.probes.keep_alive import hold_idle
from harness.probes.network import HOST
from tests.harness.servers import empty_history, only, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_idle_connections_have_had_one_answer_each_and_end_when_they_are_let_go() -> None:
    history, standing, requests = empty_history(), set[int](), list[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        standing.add(id(writer))
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        for part in (OK[:9], OK[9:]):
            writer.write(part)
            await writer.drain()
        assert await reader.read() == b""
        standing.discard(id(writer))
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        holding = asyncio.ensure_future(hold_idle(port, "/health", 3, history))
        await until(lambda: history.events, "three answers")
        assert len(standing) == 3
        holding.cancel()
        await until(lambda: not standing, "the end of all connections")
    assert only(history, "idle").detail == {"answered": 3, "of": 3}
    assert all(b"GET /health HTTP/1.1" in each and b"onnection: close" not in each for each in requests)


async def test_a_connection_that_the_target_closes_is_closed_at_once_on_our_side_too() -> None:
    history, ended = empty_history(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        writer.write_eof()
        assert await reader.read() == b""
        ended.set()
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        holding = asyncio.ensure_future(hold_idle(server.sockets[0].getsockname()[1], "/health", 1, history))
        await until(ended.is_set, "the end of the connection on the client's side")
        assert not holding.done()
        holding.cancel()


async def test_what_answers_no_http_is_not_held() -> None:
    history = empty_history()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"who is there?\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        holding = asyncio.ensure_future(hold_idle(server.sockets[0].getsockname()[1], "/health", 2, history))
        await until(lambda: history.events, "a record")
        holding.cancel()
    assert only(history, "idle").detail == {"answered": 0, "of": 2}
