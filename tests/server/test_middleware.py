"""`DrainMiddleware` around small applications, driven as an ASGI server drives them."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.connections.transport import TcpConnection
from server.examples.slow_startup import STARTUPS
from server.middleware.client_gone import ClientGone
from server.middleware.drain_middleware import TWICE, DrainMiddleware
from tests.server.asgi_driver import Driver, get, websocket

pytestmark = pytest.mark.looptime


class Chat:
    """Everybody hears what anybody says. HTTP: 404, but for `/own`."""

    def __init__(self) -> None:
        self.sends: list[Send] = []
        self.errors: list[Exception] = []
        self.asked: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise RuntimeError("no lifespan")
        if scope["type"] == "http":
            self.asked.append(scope["path"])
            await send({"type": "http.response.start", "status": 200 if scope["path"] == "/own" else 404})
            await send({"type": "http.response.body", "body": b""})
            return
        await receive()
        await send({"type": "websocket.accept"})
        self.sends.append(send)
        while (message := await receive())["type"] == "websocket.receive":
            for each in self.sends:
                await each({"type": "websocket.send", "text": message["text"]})
        try:
            await send({"type": "websocket.send", "text": "too late"})
        except OSError as error:
            self.errors.append(error)


async def started(app: ASGIApp) -> Message:
    driver = Driver(app, type="lifespan")
    driver.put("lifespan.startup")
    while not driver.sent:
        await asyncio.sleep(0.01)
    driver.put("lifespan.shutdown")
    await driver.task
    return driver.sent[0]


async def test_startup_is_complete_where_the_application_has_no_lifespan():
    assert (await started(DrainMiddleware(Chat())))["type"] == "lifespan.startup.complete"


async def test_a_startup_that_hangs_is_given_up_when_the_server_is_told_to_stop_and_is_no_failure():
    app = DrainMiddleware(Starlette(lifespan=STARTUPS["hanging"]))
    driver = Driver(app, type="lifespan")
    driver.put("lifespan.startup")
    await asyncio.sleep(1)
    assert driver.sent == []
    app.shutdown.told_to_stop = lambda: True
    driver.put("lifespan.shutdown")
    await driver.task

    assert driver.sent == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]


async def test_added_twice_it_fails_the_startup_with_one_line():
    answer = await started(DrainMiddleware(DrainMiddleware(Chat())))

    assert answer == {"type": "lifespan.startup.failed", "message": TWICE}


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"evict_per_s": 0}, "EBB_EVICT_PER_S=0 is not allowed: connections closed a second after the deadline"),
        ({"ready_path": "ready"}, "EBB_READY_PATH='ready' is not allowed: a path for readiness"),
        ({"timeout": 3}, "EBB_TIMEOUT=3 is no setting"),
    ],
)
async def test_a_wrong_setting_fails_the_startup_with_one_line(settings: dict[str, Any], line: str):
    answer = await started(DrainMiddleware(Chat(), **settings))

    assert answer["type"] == "lifespan.startup.failed"
    assert answer["message"].startswith(line)
    assert "\n" not in answer["message"]


async def test_readiness_and_liveness_are_answered_where_the_application_has_nothing_there():
    app = DrainMiddleware(Chat())

    assert await get(app, "/ready") == (200, {"status": "ready"})
    assert (await get(app, "/health"))[0] == 200
    assert (await get(app, "/elsewhere"))[0] == 404
    assert (await get(DrainMiddleware(Chat(), ready_path="/own"), "/own")) == (200, {})
    assert (await get(DrainMiddleware(Chat(), ready_path=None), "/ready"))[0] == 404


async def test_the_application_is_asked_once_for_a_path_that_it_does_not_have():
    chat = Chat()
    app = DrainMiddleware(chat, ready_path="/own")
    for path in ("/health", "/health", "/own", "/own", "/elsewhere", "/elsewhere"):
        await get(app, path)

    assert chat.asked == ["/health", "/own", "/own", "/elsewhere", "/elsewhere"]


async def test_a_client_is_told_once_served_on_and_closed_with_1012_after_its_answers():
    app = DrainMiddleware(Chat(), drain_timeout_s=5)
    client = websocket(app)
    await asyncio.sleep(1)
    draining = asyncio.ensure_future(app.shutdown.drain())
    await asyncio.sleep(1)
    client.say("served on")
    assert (await get(app, "/ready"))[0] == 503
    await draining
    await client.task

    notice, *texts = client.texts
    assert json.loads(notice)["type"] == "draining"
    assert texts == ["served on"]
    assert client.sent[-1] == {"type": "websocket.close", "code": 1012, "reason": "service restart"}
    account = json.loads(app.shutdown.report())
    assert (account["present"], account["left"], account["closed"], account["aborted"]) == (1, 0, 1, 0)
    assert app.shutdown.remaining == 0


async def test_a_newcomer_is_refused_with_503_and_when_to_come_again():
    app = DrainMiddleware(Chat(), drain_timeout_s=5)
    resident = websocket(app)
    await asyncio.sleep(1)
    draining = asyncio.ensure_future(app.shutdown.drain())
    await asyncio.sleep(1)
    newcomer = websocket(app)
    newcomer.put("websocket.disconnect", code=1006)
    await newcomer.task
    await draining
    await resident.task

    assert newcomer.sent[0]["status"] == 503
    assert (b"retry-after", b"1") in newcomer.sent[0]["headers"]


async def test_who_has_left_is_no_error_for_who_broadcasts_and_one_for_its_own_handler():
    chat = Chat()
    app = DrainMiddleware(chat)
    leaver, stayer = websocket(app), websocket(app)
    await asyncio.sleep(1)
    leaver.put("websocket.disconnect", code=1000)
    await leaver.task
    stayer.say("hello")
    await asyncio.sleep(1)
    stayer.put("websocket.disconnect", code=1000)
    await stayer.task

    assert stayer.texts == ["hello"]
    assert leaver.texts == []
    assert [type(error) for error in chat.errors] == [ClientGone, ClientGone]


async def test_broadcasts_pass_a_client_that_has_left_without_a_pause():
    async def broadcast(number: int) -> None:
        steps.append(number)
        for _ in range(64):
            await chat.sends[0]({"type": "websocket.send", "text": "hello"})
        steps.append(number)

    chat, steps = Chat(), list[int]()
    leaver = websocket(DrainMiddleware(chat))
    await asyncio.sleep(1)
    leaver.put("websocket.disconnect", code=1000)
    await leaver.task
    await asyncio.gather(*map(broadcast, range(20)))

    assert steps == [number for number in range(20) for _ in ("begin", "end")]


async def test_a_loop_that_only_sends_to_a_client_that_has_left_lets_others_run():
    async def send_on() -> None:
        while True:
            await chat.sends[0]({"type": "websocket.send", "text": "hello"})

    chat = Chat()
    leaver = websocket(DrainMiddleware(chat))
    await asyncio.sleep(1)
    leaver.put("websocket.disconnect", code=1000)
    await leaver.task
    sending = asyncio.ensure_future(send_on())
    await asyncio.sleep(0)

    assert not sending.done()
    sending.cancel()


async def test_a_client_that_reads_nothing_delays_nobody_and_is_closed_with_1008():
    app = DrainMiddleware(Chat(), outbox_bytes=1024, close_timeout_s=1)
    stalled, reader = websocket(app), websocket(app)
    await asyncio.sleep(1)
    stalled.holds_writes.clear()
    for _ in range(30):
        reader.say("x" * 100)
    await asyncio.sleep(0.5)
    heard = len(reader.texts)
    stalled.holds_writes.set()
    await stalled.task
    reader.put("websocket.disconnect", code=1000)
    await reader.task

    assert heard == 30
    assert stalled.sent[-1]["code"] == 1008
    assert stalled.sent[-1]["reason"].startswith("slow consumer: ")


class Writable(TcpConnection):
    """One of uvicorn's whose client reads."""

    would_send = True

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.writes_directly = True


