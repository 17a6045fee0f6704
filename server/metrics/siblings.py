"""One scrape for all processes of a port: each answers with its own numbers on a Unix socket in a folder they share.

The kernel gives a scrape of the port to any of them. That one asks all others, at once and for half a second at most,
and answers for everybody: each sample has the labels `worker` and `process` (the process id; while workers are replaced
two of them have one number). `ebb_worker_up` is 0 for one that is there and did not answer; its other samples are left
out. One that was killed leaves its socket behind: whoever finds it removes it. Refuses to know what the numbers are,
and who started the processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import cast

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from .numbers import DrainNumbers, labelled

logger = logging.getLogger("ebb")

ANSWERS_WITHIN_S = 0.5
SUFFIX = ".metrics"
END = b"# EOF\n"  # an answer without it was cut short


class Siblings:
    """The numbers of every process that shares `folder` (None: of this one alone), of which `own` are this one's."""

    def __init__(self, own: DrainNumbers, folder: Path | None) -> None:
        self._own = own
        self._folder = folder

    async def exposition(self) -> bytes:
        """Everybody's numbers, in the text format of Prometheus. Takes `ANSWERS_WITHIN_S` at most."""
        families = [*self._labelled()]
        if self._folder is not None:
            mine = self._path(self._folder)
            families += [up(mine, b"here"), *(await families_in(self._folder, but=mine))]
        return generate_latest(Together(families))

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Answer the others. Where that cannot be, a line says so, and a scrape has the numbers of one process."""
        if self._folder is None:
            yield
            return
        path = self._path(self._folder)
        server = None
        try:
            server = await listen(path, self)
        except OSError as error:
            logger.warning("%s: %s; a scrape has the numbers of one process only", path, error.strerror or error)
            self._folder = None
        try:
            yield
        finally:
            if server is not None:
                server.close()
                path.unlink(missing_ok=True)

    def answer(self) -> bytes:
        """This process's own numbers, as another one asks for them."""
        return generate_latest(Together(self._labelled())) + END

    def _labelled(self) -> Iterator[Metric]:
        if self._folder is None:
            yield from self._own.collect()
            return
        for family in self._own.collect():
            yield labelled(family, {"worker": str(self._own.worker), "process": str(os.getpid())})

    def _path(self, folder: Path) -> Path:
        return folder / f"{self._own.worker}-{os.getpid()}{SUFFIX}"


class Answering(asyncio.Protocol):
    """Answers whoever connects, at once."""

    def __init__(self, siblings: Siblings) -> None:
        self._siblings = siblings

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say everything, and close."""
        writing = cast(asyncio.WriteTransport, transport)  # uvloop's are none by their classes
        writing.write(self._siblings.answer())
        writing.close()


class Together(Collector):
    """Families of several processes, each of them once."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families: dict[str, Metric] = {}
        for family in families:
            known = self._families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            known.samples.extend(family.samples)

    def collect(self) -> Iterable[Metric]:
        """List them."""
        return self._families.values()


async def listen(path: Path, siblings: Siblings) -> asyncio.Server:
    """Answer on a socket at `path`, which appears there once it does. Raises OSError."""
    listener = socket.socket(socket.AF_UNIX)
    unready = path.with_suffix(".unready")
    try:
        unready.unlink(missing_ok=True)
        listener.bind(str(unready))
        server = await asyncio.get_running_loop().create_unix_server(lambda: Answering(siblings), sock=listener)
        unready.rename(path)
    except BaseException:
        listener.close()
        raise
    return server


async def families_in(folder: Path, but: Path | None = None) -> list[Metric]:
    """Ask every process in a folder, but one, for its numbers. Takes `ANSWERS_WITHIN_S` at most."""
    families: list[Metric] = []
    paths = [path for path in sorted(folder.glob(f"*{SUFFIX}")) if path != but]
    for path, answer in zip(paths, await asyncio.gather(*map(ask, paths)), strict=True):
        if answer != b"":
            families += [up(path, answer), *text_string_to_metric_families((answer or b"").decode())]
    return families


async def ask(path: Path) -> bytes | None:
    """Ask one process for its numbers: None if it does not answer, nothing if it has ended."""
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                answer = await reader.read()
            finally:
                writer.transport.abort()
    except FileNotFoundError:
        return b""
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)
        return b""
    except OSError:  # TimeoutError too
        return None
    return answer.removesuffix(END) if answer.endswith(END) else None


def up(path: Path, answer: bytes | None) -> Metric:
    """Say whether the process whose socket is at `path` answered."""
    worker, _, process = path.stem.partition("-")
    meaning = "1 for a process of this port that answered the scrape, 0 for one that did not"
    family = GaugeMetricFamily("ebb_worker_up", meaning, labels=["worker", "process"])
    family.add_metric([worker, process], float(answer is not None))
    return family
