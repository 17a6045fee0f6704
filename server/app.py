"""The application: how the parts are put together.

Owns the wiring and the lifespan. Refuses to know how any of the parts works.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from .access.configured import gate_of, serves_strangers
from .access.gate import Authorize, Gate
from .access.identity import Identity
from .brokers import broker_of
from .brokers.broker import Broker, BrokerFailed, BrokerUnavailable
from .certificate import bound_handshakes
from .connections.address_limits import AddressLimits
from .connections.admission import Admission, Endpoint
from .connections.terms import Limits
from .drain.events import Phase
from .drain.hold import hold
from .drain.shutdown import Shutdown
from .drain.uvicorn import bound_address, unless_stopped, workers_of
from .endpoints.authentication import WrongTokens, pass_gate
from .endpoints.broadcast import broadcast_handler
from .endpoints.docs import add_docs
from .endpoints.heavy import Heavy, HeavyPool
from .endpoints.http import add_metrics, add_routes, bounded
from .endpoints.json import Json
from .endpoints.post_rates import PostRates
from .endpoints.session import begin_session, session_check
from .hub import Hub
from .limits.descriptors import Descriptors
from .limits.meters import Meters
from .limits.tally import Tally
from .logs import set_up_logs
from .messages.history import History
from .messages.keys import key_of
from .metrics.numbers import LoopLag, Numbers
from .metrics.siblings import Siblings
from .page import add_page
from .protocol.install import install
from .sessions.registry import Sessions
from .settings import PREFIX, Settings

if TYPE_CHECKING:
    from .tracing import Tracing

logger = logging.getLogger("ebb")

# Measured at 10,000 clients: handshakes 1.7 times as fast. Each connection adds some hundred objects that live long,
# and by default every 700 of them set off a collection that looks at all the others again.
COLLECTOR_THRESHOLDS = (50_000, 20, 100)

REMEDY = f"set {PREFIX}BROKER_URL=redis://HOST, or start python -m {__package__} --workers N"


class Application(FastAPI):
    """FastAPI, but a WebSocket goes to `admission` first: one that passes FastAPI's layers costs 1.3 kB more."""

    admission: ASGIApp
    gate: Gate
    wrong_tokens: WrongTokens
    max_body_bytes: int
    limited: Tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        serve = self.admission if scope["type"] == "websocket" else self.serve_http
        await serve(scope, receive, send)

    async def serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let FastAPI serve it, once the gate has let it in."""
        if scope["type"] == "http":
            if (refusal := await pass_gate(self.gate, self.wrong_tokens, scope)) is not None:
                await refusal(scope, receive, send)
                return
            receive = bounded(scope, receive, self.max_body_bytes, self.limited)
        await super().__call__(scope, receive, send)


def create_app(
    settings: Settings, lifespan: Lifespan[FastAPI] | None = None, authorize: Authorize | None = None
) -> FastAPI:
    """Build one server from its settings. `lifespan` is an application's own: entered before clients are served.

    `authorize` is one, too: it is awaited with the scope of each request and each handshake, and says who that is; None
    refuses it with 401.

    A server that is told to stop while `lifespan` is still starting gives that up and ends. A wrong broker URL ends the
    process with status 1 and one line.
    """
    try:
        share = settings.history_share_percent / 100
        kept = (settings.history_messages, settings.keys_per_name, settings.history_bytes, share)
        broker = broker_of(settings.broker_url, *kept, settings.embedded_bytes)
    except ValueError as error:
        raise SystemExit(f"{PREFIX}BROKER_URL: {error}") from None
    hub = Hub(broker, History(settings.history_messages, settings.history_bytes, share), settings.max_publish_bytes)
    if settings.tracing:
        hub.tracing = tracing()
    shutdown = Shutdown(hub, settings.drain_terms, settings.worker)
    gate = gate_of(settings, authorize)
    limited = Tally()
    addresses = AddressLimits(settings.addresses, settings.proxies, limited)
    wrong_tokens = WrongTokens(settings.handshakes, addresses, limited)
    meters, posts, telling = meters_of(settings, hub, shutdown, addresses, wrong_tokens)
    limits = Limits(
        *(settings.outbox_bytes, settings.inbox_messages, settings.max_message_bytes, settings.close_timeout_s),
        meters,
        settings.max_name_bytes,
        limited,
    )
    pool, lag = HeavyPool(), LoopLag()
    sessions = Sessions(hub.broker, settings.session_ttl_s, settings.idle_timeout_s, settings.max_sessions)

    @contextlib.asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        set_up_logs(settings.log_level, settings.log_format)
        server, release = hold(shutdown, shutdown.drain, settings)
        if server is not None:
            stop_if_it_serves_strangers(server, settings, gate)
            warn_of_workers(server, hub)
            if settings.protocol == "ebb":
                install(server.config, settings.bounds, limited.add)
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(release)
            descriptors = Descriptors(settings.reserved_descriptors, limited)
            stack.callback(descriptors.close)
            if server is not None:
                descriptors.guard(server.config)
                descriptors.calm(asyncio.get_running_loop())
                bound_handshakes(asyncio.get_running_loop(), settings.head_timeout_s, limited.add)
            stack.push_async_callback(hub.broker.close)
            await unless_stopped(server, reach(hub.broker, server))
            await stack.enter_async_context(siblings.serving())
            await stack.enter_async_context(sessions.serving())
            await stack.enter_async_context(telling)
            if lifespan is not None:
                await unless_stopped(server, stack.enter_async_context(lifespan(app)))
            stack.push_async_callback(pool.end)
            notifying = notify(hub, settings.notify_text, settings.notify_interval_s)
            for task in (notifying, lag.watch(), gate.expiry.run(), descriptors.watch()):
                stack.callback(asyncio.create_task(task).cancel)
            if server is not None:
                tune_collector()
                stack.callback(gc.freeze)  # measured: 0.2 s less to end where 10,000 clients were
            yield

    app = Application(title="Ebb", lifespan=life, docs_url=None, redoc_url=None)
    app.state.hub, app.state.shutdown = hub, shutdown
    app.max_body_bytes, app.limited = settings.max_body_bytes, limited
    broadcast = Endpoint(partial(broadcast_handler, hub, gate), holder=hub.holder)
    paths = {
        "/ws": broadcast,
        "/ws/json": Endpoint(lambda connection, _: Json(connection)),
        "/ws/heavy": Endpoint(lambda connection, _: Heavy(connection, pool)),
        "/ws/session/{client_id}": Endpoint(
            *(partial(begin_session, hub, sessions), Identity.may_open, "session id", sessions.holder),
            session_check(sessions),
        ),
        "/ws/{client_id}": broadcast,
    }
    app.gate, app.wrong_tokens = gate, wrong_tokens
    app.admission = admission = Admission(
        *(hub, shutdown, limits, paths, app.serve_http),
        gate=gate,
        most=settings.most_connections,
        addresses=addresses,
    )
    add_routes(app, shutdown, settings.max_name_bytes, limited, PostRates(posts, addresses, limited))
    siblings = Siblings(Numbers(hub, shutdown, admission, lag, limited), settings.metrics_folder)
    add_metrics(app, siblings)
    add_docs(app)
    add_page(app, settings.place_urls, gate.guarded)
    return app


def meters_of(
    settings: Settings, hub: Hub, shutdown: Shutdown, addresses: AddressLimits, wrong_tokens: WrongTokens
) -> tuple[Meters | None, Meters | None, AbstractAsyncContextManager[None]]:
    """How fast each client may send, on a WebSocket and over HTTP, where that is limited; and what runs meanwhile.

    Limits hold for all processes that share a broker.
    """
    rates = [each if each.limit_anything else None for each in (settings.rates, settings.post_rates)]
    if not hub.broker.shared:
        meters, posts = (None if each is None else Meters(each) for each in rates)
        return meters, posts, contextlib.nullcontext()
    from .limits.service import Service, SharedAddresses, SharedRates
    from .limits.shared_connections import SharedConnections

    service = Service(settings.broker_url)
    addresses.tell = SharedAddresses(service, "handshakes", settings.handshakes, addresses.empty).add
    wrong_tokens.tell = SharedAddresses(service, "tokens", settings.handshakes, wrong_tokens.empty).add
    meters, posts = (None if each is None else Meters(each, SharedRates(service, each).meter) for each in rates)
    runs = [service.serving()]
    if most := addresses.addresses.most:
        connections = SharedConnections(service, hub.process, most, lambda: shutdown.phase is Phase.SERVING)
        addresses.here, addresses.addresses.elsewhere = connections.here, connections.elsewhere
        runs.append(connections.serving())
    return meters, posts, together(runs)


@contextlib.asynccontextmanager
async def together(runs: Iterable[AbstractAsyncContextManager[None]]) -> AsyncIterator[None]:
    """All of them at once."""
    async with contextlib.AsyncExitStack() as stack:
        for each in runs:
            await stack.enter_async_context(each)
        yield


def tracing() -> Tracing:
    """Make the spans of OpenTelemetry; without it the process ends with status 1 and one line."""
    if find_spec("opentelemetry") is None:
        raise SystemExit(f"{PREFIX}TRACING needs opentelemetry-api: pip install 'ebb-ws[otel]'")
    from .tracing import Tracing

    return Tracing()


def stop_if_it_serves_strangers(server: uvicorn.Server, settings: Settings, gate: Gate) -> None:
    """End the server, with one line, where it would serve everybody who can reach it and nobody has permitted that."""
    host = bound_address(server)
    if host is not None and (complaint := serves_strangers(host, settings, gate.guarded)):
        logger.error("%s", complaint)
        server.should_exit = True  # by then nobody is admitted, though uvicorn listens for a moment


def warn_of_workers(server: uvicorn.Server, hub: Hub) -> None:
    """Say so where uvicorn's or gunicorn's own workers share no broker."""
    if (workers := workers_of(server)) > 1 and not hub.broker.shared:
        logger.warning("%s", f"{workers} workers, and what one is told the others' clients do not hear: {REMEDY}")


async def reach(broker: Broker, server: uvicorn.Server | None) -> None:
    """Wait for the broker; one that can never be reached ends the server, with one line."""
    try:
        await broker.start()
    except BrokerFailed as error:
        if server is None:
            raise
        logger.error("%s", error)
        server.should_exit = True


async def notify(hub: Hub, text: str, interval_s: float) -> None:
    """Broadcast `text` every `interval_s` seconds, 0 for never: one of the processes that share a broker does."""
    while interval_s > 0:
        await asyncio.sleep(interval_s)
        turn = key_of("/", "notify", f"{time.time() // interval_s:.0f}") if hub.broker.shared else None
        with contextlib.suppress(BrokerUnavailable):
            await hub.publish(text, key=turn)


def tune_collector() -> None:
    """Collect no more what is there once startup is complete, and seldom what comes after. For the whole process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
