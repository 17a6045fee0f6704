"""Spans for OpenTelemetry: `SERVER_TRACING=true`, and the extra `otel`.

Owns the two kinds there are. Each publish has a span, from its call until the broker has given it a number; it is
linked to the handshake of its sender, which has a span of its own, without a duration, whose parent is the one that
the request names (`traceparent`). A connection's life has none: it lasts for days, and what is not over is not
exported. Refuses to know where spans go: that is up to the provider, which `opentelemetry-instrument` sets.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from opentelemetry import propagate, trace
from opentelemetry.trace import Link, SpanContext, SpanKind, TracerProvider

from .connections.asgi import Scope
from .messages.history import Post


class Tracing:
    """Makes the spans. `provider` None: the one that is set for the process."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer("ebb", tracer_provider=provider)

    def handshake(self, scope: Scope) -> SpanContext:
        """Note that a handshake was admitted; return what its publishes are linked to."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        span = self._tracer.start_span(
            "handshake",
            context=propagate.extract(headers),
            kind=SpanKind.SERVER,
            attributes={"url.path": scope["path"]},
        )
        span.end()
        return span.get_span_context()

    async def publish(
        self, publish: Callable[[Post], Awaitable[int]], post: Post, handshake: SpanContext | None
    ) -> int:
        """Publish a post, and return its number. What `publish` raises is noted and raised."""
        links = [Link(handshake)] if handshake is not None else []
        with self._tracer.start_as_current_span("publish", kind=SpanKind.PRODUCER, links=links) as span:
            seq = await publish(post)
            span.set_attribute("ebb.seq", seq)
            if post.room is not None:
                span.set_attribute("ebb.room", post.room)
            return seq
