"""What HTTP answers.

Owns the routes and their bodies. Application code publishes in the same way as they do: through `Publisher`. Refuses to
know how the parts are put together.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import to_json
from starlette.types import Message, Receive, Scope

from ..access.identity import Identity
from ..brokers.broker import BrokerUnavailable
from ..connections.refusal import RETRY_AFTER_S
from ..drain.events import Phase
from ..drain.shutdown import Shutdown
from ..hub import Hub
from ..limits.tally import LimitReason, Tally
from ..messages.history import TooLarge
from ..messages.keys import key_of
from ..messages.names import complaint_about
from ..messages.wire import Room
from ..metrics.siblings import Siblings
from .post_rates import PostRates, rated

AGAIN = {"Retry-After": str(RETRY_AFTER_S)}


class Broadcast(BaseModel):
    """What is published over HTTP: anything JSON can hold. What has the same `id` is published once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"data": {"text": "hello"}, "id": "order-17"}]})

    data: Any
    id: str | None = Field(None, min_length=1, max_length=200)

    @field_validator("data")
    @classmethod
    def _can_be_sent(cls, data: Any) -> Any:
        """Refuse lone surrogates and deep nesting, which cannot be sent on. FastAPI's own answer would repeat them."""
        try:
            to_json(data)
        except ValueError as error:
            raise HTTPException(422, f"data: {error}") from None
        return data

    def key(self, route: str, speaker: str | None) -> str | None:
        """The id as a key: of one route, and whoever speaks over HTTP, which is nobody who has connected."""
        return None if self.id is None else key_of(f"/{speaker or ''}", route, self.id)


class Published(BaseModel):
    """The message has its place in the log."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"seq": 8}]})

    seq: int


class Health(BaseModel):
    """The process lives."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok", "phase": "serving", "connections": 3}]})

    status: Literal["ok"]
    phase: Phase
    connections: int


class Readiness(BaseModel):
    """Whether new clients should be sent here."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ready"}]})

    status: Literal["ready", "draining", "broker unavailable"]


class Problem(BaseModel):
    """Why a request was not carried out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"detail": "body of 2097152 bytes, limit 1048576"}]})

    detail: str


