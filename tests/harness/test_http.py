"""One HTTP request of the harness: whatever a server answers is read as HTTP has it, and nothing of it raises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from harness.probes.http import LONGEST_REPLY, Reply, fetch
from harness.probes.network import HOST

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SIZED = HEAD + b"Content-Length: 5\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"


@asynccontextmanager
async def answering(*pieces: bytes, closes: bool = False, asked: list[bytes] | None = None) -> AsyncIterator[int]:
    """A server that answers a request with these pieces, each in a turn of its own, and closes or does not."""

    handlers: list[asyncio.Task[None] | None] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        with suppress(ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            if asked is not None:
                asked.append(head + (await reader.readexactly(2) if head.startswith(b"POST") else b""))
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if not closes:
                await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(answer, HOST, 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*(handler for handler in handlers if handler))


@pytest.mark.parametrize(
    ("pieces", "reply"),
    [
        pytest.param([CHUNKED, b"3\r\nhel\r\n", b"2;x=1\r\nlo\r\n0\r\n\r\n"], Reply(200, None, b"hello"), id="chunked"),
        pytest.param([CHUNKED, b"7\r\n0\r\n\r\nok\r\n0\r\n\r\n"], Reply(200, None, b"0\r\n\r\nok"), id="like an end"),
        pytest.param([CHUNKED, b"2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"], Reply(200, None, b"ok"), id="a trailer"),
        pytest.param([SIZED, b"hel", b"lo"], Reply(200, None, b"hello"), id="with a length"),
        pytest.param([HEAD, b"Content-Length : 0\r\n\r\n"], Reply(None, "not HTTP"), id="a malformed header"),
        pytest.param([b"HTTP/1.1 204 No Content\r\n\r\n"], Reply(204), id="a status without a body"),
        pytest.param([HINTS, SIZED, b"hello"], Reply(200, None, b"hello"), id="early hints"),
        pytest.param(
            [b"HTTP/1.1 100 Continue\r\n\r\n" + SIZED + b"hello"], Reply(200, None, b"hello"), id="a continue"
        ),
        pytest.param([b"HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n"], Reply(503), id="no reason"),
        pytest.param([b"SSH-2.0-OpenSSH_9.9\r\n\r\n"], Reply(None, "not HTTP"), id="not HTTP"),
    ],
)
async def test_an_answer_is_read_to_its_end_though_the_server_keeps_the_connection(
    pieces: list[bytes], reply: Reply
) -> None:
    async with answering(*pieces) as port:
        assert await fetch(port, "/") == reply


@pytest.mark.parametrize(
    ("pieces", "reply"),
    [
        pytest.param([], Reply(None, "eof"), id="before anything"),
        pytest.param([HEAD], Reply(None, "eof"), id="in its head"),
        pytest.param([HINTS], Reply(None, "eof"), id="after early hints"),
        pytest.param([SIZED, b"hel"], Reply(200, "eof", b"hel"), id="in its body"),
        pytest.param([CHUNKED, b"3\r\nhel\r\n"], Reply(200, "eof", b"hel"), id="between two chunks"),
        pytest.param([HEAD, b"\r\nhello"], Reply(200, None, b"hello"), id="at its end, which has no other mark"),
        pytest.param([b"SSH-2.0-OpenSSH_9.9\r\n"], Reply(None, "not HTTP"), id="not HTTP"),
    ],
)
async def test_what_a_server_that_closes_has_left_out_is_named(pieces: list[bytes], reply: Reply) -> None:
    async with answering(*pieces, closes=True) as port:
        assert await fetch(port, "/") == reply


@pytest.mark.parametrize("head", [CHUNKED, HEAD + b"\r\n", HEAD + b"Content-Length: 99999999\r\n\r\n"])
async def test_a_body_without_an_end_is_cut_at_the_limit(head: bytes) -> None:
    piece = b"x" * 1024
    chunk = b"400\r\n" + piece + b"\r\n" if head == CHUNKED else piece
    async with answering(head, *[chunk] * 128) as port:
        assert await fetch(port, "/") == Reply(200, None, b"x" * LONGEST_REPLY)


async def test_a_head_without_an_end_is_not_http() -> None:
    async with answering(HEAD, *[b"X-More: " + b"x" * 1014 + b"\r\n"] * 128) as port:
        assert await fetch(port, "/") == Reply(None, "not HTTP")


async def test_a_server_that_says_nothing_more_times_out() -> None:
    async with answering(SIZED, b"hel") as port:
        assert await fetch(port, "/", timeout_s=0.05) == Reply(None, "timeout")


async def test_a_request_names_its_host_and_has_a_body_only_where_there_is_one() -> None:
    asked: list[bytes] = []
    async with answering(SIZED, b"hello", asked=asked) as port:
        await fetch(port, "/with a space?q=1%20")
        await fetch(port, "/post", body=b"{}")
    host = b"Host: 127.0.0.1:%d\r\nConnection: close\r\n" % port
    assert asked == [
        b"GET /with%20a%20space?q=1%20 HTTP/1.1\r\n" + host + b"\r\n",
        b"POST /post HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    ]
