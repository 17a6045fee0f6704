"""A client against a server that does what each test says: what the user sees."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from clients.python import CannotConnect, Client, ClientEnded, Message, NotPublished, Status, connect
from clients.python.client import INBOX_MESSAGES
from clients.python.connecting import endpoint
from clients.python.inbox import HARD, Inbox
from clients.python.tokens import Tokens
from harness.probes.network import HOST, free_port
from tests.harness.servers import until

WELCOME = {"type": "welcome", "connection": "c", "epoch": "e", "seq": 0, "ping_s": None}
RESUMED = {"type": "resumed", "epoch": "e", "seq": 0, "replayed": 0}
DRAINING = {"type": "draining", "deadline_s": 5, "deadline_at": "2026-01-01T00:00:05Z", "reconnect_after_s": 0.05}


def message(seq: int, data: Any = None) -> dict[str, Any]:
    return {"type": "message", "seq": seq, "room": None, "from": "bob", "data": data, "at": "2026-01-01T00:00:00Z"}


async def say(connection: ServerConnection, *envelopes: dict[str, Any]) -> None:
    for envelope in envelopes:
        await connection.send(json.dumps(envelope))


def request_of(connection: ServerConnection) -> Request:
    assert connection.request is not None
    return connection.request


@asynccontextmanager
async def serving(
    behave: Callable[[ServerConnection], Awaitable[None]], subprotocol: str | None = "ebb.v1", **settings: Any
) -> AsyncIterator[str]:
    """A server that runs `behave` for each connection; yields its URL."""

    async def handle(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            await behave(connection)

    offered: Any = [subprotocol] if subprotocol else None
    choose = (lambda *_: None) if subprotocol is None else None
    async with serve(handle, HOST, 0, subprotocols=offered, select_subprotocol=choose, **settings) as server:
        yield f"ws://{HOST}:{next(iter(server.sockets)).getsockname()[1]}"


async def welcoming(connection: ServerConnection) -> None:
    await say(connection, WELCOME)
    await connection.wait_closed()


# ---- Connecting ----


@pytest.mark.parametrize(
    ("url", "becomes"),
    [
        ("ws://h:1", "ws://h:1/ws/a%20b%2Fc"),
        ("wss://h/", "wss://h/ws/a%20b%2Fc"),
        ("ws://h/chat/ws/", "ws://h/chat/ws/a%20b%2Fc"),
        ("ws://me:secret@[::1]:80", "ws://me:secret@[::1]:80/ws/a%20b%2Fc"),
    ],
)
def test_a_url_names_a_host_and_perhaps_a_path(url: str, becomes: str):
    assert endpoint(url, "a b/c") == becomes


@pytest.mark.parametrize("url", ["h:1", "http://h", "ws://", "ws://h:x", "ws://h:0", "ws://h?a=1", "ws://h#a", ""])
async def test_any_other_url_is_refused(url: str):
    with pytest.raises(ValueError, match="is not a URL like ws://"):
        async with connect(url):
            pass


@pytest.mark.parametrize("kind", ["text", "function", "coroutine"])
async def test_a_token_is_sent_with_each_handshake(kind: str):
    sent: list[str | None] = []

    async def behave(connection: ServerConnection) -> None:
        sent.append(request_of(connection).headers.get("Authorization"))
        await say(connection, WELCOME if len(sent) == 1 else RESUMED)
        if len(sent) == 1:
            await connection.close(1011)
        await connection.wait_closed()

    async def coroutine() -> str:
        return "secret"

    token: Any = {"text": "secret", "function": lambda: "secret", "coroutine": coroutine}[kind]
    async with serving(behave) as url, connect(url, token=token):
        await until(lambda: len(sent) == 2, "two handshakes")
    assert sent == ["Bearer secret", "Bearer secret"]


async def test_a_token_that_cannot_be_had_is_named():
    def token() -> str:
        raise RuntimeError("no key")

    with pytest.raises(CannotConnect, match=r"^not connected within 0.2 s: no token: RuntimeError\('no key'\)$"):
        async with connect(f"ws://{HOST}:{free_port()}", token=token, open_timeout_s=0.2):
            pass


async def test_a_token_that_expires_is_renewed_in_band_by_what_its_function_gives(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("clients.python.tokens.LEAST_S", 0.0)
    tokens: list[str | Exception] = ["first", OSError("away"), "first", "second", "third"]
    heard: list[Any] = []
    sent: list[str | None] = []

    async def behave(connection: ServerConnection) -> None:
        sent.append(request_of(connection).headers.get("Authorization"))
        if len(sent) == 1:
            await say(connection, WELCOME, {"type": "expiring", "expires_in_s": 1})
            heard.append(json.loads(await connection.recv()))
            await say(connection, {"type": "renewed", "expires_in_s": 600})
            await connection.close(1011)
        await say(connection, RESUMED)
        await connection.wait_closed()

    async def token() -> str:
        given = tokens.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    async with serving(behave) as url, connect(url, token=token):
        await until(lambda: len(sent) == 2, "two handshakes")
    assert heard == [{"type": "renew", "token": "second"}]
    assert sent == ["Bearer first", "Bearer third"]
    assert "no token: OSError('away')" in caplog.text


async def test_a_function_that_keeps_its_token_to_the_end_is_asked_no_more_then():
    asked = 0

    def token() -> str:
        nonlocal asked
        asked += 1
        return "the same"

    tokens = Tokens(token)
    assert await tokens.get() == "the same"
    assert await tokens.another(within_s=1.1) is None
    assert asked == 3


async def test_a_client_that_is_closed_asks_for_no_token_any_more():
    asked, given_up = asyncio.Event(), asyncio.Event()
    times = 0

    async def expiring(connection: ServerConnection) -> None:
        await say(connection, WELCOME, {"type": "expiring", "expires_in_s": 60})
        await connection.wait_closed()

    async def token() -> str:
        nonlocal times
        times += 1
        if times == 2:
            asked.set()
            try:
                await asyncio.sleep(60)
            finally:
                given_up.set()
        return "first"

    async with serving(expiring) as url, connect(url, token=token):
        await asyncio.wait_for(asked.wait(), 10)
    await asyncio.wait_for(given_up.wait(), 10)


async def test_a_client_with_one_token_for_ever_ends_when_that_has_expired_and_says_so():
    async def expired(connection: ServerConnection) -> None:
        await say(connection, WELCOME, {"type": "expiring", "expires_in_s": 0})
        await connection.close(4401, "token expired")

    async with serving(expired) as url, connect(url, token="for ever") as client:
        with pytest.raises(ClientEnded, match=r"^closed by the server with 4401 token expired$") as ended:
            await client.until_ended()
    assert ended.value.code == 4401


async def test_without_a_server_it_says_so_when_its_time_is_up():
    with pytest.raises(CannotConnect, match=r"^not connected within 0.2 s: .*[rR]efused|Connect call failed"):
        async with connect(f"ws://{HOST}:{free_port()}", open_timeout_s=0.2):
            pass


async def test_a_server_that_says_nothing_is_no_connection():
    async def silent(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serving(silent) as url:
        with pytest.raises(CannotConnect, match=r"^not connected within 0.2 s: no answer$"):
            async with connect(url, open_timeout_s=0.2):
                pass


async def test_an_attempt_that_is_under_way_is_given_up_when_the_client_is_closed():
    begun = asyncio.Event()

    async def no_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.set()
        assert await reader.read() != b"", "a request, and then the end of the connection"
        writer.close()

    async with await asyncio.start_server(no_answer, HOST, 0) as server:
        url = f"ws://{HOST}:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(CannotConnect, match=r"^not connected within 0.2 s: no answer$"):
            async with connect(url, open_timeout_s=0.2):
                pass
    assert begun.is_set()


async def test_a_server_that_does_not_speak_the_protocol_is_given_up():
    async with serving(welcoming, subprotocol=None) as url:
        with pytest.raises(CannotConnect, match=r"^the server does not speak ebb\.v1$"):
            async with connect(url):
                pass


async def test_a_refusal_that_would_come_again_is_given_up_with_what_the_server_says():
    def refuse(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(HTTPStatus.UNAUTHORIZED, "who are you?\n")

    async with serving(welcoming, process_request=refuse) as url:
        with pytest.raises(CannotConnect, match=r"^refused with HTTP 401: who are you\?$"):
            async with connect(url):
                pass


async def test_a_setting_that_there_is_not_is_given_up():
    async with serving(welcoming) as url:
        with pytest.raises(CannotConnect, match="nonsense"):
            async with connect(url, nonsense=1):
                pass


# ---- Messages ----


async def test_messages_come_once_and_in_order_and_iterating_ends_when_it_is_closed():
    async def behave(connection: ServerConnection) -> None:
        await say(connection, WELCOME, message(1, "a"), message(1, "a"), {"type": "new"}, message(3, "b"))
        await connection.wait_closed()

    async with serving(behave) as url, connect(url) as client:
        heard = []
        async for each in client:
            heard.append((each.seq, each.sender, each.data))
            if len(heard) == 2:
                closing = asyncio.create_task(client.close())
        await closing
    assert heard == [(1, "bob", "a"), (3, "bob", "b")]
    assert not client.connected
    with pytest.raises(ClientEnded, match=r"^the client was closed$"):
        await client.publish("too late")
    await client.until_ended()


async def test_what_ended_a_client_is_raised_after_its_last_message():
    async def behave(connection: ServerConnection) -> None:
        await say(connection, WELCOME, message(1))
        await connection.close(1008, "slow consumer: 9 of 8 bytes")

    async with serving(behave) as url, connect(url) as client:
        messages = aiter(client)
        heard = await anext(messages)
        with pytest.raises(ClientEnded, match=r"^closed by the server with 1008 slow consumer: 9 of 8 bytes$") as ended:
            await anext(messages)
        with pytest.raises(ClientEnded):
            await client.until_ended()
        with pytest.raises(ClientEnded):
            await client.publish("x")
    assert heard.seq == 1
    assert ended.value.code == 1008


async def test_what_a_callback_raises_ends_the_client():
    async def behave(connection: ServerConnection) -> None:
        await say(connection, WELCOME, message(1))
        await connection.wait_closed()

    def fail(_: Message) -> None:
        raise RuntimeError("my own mistake")

    async with serving(behave) as url, connect(url, on_message=fail) as client:
        with pytest.raises(RuntimeError, match="my own mistake"):
            await client.until_ended()
        assert not client.connected


async def test_a_gap_is_told_and_logged(caplog: pytest.LogCaptureFixture):
    async def behave(connection: ServerConnection) -> None:
        await say(connection, WELCOME, {"type": "gap", "after": 0, "next": 5, "epoch": "e"})
        await say(connection, {"type": "error", "code": "malformed", "detail": "what?"})
        await connection.wait_closed()

    gaps: list[Any] = []
    async with serving(behave) as url, connect(url, name="ann", on_gap=gaps.append):
        await until(lambda: len(caplog.messages) == 2, "two lines")
    assert caplog.messages == ["ann: messages after 0 are lost; the log goes on with 5", "ann: malformed: what?"]
    assert [(gap.after, gap.next) for gap in gaps] == [(0, 5)]


async def test_a_client_that_does_not_take_its_messages_stops_reading_and_loses_none():
    most = 4 * INBOX_MESSAGES
    sent = 0

    async def behave(connection: ServerConnection) -> None:
        nonlocal sent
        await say(connection, WELCOME)
        for sent in range(1, most + 1):
            await say(connection, message(sent, "x" * 10_000))
        await connection.wait_closed()

    async with serving(behave, write_limit=1000) as url, connect(url, compression=None) as client:
        await until(lambda: sent > INBOX_MESSAGES, "more than the inbox holds")
        heard: list[int] = []
        async for each in client:
            assert heard or sent < most
            heard.append(each.seq)
            if each.seq == most:
                break
    assert heard == list(range(1, most + 1))


async def test_a_client_that_publishes_in_answer_to_a_message_does_not_wait_for_itself():
    async def behave(connection: ServerConnection) -> None:
        await say(connection, WELCOME, *(message(seq) for seq in range(1, 2 * INBOX_MESSAGES)))
        said = json.loads(await connection.recv())
        await say(connection, {"type": "ack", "id": said["id"], "seq": 9})
        await connection.wait_closed()

    async with serving(behave) as url, connect(url) as client:
        await anext(aiter(client))
        assert await asyncio.wait_for(client.publish("answer"), 10) == 9


def test_an_inbox_that_nobody_empties_ends_at_ten_times_its_limit():
    inbox = Inbox(limit=2)
    each = Message(1, None, None, None, "")
    for _ in range(2 * HARD):
        inbox.put(each)
    with pytest.raises(ClientEnded, match=r"^inbox full: 20 of 20 messages \(slow reader\)$"):
        inbox.put(each)


# ---- Publishes ----


async def test_a_publish_is_repeated_after_a_cut_with_its_id():
    said: list[Any] = []

    async def behave(connection: ServerConnection) -> None:
        await say(connection, RESUMED if "epoch" in request_of(connection).path else WELCOME)
        said.append(json.loads(await connection.recv()))
        if len(said) == 1:
            connection.transport.abort()
        else:
            await say(connection, {"type": "ack", "id": "once", "seq": 4})
        await connection.wait_closed()

    async with serving(behave) as url, connect(url) as client:
        assert await client.publish({"a": 1}, room="tea", id="once") == 4
    assert said == [{"type": "publish", "id": "once", "room": "tea", "data": {"a": 1}}] * 2


async def test_a_publish_that_is_not_carried_out_raises_and_leaves_the_connection():
    async def behave(connection: ServerConnection) -> None:
        await say(connection, WELCOME)
        async for text in connection:
            refusal = {"type": "error", "code": "broker_unavailable", "detail": "away", "id": json.loads(text)["id"]}
            await say(connection, refusal)

    async with serving(behave) as url, connect(url) as client:
        with pytest.raises(NotPublished, match=r"^broker_unavailable: away$") as refused:
            await client.publish("x", id="a")
        assert (refused.value.id, refused.value.code, client.connected) == ("a", "broker_unavailable", True)


async def test_a_publish_that_waits_hears_of_the_end():
    async with serving(welcoming) as url, connect(url) as client:
        publishing = asyncio.create_task(client.publish("x"))
        given_up = asyncio.create_task(client.publish("y"))
        await asyncio.sleep(0)
        given_up.cancel()
        await client.close()
        with pytest.raises(ClientEnded, match=r"^the client was closed$"):
            await publishing


async def test_rooms_are_said_to_the_server():
    said: list[Any] = []

    async def behave(connection: ServerConnection) -> None:
        said.append(request_of(connection).path)
        await say(connection, WELCOME)
        async for text in connection:
            said.append(json.loads(text))

    async with serving(behave) as url, connect(url, name="ann", rooms=["tea"]) as client:
        client.join("coffee")
        client.leave("tea")
        await until(lambda: len(said) == 3, "join and leave")
    assert said == ["/ws/ann?room=tea", {"type": "join", "room": "coffee"}, {"type": "leave", "room": "tea"}]


# ---- A drain ----


async def test_a_notice_settles_draining_and_the_old_connection_is_left_after_the_new_one_is_open():
    closed_with: list[int | None] = []
    opened: list[ServerConnection] = []

    async def behave(connection: ServerConnection) -> None:
        opened.append(connection)
        if len(opened) == 1:
            await say(connection, WELCOME, message(1), DRAINING)
            await connection.wait_closed()
            closed_with.append(connection.close_code)
        else:
            assert opened[0].close_code is None
            await say(connection, WELCOME, {**RESUMED, "replayed": 1}, message(1), message(2))
            await connection.wait_closed()

    happened: list[Status] = []
    async with serving(behave) as url, connect(url, on_status=happened.append) as client:
        messages = aiter(client)
        assert (await anext(messages)).seq == 1
        impatient = client.draining
        impatient.cancel()
        notice = await client.draining
        assert (notice.deadline_s, notice.deadline_at, notice.reconnect_after_s) == (5.0, "2026-01-01T00:00:05Z", 0.05)
        assert (await anext(messages)).seq == 2
        await until(lambda: closed_with, "the old connection's end")
        assert not client.draining.done()
        assert client.moves == 1
    assert closed_with == [1000]
    assert [status.what for status in happened] == ["connected", "draining", "moved"]


async def test_clients_of_two_places_do_not_all_begin_at_the_first():
    async with serving(welcoming) as one, serving(welcoming) as two:
        places = set()
        for _ in range(40):
            async with connect(one, two) as client:
                assert isinstance(client, Client)
                assert client.status is not None
                places.add(client.status.place)
    assert places == {0, 1}
