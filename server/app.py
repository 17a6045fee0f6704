"""The application: how the parts are put together, and the HTTP routes.

Owns the wiring, the lifespan and what HTTP answers. Refuses to know how any of the parts works.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel
from starlette.types import ASGIApp, Lifespan

from server.brokers.memory import MemoryBroker
from server.collector import tune_collector
from server.connection import Limits
from server.conversations import Heavy, Json, join_the_others
from server.core.drain_events import Phase
from server.heavy import HeavyPool
from server.hold import hold_shutdown, parent_grace_s, running_server, take_force, unless_stopped
from server.hub import Hub
from server.logs import set_up_logs
from server.metrics import LoopLag, Numbers
from server.settings import Settings, stop_budget
from server.sockets import RETRY_AFTER_S, Begin, Door, Sockets
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


def create_app(settings: Settings, lifespan: Lifespan[FastAPI] | None = None) -> FastAPI:
    """Build one server from its settings. `lifespan` is an application's own: entered before clients are served.

    Told to stop while `lifespan` is still starting, the server gives it up and is gone.
    """
    hub = Hub(MemoryBroker())
    shutdown = Shutdown(hub, settings.drain_terms)
    limits = Limits(
        settings.outbox_bytes, settings.inbox_messages, settings.max_message_bytes, settings.close_timeout_s
    )
    sockets, pool, lag = Sockets(hub, shutdown, limits), HeavyPool(), LoopLag()

    @contextlib.asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        set_up_logs(settings.log_level, settings.log_format)
        server = hold(shutdown, settings)
        async with contextlib.AsyncExitStack() as stack:
            if lifespan is not None:
                await unless_stopped(server, stack.enter_async_context(lifespan(app)))
            stack.callback(pool.kill)
            for task in (notify(hub, settings.notify_text, settings.notify_interval_s), lag.watch()):
                stack.callback(asyncio.create_task(task).cancel)
            if server is not None:
                tune_collector()
            yield

    app = FastAPI(title="Ebb", lifespan=life)
    app.state.hub, app.state.shutdown = hub, shutdown
    paths: dict[str, Begin] = {
        "/ws": partial(join_the_others, hub),
        "/ws/json": lambda connection, _: Json(connection),
        "/ws/heavy": lambda connection, _: Heavy(connection, pool),
        "/ws/{client_id}": partial(join_the_others, hub),
    }
    put_first(app, partial(Door, sockets=sockets, paths=paths))
    add_routes(app, shutdown)
    add_metrics(app, Numbers(hub, shutdown, sockets, lag))
    return app


def put_first(app: FastAPI, door: Callable[[ASGIApp], ASGIApp]) -> None:
    """Let `door` see connections before FastAPI does: a WebSocket that passes FastAPI's layers costs 1.3 kB more."""
    build = app.build_middleware_stack

    def build_behind_the_door() -> ASGIApp:
        return door(build())

    app.build_middleware_stack = build_behind_the_door  # type: ignore[method-assign]  # Starlette's hook


def hold(shutdown: Shutdown, settings: Settings) -> uvicorn.Server | None:
    """Make the server that runs us drain before it stops, where that can be done. Returns that server."""
    server = running_server()
    if server is None:
        if threading.current_thread() is threading.main_thread():  # a TestClient runs us in another thread
            logger.warning("this ASGI server gives no way to drain: when it stops, clients are cut off; uvicorn does")
        return None
    budget, needed_s = stop_budget(settings)
    logger.info("%s", budget)
    granted_s = parent_grace_s(server)
    if granted_s is not None and granted_s < needed_s:
        logger.warning("gunicorn kills after %g s, but %s; start it with --graceful-timeout", granted_s, budget)
    shutdown.told_to_stop = lambda: server.should_exit
    shutdown.take_force = lambda: take_force(server)
    hold_shutdown(server, shutdown.drain, lambda: logger.info("%s", shutdown.report()))
    return server


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
    async def health() -> dict[str, Any]:
        """Liveness: 200 while the process lives."""
        return {"status": "ok", "phase": shutdown.phase, "connections": shutdown.remaining}

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
