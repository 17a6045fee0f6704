"""A client whose receive window is as small as the kernel allows: unread data soon stops the sender.

Owns how such a connection is made. Refuses to know how much of what arrives is read, and when. On loopback the kernel
buffers 2.5 MB for a peer with large segments, so that a server does not notice a client that stops reading; with small
segments the buffer is about 50 kB.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

from .client import Client

SMALLEST_SEGMENT_BYTES = 536


async def connect_with_a_small_window(protocol: asyncio.Protocol, host: str, port: int) -> None:
    """Connect with the smallest window and the smallest segments that there are. Raises OSError where that fails."""
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as stack:
        sock = stack.enter_context(socket.socket())
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SMALLEST_SEGMENT_BYTES)
        await loop.sock_connect(sock, (host, port))
        await loop.create_connection(lambda: protocol, sock=sock)
        stack.pop_all()


class SmallWindowClient(Client):
    """A client with the smallest window and the smallest segments that there are."""

    async def dial(self, host: str, port: int) -> None:
        """Connect. Raises OSError where that fails."""
        await connect_with_a_small_window(self, host, port)