async def test_two_broadcasts_do_not_overtake_each_other_while_everybody_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("server.connections.transport.TcpConnection", Writable)
    app = DrainMiddleware(Chat(), drain_timeout_s=5)
    clients = [websocket(app) for _ in range(5)]
    await asyncio.sleep(1)
    draining = asyncio.ensure_future(app.shutdown.drain())
    for _ in range(3):  # turns of the event loop, in one of which the notices are queued
        for number, client in enumerate(clients):
            client.say(f"from {number}")
        await asyncio.sleep(0)
    await draining

    heard = [[text for text in client.texts if text.startswith("from")] for client in clients]
    assert len(heard[0]) == 15
    assert heard == [heard[0]] * 5


async def test_a_handler_whose_server_says_that_the_client_is_gone_has_not_crashed():
    async def greet(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "hello"})

    class Gone(DrainMiddleware):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            async def send_to_nobody(message: Message) -> None:
                if message["type"] == "websocket.send":
                    raise ConnectionResetError
                await send(message)

            await super().__call__(scope, receive, send_to_nobody)

    client = websocket(Gone(greet))
    await client.task

    assert [message["type"] for message in client.sent] == ["websocket.accept"]


async def test_the_application_words_the_notice():
    app = DrainMiddleware(Chat(), on_drain=lambda scope, left, after: f"{scope['path']} {left:.0f}", drain_timeout_s=5)
    client = websocket(app)
    await asyncio.sleep(1)
    await app.shutdown.drain()
    await client.task

    assert client.texts == ["/ws 5"]


