"""A client in ten gets a close frame that says 1005, which stands for no code at all and may not be sent."""

from __future__ import annotations

from server.connections.connection import Connection
from server.main import app as app
from server.protocol import peer

SCENARIO = "drain"
FAILS = {13, 28, 35}
NO_CODE = b"\x88\x02\x03\xed"

close_frame, close, send_close = peer.close_frame, peer.Peer._close, Connection._send_close
tenth = set()


async def note_every_tenth(self, goodbye):
    """Who gets it."""
    if self.number % 10 == 0:
        tenth.add(self.tcp)
    await send_close(self, goodbye)


def say_1005(self, code, reason):
    """The fault."""
    peer.close_frame = (lambda *_: NO_CODE) if self in tenth else close_frame
    close(self, code, reason)
    peer.close_frame = close_frame


Connection._send_close, peer.Peer._close = note_every_tenth, say_1005
