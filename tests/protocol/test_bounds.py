"""What one TCP connection may take before anybody is asked: heads, bodies and control frames, each with its answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.limits.rate import Rate
from server.limits.tally import LimitReason
from server.messages.frame import encoded
from server.protocol.bounds import Bounds
from server.protocol.frames import PING
from server.protocol.websocket import WebSocket
from tests.protocol.test_frames import frame
from tests.protocol.test_handshake import request
from tests.protocol.test_websocket import turns
from tests.protocol.wire import Client, Recorder, Served

pytestmark = pytest.mark.looptime

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"


class Reader:
    """An application that reads the body of each request, and answers with its size."""

    def __init__(self) -> None:
        self.kept = 0
        self.left = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        size, more = 0, True
        while more:
            await self.go_on.wait()
            event = await receive()
            if event["type"] == "http.disconnect":
                self.left += 1
                return
            size, more = size + len(event["body"]), event["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"%05d" % size})


class Counted:
    """What was counted."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str]] = []

    def __call__(self, reason: str, who: str, detail: str) -> None:
        self.lines.append((reason, who, detail))


def client_of(app: Any, **bounds: Any) -> tuple[Client, Counted]:
    """Connect to a server with these bounds; say nothing yet."""
    counted = Counted()
    return Client(Served(app, bounds=Bounds(**bounds), count=counted)), counted


def answered(client: Client) -> tuple[str, str]:
    """The status line of the last answer, and its body."""
    head, _, body = client.wire.written.decode("latin-1").rpartition("\r\n\r\n")
    return head.rpartition("HTTP/1.1 ")[2].partition("\r\n")[0], body


@pytest.mark.attack
@pytest.mark.parametrize("cut", [1, 100, 4096, 1 << 20])
@pytest.mark.parametrize("begin", [GET + b"X: ", b"GET /", GET + b"X: y\r\n" * 50 + b"Long-name"])
async def test_a_head_without_end_is_refused_with_its_size(begin: bytes, cut: int):
    client, counted = client_of(Reader())
    data = begin + b"a" * 9000
    for at in range(0, len(data), cut):
        if not client.wire.closed:
            client.send(data[at : at + cut])

    assert answered(client)[0] == "431 Request Header Fields Too Large"
    assert answered(client)[1].endswith("limit 8192\n")
    assert client.wire.closed
    assert [reason for reason, _, _ in counted.lines] == [LimitReason.HEAD]


async def test_a_head_of_many_headers_is_refused_with_their_number():
    client, counted = client_of(Reader())
    client.send(GET, b"X: y\r\n" * 63)
    assert not client.wire.closed
    client.send(b"X: y\r\n\r\n")

    assert answered(client) == ("431 Request Header Fields Too Large", "request with at least 65 headers, limit 64\n")
    assert client.wire.closed
    assert [reason for reason, _, _ in counted.lines] == [LimitReason.HEAD]


async def test_a_handshake_of_many_headers_is_refused_likewise():
    client, _ = client_of(Recorder())
    client.send(request("GET / HTTP/1.1", *[f"X-{number}: y" for number in range(64)]))

    assert answered(client)[0] == "431 Request Header Fields Too Large"


async def test_heads_within_their_bounds_are_read_one_after_another_however_they_are_cut():
    client, counted = client_of(Reader())
    head, half = GET + b"X: " + b"a" * 8000 + b"\r\n\r\n", b"b" * 10_000
    for data in (head, head[:4000], head[4000:], POST + b"Content-Length: 20000\r\n\r\n" + half, half + head):
        client.send(data)
        await turns()

    assert client.wire.written.count(b"200 OK") == 4
    assert not client.wire.closed
    assert counted.lines == []


@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_with_h11_too_a_head_without_end_is_not_kept(http: str):
    client = Client(Served(Reader(), http=http))
    client.send(GET, b"X: ", b"a" * 9000)

    assert client.wire.closed


@pytest.mark.attack
async def test_a_head_that_does_not_end_is_answered_in_time():
    client, counted = client_of(Reader())
    client.send(GET)
    await asyncio.sleep(4.9)
    assert not client.wire.closed
    client.send(b"X: y\r\n")
    await asyncio.sleep(0.2)

    assert answered(client) == ("408 Request Timeout", "request head incomplete after 5 s\n")
    assert client.wire.closed
    assert counted.lines == [(LimitReason.HEAD_TIME, "192.0.2.7:4711", "request head incomplete after 5 s")]


async def test_a_second_head_has_its_own_time_and_a_whole_one_none():
    client, _ = client_of(Reader())
    client.send(GET, b"\r\n")
    await asyncio.sleep(4)
    client.send(GET)
    await asyncio.sleep(4)
    client.send(b"\r\n")
    await asyncio.sleep(0.1)

    assert client.wire.written.count(b"200 OK") == 2
    assert not client.wire.closed


@pytest.mark.attack
async def test_a_body_that_does_not_end_is_answered_in_time_and_its_application_told():
    app = Reader()
    client, counted = client_of(app)
    client.send(POST, b"Content-Length: 3\r\n\r\nab")
    await asyncio.sleep(9.9)
    assert not client.wire.closed
    await asyncio.sleep(0.2)

    assert answered(client) == ("408 Request Timeout", "request body incomplete after 10 s\n")
    assert (client.wire.closed, app.left) == (True, 1)
    assert [reason for reason, _, _ in counted.lines] == [LimitReason.BODY_TIME]


