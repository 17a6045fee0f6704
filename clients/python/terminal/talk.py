"""`listen` and `chat`: one client, whose messages are printed, and what is typed is published."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import threading

from ..client import Client
from ..connecting import connect
from ..errors import NotPublished
from .show import StatusLines, line_of


class Talk:
    """A client that prints its messages. `summary`: what it has done so far."""

    status = 0

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._heard = 0
        self._said = 0
        self._client: Client | None = None

    @property
    def summary(self) -> str:
        """What has happened, in one line."""
        moves = self._client.moves if self._client is not None else 0
        said = f", {self._said} published" if self._args.what == "chat" else ""
        return f"{self._heard} messages heard{said}, moved {moves} times"

    async def run(self) -> list[str]:
        """Talk until it is interrupted, has heard enough, or its input ends. Raises CannotConnect, ClientEnded."""
        args = self._args
        client = connect(
            *args.urls,
            name=args.name,
            rooms=args.room,
            token=args.token,
            on_status=StatusLines(args.urls),
            open_timeout_s=args.open_timeout,
        )
        async with client as self._client:
            tasks = [asyncio.create_task(self._listen(self._client))]
            if args.what == "chat":
                tasks.append(asyncio.create_task(self._speak(self._client)))
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        return []

    async def _listen(self, client: Client) -> None:
        limit = self._args.count if self._args.what == "listen" else None
        async for message in client:
            print(line_of(message, self._args.what == "listen" and self._args.json), flush=True)
            self._heard += 1
            if self._heard == limit:
                return

    async def _speak(self, client: Client) -> None:
        """Publish each line, to the first room if there is one, until the input ends."""
        room = self._args.room[0] if self._args.room else None
        lines = input_lines()
        while (line := await lines.get()) is not None:
            if line:
                try:
                    await client.publish(line, room=room)
                    self._said += 1
                except NotPublished as refusal:
                    print(f"-- not published: {refusal}", file=sys.stderr, flush=True)


def input_lines() -> asyncio.Queue[str | None]:
    """The lines of the standard input as they come, and None at its end.

    A thread reads the descriptor itself: a loop cannot watch a file, and a thread that waits in `sys.stdin` would hold
    its lock when the interpreter ends.
    """
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        rest = b""
        try:
            while part := os.read(0, 65_536):
                *whole, rest = (rest + part).split(b"\n")
                for line in whole:
                    loop.call_soon_threadsafe(lines.put_nowait, line.decode(errors="replace").rstrip("\r"))
            for last in ([rest.decode(errors="replace")] if rest else []) + [None]:
                loop.call_soon_threadsafe(lines.put_nowait, last)
        except RuntimeError:  # the loop is closed: the command has ended
            return

    threading.Thread(target=read, daemon=True).start()
    return lines
