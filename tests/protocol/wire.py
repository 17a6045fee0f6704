"""A client of uvicorn's protocol classes without a socket: what it sends is handed to them, what they write is kept."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from server.protocol.bounds import Bounds, Count, not_counted
from server.protocol.install import BOUNDS, install
from tests.protocol.test_frames import frame
from tests.protocol.test_handshake import request

App = Callable[[Any, Any, Any], Awaitable[None]]


class Addresses:
    """A socket, as far as it is asked; it is taken for one of Unix."""

    family = socket.AF_UNIX

    def __init__(self) -> None:
        self.options: list[tuple[int, ...]] = []

    def setsockopt(self, *option: int) -> None:
        self.options.append(option)

    def getpeername(self) -> tuple[str, int]:
        return ("192.0.2.7", 4711)

    def getsockname(self) -> tuple[str, int]:
        return ("192.0.2.1", 80)


class Wire(asyncio.Transport):
    """The transport between a client and its protocol object."""

    def __init__(self, over_tls: bool = False) -> None:
        own = Addresses()
        names = {"peername": own.getpeername(), "sockname": own.getsockname()}
        super().__init__({"socket": own, "sslcontext": over_tls or None, **names})
        self.written = b""
        self.reads = True
        self.closed = self.half_closed = self.aborted = self.lost = False
        self.over_tls = over_tls
        self.waits = 0  # bytes that the client does not read
        self.protocol: Any = None

    def write(self, data: Any) -> None:
        assert not self.half_closed, "written after the end"
        self.written += data

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        self.closed = True
        if not self.lost and (self.aborted or not self.waits):
            self.lost = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        self.aborted = True
        self.close()

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return not self.over_tls

    def write_eof(self) -> None:
        self.half_closed = True

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def get_write_buffer_size(self) -> int:
        return self.waits

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_protocol(self) -> Any:
        return self.protocol


class Served:
    """One server of `app`, and its clients. `own`: with our classes; else with uvicorn's."""

    def __init__(
        self, app: App, *, own: bool = True, bounds: Bounds = BOUNDS, count: Count = not_counted, **options: Any
    ) -> None:
        self.config = uvicorn.Config(app, ws="websockets-sansio", log_config=None, lifespan="off", **options)
        self.config.load()
        self.state = ServerState()
        self.state.default_headers = [(b"date", b"today")]
        if own:
            assert install(self.config, bounds, count)

    def client(self, handshake: bytes | None = None, *, over_tls: bool = False) -> Client:
        """Connect, and send the handshake."""
        client = Client(self, over_tls)
        client.send(request() if handshake is None else handshake)
        return client


class Client:
    """What a client does and hears."""

    def __init__(self, served: Served, over_tls: bool = False) -> None:
        self.wire = Wire(over_tls)
        make: Any = served.config.http_protocol_class
        protocol = make(config=served.config, server_state=served.state, app_state={"shop": "open"})
        self.wire.protocol = protocol
        protocol.connection_made(self.wire)

    def send(self, *data: bytes) -> None:
        """Send one segment."""
        self.wire.protocol.data_received(b"".join(data))

    def say(self, text: str) -> None:
        self.send(frame(0x81, text.encode()))

    def vanish(self) -> None:
        """End TCP."""
        self.wire.abort()

    @property
    def head(self) -> list[str]:
        """The lines of the answer to the handshake."""
        return self.wire.written.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")

    @property
    def heard(self) -> list[tuple[int, bytes]]:
        """The frames that were written since: each its opcode and payload. All are short."""
        rest, frames = self.wire.written.partition(b"\r\n\r\n")[2], []
        while rest:
            first, size, start = rest[0], rest[1], 2
            if size == 126:
                size, start = int.from_bytes(rest[2:4], "big"), 4
            frames.append((first & 0x0F, rest[start : start + size]))
            rest = rest[start + size :]
        return frames

    @property
    def close(self) -> tuple[int, str] | None:
        """The close frame."""
        payloads = [payload for opcode, payload in self.heard if opcode == 0x8]
        return (int.from_bytes(payloads[0][:2], "big"), payloads[0][2:].decode()) if payloads else None


class Recorder:
    """An application that accepts, notes every event, and answers each text. `during`: what it awaits for each."""

    def __init__(self, during: Callable[[str], Awaitable[None]] | None = None) -> None:
        self.scope: Any = None
        self.events: list[Any] = []
        self.during = during

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope
        while not self.events or self.events[-1]["type"] != "websocket.disconnect":
            event = await receive()
            self.events.append(event)
            if event["type"] == "websocket.connect":
                await send({"type": "websocket.accept", "subprotocol": "two", "headers": [(b"X-Shop", b"1")]})
            elif (text := event.get("text")) is not None:
                if self.during is not None:
                    await self.during(text)
                if text.startswith("close"):
                    await send({"type": "websocket.close", "code": 4000, "reason": "as asked"})
                else:
                    await send({"type": "websocket.send", "text": f"you said {text}"})
            elif event.get("bytes") is not None:
                await send({"type": "websocket.send", "bytes": event["bytes"][::-1]})
