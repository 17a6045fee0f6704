"""The connections of `picows_client.py`, and what they have received.

Owns the counts. Refuses to know what is being measured.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable

from picows import WSFrame, WSListener, WSMsgType, WSTransport

from .clients import LISTENER, STALLED

ASK_EVERY_S = 0.001
DATA = (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION)


class PicowsCrowd:
    """All connections, and what they have received."""

    def __init__(self, port: int, deflate: bool) -> None:
        self.port = port
        self.deflate = deflate
        self.peers: list[Peer] = []
        self.heard = 0
        self.last_heard_at = self.first_close_at = self.last_end_at = self.said_at = 0.0
        self.every: list[float] | None = None
        self.echoes: list[float] = []
        self.codes: Counter[int] = Counter()
        self.ends: Counter[str] = Counter()

    def live(self, *kinds: int) -> list[Peer]:
        """The open connections of these kinds."""
        return [peer for peer in self.peers if peer.alive and peer.kind in kinds]

    async def until(self, condition: Callable[[], bool], patience_ends: float) -> bool:
        """Wait for a condition; False when patience ends first."""
        while not condition():
            if time.monotonic() >= patience_ends:
                return False
            await asyncio.sleep(ASK_EVERY_S)
        return True


class Peer(WSListener):
    """One connection."""

    def __init__(self, crowd: PicowsCrowd, kind: int) -> None:
        self.crowd, self.kind = crowd, kind
        self.asked_at: deque[float] = deque()
        self.alive = self.closing = self.dropped = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Count the connection as open."""
        self.transport, self.alive = transport, True
        if self.kind == STALLED:
            transport.underlying_transport.pause_reading()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Count a text; answer a close. picows answers pings."""
        if frame.msg_type in DATA:
            now, crowd = time.monotonic(), self.crowd
            if self.kind == LISTENER and frame.fin:
                crowd.heard += 1
                crowd.last_heard_at = now
                if crowd.every is not None:
                    crowd.every.append(now - crowd.said_at)
            elif self.asked_at and frame.fin:
                crowd.echoes.append(now - self.asked_at.popleft())
        elif frame.msg_type == WSMsgType.CLOSE:
            self.closing = True
            self.crowd.first_close_at = self.crowd.first_close_at or time.monotonic()
            self.crowd.codes[int(frame.get_close_code().value)] += 1
            transport.send_close(frame.get_close_code())
        elif frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002  # picows passes it
        """Count how the connection ended."""
        self.alive = False
        if not self.dropped:
            self.crowd.last_end_at = time.monotonic()
            self.crowd.ends["full" if self.closing else "without"] += 1
