"""Holds the stop of a server that is not uvicorn: it hears of SIGTERM and SIGINT when the drain is over.

Owns these two signals of this process. A server that handles SIGTERM in the process that serves (hypercorn with
`-w 0`, a worker of granian or of gunicorn's own `asgi` kind, daphne) closes its listener and its connections from that
moment on, and serves as ever until then. So the signal is kept back, and raised again when everyone has left.

A handler is not all that a signal has: CPython writes the number of each one to a file descriptor, from which an event
loop reads it and looks its callback up (`loop.add_signal_handler`), whatever the handler is. Both are taken, with
`signal.signal` and `signal.set_wakeup_fd`, which return what was there, and both are put back. No object of the server
is touched, and all other signals are passed on to the loop.

Refuses to know which server it is. What was measured, and what is lost all the same: `docs/runtimes.md`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

from ..logs import raised_at

logger = logging.getLogger("ebb")

HELD = (signal.SIGTERM, signal.SIGINT)


def stops_by_signal() -> bool:
    """Say whether a server handles SIGTERM in this process, in the main thread, so that it can be held."""
    return threading.current_thread() is threading.main_thread() and callable(signal.getsignal(signal.SIGTERM))


class SignalHold:
    """Makes the server await `drain`, then call `report`, before it hears of SIGTERM or SIGINT.

    Made where `stops_by_signal`, in the event loop that serves: in lifespan startup or with the first connection.
    Where the server stops without a signal, lifespan shutdown calls `release`.
    """

    def __init__(self, drain: Callable[[], Awaitable[None]], report: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._drain, self._report = drain, report
        self._told_to_stop = self._forced = self._released = self._loop_was_told = False
        self._stopping: asyncio.Task[None] | None = None
        self._numbers, self._numbers_end = socket.socketpair()
        self._numbers.setblocking(False)
        self._numbers_end.setblocking(False)
        self._loop.add_reader(self._numbers, self._pass_on)
        self._loops_fd = -1
        self._take_descriptor()
        handlers = {number: signal.getsignal(number) for number in HELD}
        self._handlers = {number: handler for number, handler in handlers.items() if callable(handler)}
        for number in self._handlers:
            _handle(number, self._on_signal)

    def told_to_stop(self) -> bool:
        """Say whether one of the signals has come. Ask with every connection, in the thread of the loop.

        For that keeps the hold as well: uvloop has another descriptor each time that it runs, and granian runs it
        twice, for lifespan startup and then to serve.
        """
        if not self._released:
            self._take_descriptor()
        return self._told_to_stop

    def take_force(self) -> bool:
        """Say whether a SIGINT has come after the first signal, and take it."""
        forced, self._forced = self._forced, False
        return forced

    def release(self) -> None:
        """Put back what was taken. Once; later calls change nothing."""
        if self._released:
            return
        self._released = True
        if (found := signal.set_wakeup_fd(self._loops_fd)) != self._numbers_end.fileno():
            signal.set_wakeup_fd(found)
        for number, handler in self._handlers.items():
            if signal.getsignal(number) == self._on_signal:
                _handle(number, handler)
        self._loop.remove_reader(self._numbers)
        self._numbers.close()
        self._numbers_end.close()

    def _take_descriptor(self) -> bool:
        """Take the descriptor, and say whether it had been lost."""
        ours = self._numbers_end.fileno()
        lost = (found := signal.set_wakeup_fd(ours, warn_on_full_buffer=False)) != ours
        if lost:
            self._loops_fd = found
        return lost

    def _pass_on(self) -> None:
        """Give the loop the numbers of the signals that are not held."""
        others = bytes(number for number in self._numbers.recv(4096) if number not in self._handlers)
        if others and self._loops_fd != -1:
            with contextlib.suppress(OSError):  # full, and then the loop is awake
                os.write(self._loops_fd, others)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._told_to_stop:
            self._forced = self._forced or number == signal.SIGINT
        else:
            self._told_to_stop = True
            self._loop_was_told = self._take_descriptor()
            self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        self._stopping = self._loop.create_task(self._stop())

    async def _stop(self) -> None:
        try:
            await self._drain()
            self._report()
        except Exception as error:
            logger.error("the drain failed, and the stop goes on: %r at %s", error, raised_at(error))
        self.release()
        if self._loop_was_told:  # nobody has connected since it took its descriptor back
            self._handlers[signal.SIGTERM](signal.SIGTERM, None)  # raised again, it may hang: granian's worker does
        else:
            signal.raise_signal(signal.SIGTERM)  # of the two the graceful one: gunicorn's worker cuts off at SIGINT


def _handle(number: int, handler: Any) -> None:
    signal.signal(number, handler)
    signal.siginterrupt(number, False)  # as event loops do: no system call of another thread is interrupted
