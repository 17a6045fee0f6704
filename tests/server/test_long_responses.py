"""`DrainMiddleware` around an application that streams: event streams and downloads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from server.middleware.client_gone import ClientGone
from server.middleware.drain_middleware import DrainMiddleware
from tests.server.asgi_driver import request, websocket

pytestmark = pytest.mark.looptime


class Streams:
    """Sends `parts`, one each 0.1 s, over and over; `times` times."""

    def __init__(self, *parts: bytes, kind: bytes = b"text/event-stream", times: int = 1000) -> None:
        self.headers = [(b"content-type", kind)]
        self.parts = parts * times
        self.errors: list[BaseException] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        try:
            for part in self.parts:
                await send({"type": "http.response.body", "body": part, "more_body": True})
                await asyncio.sleep(0.1)
        except BaseException as error:
            self.errors.append(error)
            raise
        await send({"type": "http.response.body", "body": b""})


def account(app: DrainMiddleware) -> tuple[int, ...]:
    report = json.loads(app.shutdown.report())
    return tuple(report[name] for name in ("present", "left", "closed", "aborted"))


@pytest.mark.parametrize("parts", [[b"data: 1\n\n"], [b"data: 1", b"\n", b"\n"], [b"\ndata: 1\n\nda", b"ta: 2\n"]])
async def test_an_event_stream_is_told_once_served_on_and_ended_between_two_events(parts: list[bytes]):
    streams = Streams(*parts)
    app = DrainMiddleware(streams, drain_timeout_s=5)
    client = request(app)
    await asyncio.sleep(1)
    await app.shutdown.drain()
    await client.task

    events = client.body.split(b"\n\n")
    told = [each for each in events if b"draining" in each]
    assert len(told) == 1
    assert told[0].startswith(b"event: draining\ndata: {")
    assert json.loads(told[0].partition(b"data: ")[2])["type"] == "draining"
    assert len(events) > 15
    assert client.complete
    assert events[-1] == b""
    assert account(app) == (1, 0, 1, 0)
    assert [type(error) for error in streams.errors] == [ClientGone]


async def test_a_notice_waits_for_the_end_of_the_event_that_is_under_way():
    held = asyncio.Event()

    async def hold_an_event(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b"data: 1\n", "more_body": True})
        await held.wait()
        await send({"type": "http.response.body", "body": b"data: 2\n\ndata: 3", "more_body": True})
        await send({"type": "http.response.body", "body": b"\n\n"})

    app = DrainMiddleware(hold_an_event, on_drain=lambda *_: "soon", drain_timeout_s=5)
    client = request(app)
    await asyncio.sleep(1)
    draining = asyncio.ensure_future(app.shutdown.drain())
    await asyncio.sleep(1)
    before = client.body
    held.set()
    await draining
    await client.task

    assert before == b"data: 1\n"
    assert client.body == b"data: 1\ndata: 2\n\nevent: draining\ndata: soon\n\ndata: 3\n\n"
    assert account(app) == (1, 1, 0, 0)


async def test_an_event_stream_that_stays_in_the_middle_of_an_event_is_cut_off():
    async def stay(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b"data: 1", "more_body": True})
        await asyncio.sleep(100)

    app = DrainMiddleware(stay, drain_timeout_s=2, close_timeout_s=1)
    client = request(app)
    await asyncio.sleep(1)
    await app.shutdown.drain()
    await client.task

    assert not client.complete
    assert account(app) == (1, 0, 0, 1)


async def test_an_event_stream_that_sends_nothing_is_ended_all_the_same():
    async def idle(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await asyncio.sleep(100)

    app = DrainMiddleware(idle, on_drain=lambda *_: None, drain_timeout_s=2)
    client = request(app)
    await asyncio.sleep(1)
    await app.shutdown.drain()
    await client.task

    assert client.body == b""
    assert client.complete
    assert account(app) == (1, 0, 1, 0)


@pytest.mark.parametrize(("times", "complete", "expected"), [(30, True, (1, 1, 0, 0)), (300, False, (1, 0, 0, 1))])
async def test_a_download_is_served_to_its_last_byte_or_cut_off_at_the_deadline(
    times: int, complete: bool, expected: tuple[int, ...]
):
    app = DrainMiddleware(Streams(b"x" * 10, kind=b"application/zip", times=times), drain_timeout_s=5)
    client = request(app)
    await asyncio.sleep(1)
    await app.shutdown.drain()
    await client.task

    assert client.complete is complete
    assert len(client.body) == 300 if complete else 580 <= len(client.body) <= 640
    assert account(app) == expected


async def test_an_event_stream_that_would_begin_in_a_drain_is_refused_whether_it_was_asked_for_or_not():
    streams = Streams(b"data: 1\n\n")
    app = DrainMiddleware(streams, drain_timeout_s=5)
    resident = request(app)
    await asyncio.sleep(1)
    draining = asyncio.ensure_future(app.shutdown.drain())
    await asyncio.sleep(1)
    asks = request(app, accept="text/event-stream")
    says_nothing = request(app)
    await asks.task
    await says_nothing.task
    await draining
    await resident.task

    for each in (asks, says_nothing):
        assert [message.get("status") for message in each.sent] == [503, None]
        assert (b"retry-after", b"1") in each.sent[0]["headers"]


def answers_after(seconds: float) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(seconds)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    return answer


@pytest.mark.parametrize(("seconds", "status"), [(3, 200), (300, 503)])
async def test_a_request_under_way_is_answered_by_the_application_or_at_the_deadline_with_503(
    seconds: float, status: int
):
    app = DrainMiddleware(answers_after(seconds), drain_timeout_s=5)
    client = request(app, method="POST")
    await asyncio.sleep(1)
    await app._drain()
    await client.task

    assert client.sent[0]["status"] == status
    assert account(app) == (0, 0, 0, 0)


async def stay(scope: Scope, receive: Receive, send: Send) -> None:
    """A client that stays until it is closed."""
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def test_requests_under_way_when_the_last_client_is_closed_are_answered():
    answer, too_slow = answers_after(0.3), answers_after(300)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        serves = stay if scope["type"] == "websocket" else too_slow if scope["path"] == "/slow" else answer
        await serves(scope, receive, send)

    app = DrainMiddleware(serve, drain_timeout_s=2)
    client = websocket(app)
    await asyncio.sleep(1)
    draining = asyncio.ensure_future(app._drain())
    slow = request(app, "/slow")
    await asyncio.sleep(1.9)
    under_way = request(app)
    await asyncio.sleep(0.4)
    only_just_begun = request(app)
    await draining
    for each in (client, slow, under_way, only_just_begun):
        await each.task

    assert client.sent[-1]["code"] == 1012
    assert [each.sent[0]["status"] for each in (slow, under_way, only_just_begun)] == [503, 200, 200]


async def test_a_request_that_ends_while_a_middleware_around_us_has_the_beginning_of_its_answer_gets_503():
    app = DrainMiddleware(answers_after(1), drain_timeout_s=5)

    async def takes_its_time(scope: Scope, receive: Receive, send: Send) -> None:
        async def pass_on(message: Message) -> None:
            await asyncio.sleep(0 if message.get("status") == 503 else 100)
            await send(message)

        await app(scope, receive, pass_on)

    client = request(takes_its_time)
    await asyncio.sleep(1)
    await app._drain()
    await client.task

    assert [message.get("status") for message in client.sent] == [503, None]


async def test_a_second_ctrl_c_waits_for_no_request():
    app = DrainMiddleware(answers_after(300), drain_timeout_s=1000)
    client = request(app, method="POST")
    await asyncio.sleep(1)
    draining = asyncio.ensure_future(app._drain())
    await asyncio.sleep(5)
    app.shutdown.take_force = lambda: True
    await asyncio.wait_for(draining, 1)
    await client.task

    assert client.sent[0]["status"] == 503


async def test_a_handler_that_goes_on_after_the_end_without_looking_gives_way():
    rounds = 0

    async def never_looks(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal rounds
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        while rounds < 1000:
            rounds += 1
            try:
                await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
                await asyncio.sleep(0.1)
            except Exception:
                continue

    app = DrainMiddleware(never_looks, drain_timeout_s=2)
    client = request(app)
    await asyncio.sleep(1)
    await app.shutdown.drain()
    await client.task

    assert client.complete


async def test_what_a_group_of_tasks_raises_because_its_client_is_gone_is_no_crash():
    async def in_a_group(scope: Scope, receive: Receive, send: Send) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(Streams(b"data: 1\n\n")(scope, receive, send))

    app = DrainMiddleware(in_a_group, drain_timeout_s=2)
    client = request(app)
    await asyncio.sleep(1)
    await app.shutdown.drain()
    await client.task

    assert client.complete


class Cycle:
    """As uvicorn's object of a request: what it is asked for, and no more."""

    def __init__(self) -> None:
        self.disconnected = False
        self.sent: list[Any] = []
        self.unsent = 0
        self.limits: list[int | None] = []
        self.emptied = asyncio.Event()
        self.transport = self.flow = self

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        self.unsent += len(message.get("body", b""))

    def get_protocol(self) -> None:
        return None

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def set_write_buffer_limits(self, high: int | None = None) -> None:
        self.limits.append(high)

    async def drain(self) -> None:
        await self.emptied.wait()

    def abort(self) -> None:
        self.disconnected = True


async def test_what_waits_for_its_reader_is_a_client_until_it_has_left():
    app = DrainMiddleware(answers_after(0), drain_timeout_s=50)
    cycle = Cycle()
    task = asyncio.ensure_future(
        app({"type": "http", "method": "GET", "path": "/", "headers": []}, asyncio.Queue[Any]().get, cycle.send)
    )
    await asyncio.sleep(1)
    draining = asyncio.ensure_future(app._drain())
    await asyncio.sleep(1)
    waited_for = not draining.done()
    cycle.emptied.set()
    await task
    await draining

    assert waited_for
    assert cycle.limits == [0, None]
    assert account(app) == (1, 1, 0, 0)


async def test_what_is_still_waiting_at_the_deadline_is_cut_off():
    app = DrainMiddleware(answers_after(0), drain_timeout_s=3)
    cycle = Cycle()
    task = asyncio.ensure_future(
        app({"type": "http", "method": "GET", "path": "/", "headers": []}, asyncio.Queue[Any]().get, cycle.send)
    )
    await asyncio.sleep(1)
    await app._drain()
    await task

    assert cycle.disconnected
    assert account(app) == (1, 0, 0, 1)