class Invalid(BaseModel):
    """What is wrong with a name or with the data, in words; or with each part of the request."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"detail": "room of 199 bytes, limit 128"}]})

    detail: str | list[dict[str, Any]]


LATER = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
PUBLISHING: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is no JSON in UTF-8."},
    401: {"model": Problem, "description": "A token is needed, or this one is worth nothing."},
    403: {"model": Problem, "description": "Not open to whoever asks, or to a page of another site."},
    422: {
        "model": Invalid,
        "description": "A name is too long or has control characters, or the body is wrong.",
    },
    413: {
        "model": Problem,
        "description": "The body is over `SERVER_MAX_BODY_BYTES`, or `data` over `SERVER_MAX_PUBLISH_BYTES`.",
    },
    429: {
        "model": Problem,
        "description": "Published too fast, or too many wrong tokens were shown.",
        "headers": LATER,
    },
    503: {"model": Problem, "description": "The broker is away; it may be published nevertheless.", "headers": LATER},
}
NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"model": Readiness, "description": "It drains, or its broker is away.", "headers": LATER}
}


async def hub_of(request: Request) -> Hub:
    """Give application code the hub: `hub: Publisher` in any route, then `await hub.publish(data)`."""
    hub: Hub = request.app.state.hub
    return hub


Publisher = Annotated[Hub, Depends(hub_of)]


async def identity_of(request: Request) -> Identity:
    """Who asks."""
    identity: Identity = request.scope["identity"]
    return identity


Asker = Annotated[Identity, Depends(identity_of)]


def bounded(scope: Scope, receive: Receive, limit_bytes: int, tally: Tally) -> Receive:
    """Wrap the `receive` of an HTTP request: one whose body is over the limit is answered with 413 as it streams in."""
    declared = next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)
    received = 0

    def too_large(actual: str) -> HTTPException:
        detail = f"body of {actual} bytes, limit {limit_bytes}"
        tally.add(LimitReason.SIZE, scope["path"], detail)
        return HTTPException(413, detail, {"Connection": "close"})  # the rest of the body may be on its way

    async def receive_bounded() -> Message:
        nonlocal received
        if declared > limit_bytes:
            raise too_large(f"{declared}")
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit_bytes:
            raise too_large(f"at least {received}")
        return message

    return receive_bounded


def check_name(what: str, name: str, limit_bytes: int) -> None:
    """Raise HTTPException (422) for a name that nobody can have."""
    if (complaint := complaint_about(what, name, limit_bytes)) is not None:
        raise HTTPException(422, complaint)


def add_routes(app: FastAPI, shutdown: Shutdown, name_bytes: int, tally: Tally, rates: PostRates) -> None:
    """Add what HTTP answers; a name has `name_bytes` at most, and who publishes keeps to `rates`."""

    @app.get("/health")
    async def health() -> Health:
        """Liveness: 200 while the process lives."""
        return Health(status="ok", phase=shutdown.phase, connections=shutdown.remaining)

    @app.get("/ready", response_model=Readiness, responses=NOT_READY)
    async def ready(hub: Publisher) -> JSONResponse:
        """Readiness: 200 while serving, 503 from the signal on, and while the broker does not answer."""
        if shutdown.phase is not Phase.SERVING:
            return JSONResponse({"status": "draining"}, 503, AGAIN)
        if not hub.broker.available:
            return JSONResponse({"status": "broker unavailable"}, 503, AGAIN)
        return JSONResponse({"status": "ready"})

    async def broadcast(message: Broadcast, hub: Publisher, asker: Asker) -> Published:
        """Send `data` to every client; plain clients get text as it is, and anything else as JSON text."""
        speaker = asker.speaker
        return Published(seq=await hub.publish(message.data, speaker=speaker, key=message.key("broadcast", speaker)))

    async def tell_room(room: Room, message: Broadcast, hub: Publisher, asker: Asker) -> Published:
        """Send `data` to everyone in a room, wherever they are connected."""
        check_name("room", room, name_bytes)
        if not asker.may_enter(room):
            raise HTTPException(403, f"the room {room!r} is not open to you")
        speaker = asker.speaker
        key = message.key(f"rooms/{room}", speaker)
        return Published(seq=await hub.publish(message.data, room=room, speaker=speaker, key=key))

    async def tell_client(client_id: str, message: Broadcast, hub: Publisher, asker: Asker) -> Published:
        """Send `data` to one client, wherever it is connected; one that is away gets it when it resumes."""
        check_name("client id", client_id, name_bytes)
        speaker = asker.speaker
        key = message.key(f"clients/{client_id}", speaker)
        return Published(seq=await hub.publish(message.data, to=client_id, speaker=speaker, key=key))

    publishing = partial(
        app.router.add_api_route,
        methods=["POST"],
        status_code=202,
        responses=PUBLISHING,
        route_class_override=rated(rates),
    )
    publishing("/broadcast", broadcast)
    publishing("/rooms/{room}/messages", tell_room)
    publishing("/clients/{client_id}/messages", tell_client)

    @app.exception_handler(TooLarge)
    async def say_too_large(request: Request, error: TooLarge) -> JSONResponse:
        tally.add(LimitReason.SIZE, request.url.path, str(error))
        return JSONResponse({"detail": str(error)}, 413)

    @app.exception_handler(BrokerUnavailable)
    async def say_unavailable(_: Request, error: BrokerUnavailable) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 503, AGAIN)


def add_metrics(app: FastAPI, siblings: Siblings) -> None:
    """Add `GET /metrics` in Prometheus' text format: the numbers of every process of this port."""

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """The numbers of every process of this port, in the text format of Prometheus."""
        return Response(await siblings.exposition(), media_type=CONTENT_TYPE_LATEST)
