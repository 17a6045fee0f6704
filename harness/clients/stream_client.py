"""A client of one long HTTP response: an event stream, which it reads event by event, or a download.

Owns the bytes of one connection and the record of what was seen on it: when the response began, when each event and the
notice came, and how it ended. h11 implements HTTP. Refuses to know who a client is and when it asks.

Rules. Nothing here raises for what a server does: it is recorded. The end is recorded once: "eof" when the body or the
connection came to its end, "reset", or "local" when the client ended it; with it, whether the body was complete and
whether the last event was. A connection has one response, so that a stream has a connection of its own.
"""

from __future__ import annotations

import asyncio
import string
import time
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

import h11

from ..history.record import History
from ..history.stream import EVENT_STREAM
from ..probes.network import HOST, local_port_of, name_of
from .event_stream import EventReader, ReadNotice, StreamEvent, notice_in
from .wire import HANDSHAKE_TIMEOUT_S

ANYTHING = f"{EVENT_STREAM}, */*"


class StreamClient(asyncio.Protocol):
    """Asks once for `path`, and reads what comes until it leaves. `accept`: the media types that it asks for.

    `answer`: what came of the request, in a word for a person.
    """

    persona = "stream"
    accept = ANYTHING

    def __init__(
        self, name: str, history: History, path: str, headers: Mapping[str, str], read_notice: ReadNotice
    ) -> None:
        self.name = name
        self.history = history
        self.path = path
        self.headers = headers
        self.opened = self.ended = False
        self.answer = ""
        self._read_notice = read_notice
        self._http = h11.Connection(h11.CLIENT)
        self._authority = HOST
        self._reader: EventReader | None = None
        self._transport: asyncio.Transport | None = None
        self._settled = asyncio.Event()

    @property
    def present(self) -> bool:
        """Whether the response has begun and has not ended."""
        return self.opened and not self.ended

    @property
    def tells_events(self) -> bool:
        """Whether the response is an event stream."""
        return self._reader is not None

    def on_open(self) -> None:
        """Called when the response has begun."""

    def on_notice(self, reconnect_after_s: float | None) -> None:
        """Called when the server has sent its drain notice."""

    async def ask(self, port: int, host: str = HOST, timeout_s: float = HANDSHAKE_TIMEOUT_S) -> bool:
        """Ask, within `timeout_s` in all; return whether such a response has begun."""
        self._authority = f"{host}:{port}"
        self._record("requesting", path=self.path, persona=self.persona, accept=self.accept)
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.get_running_loop().create_connection(lambda: self, host, port)
                await self._settled.wait()
        except OSError as error:
            self._settle("failed", error=name_of(error))
        return self.opened

    def leave(self) -> None:
        """End the connection, if the response is still under way: so a client leaves a stream."""
        if self.present:
            self._end("local")

    def tear_down(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        self._transport = cast(asyncio.Transport, transport)
        headers = {"Host": self._authority, "Accept": self.accept, "Cache-Control": "no-store", **self.headers}
        target = quote(self.path, safe=string.punctuation)
        request = h11.Request(method="GET", target=target, headers=list(headers.items()))
        for event in (request, h11.EndOfMessage()):
            self._transport.write(self._http.send(event) or b"")

    def data_received(self, data: bytes) -> None:
        """Read what has come."""
        if not self.ended:
            self._http.receive_data(data)
            self._read()

    def eof_received(self) -> None:
        """Note the end: a body without a length is complete with it."""
        if not self.ended:
            self._http.receive_data(b"")
            self._read()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end, if it came before the response's."""
        self._end("eof" if exc is None else "reset")

    def _read(self) -> None:
        while not self.ended:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError:
                self._end("eof")
                return
            match event:
                case h11.Response():
                    self._begin(event)
                case h11.Data():
                    for each in self._reader.feed(bytes(event.data)) if self._reader else ():
                        self._hear(each)
                case h11.EndOfMessage():
                    self._end("eof", complete=True)
                case h11.InformationalResponse():
                    pass
                case _:
                    return

    def _begin(self, response: h11.Response) -> None:
        headers = {name.decode(): value.decode(errors="replace") for name, value in response.headers}
        if not 200 <= response.status_code < 300:
            self._settle("refused", status=response.status_code, retry_after=headers.get("retry-after"))
            return
        content_type = headers.get("content-type", "")
        if content_type.lower().startswith(EVENT_STREAM):
            self._reader = EventReader()
        port = local_port_of(self._transport)
        self._settle("opened", status=response.status_code, content_type=content_type, local_port=port)
        self.on_open()

    def _hear(self, event: StreamEvent) -> None:
        found = notice_in(event, self._read_notice)
        if found is None:
            self._record("event")
            return
        left_s, moment_s = found.notice
        self._record("notice", deadline_s=left_s, reconnect_after_s=moment_s, torn=found.torn)
        self.on_notice(moment_s)

    def _settle(self, outcome: str, **detail: Any) -> None:
        """Record what came of the request, once; anything but "opened" ends the connection."""
        if self._settled.is_set():
            return
        self._record(outcome, **detail)
        self._settled.set()
        self.opened = outcome == "opened"
        self.answer = detail.get("error") or str(detail["status"])
        if not self.opened:
            self.ended = True
            self.tear_down()

    def _end(self, how: str, complete: bool = False) -> None:
        if self.present:
            between = self._reader is None or self._reader.between
            self._record("ended", how=how, complete=complete, between=between)
        elif not self.ended:
            self._settle("failed", error=how)
        self.ended = True
        self.tear_down()

    def _record(self, what: str, **detail: Any) -> None:
        self.history.record(time.monotonic(), self.name, what, **detail)


class ObedientStream(StreamClient):
    """Leaves at the moment that its notice advises, like a client that has reconnected elsewhere."""

    persona = "obedient-stream"

    def on_notice(self, reconnect_after_s: float | None) -> None:
        """Leave at the advised moment."""
        asyncio.get_running_loop().call_later(reconnect_after_s or 0.0, self.leave)


class LateStream(StreamClient):
    """Asks for an event stream as a browser's `EventSource` does, and leaves at once if it gets one."""

    persona = "late-stream"
    accept = EVENT_STREAM

    def on_open(self) -> None:
        """Leave."""
        self.leave()
