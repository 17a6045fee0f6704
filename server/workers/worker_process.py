"""One worker process, as its parent sees it.

Owns how it is started, and what the two tell each other. Through a pipe of its own the worker says by a byte that it
has started, that it is ready, and that it has reached its request limit; and by the end of the pipe that it admits no
clients any more, whatever the cause. A byte on its lifeline lets it listen, and the end of the lifeline says that the
parent is gone. It runs in a session of its own, so that a Ctrl+C reaches the parent alone, which hands it on. Refuses
to know its siblings and the reasons of its parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Self

from ..brokers.embedded import sighup_blocked


class Worker:
    """A process that was started. Somebody must await `tells_started`, `tells_ready` and so on up to `exits`."""

    def __init__(self, number: int, process: asyncio.subprocess.Process, told: int, lifeline: int) -> None:
        self.number = number
        self.pid = process.pid
        self.ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.ready_at: float | None = None
        self.retired = False
        self._process = process
        self._told = asyncio.StreamReader()
        self._pipe = os.fdopen(told, "rb", buffering=0)
        self._transport: asyncio.ReadTransport | None = None
        self._lifeline = lifeline

    @classmethod
    async def start(cls, number: int, command: Sequence[str], environment: Mapping[str, str]) -> Self:
        """Start `command` with an end of each pipe. Raises OSError."""
        told, tell = os.pipe()
        held, lifeline = os.pipe()
        try:
            with sighup_blocked():
                process = await asyncio.create_subprocess_exec(
                    *command,
                    *("--ready-fd", str(tell), "--lifeline-fd", str(held)),
                    env=environment,
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(tell, held),
                    start_new_session=True,
                )
        except BaseException:
            os.close(told)
            os.close(lifeline)
            raise
        finally:
            os.close(tell)
            os.close(held)
        return cls(number, process, told, lifeline)

    def __str__(self) -> str:
        return f"worker {self.number} (process {self.pid})"

    def signal(self, which: signal.Signals) -> None:
        """Send it a signal; nothing once it has exited."""
        # Not `Process.send_signal`: up to Python 3.13 it may take the exit status away from the task that waits for it.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, which)

    def retire(self) -> None:
        """Make it admit no clients any more, and drain. One that is not ready yet ends at once."""
        self.retired = True
        self.signal(signal.SIGUSR1)

    def listen(self) -> None:
        """Let it listen as soon as it has started."""
        if self._process.returncode is None:
            with contextlib.suppress(BrokenPipeError):  # it is about to end
                os.write(self._lifeline, b".")

    async def tells_started(self) -> bool:
        """Wait until it could listen; False if it never will."""
        protocol = asyncio.StreamReaderProtocol(self._told)
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, self._pipe)
        return bool(await self._told.read(1))

    async def tells_ready(self) -> bool:
        """Wait until it is ready; False if it never will be. `ready` then holds the same."""
        ready = bool(await self._told.read(1))
        self.ready_at = asyncio.get_running_loop().time() if ready else None
        self.ready.set_result(ready)
        return ready

    async def tells_tired(self) -> bool:
        """Wait until it asks for its successor; False if it never will."""
        return bool(await self._told.read(1))

    async def leaves(self) -> None:
        """Wait until it admits no clients any more: it drains, or has ended."""
        await self._told.read()
        if self._transport is not None:
            self._transport.close()

    async def exits(self) -> int:
        """Wait for its end; return the status, which is -9 if signal 9 ended it."""
        status = await self._process.wait()
        os.close(self._lifeline)
        return status
