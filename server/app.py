"""The application: how the parts are put together, and the HTTP routes.

Owns the wiring, the lifespan and what HTTP answers. Refuses to know how any of the parts works.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel

from server.brokers.memory import MemoryBroker
from server.connection import Limits
from server.core.drain_events import Phase
from server.hold import hold_shutdown, running_server
from server.hub import Hub
from server.logs import set_up_logs
from server.metrics import Numbers
from server.settings import Settings
from server.sockets import RETRY_AFTER_S, Door, Sockets
from server.stop import Shutdown

logger = logging.getLogger("ebb")

PAGE = Path(__file__).with_name("page.html")


class Broadcast(BaseModel):
    """The body of `POST /broadcast`: anything JSON can hold."""

    data: Any


def hub_of(request: Request) -> Hub:
    """Give application code the hub: `hub: Publisher` in any route, then `await hub.publish(data)`."""
    hub: Hub = request.app.state.hub
    return hub


Publisher = Annotated[Hub, Depends(hub_of)]


def create_app(settings: Settings) -> FastAPI:
    """Build one server from its settings. Serves with `uvicorn server.main:app`."""
    hub = Hub(MemoryBroker())
    shutdown = Shutdown(hub, settings.drain_terms)
    limits = Limits(
        settings.outbox_bytes, settings.inbox_messages, settings.max_message_bytes, settings.close_timeout_s
    )
    sockets = Sockets(hub, shutdown, limits)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        set_up_logs(settings.log_level)
        hold(shutdown)
        notifier = asyncio.create_task(notify(hub, settings.notify_text, settings.notify_interval_s))
        yield
        notifier.cancel()

    app = FastAPI(title="Ebb", lifespan=lifespan)
    app.state.hub = hub
    app.add_middleware(Door, sockets=sockets)
    add_routes(app, shutdown)
    add_metrics(app, Numbers(hub, shutdown, sockets))
    return app


def hold(shutdown: Shutdown) -> None:
    """Make the server that runs us drain before it stops, where that can be done."""
    server = running_server()
    if server is None:
        logger.warning("this is no uvicorn that can be held: clients will not be drained when it stops")
        return
    shutdown.told_to_stop = lambda: server.should_exit
    shutdown.forced = lambda: server.force_exit
    hold_shutdown(server, shutdown.drain)


async def notify(hub: Hub, text: str, interval_s: float) -> None:
    """Broadcast `text` every `interval_s` seconds; never, if that is 0."""
    while interval_s > 0:
        await asyncio.sleep(interval_s)
        await hub.publish(text)


def add_routes(app: FastAPI, shutdown: Shutdown) -> None:
    """Add what HTTP answers."""

    @app.get("/")
    async def page() -> FileResponse:
        """The page: connect, send, watch, see the drain coming."""
        return FileResponse(PAGE, media_type="text/html")

    @app.get("/health")
    async def health(hub: Publisher) -> dict[str, Any]:
        """Liveness: 200 while the process lives."""
        return {"status": "ok", "phase": shutdown.phase, "connections": len(hub.connections)}

    @app.get("/ready")
    async def ready() -> JSONResponse:
        """Readiness: 200 while serving, 503 from the signal on."""
        if shutdown.phase is Phase.SERVING:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "draining"}, 503, {"Retry-After": str(RETRY_AFTER_S)})

    @app.post("/broadcast", status_code=202)
    async def broadcast(message: Broadcast, hub: Publisher) -> dict[str, int]:
        """Send `data` to every client; plain clients get text as it is, and anything else as JSON text."""
        return {"seq": await hub.publish(message.data)}


def add_metrics(app: FastAPI, numbers: Numbers) -> None:
    """Add `GET /metrics` in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(numbers)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