async def test_a_client_of_socket_io_is_told_nothing_that_its_framing_does_not_know():
    app = DrainMiddleware(Chat(), drain_timeout_s=5)
    client = websocket(app, b"EIO=4&transport=websocket")
    await asyncio.sleep(1)
    await app.shutdown.drain()
    await client.task

    assert client.texts == []
    assert client.sent[-1]["code"] == 1012


class Slow:
    """Accepts after some seconds, says after some more what it is given, and then listens."""

    def __init__(self, accepts_s: float, greets_s: float, *greeting: str) -> None:
        self.accepts_s, self.greets_s, self.greeting = accepts_s, greets_s, greeting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await asyncio.sleep(self.accepts_s)
        await send({"type": "websocket.accept"})
        await asyncio.sleep(self.greets_s)
        for text in self.greeting:
            await send({"type": "websocket.send", "text": text})
        while (await receive())["type"] == "websocket.receive":
            pass


@pytest.mark.parametrize("greeting", [(), ("hello", "and more")])
@pytest.mark.parametrize(("accepts_s", "greets_s"), [(0, 0.05), (1, 0), (1, 0.05)])
async def test_a_client_that_has_only_just_come_is_told_after_the_greeting(
    greeting: tuple[str, ...], accepts_s: float, greets_s: float
):
    slow = Slow(accepts_s, greets_s, *greeting)
    app = DrainMiddleware(slow, on_drain=lambda *_: "draining", drain_timeout_s=5)
    client = websocket(app)
    await asyncio.sleep(0.01)
    await app.shutdown.drain()
    await client.task

    assert client.texts == [*greeting[:1], "draining", *greeting[1:]]


async def test_a_client_that_is_closed_before_the_greeting_is_told_first():
    app = DrainMiddleware(Slow(1, 1, "hello"), on_drain=lambda *_: "draining", drain_timeout_s=0)
    client = websocket(app)
    await asyncio.sleep(0.01)
    await app.shutdown.drain()
    await client.task

    assert client.texts == ["draining"]
    assert client.sent[-1]["code"] == 1012


