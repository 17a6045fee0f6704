"""One WebSocket of our own class: as ASGI sees it, it is uvicorn's; on the wire, it is RFC 6455, within bounds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
from uvicorn.protocols.utils import ClientDisconnected

from server.connections.transport import Direct
from server.protocol.bounds import Bounds
from server.protocol.shared import client_of, server_of
from tests.protocol.test_frames import frame
from tests.protocol.test_handshake import request
from tests.protocol.wire import Client, Recorder, Served

pytestmark = pytest.mark.looptime

CLOSE_1000 = frame(0x88, b"\x03\xe8bye")


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


# ---- The same as uvicorn's ----


def talks(client: Client) -> None:
    client.say("a")


def talks_in_fragments_and_binary(client: Client) -> None:
    client.send(frame(0x01, b"a"), frame(0x00, b"b"), frame(0x89, b"p"), frame(0x80, b"c"), frame(0x82, b"xyz"))


def closes(client: Client) -> None:
    client.send(CLOSE_1000)


def closes_without_a_code(client: Client) -> None:
    client.send(frame(0x88))


def has_it_closed(client: Client) -> None:
    client.say("close")


def vanishes(client: Client) -> None:
    client.vanish()


def breaks_the_rules(client: Client) -> None:
    client.send(frame(0x83, b"x"))


@pytest.mark.parametrize(
    "does",
    [
        talks,
        talks_in_fragments_and_binary,
        closes,
        closes_without_a_code,
        has_it_closed,
        vanishes,
        breaks_the_rules,
    ],
)
async def test_scope_events_and_frames_are_those_of_uvicorns_class(does: Callable[[Client], None]):
    seen = []
    for own in (False, True):
        app = Recorder()
        handshake = request("GET /shop%20a/b?x=%20 HTTP/1.1", "Sec-WebSocket-Protocol: one, two", "X: é")
        client = Served(app, own=own, root_path="/root").client(handshake)
        await turns()
        does(client)
        await turns()
        events = [{name: value for name, value in each.items() if name != "reason"} for each in app.events]
        close = client.close and client.close[0]
        heard = sorted(each for each in client.heard if each[0] != 0x8)  # a pong may come before an answer, or after it
        seen.append((app.scope, events, heard, close, client.wire.closed or client.wire.half_closed))
        assert isinstance(client.wire.protocol, Direct) is own
        client.vanish()
        await turns()

    assert seen[0] == seen[1]


async def test_the_answer_to_a_handshake_says_what_the_application_chose():
    client = Served(Recorder()).client()
    await turns()

    assert client.head[0] == "HTTP/1.1 101 Switching Protocols"
    assert {"date: today", "x-shop: 1", "sec-websocket-protocol: two"} <= set(client.head)
    assert not [line for line in client.head if "extensions" in line]


@pytest.mark.parametrize(("fd", "options"), [(None, []), (3, [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)])])
async def test_on_a_socket_that_uvicorn_was_handed_frames_leave_at_once(fd: int | None, options: list[tuple[int, ...]]):
    client = Served(Recorder(), fd=fd).client()
    await turns()

    assert client.wire.get_extra_info("socket").options == options
    client.vanish()
    await turns()


@pytest.mark.parametrize(
    ("names", "client", "server"),
    [
        ((("192.0.2.7", 4711), ("192.0.2.1", 80)), ("192.0.2.7", 4711), ("192.0.2.1", 80)),
        ((("2001:db8::7", 4711, 0, 2), ("2001:db8::1", 80, 0, 2)), ("2001:db8::7", 4711), ("2001:db8::1", 80)),
        (("", "/run/ebb.sock"), None, ("/run/ebb.sock", None)),
        ((None, ("192.0.2.1", 80)), None, ("192.0.2.1", 80)),  # gone already
        ((None, None), None, None),
    ],
)
def test_addresses_are_told_as_asgi_has_them(names: tuple[Any, Any], client: Any, server: Any):
    transport = asyncio.Transport(dict(zip(("peername", "sockname"), names, strict=True)))
    assert (client_of(transport), server_of(transport)) == (client, server)


async def test_compression_is_declined():
    client = Served(Recorder()).client(request("GET / HTTP/1.1", "Sec-WebSocket-Extensions: permessage-deflate"))
    await turns()

    assert client.head[0].startswith("HTTP/1.1 101")
    assert not [line for line in client.head if "extensions" in line]


@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_a_handshake_in_pieces_goes_the_usual_way_and_ends_here(http: str):
    served, whole = Served(Recorder(), http=http), request()
    client = served.client(whole[:30])
    client.send(whole[30:])
    await turns()
    client.say("a")
    await turns()

    assert isinstance(client.wire.protocol, Direct)
    assert client.heard == [(1, b"you said a")]
    assert len(served.state.connections) == 1


async def test_a_handshake_that_breaks_the_rfc_is_refused_once_http_has_read_it():
    client = Served(Recorder()).client(request(Sec_WebSocket_Key="short"))
    await turns()

    assert client.head[0] == "HTTP/1.1 400 Bad Request"
    assert client.wire.closed


async def test_a_handshake_that_is_too_large_is_refused():
    client = Served(Recorder()).client(request("GET / HTTP/1.1", f"X: {'a' * 9000}"))
    await turns()

    assert client.head[0] == "HTTP/1.1 431 Request Header Fields Too Large"


async def test_http_is_served_by_uvicorn():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    client = Served(app).client(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await turns()

    assert client.head[0] == "HTTP/1.1 200 OK"
    client.vanish()


async def test_who_says_nothing_is_hung_up_on():
    served = Served(Recorder())
    client = Client(served)
    await asyncio.sleep(4.9)
    assert not client.wire.closed
    await asyncio.sleep(0.3)

    assert client.wire.closed
    assert not served.state.connections


async def test_a_server_that_stops_hangs_up_on_who_has_said_nothing():
    served = Served(Recorder())
    client = Client(served)
    (entrance,) = served.state.connections
    entrance.shutdown()
    await turns()

    assert client.wire.closed


# ---- Refusals ----


RESPONSE = "websocket.http.response.start"


def refusing(*messages: dict[str, Any]) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


@pytest.mark.parametrize(
    ("app", "status"),
    [
        (refusing({"type": "websocket.close"}), "HTTP/1.1 403 Forbidden"),
        (
            refusing(
                {"type": RESPONSE, "status": 503, "headers": [(b"retry-after", b"1")]},
                {"type": "websocket.http.response.body", "body": b"la", "more_body": True},
                {"type": "websocket.http.response.body", "body": b"ter"},
            ),
            "HTTP/1.1 503 Service Unavailable",
        ),
        (refusing(), "HTTP/1.1 500 Internal Server Error"),
        (refusing({"type": "websocket.send", "text": "too early"}), "HTTP/1.1 500 Internal Server Error"),
        (
            refusing({"type": RESPONSE, "status": 503}, {"type": "websocket.accept"}),
            "HTTP/1.1 500",
        ),
        (refusing({"type": "websocket.accept", "headers": [(b"x", b"a\r\nb: c")]}), "HTTP/1.1 500"),
    ],
)
async def test_a_handshake_that_is_not_accepted_is_answered_by_http(app: Any, status: str):
    client = Served(app).client()
    await turns()

    assert client.head[0].startswith(status)
    assert client.wire.closed
    if "503" in status:
        assert client.wire.written.endswith(b"\r\n\r\nlater")


# ---- In order, and bounded ----


async def test_messages_of_one_segment_are_handed_over_one_by_one_each_when_it_is_asked_for():
    held = asyncio.Event()

    async def during(text: str) -> None:
        await held.wait()

    app = Recorder(during)
    client = Served(app).client()
    await turns()
    client.send(*(frame(0x81, b"%d" % n) for n in range(30)))
    await turns()

    assert [each.get("text") for each in app.events[1:]] == ["0"]
    client.say("more")
    client.say("and more")
    assert not client.wire.reads
    held.set()
    for _ in range(8):
        await turns()
    assert [each["text"] for each in app.events[1:]] == [*map(str, range(30)), "more", "and more"]
    assert client.wire.reads


async def test_a_message_is_answered_before_the_connection_is_failed_for_what_follows_it():
    client = Served(Recorder()).client()
    await turns()
    client.send(frame(0x81, b"a"), frame(0x83))
    await turns()

    assert client.heard[0] == (1, b"you said a")
    assert client.close == (1002, "opcode 3 is none")


async def test_a_failed_connection_is_read_to_its_end_so_that_its_close_frame_is_not_lost():
    app = Recorder()
    client = Served(app).client()
    await turns()
    client.send(frame(0x81, size=1 << 30))
    await turns()
    client.send(b"x" * 1000)

    assert client.close == (1009, "message of 1073741824 bytes, limit 16777216")
    assert (client.wire.half_closed, client.wire.closed, client.wire.reads) == (True, False, True)
    assert app.events[-1]["code"] == 1009
    await asyncio.sleep(2.2)
    assert client.wire.aborted


async def test_over_tls_a_failed_connection_is_closed_at_once():
    client = Served(Recorder()).client(over_tls=True)
    await turns()
    client.send(frame(0x83))

    assert client.wire.closed


async def test_a_message_that_is_never_completed_is_failed_in_time():
    client = Served(Recorder(), ws_ping_interval=None).client()
    await turns()
    client.send(frame(0x01, b"a"))
    await asyncio.sleep(30)
    client.send(frame(0x00, b"b"))
    await asyncio.sleep(29)
    assert client.close is None
    await asyncio.sleep(2)

    assert client.close == (1008, "message incomplete after 60 s")


async def test_a_message_that_is_completed_in_time_is_taken():
    client = Served(Recorder(), ws_ping_interval=None).client()
    await turns()
    client.send(frame(0x01, b"a"))
    await asyncio.sleep(50)
    client.send(frame(0x80, b"b"))
    await asyncio.sleep(50)

    assert client.heard == [(1, b"you said ab")]
    client.vanish()
    await turns()


@pytest.mark.attack
async def test_who_sends_waits_for_a_client_that_does_not_read_and_so_do_its_own_frames():
    client = Served(Recorder()).client()
    await turns()
    client.wire.protocol.pause_writing()
    client.send(frame(0x89, b"1"), frame(0x89, b"2"), frame(0x81, b"a"))
    await turns()
    assert client.heard == []
    client.wire.protocol.resume_writing()
    await turns()

    assert client.heard == [(0xA, b"1"), (0xA, b"2"), (1, b"you said a")]
    client.vanish()
    await turns()


async def test_who_waits_to_send_to_a_client_is_told_that_it_is_gone():
    failed = asyncio.get_running_loop().create_future()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await asyncio.sleep(1)
        try:
            await send({"type": "websocket.send", "text": "a"})
        except ClientDisconnected as error:
            failed.set_result(error)
            raise

    client = Served(app).client()
    await turns()
    client.wire.protocol.pause_writing()
    await asyncio.sleep(2)
    client.vanish()
    await turns()

    assert isinstance(failed.result(), OSError)


# ---- The end ----


async def test_our_close_waits_for_its_answer_and_hears_nothing_else():
    app = Recorder()
    client = Served(app).client()
    await turns()
    client.say("close")
    await turns()
    client.say("too late")
    await turns()
    assert client.close == (4000, "as asked")
    assert not client.wire.closed
    client.send(frame(0x88, b"\x0f\xa0"))
    await turns()

    assert client.wire.closed
    assert not client.wire.aborted
    assert [each["type"] for each in app.events] == ["websocket.connect", "websocket.receive", "websocket.disconnect"]


async def test_a_close_that_is_not_answered_is_cut_off():
    client = Served(Recorder()).client()
    await turns()
    client.say("close")
    await asyncio.sleep(9.9)
    assert not client.wire.closed
    await asyncio.sleep(0.3)

    assert client.wire.aborted


@pytest.mark.attack
async def test_a_client_that_has_closed_and_does_not_read_what_was_sent_is_cut_off():
    client = Served(Recorder()).client()
    await turns()
    client.wire.waits = 100
    client.send(CLOSE_1000)
    await asyncio.sleep(9.9)
    assert client.wire.closed
    assert not client.wire.aborted
    await asyncio.sleep(0.3)

    assert client.wire.aborted


@pytest.mark.parametrize("who_closes", ["client", "server", "handshake"])
async def test_whoever_closes_has_the_time_that_is_set_for_a_close(who_closes: str):
    app = refusing({"type": "websocket.close"}) if who_closes == "handshake" else Recorder()
    served = Served(app, bounds=Bounds(close_s=2))
    client = served.client()
    client.wire.waits = 100
    await turns()
    if who_closes == "client":
        client.send(CLOSE_1000)
    elif who_closes == "server":
        client.wire.protocol.shutdown()
    await asyncio.sleep(1.9)
    assert not client.wire.aborted
    await asyncio.sleep(0.3)

    assert client.wire.aborted


async def test_after_its_close_an_application_can_send_nothing():
    messages = [{"type": f"websocket.{kind}"} for kind in ("accept", "close", "send")]
    client = Served(refusing(*messages)).client()
    await turns()

    assert client.heard == [(8, b"\x03\xe8")]
    client.vanish()
    await turns()


async def test_an_application_that_ends_without_a_close_ends_the_connection():
    client = Served(refusing({"type": "websocket.accept"})).client()
    await turns()

    assert client.heard == []
    assert client.wire.closed


async def test_at_the_end_of_uvicorn_everyone_is_closed_with_1012():
    app = Recorder()
    served = Served(app)
    client = served.client()
    await turns()
    for each in list(served.state.connections):
        each.shutdown()
    await turns()

    assert client.close == (1012, "")
    assert app.events[-1]["code"] == 1012
    assert not served.state.connections
    assert not served.state.tasks


async def test_a_handshake_that_is_not_answered_at_the_end_of_uvicorn_gets_a_500():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "websocket.disconnect":
            pass

    served = Served(app)
    client = served.client()
    await turns()
    for each in list(served.state.connections):
        each.shutdown()
    await turns()

    assert client.head[0] == "HTTP/1.1 500 Internal Server Error"


async def test_a_pong_that_is_missing_closes_and_one_that_comes_does_not():
    silent, answering = (Served(Recorder(), ws_ping_interval=1.0, ws_ping_timeout=2.0).client() for _ in range(2))
    await turns()
    for _ in range(50):
        await asyncio.sleep(0.1)
        for opcode, payload in answering.heard[-1:]:
            answering.send(frame(0x8A, payload)) if opcode == 0x9 else None

    assert silent.close == (1011, "keepalive ping timeout")
    assert silent.wire.closed
    assert answering.close is None
    assert len(answering.heard) >= 4
    answering.vanish()
    await turns()


@pytest.mark.attack
async def test_a_client_that_reads_nothing_beyond_its_pong_is_cut_off():
    """150 such clients were all kept: their close waited for a flush that never came."""
    stalled = [Served(Recorder(), ws_ping_interval=1.0, ws_ping_timeout=2.0).client() for _ in range(150)]
    await turns()
    for each in stalled:
        each.wire.waits = 100_000
        each.wire.protocol.pause_writing()
    await asyncio.sleep(1.0 + 2.0 + 10.0 + 0.5)  # an interval, a time-out, a close

    assert [each for each in stalled if not (each.wire.aborted and each.wire.lost)] == []


async def test_who_is_not_read_from_is_not_accused_of_a_missing_pong():
    held = asyncio.Event()

    async def during(text: str) -> None:
        await held.wait()

    client = Served(Recorder(during), ws_ping_interval=1.0, ws_ping_timeout=1.0).client()
    await turns()
    client.say("a")
    client.say("b")
    client.say("c")
    await asyncio.sleep(5)

    assert client.close is None
    client.vanish()
    held.set()
    await turns()


async def test_two_who_wait_for_the_next_message_get_one_each():
    got: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        cancelled = asyncio.ensure_future(receive())
        others = [asyncio.ensure_future(receive()) for _ in range(2)]
        await asyncio.sleep(0)
        cancelled.cancel()
        got.extend([(await each)["text"] for each in others])

    client = Served(app).client()
    await turns()
    client.send(frame(0x81, b"a"), frame(0x81, b"b"))
    await turns()

    assert sorted(got) == ["a", "b"]
