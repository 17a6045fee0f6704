"""`python -m server --workers N`: the parent.

Owns what the workers have in common (the settings, the port, the broker), and the signals to the host. Serves nobody
itself. The life of the workers is in `supervisor`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from types import FrameType

from ..brokers.embedded import EmbeddedFailed, EmbeddedValkey
from ..brokers.private_folder import PrivateFolder
from ..logs import set_up_logs
from ..metrics.port import metrics_port
from ..settings import PREFIX, load, stop_budget
from .listeners import CannotListen, reserve
from .orders import COULD_NOT_START
from .reload import reloading
from .supervisor import Supervisor

logger = logging.getLogger("ebb")


def main(
    count: int,
    command: Sequence[str],
    host: str,
    port: int,
    scheme: str,
    with_broker: bool,
    at_metrics_port: int | None = None,
    watched: Path | None = None,
) -> int:
    """Run `count` workers, each the `command` with a few options on top; return the exit status.

    They inherit the environment, with what they share; `with_broker`: a broker too, a private one where the operator
    named none; `at_metrics_port`: the numbers of all workers, at a port of its own (0: any); `watched`: the workers
    are replaced when a source file in this folder changes. Exits with status 1 and one line where a setting is wrong or
    a port cannot be bound. All signals are ignored once it returns.
    """
    settings = load()
    os.environ[f"{PREFIX}EVICT_PER_S"] = str(settings.evict_per_s / count)
    settings = load()  # once more: the stop budget has to do with the pace of one worker
    set_up_logs(settings.log_level, settings.log_format)
    try:
        reserved = reserve(host, port)
    except CannotListen as error:
        raise SystemExit(str(error)) from None
    port = reserved[0].getsockname()[1]
    logger.info("%s", stop_budget(settings)[0])
    named = settings.broker_url if "broker_url" in settings.model_fields_set else "embedded://"
    broker_url = named if with_broker else None
    url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    with contextlib.ExitStack() as stack:
        for each in reserved:
            stack.enter_context(each)
        folder = settings.metrics_folder
        if with_broker and folder is None:
            folder = stack.enter_context(private_folder())
            os.environ[f"{PREFIX}METRICS_DIR"] = str(folder or "none")
        if at_metrics_port is not None and folder is not None:
            stack.enter_context(serve_metrics(host, at_metrics_port, folder))
        return asyncio.run(
            _run(count, [*command, "--port", str(port)], url, broker_url, settings.embedded_bytes, watched)
        )


@contextlib.contextmanager
def private_folder() -> Iterator[Path | None]:
    """Make a folder in which the workers answer each other when one of them is scraped; None where that cannot be."""
    folder = PrivateFolder()
    try:
        folder.make()
    except OSError as error:
        logger.warning("no folder for the metrics: %s; a scrape has the numbers of one worker only", error)
        yield None
        return
    try:
        yield folder.path
    finally:
        folder.remove()


@contextlib.contextmanager
def serve_metrics(host: str, port: int, folder: Path) -> Iterator[None]:
    """Serve the numbers of all workers at a port of its own. Exits with status 1 and one line if it cannot be bound."""
    with contextlib.ExitStack() as stack:
        try:
            port = stack.enter_context(metrics_port(host, port, folder))
        except OSError as error:
            raise SystemExit(f"cannot serve metrics on {host} port {port}: {error.strerror}") from None
        logger.info("the metrics of all workers are on http://%s:%d", host, port)
        yield


async def _run(
    count: int, command: Sequence[str], url: str, broker_url: str | None, embedded_bytes: int, watched: Path | None
) -> int:
    """Run the workers, and their broker where the operator named none."""
    supervisor = Supervisor(count, command, os.environ, url)
    take_signals(supervisor)
    try:
        async with contextlib.AsyncExitStack() as stack:
            if broker_url == "embedded://":
                valkey = EmbeddedValkey(max_bytes=embedded_bytes).kept(lambda: supervisor.stopping)
                os.environ[f"{PREFIX}BROKER_URL"] = await stack.enter_async_context(valkey)
            if broker_url == "memory://":
                reach = "a message reaches the clients of one worker only"
                logger.warning("%sBROKER_URL=memory://: %s; leave it unset, or name a Redis", PREFIX, reach)
            if watched is not None:
                await stack.enter_async_context(reloading(watched, partial(supervisor.told, signal.SIGHUP)))
                logger.info("open %s/ in a browser; a change in %s replaces the workers", url, watched)
            return await supervisor.run()
    except EmbeddedFailed as error:
        logger.critical("%s", error)
        return COULD_NOT_START[0]
    finally:
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)


def take_signals(supervisor: Supervisor) -> None:
    """Hand the signals of this process to `supervisor`, which takes them in the running event loop."""
    loop, terminal = asyncio.get_running_loop(), Terminal()

    # Not `loop.add_signal_handler`: when that loop is closed the default is in force for a moment, and kills.
    def tell(number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP and terminal.closed:
            if terminal.outlived:
                return
            number = signal.SIGTERM
        loop.call_soon_threadsafe(supervisor.told, number)

    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, tell)


class Terminal:
    """The terminal that this process was started on, if any: tells a closed terminal's SIGHUP from one that was sent.

    Make it at the start, before a handler for SIGHUP is in place.
    """

    def __init__(self) -> None:
        self._had = _is_there()
        self.outlived = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as `nohup` wants it

    @property
    def closed(self) -> bool:
        """Whether there was one, and is no more."""
        return self._had and not _is_there()


def _is_there() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
