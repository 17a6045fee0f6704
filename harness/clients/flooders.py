"""Clients that attack: each class does one thing that no honest client does, at a pace, and again when it was cut off.

Owns the bytes of each attack. They are made once and written from one buffer, and nothing that the server says is
parsed beyond its first line: fifty of each kind take a tenth of a core, so that the honest clients of the same process
are observed in time. Refuses to know when an attack begins and what the server should do about it.

Rules. Every one of them is hostile. The pace is `PACE_BYTES_PER_S`, or less where all of them together would come to
more than `ALL_BYTES_PER_S`; a server that reads more slowly is not pressed further: there is nothing to queue up here.
Source: RFC 6455 §5.4 (fragments), §5.5 (control frames), §10.4 (limits of an implementation); RFC 9112 §3, §9.5.
"""

from __future__ import annotations

import asyncio
import random
import struct
import time
from functools import lru_cache
from typing import Any, ClassVar, cast

from ..history.record import History
from ..probes.network import HOST, local_port_of, name_of
from .dialects import Dialect
from .small_window import connect_with_a_small_window

PACE_BYTES_PER_S = 1_000_000
ALL_BYTES_PER_S = 40_000_000
BEAT_S = 0.1
FIN, TEXT, BINARY, CONTINUATION, PING, PONG = 0x80, 0x1, 0x2, 0x0, 0x9, 0xA
NO_MASK = bytes(4)  # a mask like any other (RFC 6455, 5.3), under which the payload stays as it is
OVERSIZED_BYTES = 15 * 2**20  # less than what servers commonly allow at most (uvicorn: 16 MiB)
MESSAGES_PER_S = 200
SWITCHING = b"HTTP/1.1 101"
CONNECT_WITHIN_S = 10.0


