"""The opening handshake: what is answered at once, what is left to HTTP, and what is refused."""

from __future__ import annotations

import pytest

from server.protocol.handshake import MAX_BYTES, BadHandshake, Upgrade, answer_to, lines, read, response

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
PLAIN = {
    "Host": "shop.example",
    "Upgrade": "WebSocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


def request(line: str = "GET /ws HTTP/1.1", *more: str, **changed: str | None) -> bytes:
    """A plain handshake; `changed` headers are named with underscores, None: left out."""
    named = {name.replace("_", "-"): value for name, value in changed.items()}
    headers = [f"{name}: {value}" for name, value in (PLAIN | named).items() if value is not None]
    return "\r\n".join([line, *headers, *more, "", ""]).encode("latin-1")


def test_a_plain_handshake_is_read_as_it_came():
    data = request(
        "GET /a%20b?x=1 HTTP/1.1", "Sec-WebSocket-Protocol: one, two", "sec-websocket-protocol:three", "X:\t é "
    )

    upgrade = read(data)
    assert isinstance(upgrade, Upgrade)
    assert (upgrade.target, upgrade.query, upgrade.key) == (b"/a%20b", b"x=1", KEY.encode())
    assert upgrade.subprotocols == ["one", "two", "three"]
    assert upgrade.headers[0] == (b"host", b"shop.example")
    assert upgrade.headers[-1] == (b"x", "é".encode("latin-1"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        request()[:-1],
        request() + b"\x81\x80",
        request("GET /ws HTTP/1.0"),
        request("GET http://shop.example/ws HTTP/1.1"),
        request("GET /w s HTTP/1.1"),
        request("GET /ws HTTP/1.1", " folded"),
        request("GET /ws HTTP/1.1", "No Token: a"),
        request("GET /ws HTTP/1.1", "X: a\0b"),
        request("GET /ws HTTP/1.1", "Content-Length: 0"),
        request("GET /ws HTTP/1.1", "Transfer-Encoding: chunked"),
        request("GET /ws HTTP/1.1", "Expect: 100-continue"),
        request(Upgrade=None),
        request(Upgrade="h2c"),
        request(Upgrade="websocket, h2c"),
    ],
)
def test_what_is_not_plain_is_left_to_http(data: bytes):
    assert read(data) is None


@pytest.mark.parametrize(
    ("data", "status", "detail"),
    [
        (b"GET /" + b"a" * 8188, 431, f"handshake of 8193 bytes, limit {MAX_BYTES}"),
        (request("POST /ws HTTP/1.1"), 405, "a handshake is a GET request"),
        (request(Host=None), 400, "host must be there once, and is 0 times"),
        (request("GET / HTTP/1.1", "Host: other"), 400, "host must be there once, and is 2 times"),
        (request(Connection="close"), 426, "connection: upgrade is missing"),
        (request(Sec_WebSocket_Version="8"), 426, "version 8 is not known, 13 is"),
        (request(Sec_WebSocket_Key="c2hvcnQ="), 400, "sec-websocket-key is not 16 bytes in Base64"),
    ],
)
def test_a_handshake_that_breaks_the_rfc_is_refused(data: bytes, status: int, detail: str):
    refusal = read(data)

    assert isinstance(refusal, BadHandshake)
    assert (refusal.status, refusal.detail) == (status, detail)


def test_the_version_that_is_known_is_named():
    refusal = read(request(Sec_WebSocket_Version="8"))

    assert isinstance(refusal, BadHandshake)
    assert (b"sec-websocket-version", b"13") in refusal.headers


def test_the_example_of_the_rfc_is_accepted():
    assert answer_to(KEY.encode(), lines([(b"x", b"y")])) == (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nx: y\r\n\r\n"
    )


def test_a_response_says_how_long_it_is_and_that_nothing_follows():
    assert response(503, [(b"Content-Type", b"text/html"), (b"retry-after", b"1")], b"later\n") == (
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/html\r\nretry-after: 1\r\n"
        b"connection: close\r\ncontent-length: 6\r\n\r\nlater\n"
    )
    assert response(299, [], b"").startswith(b"HTTP/1.1 299 \r\n")


@pytest.mark.parametrize("header", [(b"x", b"a\r\nset-cookie: b"), (b"x\n", b"a")])
def test_a_header_that_would_be_two_is_not_sent(header: tuple[bytes, bytes]):
    with pytest.raises(ValueError, match="cannot be sent"):
        lines([header])