async def test_a_handler_that_crashes_closes_its_client_with_1011_and_is_still_heard_of():
    async def crash(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        raise ZeroDivisionError

    client = websocket(DrainMiddleware(crash))

    with pytest.raises(ZeroDivisionError):
        await client.task
    assert client.sent[-1]["code"] == 1011


async def test_a_handshake_that_a_handler_leaves_open_is_left_to_the_server():
    async def crash(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        raise ZeroDivisionError

    client = websocket(DrainMiddleware(crash))

    with pytest.raises(ZeroDivisionError):
        await client.task
    assert client.sent == []


async def test_a_handler_that_returns_closes_its_client_with_1000():
    async def accept(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})

    client = websocket(DrainMiddleware(accept))
    await client.task

    assert client.sent[-1]["code"] == 1000


async def test_a_handler_that_ends_because_its_client_is_gone_has_not_crashed():
    async def only_sends(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        try:
            await send({"type": "websocket.send", "text": "to nobody"})
        except OSError as error:
            raise RuntimeError("disconnected") from error

    client = websocket(DrainMiddleware(only_sends))
    client.put("websocket.disconnect", code=1000)

    await client.task


async def test_from_the_signal_on_no_line_is_logged_for_each_client(monkeypatch: pytest.MonkeyPatch):
    uvicorns = logging.getLogger("uvicorn.error")
    monkeypatch.setattr(uvicorns, "filters", [])
    app = DrainMiddleware(Chat())
    await started(app)
    line = uvicorns.makeRecord(uvicorns.name, logging.INFO, "", 0, "connection closed", (), None)

    before = uvicorns.filter(line)
    app.shutdown.told_to_stop = lambda: True

    assert (bool(before), bool(uvicorns.filter(line))) == (True, False)


async def test_a_busy_handler_hides_no_close_of_its_client():
    async def busy(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        await asyncio.sleep(60)

    client = websocket(DrainMiddleware(busy))
    client.say("work")
    client.put("websocket.disconnect", code=1000)
    await asyncio.sleep(1)

    assert client.incoming.empty()
    client.task.cancel()
    await asyncio.wait({client.task})


async def test_a_handshake_that_is_still_open_when_clients_are_closed_is_refused():
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await asyncio.sleep(100)
        await send({"type": "websocket.accept"})

    app = DrainMiddleware(slow, drain_timeout_s=1, close_timeout_s=1)
    client = websocket(app)
    await asyncio.sleep(1)
    draining = asyncio.ensure_future(app.shutdown.drain())
    await asyncio.sleep(2)
    client.put("websocket.disconnect", code=1006)
    await draining
    await client.task

    assert [message.get("status") for message in client.sent] == [503, None]
    assert app.shutdown.remaining == 0


async def test_a_handler_that_its_server_cancels_says_goodbye():
    client = websocket(DrainMiddleware(Chat()))
    await asyncio.sleep(1)
    client.task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await client.task
    assert client.sent[-1] == {"type": "websocket.close", "code": 1012, "reason": "service restart"}


async def test_a_server_that_knows_no_1012_closes_with_1000():
    chat = Chat()
    app = DrainMiddleware(chat, drain_timeout_s=1)

    async def knows_little(scope: Scope, receive: Receive, send: Send) -> None:
        async def check(message: Message) -> None:
            if message.get("code") == 1012:
                raise Exception("invalid close code 1012")
            await send(message)

        await app(scope, receive, check)

    client = websocket(knows_little)
    await asyncio.sleep(1)
    await app.shutdown.drain()
    await client.task

    assert client.sent[-1] == {"type": "websocket.close", "code": 1000}


async def test_a_handler_has_time_to_clean_up_after_its_client_is_gone_and_is_cancelled_if_it_takes_longer():
    ends: list[str] = []

    async def clean_up(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        try:
            await asyncio.sleep(float(scope["path"][1:]))
            ends.append("cleaned up")
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    app = DrainMiddleware(clean_up, drain_timeout_s=1)
    clients = [Driver(app, type="websocket", path=f"/{seconds}") for seconds in (0.2, 60)]
    for client in clients:
        client.put("websocket.connect")
    await asyncio.sleep(1)
    await app._drain()

    assert ends == ["cleaned up", "cancelled"]


async def test_prometheus_has_the_numbers_of_the_drain_where_it_is_asked_for_until_the_end():
    app = DrainMiddleware(Chat(), metrics=True, drain_timeout_s=1)
    lifespan = Driver(app, type="lifespan")
    lifespan.put("lifespan.startup")
    client = websocket(app)
    await asyncio.sleep(1)
    values = [
        REGISTRY.get_sample_value("ebb_connections"),
        REGISTRY.get_sample_value("ebb_phase", {"phase": "serving"}),
    ]
    await app.shutdown.drain()
    await client.task
    after = REGISTRY.get_sample_value("ebb_phase", {"phase": "stopped"})
    lifespan.put("lifespan.shutdown")
    await lifespan.task

    assert (values, after) == ([1, 1], 1)
    assert REGISTRY.get_sample_value("ebb_connections") is None


async def test_metrics_without_prometheus_client_fail_the_startup_with_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("server.middleware.drain_middleware.find_spec", lambda name: None)

    answer = await started(DrainMiddleware(Chat(), metrics=True))

    assert answer["message"] == "EBB_METRICS needs prometheus_client: pip install prometheus-client"


class Closed(Writable):
    """One of uvicorn's that it has closed for a missing pong, before anybody has read that."""

    server_closed = True


@pytest.mark.parametrize(("kind", "expected"), [(Closed, []), (Writable, [RuntimeError])])
async def test_a_client_that_its_server_has_closed_by_itself_is_no_error_for_who_broadcasts(
    monkeypatch: pytest.MonkeyPatch, kind: type[TcpConnection], expected: list[type[Exception]]
):
    monkeypatch.setattr("server.connections.transport.TcpConnection", kind)
    chat = Chat()
    app = DrainMiddleware(chat)

    async def has_closed(scope: Scope, receive: Receive, send: Send) -> None:
        async def check(message: Message) -> None:
            if message["type"] == "websocket.send":
                raise RuntimeError("Unexpected ASGI message 'websocket.send', after sending 'websocket.close'.")
            await send(message)

        await app(scope, receive, check)

    client = websocket(has_closed)
    await asyncio.sleep(1)
    errors: list[type[Exception]] = []
    try:
        await chat.sends[0]({"type": "websocket.send", "text": "hello"})
    except RuntimeError as error:
        errors.append(type(error))
    client.task.cancel()
    await asyncio.wait({client.task})

    assert errors == expected
