"""Holds the stop of whatever server runs us.

Owns the choice between the two ways to hold it (`uvicorn`, `signals`), and what is said of it at startup. Refuses to
know what is done while it is held.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ..logs import wait_until_written
from ..settings import DrainSettings, stop_budget
from .shutdown import Shutdown
from .signals import SignalHold, stops_by_signal

if TYPE_CHECKING:
    import uvicorn

logger = logging.getLogger("ebb")

# Seconds that the last line may take to be written.
WRITTEN_WITHIN_S = 0.5


def nothing() -> None:
    """Release nothing."""


def hold(
    shutdown: Shutdown, drain: Callable[[], Awaitable[None]], settings: DrainSettings
) -> tuple[uvicorn.Server | None, Callable[[], None]]:
    """Make the server that runs us await `drain` before it stops; a warning says so where none can be made to.

    Once, in the event loop that serves. Returns uvicorn's server, if it is that, and what lifespan shutdown must call.
    """

    def report() -> None:
        logger.info("%s", shutdown.report())
        wait_until_written(WRITTEN_WITHIN_S)

    if (server := _hold_uvicorn(shutdown, drain, report, settings)) is not None:
        return server, nothing
    if threading.current_thread() is not threading.main_thread():
        return None, nothing  # a TestClient runs us there
    if not stops_by_signal():
        logger.warning("this ASGI server gives no way to drain: when it stops, clients are cut off; uvicorn does")
        return None, nothing
    logger.info("%s", stop_budget(settings)[0])
    held = SignalHold(drain, report)
    shutdown.told_to_stop, shutdown.take_force = held.told_to_stop, held.take_force
    return None, held.release


def _hold_uvicorn(
    shutdown: Shutdown, drain: Callable[[], Awaitable[None]], report: Callable[[], None], settings: DrainSettings
) -> uvicorn.Server | None:
    if "uvicorn" not in sys.modules:  # then it does not run us, and may not be installed
        return None
    from .uvicorn import hold_shutdown, parent_grace_s, running_server, take_force

    if (server := running_server()) is None:
        return None
    budget, needed_s = stop_budget(settings)
    if not shutdown.worker:  # else the parent has said so
        logger.info("%s", budget)
    granted_s = parent_grace_s(server)
    if granted_s is not None and granted_s < needed_s:
        logger.warning("gunicorn kills after %g s, but %s; start it with --graceful-timeout", granted_s, budget)
    shutdown.told_to_stop = lambda: server.should_exit
    shutdown.take_force = lambda: take_force(server)
    hold_shutdown(server, drain, report)
    return server
