"""A uvicorn Server that is one of several on one port, and can be retired while its siblings go on.

Owns everything of a worker that depends on how uvicorn serves. Its drain is held like any other (see `drain/uvicorn`).
Measured on uvicorn 0.54: a Server that is given `sockets` listens on them in `startup`, after lifespan startup;
`main_loop` returns when it is to stop, whatever the cause, and `should_exit` is false then after a request limit only;
a listener may be closed at any time, and again by `shutdown`.

Closing a listener resets the connections that the kernel has established for it and nobody has accepted yet. An event
loop leaves them waiting for as long as one of its turns takes; so they are accepted here, right before the close, and
are served before the drain begins. Measured with 24 clients that connect anew for each request, over 12 retirements:
none of 31,149 requests failed; without, 27 of 29,666. What is left is a connection that is established in the
microseconds in between, and, where clients are a network away, one whose handshake is under way (`docs/runtimes.md`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable
from functools import partial

import uvicorn

from ..drain.uvicorn import unless_stopped
from ..serving import Server

logger = logging.getLogger("ebb")

# Seconds between the close of the listener and the drain, in which those who were accepted last get their answers.
LAST_ARRIVALS_S = 0.1


class WorkerServer(Server):
    """One of several Servers on one port, each in a process of its own. Its parent retires it by SIGUSR1.

    It tells its parent by a byte on `ready_fd` that it has started, and that it is ready; when it has reached its
    request limit, that it waits for its successor; and closes it when it admits no new clients any more. A byte on
    `lifeline_fd` lets one that has started listen; the end of it says that the parent is gone, and retires it.
    """

    def __init__(self, config: uvicorn.Config, ready_fd: int, lifeline_fd: int) -> None:
        super().__init__(config)
        for each in (ready_fd, lifeline_fd):
            os.set_inheritable(each, False)
        self._ready_fd = ready_fd
        self._lifeline_fd = lifeline_fd
        self._may_listen = asyncio.Event()
        self._arrivals: set[asyncio.Task[None]] = set()
        self.servers: list[asyncio.Server] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, listen when the parent says so, and be ready."""
        loop = asyncio.get_running_loop()
        signal.signal(signal.SIGUSR1, lambda *_: loop.is_closed() or loop.call_soon_threadsafe(self.retire))
        loop.add_reader(self._lifeline_fd, self._hear_parent)
        start = self.lifespan.startup

        async def start_and_wait() -> None:
            await start()
            if not (self.lifespan.should_exit or self.should_exit):
                self._tell_parent()
                await unless_stopped(self, self._may_listen.wait())

        self.lifespan.startup = start_and_wait  # once it returns, uvicorn listens
        await super().startup(sockets)
        if not self.should_exit:
            self._tell_parent()

    async def main_loop(self) -> None:
        """Serve until it is to stop; past a request limit too, for its siblings reach theirs at about the same time."""
        await super().main_loop()
        if not self.should_exit:
            self.limit_max_requests = None
            self._tell_parent()
            await super().main_loop()
        os.close(self._ready_fd)

    def retire(self) -> None:
        """Accept no new connections, and drain. Clients that the kernel has accepted by now are served."""
        self.close_listeners()
        asyncio.get_running_loop().call_later(LAST_ARRIVALS_S, setattr, self, "should_exit", True)

    def _tell_parent(self) -> None:
        with contextlib.suppress(BrokenPipeError):  # it is gone, as the lifeline says in a moment
            os.write(self._ready_fd, b".")

    def _hear_parent(self) -> None:
        if os.read(self._lifeline_fd, 1):
            self._may_listen.set()
            return
        asyncio.get_running_loop().remove_reader(self._lifeline_fd)
        logger.warning("the parent process is gone")
        self.retire()

    def close_listeners(self) -> None:
        """Accept no new connections any more, and reset none."""
        for listener in self.servers:
            for each in listener.sockets:
                self._accept_the_last(each.fileno())
            listener.close()

    def _accept_the_last(self, listener_fd: int) -> None:
        with socket.socket(fileno=os.dup(listener_fd)) as listener, contextlib.suppress(OSError):
            while True:
                arrival, _ = listener.accept()  # the listener does not block: BlockingIOError when nobody is left
                task = asyncio.create_task(self._take_up(arrival))
                self._arrivals.add(task)
                task.add_done_callback(self._arrivals.discard)

    async def _take_up(self, arrival: socket.socket) -> None:
        """Serve a connection that was accepted here, as uvicorn would have."""
        arrival.setblocking(False)
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        protocol = partial(make, config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        with contextlib.suppress(OSError):  # a TLS handshake that fails
            await asyncio.get_running_loop().connect_accepted_socket(protocol, arrival, ssl=self.config.ssl)