async def test_a_body_whose_application_does_not_read_is_not_late():
    app = Reader()
    app.go_on.clear()
    client, _ = client_of(app)
    client.send(POST, b"Content-Length: 200000\r\n\r\n", b"a" * 100_000)
    await asyncio.sleep(15)
    app.go_on.set()
    await turns()
    client.send(b"a" * 100_000)
    await turns()

    assert answered(client)[0] == "200 OK"


async def test_an_application_may_take_its_time():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(30)
        await Reader()(scope, receive, send)

    client, counted = client_of(app)
    client.send(POST, b"Content-Length: 2\r\n\r\nab")
    await asyncio.sleep(30.1)

    assert answered(client) == ("200 OK", "00002")
    assert counted.lines == []


async def test_what_is_no_http_is_counted():
    client, counted = client_of(Reader())
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")

    assert answered(client)[0] == "400 Bad Request"
    assert client.wire.closed
    assert [reason for reason, _, _ in counted.lines] == [LimitReason.HTTP]


async def test_an_answer_under_way_is_not_mixed_with_a_refusal():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass

    client, _ = client_of(app)
    client.send(POST, b"Content-Length: 3\r\n\r\nab")
    await asyncio.sleep(10.2)

    assert client.wire.written.endswith(b"abc")
    assert client.wire.closed


# ---- Control frames ----


@pytest.mark.attack
@pytest.mark.parametrize("opcode", [0x89, 0x8A])
async def test_control_frames_beyond_their_rate_end_the_connection(opcode: int):
    client, counted = client_of(Recorder())
    client.send(request())
    await turns()
    client.send(*[frame(opcode, b"a")] * 50)
    await turns()
    assert client.close is None
    client.send(frame(opcode, b"a"))
    await turns()

    assert client.close == (1008, "control frames: limit 10 a second, burst 50")
    assert [opcode for opcode, _ in client.heard].count(0xA) == (50 if opcode == 0x89 else 0)
    assert counted.lines == [(LimitReason.CONTROL, "192.0.2.7:4711", "control frames: limit 10 a second, burst 50")]


async def test_ten_pings_a_second_may_go_on_for_ever_and_without_a_rate_any_number():
    client, _ = client_of(Recorder())
    client.send(request())
    await turns()
    for _ in range(190):
        client.send(frame(0x89, b"a"))
        await asyncio.sleep(0.1)
    assert client.close is None
    other, _ = client_of(Recorder(), control=Rate(0, 1))
    other.send(request())
    await turns()
    other.send(*[frame(0x89, b"a")] * 10_000)
    await turns()

    assert other.close is None


async def test_the_pongs_to_our_pings_are_no_such_frames():
    client, _ = client_of(Recorder(), control=Rate(0.001, 1))
    client.send(request())
    await turns()
    websocket = client.wire.protocol
    assert isinstance(websocket, WebSocket)
    for number in range(5):
        payload = bytes([number] * 4)
        websocket.ping(payload, encoded(PING, payload))
        client.send(frame(0x8A, payload))

    assert client.close is None


@pytest.mark.parametrize(
    ("pieces", "is_missed"),
    [
        ([frame(0x8A, b"due!")], False),
        ([frame(0x8A, b"due!")[:4], frame(0x8A, b"due!")[4:]], False),
        ([frame(0x81, b"text") + frame(0x8A, b"due!")], False),
        ([frame(0x81, b"text")[:5], frame(0x81, b"text")[5:] + frame(0x8A, b"due!")], False),
        ([frame(0x8A, b"due!") + frame(0x81, b"text")], False),
        ([frame(0x8A, b"old!"), frame(0x8A, b"due!")], False),
        ([frame(0x8A, b"old!")], True),
        ([frame(0x81, b"due!")], True),
        ([frame(0x82, bytes(40))[:8], frame(0x8A, b"due!")], True),
    ],
)
async def test_the_pong_that_is_due_counts_however_it_comes_and_no_other(pieces: list[bytes], is_missed: bool):
    client, _ = client_of(Recorder())
    client.send(request())
    await turns()
    websocket, payload = client.wire.protocol, b"due!"
    assert isinstance(websocket, WebSocket)
    websocket.ping(payload, encoded(PING, payload))
    for piece in pieces:
        client.send(piece)
        await turns()
    websocket.missed_pong(payload)

    assert (client.close is not None and client.close[0] == 1011) is is_missed


@pytest.mark.attack
async def test_who_sends_much_gives_way_to_others_after_16_kib():
    app = Recorder()
    client, _ = client_of(app)
    client.send(request())
    await turns()
    websocket = client.wire.protocol

    class Listener:
        def __init__(self) -> None:
            self.heard = 0

        def take(self, message: Any) -> bool:
            self.heard += len(message)
            return True

        def closing(self) -> None:
            """Not asked for here."""

    listener = Listener()
    websocket.listen(listener, 1 << 20)
    client.send(*[frame(0x82, b"a" * 4000)] * 20)
    in_one_turn = listener.heard
    await turns()

    assert 16_000 <= in_one_turn <= 20_000
    assert listener.heard == 80_000
