"""Raw HTTP, by section of RFC 9112: what is ambiguous is refused and ends the connection, so that nobody behind a proxy
can smuggle a request past it; what is legal is answered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocol.test_bounds import Reader, client_of
from tests.protocol.test_websocket import turns

pytestmark = pytest.mark.looptime

HOST = b"Host: a\r\n"
POST = b"POST / HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


class Noting(Reader):
    """Notes which paths were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.paths.append(scope["path"])
        await super().__call__(scope, receive, send)


REFUSED = {
    "2.2 a bare CR in a line": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    "2.2 white space before the first header": b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "2.3 a version that is none": b"GET / HTTQ/1.1\r\nHost: a\r\n\r\n",
    "2.3 a version that is not ours": b"GET / HTTP/3.0\r\nHost: a\r\n\r\n",
    "3 no version": b"GET /\r\n\r\n",
    "3.1 a method that is none": b"G=T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "3.2 a control character in the target": b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
    "3.2 no host": b"GET / HTTP/1.1\r\nX: a\r\n\r\n",
    "3.2 two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "5 a name with a space": b"GET / HTTP/1.1\r\nHost: a\r\nX y: a\r\n\r\n",
    "5 no name": b"GET / HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n",
    "5 a NUL in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    "5.1 white space before the colon": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "5.2 a folded line": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "6.1 both lengths": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "6.1 a coding after chunked": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "6.1 a coding that is none": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "6.1 chunked in an odd case, and more": POST
    + b"Transfer-Encoding: Chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "6.3 two lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "6.3 a list of lengths": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "6.3 a length with a sign": POST + b"Content-Length: +3\r\n\r\nabc",
    "6.3 a length below nothing": POST + b"Content-Length: -3\r\n\r\nabc",
    "6.3 a length in hexadecimal": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "6.3 a length beyond all": POST + b"Content-Length: 99999999999999999999999\r\n\r\nabc",
    "7.1 a chunk size that is none": CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n",
    "7.1 a chunk size with a sign": CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n",
    "7.1 a chunk size beyond all": CHUNKED + b"fffffffffffffffff\r\nabc",
    "7.1 a chunk that is longer than it says": CHUNKED + b"2\r\nabc\r\n0\r\n\r\n",
    "7.1 a line end that is none": CHUNKED + b"3\nabc\n0\n\n",
}
ANSWERED = {
    "2.2 an empty line before it": b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "2.3 an older version without a host": b"GET / HTTP/1.0\r\n\r\n",
    "3 two spaces, which are as one": b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "3.2.2 the absolute form": b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "5.1 white space around a value": b"GET / HTTP/1.1\r\nHost: \t a \t\r\n\r\n",
    "7.1 chunks, with an extension and a trailer": CHUNKED + b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX: a\r\n\r\n",
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_is_ambiguous_is_refused_and_ends_the_connection(what: str):
    app = Noting()
    client, _ = client_of(app)
    client.send(REFUSED[what])
    await turns()
    if not client.wire.closed:
        client.send(SMUGGLED)
        await turns()

    assert "/smuggled" not in app.paths
    assert b" 200 OK" not in client.wire.written
    assert client.wire.written.startswith(b"HTTP/1.1 400 ")
    assert client.wire.closed


@pytest.mark.parametrize("what", ANSWERED)
async def test_what_is_legal_is_answered(what: str):
    client, _ = client_of(Noting())
    client.send(ANSWERED[what])
    await turns()

    assert client.wire.written.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("size", [1, 7])
async def test_it_makes_no_difference_how_it_is_cut(what: str, size: int):
    app = Noting()
    client, _ = client_of(app)
    data = REFUSED[what]
    for at in range(0, len(data), size):
        if not client.wire.closed:
            client.send(data[at : at + size])
    await turns()

    assert client.wire.closed
    assert b" 200 OK" not in client.wire.written
    assert "/smuggled" not in app.paths
