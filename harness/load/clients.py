"""The clients' process, and how the bench talks to it: one line to it, one JSON object back.

Owns the process and its end. Which program it is, `client.c` or `picows_client.py`, makes no difference here: both
take the commands that `client.c` documents.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import Any, Self

from .room import pinned

LISTENER, ECHOER, SPEAKER, STALLED = range(4)
PATIENCE_S = 5.0  # for a broadcast or an echo to arrive
LATER_THAN_PROMISED_S = 10.0

Reply = dict[str, Any]


class ClientsFailed(Exception):
    """The process of the clients ended or did not answer: there is no figure."""


class Clients:
    """`async with Clients(...)`: inside, it runs; after it, the process and every connection are gone."""

    def __init__(self, program: Sequence[str], port: int, deflate: bool, core: int | None) -> None:
        self._command = (*program, str(port), str(int(deflate)))
        self._core = core

    async def __aenter__(self) -> Self:
        """Start it. Raises OSError when it cannot be run."""
        pipe = asyncio.subprocess.PIPE
        with pinned(self._core):
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=pipe, stdout=pipe, start_new_session=True
            )
        return self

    async def __aexit__(self, *exc: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def ask(self, command: str, within_s: float) -> Reply:
        """Send a command that takes at most `within_s`; return the reply. Raises ClientsFailed."""
        assert self._process.stdin is not None, "stdin=PIPE gives one"
        assert self._process.stdout is not None, "stdout=PIPE gives one"
        try:
            self._process.stdin.write(f"{command}\n".encode())
            async with asyncio.timeout(within_s + LATER_THAN_PROMISED_S):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise ClientsFailed(f"the clients did not answer {command!r} within {within_s:g} s") from None
        if not line:
            raise ClientsFailed(f"the clients' process ended at {command!r} (status {await self._process.wait()})")
        reply: Reply = json.loads(line)
        return reply

    async def connect(self, kind: int, count: int, path: str, within_s: float) -> Reply:
        """Open connections, 64 at once. The reply's `failed` of them did not open, the last one for `reason`."""
        return await self.ask(f"connect {kind} {count} 64 {within_s} {path}", within_s)

    async def herd(self, count: int, window_s: float, texts: int, path: str, within_s: float) -> Reply:
        """Have clients of `ebb.v1` connect over `window_s`, 0: at once; each is back when it has heard `texts`."""
        return await self.ask(f"herd {count} {window_s} {texts} {within_s} {path}", within_s)

    async def fanout(self, count: int, interval_s: float, text_bytes: int, patience_s: float) -> Reply:
        """Broadcast, each time the last broadcast has reached all clients; end when one does not in time."""
        within_s = count * max(interval_s, 1.0) + patience_s
        return await self.ask(f"fanout {count} {interval_s} {text_bytes} {patience_s}", within_s)

    async def burst(self, count: int, text_bytes: int, within_s: float) -> Reply:
        """Broadcast as fast as the server accepts it."""
        return await self.ask(f"burst {count} {text_bytes} {within_s}", within_s)

    async def echo(self, per_s: float, seconds: float, patience_s: float, text: str) -> Reply:
        """Have texts echoed at a steady rate."""
        return await self.ask(f"echo {per_s} {seconds} {patience_s} {text}", seconds + patience_s)

    async def settle(self, quiet_s: float, within_s: float) -> Reply:
        """Wait until no client has received anything for a while."""
        return await self.ask(f"settle {quiet_s} {within_s}", within_s)

    async def drop(self, kind: int) -> Reply:
        """Reset connections."""
        return await self.ask(f"drop {kind}", 5.0)

    async def mark(self) -> Reply:
        """Begin a new count of connection ends; the reply says how many have `ended`, without those dropped."""
        return await self.ask("mark", 5.0)

    async def closing(self, within_s: float) -> Reply:
        """Wait until the server has closed all connections."""
        return await self.ask(f"closing {within_s}", within_s)
