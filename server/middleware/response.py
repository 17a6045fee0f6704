"""One HTTP response of an application that knows nothing of draining.

Owns what makes it a client of the drain: an event stream is one from its first byte on, any other response as soon as
it comes in parts, or waits for its reader. An event stream is told between two events, and ended between two events;
a download is served to its last byte, and cut off at the deadline, so that nobody takes what it has for the whole.
Refuses to know what the application says.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial

from ..connections.asgi import Message, Send
from ..connections.request_connection import RequestConnection
from ..drain.events import Departure
from ..messages.wire import Draining
from .answers import refuse_request
from .client_gone import ClientGone, came_of_leaving
from .crowd import Crowd
from .event_stream import Place, event, is_event_stream

Word = Callable[[Draining, str | None], str | bytes | None]


class Response:
    """The response of one request. `word(notice, None)` is what an event stream is told of a drain; None: nothing."""

    def __init__(self, crowd: Crowd, send: Send, connection: RequestConnection, word: Word) -> None:
        self.number = 0  # until it is counted
        self.began = asyncio.get_running_loop().time()
        self.departure = Departure.LEFT
        self._crowd = crowd
        self._send = send
        self._connection = connection
        self._word = word
        self._handler = asyncio.current_task()
        self._started = self._over = self._given_up = False
        self._stream: _Stream | None = None

    # ---- The application's side ----

    async def serve(self, handle: Callable[[Send], Awaitable[None]]) -> None:
        """Run the handler; count the response out once what it has sent has left this process."""
        try:
            try:
                await handle(self.send)
            except Exception as error:
                if not came_of_leaving(error):
                    raise
            if self._connection.unsent_bytes and not self.client_gone:
                self._join()
                await self._connection.flushed()
        except asyncio.CancelledError:
            if not self._given_up or self._handler is None:
                raise
            self._handler.uncancel()
            if not self._started:
                await refuse_request(self._send)
        finally:
            if self.counted:
                self._crowd.forget(self)

    async def send(self, message: Message) -> None:
        """Send what the application sends. Raises ClientGone once the response was ended or cut off."""
        if self._over:
            await asyncio.sleep(0)  # a loop that only sends gives way
            raise ClientGone("the response is over")
        if self._stream is not None:
            await self._send_events(self._stream, message)
        elif message["type"] == "http.response.start" and is_event_stream(message.get("headers", ())):
            await self._begin_events(message)
        else:
            if message.get("more_body"):
                self._join()
            await self._send(message)
            self._started = True

    async def _begin_events(self, message: Message) -> None:
        if not self._crowd.serving:
            self._crowd.refused += 1
            self._over = self._started = True
            await refuse_request(self._send)
            raise ClientGone("no event stream begins in a drain")
        self._stream = _Stream()
        self._join()
        async with self._stream.turn:
            await self._send(message)
            self._started = True

    async def _send_events(self, stream: _Stream, message: Message) -> None:
        async with stream.turn:
            if self._over:
                raise ClientGone("the response is over")
            if message["type"] == "http.response.body":
                message = stream.passed_by(message)
                self._over = not message.get("more_body")
            await self._send(message)
            stream.moved.set()

    def _join(self) -> None:
        if self.number == 0 and not self._crowd.evicting:
            self.number = self._crowd.number()
            self._crowd.join(self)
            self._connection.when_lost(partial(self._crowd.gone, self))

    @property
    def counted(self) -> bool:
        """Whether it is, or was, a client of the drain."""
        return self.number != 0

    @property
    def client_gone(self) -> bool:
        """Whether nobody waits for it any more."""
        return self._connection.is_lost

    # ---- What the drain does with it ----

    @property
    def quiet(self) -> bool:
        """Whether `close_now` would not wait: it may, for the end of an event."""
        return False

    async def close_now(self, until: float) -> None:
        """As `say_goodbye`."""
        await self.say_goodbye(until)

    def tell(self, notice: Draining) -> None:
        """Send the notice to an event stream: now, or with the end of the event that is under way."""
        stream = self._stream
        if stream is None or self._over or (word := self._word(notice, None)) is None:
            return
        stream.notice = event(word)
        stream.telling = asyncio.ensure_future(self._tell(stream))

    async def _tell(self, stream: _Stream) -> None:
        async with stream.turn:
            if stream.notice is not None and stream.place.between and not self._over:
                await self._send(stream.passed_by({"type": "http.response.body", "body": b"", "more_body": True}))

    async def say_goodbye(self, until: float) -> None:
        """End an event stream between two events; anything else has had its time, and is cut off."""
        if self._stream is None:
            self.abort()
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._end(self._stream)

    async def _end(self, stream: _Stream) -> None:
        stream.ending = True
        while not self._over:
            async with stream.turn:
                stream.moved.clear()
                if stream.place.between and not self._over:
                    self._over = True
                    await self._send({"type": "http.response.body", "body": b""})
            if not self._over:
                await stream.moved.wait()
        self.departure = Departure.CLOSED
        if self._connection.unsent_bytes:
            await self._connection.flushed()
        self._crowd.gone(self)

    def abort(self) -> None:
        """Cut it off, end its handler, and count it out whether that ends or not. 503 where nothing was sent yet."""
        self._over = True
        self.departure = Departure.ABORTED
        if self._started:
            self._connection.abort()
        self.give_up()
        if self.counted:
            asyncio.get_running_loop().call_soon(self._crowd.gone, self)

    def give_up(self) -> None:
        """End a handler that goes on without its client."""
        if self._handler is not None and not self._given_up:
            self._given_up = True
            self._handler.cancel()


class _Stream:
    """What an event stream needs beside: whose turn it is to send, where it stands, and what we have to add to it."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.moved = asyncio.Event()
        self.place = Place()
        self.notice: bytes | None = None
        self.ending = False
        self.telling: asyncio.Task[None] | None = None

    def passed_by(self, message: Message) -> Message:
        """Put the notice, or the end, into a part of the body, where an event ends."""
        part = message.get("body", b"")
        place = self.place.pass_by(part)
        if place is None:
            return message
        if self.notice is not None:
            part = part[:place] + self.notice + part[place:]
            place += len(self.notice)
            self.notice = None
        if self.ending:
            return {**message, "body": part[:place], "more_body": False}
        return {**message, "body": part}
