"""`many`, `broadcast` and `stress`: a crowd that listens, a client that publishes at a steady rate, or both.

Owns what is timed. An acknowledgement and a delivery are timed from the moment at which the publish was due, so that a
publisher that falls behind does not hide it. All clients are in this process: above some thousand deliveries a second
it is what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
import uuid
from contextlib import AsyncExitStack

from ..client import Client
from ..connecting import connect
from ..errors import NotPublished
from ..wire import Message
from .crowd import SETTINGS, Crowd
from .figures import HEADER, Samples, Tally
from .show import progress

QUIET_S = 5.0  # after the last publish, without a message: what has not come is lost


class Load:
    """A run of one of the three. `status`: 1 when something was lost, came twice or in another order, else 0."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._run = uuid.uuid4().hex[:8]
        self._crowd = Crowd(args, self._hear)
        self._tallies = [Tally() for _ in range(args.clients)] if args.what == "stress" else []
        self._received = 0
        self._acknowledged: list[int] = []
        self._refused = 0
        self._acks, self._deliveries = Samples(), Samples()
        self.status = 0

    @property
    def summary(self) -> str:
        """How it stands, in one line."""
        crowd = self._crowd
        listening = f"{len(crowd.clients)} clients, {self._received} messages received, "
        said = f"{len(self._acknowledged)} published, {self._refused} refused"
        parts = {"many": listening + crowd.trouble, "broadcast": said, "stress": f"{listening}{said}, {crowd.trouble}"}
        return parts[str(self._args.what)]

    async def run(self) -> list[str]:
        """Do it; return the lines of the result. Raises CannotConnect, ClientEnded, OSError."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(progress(self._progress))
            stack.push_async_callback(self._crowd.close)
            await self._crowd.open()
            working = [asyncio.create_task(self._work())]
            if self._crowd.clients:
                working.append(asyncio.create_task(self._crowd.until_one_ends()))
            try:
                done, _ = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in working:
                    task.cancel()
                await asyncio.gather(*working, return_exceptions=True)
        return self.result()

    def result(self) -> list[str]:
        """What was counted and timed until now."""
        lines = [self.summary, HEADER]
        if self._crowd.opened:
            lines.append(self._crowd.opened.row("connect"))
        if self._args.what != "many":
            lines.append(self._acks.row("publish to acknowledgement"))
        if self._tallies:
            lines.append(self._deliveries.row("publish to each client"))
            published = sorted(self._acknowledged)
            lost = sum(tally.lost(published) for tally in self._tallies)
            doubled = sum(tally.doubled for tally in self._tallies)
            reordered = sum(tally.reordered for tally in self._tallies)
            lines.append(f"{lost} lost, {doubled} doubled, {reordered} reordered")
            self.status = 1 if lost or doubled or reordered else 0
        return lines

    def _progress(self) -> str:
        return f"{self._crowd.connected} connected; {self.summary}" if self._args.clients else self.summary

    async def _work(self) -> None:
        if self._args.what == "many":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._args.duration):
                    await asyncio.Event().wait()
            return
        publisher = connect(
            *self._args.urls,
            token=self._args.token,
            on_message=lambda _: None,
            open_timeout_s=self._args.open_timeout,
            **SETTINGS,
        )
        async with publisher as client:
            try:
                await self._publish_all(client)
            except ExceptionGroup as several:
                raise several.exceptions[0] from None
        await self._settle()

    async def _publish_all(self, client: Client) -> None:
        """Publish each message at its moment, whether or not the ones before it are acknowledged."""
        async with asyncio.TaskGroup() as group:
            began_at = time.monotonic()
            for n in range(max(1, round(self._args.rate * self._args.duration))):
                due_at = began_at + n / self._args.rate
                await asyncio.sleep(due_at - time.monotonic())
                group.create_task(self._publish(client, n, due_at))

    async def _publish(self, client: Client, n: int, due_at: float) -> None:
        room = self._args.room[0] if self._args.room else None
        data = {"run": self._run, "n": n, "due_at": due_at, "filling": "x" * self._args.bytes}
        try:
            await client.publish(data, room=room)
        except NotPublished:
            self._refused += 1
        else:
            self._acks.add(time.monotonic() - due_at)
            self._acknowledged.append(n)

    async def _settle(self) -> None:
        """Wait until everybody has everything, or nothing comes any more."""
        received = -1
        due = len(self._acknowledged)
        while received < self._received and any(tally.received < due for tally in self._tallies):
            received = self._received
            for _ in range(round(QUIET_S / 0.1)):
                await asyncio.sleep(0.1)
                if all(tally.received >= due for tally in self._tallies):
                    break

    def _hear(self, index: int, message: Message) -> None:
        self._received += 1
        match message.data:
            case {"run": self._run, "n": int(n), "due_at": float(due_at)} if self._tallies:
                self._tallies[index].hear(n)
                self._deliveries.add(time.monotonic() - due_at)
