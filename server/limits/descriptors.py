"""The descriptors of this process: some are kept from its clients, and that they run out is said once a second.

Owns the reserve. The kernel gives a new socket the lowest number that is free; so when the next one would be one of the
highest, nothing else is left. Whoever comes then is answered 503 and closed at once, whatever it wants. What opens a
file or asks the broker still can, and so can a drain.

Owns also what asyncio does when there is no descriptor at all. Measured on CPython 3.11: it tries 2,048 times in each
turn, logs each, and begins to listen again as often: 234,798 lines in 8 s, and a drain of 10.0 s in place of 3.3, in
which 19 of 20 clients were aborted. libuv, and so uvloop, accepts and closes them without a word. Refuses to know HTTP
but for that one answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import resource
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .tally import LimitReason, Tally

if TYPE_CHECKING:
    from uvicorn import Config

AT_ONCE = 8  # connections that asyncio accepts in one turn: those that are turned away last a few
LISTEN_AGAIN_S = 0.1
LOOK_EVERY_S = 1.0
MOST_ROOM = 65_536  # descriptors in half a megabyte of the kernel's
LOOK_AT_EACH = 16  # newcomer, as long as twice as many numbers have never been taken
ANSWER = "HTTP/1.1 503 Service Unavailable\r\n{}\r\n\r\n{}"


class Descriptors:
    """`limit` of them, of which `reserve` are kept, a quarter at most. `close` it at the end."""

    def __init__(self, reserve: int, tally: Tally, limit: int | None = None) -> None:
        self.limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if limit is None else limit
        self.unlimited = self.limit == resource.RLIM_INFINITY
        self._for_all = self.limit - min(reserve, self.limit // 4)
        self._tally = tally
        self._any = os.open(os.devnull, os.O_RDONLY)
        self._make_room()

    def _make_room(self) -> None:
        """Have the kernel make its table as large as it may get, now: when it grows, all threads are waited for.

        Measured: 1,000 handshakes took 100 ms, in which it grew four times, and take 65 ms.
        """
        most = MOST_ROOM if self.unlimited else min(self.limit, MOST_ROOM)
        with contextlib.suppress(OSError):  # the highest is taken
            os.close(fcntl.fcntl(self._any, fcntl.F_DUPFD_CLOEXEC, most - 1))

    def close(self) -> None:
        """Give back the one that this takes itself."""
        os.close(self._any)

    @property
    def lowest(self) -> int:
        """The number that the next one will have; `limit` where there is none."""
        try:
            found = os.dup(self._any)
        except OSError:
            return self.limit
        os.close(found)
        return found

    def complaint(self) -> str | None:
        """Say how few are left, where the next one would be of the reserve, and count it; or None."""
        return self._complaint_about(self.lowest)

    def _complaint_about(self, lowest: int) -> str | None:
        if lowest < self._for_all:
            return None
        reserved = self.limit - self._for_all
        detail = f"{min(lowest, self._for_all)} descriptors are taken, limit {self.limit}, {reserved} of them reserved"
        self._tally.add(LimitReason.DESCRIPTORS, "this process", detail)
        return detail

    def guard(self, config: Config) -> None:
        """Have uvicorn turn away whoever comes when only the reserve is left."""
        make: Callable[..., asyncio.Protocol] = config.http_protocol_class
        highest = unlooked = 0  # number that was found; newcomers until the next look

        def enter(**given: Any) -> asyncio.Protocol:
            nonlocal highest, unlooked
            if unlooked > 0:
                unlooked -= 1
                return make(**given)
            lowest = self.lowest  # below it may be others who leave: that there are many free ones does not follow
            highest = max(highest, lowest)
            unlooked = min(LOOK_AT_EACH, (self._for_all - highest) // 2)
            return make(**given) if (detail := self._complaint_about(lowest)) is None else TurnedAway(detail)

        if not self.unlimited:
            config.http_protocol_class = enter  # type: ignore[assignment]  # uvicorn calls it, and no more

    def calm(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have asyncio try again a moment later, once, when no descriptor is left. Before it listens."""
        serving: Any = loop
        accept = getattr(loop, "_accept_connection", None)
        if accept is None or self.unlimited:  # uvloop has none
            return

        def accept_calmly(
            factory: Any, sock: Any, tls: Any = None, server: Any = None, backlog: int = 1, *more: Any
        ) -> None:
            if (left := self.limit - self.lowest) > 0:
                accept(factory, sock, tls, server, min(backlog, AT_ONCE, left), *more)
                return
            self.complaint()
            serving._remove_reader(sock.fileno())
            loop.call_later(LISTEN_AGAIN_S, listen_again, sock, (factory, sock, tls, server, backlog, *more))

        def listen_again(sock: Any, terms: tuple[Any, ...]) -> None:
            if sock.fileno() != -1:  # it may have been closed meanwhile
                serving._start_serving(*terms)

        serving._accept_connection = accept_calmly

    async def watch(self) -> None:
        """Say it each second in which none is left, for ever: uvloop does not."""
        while not self.unlimited:
            await asyncio.sleep(LOOK_EVERY_S)
            if self.lowest == self.limit:
                self.complaint()


class TurnedAway(asyncio.Protocol):
    """A connection that is answered 503 and closed, before it has said anything."""

    def __init__(self, detail: str) -> None:
        self._detail = detail

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer, and close."""
        body = f"{self._detail}\n"
        head = f"retry-after: 1\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: {len(body)}"
        transport.write(ANSWER.format(head, body).encode())  # type: ignore[attr-defined]  # uvloop's are none by their classes
        transport.close()