class Flooder(asyncio.Protocol):
    """One connection of an attacker. `pace`: how many bytes a second it sends at most."""

    persona: ClassVar[str] = "flooder"
    handshakes: ClassVar[bool] = True
    deaf: ClassVar[bool] = False

    def __init__(
        self, name: str, history: History, dialect: Dialect, path: str, pace: float, dice: random.Random
    ) -> None:
        self.name = name
        self.history = history
        self.dialect = dialect
        self.path = path
        self.pace = pace
        self.dice = dice
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._opened = self._settled = False
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def first(self) -> bytes:
        """What is sent once, when the server has let it in."""
        return b""

    def more(self) -> bytes:
        """What is sent at each beat from then on."""
        return b""

    def request(self, host: str) -> bytes:
        """The request for a WebSocket."""
        lines = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        lines |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        lines |= {"Sec-WebSocket-Protocol": self.dialect.subprotocol} if self.dialect.subprotocol else {}
        lines |= self.dialect.headers
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"GET {self.path} HTTP/1.1\r\n{head}\r\n".encode()

    async def attack(self, port: int) -> None:
        """Connect, attack, and return when the connection has ended. Raises nothing for what a server does."""
        about = {"persona": self.persona, "hostile": True, "subprotocol": self.dialect.subprotocol}
        self.record("connecting", path=self.path, **about)
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await self._dial(port)
            assert self._transport is not None, "dialled"
            self._transport.write(self.request(f"{HOST}:{port}"))
            if not self.handshakes:
                self._begin()
            await self._gone
        except OSError as error:
            self._settle("failed", error=name_of(error))
        finally:
            if self._transport is not None:
                self._transport.abort()

    def record(self, what: str, **detail: Any) -> None:
        """Record what was seen or done at this moment."""
        self.history.record(time.monotonic(), self.name, what, **detail)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TCP is connected."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Read the first line of the answer to the handshake, and throw everything else away."""
        if self._opened or self._settled:
            return
        self._head += data
        line, ended, _ = self._head.partition(b"\r\n")
        if not ended:
            return
        if not line.startswith(SWITCHING):
            status = line.split(b" ")[1] if line.startswith(b"HTTP/") and line.count(b" ") else b""
            if status.isdigit():
                self._settle("refused", status=int(status), retry_after=None, said="")
            else:
                self._settle("failed", error="not HTTP")
            return
        self._opened = True
        self.record("opened", local_port=local_port_of(self._transport))
        if self.handshakes:
            self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note how it ended."""
        how = "eof" if exc is None else "reset"
        if self._opened:
            self.record("ended", how=how)
        else:
            self._settle("failed", error=how)
        if not self._gone.done():
            self._gone.set_result(None)

    def _settle(self, outcome: str, **detail: Any) -> None:
        if not (self._settled or self._opened):
            self._settled = True
            self.record(outcome, **detail)

    async def _dial(self, port: int) -> None:
        if self.deaf:
            await connect_with_a_small_window(self, HOST, port)
        else:
            await asyncio.get_running_loop().create_connection(lambda: self, HOST, port)

    def _begin(self) -> None:
        assert self._transport is not None, "it is connected"
        if self.deaf:
            self._transport.pause_reading()
        self._transport.write(self.first())
        asyncio.get_running_loop().call_later(BEAT_S * self.dice.random(), self._beat)

    def _beat(self) -> None:
        """Send more, unless the server has not taken what was sent before."""
        if self._gone.done() or self._transport is None or self._transport.is_closing():
            return
        if not self._transport.get_write_buffer_size():
            self._transport.write(self.more())
        asyncio.get_running_loop().call_later(BEAT_S, self._beat)

    def _filled(self, unit: bytes) -> bytes:
        return _repeated(unit, int(self.pace * BEAT_S))


class HeldHandshake(Flooder):
    """Sends half of a handshake, and holds the connection."""

    persona = "half-handshake"
    handshakes = False

    def request(self, host: str) -> bytes:
        """Half of it."""
        whole = super().request(host)
        return whole[: len(whole) // 2]


class EndlessHeader(Flooder):
    """Sends one header of its handshake after another, without an end."""

    persona = "endless-header"
    handshakes = False

    def request(self, host: str) -> bytes:
        """All but the end of the headers."""
        return super().request(host)[:-2]

    def more(self) -> bytes:
        """More of the same header."""
        return self._filled(b"X-Filler: " + b"x" * 88 + b"\r\n")


class Newcomer(Flooder):
    """Completes its handshake and drops the connection at once."""

    persona = "newcomer"

    def first(self) -> bytes:
        """Nothing: drop the connection."""
        assert self._transport is not None, "it is connected"
        self._transport.abort()
        return b""


class PingFlooder(Flooder):
    """Sends pings, and reads their pongs."""

    persona = "ping-flooder"

    def more(self) -> bytes:
        """Small ones, for each of them is answered."""
        return self._filled(frame(FIN | PING, bytes(8)))


class PongFlooder(Flooder):
    """Sends pongs that nobody asked for."""

    persona = "pong-flooder"

    def more(self) -> bytes:
        """Small ones."""
        return self._filled(frame(FIN | PONG, bytes(8)))


class FragmentFlooder(Flooder):
    """Begins a message and goes on with empty fragments, without an end."""

    persona = "fragment-flooder"

    def first(self) -> bytes:
        """The first fragment."""
        return frame(TEXT, b"")

    def more(self) -> bytes:
        """Nothing, many times."""
        return self._filled(frame(CONTINUATION, b""))


class MessageFlooder(Flooder):
    """Says more than anybody has to say: `MESSAGES_PER_S`, or as much as `pace` leaves for it."""

    persona = "message-flooder"
    _said = 0

    def more(self) -> bytes:
        """The next messages."""
        count = max(1, int(min(MESSAGES_PER_S, self.pace) * BEAT_S))
        self._said += count
        messages = (self.dialect.say(n) for n in range(self._said - count, self._said))
        return b"".join(
            frame(FIN | TEXT, m.encode()) if isinstance(m, str) else frame(FIN | BINARY, m) for m in messages
        )


class OversizedMessage(Flooder):
    """Begins a message of 15 MiB, sends it slowly, and never finishes it."""

    persona = "oversized-message"
    _sent = 0

    def first(self) -> bytes:
        """The head of its frame."""
        return struct.pack("!BBQ", FIN | TEXT, 0x80 | 127, OVERSIZED_BYTES) + NO_MASK

    def more(self) -> bytes:
        """More of it, all but the last byte."""
        rest = OVERSIZED_BYTES - 1 - self._sent
        part = self._filled(b"x")[:rest]
        self._sent += len(part)
        return part


class DeafPinger(Flooder):
    """Sends pings whose pongs it does not read."""

    persona = "deaf-pinger"
    deaf = True

    def more(self) -> bytes:
        """The largest that there are, for as much is answered."""
        return self._filled(frame(FIN | PING, bytes(125)))


KINDS: tuple[type[Flooder], ...] = (
    *(EndlessHeader, Newcomer, PingFlooder, PongFlooder),
    *(FragmentFlooder, MessageFlooder, OversizedMessage, DeafPinger),
)


def frame(first: int, payload: bytes) -> bytes:
    """A frame of a client (RFC 6455, 5.2), with up to 65535 bytes of payload."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else struct.pack("!BH", 0x80 | 126, size)
    return bytes([first]) + length + NO_MASK + payload


@lru_cache(maxsize=32)
def _repeated(unit: bytes, size: int) -> bytes:
    """As many whole units as fit into `size` bytes, at least one."""
    return unit * max(1, size // len(unit))
