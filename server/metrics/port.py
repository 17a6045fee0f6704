"""A port for the numbers of all workers, which their parent serves: `--metrics-port`.

Why beside the shared port: the kernel gives a scrape of that one to any worker, also to one that is stuck, and then
nobody answers. The parent serves no clients and is never stuck. It has no numbers of its own: it asks the workers as
they ask each other. Refuses to know how workers are started.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import start_http_server
from prometheus_client.core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from .siblings import Together, families_in

# What the main thread takes, and no other should.
OF_THE_PARENT = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class AllWorkers(Collector):
    """The numbers of every process that shares `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Ask each of them; in a thread that has no event loop."""
        return Together(asyncio.run(families_in(self._folder))).collect()


@contextlib.contextmanager
def metrics_port(host: str, port: int, folder: Path) -> Iterator[int]:
    """Serve the numbers in a thread, by plain HTTP, on `port` (0: any); gives the port. Raises OSError."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(AllWorkers(folder))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, OF_THE_PARENT)
    try:
        server, thread = start_http_server(port, host, registry)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
