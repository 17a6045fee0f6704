"""One client connection: websockets' sans-I/O protocol behind an asyncio transport.

Owns the bytes of one connection and the record of what was seen on it, taken at the moment of arrival. Answers pings
and close frames. Offers no compression. Refuses to know who a client is and when it speaks or leaves.

Rules. Nothing here raises for what a server does: it is recorded. After the closing handshake a client waits for the
server to end the TCP connection (RFC 6455, 7.1.1). The end of a connection is recorded once: "eof" when the server's
FIN arrives, "reset", or "local" when we tore it down.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, cast

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import OPEN
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from ..history.record import History
from ..probes.network import HOST, local_port_of, name_of

HANDSHAKE_TIMEOUT_S = 10.0
LONGEST_MESSAGE = 2**24
LONGEST_LINE = 200
TAG = re.compile(r"<(head|style|script|title)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
NO_STATUS = 1005  # stands for a close frame without a code (RFC 6455, 7.1.5)


class Wire(asyncio.Protocol):
    """A connection that shakes hands, listens, closes properly, and records what it observes."""

    persona: ClassVar[str] = "client"
    hostile: ClassVar[bool] = False

    def __init__(
        self,
        name: str,
        history: History,
        path: str = "/ws",
        subprotocol: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.name = name
        self.history = history
        self.path = path
        self.subprotocol = subprotocol
        self.headers = headers
        self.close_answer_delay_s = 0.0
        self.opened = self.failed = self.leaving = self.ended = False
        self._fragments: list[bytes] = []
        self._charset = "utf-8"
        self._transport: asyncio.Transport | None = None
        self._settled: asyncio.Future[bool] | None = None

    @property
    def present(self) -> bool:
        """Whether the connection is open and neither side has begun to close it."""
        return self.opened and not self.ended and self._protocol.state is OPEN

    @property
    def about(self) -> dict[str, Any]:
        """What is recorded about a client that is connecting, besides its path."""
        return {"persona": self.persona, "hostile": self.hostile, "subprotocol": self.subprotocol}

    def on_accepted(self) -> None:
        """Called when the server has accepted the connection: with that, this client is in."""
        self.come_in()

    def on_open(self) -> None:
        """Called when the client is in."""

    def on_text(self, now: float, text: str) -> None:
        """Called with each message as it arrives; in a binary message each byte is one character."""

    async def connect(self, port: int, host: str = HOST, timeout_s: float = HANDSHAKE_TIMEOUT_S) -> bool:
        """Shake hands, within `timeout_s` in all; return whether the server let the client in."""
        uri = parse_uri(f"ws://{host}:{port}{self.path}")
        offered = [Subprotocol(self.subprotocol)] if self.subprotocol else None
        self._protocol = ClientProtocol(uri, subprotocols=offered, max_size=LONGEST_MESSAGE)
        self._settled = asyncio.get_running_loop().create_future()
        self.record(time.monotonic(), "connecting", path=self.path, **self.about)
        try:
            async with asyncio.timeout(timeout_s):
                await self.dial(host, port)
                return await self._settled
        except OSError as error:
            self._settle(time.monotonic(), "failed", error=name_of(error))
            return False

    async def dial(self, host: str, port: int) -> None:
        """Open the TCP connection. Raises OSError where that fails."""
        await asyncio.get_running_loop().create_connection(lambda: self, host, port)

    def come_in(self) -> None:
        """Note that the client is in, once."""
        self._settle_for(True)
        self.on_open()

    def send(self, messages: Iterable[str | bytes]) -> None:
        """Send messages in one write: one segment, as far as the network allows. Only while `present`."""
        for message in messages:
            if isinstance(message, str):
                self._protocol.send_text(message.encode())
            else:
                self._protocol.send_binary(message)
        self._flush()

    def send_close(self, code: int | None) -> None:
        """Begin the closing handshake, with an empty frame where `code` is None. Only while `present`."""
        self.record(time.monotonic(), "close_sent", code=NO_STATUS if code is None else code, ours=True)
        self.leaving = True
        self._protocol.send_close(code)
        self._flush()

    def tear_down(self) -> None:
        """Drop the connection on our side, without a close frame."""
        if self._transport is not None:
            self._transport.abort()

    def record(self, t: float, what: str, **detail: Any) -> None:
        """Record in the history what this client saw or did at `t`."""
        self.history.record(t, self.name, what, **detail)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TCP is connected: send the WebSocket handshake."""
        self._transport = cast(asyncio.Transport, transport)
        request = self._protocol.connect()
        for header, value in self.headers.items():
            request.headers.pop(header, None)
            request.headers[header] = value
        self._protocol.send_request(request)
        self._flush()

    def eof_received(self) -> None:
        """The server has ended the TCP connection; returning None ends our half too."""
        now = time.monotonic()
        objected = self._protocol.handshake_exc is not None
        self._protocol.receive_eof()
        self._read(now, None if objected else "eof")
        self._end(now, "eof")

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended: by a reset or by us, unless the server's FIN came first."""
        self._end(time.monotonic(), "local" if exc is None else "reset")

    # From bytes to records

    def _read(self, now: float, cut_by: str | None = None) -> None:
        """Read what has come; `cut_by`: the end that a handshake which is still without an answer has come to."""
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._read_frame(now, event)
            elif isinstance(event, Response):
                self._read_response(now, event)
        if not self.opened and self._protocol.handshake_exc is not None:
            self._settle(now, "failed", error=cut_by or str(self._protocol.handshake_exc))
        elif not self.ended:
            self._flush()

    def _read_response(self, now: float, response: Response) -> None:
        if response.status_code != 101:
            retry_after = response.headers.get("Retry-After")
            said = first_line(response.body)
            self._settle(now, "refused", status=response.status_code, retry_after=retry_after, said=said)
        elif self._protocol.handshake_exc is None:
            self._settle(now, "opened", local_port=local_port_of(self._transport))
            self.on_accepted()

    def _read_frame(self, now: float, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self._read_close(now)
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._charset = {Opcode.TEXT: "utf-8", Opcode.BINARY: "latin-1"}.get(frame.opcode, self._charset)
            self._fragments.append(bytes(frame.data))
            if frame.fin:
                message, self._fragments = b"".join(self._fragments), []
                self.on_text(now, message.decode(self._charset, errors="replace"))

    def _read_close(self, now: float) -> None:
        close = self._protocol.close_rcvd
        assert close is not None, "websockets sets close_rcvd before it hands out the frame"
        self.record(now, "close_received", code=close.code, reason=close.reason)
        self._settle_for(False)
        if self._protocol.close_rcvd_then_sent:
            answer = self._protocol.data_to_send()
            if self.close_answer_delay_s:
                asyncio.get_running_loop().call_later(self.close_answer_delay_s, self._answer, close.code, answer)
            else:
                self._answer(close.code, answer)

    def _answer(self, code: int, answer: list[bytes]) -> None:
        if not self.ended:
            self.record(time.monotonic(), "close_sent", code=code, ours=False)
            self._write(answer)

    def _flush(self) -> None:
        self._write(self._protocol.data_to_send())

    def _write(self, chunks: list[bytes]) -> None:
        data = b"".join(chunks)
        if data and self._transport is not None:
            self._transport.write(data)

    def _settle(self, now: float, outcome: str, **detail: Any) -> None:
        """Record what came of the handshake, once; anything but "opened" ends the connection."""
        if self.opened or self.failed:
            return
        self.record(now, outcome, **detail)
        self.opened = outcome == "opened"
        self.failed = not self.opened
        if self.failed:
            self.tear_down()
            self._settle_for(False)

    def _settle_for(self, is_in: bool) -> None:
        """Tell the caller of `connect` whether the client is in, once."""
        if self._settled is not None and not self._settled.done():
            self._settled.set_result(is_in)

    def _end(self, now: float, how: str) -> None:
        if self.opened and not self.ended:
            self.record(now, "ended", how=how)
            self._settle_for(False)
        else:
            self._settle(now, "failed", error=how)
        self.ended = True


def first_line(body: bytes | bytearray | None) -> str:
    """The first line of an answer's text, without HTML tags."""
    text = TAG.sub("\n", bytes(body or b"").decode(errors="replace"))
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:LONGEST_LINE]
